"""Pinned host keys: one known_hosts file a machine, under the hub root (docs/decisions, decision 7).

A key comes from the stack file (``ssh.host_key``), or else from a known_hosts file of the user
(``hub.ssh.known_hosts``). The last source is a first contact that the stack file allows (``ssh.trust: first-use``),
which is then recorded. A changed key is always rejected.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import subprocess
from pathlib import Path

from aegir_components.hub import files
from aegir_components.hub.environment import without_pulumis
from aegir_components.messages import numbered

from .connection import Connection
from .errors import HostKeyChanged, HostKeyUnknown, HostUnreachable

SCAN_TIMEOUT = 15
"""Seconds that ssh-keyscan may take."""


def fingerprint(key: str) -> str:
    """Give the SHA256 fingerprint of a public key line, as ``ssh-keygen -l`` writes it.

    Raises:
        ValueError: the line is not a public key.
    """
    parts = key.split()
    if len(parts) < 2:
        raise ValueError("a public key has a type and a body")
    try:
        body = base64.b64decode(parts[1], validate=True)
    except binascii.Error as fault:
        raise ValueError("the body of the public key is not base64") from fault
    return "SHA256:" + base64.b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")


def record_path(conn: Connection) -> Path:
    """Name the file that holds the pinned key of one machine."""
    return Path(conn.hub_root) / ".ssh" / "hosts" / conn.host


def pinned_file(conn: Connection) -> Path:
    """Give the known_hosts file for one machine, after writing into it what the stack file says.

    Raises:
        HostKeyChanged: the machine's key has not the declared fingerprint.
        HostKeyUnknown: nothing says which key the machine has.
        HostUnreachable: the key is to be read from the machine, and it does not answer.
    """
    path = record_path(conn)
    keys = _wanted(conn, path)
    text = "".join(f"{conn.host} {key}\n" for key in keys)
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(path, text, mode=0o600)
    return path


def pinned_keys(conn: Connection) -> list[str]:
    """Give the pinned keys of a machine, as ``type body``, from the record after it was brought up to date.

    Raises:
        HostError: as ``pinned_file``.
    """
    return _recorded(pinned_file(conn))


def _wanted(conn: Connection, record: Path) -> list[str]:
    if conn.host_key and not conn.host_key.startswith("SHA256:"):
        return [" ".join(conn.host_key.split()[:2])]
    recorded = _recorded(record)
    if conn.host_key:
        matching = [key for key in recorded if fingerprint(key) == conn.host_key]
        return matching or [_scanned_with(conn, conn.host_key)]
    if conn.known_hosts:
        found = _looked_up(conn)
        if found:
            return found
    if conn.trust == "first-use":
        return recorded or scan(conn)[:1]
    raise HostKeyUnknown(
        conn.host,
        numbered(
            4022,
            f"no host key is pinned for this machine{f' in {conn.known_hosts}' if conn.known_hosts else ''}. Read it on "
            f"the machine's own console (cat /etc/ssh/ssh_host_ed25519_key.pub) and write it into the stack file "
            f"(ssh.host_key), or set ssh.trust to first-use",
        ),
    )


def _recorded(record: Path) -> list[str]:
    if not record.exists():
        return []
    return [" ".join(line.split()[1:3]) for line in record.read_text().splitlines() if line.strip()]


def _looked_up(conn: Connection) -> list[str]:
    names = [conn.address, conn.host]
    if conn.port != 22:
        names = [f"[{name}]:{conn.port}" for name in names]
    for name in dict.fromkeys(names):
        found = subprocess.run(
            ["ssh-keygen", "-F", name, "-f", conn.known_hosts],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            env=without_pulumis(),
        ).stdout
        keys = [" ".join(line.split()[1:3]) for line in found.splitlines() if line.strip() and not line.startswith("#")]
        if keys:
            return keys
    return []


def scan(conn: Connection) -> list[str]:
    """Read the keys that a machine shows now, ed25519 first.

    Raises:
        HostUnreachable: it shows none.
    """
    answer = subprocess.run(
        ["ssh-keyscan", "-T", "10", "-p", str(conn.port), "-t", "ed25519,ecdsa,rsa", conn.address],
        capture_output=True, text=True, timeout=SCAN_TIMEOUT, check=False,
        env=without_pulumis(),
    )  # fmt: skip
    keys = [" ".join(line.split()[1:3]) for line in answer.stdout.splitlines() if line and not line.startswith("#")]
    order = ("ssh-ed25519", "ecdsa-", "ssh-rsa")
    keys.sort(key=lambda key: next((rank for rank, kind in enumerate(order) if key.startswith(kind)), len(order)))
    if not keys:
        raise HostUnreachable(
            conn.host,
            numbered(
                4023,
                f"no host key could be read from {conn.address} port {conn.port}: the machine or its sshd does not "
                f"answer ({answer.stderr.strip()[-200:] or 'no reason given'})",
            ),
        )
    return keys


def _scanned_with(conn: Connection, wanted: str) -> str:
    shown = scan(conn)
    for key in shown:
        if fingerprint(key) == wanted:
            return key
    raise changed(conn, wanted, shown)


def changed(conn: Connection, wanted: str, shown: list[str]) -> HostKeyChanged:
    """Say that a machine shows other keys than the pinned one, with both fingerprints."""
    seen = ", ".join(fingerprint(key) for key in shown) or "no key"
    return HostKeyChanged(
        conn.host,
        numbered(
            4020,
            f"the host key has changed: pinned {wanted}, the machine shows {seen}. Nothing was sent. If the machine was "
            f"reinstalled, put its new key into the stack file; otherwise somebody may be between the hub and it",
        ),
    )


def explain_change(conn: Connection) -> HostKeyChanged:
    """Say which key was pinned and which one the machine shows, after ssh refused it."""
    pinned = ", ".join(fingerprint(key) for key in _recorded(record_path(conn))) or "no key"
    try:
        # Through another machine only ssh itself gets there, which shows no key that it does not trust.
        shown = [] if conn.jump else scan(conn)
    except (HostUnreachable, subprocess.TimeoutExpired):
        shown = []
    return changed(conn, pinned, shown)
