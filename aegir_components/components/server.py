"""A server: a machine with services."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi

from aegir_components import settings
from aegir_components.inputs.database import DatabaseLogin
from aegir_components.inputs.web_service import WebServiceInputs
from aegir_components.providers.activation import Activation, ActivationInputs, ForwardTo
from aegir_components.providers.authority import DatabaseAuthority
from aegir_components.providers.certificate import Certificate
from aegir_components.providers.credentials import Credentials, CredentialsInputs
from aegir_components.providers.database import DatabaseService, DatabaseServiceInputs
from aegir_components.providers.machine import Machine, MachineInputs
from aegir_components.providers.managed import ManagedDatabase, ManagedDatabaseInputs
from aegir_components.providers.names import Names, NamesInputs
from aegir_components.providers.web_service import WebService
from aegir_components.remote.connection import Connection
from aegir_components.unknowns import later

from .base import AegirComponent, Parts

if TYPE_CHECKING:
    from pulumi_command import remote

    from aegir_components.arguments import ServerArgs
    from aegir_components.providers.site_config import SiteConfiguration


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerParts(Parts):
    """What a server needs to know."""

    server: settings.Server
    hub: settings.Hub
    public_key: str
    """The hub's public key."""
    entries: Mapping[str, str]
    """Address to name of all servers, for those that have their ``/etc/hosts`` managed."""
    mounted: bool = False
    """Whether its platforms come from another machine of a pack."""
    follows: pulumi.Output[dict[str, Any]] | None = None
    """The numbers of the account aegir on the machine that decides them; ``None`` where the declared ones hold."""
    holder: str
    """``<project>/<stack>``: who is at work, for others that wait for the machine."""
    authority: DatabaseAuthority | None = None
    """Who certifies its database, where TLS is required."""
    rights: frozenset[str] = frozenset()
    """What sites have on its database besides what every site has."""


class Server(AegirComponent):
    """A machine, prepared over ssh from bare Debian to verified; or an external database."""

    ready: list[pulumi.Resource]
    """What must be done before anything is put on the server."""
    before_sites: list[pulumi.Resource]
    """The operator's commands that the server's sites wait for."""
    database: DatabaseLogin | None
    """The way to the database service; its password is secret."""
    numbers: pulumi.Output[dict[str, Any]] | None = None
    """The numbers of the account aegir there; ``None`` for a machine that is not ours."""

    def __init__(self, name: str, args: ServerArgs | ServerParts, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare a server and its services."""
        super().__init__("aegir:index:Server", name, args, opts)

    def declare(self, args: ServerParts) -> None:
        """Declare what makes the machine a server of the farm."""
        name = args.server.name
        self._args = args
        self._reached = connection_of(args.server, args.hub)
        self.ready, self.before_sites, self.database = [], [], None
        self._outputs: dict[str, Any] = {"address": args.server.address}
        if args.server.connection == "none":
            self._outputs["database_version"] = self._managed(name, args).version
        else:
            self._outputs |= self._machine(name, args)
        for command in args.server.commands:
            # Imported here: loading pulumi-command's SDK makes the engine look for its plugin.
            from . import commands  # noqa: PLC0415

            made = commands.declare(name, command, self.connection, self.child(depends_on=list(self.ready)))
            if command.before == "sites":
                self.before_sites.append(made)

    @property
    def address(self) -> pulumi.Output[str]:
        """Its address; what uses it comes after everything on the server."""
        return self.output("address")

    def end(self) -> None:
        """Register what the server is, after all that is on it."""
        self.finish(self._outputs)

    def activate(
        self,
        sites: Mapping[str, SiteConfiguration],
        known_as: Mapping[str, str],
        forwards: Mapping[str, ForwardTo],
        certificates: Mapping[str, Certificate],
    ) -> Activation:
        """Declare the one reload after all sites of this web server are configured.

        Args:
            sites: their configurations, by name.
            known_as: what renamed ones were made with, by name.
            forwards: the sites that have left it, whose visitors are forwarded, by what each is known by.
            certificates: those of sites, likewise.
        """
        web = self._args.server.web
        assert web is not None
        keys = _keys({site: certificates[site] for site in forwards if site in certificates}, web.type)
        inputs = ActivationInputs(
            host=self._args.server.name,
            connection=self._reached,
            type=web.type,
            sites={name: later(configuration.made) for name, configuration in sorted(sites.items())},
            known_as=dict(sorted(known_as.items())),
            holder=self._args.holder,
            forwards=dict(forwards),
            port=web.port if forwards else 0,
            forward_keys=later(keys) if keys else "",
        )
        return Activation(self._args.server.name, inputs, self.child(depends_on=list(sites.values())))

    @property
    def connection(self) -> remote.ConnectionArgs:
        """The server's connection for ``pulumi_command.remote``, its host key included.

        Raises:
            HostError: no host key is pinned, and the machine does not show one.
        """
        from . import commands  # noqa: PLC0415

        return commands.connection_args(self._reached)

    def _machine(self, name: str, args: ServerParts) -> dict[str, Any]:
        server = args.server
        user = server.aegir_user
        machine = Machine(
            name,
            MachineInputs(
                host=server.name,
                connection=self._reached,
                holder=args.holder,
                public_key=args.public_key,
                hub_address=args.hub.address,
                uid=user.uid if args.follows is None else later(_part(args.follows, "uid")),
                gid=user.gid if args.follows is None else later(_part(args.follows, "gid")),
            ),
            self.child(),
        )
        self.numbers = machine.numbers
        self.ready.append(machine)
        names = Names(
            name,
            NamesInputs(
                host=server.name,
                connection=self._reached,
                holder=args.holder,
                address=server.address if server.address != server.name else "",
                mode=server.dns,
                entries=args.entries if server.dns == "manage" else None,
            ),
            self.child(depends_on=[machine]),
        )
        outputs: dict[str, Any] = {"name_faults": names.faults}
        if server.dns != "warn":
            self.ready.append(names)
        if server.web is not None:
            web = WebService(
                name,
                WebServiceInputs(
                    host=server.name,
                    connection=self._reached,
                    holder=args.holder,
                    type=server.web.type,
                    port=server.web.port,
                    php_version=server.web.php,
                    # All that are declared, also where no site takes one by name: one that did so leaves its pool after this.
                    php_chosen=tuple(server.web.php_versions),
                    mounted=args.mounted,
                    tasks=server.limits.tasks,
                ),
                self.child(depends_on=[machine]),
            )
            self.ready.append(web)
            outputs["php"] = web.php
        if server.database is not None:
            outputs["database_version"] = self._database(name, args, machine).version
        return outputs

    def _database(self, name: str, args: ServerParts, machine: Machine) -> DatabaseService:
        service = args.server.database
        assert service is not None
        if service.admin.password is not None:
            password = pulumi.Output.secret(service.admin.password)
        else:
            password = Credentials(name, CredentialsInputs(owner=args.server.name), self.child()).administrator
        by = args.authority if service.tls == "required" else None
        # Through ssh the hub comes from the machine itself.
        hub_address = "127.0.0.1" if service.reach == "ssh" else args.hub.address
        inputs = DatabaseServiceInputs(
            host=args.server.name,
            connection=self._reached,
            holder=args.holder,
            address=service.address,
            port=service.port,
            user=service.admin.name,
            password=later(password),
            authority=later(by.certificate) if by else "",
            authority_key=later(by.key) if by else "",
            reach=service.reach,
            hub_address=hub_address,
            names=tuple(sorted({service.address, args.server.name})) if by else (),
            rights=tuple(sorted(args.rights)),
        )
        self.database = inputs.login
        made = DatabaseService(name, inputs, self.child(depends_on=[machine]))
        self.ready.append(made)
        return made

    def _managed(self, name: str, args: ServerParts) -> ManagedDatabase:
        service = args.server.database
        assert service is not None
        assert service.admin.password is not None
        authority = Path(service.authority).read_text() if service.authority else None
        inputs = ManagedDatabaseInputs(
            host=args.server.name,
            connection=self._reached,
            address=service.address,
            port=service.port,
            user=service.admin.name,
            password=later(pulumi.Output.secret(service.admin.password)),
            authority=(authority or "") if service.tls == "required" else "",
        )
        self.database = inputs.login
        made = ManagedDatabase(name, inputs, self.child())
        self.ready.append(made)
        return made


def connection_of(server: settings.Server, hub: settings.Hub) -> Connection:
    """Say how a declared server is reached."""
    if server.ssh is None:
        return Connection(host=server.name, address=server.address, kind=server.connection, hub_root=hub.root)
    jump = server.ssh.jump
    return Connection(
        host=server.name,
        address=server.address,
        port=server.ssh.port,
        user=server.ssh.user,
        identity=server.ssh.identity,
        host_key=server.ssh.host_key or "",
        known_hosts=server.ssh.known_hosts or "",
        trust=server.ssh.trust,
        hub_root=hub.root,
        jump=None if jump is None else _through(jump, hub),
    )


def _through(jump: settings.Jump, hub: settings.Hub) -> Connection:
    """Say how a machine is reached that others are reached through; as a server of the stack it has one connection for both."""
    return Connection(
        host=jump.name or jump.address,
        address=jump.address,
        port=jump.port,
        user=jump.user,
        identity=jump.identity,
        host_key=jump.host_key,
        known_hosts=jump.known_hosts,
        trust="first-use" if jump.trust == "first-use" else "pinned",
        hub_root=hub.root,
    )


def _part(numbers: pulumi.Output[dict[str, Any]], key: str) -> pulumi.Output[Any]:
    return numbers.apply(lambda found: (found or {}).get(key))


def _keys(certificates: Mapping[str, Certificate], kind: str) -> pulumi.Output[str] | None:
    """Give certificates with their keys as one secret text; ``None`` where there are none, or no TLS."""
    if not certificates or not kind.endswith("_ssl"):
        return None
    pairs = {site: pulumi.Output.all(chain=found.chain, key=found.key) for site, found in certificates.items()}
    return pulumi.Output.secret(pulumi.Output.all(**pairs).apply(lambda known: json.dumps(known, sort_keys=True)))
