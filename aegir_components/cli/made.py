"""What of a stack was made, as Pulumi's state has it: its platforms, sites and servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from aegir_components import layout
from aegir_components.inputs.certificate import CertificateState
from aegir_components.inputs.database import DatabaseServerState, SiteAccounts, SiteDatabaseInputs
from aegir_components.inputs.members import CodeMember, SiteMember, connections
from aegir_components.inputs.platform import ReleaseInputs
from aegir_components.inputs.site import InstallationState, ServedSite, SiteConfigurationState
from aegir_components.inputs.web_service import WebServiceState
from aegir_components.messages import numbered
from aegir_components.remote.connection import Connection
from aegir_components.sources import records

from .ends import Refusal
from .outputs import Outputs, Props, Value

Other = TypeVar("Other")


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
    installation: Outputs | None = field(default=None, repr=False)
    """The outputs of its installation; ``None``: it never came up."""
    configuration: Outputs | None = field(default=None, repr=False)
    certificate: Outputs | None = field(default=None, repr=False)
    url: str = ""

    def installed(self, read: Callable[[InstallationState], Value], otherwise: Other) -> Value | Other:
        """Read its installation; give ``otherwise`` where it never came up.

        Raises:
            Refusal: the state lacks what is asked for.
        """
        return self.installation.read(InstallationState, read) if self.installation is not None else otherwise

    def configured(self, read: Callable[[SiteConfigurationState], Value], otherwise: Other) -> Value | Other:
        """Read its configuration; give ``otherwise`` where it has none.

        Raises:
            Refusal: the state lacks what is asked for.
        """
        if self.configuration is None:
            return otherwise
        return self.configuration.read(SiteConfigurationState, read)

    def _served(self, read: Callable[[ServedSite], Value], otherwise: Other) -> Value | Other:
        """Read what both have, of the installation first."""
        return self.installed(read, otherwise) if self.installation is not None else self.configured(read, otherwise)

    @property
    def name(self) -> str:
        """Its host name."""
        return self._served(lambda made: made.name, "") or self.identity

    @property
    def platform(self) -> str:
        """The platform that it is on."""
        return self._served(lambda made: made.platform, "")

    @property
    def application(self) -> str:
        """Which application it is; empty where it never came up."""
        return self.installed(lambda made: made.application, "")

    @property
    def publish_path(self) -> str:
        """Where its code is live."""
        return self._served(lambda made: made.publish_path, "")

    @property
    def docroot(self) -> str:
        """The document root below that; ``.`` for the directory itself."""
        return self._served(lambda made: made.docroot, "")

    @property
    def holder(self) -> str:
        """``<project>/<stack>`` of its stack; empty where it has no configuration."""
        return self.configured(lambda made: made.holder, "")

    @property
    def master(self) -> str:
        """The web server of a pack on which work is done; empty where any of them may."""
        return self._served(lambda made: made.master, "")

    @property
    def aliases(self) -> tuple[str, ...]:
        """Its further host names."""
        return self.configured(lambda made: made.aliases, ())

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that it is or was known by, as its configuration has them."""
        return (self.name, *self.configured(lambda made: (*made.aliases, *made.former), ()))

    @property
    def secrets(self) -> SiteDatabaseInputs:
        """Its database with its passwords, from a state with its secrets decrypted.

        Raises:
            Refusal: it has no configuration, or one of an early version.
        """
        if self.configuration is None or self.accounts is None:
            raise Refusal(numbered(9025, f"site {self.name} never came up; run pulumi up first"))
        return self.configuration.read(SiteConfigurationState, lambda made: made.site_database)

    @property
    def accounts(self) -> SiteAccounts | None:
        """Its database on the server; states of early versions lack it."""
        return self.configured(lambda made: made.accounts, None)

    @property
    def database_server(self) -> str:
        """The declared name of its database server; empty where the state does not say."""
        return self.accounts.server if self.accounts is not None else ""

    @property
    def certificate_ends(self) -> str:
        """The last day of its certificate; empty where it has none, or one that was never inspected."""
        return self.certificate.read(CertificateState, lambda made: made.ends) if self.certificate is not None else ""

    @property
    def is_empty(self) -> bool:
        """Whether it never came up, or has no content yet."""
        return self.installed(lambda made: made.content, "empty") == "empty"

    @property
    def members(self) -> Mapping[str, SiteMember]:
        """Its web servers."""
        return self._served(lambda made: made.members, {})

    @property
    def connections(self) -> dict[str, Connection]:
        """How its web servers are reached, in the order of their names."""
        return connections(self.members)

    @property
    def ports(self) -> dict[str, int]:
        """The ports of plain HTTP by web server."""
        return {name: member.port for name, member in self.members.items()}

    def connection_of(self, server: str) -> Connection:
        """Give the connection to one of its web servers."""
        return self.members[server].connection

    @property
    def enabled(self) -> bool:
        """Whether it is served."""
        return self.installed(lambda made: made.enabled, True)

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
        return not self.is_empty and self.installed(lambda made: made.health, False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A server, as it was last prepared."""

    name: str
    connection: Props = field(default_factory=dict, repr=False)
    address: str = ""
    web: Outputs | None = field(default=None, repr=False)
    """The outputs of its web service."""
    database: Outputs | None = field(default=None, repr=False)
    """The outputs of its database service."""

    @property
    def made(self) -> bool:
        """Whether it was prepared: the component itself is in the state before anything of it is done."""
        return bool(self.connection) or self.database is not None

    def served(self, read: Callable[[WebServiceState], Value], otherwise: Other) -> Value | Other:
        """Read its web service; give ``otherwise`` where it has none."""
        return self.web.read(WebServiceState, read) if self.web is not None else otherwise

    def stored(self, read: Callable[[DatabaseServerState], Value], otherwise: Other) -> Value | Other:
        """Read its database service; give ``otherwise`` where it has none."""
        return self.database.read(DatabaseServerState, read) if self.database is not None else otherwise

    @property
    def reached(self) -> Connection | None:
        """How it is logged in to; ``None`` where it is not."""
        return Connection.from_props(self.connection) if self.connection else None
