"""Files from elsewhere become a site's own: what a site may have is taken, everything else is named.

A path, a link and a mode of an archive are its author's. Links are kept only where they lead down from where they are, so that no
chain of them leads out. Everything else but files and directories is left out.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from aegir_components import layout
from aegir_components.backups import archive, files
from aegir_components.backups.produce import LOW, TIMEOUT
from aegir_components.backups.source import SHARED, Place
from aegir_components.messages import around, numbered, text_of
from aegir_components.messages.printable import first_of, one_line
from aegir_components.remote import receiving
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.sanitising import documents
from aegir_components.scripts import script

from .dumps import DumpError

SHOWN: Final = 10
LONGEST_NAME: Final = 4000
"""Bytes of a path."""
_PHP: Final = re.compile(r"\.(?:php[0-9]?|phtml|phar|pht)(?:\.|$)", re.IGNORECASE)
_ROOTS: Final = re.compile(r"(?:.*?/)??(?:sites/[^/]+/files|wp-content/uploads)/")

RIGHTS: Final = """\
set -eu
home=$1 user=$2; shift 2
for part; do
    there=$home/$part here=$home/.aegir-restore/$part
    [ -d "$here" ] || continue
    # A link is never followed: chown -h and find keep to what lies here.
    chown -hR "$user:$(stat -L -c %G "$there" 2>/dev/null || id -gn "$user")" "$here"
    find "$here" -type d -exec chmod 2770 {} +
    find "$here" -type f -exec chmod 660 {} +
    list=$(getfacl -cpE -- "$there/." 2>/dev/null | grep -E '^(default:.+|user:.+:.+|group:.+:.+)$' || :)
    case $list in *default:*)
        # The web server reads uploads by the access list of their directory.
        find "$here" -type d -exec setfacl -m "$(printf '%s' "$list" | paste -sd, -)" {} +
        find "$here" -type f -exec setfacl -m g:www-data:r {} + ;;
    esac
done
"""
"""Shell: give staged files the owner, modes and access lists that the site's own directory has."""


@dataclass(slots=True)
class Findings:
    """What is told of the files."""

    left: list[str] = field(default_factory=list)
    """Left out, each with the reason."""
    php: list[str] = field(default_factory=list)
    """Programs among the uploads; the web servers do not run them."""
    beside: list[str] = field(default_factory=list)
    """Files of an archive that are not below the directory of uploads in it."""
    root: str = ""
    """The directory of uploads in an archive; empty for the archive itself."""
    count: int = 0
    large: int = 0
    """Files that were larger than declared."""

    def told(self, part: str) -> list[str]:
        """Say it for people."""
        found = []
        if self.left:
            found.append(f"{part}: left out {first_of(self.left, SHOWN)}")
        if self.beside:
            below = one_line(self.root)
            found.append(
                f"{part}: the archive's files below {below} were taken, and not {first_of(self.beside, SHOWN)}"
            )
        if self.large:
            found.append(f"{part}: {self.large} files that are larger than origin.files.largest")
        if self.php:
            found.append(f"{part}: programs, which the web servers do not run: {first_of(self.php, SHOWN)}")
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One of a site's directories, and what it gets."""

    name: str
    """``files``, ``private``, ``config``, or a directory below one of these."""
    path: Path = Path()
    """A directory or an archive on the hub."""
    conn: Connection | None = None
    """The machine that has the files; ``None`` for the hub."""
    directory: str = ""
    """Where they are on that machine."""
    reader: str = ""
    """The user there who reads them, where the site's own may have put a link in the directory's place; empty for root."""
    without: re.Pattern[str] | None = None
    """What is left out without a word, by paths."""
    excluded: re.Pattern[str] | None = None
    """What is declared to be left out, by paths."""
    largest: int = 0
    """Bytes of the largest file that is taken; 0 for all."""
    masked: bool = False
    """Whether personal data and secrets are taken out of each file, which is of JSON; others are left out."""

    def leaves_out(self, member: tarfile.TarInfo, found: Findings) -> bool:
        """Tell whether something does not come along; what is too large is counted."""
        if any(pattern is not None and pattern.search(member.name) for pattern in (self.without, self.excluded)):
            return True
        large = bool(self.largest) and member.isfile() and member.size > self.largest
        found.large += large
        return large


def stage(
    place: Place, site: str, parts: list[Part], tell: Callable[[str], None]
) -> tuple[files.Staged, list[str]] | None:
    """Unpack files beside a site's own; ``None`` where the place has none of the parts.

    Args:
        place: where they go.
        site: what the site is known by.
        parts: what there is.
        tell: says what is done.

    Raises:
        DumpError: a directory or an archive cannot be read.
        HostError: files could not be written; nothing of the site's was touched.
    """
    mine = {part: _below(place, part.name) for part in parts if _below(place, part.name)}
    if not mine:
        return None
    found = {part.name: Findings() for part in mine}
    faults: list[Exception] = []

    def blocks() -> Iterator[bytes]:
        try:
            for part, below in mine.items():
                yield _directory(f"files/x/{below}")
                members = (
                    _members(part.path, found[part.name]) if part.conn is None else _remote(part, found[part.name])
                )
                for member, content in _masked(members) if part.masked else members:
                    if part.leaves_out(member, found[part.name]):
                        continue
                    member.name = f"files/x/{below}/{member.name}"
                    yield member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
                    if content is not None:
                        yield from _content(content, member.size)
        except (OSError, EOFError, tarfile.TarError, DumpError, HostError) as fault:
            faults.append(fault)
            return
        yield b"\0" * (2 * archive.BLOCK)

    tell(f"unpacking files on {place.conn.host}")
    try:
        files.unpack(place, site, blocks)
    finally:
        if faults:
            told = numbered(3034, f"the files cannot be read: {faults[0]}")
            raise DumpError(around(text_of(faults[0]), told)) from faults[0]
    words = shlex.join([place.home, layout.system_user(site), *mine.values()])
    script.execute(place.conn, "apply", [f"set -- {words}", RIGHTS], what="setting owners and rights", timeout=TIMEOUT)
    notes = [text for name, each in found.items() for text in each.told(name)]
    count = sum(each.count for each in found.values())
    return files.Staged(place=place, site=site, parts=tuple(mine.values()), entries=count), notes


def _masked(
    members: Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]],
) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    for member, content in members:
        if content is None:
            yield member, None
        elif (clean := documents.masked(member.name, content.read())) is not None:
            member.size = len(clean)
            yield member, io.BytesIO(clean)


def _below(place: Place, part: str) -> str:
    name = part if part != "files" or place.label == SHARED else "site/files"
    return name if {name, name.partition("/")[0]} & set(place.parts) else ""


def _members(path: Path, found: Findings) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    if path.is_dir():
        yield from _walked(path, found)
        return
    with tarfile.open(path, "r:*") as packed:
        root = found.root = _root(packed, path)
    with tarfile.open(path, "r:*") as packed:
        for member in packed:
            name = member.name.removeprefix("./").strip("/")
            if not f"{name}/".startswith(root):
                found.beside += [] if member.isdir() else [one_line(name)]
                continue
            if name == root.strip("/"):
                continue
            link = member.linkname
            if (kept := _kept(name.removeprefix(root), _kind(member), link, member.mode, found)) is None:
                continue
            try:
                content = packed.extractfile(member) if kept.isfile() else None
            except KeyError:
                found.count -= 1
                found.left.append(f"{one_line(name.removeprefix(root))} (a link to what is not in the archive)")
                continue
            if kept.isfile():
                # A hard link is a file with what it is a link to.
                kept.size = _size(packed, member)
            kept.mtime = member.mtime
            yield kept, content


def _remote(part: Part, found: Findings) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Read the files of a site on another machine, as they stream in."""
    assert part.conn is not None
    conn, reader, writer = part.conn, *os.pipe()
    faults: list[HostError] = []

    def take(stream: IO[bytes]) -> None:
        with suppress(BrokenPipeError):
            while block := stream.read(archive.CHUNK):
                into.write(block)

    def run() -> None:
        text = _packing(part)
        try:
            receiving.receive(conn, text, take, what=f"reading the files in {part.directory}", timeout=TIMEOUT)
        except HostError as fault:
            faults.append(fault)
        finally:
            with suppress(BrokenPipeError):
                into.close()

    with os.fdopen(reader, "rb") as stream, os.fdopen(writer, "wb") as into:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        with tarfile.open(fileobj=stream, mode="r|") as packed:
            for member in packed:
                name = member.name.removeprefix("./").strip("/")
                if name in {"", "."}:
                    continue
                kept = _kept(name, _kind(member), member.linkname, member.mode, found)
                if kept is None:
                    continue
                content = packed.extractfile(member) if kept.isfile() else None
                kept.size, kept.mtime = member.size if content else 0, member.mtime
                yield kept, content
        while stream.read(1 << 16):
            pass
        thread.join()
    if faults:
        raise faults[0]


def _packing(part: Part) -> str:
    """Write the shell that packs a directory of a site, for standard output."""
    words = shlex.join(["tar", "--create", "--file=-", "--sort=name", "--hard-dereference", "."])
    end = 'status=$?\n[ "$status" -gt 1 ] && exit "$status"\nexit 0'
    there = shlex.quote(part.directory)
    if not part.reader:
        return f"{LOW}\ncd {there} || exit\nlow {words}\n{end}"
    # Who follows a link is the site itself, with its own rights.
    inside = f'cd "$1" || exit 2; exec {words}'
    own = f"cd / && low runuser -u {shlex.quote(part.reader)} -- sh -c {shlex.quote(inside)} sh {there}"
    return f"{LOW}\n{own}\n{end}"


def _root(packed: tarfile.TarFile, path: Path) -> str:
    """Find the directory in an archive that has the uploads: of a whole site, or the one that it consists of.

    Raises:
        DumpError: there are several.
    """
    first: set[str] = set()
    # Drupal's code has an empty sites/default/files beside that of the site.
    roots: set[str] = set()
    empty: set[str] = set()
    for member in packed:
        name = member.name.removeprefix("./").strip("/")
        if not member.issym() and (found := _ROOTS.match(f"{name}/")):
            (empty if member.isdir() and found[0] == f"{name}/" else roots).add(found[0])
        if name:
            first.add(f"{name}/".partition("/")[0] if member.isdir() or "/" in name else "")
    if len(roots) > 1:
        raise DumpError(
            numbered(
                3035,
                f"{path} has uploads in {first_of([one_line(root) for root in sorted(roots)], SHOWN)}. Pack those of "
                "the site alone",
            )
        )
    if roots or empty:
        return min(roots or empty)
    only = next(iter(first)) if len(first) == 1 else ""
    return f"{only}/" if only in {"files", "uploads", "private", "config", "sync"} else ""


def _kind(member: tarfile.TarInfo) -> str:
    if member.isdir():
        return "directory"
    if member.issym():
        return "link"
    return "file" if member.isreg() or member.islnk() else "device, socket or pipe"


def _size(packed: tarfile.TarFile, member: tarfile.TarInfo) -> int:
    return member.size if member.isreg() else packed.getmember(member.linkname).size


def _walked(path: Path, found: Findings) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    def fail(fault: OSError) -> None:
        raise fault

    for place, names, leaves in os.walk(path, onerror=fail):
        names.sort()
        here = Path(place)
        for each in [*names, *sorted(leaves)]:
            one = here / each
            about = one.lstat()
            mode = about.st_mode
            kind = (
                "directory" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else "file" if stat.S_ISREG(mode)
                else "device, socket or pipe"
            )  # fmt: skip
            link = str(one.readlink()) if kind == "link" else ""
            kept = _kept(str(one.relative_to(path)), kind, link, mode, found)
            if kept is None:
                continue
            kept.mtime = int(about.st_mtime)
            if kind != "file":
                yield kept, None
                continue
            with one.open("rb") as content:
                kept.size = os.fstat(content.fileno()).st_size
                yield kept, content


def _kept(name: str, kind: str, link: str, mode: int, found: Findings) -> tarfile.TarInfo | None:
    """Give a header for what is taken; what is not is noted with the reason."""
    shown = one_line(name)
    if _leads_elsewhere(name) or len(name.encode(errors="surrogateescape")) > LONGEST_NAME:
        found.left.append(f"{shown} (its name)")
        return None
    if kind not in {"file", "directory", "link"}:
        found.left.append(f"{shown} (a {kind})")
        return None
    if kind == "link" and _leads_elsewhere(link):
        found.left.append(f"{shown} (a link that leads elsewhere)")
        return None
    made = tarfile.TarInfo(name)
    made.type = {"file": tarfile.REGTYPE, "directory": tarfile.DIRTYPE, "link": tarfile.SYMTYPE}[kind]
    made.mode = 0o770 if kind == "directory" else 0o660
    made.linkname = link if kind == "link" else ""
    found.count += 1
    if kind == "file" and (_PHP.search(name) or mode & 0o6000):
        found.php.append(shown)
    return made


def _leads_elsewhere(path: str) -> bool:
    """Return whether a path is none that leads down from where it is; control characters are in no upload's name."""
    parts = path.split("/")
    return (
        not path
        or path.startswith("/")
        or ".." in parts
        or any(ord(letter) < 32 or ord(letter) == 127 for letter in path)
    )


def _directory(name: str) -> bytes:
    header = tarfile.TarInfo(name)
    header.type, header.mode = tarfile.DIRTYPE, 0o770
    return header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _content(content: IO[bytes], size: int) -> Iterator[bytes]:
    left = size
    while left and (part := content.read(min(archive.CHUNK, left))):
        left -= len(part)
        yield part
    if left:
        raise DumpError(numbered(3036, "a file became shorter while it was read; run the same command again"))
    yield b"\0" * (-size % archive.BLOCK)
