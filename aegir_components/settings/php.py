"""What PHP allows a site, as declared at the site and at its web servers."""

from __future__ import annotations

import re
import unicodedata
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
ABSOLUTE: Final = frozenset(
    {
        "axis2.client_home", "blenc.key_file", "coin_acceptor.device", "mime_magic.magicfile", "sendmail_path",
        "session.cookie_path", "session_pgsql.sem_file_name", "soap.wsdl_cache_dir",
        "uploadprogress.file.filename_template", "xdebug.output_dir", "xdebug.profiler_output_dir", "xdebug.trace_output_dir",
        "xmms.path",
    }
)  # fmt: skip
"""Values before which PHP-FPM writes /usr/, unless they begin with a slash (``FPM_PHP_INI_TO_EXPAND`` in its fpm_php.h)."""
STARTING: Final = frozenset(
    {
        "apc.shm_segments", "apc.shm_size", "extension", "extension_dir", "opcache.file_cache", "opcache.huge_code_pages",
        "opcache.interned_strings_buffer", "opcache.jit", "opcache.jit_buffer_size", "opcache.max_accelerated_files",
        "opcache.memory_consumption", "opcache.preload", "opcache.preload_user", "phar.readonly", "phar.require_hash",
        "zend.assertions", "zend.script_encoding", "zend_extension",
    }
)  # fmt: skip
"""Values that PHP reads when it starts: in a pool they are ignored, some of them though ``ini_get`` shows them."""
LONGEST: Final = 1000
"""Characters of a value: lists of functions are long."""
VERSION = names.matching(r"[0-9]\.[0-9]+", 5, 'a version of PHP in quotes, such as "8.2"')
LARGEST: Final = 64 * 1024
"""MB."""


def _value(text: str) -> str:
    """Let through what a pool can be told so that PHP reads it as it was written."""
    if len(text) > LONGEST:
        raise Wrong(f"must have at most {LONGEST} characters")
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in text):
        raise Wrong("must be one line without control characters", f", not {quoted(text)}")
    if "$pool" in text:
        raise Wrong(
            "must not contain $pool, in place of which PHP-FPM writes the name of the pool", f"; it is {quoted(text)}"
        )
    return text


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
        memory=_memory(node.child("memory")),
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


def _memory(node: Node) -> int:
    found = _megabytes(node)
    if found == 1:
        node.fault("must be at least 2M: PHP begins with as much, and goes on with its former limit")
    return found


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
        elif key in STARTING:
            entry.fault(
                "is read only when PHP starts, for all sites of a server: write it into a file below /etc/php/*/fpm/conf.d on "
                "each web server, restart PHP-FPM there, and remove it here"
            )
        elif isinstance(entry.value, bool):
            found.append((key, "1" if entry.value else "0"))
        elif isinstance(entry.value, int | float):
            found.append((key, str(entry.value)))
        else:
            # An empty value switches some off, so that it is one.
            text = "" if entry.value == "" else entry.text(None, _value)
            if text is not None and key in ABSOLUTE and not text.startswith("/"):
                entry.fault(f"must begin with /, not be {quoted(text)}: PHP-FPM writes /usr/ before it otherwise")
            elif text is not None:
                found.append((key, text))
    return found
