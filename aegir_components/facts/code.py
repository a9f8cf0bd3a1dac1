"""Which modules, plugins, themes and packages a release has on a web server. It only looks, and runs nothing of it."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Container, Iterator, Mapping

from aegir_components.advisories import composer
from aegir_components.advisories.findings import Part
from aegir_components.applications import APPLICATIONS
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}")
LONGEST_LOCK = 32_000_000
"""Bytes of a composer.lock, unpacked."""


def items(application: str, release: str, docroot: str) -> list[str]:
    """List what asks for it.

    Args:
        application: the application's name.
        release: the directory of the release.
        docroot: the document root below it.
    """
    root = release if docroot == "." else f"{release}/{docroot}"
    return [functions("code"), script.call("code_facts", application, release, root)]


def parts(facts: Mapping[str, str], application: str, version: str) -> list[Part]:
    """Read the parts, core among them; what is no name or no version is passed over."""
    known = APPLICATIONS[application]
    kind, name = known.core_part
    core = Part(kind=kind, name=name, version=version)
    found = {core, *_listed(facts, known.extensions), *composer.packages(_lock(facts))}
    # Core says its version itself; its packaged modules repeat it.
    return sorted(part for part in found if (part.kind, part.name) != (core.kind, core.name) or part == core)


def _listed(facts: Mapping[str, str], kinds: Container[str]) -> Iterator[Part]:
    for line in facts.get("parts", "").splitlines():
        kind, _, rest = line.partition("\t")
        name, _, version = rest.partition("\t")
        if kind in kinds and NAME.fullmatch(name) and VERSION.fullmatch(version):
            yield Part(kind=kind, name=name, version=version)


def _lock(facts: Mapping[str, str]) -> str:
    packed = facts.get("lock", "")
    if not packed:
        return ""
    try:
        unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        return unpacker.decompress(base64.b64decode(packed), LONGEST_LOCK).decode(errors="replace")
    except (ValueError, zlib.error):
        return ""
