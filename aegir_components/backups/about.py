"""What is written down with a backup: the site's declaration, and the release that it is on."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.settings import names
from aegir_components.sources import records

from .source import Source

_RELEASE: Final = re.compile(r"/\.releases/([A-Za-z0-9_.-]{1,255})/([0-9a-f]{16})")
"""In the record of a site that is held back: the platform, and the release."""


def declaration(file: Path, site: str) -> dict[str, Any]:
    """Give what a stack file says of a site, without what is encrypted; empty where it says nothing, or cannot be read.

    Args:
        file: the stack file.
        site: its host name in ASCII.
    """
    try:
        read = yaml.safe_load(file.read_text(encoding="utf-8"))
        found = read["config"]["aegir:sites"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return {}
    entry: Any = (
        next((found[key] for key in found if names.in_ascii(str(key)) == site), {}) if isinstance(found, dict) else {}
    )
    return _without_secrets(entry) if isinstance(entry, dict) else {}


def release(
    platform: str, name: str, *, revision: str = "", version: str = "", application: str = ""
) -> dict[str, str]:
    """Say which code a site has.

    Args:
        platform: its platform.
        name: of the release.
        revision: the commit, or the archive's checksum; empty for a directory.
        version: what the code base says of itself.
        application: which application it is.
    """
    return {
        "platform": platform, "name": name, "revision": revision, "version": version, "application": application,
    }  # fmt: skip


def recorded(hub_root: str, platform: str, name: str, application: str) -> dict[str, str]:
    """Say which code a site has, with what the hub has written down of that release.

    Args:
        hub_root: where the hub has its records.
        platform: the release's.
        name: of the release.
        application: which application it is.
    """
    known = records.load(hub_root, platform, name)
    revision, version = (known.revision, known.version) if known else ("", "")
    return release(platform, name, revision=revision, version=version, application=application)


def with_own_release(source: Source) -> Source:
    """Name the release of a site that is held back on another one than its platform's: only the machines know that.

    Raises:
        HostError: a web server is not reached.
    """
    path = shlex.quote(layout.held_file(source.site))
    lines = [f'[ ! -e {path} ] || fact held "$(cat {path})"']
    what = f"looking which release {source.name} is on"
    facts = script.execute(source.places[0].conn, "check", lines, what=what, lock=False).facts
    found = _RELEASE.search(facts.get("held", ""))
    known: dict[str, str] = dict(source.about.get("release") or {})
    if found is None or (known.get("platform"), known.get("name")) == found.groups():
        return source
    there = recorded(source.places[0].conn.hub_root, found[1], found[2], known.get("application", ""))
    return replace(source, about={**source.about, "release": there})


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            str(key): _without_secrets(each)
            for key, each in value.items()
            if not (isinstance(each, dict) and set(each) == {"secure"})
        }
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value
