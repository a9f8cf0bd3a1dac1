"""A site's content is put into its empty database and its empty directories, once.

While that lasts, the site answers 503. A record on the database server says that the content of the database is ours
and not complete. A run that was killed is so told from content: its half is removed, and it begins again. A load that
failed leaves an empty database, and the site stays closed: nobody else is to install an application into it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from aegir_components import layout
from aegir_components.backups import archive, files, inventory, loading
from aegir_components.backups.repository import BackupError
from aegir_components.backups.source import Place, Source
from aegir_components.deploy.site_closing import By, Closable, Reason
from aegir_components.hub.records import Records
from aegir_components.inputs.database import SiteDatabaseInputs
from aegir_components.inputs.site import InstallationInputs, SitePlace
from aegir_components.messages import around, numbered, text_of
from aegir_components.mysql import client, copies, statements
from aegir_components.mysql.databases import SiteDatabase
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError, Refused
from aegir_components.scripts import script
from aegir_components.services import vhosts

from . import loaded
from .dumps import DumpError

FAULTS: Final = (BackupError, HostError, client.DatabaseError, DumpError, archive.DamagedError)
LOADING: Final = "loading"
"""What is written down of a database, under ``origin``, while it is loaded."""
WHY: Final = Reason.of(By.ORIGIN, " (origin)")
"""What a closed site says of why."""
KIND: Final = "origins"
"""The hub's records of sites whose content was loaded."""

LOOK: Final = """\
files=$(find -H "$@" -type f ! -name .htaccess 2>/dev/null | head -n 1000 | wc -l)
fact files "$files"
"""
"""Shell: count what is in a site's directories; an application may put a .htaccess there before it is installed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A site that gets its content."""

    source: Source
    database: SiteDatabase
    application: str
    version: str
    """Of the code."""
    members: Mapping[str, Connection]
    ports: Mapping[str, int]
    hub_root: str
    url: str = ""
    """Its address."""
    kind: str = loaded.OWN
    """Whose content it is."""
    tell: Callable[[str], None] = field(repr=False)
    """Says what is done."""

    @property
    def closable(self) -> Closable:
        """It on its web servers."""
        return Closable(
            site=self.source.site,
            name=self.source.name,
            holder=self.source.holder,
            members=self.members,
            ports=self.ports,
        )

    @property
    def known(self) -> str:
        """What the hub knows of it: ``loading``, what was loaded (``own``, ``clone``), or nothing."""
        return str((self._records.get(*self._key) or {}).get("state", ""))

    def note(self, state: str) -> None:
        """Write that down."""
        self._records.put({"state": state}, *self._key)

    def forget(self) -> None:
        """Forget it."""
        self._records.drop(*self._key)

    @property
    def _records(self) -> Records:
        return Records(self.hub_root, KIND)

    @property
    def _key(self) -> tuple[str, str]:
        return self.source.holder, self.source.site


Load = Callable[[list[files.Staged]], list[str]]
"""Stages files, which it appends, and loads the database; gives what could not be taken over."""


def land(site: Site, load: Load) -> bool:
    """Load a site's content; return whether that was done: a database with content is left as it is.

    Args:
        site: the site.
        load: does it.

    Raises:
        Refused: it could not be loaded; the database is empty, the site answers 503, and the text says what to do.
        HostError: a machine was not reached before anything was done.
        DatabaseError: likewise the database server.
    """
    with copies.alone(site.source.endpoint, site.database) as free:
        if not free:
            raise Refused(
                site.source.server,
                numbered(3030, f"another run works on the database of {site.source.name}; wait for its end"),
            )
        if not _is_empty(site):
            return False
        _refuse_files(site)
        staged: list[files.Staged] = []
        site.note(LOADING)
        site.closable.close(WHY)
        with _marked(site, staged):
            notes = load(staged)
            for one in staged:
                one.swap()
        for one in staged:
            with suppress(HostError):
                # The next one removes it.
                one.finish()
        site.note(site.kind)
        site.closable.open()
    if notes:
        site.tell(f"{site.source.name}: not taken over, or changed: {'; '.join(notes)}")
    return True


def abandon(site: Site) -> None:
    """Leave a load that did not come to its end: nothing of it stays, and the site opens.

    Raises:
        HostError: a web server was not reached.
        DatabaseError: the database server does not answer, or refuses.
    """
    _is_empty(site)
    with client.connect(site.source.endpoint) as session:
        copies.forget(session, site.database.name, site.database)
    site.closable.open()
    site.forget()


def _is_empty(site: Site) -> bool:
    """Return whether there is nothing in the database; the half of a run that was killed is removed."""
    with client.connect(site.source.endpoint) as session:
        record = copies.record_in(session, site.database, site.database.name) or {}
        if record.get("origin") == LOADING:
            site.tell(
                f"{site.source.name}: a load of its content had not come to its end; what there is of it is removed"
            )
            # A run that was killed has kept the site's own accounts out.
            copies.open_again(site.source.endpoint, site.database)
            empty(site)
            return True
        return not any(inventory.objects(session, site.database.name).values())


def empty(site: Site) -> None:
    """Make the database empty, as it was.

    Raises:
        DatabaseError: the server refuses.
    """
    name = site.database.name
    with client.connect(site.source.endpoint) as session:
        session.be_patient()
        charset, collation = inventory.character_set(session, name)
        session.rows(f"DROP DATABASE IF EXISTS {statements.name(name)}")
        loading.create_schema(session, name, charset or "utf8mb4", collation)


@contextmanager
def _marked(site: Site, staged: list[files.Staged]) -> Iterator[None]:
    """Write down on the server that the database is ours and not whole, for a block of work; what fails leaves nothing."""
    want = site.database
    with client.connect(site.source.endpoint) as session:
        copies.note(session, want.name, want, {"origin": LOADING})
    try:
        yield
    except FAULTS as fault:
        _take_back(site, staged, fault)
        told = numbered(
            3031,
            f"the content of {site.source.name} could not be loaded: {fault}. Its database is empty again, and the "
            "site answers 503. Correct the origin of the site and run pulumi up; without origin the application is "
            "installed",
        )
        raise Refused(site.source.server, around(text_of(fault), told)) from None
    with client.connect(site.source.endpoint) as session:
        copies.forget(session, want.name, want)


def _take_back(site: Site, staged: list[files.Staged], fault: Exception) -> None:
    try:
        for one in staged:
            one.put_back()
        empty(site)
        with client.connect(site.source.endpoint) as session:
            copies.forget(session, site.database.name, site.database)
    except FAULTS as worse:
        raise Refused(
            site.source.server,
            numbered(
                3032,
                f"the content of {site.source.name} could not be loaded ({fault}), and what was loaded could not be "
                f"removed ({worse}). The site answers 503. When the cause is gone, run pulumi up: it begins again",
            ),
        ) from None


def _refuse_files(site: Site) -> None:
    for place in site.source.places:
        number = script.number(_look(place).get("files", ""), 0)
        if number:
            raise Refused(
                place.conn.host,
                numbered(
                    3033,
                    f"the database of {site.source.name} is empty, and {place.home} on {place.conn.host} has files of "
                    "it. Nothing was loaded over them. Move them away there and run pulumi up, or remove origin at "
                    "the site",
                ),
            )


def _look(place: Place) -> Mapping[str, str]:
    paths = [f"{place.home}/{part}" for part in place.parts]
    lines = [f"set -- {shlex.join(paths)}", LOOK]
    return script.execute(place.conn, "check", lines, what=f"looking for files in {place.home}").facts


def of(
    want: InstallationInputs, database: SiteDatabaseInputs, given: Mapping[str, Any], tell: Callable[[str], None]
) -> Site:
    """Read a site from the inputs of its ``Installation``.

    Args:
        want: the inputs.
        database: its database and accounts.
        given: its origin, as ``definition`` packs it.
        tell: says what is done.
    """
    ports = {name: member.port for name, member in want.members.items()}
    place = SitePlace.from_props({
        **want.to_props(), "publish_root": layout.publish_root(want.publish_path), "uploads": given.get("uploads"),
    })  # fmt: skip
    return Site(
        source=Source.of_site(place, database.password, {}), database=database.wanted, application=want.application,
        version=str(given.get("version") or ""), members=want.connections,
        ports=ports, url=vhosts.address(want.host, next(iter(ports.values())), tls=want.https != "none"),
        hub_root=want.hub_root, kind=str(given.get("kind") or loaded.OWN), tell=tell,
    )  # fmt: skip
