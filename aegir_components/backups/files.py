"""A site's files out of a backup: staged beside what is there, and put in its place in one step."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from aegir_components import layout
from aegir_components.messages import numbered
from aegir_components.remote import session
from aegir_components.scripts import script

from . import archive
from .produce import TIMEOUT
from .repository import BackupError
from .source import SHARED, Place

FRESH: Final = ".aegir-restore"
"""Where a place's files are unpacked, below its own directory."""
STAGE: Final = """\
set -eu
home=$1 user=$(id -u "$2") group=$(id -g "$2") web=$(getent group www-data | cut -d: -f3)
mkdir -p "$home"
fresh=$home/.aegir-restore
rm -rf "$fresh"
mkdir -m 700 "$fresh"
tar -C "$fresh" --extract --numeric-owner --acls --same-owner --same-permissions --strip-components=2 --file=-
# A backup is of a web server that may have been in somebody else's hands: only files, directories and links come back.
find "$fresh" ! -type f ! -type d ! -type l -exec rm -f {} +
find "$fresh" -type f -perm /6000 -exec chmod ug-s {} +
find "$fresh" ! -group "${web:-0}" -exec chown -h "$user:$group" {} +
find "$fresh" -group "${web:-0}" -exec chown -h "$user" {} +
chown root:root "$fresh"
"""
"""Shell: unpack an archive beside a site's files, where only root can enter."""

_AS: Final = """\
# Only root writes to what is above a whole part. Anything below belongs to the site, which may have put a link there: its own
# user follows that, and root never does.
as_owner() { case $part in files | site/files | private | config) "$@" ;; *) runuser -u "$user" -- "$@" ;; esac; }
"""

_BEFORE: Final = """\
home=$1 user=$2 token=$3 excluded=$4; shift 4
fresh=$home/.aegir-restore before=$home/.aegir-before-restore${token:+.$token}
"""

_MOVE: Final = """\
to=$0
for name; do
    [ -e "$to/$name" ] || [ -L "$to/$name" ] || { mkdir -p "$to/${name%/*}" && mv -T "$name" "$to/$name"; } || exit
done
"""
"""Shell: move what is named to the same place below another directory, where there is nothing yet."""

_CARRY: Final = f"""\
# carry FROM TO PART: what the backup excludes is moved by the site's own user, for the reason above.
carry() {{
    [ -n "$excluded" ] && [ -e "$1/$3" ] || return 0
    # The user passes through.
    for above in "$before" "$before/site"; do [ ! -d "$above" ] || chmod 755 "$above"; done
    (cd "$1" && runuser -u "$user" -- sh -c "$excluded" "$3" {shlex.quote(_MOVE)} "$2")
}}
"""

SWAP: Final = f"""\
set -eu
{_BEFORE}{_AS}{_CARRY}# What other runs have left is debris: an interrupted run is put back before a new one gets here.
for other in "$home/.aegir-before-restore" "$home"/.aegir-before-restore.*; do
    if [ -z "$token" ] || [ "$other" != "$before" ]; then rm -rf "$other"; fi
done
[ -d "$before" ] || mkdir -m 700 "$before"
for part; do
    [ -e "$fresh/$part" ] || [ -L "$fresh/$part" ] || continue
    case $part in files | site/files | private | config) ;; *) find "$fresh" "$before" -type d -exec chown "$user" {{}} + ;; esac
    as_owner mkdir -p "$(dirname "$before/$part")" "$(dirname "$home/$part")"
    if [ -e "$home/$part" ] || [ -L "$home/$part" ]; then as_owner mv -T "$home/$part" "$before/$part"; fi
    as_owner mv -T "$fresh/$part" "$home/$part"
    carry "$before" "$home" "$part"
done
rm -rf "$fresh"
"""
"""Shell: put what was staged in the place of what is there, which stays beside it under the token of the run."""

EARLIER: Final = f"""\
set -eu
{_BEFORE}{_AS}{_CARRY}for part; do
    [ -e "$before/$part" ] || [ -L "$before/$part" ] || continue
    carry "$home" "$before" "$part"
    as_owner rm -rf "${{home:?}}/$part"
    as_owner mv -T "$before/$part" "$home/$part"
done
rm -rf "$before"
"""
"""Shell: put back what an earlier run has moved aside; what this run has staged meanwhile stays."""

BACK: Final = f'{EARLIER}rm -rf "$fresh"\n'
"""Shell: put back what the run with this token has moved aside; what another run has left is not touched."""

DONE: Final = f'{_BEFORE}rm -rf "$before" "$fresh"\n'
"""Shell: remove what the run with this token has moved aside, and what is left of the staging."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """Files of a backup that lie beside a site's own."""

    place: Place
    site: str
    """Whose files they become."""
    parts: tuple[str, ...]
    entries: int
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    """Marks what this run moves aside, so that no run takes another one's for its own; empty for no mark."""
    exclude: tuple[str, ...] = ()
    """Patterns of files that the backup has not, as ``tar --exclude`` takes them: what is there of them stays."""

    def swap(self) -> None:
        """Put them in their place.

        Raises:
            HostError: it failed; ``put_back`` brings the former ones back.
        """
        self._run(SWAP, "putting the files of a backup in place")

    def put_back(self) -> None:
        """Bring the former files back; nothing happens where this run has not moved any aside.

        Raises:
            HostError: it failed; they are in `.aegir-before-restore.<token>` beside the site's directories.
        """
        self._run(BACK, "putting the former files back")

    def put_back_earlier(self) -> None:
        """Bring back what an earlier run with this token has moved aside, and leave what another one has staged since.

        Raises:
            HostError: it failed; they are in `.aegir-before-restore.<token>` beside the site's directories.
        """
        self._run(EARLIER, "putting back the files that an interrupted run has moved aside")

    def finish(self) -> None:
        """Remove the former files.

        Raises:
            HostError: it failed; the next restore does it.
        """
        self._run(DONE, "removing the former files")

    def _run(self, text: str, what: str) -> None:
        words = [self.place.home, layout.system_user(self.site), self.token, excluded(self.exclude), *self.parts]
        script.execute(self.place.conn, "apply", [f"set -- {shlex.join(words)}", text], what=what, timeout=TIMEOUT)


def excluded(patterns: Iterable[str]) -> str:
    """Give the shell that passes on what of a directory ``tar`` excludes: names below any directory, with ``*`` matching ``/``.

    Its arguments are the directory, a program, and that one's first argument. It is empty where nothing is excluded.
    """
    found = " -o ".join(f"-path {shlex.quote(text)}" for one in patterns for text in (one, f"*/{one}"))
    # The status of a pipe is that of its end, which fails when something cannot be moved.
    return f'export LC_ALL=C; find "$0" \\( {found} \\) -prune -print0 | xargs -0 -r sh -c "$1" "$2"' if found else ""


def stage(place: Place, site: str, label: str, path: str, reading: archive.Reading) -> Staged:
    """Unpack one place's files beside the site's own, which stay as they are.

    Args:
        place: where they go.
        site: whose files they become.
        label: what the place is called in the backup.
        path: only what is at this path or below it, as ``inside`` gives it; empty for all.
        reading: the backup, at the first member of the label.

    Raises:
        HostError: they could not be written, as on a full disk; nothing of the site's was touched.
        BackupError: the backup cannot be read.
    """
    begin, count = f"files/{label}/", 0
    fault: list[archive.DamagedError] = []

    def blocks() -> Iterator[bytes]:
        nonlocal count
        try:
            for entry in reading.take(lambda name: name.startswith(begin)):
                name = entry.name.removeprefix(begin).rstrip("/")
                if path and name != path and not name.startswith(f"{path}/"):
                    entry.skip()
                    continue
                count += 1
                yield from entry.blocks()
        except archive.DamagedError as damaged:
            fault.append(damaged)
            return
        yield b"\0" * (2 * archive.BLOCK)

    unpack(place, site, blocks)
    if fault:
        raise BackupError(numbered(7101, f"the backup cannot be read: {fault[0]}"))
    return Staged(place=place, site=site, parts=(path,) if path else place.parts, entries=count)


def unpack(place: Place, site: str, blocks: Callable[[], Iterable[bytes]]) -> None:
    """Unpack a tar beside a site's own files, which stay as they are; two directories are taken off each name.

    Args:
        place: where they go.
        site: whose files they become.
        blocks: gives the tar.

    Raises:
        HostError: they could not be written, as on a full disk; nothing of the site's was touched.
    """
    words = shlex.join([place.home, layout.system_user(site)])
    session.send(place.conn, f"set -- {words}\n{STAGE}", blocks, what=f"unpacking files beside {place.home}",
                 user="root", timeout=TIMEOUT)  # fmt: skip


def inside(place: Place, path: str) -> str:
    """Turn a path as operators write it (``files/2026/a.jpg``) into the one below a place; empty where it is not there.

    Raises:
        BackupError: it leads elsewhere.
    """
    clean = path.strip("/")
    if not clean or re.search(r"(^|/)\.\.?(/|$)", clean) or "\0" in clean:
        raise BackupError(numbered(7104, f"{path!r} is no path below a site's files, private or config directory"))
    first, _, rest = clean.partition("/")
    if first == "files" and place.label != SHARED:
        clean = f"site/{clean}"
    known = clean if any(clean == part or clean.startswith(f"{part}/") for part in place.parts) else ""
    return known if rest or known in place.parts else ""


def labels(manifest_files: Iterable[str], places: Iterable[Place]) -> dict[str, Place]:
    """Say where each place of a backup goes now: to the one of its name, or to the only one of its kind.

    Args:
        manifest_files: the labels in the backup.
        places: the site's places now.
    """
    now = {place.label: place for place in places}
    found: dict[str, Place] = {}
    homes = [place for place in now.values() if place.label != SHARED]
    for label in manifest_files:
        if label in now:
            found[label] = now[label]
        elif label != SHARED and len(homes) == 1 and SHARED not in now:
            # The site was moved, or is another one: its files go where it is.
            found.setdefault(label, homes[0])
    return found
