"""What PHP allows a site, as declared at the site and at its web servers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aegir_components.messages import numbered

from . import names, php_values
from .names import WrongForm, wanted
from .reader import Node
from .wording import listed, quoted

VERSION = names.matching(r"[0-9]\.[0-9]+", 5, 'a version of PHP in quotes, such as "8.2"')
LARGEST: Final = 64 * 1024
"""MB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Php:
    """Limits of a site's PHP; 0 where nothing is declared."""

    memory: int = 0
    """MB that a request may take."""
    uploads: int = 0
    """MB of the largest file that a form may bring."""
    time: int = 0
    """Seconds that a request may take."""
    children: int = 0
    """Requests at once."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Further values of php.ini."""
    version: str = ""
    """Of a site, where its servers have several; empty for the server's usual one."""

    def over(self, other: Php) -> Php:
        """Give what is declared here, and what is declared in the other place beside it."""
        return Php(
            memory=self.memory or other.memory,
            uploads=self.uploads or other.uploads,
            time=self.time or other.time,
            children=self.children or other.children,
            values={**other.values, **self.values},
            version=self.version,
        )


def read_php(node: Node) -> Php:
    """Read ``php`` of a site or of a server."""
    if not node.check_keys():
        return Php()
    return Php(
        memory=_memory(node.child("memory")),
        uploads=megabytes(node.child("uploads")),
        time=node.child("time").number(0, 1, 86400),
        children=node.child("children").number(0, 1, 1000),
        values=dict(php_values.read_values(node.child("values"))),
        version=node.child("version").text("", VERSION),
    )


def check_version(node: Node, version: str, servers: Mapping[str, tuple[str, ...]]) -> None:
    """Check that all web servers of a site have the version of PHP that it takes.

    Args:
        node: the site's ``php.version``.
        version: what it says; empty where it says nothing.
        servers: the site's web servers, and the versions that each declares.
    """
    for name, versions in servers.items():
        if version and version not in versions:
            have = f"declares {listed(versions)}" if versions else "declares no versions"
            every = ", ".join(quoted(each) for each in dict.fromkeys((*versions, version)))
            node.fault(
                numbered(
                    1200,
                    f"server {quoted(name)} {have}; write aegir:servers[{quoted(name)}].services.web.php: [{every}], "
                    "with the usual one first",
                )
            )


def _memory(node: Node) -> int:
    found = megabytes(node)
    if found == 1:
        node.fault(numbered(1201, "must be at least 2M: PHP begins with as much, and goes on with its former limit"))
    return found


SIZE = f"a size such as 100M or 1G, up to {LARGEST // 1024}G"


def megabytes(node: Node) -> int:
    """Read a size in MB; 0 where there is none."""
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        number = node.value
        usable = number == int(number) and 1 <= number <= LARGEST
        node.fault(
            numbered(1050, f"must be {SIZE}, not {node.describe()}" + (f"; write {int(number)}M" if usable else ""))
        )
        return 0
    text = node.text("0M", _size)
    number = int(text[:-1])
    return number * 1024 if text.endswith("G") else number


@wanted(SIZE)
def _size(text: str) -> str:
    match = re.fullmatch(r"([1-9][0-9]{0,5})([MG])", text)
    if match is None or int(match[1]) * (1024 if match[2] == "G" else 1) > LARGEST:
        like = re.fullmatch(r"([1-9][0-9]{0,5}) ?([MG]?)i?B?", text, re.IGNORECASE)
        advice = f"; write {like[1]}{like[2].upper() or 'M'}" if like and match is None else ""
        raise WrongForm(numbered(1050, f"must be {SIZE}"), f", not {quoted(text)}{advice}")
    return text
