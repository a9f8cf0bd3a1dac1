"""A site's files on their way: copied beside the place where they go while the site is live, then once more what differs.

They lie where only root can enter until they are put in their place in one step, as the files of a backup do
(``backups/files.py``). The hub passes them on and keeps nothing.
"""

from __future__ import annotations

import base64
import secrets
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Final

from aegir_components import layout
from aegir_components.backups.files import Staged
from aegir_components.backups.produce import LOW
from aegir_components.backups.source import Place
from aegir_components.deploy import uploads
from aegir_components.messages import around, numbered
from aegir_components.messages.printable import first_of
from aegir_components.remote import receiving, session
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.scripts import script

from . import tree
from .pipe import Pipe

TIMEOUT: Final = 6 * 3600.0
"""Seconds for one stream."""
CHUNK: Final = 1 << 20
NAMED: Final = 3
RESERVE: Final = 256 << 20
"""Bytes that stay free on a web server."""

_CLEAN: Final = """\
clean() { # directory: only files, directories and links of the site; the machine that gave them may be in somebody else's hands
    find "$1" ! -type f ! -type d ! -type l -exec rm -f {} +
    find "$1" -type f -perm /6000 -exec chmod ug-s {} +
    find "$1" ! -group "${web:-0}" -exec chown -h "$user:$group" {} +
    find "$1" -group "${web:-0}" -exec chown -h "$user" {} +
}
"""
_BEGIN: Final = f"""\
set -eu
home=$1 user=$(id -u "$2") group=$(id -g "$2") part=$3 web=$(getent group www-data | cut -d: -f3)
fresh=$home/.aegir-restore
{_CLEAN}"""
_EXTRACT: Final = "--extract --numeric-owner --acls --same-owner --same-permissions --file=-"
_FIRST: Final = f"""\
{_BEGIN}[ -d "$fresh" ] || mkdir -m 700 "$fresh"
rm -rf "${{fresh:?}}/$part"
mkdir -p "$fresh/$part"
tar -C "$fresh/$part" {_EXTRACT}
clean "$fresh/$part"
"""
"""Shell: unpack a directory beside the site's own, where only root can enter."""
_REST: Final = f"""\
{_BEGIN}cd "$fresh/$part"
printf %s "$gone" | base64 -d | xargs -0r rm -rf --
rm -rf "$fresh/.rest"
mkdir -m 700 "$fresh/.rest"
tar -C "$fresh/.rest" {_EXTRACT}
clean "$fresh/.rest"
rsync -rlptgoA --numeric-ids --ignore-times "$fresh/.rest/" "$fresh/$part/"
rm -rf "$fresh/.rest"
"""
"""Shell: bring that up to date. rsync(1) puts a directory in the place of a link, where tar(1) would write through it."""


@dataclass(slots=True)
class Unit:
    """A directory of a site with the place where it goes."""

    source: Connection
    directory: str
    place: Place
    part: str
    """Its path below the place's home."""
    then: tree.Tree = field(default_factory=dict)
    """What it had before the first copy."""

    @property
    def target(self) -> str:
        """The directory that it becomes."""
        return f"{self.place.home}/{self.part}"

    @property
    def fresh(self) -> str:
        """Where it lies until then."""
        return f"{self.place.home}/.aegir-restore/{self.part}"


def units(had: Iterable[Place], now: Iterable[Place], fullest: str) -> list[Unit]:
    """Say which directory comes from where. Pure.

    Args:
        had: the places of before.
        now: the places that the site is to have.
        fullest: the web server of before that the files come from, where each has its own.
    """
    known: dict[str, tuple[Connection, str]] = {}
    for place in sorted(had, key=lambda place: place.conn.host == fullest):
        known |= {_kind(part): (place.conn, f"{place.home}/{part}") for part in place.parts}
    return [
        Unit(*known[kind], place=place, part=part)
        for place in now
        for part in place.parts
        if (kind := _kind(part)) in known
    ]


def _kind(part: str) -> str:
    return part.rpartition("/")[2]


def look(conn: Connection, directory: str) -> dict[bytes, tree.Entry]:
    """List a directory; nothing where there is none.

    Raises:
        HostError: it could not be read whole.
    """
    found = bytearray()

    def take(stream: IO[bytes]) -> None:
        while block := stream.read(CHUNK):
            found.extend(block)

    quoted = shlex.quote(directory)
    text = f"LC_ALL=C; export LC_ALL\n[ -d {quoted}/ ] || exit 0\ncd {quoted} || exit\n{tree.FIND}"
    receiving.receive(conn, text, take, what=f"listing {directory}", timeout=TIMEOUT)
    try:
        return tree.parse(bytes(found))
    except tree.ListingError as fault:
        raise Refused(conn.host, around(fault, f"listing {directory}: {fault}")) from None


def first_pass(unit: Unit, site: str) -> None:
    """Copy a directory while the site is live: what is written meanwhile comes with ``last_pass``.

    Raises:
        HostError: it could not be read or written.
    """
    unit.then = look(unit.source, unit.directory)
    _pour(unit, site, _packing(unit.directory, None), _FIRST, "copying files")


def last_pass(unit: Unit, site: str) -> int:
    """Copy what differs now that nobody writes any more, and compare the whole; return how many entries came or went.

    Raises:
        HostError: it could not be read or written, or is not the same afterwards.
    """
    now = look(unit.source, unit.directory)
    found = tree.difference(now, look(unit.place.conn, unit.fresh), unit.then)
    if found:
        gone = base64.b64encode(b"".join(path + b"\0" for path in found.go)).decode()
        packing = _packing(unit.directory, [b".", *found.come])
        _pour(unit, site, packing, f"gone={gone}\n{_REST}", "copying what was written to files meanwhile")
    if wrong := tree.unequal(now, look(unit.place.conn, unit.fresh)):
        raise Refused(
            unit.place.conn.host,
            numbered(8023, f"{unit.directory} is not the same as its copy: {first_of(wrong, NAMED)}"),
        )
    return len(found.come) + len(found.go)


def staged(found: Iterable[Unit], site: str) -> list[Staged]:
    """Give what is put in its place on each machine."""
    places: dict[tuple[str, str], list[Unit]] = {}
    for unit in found:
        places.setdefault((unit.place.conn.host, unit.place.home), []).append(unit)
    return [
        Staged(place=listed[0].place, site=site, parts=tuple(unit.part for unit in listed), entries=0, token="")
        for listed in places.values()
    ]


def put_in_place(found: Iterable[Unit], site: str) -> None:
    """Let the copies be the site's files.

    Raises:
        HostError: it failed on a machine.
    """
    for one in staged(found, site):
        one.swap()


def finish(found: Iterable[Unit], site: str) -> None:
    """Remove what lay in the place of the copies.

    Raises:
        HostError: it failed on a machine.
    """
    for one in staged(found, site):
        one.finish()


def is_same_storage(unit: Unit) -> bool:
    """Return whether a directory is the one that it is to be copied to, as on a filer that both web servers mount.

    Raises:
        HostError: a machine is not reached.
    """
    token = secrets.token_hex(8)
    lines, what = uploads.leave_token(unit.directory, token), "looking whether two machines have the same files"
    for conn, path in ((unit.source, unit.directory), (unit.place.conn, unit.target)):
        there = [f"[ ! -d {shlex.quote(path)} ] || fact there yes"]
        if "there" not in script.execute(conn, "check", there, what=what).facts:
            return False
    script.execute(unit.source, "check", lines, what=what)
    try:
        seen = script.execute(unit.place.conn, "check", uploads.find_token(unit.target, token), what=what).facts
        return seen.get("token") == "found"
    finally:
        script.execute(unit.source, "check", uploads.remove_token(unit.directory, token), what=what)


def want_room(found: Iterable[Unit]) -> None:
    """See that there is room for what comes.

    Raises:
        Refused: a machine has too little.
        HostError: a machine is not reached.
    """
    needed: dict[str, tuple[Unit, int]] = {}
    for unit in found:
        size = tree.size(look(unit.source, unit.directory))
        needed[unit.place.conn.host] = (unit, needed.get(unit.place.conn.host, (unit, 0))[1] + size)
    for host, (unit, size) in needed.items():
        # The site is not there yet. The directory of all sites may be a disk of its own, and so may each above it.
        lines = [
            f"there={shlex.quote(unit.place.home)}",
            'until [ -d "$there" ]; do there=${there%/*}; done',
            'fact free "$(df --output=avail -B1 "${there:-/}" 2>/dev/null | tail -n 1)"',
        ]
        facts = script.execute(unit.place.conn, "check", lines, what="looking for room for a site's files").facts
        free = script.number(facts.get("free", "").strip(), -1)
        if 0 <= free < size + RESERVE:
            raise Refused(
                host,
                numbered(
                    8024,
                    f"the files take {size >> 20} MB, and the disk of {unit.place.home} has {free >> 20} MB left. Nothing was "
                    f"changed. Make room there, and run pulumi up again",
                ),
            )


def _packing(directory: str, names: list[bytes] | None) -> str:
    """Write the script that packs a directory, or what is named of it; what vanishes meanwhile is no error."""
    words = ["tar", "--create", "--file=-", "--format=posix", "--numeric-owner", "--acls", "--hard-dereference",
             "--pax-option=delete=atime,delete=ctime"]  # fmt: skip
    begin = f"{LOW}\ncd {shlex.quote(directory)} || exit\n"
    end = '\nstatus=$?\n[ "$status" -gt 2 ] && exit "$status"\nexit 0'
    if names is None:
        return f"{begin}low {shlex.join(words)} .{end}"
    listed = base64.b64encode(b"".join(name + b"\0" for name in names)).decode()
    words += ["--no-recursion", "--null", "--verbatim-files-from", "--files-from=-"]
    # A here-document has no limit; an argument has.
    return f"{begin}base64 -d <<'AEGIR' | {shlex.join(words)}\n{listed}\nAEGIR{end}"


def _pour(unit: Unit, site: str, packing: str, unpacking: str, what: str) -> None:
    def give(hand_over: Callable[[bytes], None]) -> None:
        def take(stream: IO[bytes]) -> None:
            while block := stream.read(CHUNK):
                hand_over(block)

        receiving.receive(unit.source, packing, take, what=f"{what} in {unit.directory}", timeout=TIMEOUT)

    pipe: Pipe[bytes] = Pipe(give)
    words = shlex.join([unit.place.home, layout.system_user(site), unit.part])

    def blocks() -> Iterator[bytes]:
        yield from pipe.pieces()

    try:
        session.send(unit.place.conn, f"set -- {words}\n{unpacking}", blocks, what=f"{what} to {unit.target}",
                     user="root", timeout=TIMEOUT)  # fmt: skip
    finally:
        # What the giving machine says is the cause of what the other one says.
        pipe.finish()
