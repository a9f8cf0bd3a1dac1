"""The sites, as declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aegir_components.messages import numbered

from . import (
    backups,
    certificates,
    code_values,
    groups,
    model,
    names,
    origins,
    php,
    platforms,
    resource_limits,
    site_options,
    updating,
)
from .names import HostName, Wrong
from .reader import Node
from .wording import known, listed, quoted

LONGEST_SITE_PASSWORD: Final = 512
"""Drupal refuses longer ones, because hashing them would wear the server out."""

DATABASE_RIGHTS: Final = (
    *("ALTER ROUTINE", "CREATE ROUTINE", "CREATE VIEW", "EVENT", "EXECUTE"),
    *("LOCK TABLES", "REFERENCES", "SHOW VIEW", "TRIGGER"),
)
"""What a site's accounts can have on its database besides what every site's have."""

_PROFILE = names.matching(r"[a-z][a-z0-9_]*", 50, "an install profile's machine name (lower case, digits, _)")
_LANGUAGE = names.matching(
    r"[a-z]{2,3}([_-][A-Za-z0-9]{1,9})*", 20, "a language code (en, pt-br for Drupal, de_DE for WordPress)"
)
_ADMIN = names.matching(
    r"[A-Za-z0-9]([A-Za-z0-9._@ -]*[A-Za-z0-9._@-])?",
    60,
    "an account name of up to 60 ASCII letters (a-z, A-Z), digits, spaces and . _ @ -, such as admin",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Estate:
    """What has been read before the sites, and what they may refer to."""

    environment: model.Environment
    platforms: Mapping[str, model.Platform]
    servers: Mapping[str, model.Server]
    clusters: Mapping[str, groups.WebCluster]
    acme: certificates.Acme | None
    packs: Mapping[str, groups.Pack] = field(default_factory=dict)
    backups: backups.Backups | None = None

    def web_servers(self, platform: str) -> dict[str, model.WebType]:
        """Name the web servers of a platform, with their types; none where it is wrong."""
        return {name: web.type for name, web in self._web_services(platform).items()}

    def php_versions(self, platform: str) -> dict[str, tuple[str, ...]]:
        """Name the web servers of a platform, with the versions of PHP that each declares."""
        return {name: web.php_versions for name, web in self._web_services(platform).items()}

    def _web_services(self, platform: str) -> dict[str, model.WebService]:
        target = self.platforms[platform].server if platform in self.platforms else ""
        group = self.clusters.get(target) or self.packs.get(target)
        members = group.servers if group else (target,)
        found = {name: self.servers[name].web for name in members if name in self.servers}
        return {name: web for name, web in found.items() if web}


def read_sites(node: Node, estate: Estate) -> dict[str, model.Site]:
    """Read ``aegir:sites``; only what has no other site's name is in the answer."""
    hosts: list[tuple[Node, HostName]] = []
    taken: dict[str, str] = {}
    for key, entry in node.entries():
        try:
            host = names.host_name(key)
        except Wrong as wrong:
            entry.fault(wrong.text)
            # Its other problems are looked for all the same.
            host = HostName(ascii=key, display=key)
        if host.ascii in taken:
            entry.fault(numbered(1017, f"is the same name as site {quoted(taken[host.ascii])}"))
        taken.setdefault(host.ascii, key)
        hosts.append((entry, host))
    users = {name: f"the name of site {quoted(key)}" for name, key in taken.items()}
    sites: dict[str, model.Site] = {}
    made = dict.fromkeys(taken, "")
    renamed = {host.ascii: entry.child("formerly").given for entry, host in hosts}
    for entry, host in hosts:
        former = _formerly(entry.child("formerly"), host, made, renamed)
        made.setdefault(former, host.display)
        sites.setdefault(host.ascii, _site(entry, host, former, users, estate))
    return dict(sorted(sites.items()))


def read_confirmed(node: Node, declared: Mapping[str, model.Site]) -> tuple[str, ...]:
    """Read ``aegir:confirm_removals``: sites that are no longer declared, and are to be removed with their content."""
    found = []
    for item in node.items():
        name = item.text("", names.site_name)
        if name in declared:
            item.fault(numbered(1405, f"{item.describe()} is declared under aegir:sites; remove it there, or here"))
        found.append(name)
    return tuple(sorted(set(found)))


def _formerly(node: Node, host: HostName, made: Mapping[str, str], renamed: Mapping[str, bool]) -> str:
    """Read the name that a site was made with.

    Args:
        node: the setting.
        host: the site's name now.
        made: the names that others have, and those that others were made with, each with who that is.
        renamed: of each declared name, whether its site was made with another one: then nobody's data are of this name.
    """
    name = node.text("", names.site_name)
    if not name:
        return ""
    way = "write the name that this site was made with, or remove the key"
    if name == host.ascii:
        node.fault(
            numbered(
                1429,
                "is the site's present name, and the key is for a renamed site: remove it. If the site was made with another "
                "name, preview then names that",
            )
        )
    elif made.get(name):
        node.fault(
            numbered(
                1404,
                f"{node.describe()} is `formerly` of site {quoted(made[name])} too, and only one site was made with this "
                "name: remove the key at the other one",
            )
        )
    elif name in made and not renamed.get(name):
        node.fault(numbered(1404, f"{node.describe()} is the name of another site, and its data are that one's: {way}"))
    return name


def _site(node: Node, host: HostName, former: str, users: dict[str, str], estate: Estate) -> model.Site:
    node.check_keys()
    platform = _platform(node.child("platform"), estate.platforms)
    webs = estate.web_servers(platform)
    site_options.refuse_placement(node, platform, list(webs))
    https = site_options.read_https(node.child("https"), webs)
    allowed = php.read_php(node.child("php"))
    php.check_version(node.child("php").child("version"), allowed.version, estate.php_versions(platform))
    isolation = node.child("isolation").choice("pool", model.ISOLATIONS)
    origin = origins.read_origin(node.child("origin"), estate.backups)
    origins.check_install(node.child("install"), origin)
    resource_limits.check_site(node.child("limits"), isolation, allowed.children)
    return model.Site(
        name=host.ascii,
        display_name=host.display,
        platform=platform,
        database=_database(_database_server(node.child("database")), estate.servers),
        database_rights=_database_rights(node.child("database")),
        profile=node.child("profile").text("", _PROFILE),
        title=node.child("title").text(host.display, names.free_text),
        language=node.child("language").text("en", _LANGUAGE),
        aliases=_aliases(node.child("aliases"), host, users),
        formerly=former,
        admin=_admin(node.child("admin"), host),
        state=node.child("state").choice("enabled", model.SITE_STATES),
        client=_client(node.child("client")),
        https=https,
        certificate=site_options.read_certificate(node.child("certificate"), https, estate.acme),
        redirect_aliases=node.child("redirect_aliases").flag(False),
        isolation=isolation,
        cron=site_options.read_cron(node.child("cron")),
        php=allowed,
        limits=resource_limits.read_limits(node.child("limits")),
        settings=code_values.read_values(node.child("settings")),
        config=code_values.read_values(node.child("config")),
        health=node.child("health").flag(True),
        install=node.child("install").flag(True),
        update=updating.read_update(node.child("update")),
        uncounted_tables=updating.read_tables(node.child("uncounted_tables")),
        release=node.child("release").text("", platforms.release_name),
        forward=site_options.read_forward(node.child("forward")),
        password_version=node.child("password_version").number(1, 1, 1_000_000),
        protect=node.child("protect").flag(estate.environment == "production"),
        backups=backups.read_site(node.child("backups"), estate.backups),
        origin=origin,
        mail=site_options.read_mail(node.child("mail")),
        robots=site_options.read_switch(node.child("robots")),
    )


def _platform(node: Node, platforms: Mapping[str, model.Platform]) -> str:
    if not node.given:
        node.fault(numbered(1013, f"missing; known: {listed(platforms)}"))
        return ""
    name = node.reference("platform", platforms)
    if name and name not in platforms:
        node.fault(numbered(1015, f"no platform named {node.describe()}; {known(name, platforms)}"))
        return ""
    return name


def _database_server(node: Node) -> Node:
    """Give the setting that names the server: `database` itself, or `server` in the mapping."""
    if not isinstance(node.value, Mapping):
        return node
    node.check_keys()
    return node.child("server")


def _database_rights(node: Node) -> tuple[str, ...]:
    if not isinstance(node.value, Mapping):
        return ()
    rights = (item.choice("", DATABASE_RIGHTS) for item in node.child("rights").items())
    return tuple(sorted({right for right in rights if right}))


def _database(node: Node, servers: Mapping[str, model.Server]) -> str:
    able = [server.name for server in servers.values() if server.database]
    if not node.given:
        if len(able) == 1:
            return able[0]
        if able:
            node.fault(
                numbered(1013, f"missing, and several servers have a database service; write one of {listed(able)}")
            )
        else:
            node.fault(
                numbered(1013, 'missing, and no server has a database service ("database: mysql" in its services)')
            )
        return ""
    name = node.reference("server with a database service", able)
    if not name or name in able:
        return name
    if name in servers:
        node.fault(
            numbered(1107, f"server {node.describe()} has no database service; servers that have one: {listed(able)}")
        )
    else:
        node.fault(numbered(1015, f"no server named {node.describe()}; {known(name, servers)}"))
    return ""


def _aliases(node: Node, host: HostName, users: dict[str, str]) -> tuple[str, ...]:
    aliases: list[str] = []
    for item in node.items():
        alias = item.text("", names.site_name)
        if not alias:
            continue
        if alias == host.ascii:
            item.fault(numbered(1403, "is the site's own name; remove it"))
        elif alias in aliases:
            item.fault(numbered(1014, f"{item.describe()} is in this list already"))
        elif alias in users:
            item.fault(numbered(1403, f"{item.describe()} is {users[alias]} already"))
        else:
            users[alias] = f"an alias of site {quoted(host.display)}"
            aliases.append(alias)
    return tuple(sorted(aliases))


def _admin(node: Node, host: HostName) -> model.SiteAdmin:
    node.check_keys()
    mail, default = node.child("mail"), f"admin@{host.ascii}"
    if not mail.given and len(host.ascii) <= names.LONGEST_HOST_NAME and len(default) > names.LONGEST_MAIL:
        mail.fault(
            numbered(1406, f"missing; the default, {quoted(default)}, has more than {names.LONGEST_MAIL} characters")
        )
    return model.SiteAdmin(
        name=node.child("name").text("admin", _ADMIN),
        mail=mail.text(default, names.mail_address),
        password=node.child("password").password(LONGEST_SITE_PASSWORD),
    )


def _client(node: Node) -> str:
    return "" if node.value == "" else node.text("", names.free_text)
