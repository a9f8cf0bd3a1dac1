"""What production forbids, and a team's own rules: plain functions over the settings, asked before any machine is touched."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from inspect import getmembers, isfunction
from pathlib import Path
from typing import Final

from aegir_components.messages import Message, around, numbered

from . import model
from .wording import quoted

Rule = Callable[[model.Settings], Iterable[str]]
"""Gives a sentence for each thing that is against it."""

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def pinned_host_keys(settings: model.Settings) -> Iterator[str]:
    """A machine of production is known beforehand: who answers first is not believed."""
    for server in settings.servers.values():
        if server.ssh is not None and server.ssh.trust != "pinned":
            yield numbered(
                1080, f'aegir:servers["{server.name}"].ssh.trust: must be "pinned", with the server\'s host_key'
            )


def tls(settings: model.Settings) -> Iterator[str]:
    """What visitors send, and what web servers ask of databases on other machines, is encrypted."""
    for site in settings.sites.values():
        if site.https == "none":
            yield numbered(1081, f'aegir:sites["{site.display_name}"].https: must be "enabled" or "required"')
        try:
            database, servers = settings.database_server(site.name), settings.site_servers(site.name)
        except KeyError:
            # It names what is not declared, which is told as well.
            continue
        elsewhere = any(server.name != database.name for server in servers)
        if elsewhere and database.database and database.database.tls != "required":
            yield numbered(1082, f'aegir:servers["{database.name}"].services.database.tls: must be "required"')


def fixed_sources(settings: model.Settings) -> Iterator[str]:
    """The code of production is what was tested: nothing that somebody else may move."""
    for platform in settings.platforms.values():
        where, source = f'aegir:platforms["{platform.name}"].source', platform.source
        if source.git and not _COMMIT.fullmatch(source.ref):
            yield numbered(
                1083, f"{where}.ref: must be a commit with all its digits, not {quoted(source.ref)}, which may move"
            )
        if source.archive and not source.checksum:
            yield numbered(1083, f"{where}.checksum: missing; an archive may be another one tomorrow")
        if source.composer and source.composer.unlocked:
            yield numbered(
                1083,
                f"{where}.composer.unlocked: must be false; without composer.lock each build brings the newest of everything",
            )


PRODUCTION: Final[tuple[Rule, ...]] = (pinned_host_keys, tls, fixed_sources)


def broken_in_production(settings: model.Settings, faults: Sequence[str] = ()) -> list[str]:
    """List what production forbids, each with the rule's name; nothing in another environment.

    Args:
        settings: the stack's settings.
        faults: what is wrong in them; rules say nothing of a value that is named there, or of what is in it.
    """
    if settings.environment != "production":
        return []
    found = _broken(settings, {f"production's rule {rule.__name__}": rule for rule in PRODUCTION})
    return beside(found, faults)


def beside(found: Iterable[str], faults: Iterable[str]) -> list[str]:
    """Take those that are about no value, and nothing in a value, that has a problem already."""
    wrong = [_path(fault) for fault in faults]
    return [text for text in found if not any(_overlap(_path(text), path) for path in wrong)]


def _path(fault: str) -> str:
    # A value of an included file is named with that file.
    return fault.partition(": ")[0].partition(" (in ")[0]


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith((f"{other}.", f"{other}[")) or other.startswith((f"{one}.", f"{one}["))


def broken(settings: model.Settings, path: Path) -> list[str]:
    """List what a team's own rules forbid.

    Args:
        settings: the stack's settings.
        path: a Python file; every function in it whose name does not begin with ``_`` is a rule.
    """
    try:
        return _broken(settings, _rules_of(path))
    except Exception as fault:  # noqa: BLE001 - it is somebody's own code, and has to be named whatever it does
        return [numbered(1086, f"aegir:rules: {path} cannot be run: {type(fault).__name__}: {fault}")]


def _rules_of(path: Path) -> dict[str, Rule]:
    spec = importlib.util.spec_from_file_location("aegir_rules_of_the_team", path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    own = (pair for pair in getmembers(module, isfunction) if pair[1].__module__ == module.__name__)
    return {f"rule {name} of {path.name}": rule for name, rule in own if not name.startswith("_")}


def _broken(settings: model.Settings, rules: dict[str, Rule]) -> list[str]:
    found = [_named(text, name) for name, rule in rules.items() for text in rule(settings) or ()]
    return list(dict.fromkeys(found))


def _named(text: str, rule: str) -> str:
    # A team's own rule has no number for what it says.
    return around(text if isinstance(text, Message) else numbered(1085, text), f"{text} ({rule})")
