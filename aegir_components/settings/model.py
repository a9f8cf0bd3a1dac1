"""What an operator declares, checked and frozen.

Every name in here is what the machines use: host names are ASCII, paths are absolute and normalised,
defaults are filled in. Fields that hold a secret are left out of ``repr``; whoever hands one to Pulumi wraps
it in ``pulumi.Output.secret``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from . import updating
from .backups import Backups, Plan
from .certificates import Acme, Certificate
from .groups import Pack, WebCluster
from .jumps import Jump
from .origins import Origin
from .php import Php
from .resource_limits import ResourceLimits
from .updating import Rollout, Step

Environment = Literal["development", "testing", "acceptance", "production"]
Connection = Literal["ssh", "local", "none"]
Dns = Literal["strict", "warn", "manage"]
DatabaseTls = Literal["offered", "required"]
Reach = Literal["direct", "ssh"]
Moment = Literal["server", "sites"]
Trust = Literal["pinned", "first-use"]
WebType = Literal["apache", "apache_ssl", "nginx", "nginx_ssl"]
DatabaseType = Literal["mysql"]
SiteState = Literal["enabled", "disabled"]
Switch = Literal["on", "off"]
Https = Literal["none", "enabled", "required"]
Isolation = Literal["pool", "process"]

ENVIRONMENTS: tuple[Environment, ...] = ("development", "testing", "acceptance", "production")
CONNECTIONS: tuple[Connection, ...] = ("ssh", "local", "none")
DNS: tuple[Dns, ...] = ("strict", "warn", "manage")
DATABASE_TLS: tuple[DatabaseTls, ...] = ("offered", "required")
REACHES: tuple[Reach, ...] = ("direct", "ssh")
MOMENTS: tuple[Moment, ...] = ("server", "sites")
TRUSTS: tuple[Trust, ...] = ("pinned", "first-use")
WEB_TYPES: tuple[WebType, ...] = ("apache", "apache_ssl", "nginx", "nginx_ssl")
DATABASE_TYPES: tuple[DatabaseType, ...] = ("mysql",)
SITE_STATES: tuple[SiteState, ...] = ("enabled", "disabled")
HTTPS: tuple[Https, ...] = ("none", "enabled", "required")
ISOLATIONS: tuple[Isolation, ...] = ("pool", "process")


@dataclass(frozen=True, kw_only=True, slots=True)
class HubSsh:
    """What the hub uses to reach its servers, where a server says nothing else."""

    identity: str
    """The private key file, on the hub."""
    known_hosts: str | None = None
    """A file of host keys that the operator vouches for, on the hub."""
    jump: Jump | None = None
    """What ssh goes through to every server that says nothing else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hub:
    """The machine that Pulumi runs on."""

    address: str
    """The address that database servers see when the hub connects to them."""
    root: str = "/var/aegir"
    ssh: HubSsh = field(default_factory=lambda: HubSsh(identity="/var/aegir/.ssh/id_ed25519"))


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSsh:
    """How one server is logged in to, with the hub's settings filled in."""

    identity: str
    known_hosts: str | None = None
    user: str = "root"
    port: int = 22
    host_key: str | None = None
    """Its public key (``ssh-ed25519 AAAA...``) or the fingerprint of it (``SHA256:...``)."""
    trust: Trust = "pinned"
    jump: Jump | None = None
    """What ssh goes through."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WebService:
    """A server's web service."""

    type: WebType = "apache"
    port: int = 80
    php: str = ""
    """The version of PHP, such as ``8.2``; empty for the one that the distribution ships."""
    php_more: tuple[str, ...] = ()
    """Further versions, which its sites may take."""

    @property
    def php_versions(self) -> tuple[str, ...]:
        """The versions that are declared, the usual one first."""
        return (self.php, *self.php_more) if self.php else ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseAdmin:
    """The account that the hub manages databases with."""

    name: str = "aegir_root"
    password: str | None = field(default=None, repr=False)
    """Secret; ``None`` asks for a generated one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseService:
    """A server's database service."""

    address: str
    """The address or name that the hub and the web servers connect to."""
    type: DatabaseType = "mysql"
    port: int = 3306
    tls: DatabaseTls = "offered"
    """``required``: with a certificate of the hub's authority, demanded of every account."""
    authority: str | None = None
    """A file on the hub with the authority of a managed server's certificate, where TLS is required of it."""
    reach: Reach = "direct"
    """``ssh``: the hub connects through the machine's own ssh connection."""
    admin: DatabaseAdmin = field(default_factory=DatabaseAdmin)


@dataclass(frozen=True, kw_only=True, slots=True)
class AegirUser:
    """The numbers of the ``aegir`` account; ``None`` leaves the choice to the machine."""

    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnCommand:
    """A command of the operator's own on a server, run beside us by pulumi-command."""

    name: str
    create: str
    update: str | None = None
    delete: str | None = None
    triggers: tuple[str, ...] = ()
    """Values whose change runs the command again."""
    before: Moment = "server"
    """``sites``: the server's sites wait for it; ``server``: it only waits for the server."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A machine and the services on it."""

    name: str
    address: str
    """Its IP address, or its name where none was declared: ssh then resolves it."""
    connection: Connection = "ssh"
    """``local`` is the hub itself; ``none`` an external database, reached over MySQL's protocol only."""
    ssh: ServerSsh | None = None
    """``None`` for the hub itself and for what is not reached by ssh."""
    dns: Dns = "warn"
    """What is done about a name that host files and DNS do not agree on."""
    commands: tuple[OwnCommand, ...] = ()
    web: WebService | None = None
    database: DatabaseService | None = None
    aegir_user: AegirUser = field(default_factory=AegirUser)
    php: Php = field(default_factory=Php)
    """What holds for its sites, where they say nothing else."""
    limits: ResourceLimits = field(default_factory=ResourceLimits)
    """What its sites may take of it, where they say nothing else."""

    @property
    def identity(self) -> str:
        """The name that resources and messages use."""
        return self.name

    @property
    def ssh_port(self) -> int:
        """The port of ssh; the usual one where it is not reached by that, as its connection has it."""
        return self.ssh.port if self.ssh else 22


@dataclass(frozen=True, kw_only=True, slots=True)
class Composer:
    """How a project's dependencies are installed."""

    dev: bool = False
    """Those for development too."""
    unlocked: bool = False
    """A project without composer.lock gets the newest of everything."""
    trusted: bool = False
    """Composer runs as the hub's user, with all its files and keys in reach."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformSource:
    """Where a platform's code comes from; one of ``path``, ``git``, ``archive`` and ``makefile``."""

    path: str = ""
    """A directory on the hub."""
    git: str = field(default="", repr=False)
    """A repository's address or path; may hold a password."""
    ref: str = ""
    """A branch, a tag or a whole commit of it."""
    directory: str = ""
    """Where the code is in the repository; empty for its root."""
    archive: str = field(default="", repr=False)
    """An archive's path or address; the latter may hold a password."""
    checksum: str = ""
    """``sha256:`` and digits; empty for an archive on the hub that may change."""
    makefile: str = ""
    """A Drush makefile on the hub."""
    composer: Composer | None = None
    """``None``: the code is complete as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """A code base, published at the same path on the hub and on its web servers."""

    name: str
    server: str
    """The web server, cluster or pack that it is on; :meth:`Settings.web_servers` gives the machines."""
    source: PlatformSource
    publish_path: str
    keep_releases: int = 3
    allow_shrink: bool = False
    verify: Literal["quick", "full"] = "quick"
    """What a refresh compares of each file: size, time and mode, or all of its bytes."""
    health: bool = True
    """Whether a release is undone when a site that answered before does not answer with it."""
    rollback: str = ""
    """The release that is to be live whatever the source holds; empty for that of the source."""
    release: str = ""
    """The release that the source has to make, and no other; empty for whatever it makes."""
    database: Literal["check", "keep", "restore"] = "check"
    """Whether code is rejected to which a database does not fit, vouched for, or gets the database of before its update."""
    update: tuple[Step, ...] = updating.DEFAULT
    """What an update of its sites consists of."""
    rollout: Rollout = field(default_factory=Rollout)
    keep_before: int = updating.KEPT_DAYS
    """Days for which the database of before an update is kept."""

    @property
    def identity(self) -> str:
        """The name that resources and messages use."""
        return self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteAdmin:
    """The first account of a site."""

    mail: str
    name: str = "admin"
    password: str | None = field(default=None, repr=False)
    """Secret; ``None`` asks for a generated one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """One site on a platform."""

    name: str
    """The host name in ASCII (``xn--...`` where it is an international one)."""
    display_name: str
    """The host name as people read it."""
    platform: str
    database: str
    """The server whose database service it uses."""
    title: str
    admin: SiteAdmin
    database_rights: tuple[str, ...] = ()
    """What its database accounts may do besides what every site's may, sorted."""
    profile: str = ""
    """The install profile; empty where none was declared."""
    language: str = "en"
    aliases: tuple[str, ...] = ()
    """Further host names, in ASCII, sorted."""
    formerly: str = ""
    """The name that it was made with, where it was renamed."""
    state: SiteState = "enabled"
    client: str = ""
    https: Https = "none"
    certificate: Certificate = field(default_factory=Certificate)
    redirect_aliases: bool = False
    """Whether the aliases redirect to the site's name."""
    isolation: Isolation = "pool"
    """``process``: a PHP-FPM master of its own."""
    cron: str = ""
    """``off``, ``hourly``, ``daily``, minutes (``5min``) or systemd's calendar expression; empty for the application's own."""
    php: Php = field(default_factory=Php)
    limits: ResourceLimits = field(default_factory=ResourceLimits)
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Constants of WordPress, ``$settings`` of Drupal and Backdrop, ``$conf`` of Drupal 7; may hold secrets."""
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What is overridden in configuration objects of Drupal and Backdrop; may hold secrets."""
    health: bool = True
    """Whether the site is asked for after each change."""
    install: bool = True
    """Whether the application is installed; without, the database stays as it is."""
    update: tuple[Step, ...] | None = None
    """What an update of it consists of; ``None`` for what its platform says."""
    uncounted_tables: tuple[str, ...] = ()
    """Patterns of tables of which an update may lose what is written to them meanwhile, such as counters."""
    release: str = ""
    """The release that it stays on; empty for its platform's live one."""
    forward: int = 7
    """Days for which web servers that it has left forward its visitors; 0 for none."""
    password_version: int = 1
    """A higher number gives the database accounts a new password."""
    protect: bool = False
    """Whether its database and files cannot be removed."""
    backups: Plan | None = None
    """How it is backed up; ``None`` where it is not."""
    mail: str = ""
    """``on``, ``off``, or the address that gets all of its mail; empty: ``on`` if it is no clone."""
    robots: Switch | None = None
    """Whether search engines may read it; ``None``: if it is no clone."""
    origin: Origin | None = None
    """What it begins with; ``None`` for what the application installs."""

    @property
    def identity(self) -> str:
        """The name that resources, accounts and directories have: stable when the site is renamed."""
        return self.formerly or self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """A whole stack: the hub, and what is declared on it by name, in the order of the names."""

    hub: Hub
    environment: Environment = "development"
    environment_formerly: Environment | None = None
    """What the stack was until now, where it is to become another one."""
    servers: Mapping[str, Server] = field(default_factory=dict)
    clusters: Mapping[str, WebCluster] = field(default_factory=dict)
    packs: Mapping[str, Pack] = field(default_factory=dict)
    platforms: Mapping[str, Platform] = field(default_factory=dict)
    sites: Mapping[str, Site] = field(default_factory=dict)
    """By ASCII name."""
    sanitise: Mapping[str, str] = field(default_factory=dict)
    """What becomes of tables and columns in clones, by name, where the program has no rule or another one."""
    backups: Backups | None = None
    """Where backups go; ``None`` where nothing is declared."""
    acme: Acme | None = None
    certificate_error_days: int = 7
    """Days before the end of a certificate from which on it is an error that there is no other one."""
    translations: str = ""
    """A directory on the hub with translations for code bases that lack them; empty where there is none."""
    reverse_proxies: tuple[str, ...] = ()
    """Addresses and networks of the proxies before the web servers, which say what address a visitor has."""
    forget: tuple[str, ...] = ()
    """Servers that are abandoned: what is removed from them is removed from the state only."""
    replaced: tuple[str, ...] = ()
    """Servers whose machine is an empty replacement: content that the state knows may be missing there."""
    confirm_removals: tuple[str, ...] = ()
    """Sites whose removal with all of their content is meant."""
    rules: str = ""
    """A Python file on the hub with the team's own rules."""
    warnings: tuple[str, ...] = ()
    """What is allowed but likely not meant; each begins with its path in the stack file."""

    def web_servers(self, platform: str) -> tuple[Server, ...]:
        """List the servers that carry a platform.

        This is the only place that turns a platform's target into machines.
        """
        target = self.platforms[platform].server
        group = self.clusters.get(target) or self.packs.get(target)
        return tuple(self.servers[name] for name in (group.servers if group else (target,)))

    def cluster_of(self, platform: str) -> WebCluster | None:
        """Find the cluster that a platform is on; ``None`` when it is on something else."""
        return self.clusters.get(self.platforms[platform].server)

    def pack_of(self, platform: str) -> Pack | None:
        """Find the pack that a platform is on; ``None`` when it is on something else."""
        return self.packs.get(self.platforms[platform].server)

    def site_servers(self, site: str) -> tuple[Server, ...]:
        """List the web servers of a site, which its platform implies."""
        return self.web_servers(self.sites[site].platform)

    def database_server(self, site: str) -> Server:
        """Find the server that holds a site's database."""
        return self.servers[self.sites[site].database]

    def sites_on(self, platform: str) -> tuple[Site, ...]:
        """List the sites of a platform."""
        return tuple(site for site in self.sites.values() if site.platform == platform)
