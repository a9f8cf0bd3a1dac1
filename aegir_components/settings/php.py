"""What PHP allows a site, as declared at the site and at its web servers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from . import names
from .names import Wrong
from .reader import Node
from .wording import listed, quoted

OURS: Final = frozenset(
    {
        "apc.enabled", "error_log", "opcache.restrict_api", "opcache.validate_permission", "session.save_path", "sys_temp_dir",
        "upload_tmp_dir",
    }
)  # fmt: skip
"""Values that keep sites apart, or say where their files are."""
NAMED: Final = {
    "max_execution_time": "time",
    "memory_limit": "memory",
    "post_max_size": "uploads",
    "upload_max_filesize": "uploads",
}
"""Values that have a key of ours, since more than PHP follows it."""
VERSION = names.matching(r"[0-9]\.[0-9]+", 5, 'a version of PHP in quotes, such as "8.2"')
LARGEST: Final = 64 * 1024
"""MB."""

_VALUE = names.matching(r"[A-Za-z0-9_./:@+=, -]*", 200, "a plain value (letters, digits, spaces and _ . / : @ + = , -)")


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
    if not node.fields("memory", "uploads", "time", "children", "values", "version"):
        return Php()
    return Php(
        memory=_megabytes(node.child("memory")),
        uploads=_megabytes(node.child("uploads")),
        time=node.child("time").number(0, 1, 86400),
        children=node.child("children").number(0, 1, 1000),
        values=dict(_values(node.child("values"))),
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
                f"server {quoted(name)} {have}; write aegir:servers[{quoted(name)}].services.web.php: [{every}], with the "
                f"usual one first"
            )


def _megabytes(node: Node) -> int:
    text = node.text("0M", _size)
    number = int(text[:-1])
    return number * 1024 if text.endswith("G") else number


def _size(text: str) -> str:
    match = re.fullmatch(r"([1-9][0-9]{0,5})([MG])", text)
    if match is None or int(match[1]) * (1024 if match[2] == "G" else 1) > LARGEST:
        raise Wrong("must be a size such as 100M or 1G, up to 64G", f", not {quoted(text)}")
    return text


def _values(node: Node) -> list[tuple[str, str]]:
    found = []
    for key, entry in node.entries():
        if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*", key):
            entry.fault("is no name of a value of php.ini")
        elif key in OURS:
            entry.fault("keeps sites apart, and cannot be changed; remove it")
        elif key in NAMED:
            entry.fault(f"write php.{NAMED[key]} instead, which the web server follows as well")
        elif isinstance(entry.value, bool):
            found.append((key, "1" if entry.value else "0"))
        elif isinstance(entry.value, int):
            found.append((key, str(entry.value)))
        else:
            found.append((key, entry.text("", _VALUE)))
    return found
