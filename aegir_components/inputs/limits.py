"""What PHP and both web servers allow a site: one set of numbers that all of them follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aegir_components.inputs.props import Props, left_out

MEGABYTE = 1024 * 1024
POOL = {
    # As the ini has it, but no application can switch it on (WP_DEBUG does): visitors would read paths and stack traces.
    "display_errors": "0",
    # Debian's php.ini leaves this to a timer, which knows Debian's own directory only.
    "session.gc_probability": "1",
    "session.gc_divisor": "1000",
}
"""What a pool has unless its site declares otherwise."""
BESIDE = 1
"""MB that a form may have beside its largest file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PhpInputs(Props):
    """What is declared of a site's PHP on a web server; 0 or empty where nothing is."""

    memory: int = left_out(0)
    """MB that a request may take."""
    uploads: int = left_out(0)
    """MB of the largest file that a form may bring."""
    time: int = left_out(0)
    """Seconds that a request may take."""
    children: int = left_out(0)
    """PHP processes at once, at most."""
    values: Mapping[str, str] = left_out({})
    """Of php.ini."""
    version: str = left_out("")
    """Of PHP, where the site takes one by name."""

    @property
    def limits(self) -> Limits:
        """The limits, with the usual ones where nothing is declared."""
        return Limits(**self.to_props())


NO_PHP = PhpInputs()
"""Of a site that declares nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The limits of a site's PHP on a web server."""

    memory: int = 0
    """MB that a request may take; 0 for what all sites have (`services/php.py`)."""
    uploads: int = 64
    """MB of the largest file that a form may bring."""
    time: int = 0
    """Seconds that a request may take; 0 for what PHP comes with, and ``WAITING`` until it is ended."""
    children: int = 8
    """PHP processes at once, at most; idle ones end."""
    values: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    """Of PHP, where the site takes one by name; empty for the machine's usual one."""

    @property
    def body(self) -> int:
        """MB that a request may bring."""
        return self.uploads + BESIDE

    @property
    def waiting(self) -> int:
        """Seconds after which a request is ended."""
        return self.time or WAITING

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The values of php.ini that differ from what all sites have, each name once: of two, PHP-FPM takes the first."""
        named = {
            "memory_limit": f"{self.memory}M" if self.memory else "",
            "max_execution_time": str(self.time) if self.time else "",
            "upload_max_filesize": f"{self.uploads}M",
            "post_max_size": f"{self.body}M",
        }
        return sorted(
            (key, value) for key, value in ({**POOL, **self.values, **named}).items() if value or key in self.values
        )


WAITING = 300
"""Seconds for which web servers wait for PHP, and after which FPM ends a request."""


USUAL = Limits()
"""Those of a site that declares none."""
