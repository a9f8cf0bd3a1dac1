"""A site: a database with grants for every web server that serves it, settings, vhost, files, install profile."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from aegir_components import layout, settings, templates
from aegir_components.applications import APPLICATIONS, STANDARD, CodeBase
from aegir_components.deploy import mail as mail_service
from aegir_components.inputs import limits, quotas
from aegir_components.inputs.database import DatabaseLogin, SiteDatabaseInputs
from aegir_components.inputs.platform import RolloutAccounts, RolloutSite, RolloutStep
from aegir_components.inputs.site import DatabaseAddress, InstallationInputs, SiteConfigurationInputs
from aegir_components.providers.certificate import Certificate
from aegir_components.providers.credentials import Credentials, CredentialsInputs
from aegir_components.providers.installation import Installation
from aegir_components.providers.site_config import SiteConfiguration
from aegir_components.providers.site_database import SiteDatabase
from aegir_components.services import vhosts, web_types
from aegir_components.settings import names
from aegir_components.unknowns import later

from . import certificates
from .base import AegirComponent, Parts
from .platform import Member, site_members

if TYPE_CHECKING:
    from aegir_components.arguments import SiteArgs


@dataclass(frozen=True, kw_only=True, slots=True)
class Begin:
    """What a site begins with, and what follows from that for as long as it is there."""

    origin: pulumi.Output[str] | None = None
    """Packed, and secret; ``None`` for a site that has content, or gets it from its application."""
    loaded: bool = False
    """Whether its content was loaded before."""
    cloned: bool = False
    """Whether its content is another site's: nothing of it leaves unless that is declared."""
    former: tuple[str, ...] = ()
    """Other names that its content knows it by."""
    fallback: str = ""
    """Where uploads are that did not come along, while that is declared."""


_USUAL = Begin()


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteParts(Parts):
    """What a site needs to know."""

    site: settings.Site
    platform: settings.Platform
    code: CodeBase
    members: Mapping[str, Member]
    """The web servers, which the platform implies."""
    database_server: str
    database: DatabaseLogin
    """The database service, as ``Server.database`` gives it."""
    clients: tuple[str, ...]
    """The addresses that get an account: every web server and the hub."""
    holder: str
    numbers: str
    """The hub's list of the numbers of accounts."""
    connections: int = 0
    """What the database server declares for its sites' accounts; 0 where it says nothing."""
    uploads: str = ""
    """The directory of uploads that the web servers share; empty where each has its own."""
    proxies: tuple[str, ...] = ()
    """The reverse proxies before the web servers."""
    hub_root: str
    certificate: str = ""
    """The digest of the site's certificate, where one is given."""
    certificate_unread: str = ""
    """Why that cannot be used any more."""
    certificate_error_days: int = 7
    """Days before the end of a certificate from which on it is an error that there is no other one."""
    acme: settings.Acme | None = None
    """The authority that certificates are asked of."""
    master: str = ""
    """The web server of a pack on which work is done; empty where all are alike."""
    begin: Begin = _USUAL
    backups: pulumi.Output[str] | None = None
    """How it is backed up before it goes to other machines, packed; ``None`` where it stays, or is not backed up."""


class Site(AegirComponent):
    """A site on a platform: five resources, however many web servers it is on; six with a certificate."""

    key: str
    """What it is known by."""
    certificate: Certificate | None
    configuration: SiteConfiguration
    access: dict[str, Any]
    """Its address and the login of its first account, for the stack's outputs."""
    installation: Installation
    rollout: RolloutSite
    """What its platform's ``Rollout`` has to know of it."""
    passwords: pulumi.Output[dict[str, str]]
    """Of its database's account and of the hub's there."""

    def __init__(self, name: str, args: SiteArgs | SiteParts, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare a site."""
        identity = name if isinstance(args, Parts) else names.in_ascii(args.formerly or name)
        super().__init__("aegir:index:Site", identity, args, opts, declared_as=name)

    def declare(self, args: SiteParts) -> None:
        """Declare the site's database and its configuration on all web servers."""
        site, platform = args.site, args.platform
        self.key = key = site.identity
        kept = pulumi.ResourceOptions(protect=True) if site.protect else None
        salt = site.origin.hash_salt if site.origin else None
        credentials = Credentials(
            key,
            CredentialsInputs(
                owner=key, numbers=args.numbers, version=site.password_version,
                given_salt=later(pulumi.Output.secret(salt)) if salt else "",
            ),
            self.child(also=kept),
        )  # fmt: skip
        names = layout.account_names(key)
        where = DatabaseAddress(
            name=layout.database_name(key),
            user=later(credentials.turn.apply(lambda turn: names[int(turn or 0)])),
            host=args.database.address,
            port=args.database.port,
        )
        members = site_members(args.members)
        application = APPLICATIONS[args.code.application]
        steps = platform.update if site.update is None else site.update
        certificate = certificates.declare(
            site,
            digest=args.certificate,
            unread=args.certificate_unread,
            error_days=args.certificate_error_days,
            acme=args.acme,
            hub_root=args.hub_root,
            members=args.members,
            holder=args.holder,
            opts=self.child(),
        )
        mail = site.mail or ("off" if args.begin.cloned else "on")
        self.certificate = certificate
        enabled = site.state == "enabled"
        password, hub_password = later(credentials.database), args.database.password
        database = SiteDatabaseInputs(
            site=key,
            server=args.database_server,
            connection=args.database.connection,
            address=args.database.address,
            port=args.database.port,
            user=args.database.user,
            authority=args.database.authority,
            reach=args.database.reach,
            database=where.name,
            account=where.user,
            other=later(credentials.turn.apply(lambda turn: names[1 - int(turn or 0)])),
            clients=args.clients,
            owner=f"{args.holder}/{key}",
            password=hub_password,
            site_password=password,
            rights=site.database_rights,
            connections=_connections(args),
        )
        made = SiteDatabase(key, database, self.child(also=kept))
        self.configuration = SiteConfiguration(
            key,
            SiteConfigurationInputs(
                **SiteConfigurationInputs.declared_by(site),
                site=key,
                name=site.name if site.formerly else "",
                platform=platform.name,
                publish_path=platform.publish_path,
                docroot=args.code.docroot,
                application=args.code.application,
                publish_root=layout.publish_root(platform.publish_path),
                database=where,
                password=password,
                salt=later(credentials.salt),
                authority=args.database.authority,
                number=later(credentials.number),
                uploads=args.uploads,
                cron=(site.cron or ("off" if args.begin.cloned else application.often)) if enabled else "off",
                enabled=enabled,
                chain=later(certificate.chain) if certificate else "",
                key=later(certificate.key) if certificate else "",
                accounts=database.accounts,
                hub_password=hub_password,
                templates=templates.digest(
                    *sorted({web_types.program(member.type).template for member in args.members.values()}),
                    "php-pool.conf.j2",
                    application.settings_template,
                    "php-proxies.php.j2",
                    rules=application.addresses.text,
                ),
                proxies=args.proxies,
                members=members,
                master=args.master,
                holder=args.holder,
                php=_php(site, args.members, mail=mail),
                limits=_limits(site, args.members),
                values=_values(site, application.mail_kept(mail)),
                mail=mail,
                robots=site.robots or ("off" if args.begin.cloned else "on"),
                former=args.begin.former,
                fallback=args.begin.fallback,
                backups=later(args.backups) if args.backups else "",
            ),
            self.child(depends_on=[made], also=kept),
        )
        self._password = credentials.administrator
        self._may_be_loaded = args.begin.origin is not None
        if site.admin.password is not None:
            self._password = pulumi.Output.secret(site.admin.password)
        self._installation = InstallationInputs(
            **InstallationInputs.declared_by(site),
            site=key,
            name=site.name if site.formerly else "",
            platform=platform.name,
            publish_path=platform.publish_path,
            docroot=args.code.docroot,
            application=args.code.application,
            profile=site.profile or STANDARD,
            title=site.title,
            language=site.language,
            admin=site.admin.name,
            mail=site.admin.mail,
            admin_password=later(self._password),
            database=where,
            authority=args.database.authority,
            password=password,
            members=members,
            master=args.master,
            holder=args.holder,
            enabled=enabled,
            fingerprint=later(certificate.fingerprint) if certificate else "",
            accounts=database.accounts,
            hub_password=hub_password,
            updated=any(step.kind == "database" for step in steps),
            origin=later(args.begin.origin) if args.begin.origin else "",
        )
        admin = site.admin.name
        if args.begin.loaded:
            admin, self._password = "", pulumi.Output.secret("")
        port = next(iter(args.members.values())).port
        url = vhosts.address(site.name, port, tls=site.https != "none")
        self.rollout = RolloutSite(
            name=site.name,
            url=url,
            enabled=enabled,
            steps=tuple(RolloutStep(**dataclasses.asdict(step)) for step in steps),
            uncounted=site.uncounted_tables,
            blind=_is_blind(site, args.members),
            accounts=RolloutAccounts.of(database),
        )
        self.passwords = pulumi.Output.all(account=credentials.database, hub=hub_password)
        self._outputs = {"url": url, "admin_name": admin, "admin_password": self._password}

    @property
    def url(self) -> pulumi.Output[str]:
        """The address that it answers at; what uses it comes after the site."""
        return self.output("url")

    @property
    def admin_name(self) -> pulumi.Output[str]:
        """The name of its first account; empty where accounts came with the content."""
        return self.output("admin_name")

    @property
    def admin_password(self) -> pulumi.Output[str]:
        """The password of its first account, secret; empty where accounts came with the content."""
        return self.output("admin_password")

    def install(self, ready: list[pulumi.Resource]) -> None:
        """Declare the application's installation, and the proof that the site answers.

        Args:
            ready: its web servers with the site in their configuration.
        """
        self.installation = Installation(
            self.key, self._installation, self.child(depends_on=[self.configuration, *ready])
        )
        if self._may_be_loaded:
            # Accounts that came with the content have passwords of their own.
            known = pulumi.Output.all(self.installation.loaded, self._password)
            self._password = known.apply(lambda each: "" if each[0] else str(each[1]))
            name = self._outputs["admin_name"]
            self._outputs["admin_name"] = self.installation.loaded.apply(lambda loaded: "" if loaded else name)
        self.access = {**self._outputs, "admin_password": self._password}
        self.finish(self._outputs, admin_password=self._password)


def _is_blind(site: settings.Site, members: Mapping[str, Member]) -> bool:
    """Tell whether the site's PHP may not look for the file that says that it is being updated."""
    return any("open_basedir" in site.php.over(member.php).values for member in members.values())


def _values(site: settings.Site, kept: Mapping[str, Mapping[str, Any]]) -> str:
    """Give what the site's settings file is told, as one text: any of it may be a secret.

    Args:
        site: the site.
        kept: what keeps mail from leaving it, which no setting undoes.
    """
    given = {
        "settings": {**site.settings, **kept.get("settings", {})},
        "config": {**site.config, **kept.get("config", {})},
    }
    return later(pulumi.Output.secret(json.dumps(given))) if any(given.values()) else ""


def _limits(site: settings.Site, members: Mapping[str, Member]) -> dict[str, quotas.Quotas]:
    """Give what is declared of what the site may take, by web server; nothing where nothing is."""
    found = {name: site.limits.over(member.limits) for name, member in members.items()}
    limits = {
        name: quotas.Quotas(cpu=declared.cpu, memory=declared.memory, tasks=declared.tasks)
        for name, declared in found.items()
    }
    return {name: declared for name, declared in limits.items() if declared != quotas.USUAL}


def _connections(args: SiteParts) -> int:
    """Give how many connections each account of the site may have at once; 0 for the default."""
    children = max((args.site.php.over(member.php).children for member in args.members.values()), default=0)
    number = args.site.limits.connections or args.connections or quotas.default_connections(children)
    return 0 if number == quotas.CONNECTIONS else number


def _php(site: settings.Site, members: Mapping[str, Member], *, mail: str) -> dict[str, limits.PhpInputs]:
    """Give what is declared of PHP, by web server; nothing where nothing is."""
    found = {}
    for name, member in members.items():
        declared = site.php.over(member.php)
        values = declared.values if mail == "on" else mail_service.values(mail, declared.values)
        php = limits.PhpInputs(
            memory=declared.memory, uploads=declared.uploads, time=declared.time, children=declared.children,
            values=values, version=declared.version,
        )  # fmt: skip
        if php != limits.NO_PHP:
            found[name] = php
    return found
