"""A site begins with the content of another one that serves meanwhile.

With ``sanitise`` its personal data is replaced inside its own database server: what is dumped is the copy that this leaves.
"""

from __future__ import annotations

import fnmatch
import re
import secrets
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from aegir_components import layout
from aegir_components.applications import APPLICATIONS, prefix_of
from aegir_components.archives import keeping
from aegir_components.backups import archive, files, inventory, loading
from aegir_components.backups.produce import LOW, TIMEOUT
from aegir_components.backups.source import SHARED, Source
from aegir_components.inputs import limits
from aegir_components.messages import numbered
from aegir_components.mysql import client, databases, objects
from aegir_components.remote import receiving
from aegir_components.sanitising import scratch
from aegir_components.services import vhosts

from . import feeding, uploads
from .dumps import DumpError
from .landing import Site
from .reading import Read

OPTIONS: Final = (
    *(word for word in keeping.DUMP if word not in {"--routines", "--triggers", "--events"}),
    "--skip-triggers",
)
"""Of mysqldump: tables alone."""
PERSONAL_FILES: Final = re.compile(
    r"(^|/)(webform|gravity_forms|wpforms|wpcf7_uploads|cf7|woocommerce_uploads|wc-logs|pictures|user_pictures|private|backup_migrate|"
    r"updraft|backups?|exports?|invoices?|tmp|config_[\w-]+)(/|$)|\.(sql|csv|xlsx?|ods|gz|zip|bz2|xz|zst|log|mbox|eml|vcf|json)$",
    re.IGNORECASE,
)
"""Uploads that are likely personal: they do not come into a sanitised clone."""
GENERATED: Final = re.compile(r"^(css|js|php|styles|translations)/")
"""What the application makes again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dumped:
    """A live site's database in a file."""

    path: Path
    called: str
    """What messages call it."""
    made: tuple[Read, ...]
    """Its views, triggers, routines and events, which the file has not."""
    notes: tuple[str, ...]
    """What could not be taken over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Which:
    """What of a live site's directories comes."""

    files: bool = True
    """Uploads."""
    database: bool = True
    """What belongs with the database."""


@dataclass(frozen=True, slots=True)
class Left:
    """Which uploads a clone leaves where they are."""

    patterns: tuple[str, ...] = ()
    """By their paths, as ``fnmatch`` takes them; what is below a directory that fits is left as well."""
    largest: int = 0
    """Bytes of the largest one that comes along; 0 for all."""

    @property
    def pattern(self) -> re.Pattern[str] | None:
        """The patterns as one; ``None`` where there is none."""
        each = [fnmatch.translate(pattern).removesuffix(r"\Z") for pattern in self.patterns]
        return re.compile("|".join(rf"\A{one}(?:/|\Z)" for one in each)) if each else None


ALL: Final = Left()
"""All of them come along."""
EVERYTHING: Final = Which()


def names_of(made: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the names that a site is or was known by, from its configuration in the state."""
    listed = (made.get("name"), *(made.get("aliases") or ()), *(made.get("former") or ()))
    return tuple(str(name) for name in listed if name)


def uploads_of(key: str, made: Mapping[str, Any]) -> str:
    """Give the address of a site's public uploads.

    Args:
        key: what the site is known by.
        made: its configuration in the state.
    """
    port = next((int(member.get("port", 80)) for member in made["members"].values()), 80)
    address = vhosts.address(str(made.get("name") or key), port, tls=made.get("https", "none") != "none")
    return f"{address}/sites/{key}/files"


def load(site: Site, given: Mapping[str, Any], staged: list[files.Staged]) -> list[str]:
    """Load a live site's content.

    Args:
        site: the site that gets it.
        given: its origin: ``source``, ``sanitise``, ``copies``, ``rules``.
        staged: gets the files.

    Raises:
        DumpError: it cannot be copied, or something in it looks personal and has no rule.
        HostError: a machine was not reached.
        DatabaseError: a database server does not answer, or refuses.
    """
    source, sanitise = Source.from_props(given["source"]), given["sanitise"] != "none"
    # What a program of before packed has neither.
    rules = Left(tuple(given.get("without") or ()), int(given.get("largest") or 0) * limits.MEGABYTE)
    which = Which(files=given["copies"] == "copy")
    notes = stage_files(site, source, staged, sanitise=sanitise, left=rules, which=which)
    with dumped(site, source, given["rules"] if sanitise else None, again="pulumi up") as dump:
        return [*notes, *dump.notes, *feeding.load(site, dump.path, "", called=dump.called, made=dump.made)]


def plans(source: Source, application: str, rules: Mapping[str, Any]) -> list[scratch.Plan]:
    """Decide what becomes of each table of a live site that is sanitised. Nothing is copied.

    Args:
        source: the live site.
        application: its application.
        rules: the team's own.

    Raises:
        DumpError: its server cannot do it, or something looks personal and has no rule.
        DatabaseError: its server does not answer, or refuses.
    """
    with client.connect(source.endpoint) as session:
        if "MariaDB" not in str(session.rows("SELECT VERSION()")[0][0]):
            raise DumpError(
                numbered(
                    3045,
                    f"{source.server} is no MariaDB server, and sanitising is tried there alone. Nothing has left it",
                )
            )
        prefix = prefix_of(application)
        try:
            return scratch.plans(session, source.database, application, prefix, rules)
        except scratch.UnsafeError as fault:
            raise DumpError(f"{source.name}: {fault}") from None


@contextmanager
def dumped(site: Site, source: Source, rules: Mapping[str, Any] | None, *, again: str) -> Iterator[Dumped]:
    """Dump a live site's database into a file without a name, for a block of work.

    Args:
        site: the site that gets it.
        source: the live site.
        rules: the team's own for sanitising; ``None`` for a dump with all personal data.
        again: the command that is to be run when a disk has room again.

    Raises:
        DumpError: something in it looks personal and has no rule.
        HostError: a machine was not reached.
        DatabaseError: a database server does not answer, or refuses.
    """
    made, notes = _objects(source)
    directory = Path(site.hub_root) / "backups"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A file without a name: nothing of it is left when this ends, however that comes.
    with tempfile.TemporaryFile(dir=directory) as dump:
        if rules is not None:
            _sanitised(site, source, rules, dump, again)
        else:
            _dump(source, source.database, [read.name for read in made if read.what == "VIEW"], dump)
        dump.flush()
        path = Path(f"/proc/self/fd/{dump.fileno()}")
        yield Dumped(path=path, called=f"the database of {source.name}", made=tuple(made), notes=tuple(notes))


def _sanitised(site: Site, source: Source, own: Mapping[str, Any], dump: IO[bytes], again: str) -> None:
    prefix, plan = prefix_of(site.application), plans(source, site.application, own)
    with client.connect(source.endpoint) as session:
        charset, collation = inventory.character_set(session, source.database)
    size = databases.size(source.endpoint, source.database)[1]
    # The schema has tables and indexes, and is counted with both.
    loading.want_room(source, size // 2, again)
    site.tell(f"{site.source.name}: sanitising a copy of {source.name} on {source.server}")
    with loading.scratch_schema(source, site.hub_root, charset, collation) as schema:
        with client.connect(source.endpoint) as session:
            scratch.fill(session, source.database, schema, plan, secrets.token_hex(24))
            try:
                scratch.check(session, schema, plan, prefix, own)
            except scratch.UnsafeError as fault:
                raise DumpError(f"{source.name}: {fault}") from None
        _dump(source, schema, [], dump)


def _dump(source: Source, schema: str, without: list[str], dump: IO[bytes]) -> None:
    with keeping.client_options(source.conn, source.endpoint) as (where, login):
        ignored = [f"--ignore-table={schema}.{name}" for name in without]
        text = f"{LOW}\nlow {shlex.join(['mysqldump', *login, *OPTIONS, *ignored, schema])}"

        def take(stream: IO[bytes]) -> None:
            while block := stream.read(archive.CHUNK):
                dump.write(block)

        receiving.receive(where, text, take, what=f"dumping the database of {source.name}", timeout=TIMEOUT)


def _objects(source: Source) -> tuple[list[Read], list[str]]:
    try:
        with client.connect(source.endpoint) as session:
            made = objects.read(session, source.database)
    except client.DatabaseError:
        return [], ["views, triggers, routines and events: one of them cannot be read"]
    return [Read(kind="object", name=one.name, text=one.statement.encode(), what=one.kind) for one in made], []


def stage_files(
    site: Site,
    source: Source,
    staged: list[files.Staged],
    *,
    sanitise: bool,
    left: Left = ALL,
    which: Which = EVERYTHING,
) -> list[str]:
    """Put a live site's uploads, and what belongs with its database, beside those of another one.

    Args:
        site: the site that gets them.
        source: the live site.
        staged: gets what was staged.
        sanitise: whether private files stay at the source, and uploads that look personal.
        left: which of its uploads stay there as well.
        which: what comes.

    Returns:
        What could not be taken over.

    Raises:
        DumpError: they cannot be read.
        HostError: they could not be written.
    """
    places = {place.label: place for place in source.places}
    first = places.get(SHARED) or next(iter(places.values()))
    below = "files" if first.label == SHARED else "site/files"
    public = uploads.Part(
        name="files",
        conn=first.conn,
        directory=f"{first.home}/{below}",
        without=PERSONAL_FILES if sanitise else GENERATED,
        excluded=left.pattern,
        largest=left.largest,
    )
    parts = [public] if which.files else []
    if which.files and not sanitise:
        parts.append(uploads.Part(name="private", conn=first.conn, directory=f"{first.home}/private"))
    notes = ["private files, and uploads that look personal, such as of forms"] if which.files and sanitise else []
    known = APPLICATIONS.get(site.application)
    if which.database and known and known.paired:
        there = f"{first.home}/{known.paired}"
        reader = layout.system_user(source.site)
        parts.append(uploads.Part(name=known.paired, conn=first.conn, directory=there, reader=reader, masked=sanitise))
    for place in site.source.places:
        done = uploads.stage(place, site.source.site, parts, site.tell)
        if done is not None:
            staged.append(done[0])
            notes += [text for text in done[1] if text not in notes]
    return notes
