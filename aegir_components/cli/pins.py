"""What a promotion writes into the target's stack file. Pure: from settings, state and text to another text."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from aegir_components import settings
from aegir_components.messages import numbered
from aegir_components.sources import address
from aegir_components.sources.naming import conventional_name

from .edit import MISSING, EditError, StackText, Value
from .ends import Refusal
from .made import Release
from .state import State

PLATFORMS: Final = ("config", "aegir:platforms")
SITES: Final = ("config", "aegir:sites")


def pin_platform(text: StackText, platform: settings.Platform, release: Release, target: settings.Platform) -> str:
    """Write into a stack file that a platform is to be what was verified elsewhere; also gives that in words.

    Args:
        text: the target's stack file. What of the platform does not stand in it comes from elsewhere, and is overridden.
        platform: the platform as the source stack declares it.
        release: what is live of it there.
        target: the platform as the target declares it now.

    Raises:
        Refusal: it cannot be written; says why and what to do.
    """
    wanted = wanted_source(platform.source, release)
    words = _words(wanted, release)
    by_digest = not (platform.source.git or platform.source.archive)
    try:
        place = (*PLATFORMS, _key_of(text, target))
        _write_source(text, (*place, "source"), wanted, target)
        if by_digest:
            _put(text, (*place, "release"), release.name, after="source")
        elif target.release:
            _take_out(text, (*place, "release"))
        # As long as it stands there, nothing that is written here becomes live.
        if target.rollback:
            _take_out(text, (*place, "rollback"))
    except EditError as fault:
        raise Refusal(
            numbered(9060, f"the stack file cannot be changed here: {fault}. Write it by hand: {words}")
        ) from None
    return f"platform {target.name}: {words}"


def pin_site(text: StackText, site: settings.Site, platform: str) -> str:
    """Write into a stack file that a site runs on a platform; also gives that in words.

    Raises:
        Refusal: it cannot be written; says why.
    """
    declared = text.get(SITES)
    known = declared if isinstance(declared, Mapping) else {}
    key = next((name for name in known if name in {site.name, site.display_name}), site.display_name)
    try:
        _put(text, (*SITES, key, "platform"), platform)
    except EditError as fault:
        raise Refusal(
            numbered(
                9060,
                f"the stack file cannot be changed here: {fault}. Write it by hand: site {site.display_name}, platform: "
                f"{platform}",
            )
        ) from None
    return f"site {site.display_name}: on platform {platform}"


def wanted_source(source: settings.PlatformSource, release: Release) -> dict[str, Value]:
    """Give the mapping of a source that leads to what is live of it: by commit, by checksum, or as it stands."""
    wanted = effective(source)
    if source.git:
        return {**wanted, "ref": release.revision}
    return {**wanted, "checksum": release.revision} if source.archive else wanted


def effective(source: settings.PlatformSource) -> dict[str, Value]:
    """Give the mapping that a source is declared by; what is as it is anyway is left out."""
    found: dict[str, Value] = {
        key: value
        for key in ("git", "archive", "makefile", "path", "ref", "directory", "checksum")
        if (value := getattr(source, key))
    }
    if source.composer is not None:
        flags = dataclasses.asdict(source.composer)
        found["composer"] = flags if any(flags.values()) else True
    return found


def counterpart(name: str, source: State, target: State, declared: settings.Settings) -> str:
    """Find the target's platform for a site whose platform in the source stack is ``name``.

    The one of the same name; else the one whose live release is the same.

    Raises:
        Refusal: there is neither.
    """
    if name in declared.platforms:
        return name
    live = source.releases[name].name
    same = [other for other, release in target.releases.items() if release.name == live and other in declared.platforms]
    if not same:
        raise Refusal(
            numbered(
                9061,
                f"{target.stack} declares no platform {name}, and none of its platforms has the release {live}. Add the "
                f"platform to its stack file, with the server that it is to be on",
            )
        )
    return same[0]


def _write_source(
    text: StackText, place: tuple[str | int, ...], wanted: dict[str, Value], target: settings.Platform
) -> None:
    now = text.get(place)
    kind = next(key for key in ("git", "archive", "makefile", "path") if key in wanted)
    have = effective(target.source)
    if kind == "path" and "path" in have:
        # A directory of the target's own is as good: the digest tells what has to be in it.
        wanted = {**wanted, "path": have["path"]}
    if wanted == have:
        return
    if wanted[kind] != have.get(kind) and address.parse(str(wanted[kind])).password:
        raise Refusal(
            numbered(
                9062,
                f"platform {target.name}: the address of its source holds a secret, which only its own stack can read. Set it "
                f"for this stack first: pulumi config set --secret --path '{_path(place)}.{kind}'",
            )
        )
    if isinstance(now, str):
        text.set(place, wanted)
        return
    for key, value in wanted.items():
        if value != have.get(key):
            _put(text, (*place, key), value, after=kind)
    for key in have:
        # A directory that another file names is no mapping there, most likely, and gone with the first key that is here; where it
        # is one, the preview finds two kinds of source and says so.
        if key not in wanted and not (key == "path" and now is MISSING):
            _take_out(text, (*place, key))


def _put(text: StackText, path: tuple[str | int, ...], value: Value, *, after: str = "") -> None:
    """Set a value; mappings on the way to it that the text has not are made."""
    for length in range(1, len(path)):
        if text.get(path[:length]) is MISSING:
            for step in reversed(path[length:]):
                value = {str(step): value}
            text.set(path[:length], value)
            return
    text.set(path, value, after=after)


def _take_out(text: StackText, path: tuple[str | int, ...]) -> None:
    if text.get(path) is MISSING:
        raise EditError(
            numbered(9060, f"{_path(path)} comes from another file, and a stack file can take nothing out of that")
        )
    text.drop(path)


def _key_of(text: StackText, platform: settings.Platform) -> str | int:
    """Find the key of a platform in the file: its name, or its place in a list."""
    declared = text.get(PLATFORMS)
    if isinstance(declared, list):
        named = (
            index
            for index, entry in enumerate(declared)
            if isinstance(entry, Mapping) and _name(entry) == platform.name
        )
        index = next(named, None)
        if index is None:
            raise EditError(numbered(9060, f"{_path(PLATFORMS)} is a list without it"))
        return index
    if declared is not MISSING and not isinstance(declared, Mapping):
        raise EditError(numbered(9060, f"{_path(PLATFORMS)} is no mapping"))
    return platform.name


def _name(entry: Mapping[str, Any]) -> str | None:
    source = entry.get("source")
    path = source.get("path") if isinstance(source, Mapping) else source
    return str(entry["name"]) if "name" in entry else conventional_name(str(entry.get("server")), str(path))


def _words(wanted: Mapping[str, Value], release: Release) -> str:
    if "git" in wanted:
        return f"commit {release.revision} ({release.application} {release.version})"
    if "archive" in wanted:
        return f"the archive with the checksum {release.revision} ({release.application} {release.version})"
    return f"release {release.name} ({release.application} {release.version})"


def _path(place: tuple[str | int, ...]) -> str:
    """Write a place as messages about the stack file and ``pulumi config set --path`` have it."""
    top, *rest = place[1:]
    named = (
        f"[{step}]" if isinstance(step, int) else f'["{step}"]' if at == 0 else f".{step}"
        for at, step in enumerate(rest)
    )
    return str(top) + "".join(named)
