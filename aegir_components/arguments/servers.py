"""Arguments of servers, and of the hub that reaches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import pulumi

from .base import Arguments, ComponentArgs
from .php import LimitsArgs, PhpArgs

if TYPE_CHECKING:
    from aegir_components.components.server import Server


@dataclass(frozen=True, kw_only=True)
class JumpArgs(Arguments):
    """A machine that ssh goes through."""

    address: pulumi.Input[str]
    """Its name or IP address."""
    user: str | None = None
    """Its login. Default: ``root``."""
    port: int | None = None
    """The port of its ssh. Default: ``22``."""
    identity: str | None = None
    """A private key on the hub. Default: the hub's."""
    host_key: pulumi.Input[str] | None = None
    """Its public host key, whole. Default: as in the hub's ``known_hosts``."""


@dataclass(frozen=True, kw_only=True)
class HubSshArgs(Arguments):
    """What the hub uses to reach its servers."""

    identity: str | None = None
    """The private key that the servers let in. Default: ``<root>/.ssh/id_ed25519``."""
    known_hosts: str | None = None
    """A file with host keys that you vouch for, in ssh's format. Default: none."""
    jump: Server | JumpArgs | str | None = None
    """What ssh goes through to every server that says nothing else; as
    [at a server](docs/reference/stack-file.md#servers-behind-a-bastion). Default: none.
    """


@dataclass(frozen=True, kw_only=True)
class HubArgs(Arguments):
    """The machine that Pulumi runs on."""

    address: pulumi.Input[str]
    """The hub's IP address as the database servers see it. The hub's account on them works from this address only.
    Not a loopback address when a database server is another machine.
    """
    root: str | None = None
    """Directory of the hub's own files: pinned host keys, checksums of sources, backups, the CA of the databases.
    ASCII letters, digits and ``/ . _ + -`` only. Default: ``/var/aegir``.
    """
    ssh: HubSshArgs | None = None


@dataclass(frozen=True, kw_only=True)
class SshArgs(Arguments):
    """How a server is logged in to."""

    user: str | None = None
    """The administrative login: root, or a user with sudo without a password. Default: ``root``."""
    port: int | None = None
    """The port of its ssh. Default: ``22``."""
    identity: str | None = None
    """Another private key for this server. Default: the hub's."""
    host_key: pulumi.Input[str] | None = None
    """Its public host key (``ssh-ed25519 AAAA…``) or the fingerprint of it (``SHA256:…``). Default: none."""
    jump: Server | JumpArgs | str | None = None
    """What ssh goes through ([bastion](docs/reference/stack-file.md#servers-behind-a-bastion)); ``none`` for nothing.
    Default: the hub's.
    """
    trust: Literal["pinned", "first-use"] | None = None
    """``pinned`` needs ``host_key``, or the hub's ``known_hosts``. ``first-use`` accepts and records the key that the
    server shows first, and rejects another one later. Default: ``pinned``.
    """


@dataclass(frozen=True, kw_only=True)
class WebServiceArgs(Arguments):
    """A web service."""

    type: Literal["apache", "apache_ssl", "nginx", "nginx_ssl"]
    """``apache``, ``nginx``; with ``_ssl`` the server also answers on port 443, with a self-signed certificate and 404,
    to undeclared names. Sites with ``https`` need such a type.
    """
    port: int | None = None
    """The port of plain HTTP. Default: ``80``."""
    php: str | Sequence[str] | None = None
    """A version in quotes, such as ``"8.2"``. It has to be in the machine's package sources. A list, such as
    ``["8.3", "8.1"]``, installs several: the first is the usual one, and a site takes another by
    [``php.version``](docs/reference/stack-file.md#php). Default: the distribution's own.
    """


@dataclass(frozen=True, kw_only=True)
class DatabaseAdminArgs(Arguments):
    """The account that the hub manages databases with."""

    name: str | None = None
    """The hub's account. Default: ``aegir_root``."""
    password: pulumi.Input[str] | None = None
    """A secret of at least 8 characters. Required with ``connection: none``. Default: generated."""


@dataclass(frozen=True, kw_only=True)
class DatabaseServiceArgs(Arguments):
    """A database service."""

    type: Literal["mysql"] = "mysql"
    """``mysql``: MariaDB from the distribution, unless a MySQL or MariaDB server is there. Required."""
    address: pulumi.Input[str] | None = None
    """What the hub and the web servers connect to. ``localhost`` and loopback addresses only where no other machine
    connects. Default: the server's.
    """
    port: int | None = None
    """The port of MySQL's protocol. Default: ``3306``."""
    admin: DatabaseAdminArgs | None = None
    tls: Literal["offered", "required"] | None = None
    """``required``: the server gets a certificate from the stack's own CA (in the state). Every account has to use TLS,
    and every client verifies the certificate. Default: ``offered``.
    """
    authority: str | None = None
    """A CA bundle on the hub, in PEM; required with ``connection: none`` and ``tls: required``. Default: none."""
    reach: Literal["direct", "ssh"] | None = None
    """``ssh``: the hub connects through the machine's own ssh connection, where port 3306 is closed to it.
    Default: ``direct``.
    """


@dataclass(frozen=True, kw_only=True)
class AegirUserArgs(Arguments):
    """The account ``aegir`` of a server."""

    uid: int | None = None
    """UID of the account ``aegir``. Default: the machine's choice; in a pack, its master's."""
    gid: int | None = None
    """GID of the account ``aegir``. Default: the machine's choice; in a pack, its master's."""


@dataclass(frozen=True, kw_only=True)
class CommandArgs(Arguments):
    """A command of your own on a server, run by pulumi-command."""

    create: str
    """The command that is run when it is new."""
    update: str | None = None
    """The command that is run when it, or a trigger, has changed. Default: none."""
    delete: str | None = None
    """The command that is run when it is removed from the stack file. Default: none."""
    triggers: Sequence[str] | None = None
    """Texts; a change of one runs the command again. Default: ``[]``."""
    before: Literal["server", "sites"] | None = None
    """``sites``: the server's sites wait for it. ``server``: it only waits for the server. Default: ``server``."""


@dataclass(frozen=True, kw_only=True)
class ServerArgs(ComponentArgs):
    """A machine and the services on it."""

    below: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "web": ("services", "web"),
        "database": ("services", "database"),
    }

    address: pulumi.Input[str] | None = None
    """Its IP address. Database accounts are made for addresses: without this key the name is resolved on the hub.
    Default: the server's name.
    """
    connection: Literal["ssh", "local", "none"] | None = None
    """``ssh``; ``local`` for the hub itself, reached without ssh; ``none`` for an external database, reached over
    MySQL's protocol only. Default: ``ssh``.
    """
    ssh: SshArgs | None = None
    web: WebServiceArgs | Literal["apache", "apache_ssl", "nginx", "nginx_ssl"] | None = None
    """``apache``, ``nginx``, ``apache_ssl`` or ``nginx_ssl``, or the mapping
    [below](docs/reference/stack-file.md#servicesweb-as-a-mapping). A server has one. Default: none.
    """
    database: DatabaseServiceArgs | Literal["mysql"] | None = None
    """``mysql``, or the mapping [below](docs/reference/stack-file.md#servicesdatabase-as-a-mapping). Default: none."""
    aegir_user: AegirUserArgs | None = None
    dns: Literal["strict", "warn", "manage"] | None = None
    """For a name on which the server's files, its resolver and the hub's resolver disagree. ``warn`` warns, ``strict``
    rejects, ``manage`` writes a marked block into ``/etc/hosts``. Default: ``warn``.
    """
    php: PhpArgs | None = None
    """What PHP allows the server's sites, unless they say otherwise; the keys are those of ``php``
    [at a site](docs/reference/stack-file.md#php).
    """
    limits: LimitsArgs | None = None
    """What its sites may take of it, unless they say otherwise; the keys are those of ``limits``
    [at a site](docs/reference/stack-file.md#limits).
    """
    commands: Mapping[str, CommandArgs] | None = None
    """Custom commands, run on the server by pulumi-command; see [commands](docs/reference/stack-file.md#commands).
    Default: none.
    """
