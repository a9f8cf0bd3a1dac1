"""Values that a stack file gives to a site's own code: which an application takes, and how its settings file has them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aegir_components.messages import numbered

Judge = Callable[[Any], str | None]
"""Says what is wrong with a value; ``None`` where nothing is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """The names that an application's settings file may be told."""

    pattern: str
    """A regular expression for a name of ``settings``."""
    kind: str
    """What such a name is, for "is no …"."""
    ours: frozenset[str]
    """Names that say where the site is, who it is or whom it trusts: these follow from the stack file."""
    of_tls: frozenset[str] = frozenset()
    """Names that our own settings file has where the database demands TLS."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Names that people know from settings files, and that would do nothing here; each with what to write."""
    known: frozenset[str] = frozenset()
    """Names of the application's own, for those that are almost one of them."""
    judges: Mapping[str, Judge] = field(default_factory=dict)
    """What tells wrong values of known names."""
    config: bool = False
    """Whether it has configuration objects to be overridden."""
    config_ours: Mapping[str, str] = field(default_factory=dict)
    """Overrides that our own settings file has, as ``object:key``, each with what to write instead."""

    def faults(
        self, title: str, settings: Mapping[str, Any], config: Mapping[str, Any], *, tls: bool = False
    ) -> Iterator[tuple[str, str]]:
        """Yield each name that cannot be told, as a path below the site, and why.

        Args:
            title: the application's.
            settings: names and values.
            config: configuration objects and what is overridden in each.
            tls: whether the site's database demands TLS.
        """
        for name, value in settings.items():
            if why := self._fault(name, value, tls=tls):
                yield f'settings["{name}"]', why
        if config and not self.config:
            yield "config", numbered(1416, f"{title} has no configuration objects; remove this key")
            return
        for name, values in config.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)+", name):
                yield f'config["{name}"]', numbered(1416, "is no name of a configuration object, such as system.site")
            elif not isinstance(values, dict) or not values:
                yield (
                    f'config["{name}"]',
                    numbered(1416, "must be a mapping of what is overridden in it, such as {name: Shop}"),
                )
            else:
                for key in values:
                    if why := self.config_ours.get(f"{name}:{key}"):
                        yield f'config["{name}"]["{key}"]', why

    def _fault(self, name: str, value: Any, *, tls: bool) -> str | None:
        if name in self.elsewhere:
            return self.elsewhere[name]
        if not re.fullmatch(self.pattern, name):
            return numbered(1410, f"is no {self.kind}")
        if name in self.ours:
            return numbered(1412, "follows from the stack file and cannot be changed; remove it")
        if tls and name in self.of_tls:
            return numbered(1412, "follows from tls: required of the site's database; remove it")
        same = {each.lower(): each for each in self.known}.get(name.lower(), name)
        if same != name:
            return numbered(1413, f'is no {self.kind}; did you mean "{same}"?')
        return self.judges[name](value) if name in self.judges else None

    def warnings(self, title: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield each name that is almost one of the application's own: code of others may have names of any kind."""
        for name in settings:
            if name not in self.known | self.ours and name not in self.elsewhere:
                for near in difflib.get_close_matches(name, self.known | self.ours, n=1, cutoff=0.83):
                    yield (
                        f'settings["{name}"]',
                        numbered(1414, f'{title} itself has no such name; did you mean "{near}"?'),
                    )


def flag(value: Any) -> str | None:
    """Judge what is true or false: PHP takes every text but two for true, ``"false"`` too."""
    if isinstance(value, bool | int) or value is None:
        return None
    return numbered(1415, "must be true or false, without quotes: PHP would take the text for true")


def size(value: Any) -> str | None:
    """Judge an amount of memory as PHP has it."""
    if value in (-1, "-1") or (isinstance(value, str) and re.fullmatch(r"[1-9][0-9]*[KMGkmg]", value)):
        return None
    return numbered(1415, "must be a size such as 256M, or -1 for no limit of its own: PHP reads a number as bytes")


PLACES = frozenset(
    {"trusted_host_patterns", "reverse_proxy", "reverse_proxy_addresses", "file_public_path", "file_private_path"}
)
"""Of all Drupals."""
DATABASE = numbered(1417, "the database follows from the site's key database, and its password is made; remove it")
GLOBALS = {
    "databases": DATABASE,
    "db_url": DATABASE,
    "db_prefix": DATABASE,
    "settings": numbered(1417, "names stand right below settings, such as settings: {state_cache: false}"),
}
"""Variables of Drupal's settings files that are neither ``$settings`` nor ``$conf``."""
