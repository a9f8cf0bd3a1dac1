"""What Pulumi's state says of a stack: pure reading of what ``pulumi stack export`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from aegir_components.settings import names as host_names
from aegir_components.settings.added import Added

from .made import Release, Server, Site
from .outputs import Outputs, Props

OURS: Final = "pulumi-python:dynamic/aegir:"
COMPONENTS: Final = "aegir:index:"


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """A stack, as Pulumi remembers it."""

    stack: str
    servers: Mapping[str, Server] = field(default_factory=dict)
    releases: Mapping[str, Release] = field(default_factory=dict)
    sites: Mapping[str, Site] = field(default_factory=dict)
    """By host name."""
    rollouts: Mapping[str, Outputs] = field(default_factory=dict)
    """By platform, what the last run that ended well has brought its sites to."""
    pending: tuple[str, ...] = ()
    """What a run had begun that did not come to its end: ``creating Release code``."""
    environment: str = ""
    """What the stack was said to be when it last came up; empty where nobody said it."""
    added: Added | None = field(default=None, repr=False)
    """What a program of one's own declares, with or without the values of secrets; ``None`` where only a stack file does."""
    drift: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """What the last look has found changed by hand, by kind and name of the resource."""

    @property
    def empty(self) -> bool:
        """Whether nothing was ever made, or nothing is left."""
        return not (self.servers or self.releases or self.sites)

    @classmethod
    def read(cls, stack: str, exported: Mapping[str, Any]) -> Self:
        """Read what ``pulumi stack export`` gives."""
        deployment = exported.get("deployment") or {}
        made: dict[str, dict[str, Outputs]] = {}
        parts: dict[str, dict[str, Outputs]] = {}
        for token, name, values in _resources(deployment.get("resources") or ()):
            kind = token.rpartition(":")[2]
            outputs = Outputs(values, resource=f"{kind} {name}", stack=stack)
            (parts if token.startswith(COMPONENTS) else made).setdefault(kind, {})[name] = outputs
        sites = (
            Site(
                identity=name,
                installation=made.get("Installation", {}).get(name),
                configuration=made.get("SiteConfiguration", {}).get(name),
                certificate=made.get("Certificate", {}).get(name),
                url=str(part.get("url", "")),
            )
            for name, part in sorted(parts.get("Site", {}).items())
        )
        servers = (_server(name, part, made) for name, part in sorted(parts.get("Server", {}).items()))
        releases = (
            Release(platform=name, outputs=outputs) for name, outputs in sorted(made.get("Release", {}).items())
        )
        environment = made.get("Environment", {}).get("environment")
        return cls(
            stack=stack,
            servers={server.name: server for server in servers},
            releases={release.platform: release for release in releases},
            sites={site.name: site for site in sites},
            rollouts=made.get("Rollout", {}),
            environment=str(environment.get("environment", "")) if environment else "",
            pending=tuple(_pending(deployment)),
            added=_added(made.get("Declaration", {}).get("declaration") or {}),
            drift={
                (kind, name): tuple(map(str, props["drift"]))
                for kind, named in made.items()
                for name, props in named.items()
                if props.get("drift")
            },
        )

    @property
    def by_identity(self) -> dict[str, Site]:
        """Its sites by what they are known by."""
        return {site.identity: site for site in self.sites.values()}

    def find(self, name: str) -> Site | None:
        """Find the site of a host name, or else the one that was made with that name; ``None`` where there is none.

        The present name comes first, since two sites may have exchanged their names.
        """
        plain = host_names.in_ascii(name)
        return self.sites.get(plain) or next((site for site in self.sites.values() if site.identity == plain), None)

    def sites_on(self, platform: str) -> tuple[Site, ...]:
        """List the sites of a platform."""
        return tuple(site for site in self.sites.values() if site.platform == platform)


def _resources(listed: Any) -> Iterator[tuple[str, str, Props]]:
    for resource in listed:
        kind = str(resource.get("type", ""))
        # One that is marked is being replaced: its successor is in the list as well.
        if kind.startswith((OURS, COMPONENTS)) and not resource.get("delete"):
            yield kind, _name(resource), resource.get("outputs") or {}


def _added(outputs: Props) -> Added | None:
    """Read what a program declares; with the values of secrets where they are decrypted."""
    whole, shown = outputs.get("whole"), outputs.get("shown")
    known = whole if isinstance(whole, str) else shown
    return Added.read(known) if isinstance(known, str) else None


def _pending(deployment: Mapping[str, Any]) -> Iterator[str]:
    """Name the operations that a killed run was in the middle of, and that no run has ended since.

    Pulumi keeps a creation in this list for good, also when a later run has made the resource (pulumi/pulumi#4265).
    """
    made = {resource.get("urn") for resource in deployment.get("resources") or () if not resource.get("delete")}
    for operation in deployment.get("pending_operations") or ():
        resource = operation.get("resource") or {}
        if operation.get("type") == "creating" and resource.get("urn") in made:
            continue
        yield f"{operation.get('type', 'changing')} {str(resource.get('type', '')).rpartition(':')[2]} {_name(resource)}"


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource.get("urn", "")).rpartition("::")[2]


def _server(name: str, part: Props, made: Mapping[str, Mapping[str, Outputs]]) -> Server:
    machine = made.get("Machine", {}).get(name)
    connection: Props = machine.get("connection", {}) if machine else {}
    database = made.get("DatabaseService", {}).get(name) or made.get("ManagedDatabase", {}).get(name)
    return Server(
        name=name,
        connection=connection,
        address=str(part.get("address") or connection.get("address", "")),
        web=made.get("WebService", {}).get(name),
        database=database,
    )
