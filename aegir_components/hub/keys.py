"""The hub's own key pair: made once when none is given (the handbook's section 1.7)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from aegir_components import settings
from aegir_components.messages import numbered

from .environment import without_pulumis


def public_key(hub: settings.Hub) -> str:
    """Give the hub's public key, without its comment.

    The pair is made when it is not there and lies at its default place under the hub root.

    Raises:
        settings.SettingsError: a declared key is missing or cannot be read.
    """
    identity = Path(hub.ssh.identity)
    try:
        if not identity.exists() and identity == Path(hub.root) / ".ssh" / "id_ed25519":
            identity.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "aegir hub", "-f", str(identity)]
            subprocess.run(command, check=True, capture_output=True, timeout=30, env=without_pulumis())
        shown = subprocess.run(
            ["ssh-keygen", "-y", "-P", "", "-f", str(identity)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env=without_pulumis(),
        )
    except (OSError, subprocess.SubprocessError) as fault:
        raise settings.SettingsError(
            [numbered(4031, f"aegir:hub.ssh.identity: {str(identity)!r} cannot be used: {fault}")]
        ) from None
    if shown.returncode != 0:
        raise settings.SettingsError(
            [
                numbered(
                    4031,
                    f"aegir:hub.ssh.identity: {str(identity)!r} cannot be used: {shown.stderr.strip()[-200:]}; "
                    "name a private key without a passphrase, readable by this user only",
                )
            ]
        )
    return " ".join(shown.stdout.split()[:2])
