"""What a promotion is: two stacks, what of the one is to be in the other, and what the machines say to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aegir_components import settings
from aegir_components.messages import around, joined, numbered
from aegir_components.providers import installation
from aegir_components.providers import release as releases
from aegir_components.remote.errors import HostError
from aegir_components.sources import records
from aegir_components.sources.resolve import resolve

from . import pins, verified
from .edit import EditError, StackText
from .ends import Refusal, tell
from .stack import Stack
from .state import State


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """A stack of the two, read."""

    stack: Stack
    declared: settings.Settings
    state: State

    @classmethod
    def read(cls, stack: Stack) -> Side:
        """Read its file and its state."""
        state = stack.state()
        return cls(stack=stack, declared=stack.settings(state), state=state)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is to be promoted."""

    platforms: Mapping[str, str]
    """Of the source to that of the target."""
    sites: Mapping[str, str]
    """Of the target, by ASCII name, to the target's platform that it is to be on."""


def refuse(faults: list[str]) -> None:
    """End the command where something is against it.

    Raises:
        Refusal: all of it.
    """
    if faults:
        text = joined(faults, "\n       ")
        raise Refusal(around(text, f"nothing was promoted: {text}"))


def choose(names: tuple[str, ...], before: Side, after: Side) -> Wanted:
    """Find what the names stand for, in both stacks.

    Raises:
        Refusal: one stands for nothing.
    """
    platforms: dict[str, str] = {}
    sites: dict[str, str] = {}
    for name in names:
        if name in before.declared.platforms:
            if name not in after.declared.platforms:
                raise Refusal(
                    numbered(
                        9061,
                        f"{after.stack.name} declares no platform {name}; add it to its stack file, with the server that it is "
                        f"to be on",
                    )
                )
            platforms[name] = name
            continue
        here, _, there = name.partition("=")
        site, goal = _site(here, before), _site(there or here, after)
        refuse(verified.never_well(site.platform, before.state, before.declared))
        platforms[site.platform] = pins.counterpart(site.platform, before.state, after.state, after.declared)
        sites[goal.name] = platforms[site.platform]
    if not names:
        platforms = {name: name for name in before.declared.platforms if name in after.declared.platforms}
        for name in sorted(set(before.declared.platforms) - set(platforms)):
            tell(f"platform {name} is left out: {after.stack.name} does not declare it")
        if not platforms:
            raise Refusal(
                numbered(
                    9065,
                    f"{before.stack.name} and {after.stack.name} have no platform in common; name what is to be promoted",
                )
            )
    return Wanted(platforms=platforms, sites=sites)


def gone(platform: str, goal: str, before: Side, after: Side) -> list[str]:
    """Say that a directory no longer holds what is live of it, so that the target could not get it."""
    declared, live = before.declared.platforms[platform], before.state.releases[platform].name
    known = after.state.releases.get(goal)
    if declared.source.git or declared.source.archive or (known is not None and known.name == live):
        return []
    tell(f"reading the source of platform {platform}")
    alone = replace(declared, rollback="", release="")
    read = resolve(replace(before.declared, platforms={platform: alone}, sites={}))[platform]
    if records.name_of(read.tree.digest) == live:
        return []
    return [
        numbered(
            9073,
            f"{read.directory} no longer holds the release {live} of platform {platform}, which is live in {before.stack.name}. "
            f"Run pulumi up --stack {before.stack.name} and check its sites, or put the code back; then promote again",
        )
    ]


def look(platform: str, state: State) -> None:
    """Ask the machines whether a platform is live as it is recorded, and every site on it for its front page.

    Raises:
        Refusal: something is not as it should be, or cannot be asked.
    """
    tell(f"inspecting platform {platform} in {state.stack}, and asking for its sites")
    try:
        faults = list((releases.Provider().observed(state.releases[platform].outputs) or {}).get("drift", []))
        for site in state.sites_on(platform):
            if site.installation is not None and site.asked_for:
                faults += (installation.InstallationProvider().observed(site.installation) or {})["drift"]
    except HostError as fault:
        faults = [str(fault)]
    refuse([numbered(9074, f"platform {platform} is not well in {state.stack}: {fault}") for fault in faults])


def written(old: bytes, wanted: Wanted, before: Side, after: Side) -> tuple[str, list[str]]:
    """Write the pins into the target's text; also gives each of them in words.

    Raises:
        Refusal: the text cannot be changed so.
    """
    try:
        text = StackText(old.decode())
    except EditError as fault:
        raise Refusal(f"{after.stack.file}: {fault}") from None
    except UnicodeDecodeError as fault:
        raise Refusal(numbered(9011, f"{after.stack.file} cannot be read: {fault}")) from None
    done = []
    for name, goal in wanted.platforms.items():
        declared, live = before.declared.platforms[name], before.state.releases[name]
        done.append(pins.pin_platform(text, declared, live, after.declared.platforms[goal]))
    for name, platform in wanted.sites.items():
        if after.declared.sites[name].platform != platform:
            done.append(pins.pin_site(text, after.declared.sites[name], platform))
    return text.text, done


def _site(name: str, side: Side) -> settings.Site:
    for site in side.declared.sites.values():
        if name in {site.name, site.display_name}:
            return site
    known = (
        ", ".join((*side.declared.platforms, *(site.display_name for site in side.declared.sites.values())))
        or "nothing"
    )
    raise Refusal(numbered(9016, f"{side.stack.name} declares no platform or site {name}; it has: {known}"))
