"""Writes a site's backup as a stream; restic runs this program and keeps what it prints.

``python -m aegir_components.backups.produce DIRECTORY``: the directory is private, in memory, and has ``source.json``. What
is found out on the way goes to ``manifest.json`` there, and why it failed to ``failure``. Nothing else is written anywhere.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from aegir_components.archives import keeping
from aegir_components.messages import numbered
from aegir_components.messages.printable import first_of, one_line
from aegir_components.mysql import client, databases
from aegir_components.remote import receiving
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script

from . import archive, inventory, sql
from .source import Place, Source

SOURCE: Final = "source.json"
FAILURE: Final = "failure"
ABOUT: Final = "about.json"
FORMAT: Final = 1
TIMEOUT: Final = 6 * 3600.0
"""Seconds for one stream."""
BLOCK: Final = 1 << 18
"""Bytes of a dump that are taken at a time: larger blocks take more memory, and more time as well."""
NAMED: Final = 50
"""Files that are named in a manifest, of each kind of trouble."""
LOW: Final = (
    'low() { if command -v ionice >/dev/null; then ionice -c 3 nice -n 19 "$@"; else nice -n 19 "$@"; fi; }; LC_ALL=C; '
    "export LC_ALL"
)
"""Shell: run a program so that the site's own work comes first."""
URGENT: Final = 'low() { "$@"; }; LC_ALL=C; export LC_ALL'
"""Shell: run it at once, where the site is closed."""

_GONE = re.compile(
    r"tar: (.*?): (?:File removed before we read it|(?:Warning: )?Cannot [a-z_]+: No such file or directory)$"
)
_CHANGED = re.compile(r"tar: (.*): (?:file changed as we read it|File shrank by .*)$")
_SOCKET = re.compile(r"tar: (.*): socket ignored$")
_UNREAD = re.compile(r"tar: (.*): (Cannot .*|Read error.*)$")


class Findings:
    """What is found out while a backup is written."""

    def __init__(self) -> None:
        self.not_saved: list[str] = []
        """What is missing in the backup, by name: it is incomplete."""
        self.harmless: list[str] = []
        """What of it is lost to nobody: it is not there, or its text is saved."""
        self.notes: list[str] = []
        """What somebody should know of it, though nothing is missing."""

    def lacks_harmlessly(self, text: str) -> None:
        """Note what is missing in the backup, and lost to nobody."""
        self.not_saved.append(text)
        self.harmless.append(text)


def write(source: Source, exclude: tuple[str, ...], out: IO[bytes], *, urgent: bool = False) -> dict[str, Any]:
    """Write a backup, and return its manifest.

    Args:
        source: the site.
        exclude: patterns of files that are left out.
        out: gets the stream.
        urgent: whether the site is closed meanwhile, so that its own work need not come first.

    Raises:
        HostError: a machine did not give what it has.
        DatabaseError: the database server refuses.
        DamagedError: what came from a machine is no tar.
    """
    writer, found, low = archive.Writer(out), Findings(), URGENT if urgent else LOW
    begun = int(time.time())
    writer.add(ABOUT, json.dumps({"format": FORMAT, "site": source.site, **source.about}, sort_keys=True).encode())
    # The database first: an upload that it names is then in the files.
    database = _database(source, writer, found, low)
    files = {place.label: _files(place, exclude, writer, found, low) for place in source.places}
    manifest = {
        "format": FORMAT, "site": source.site, "name": source.name, "stack": source.holder, "begun": begun,
        "ended": int(time.time()), "database": database, "files": files,
        "not_saved": found.not_saved, "harmless": found.harmless, "notes": found.notes,
        "size": writer.size, "sha256": writer.digest, "about": dict(source.about), "exclude": list(exclude),
    }  # fmt: skip
    writer.add(archive.MANIFEST, json.dumps(manifest, sort_keys=True).encode())
    writer.end()
    return manifest


def _database(source: Source, writer: archive.Writer, found: Findings, low: str) -> dict[str, Any]:
    if not databases.exists(source.endpoint, source.database):
        found.lacks_harmlessly(f"{source.server}: the database {source.database} is not there")
        return {
            "name": source.database, "server": source.server, "version": "", "rows": {}, "objects": {}, "longest": 0,
            "charset": "", "collation": "", "definers": {},
        }  # fmt: skip
    with client.connect(source.endpoint) as session:
        before = inventory.objects(session, source.database)
        broken = inventory.broken_views(session, source.database)
        unsteady = inventory.of_no_transaction(session, source.database)
        definers = inventory.definers(session, source.database)
        charset = inventory.character_set(session, source.database)
        version = str(session.rows("SELECT VERSION()")[0][0])
    if unsteady:
        found.notes.append(f"tables without transactions are not of one moment: {first_of(unsteady, NAMED)}")
    for view in broken:
        found.lacks_harmlessly(f"view {view.name}, which cannot be read ({one_line(view.why)}); its text is saved")
        writer.add(f"{sql.DIRECTORY}-broken/{view.name}.sql", view.definition.encode())
    splitter = sql.Splitter(writer.add)
    dump(source, [view.name for view in broken], splitter, low)
    with client.connect(source.endpoint) as session:
        after = inventory.objects(session, source.database)
    if changes := inventory.differences(before, after):
        raise HostError(
            source.server,
            numbered(
                7120, f"the database of {source.name} was changed while it was dumped: {first_of(changes, NAMED)}"
            ),
        )
    saved = {**before, "views": [name for name in before["views"] if name not in {view.name for view in broken}]}
    if missing := set(before["tables"]) - set(splitter.rows):
        raise HostError(
            source.server, numbered(7121, f"the dump of {source.name} has no {first_of(sorted(missing), NAMED)}")
        )
    return {
        "name": source.database, "server": source.server, "version": version, "rows": splitter.rows, "objects": saved,
        "longest": splitter.longest, "charset": charset[0], "collation": charset[1], "definers": definers,
        "bytes": splitter.size,
    }  # fmt: skip


def dump(source: Source, without: list[str], splitter: sql.Splitter, low: str) -> None:
    """Dump a site's database.

    Args:
        source: the site.
        without: tables and views that are left out.
        splitter: gets the dump.
        low: shell that defines how programs are run.

    Raises:
        HostError: the server did not give all of it.
    """
    ignored = [f"--ignore-table={source.database}.{name}" for name in without]
    with keeping.client_options(source.conn, source.endpoint) as (where, login):
        words = ["mysqldump", *login, *keeping.DUMP, *sql.OPTIONS, *ignored, source.database]

        def take(stream: IO[bytes]) -> None:
            while block := stream.read(BLOCK):
                splitter.feed(block)
            splitter.finish()

        text = f"{low}\nlow {shlex.join(words)}"
        receiving.receive(where, text, take, what=f"dumping the database of {source.name}", timeout=TIMEOUT)
    if not splitter.whole:
        raise HostError(source.server, numbered(7110, f"the dump of {source.name} has no end"))


def _files(place: Place, exclude: tuple[str, ...], writer: archive.Writer, found: Findings, low: str) -> dict[str, Any]:
    count = size = 0

    def take(stream: IO[bytes]) -> None:
        nonlocal count, size
        for entry in writer.pass_on(stream):
            count, size = count + 1, size + entry.size

    report = script.execute(
        place.conn,
        "check",
        [f"[ ! -d {shlex.quote(place.home)} ] || fact there yes"],
        what="looking for the site's files",
    )
    if "there" not in report.facts:
        found.lacks_harmlessly(f"{place.label}: the directory {place.home} is not there")
        return {"machine": place.conn.host, "home": place.home, "parts": [], "entries": 0, "bytes": 0}
    said = receiving.receive(
        place.conn, _tar(place, exclude, low), take, what=f"reading the files in {place.home}", timeout=TIMEOUT
    )
    judge(place.label, said, found)
    return {"machine": place.conn.host, "home": place.home, "parts": list(place.parts), "entries": count, "bytes": size}


def _tar(place: Place, exclude: tuple[str, ...], low: str = LOW) -> str:
    """Write the script that packs a place's files in the order of their names, below ``files/<label>/``."""
    label = re.sub(r"([\\&,])", r"\\\1", place.label)
    words = [
        "tar", "--create", "--file=-", "--numeric-owner", "--acls", "--sort=name", "--hard-dereference",
        "--warning=no-file-ignored",
        f"--transform=flags=rh;s,^,files/{label}/,", *(f"--exclude={pattern}" for pattern in exclude),
    ]  # fmt: skip
    parts = " ".join(map(shlex.quote, place.parts))
    # A status of 1 says that files vanished or changed meanwhile, 2 that some could not be read: they are named.
    return (
        f"{low}\ncd {shlex.quote(place.home)} || exit\nset --\n"
        f'for part in {parts}; do [ ! -e "$part" ] || set -- "$@" "$part"; done\n'
        f"[ $# -gt 0 ] || {{ head -c 1024 /dev/zero; exit 0; }}\n"
        f'low {shlex.join(words)} -- "$@"\nstatus=$?\n[ "$status" -gt 2 ] && exit "$status"\nexit 0'
    )


def judge(label: str, said: str, found: Findings) -> None:
    """Sort what tar said of files that it did not save.

    A file that its site removes meanwhile is in no later backup either: it is noted. One that is there and cannot be read is
    missing.

    Args:
        label: what the files' place is called in the backup.
        said: what tar printed to its standard error, in English.
        found: gets what is missing, and the notes.
    """
    kinds: list[tuple[re.Pattern[str], list[str], Callable[[str], str]]] = [
        (_GONE, [], lambda names: f"{label}: removed while they were read: {names}"),
        (_CHANGED, [], lambda names: f"{label}: written to while they were read: {names}"),
        (_SOCKET, [], lambda names: f"{label}: sockets, which have no content: {names}"),
    ]
    for line in said.splitlines():
        for pattern, names, _ in kinds:
            if match := pattern.match(line):
                names.append(one_line(match[1]))
                break
        else:
            if match := _UNREAD.match(line):
                found.not_saved.append(f"{label}: {one_line(match[1])} ({one_line(match[2])})")
    found.notes += [say(first_of(names, NAMED)) for _, names, say in kinds if names]


def main() -> int:
    """Write the backup that a directory describes to standard output."""
    directory = Path(sys.argv[1])
    # What restic is told to reach its repository is nobody else's business.
    for name in [name for name in os.environ if name.startswith(("RESTIC_", "AWS_"))]:
        del os.environ[name]
    try:
        given = json.loads((directory / SOURCE).read_text())
        source, out = Source.from_props(given["source"]), sys.stdout.buffer
        if given.get("archives"):
            # Several of these programs run side by side, and most of them have no use for what this one imports.
            from . import imported  # noqa: PLC0415

            manifest = imported.write(source, imported.Archives.from_props(given["archives"]), out)
        else:
            manifest = write(source, tuple(given["exclude"]), out, urgent=bool(given["urgent"]))
    except (HostError, client.DatabaseError, archive.DamagedError, tarfile.TarError, EOFError, OSError) as fault:
        (directory / FAILURE).write_text(str(fault))
        return 1
    (directory / archive.MANIFEST).write_text(json.dumps(manifest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
