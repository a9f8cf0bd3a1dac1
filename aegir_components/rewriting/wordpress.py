"""What the former addresses of a WordPress site are, and where its content has them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aegir_components.mysql import client, copies, databases, statements
from aegir_components.mysql.client import Endpoint, Session, decoded

from . import tables
from .addresses import Move, Rewriter, listed, move
from .tables import Done

PREFIX: Final = "wp_"
"""What the names of our sites' tables begin with."""
_GUID: Final = re.compile(r"(?:[0-9]+_)?posts\Z")
"""Tables whose ``guid`` stays: readers of feeds know a post by it, as long as it exists."""
_DOMAINS: Final = ("blogs", "site", "signups")
"""Tables of a network that have host names without a port."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """A site's database."""

    endpoint: Endpoint
    """With the hub's account."""
    database: str
    user: str
    password: str
    """Of the site's own account."""

    def __repr__(self) -> str:
        """Keep the password out."""
        return f"Where({self.database!r})"


def rewrite_site(
    where: Where, url: str, former: Iterable[str], *, write: bool = True, tell: Callable[[str], None] = lambda _: None
) -> list[str]:
    """Give a site's content its address in the place of its former ones; return what was done, for people.

    Args:
        where: its database.
        url: its address.
        former: addresses or host names that it had, beside those that the database says.
        write: whether it is done, or only counted.
        tell: says what is being done.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with (
        client.connect(where.endpoint) as look,
        copies.as_account(where.endpoint, where.user, where.password) as session,
    ):
        session.rows(f"USE {statements.name(where.database)}")
        there = databases.tables_of(look, where.database)
        moves, notes = find_moves(session, set(there), url, former)
        if not moves:
            return notes
        names = listed(moves)
        tell(f"{'rewriting' if write else 'counting'} {names} in the content of {url}")
        done = tables.rewrite_tables(look, session, where.database, PREFIX, _chooser(moves), write=write)
        return [*_said(done, names, url, write=write), *notes]


def _said(done: Done, names: str, url: str, *, write: bool) -> list[str]:
    return done.lines(names, url, tried=not write)


def find_moves(session: Session, there: set[str], url: str, former: Iterable[str]) -> tuple[list[Move], list[str]]:
    """Find the former addresses of a site, and say what a person has to know of them.

    Args:
        session: in its database.
        there: its tables.
        url: its address.
        former: those that are known.
    """
    if f"{PREFIX}options" not in there:
        return [], []
    said = [
        decoded(row[0])
        for row in session.rows(
            f"SELECT option_value FROM {PREFIX}options WHERE option_name IN ('siteurl', 'home')"  # noqa: S608
        )
    ]
    subs, notes = _network(session, there, url)
    if f"{PREFIX}blogs" in there:
        # A network has the directories of its sites in tables of its own.
        said = [_host(one) for one in said]
    addresses = [one for one in [*said, *former] if _host(one) not in subs]
    moves = [made for one in addresses if (made := move(one, url)) is not None]
    moves += [made for old, new in subs.items() if (made := move(old, new)) is not None]
    return list(dict.fromkeys(moves)), notes


def _network(session: Session, there: set[str], url: str) -> tuple[dict[str, str], list[str]]:
    """Give the new addresses of a network's sites that have host names of their own, by those."""
    if not {f"{PREFIX}blogs", f"{PREFIX}site"} <= there:
        return {}, []
    main = [decoded(row[0]) for row in session.rows(f"SELECT domain FROM {PREFIX}site ORDER BY id LIMIT 1")]  # noqa: S608
    sites = [decoded(row[0]) for row in session.rows(f"SELECT DISTINCT domain FROM {PREFIX}blogs ORDER BY domain")]  # noqa: S608
    if not main:
        return {}, []
    base, new = main[0].removeprefix("www."), urlsplit(url)
    port = f":{new.port}" if new.port else ""
    subs, kept = {}, []
    for site in sites:
        if site == main[0]:
            continue
        if not site.endswith(f".{base}"):
            kept.append(site)
            continue
        subs[site] = f"{new.scheme}://{site.removesuffix(base)}{(new.hostname or '').removeprefix('www.')}{port}"
    notes = []
    if subs:
        names = ", ".join(f"{old} is {_host(name)}" for old, name in sorted(subs.items()))
        notes.append(f"sites of the network: {names}. Each name has to be an alias of the site")
    if kept:
        notes.append(f"sites of the network that keep their names: {', '.join(kept)}")
    return subs, notes


def _chooser(moves: list[Move]) -> tables.Choose:
    usual = Rewriter(moves)
    alone = Rewriter(dataclasses.replace(one, netloc=one.netloc.partition(":")[0]) for one in moves)

    def choose(table: str, column: str) -> Rewriter | None:
        if column == "guid" and _GUID.match(table):
            return None
        return alone if column == "domain" and table in _DOMAINS else usual

    return choose


def _host(address: str) -> str:
    try:
        return urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""
