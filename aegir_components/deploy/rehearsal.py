"""Programs of an update on a web server: with staged code, on a copy of the database, over a layer of the site's files."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from typing import Final

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from . import site_command
from .site_command import Command, Place

ACCESS: Final = "/run/aegir/updates"
"""Where a program finds which database it works on: a file that its site's user alone reads."""
INI: Final = f"{layout.STATE_ROOT}/rehearsal-ini"
PHP: Final = ("php", "-d", "memory_limit=1G", "-d", "max_execution_time=0", "-d", "display_errors=stderr")
QUIET: Final = "; Written by aegir: an update sends no mail.\nsendmail_path = /bin/true\n"


def access_file(site: str) -> str:
    """Name the file that tells a site's programs of the copy."""
    return f"{ACCESS}/{layout.system_user(site)}.json"


def begin_items(
    place: Place, directories: Sequence[str], access: Mapping[str, str], paired: Sequence[str] = ()
) -> list[str]:
    """List what makes ready for the programs: layers over the site's directories, and the way to the copy.

    Args:
        place: the site.
        directories: the site's, with its settings, uploads and private files.
        access: ``database``, ``username`` and ``password`` of the copy.
        paired: those that belong with the database; the programs get a copy of each, as its settings file says.
    """
    user = place.user
    return [
        functions("site"),
        functions("rehearsal"),
        script.directory(ACCESS, mode=0o711),
        script.file(access_file(place.site), json.dumps(dict(access)), owner=user, group=user, mode=0o400),
        script.directory(INI),
        script.file(f"{INI}/aegir.ini", QUIET),
        *([script.call("paired_copy", user, *paired)] if paired else []),
        script.call("rehearsal_begin", user, *directories),
        *([script.call("paired_layers", user, *paired)] if paired else []),
        'printf %s "$layers" >"$rb_place/layers"',
    ]


def run_items(place: Place, command: Command) -> list[str]:
    """List what runs one program; the facts ``status`` and ``said`` have its result."""
    also = {**command.also, "AEGIR_COPY": access_file(place.site), "PHP_INI_SCAN_DIR": f":{INI}"}
    return [
        f'layers=$(cat "/var/lib/aegir/rehearsal/{place.user}/layers") || '
        'fail 6114 "the layers of its files are gone; run it again"',
        *site_command.lines(place, command.with_environment(also)),
    ]


def put_items(place: Place, unpacked: str, directory: str, parts: Sequence[str]) -> list[str]:
    """List what puts parts of a backup in the place of a directory's own, for the programs alone.

    Args:
        place: the site.
        unpacked: where the parts are.
        directory: one of those that ``begin_items`` got.
        parts: their paths below either.
    """
    return [functions("rehearsal"), script.call("rehearsal_put", place.user, unpacked, directory, *parts)]


def scratch(site: str) -> str:
    """Name the directory of a site's layers, which ``end_items`` removes with all that is in it."""
    return f"{layout.STATE_ROOT}/rehearsal/{layout.system_user(site)}"


def merge_items(place: Place) -> list[str]:
    """List what makes the programs' changes of files the site's own."""
    return [functions("rehearsal"), script.call("rehearsal_merge", place.user)]


def end_items(site: str, paired: Sequence[str] = ()) -> list[str]:
    """List what leaves nothing of it, nor of the copies of directories that belong with the database."""
    return [
        functions("rehearsal"),
        script.call("rehearsal_over", layout.system_user(site)),
        *([script.call("paired_clear", layout.system_user(site), *paired)] if paired else []),
        script.no_file(access_file(site)),
        f"rmdir {posixpath.dirname(access_file(site))} 2>/dev/null || :",
    ]
