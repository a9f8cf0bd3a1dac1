"""Values that a stack file gives to a site's own code: which an application takes, and how its settings file has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """The names that an application's settings file may be told."""

    pattern: str
    """A regular expression for a name of ``settings``."""
    kind: str
    """What such a name is, for "is no …"."""
    ours: frozenset[str]
    """Names that say where the site is, who it is or whom it trusts: these follow from the stack file."""
    config: bool = False
    """Whether it has configuration objects to be overridden."""

    def faults(self, title: str, settings: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield each name that cannot be told, as a path below the site, and why.

        Args:
            title: the application's.
            settings: names and values.
            config: configuration objects and what is overridden in each.
        """
        for name in settings:
            if not re.fullmatch(self.pattern, name):
                yield f'settings["{name}"]', f"is no {self.kind}"
            elif name in self.ours:
                yield f'settings["{name}"]', "follows from the stack file and cannot be changed; remove it"
        if config and not self.config:
            yield "config", f"{title} has no configuration objects; remove this key"
            return
        for name, values in config.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)+", name):
                yield f'config["{name}"]', "is no name of a configuration object, such as system.site"
            elif not isinstance(values, dict) or not values:
                yield f'config["{name}"]', "must be a mapping of what is overridden in it, such as {name: Shop}"


PLACES = frozenset(
    {"trusted_host_patterns", "reverse_proxy", "reverse_proxy_addresses", "file_public_path", "file_private_path"}
)
"""Of all Drupals."""
