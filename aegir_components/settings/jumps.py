"""The machine that ssh goes through on its way to servers: a bastion, or a server of the stack."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aegir_components.messages import numbered

from . import names
from .reader import Node

if TYPE_CHECKING:
    from . import model

NONE: Final = "none"
_TEXT: Final = re.compile(
    r"(?:([A-Za-z_][A-Za-z0-9_.-]*)@)?([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-fA-F:]+\])(?::([0-9]{1,5}))?"
)
_USER: Final = names.matching(r"[A-Za-z_][A-Za-z0-9_.-]*", 32, "the name of a Linux user, such as root")


@dataclass(frozen=True, kw_only=True, slots=True)
class Jump:
    """How it is logged in to; its host key is pinned as a server's is."""

    address: str
    name: str = ""
    """Of the server that it is; empty for a machine that is not in the stack."""
    user: str = "root"
    port: int = 22
    identity: str = ""
    host_key: str = ""
    known_hosts: str = ""
    trust: str = "pinned"


def read(node: Node, *, identity: str, known_hosts: str | None) -> Jump | None:
    """Read ``ssh.jump``: ``none``, a server's name, ``user@host:port``, or a mapping.

    Args:
        node: the setting.
        identity: the hub's private key file.
        known_hosts: the hub's file of host keys.
    """
    node.also()
    if not node.given or node.value == NONE:
        return None
    if isinstance(node.value, Mapping):
        if not node.check_keys():
            return None
        if not node.child("address").given:
            node.child("address").fault(
                numbered(1013, "missing; write the name or IP address of the machine that ssh goes through")
            )
        return Jump(
            address=node.child("address").text("", names.address_or_name),
            user=node.child("user").text("root", _USER),
            port=node.child("port").number(22, 1, 65535),
            identity=node.child("identity").text(identity, names.absolute_path),
            host_key=node.child("host_key").text("", names.host_key),
            known_hosts=known_hosts or "",
        )
    match = _TEXT.fullmatch(str(node.value))
    if match is None or not 1 <= int(match[3] or 22) <= 65535:
        node.fault(
            numbered(
                1005,
                f"must be none, the name of a server, user@host:port or a mapping with address, not {node.describe()}",
            )
        )
        return None
    plain = not match[1] and not match[3]
    return Jump(
        address=match[2].strip("[]"),
        name=match[2] if plain else "",
        user=match[1] or "root",
        port=int(match[3] or 22),
        identity=identity,
        known_hosts=known_hosts or "",
    )


def settle(node: Node, servers: dict[str, model.Server]) -> None:
    """Fill in what the stack says of jumps that are servers of it, and see that every host key on the way is pinned.

    Args:
        node: ``aegir:servers``.
        servers: those that were read; servers with a jump are replaced in it.
    """
    used: set[str] = {server.ssh.jump.name for server in servers.values() if server.ssh and server.ssh.jump}
    for name, server in list(servers.items()):
        if server.ssh is None or server.ssh.jump is None:
            continue
        here, jump = node.child(name).child("ssh"), server.ssh.jump
        if name in used & servers.keys():
            if here.child("jump").given and jump.name != name:
                here.child("jump").fault(
                    numbered(
                        1113, "others are reached through this server, so it has to be reached directly; write none"
                    )
                )
            # The default for all servers is not for the one that it names.
            servers[name] = replace(server, ssh=replace(server.ssh, jump=None))
            continue
        servers[name] = replace(server, ssh=replace(server.ssh, jump=_of_server(jump, servers)))
        _need_keys(here, server.ssh, jump, servers)


def _of_server(jump: Jump, servers: Mapping[str, model.Server]) -> Jump:
    server = servers.get(jump.name)
    if server is None or server.ssh is None:
        return replace(jump, name="")
    ssh = server.ssh
    return Jump(
        address=server.address, name=jump.name, user=ssh.user, port=ssh.port, identity=ssh.identity,
        host_key=ssh.host_key or "", known_hosts=ssh.known_hosts or "", trust=ssh.trust,
    )  # fmt: skip


def _need_keys(here: Node, ssh: model.ServerSsh, jump: Jump, servers: Collection[str]) -> None:
    if jump.name not in servers and not jump.host_key and not jump.known_hosts:
        here.child("jump").fault(
            numbered(
                1111,
                "its host key is not pinned: write a mapping with host_key, or set aegir:hub.ssh.known_hosts to a file "
                "that has it",
            )
        )
    if ssh.trust == "first-use":
        here.child("trust").fault(
            numbered(1112, "must be pinned: a machine behind another one cannot be asked for its key first")
        )
    elif (ssh.host_key or "").startswith("SHA256:"):
        here.child("host_key").fault(
            numbered(
                1112,
                "must be the whole public key (on the server: cat /etc/ssh/ssh_host_ed25519_key.pub): a machine behind "
                "another one cannot be asked for the key of a fingerprint",
            )
        )
