"""What was found of a site that runs elsewhere, as data. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aegir_components.messages import AegirError, numbered
from aegir_components.messages.printable import first_of
from aegir_components.scripts.script import number
from aegir_components.settings import names

_FACT: Final = re.compile(r"^::([a-z_]+) ([A-Za-z0-9+/=]*)$", re.MULTILINE)
_HOST: Final = re.compile(r"^(?:https?:)?//([^/:?#]+)")


CLOSED: Final = 20
"""How many closed directories are told at most."""

NAMED: Final = 8
"""Words that are named before "and 40 more"."""


class Unread(AegirError):
    """The site could not be inspected; says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Directory:
    """A directory with files of the site's."""

    path: str
    files: int
    size: int
    """Bytes."""
    whole: bool = True
    """Whether all of it was counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Database:
    """Its database."""

    name: str = ""
    prefix: str = ""
    version: str = ""
    """Empty where it was not reached."""
    tables: int = 0
    size: int = 0
    """Bytes."""
    others: int = 0
    """Tables with another prefix."""
    engines: Mapping[str, int] = field(default_factory=dict)
    """Tables by engine, but for InnoDB's."""
    objects: Mapping[str, int] = field(default_factory=dict)
    """How many there are of ``views``, ``triggers``, ``routines`` and ``events``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A site that runs elsewhere."""

    host: str
    user: str
    root: str
    """The directory that was named."""
    docroot: str
    application: str
    version: str
    site: str = ""
    """Of Drupal, its directory below ``sites``."""
    sites: tuple[str, ...] = ()
    """All directories below ``sites`` that have settings."""
    php: str = ""
    """The version of PHP for the command line; empty where there is none."""
    extensions: tuple[str, ...] = ()
    programs: frozenset[str] = frozenset()
    """Which of ``dumps`` and ``rsync`` there are."""
    names: tuple[str, ...] = ()
    """Host names, the first of which the site calls its own, as far as that is known."""
    cron: int = 0
    """Lines of the user's crontab."""
    title: str = ""
    profile: str = ""
    modules: tuple[str, ...] = ()
    driver: str = ""
    unreached: str = ""
    """Why the database was not reached."""
    database: Database = field(default_factory=Database)
    directories: Mapping[str, Directory] = field(default_factory=dict)
    """``public``, ``private`` and ``config``, where they are there."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Paths of those that the settings name and that do not exist or cannot be read."""
    closed: tuple[str, ...] = ()
    """Directories in the public one, relative to it, that a ``.htaccess`` there closes; at most ``CLOSED``."""
    has_vendor_above: bool = False
    """Whether ``vendor`` lies beside the document root, inside the directory that was named."""
    settings: tuple[str, ...] = ()
    """What its settings file sets beside the database."""
    network: bool = False
    """Whether it is a network of sites of WordPress's."""
    has_salt: bool = False
    """Whether its settings file has a hash salt."""
    fault: str = ""
    """What its settings file raised."""

    @property
    def below(self) -> str:
        """The document root, relative to the directory that was named; empty where both are one."""
        return self.docroot.removeprefix(self.root).strip("/")


def facts(text: str) -> dict[str, str]:
    """Read what our program printed; whatever else stands there is passed over."""
    found = {}
    for name, packed in _FACT.findall(text):
        try:
            found[name] = base64.b64decode(packed, validate=True).decode(errors="replace")
        except binascii.Error:
            continue
    return found


def directory_of(given: Mapping[str, str], chosen: str) -> str:
    """Choose the directory below ``sites`` that is inspected.

    Raises:
        Unread: none was chosen, and there are several; or there is no such one.
    """
    if given.get("application") == "wordpress":
        return ""
    there = given.get("sites", "").split()
    if chosen:
        if chosen not in there:
            raise Unread(numbered(3510, f"there is no sites/{chosen}/settings.php; there are {listed(there)}"))
        return chosen
    if len(there) > 1 and "default" not in there:
        raise Unread(numbered(3510, f"there are {len(there)} sites: name one with --site: {listed(there)}"))
    return "default" if "default" in there or not there else there[0]


def site(given: Mapping[str, str], directory: str, told: Mapping[str, Any]) -> Site:
    """Put together what the machine and the site's own settings tell.

    Args:
        given: the facts of the machine.
        directory: below ``sites``; empty for WordPress.
        told: what PHP told; empty where there is none.
    """
    own, base = told.get("own") or {}, told.get("database") or {}
    hosts = [found[1].lower() for address in told.get("addresses") or () if (found := _HOST.match(str(address)))]
    sites = tuple(given.get("sites", "").split())
    vhosts = [name for name in given.get("names", "").split() if name not in ("_", "localhost")]
    from_directory = [directory] if "." in directory else []
    several = len(sites) > 1 and bool(directory)
    if several:
        vhosts = [name for name in vhosts if _serving(name.lower(), sites) in ("", directory)]
    ordered = (*from_directory, *vhosts) if several else (*hosts, *vhosts, *from_directory)
    known = dict.fromkeys(name.lower() for name in ordered)
    return Site(
        host=given.get("host", ""), user=given.get("user", ""), root=given["root"], docroot=given["docroot"],
        application=given["application"], version=given.get("version", ""), site=directory,
        sites=sites, php=given.get("php", ""),
        extensions=tuple(given.get("extensions", "").split()),
        programs=frozenset(name for name in ("dumps", "rsync") if given.get(name)),
        names=tuple(filter(_is_name, known)), cron=number(given.get("cron", "")),
        title=str(told.get("title") or ""), profile=str(told.get("profile") or ""),
        modules=tuple(sorted(str(name) for name in told.get("modules") or ())), driver=str(told.get("driver") or ""),
        unreached=str(told.get("unreached") or ""), database=_database(base),
        directories={
            str(kind): Directory(path=str(one["path"]), files=int(one["files"]), size=int(one["bytes"]), whole=bool(one["whole"]))
            for kind, one in (told.get("paths") or {}).items()
        },
        unread={str(kind): str(path) for kind, path in (told.get("unread") or {}).items()},
        closed=tuple(str(path) for path in told.get("closed") or ()), has_vendor_above=bool(given.get("vendor_above")),
        settings=tuple(sorted(str(name) for name in own.get("settings") or ())), network=bool(own.get("network")),
        has_salt=bool(own.get("salt")), fault=str(told.get("fault") or ""),
    )  # fmt: skip


def read_told(given: Mapping[str, str]) -> dict[str, Any]:
    """Read what PHP told.

    Raises:
        Unread: it told nothing.
    """
    try:
        found = json.loads(given.get("told", ""))
    except ValueError:
        raise Unread(numbered(3512, "its PHP for the command line did not run our program to its end")) from None
    return found if isinstance(found, dict) else {}


def _serving(name: str, directories: Sequence[str]) -> str:
    """Give the directory below ``sites`` whose name Drupal finds for a host name; empty for none."""
    labels = name.split(".")
    shorter = (".".join(labels[first:]) for first in range(len(labels)))
    return next((each for each in shorter if each in directories), "")


def _is_name(word: str) -> bool:
    try:
        names.site_name(word)
    except names.Wrong:
        return False
    return "." in word


def _database(base: Mapping[str, Any]) -> Database:
    kinds = ("views", "triggers", "routines", "events")
    engines = base.get("engines") or {}
    return Database(
        name=str(base.get("name") or ""), prefix=str(base.get("prefix") or ""), version=str(base.get("version") or ""),
        tables=int(base.get("tables") or 0), size=int(base.get("bytes") or 0), others=int(base.get("others") or 0),
        engines={str(name): int(count) for name, count in dict(engines).items()},
        objects={kind: int(base[kind]) for kind in kinds if base.get(kind)},
    )  # fmt: skip


def listed(words: Sequence[str]) -> str:
    """Name the first of many words."""
    return first_of(words, NAMED) or "none"
