"""What a promotion writes into the target's stack file. Pure: from settings, state and text to another text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aegir_components import settings
from aegir_components.sources import address
from aegir_components.sources.naming import conventional_name

from .edit import MISSING, EditError, StackText, Value
from .ends import Refusal
from .state import Release, State

PLATFORMS: Final = ("config", "aegir:platforms")
SITES: Final = ("config", "aegir:sites")
SOURCE_KEYS: Final = ("path", "git", "archive", "makefile", "ref", "directory", "checksum", "composer")


def pin_platform(text: StackText, platform: settings.Platform, release: Release, target: settings.Platform) -> str:
    """Write into a stack file that a platform is to be what was verified elsewhere; also gives that in words.

    Args:
        text: the target's stack file.
        platform: the platform as the source stack declares it.
        release: what is live of it there.
        target: the platform as the target declares it now.

    Raises:
        Refusal: it cannot be written; says why and what to do.
    """
    place = (*PLATFORMS, _key_of(text, target))
    wanted = wanted_source(platform.source, release)
    by_digest = not (platform.source.git or platform.source.archive)
    try:
        _write_source(text, (*place, "source"), wanted, target)
        if by_digest:
            text.set((*place, "release"), release.name, after="source")
        else:
            text.drop((*place, "release"))
        # As long as it stands there, nothing that is written here becomes live.
        text.drop((*place, "rollback"))
    except EditError as fault:
        raise Refusal(
            f"the stack file cannot be changed here: {fault}. Write it by hand: {_words(wanted, release)}"
        ) from None
    return f"platform {target.name}: {_words(wanted, release)}"


def pin_site(text: StackText, site: settings.Site, platform: str) -> str:
    """Write into a stack file that a site runs on a platform; also gives that in words.

    Raises:
        Refusal: it cannot be written; says why.
    """
    declared = text.get(SITES)
    key = (
        next((name for name in declared if name in {site.name, site.display_name}), None)
        if isinstance(declared, Mapping)
        else None
    )
    if key is None:
        raise Refusal(
            f'aegir:sites["{site.display_name}"] does not stand in the stack file as a mapping; write it there by hand: '
            f"platform: {platform}"
        )
    try:
        text.set((*SITES, key, "platform"), platform)
    except EditError as fault:
        raise Refusal(
            f"the stack file cannot be changed here: {fault}. Write it by hand: platform: {platform}"
        ) from None
    return f"site {site.display_name}: on platform {platform}"


def wanted_source(source: settings.PlatformSource, release: Release) -> dict[str, Value]:
    """Give the mapping of a source that leads to what is live of it: by commit, by checksum, or as it stands."""
    beside: dict[str, Value] = {}
    if source.composer is not None:
        flags = {"dev": source.composer.dev, "unlocked": source.composer.unlocked}
        beside["composer"] = flags if any(flags.values()) else True
    if source.git:
        below: dict[str, Value] = {"directory": source.directory} if source.directory else {}
        return {"git": source.git, "ref": release.revision, **below, **beside}
    if source.archive:
        return {"archive": source.archive, "checksum": release.revision, **beside}
    if source.makefile:
        return {"makefile": source.makefile}
    return {"path": source.path, **beside}


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
            f"{target.stack} declares no platform {name}, and none of its platforms has the release {live}; add the platform to "
            f"its stack file, with the server that it is to be on"
        )
    return same[0]


def _write_source(
    text: StackText, place: tuple[str | int, ...], wanted: dict[str, Value], target: settings.Platform
) -> None:
    now = text.get(place)
    kind = next(key for key in ("git", "archive", "makefile", "path") if key in wanted)
    there = getattr(target.source, kind)
    where = str(wanted[kind])
    if kind == "path" and there:
        # A directory of the target's own is as good: the digest tells what has to be in it.
        where = there
    if where != there and address.parse(where).password:
        raise Refusal(
            f"platform {target.name}: the address of its source holds a secret, which only its own stack can read; set it "
            f"for this one first: pulumi config set --secret --path '{_path(place)}.{kind}'"
        )
    if not isinstance(now, Mapping):
        if wanted.keys() == {"path"} and where == there:
            return
        text.set(place, {**wanted, kind: where})
        return
    for key, value in wanted.items():
        if key != kind:
            text.set((*place, key), value, after=kind if now.get(kind, MISSING) is not MISSING else "")
        elif where != there:
            text.set((*place, key), where)
    for key in SOURCE_KEYS:
        if key not in wanted and key in now:
            text.drop((*place, key))


def _key_of(text: StackText, platform: settings.Platform) -> str | int:
    """Find the key of a platform in the file: its name, or its place in a list."""
    declared = text.get(PLATFORMS)
    if isinstance(declared, Mapping) and platform.name in declared:
        return platform.name
    if isinstance(declared, list):
        for index, entry in enumerate(declared):
            if isinstance(entry, Mapping) and _name(entry) == platform.name:
                return index
    raise Refusal(
        f'aegir:platforms["{platform.name}"] does not stand in the stack file as a mapping, so it cannot be changed there'
    )


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
    first, *rest = place[1:]
    return str(first) + "".join(f"[{step}]" if isinstance(step, int) else f'["{step}"]' for step in rest)
