"""Which database updates a code base brings that a database has not had: known without starting the application. Pure.

The code base tells what there is (:class:`Available`), the database what it has had (:class:`Had`); each application reads both
in its own way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Rows = Sequence[tuple[object, ...]]
FUNCTION = re.compile(r"^\s*function\s+&?([A-Za-z_]\w*)\s*\(", re.MULTILINE)
"""A function of PHP's at the beginning of a line; in a comment there is an asterisk before it."""
FIRST = 8000
"""The number of an extension of Drupal 8 and later that never had an update."""
NUMBERED = re.compile(r"^(?P<extension>.+)_update_(?P<number>\d+)$")
"""The name of an update function, as Drupal's own registry takes it apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """A module, theme or profile of a code base, or WordPress's core."""

    numbered: tuple[str, ...] = ()
    """Update functions that its files define, in any order: a file may have another module's."""
    last_removed: int = 0
    """The number of the newest update that it does not bring any more; 0 where it brings all."""
    posts: tuple[str, ...] = ()
    """Drupal's post-update functions."""
    removed_posts: Mapping[str, str] = field(default_factory=dict)
    """Post-update functions that it does not bring any more, and the version that had them last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Available:
    """What a code base brings."""

    version: str
    extensions: Mapping[str, Extension]
    themes_too: bool = False
    """Whether themes have post-updates (Drupal 9.3 and later)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Had:
    """What a database has had."""

    numbers: Mapping[str, int]
    """The number of the last update by extension, of those that are installed."""
    extensions: frozenset[str] = frozenset()
    """Extensions whose post-updates count."""
    themes: frozenset[str] = frozenset()
    posts: frozenset[str] = frozenset()
    """Post-updates that were run, or were there when their extension was installed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """What a database lacks, and why it may be impossible to give it that."""

    names: tuple[str, ...] = ()
    """Updates in the order in which the application names them, such as ``system_update_10201``."""
    newer: tuple[str, ...] = ()
    """Why the database is of newer code than this."""
    too_old: tuple[str, ...] = ()
    """Why the database is too old for this code: updates that it needs are not there any more."""
    missing: tuple[str, ...] = ()
    """Installed modules that the code base does not have."""

    def __bool__(self) -> bool:
        """Tell whether there is anything to say."""
        return bool(self.names or self.newer or self.too_old or self.missing)


@dataclass(frozen=True, kw_only=True, slots=True)
class Updates:
    """How an application's updates are found."""

    available: Callable[[Path, str], Available]
    """Read a code base: its directory, and its document root in it."""
    tables: Sequence[str]
    """The tables that the query reads; a database without one of them has no such application in it."""
    query: Callable[[Collection[str]], str]
    """Write the query for a database with these tables."""
    had: Callable[[Rows], Had]
    """Read the query's rows."""
    compare: Callable[[Available, Had], Pending]


def numbers_of(available: Available, had: Had) -> dict[str, list[int]]:
    """Sort the update functions of the installed extensions by the extension that each is of.

    As Drupal does: files of all installed modules are read, and the name of a function says whose it is.
    """
    found: dict[str, set[int]] = {}
    for name in had.numbers:
        extension = available.extensions.get(name)
        for function in extension.numbered if extension else ():
            if match := NUMBERED.match(function):
                found.setdefault(match["extension"], set()).add(int(match["number"]))
    return {name: sorted(numbers) for name, numbers in found.items()}


def compare_numbered(available: Available, had: Had, core: str) -> Pending:
    """Compare numbered updates, core's first.

    Args:
        available: what the code brings.
        had: what the database has had.
        core: the extension whose number is that of core itself.
    """
    numbers, names, newer, too_old = numbers_of(available, had), [], [], []
    missing = sorted(name for name in had.numbers if name not in available.extensions)
    for name in sorted(had.numbers, key=lambda name: (name != core, name)):
        last, extension = had.numbers[name], available.extensions.get(name)
        if extension is None:
            continue
        if last < extension.last_removed:
            too_old.append(f"{name} is at {last}, and updates up to {extension.last_removed} are not there any more")
        names += [f"{name}_update_{number}" for number in numbers.get(name, []) if number > last]
        newest = max([extension.last_removed, *numbers.get(name, [])])
        # A fresh installation begins at 8000 or the newest update; an extension without any update tells nothing.
        if newest and last > newest and last != FIRST:
            newer.append(f"{name} is at {last}, and this code knows updates up to {newest}")
    return Pending(names=tuple(names), newer=tuple(newer), too_old=tuple(too_old), missing=tuple(missing))
