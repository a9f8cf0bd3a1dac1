"""What a team does beside us on its servers: pulumi-command, with our connection and our pinned host key.

Nothing here is imported by a stack without ``commands:``, for the engine waits for a plugin when its SDK is loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pulumi
from pulumi_command import remote

from aegir_components import settings, unknowns
from aegir_components.remote import hostkeys
from aegir_components.remote.connection import Connection


def connection_args(conn: Connection) -> remote.ConnectionArgs:
    """Give a server's connection in pulumi-command's form, host key included: without one it trusts any.

    Raises:
        HostError: no key is pinned, and the machine has to be asked for one and does not answer.
        OSError: the private key cannot be read.
    """
    return remote.ConnectionArgs(
        host=unknowns.revealed(conn.address),
        port=conn.port,
        user=conn.user,
        private_key=pulumi.Output.secret(Path(conn.identity).read_text()),
        host_key=_host_key(conn),
        dial_error_limit=3,
        proxy=None if conn.jump is None else _proxy(conn.jump),
    )


def _proxy(jump: Connection) -> remote.ProxyConnectionArgs:
    return remote.ProxyConnectionArgs(
        host=unknowns.revealed(jump.address),
        port=jump.port,
        user=jump.user,
        private_key=pulumi.Output.secret(Path(jump.identity).read_text()),
        host_key=_host_key(jump),
    )


def _host_key(conn: Connection) -> pulumi.Input[str]:
    """Give the pinned key; a preview of a new machine asks nobody for it."""
    if unknowns.has_stand_in(conn.to_props()):
        return cast("pulumi.Input[str]", unknowns.revealed(conn.host_key))
    return hostkeys.pinned_keys(conn)[0]


def declare(
    server: str, command: settings.OwnCommand, connection: remote.ConnectionArgs, opts: pulumi.ResourceOptions
) -> remote.Command:
    """Declare one command of the operator's on a server."""
    return remote.Command(
        f"{server}-{command.name}",
        connection=connection,
        create=command.create,
        update=command.update,
        delete=command.delete,
        triggers=list(command.triggers) or None,
        opts=opts,
    )
