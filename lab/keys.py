"""The lab's ssh keys: one to log in with, one for each host, all made on the hub beforehand.

A host's key is put into it before its sshd first answers, so that it can be pinned from the start.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import shutil
import stat
from collections.abc import Mapping

from aegir_components.hub import files

from . import engine


@dataclasses.dataclass(frozen=True, slots=True)
class KeyRing:
    """The key files below a lab's directory."""

    directory: pathlib.Path

    @property
    def identity(self) -> pathlib.Path:
        """The private key that all hosts let in."""
        return self.directory / "id_ed25519"

    @property
    def known_hosts(self) -> pathlib.Path:
        """The hosts' public keys, under their names and addresses."""
        return self.directory / "known_hosts"

    def authorized(self) -> str:
        """Give the public half of the identity, making the pair when it is not there."""
        return _public_half(self.identity, "aegir-lab")

    def host_key(self, name: str) -> pathlib.Path:
        """Name the file of a host's private key."""
        return self.directory / "host-keys" / name

    def host_public(self, name: str) -> str:
        """Give a host's public key as `ssh-ed25519 AAAA...`, making the pair when it is not there."""
        return " ".join(_public_half(self.host_key(name), name).split()[:2])

    def write_known_hosts(self, hosts: Mapping[str, tuple[str, str]]) -> None:
        """Pin the hosts: `hosts` maps a short name to the full name and the address."""
        lines = [
            f"{address},{name},{fqdn} {self.host_public(name)}\n" for name, (fqdn, address) in sorted(hosts.items())
        ]
        files.replace(self.known_hosts, "".join(lines), mode=0o600)

    def close_sockets(self) -> None:
        """End the ssh masters whose control sockets lie below the directory."""
        for path in self.directory.rglob("*"):
            with contextlib.suppress(OSError):
                if stat.S_ISSOCK(path.lstat().st_mode):
                    engine.run(["ssh", "-O", "exit", "-o", f"ControlPath={path}", "lab"], check=False, timeout=10)

    def remove(self) -> None:
        """Leave nothing of the lab on the hub."""
        if self.directory.exists():
            self.close_sockets()
            shutil.rmtree(self.directory)


def _public_half(private: pathlib.Path, comment: str) -> str:
    public = private.with_name(private.name + ".pub")
    if not (private.exists() and public.exists()):
        # A run that was killed between the two files left half a pair.
        private.unlink(missing_ok=True)
        public.unlink(missing_ok=True)
        private.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = private.with_name(f"{private.name}.new")
        for leftover in (fresh, fresh.with_name(fresh.name + ".pub")):
            leftover.unlink(missing_ok=True)
        engine.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(fresh)])
        fresh.with_name(fresh.name + ".pub").rename(public)
        fresh.rename(private)
    return public.read_text().strip()
