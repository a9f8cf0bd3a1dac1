"""What Pulumi's state says of a stack: pure reading of what ``pulumi stack export`` prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeVar

from aegir_components import layout
from aegir_components.inputs.members import CodeMember
from aegir_components.inputs.platform import ReleaseInputs
from aegir_components.inputs.props import MissingInput, NotKnown, PropsT
from aegir_components.messages import around, numbered
from aegir_components.remote.connection import Connection
from aegir_components.settings import names as host_names
from aegir_components.settings.added import Added
from aegir_components.sources import records

from .ends import Refusal

OURS: Final = "pulumi-python:dynamic/aegir:"
COMPONENTS: Final = "aegir:index:"

Props = Mapping[str, Any]
Value = TypeVar("Value")


class Outputs(dict[str, Any]):
    """Outputs of a resource; a command that needs one of them that is not there ends with a sentence that names it."""

    def __init__(self, values: Props, *, resource: str, stack: str, above: str = "") -> None:
        """Take what the state has.

        Args:
            values: by key.
            resource: its kind and name, such as ``Release code``.
            stack: the stack's name.
            above: the key that has these values, with a dot, where they are a part of the outputs.
        """
        super().__init__(values)
        self._resource, self._stack, self._above = resource, stack, above
        self._partly: dict[type[Any], Any] = {}
        for key, value in values.items():
            if isinstance(value, Mapping):
                self[key] = Outputs(value, resource=resource, stack=stack, above=f"{above}{key}.")

    def __missing__(self, key: str) -> Any:
        """Name the resource and what it lacks.

        Raises:
            Refusal: always.
        """
        raise self.lacks(key)

    def lacks(self, key: str) -> Refusal:
        """Say that the resource has no value of a key."""
        return Refusal(
            numbered(
                8560,
                f"{self._resource} has no {self._above}{key} in the state of {self._stack}; "
                f"run pulumi up --stack {self._stack}",
            )
        )

    def _unread(self, fault: MissingInput) -> Refusal:
        where = f"{self._resource} in the state of {self._stack}"
        return Refusal(around(fault, f"{where}: {fault}; run pulumi up --stack {self._stack}"))

    def inputs(self, kind: type[PropsT]) -> PropsT:
        """Give them as inputs.

        Raises:
            Refusal: one that every version has declared is not there.
        """
        try:
            return kind.from_props(self)
        except MissingInput as fault:
            raise self._unread(fault) from None

    def read(self, kind: type[PropsT], read: Callable[[PropsT], Value]) -> Value:
        """Read them as inputs, of which only those have to be there that are asked for.

        Args:
            kind: the class of the inputs.
            read: asks for them.

        Raises:
            Refusal: one of them is not there.
        """
        try:
            if kind not in self._partly:
                self._partly[kind] = kind.partly(self, ())
            return read(self._partly[kind])
        except NotKnown as fault:
            raise self.lacks(str(fault)) from None
        except MissingInput as fault:
            raise self._unread(fault) from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A platform, as it was last made live."""

    platform: str
    outputs: Outputs = field(repr=False)
    """The resource's."""

    def recorded(self, read: Callable[[ReleaseInputs], Value]) -> Value:
        """Read inputs of the release.

        Raises:
            Refusal: the state lacks one that is asked for.
        """
        return self.outputs.read(ReleaseInputs, read)

    @property
    def digest(self) -> str:
        """The digest of all that it holds."""
        return self.recorded(lambda inputs: inputs.digest)

    @property
    def name(self) -> str:
        """The release that is live."""
        return records.name_of(self.digest)

    @property
    def revision(self) -> str:
        """The commit, or the archive's checksum; empty for a directory."""
        return self.recorded(lambda inputs: inputs.source_revision)

    @property
    def version(self) -> str:
        """What the code base says of itself."""
        return self.recorded(lambda inputs: inputs.facts.version if inputs.facts else "")

    @property
    def application(self) -> str:
        """Which application it is."""
        return self.recorded(lambda inputs: inputs.application)

    @property
    def members(self) -> tuple[str, ...]:
        """The web servers that carry it."""
        return tuple(sorted(self.placed))

    @property
    def placed(self) -> Mapping[str, CodeMember]:
        """The web servers that carry it, with how they are reached."""
        return self.recorded(lambda inputs: inputs.members)

    def is_kept_on(self, server: str) -> bool:
        """Return whether a web server has the code itself: a pack's slaves see their master's."""
        return server in self.placed and not self.placed[server].is_slave

    @property
    def publish_path(self) -> str:
        """Where it is live."""
        return self.recorded(lambda inputs: inputs.publish_path)

    @property
    def publish_root(self) -> str:
        """Where its sites' data are."""
        return layout.publish_root(self.publish_path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A site, as it was last made."""

    identity: str
    """What it is known by on the machines."""
    installation: Props | None = field(default=None, repr=False)
    """The outputs of its installation; ``None``: it never came up."""
    configuration: Props | None = field(default=None, repr=False)
    certificate: Props | None = field(default=None, repr=False)
    url: str = ""

    @property
    def name(self) -> str:
        """Its host name."""
        known = self.installation or self.configuration or {}
        return str(known.get("name") or self.identity)

    @property
    def platform(self) -> str:
        """The platform that it is on."""
        return str((self.installation or self.configuration or {}).get("platform", ""))

    @property
    def members(self) -> Mapping[str, Props]:
        """Its web servers."""
        found: Mapping[str, Props] = (self.installation or self.configuration or {}).get("members", {})
        return found

    @property
    def connections(self) -> dict[str, Connection]:
        """How its web servers are reached, in the order of their names."""
        return Connection.of_members(self.members)

    def connection_of(self, server: str) -> Connection:
        """Give the connection to one of its web servers."""
        return Connection.from_props(self.members[server]["connection"])

    @property
    def enabled(self) -> bool:
        """Whether it is served."""
        return bool((self.installation or {}).get("enabled", True))

    def unable(self, stack: str) -> str:
        """Say why nothing runs for it, and what to do; empty where it is served.

        Args:
            stack: its stack, for the command that the text advises.
        """
        if self.installation is None:
            return numbered(9025, f"the site never came up: run pulumi up --stack {stack} first")
        if not self.enabled:
            return numbered(
                6541,
                "the site is disabled, and nothing runs for it. To serve it, write `state: enabled` at it and run pulumi "
                f"up --stack {stack}",
            )
        return ""

    @property
    def asked_for(self) -> bool:
        """Whether its web servers have been probed for it, and have to answer with the application."""
        made = self.installation
        return made is not None and bool(made.get("health", True)) and made.get("content", "present") != "empty"


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server, as it was last prepared."""

    name: str
    connection: Props = field(default_factory=dict, repr=False)
    address: str = ""
    web: Props | None = field(default=None, repr=False)
    database: Props | None = field(default=None, repr=False)

    @property
    def made(self) -> bool:
        """Whether it was prepared: the component itself is in the state before anything of it is done."""
        return bool(self.connection) or self.database is not None

    @property
    def reached(self) -> Connection | None:
        """How it is logged in to; ``None`` where it is not."""
        return Connection.from_props(self.connection) if self.connection else None


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


def _server(name: str, part: Props, made: Mapping[str, Mapping[str, Props]]) -> Server:
    machine = made.get("Machine", {}).get(name)
    database = made.get("DatabaseService", {}).get(name) or made.get("ManagedDatabase", {}).get(name)
    return Server(
        name=name,
        connection=(machine or {}).get("connection", {}),
        address=str(part.get("address") or (machine or {}).get("connection", {}).get("address", "")),
        web=made.get("WebService", {}).get(name),
        database=database,
    )
