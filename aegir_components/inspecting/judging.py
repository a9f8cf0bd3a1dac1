"""What of a site fits here, what does not, and what a person has to decide. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from aegir_components.applications import APPLICATIONS, php
from aegir_components.applications.base import DOCROOTS
from aegir_components.messages import numbered

from .found import CLOSED, Site, listed

EXTENSIONS: Final = frozenset({
    "apcu", "bcmath", "calendar", "cgi-fcgi", "core", "ctype", "curl", "date", "dom", "exif", "ffi", "fileinfo", "filter", "ftp",
    "gd", "gettext", "hash", "iconv", "intl", "json", "libxml", "mbstring", "mysqli", "mysqlnd", "openssl", "opcache", "pcntl",
    "pcre", "pdo", "pdo_mysql", "phar", "posix", "random", "readline", "reflection", "session", "shmop", "simplexml", "sockets",
    "sodium", "spl", "standard", "sysvmsg", "sysvsem", "sysvshm", "tokenizer", "xml", "xmlreader", "xmlwriter", "xsl",
    "zend", "zip", "zlib",
})  # fmt: skip
"""Extensions of PHP that our web servers have."""
RIGHTS: Final = {"views": "CREATE VIEW", "triggers": "TRIGGER", "routines": "CREATE ROUTINE", "events": "EVENT"}
"""The right that an account needs to have objects of a kind."""


@dataclass(slots=True)
class Verdict:
    """What was judged."""

    misfits: list[str] = field(default_factory=list)
    """What has to be changed before the site can come."""
    notes: list[str] = field(default_factory=list)
    """What comes otherwise than it is, and what a person has to inspect."""


def judge(site: Site) -> Verdict:
    """Say what of a site does not fit, and what is to be decided."""
    found = Verdict()
    title = title_of(site)
    if site.application not in APPLICATIONS:
        found.misfits.append(numbered(3520, f"{title} is not supported"))
    if site.network:
        found.misfits.append(
            numbered(
                3521,
                "it is a network of WordPress sites, which is one database with many sites; a site here is one site",
            )
        )
    if site.driver not in ("", "mysql"):
        found.misfits.append(numbered(3522, f"its database is of {site.driver}: only MySQL and MariaDB are supported"))
    if site.unreached:
        found.misfits.append(numbered(3523, f"its database was not reached from there ({site.unreached})"))
    elif not site.driver:
        why = f" (its settings raised {site.fault})" if site.fault else ""
        found.misfits.append(
            numbered(
                3523, f"no database is named by its settings, as far as PHP for the command line can read them{why}"
            )
            if site.php
            else numbered(
                3523,
                "there is no PHP for the command line, so its settings and its database were not read: install php-cli there",
            )
        )
    elif not site.database.tables:
        found.misfits.append(
            numbered(3524, f"its database {site.database.name} has no table with the prefix {site.database.prefix!r}")
        )
    if site.php and "dumps" not in site.programs:
        found.misfits.append(
            numbered(3525, "there is no mysqldump, so no dump can be taken there: install default-mysql-client")
        )
    found.misfits += [
        numbered(
            3526, f"its directory of {kind} files, {site.unread[kind]}, does not exist or {site.user} cannot read it"
        )
        for kind in ("public", "private")
        if kind in site.unread
    ]
    if site.application == "drupal" and site.has_vendor_above and site.below not in ("", *DOCROOTS):
        roots = listed([f"{name}/" for name in DOCROOTS if name != "."])
        found.misfits.append(
            numbered(
                3527,
                f"its document root is {site.below}/, and platforms here have {roots}. Copy {site.root} to another "
                f"directory there, rename {site.below} to web in it and in its composer.json, and inspect the copy",
            )
        )
    found.notes += _notes(site)
    return found


def title_of(site: Site) -> str:
    """Name the application and its version."""
    known = APPLICATIONS.get(site.application)
    title = known.title if known else site.application
    return f"{title} {site.version}".strip()


def rights(site: Site) -> list[str]:
    """List the rights that the site's account needs for what is in its database beside tables."""
    return [right for kind, right in RIGHTS.items() if site.database.objects.get(kind)]


def _notes(site: Site) -> list[str]:
    base, notes = site.database, []
    if site.php and not _same_php(site.php):
        offers = ", ".join(f"PHP {version} on {name}" for name, version in php.DISTRIBUTIONS.items())
        notes.append(
            numbered(
                3530,
                f"it runs on PHP {site.php}; web servers here have {offers}. preview says whether the code runs on it",
            )
        )
    if odd := sorted(set(site.extensions) - EXTENSIONS - {"xdebug", "zend opcache"}):
        notes.append(numbered(3530, f"PHP there has extensions that web servers here do not have: {listed(odd)}"))
    if base.engines:
        told = ", ".join(f"{count} of {engine}" for engine, count in sorted(base.engines.items()))
        notes.append(numbered(3531, f"tables become InnoDB: {told}"))
    if base.others:
        notes.append(numbered(3531, f"{base.others} tables without the prefix {base.prefix!r} do not come along"))
    if needed := rights(site):
        notes.append(
            numbered(3531, f"its database has {_objects(site)}; the site needs the rights {', '.join(needed)} for them")
        )
    if site.cron:
        notes.append(
            numbered(
                3532,
                f"{site.user} has {site.cron} lines in its crontab there; the application's own cron is declared with "
                "cron, others are yours",
            )
        )
    if site.settings:
        notes.append(
            numbered(
                3532, f"its settings file sets more, which `values` at the site may declare: {listed(site.settings)}"
            )
        )
    if not site.names:
        notes.append(numbered(3533, "no host name was found: name it with --name"))
    if site.site == "default" and (others := [name for name in site.sites if name != "default"]):
        notes.append(numbered(3533, f"this is sites/default; choose another one with --site: {listed(others)}"))
    return notes + _notes_of_files(site)


def _notes_of_files(site: Site) -> list[str]:
    notes: list[str] = []
    if "public" not in site.directories and "public" not in site.unread:
        notes.append(numbered(3534, "no directory of uploads was found"))
    if path := site.unread.get("config"):
        notes.append(
            numbered(3534, f"its directory of configuration, {path}, does not exist or {site.user} cannot read it")
        )
    if site.closed:
        more = " and maybe more" if len(site.closed) == CLOSED else ""
        notes.append(
            numbered(
                3535,
                "web servers here read no .htaccess. One closes these directories in its uploads there, and their "
                f"files can be public here unless you deny them in custom.d: {', '.join(site.closed)}{more}",
            )
        )
    for kind, one in site.directories.items():
        if not one.whole:
            rest = ". Not all were searched for .htaccess" if kind == "public" else ""
            notes.append(numbered(3536, f"{one.path} has more than {one.files} files, which take their time{rest}"))
    return notes


def _same_php(version: str) -> bool:
    return ".".join(version.split(".")[:2]) in php.DISTRIBUTIONS.values()


def _objects(site: Site) -> str:
    return ", ".join(
        f"{count} {kind if count > 1 else kind.removesuffix('s')}" for kind, count in site.database.objects.items()
    )
