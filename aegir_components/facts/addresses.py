"""What a web server has at the addresses of a site: document root, files, vhost. It only looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aegir_components import layout
from aegir_components.applications.explaining import Kind
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

_KINDS: Mapping[str, Kind] = {"f": "file", "d": "directory"}


def items(site: str, name: str, *, web: str, publish_path: str, docroot: str, paths: Sequence[str]) -> list[str]:
    """List what tells what is there: the facts ``docroot``, ``vhost``, ``custom`` (where they are) and ``kinds``.

    Args:
        site: what it is known by.
        name: its host name.
        web: the type of the web service.
        publish_path: its platform's.
        docroot: the document root below a release.
        paths: below the document root.
    """
    below = "" if docroot == "." else f"/{docroot}"
    root = layout.web_directory(web, "custom")
    custom, vhost = f"{root}/{layout.file_name(site)}.conf", layout.vhost_path(web, name)
    known = [script.encoded(path) for path in paths]
    user = layout.system_user(site)
    return [
        functions("site"),
        functions("explain"),
        script.call("address_facts", user, publish_path, below, vhost, custom, *known),
    ]


def kinds(facts: Mapping[str, str], paths: Sequence[str]) -> dict[str, Kind]:
    """Read what is at each path."""
    return {path: _KINDS.get(letter, "") for path, letter in zip(paths, facts.get("kinds", ""), strict=False)}
