"""A site that moves to another platform stays there only if it answers there as it did before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aegir_components.applications import APPLICATIONS
from aegir_components.inputs.site import SiteConfigurationInputs
from aegir_components.messages import numbered
from aegir_components.process import Process
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError, Refused
from aegir_components.remote.parallel import attempt

from . import answered, answering, settling
from .answering import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Before:
    """How a site answered before it is configured."""

    site: answered.Site
    places: tuple[Place, ...]
    """Where it answered, for a site that moves; empty for others, which are asked after the reload."""
    answering: frozenset[str] = frozenset()
    """The web servers on which it is asked again after the reload."""


def look(want: SiteConfigurationInputs, was: SiteConfigurationInputs | None, hub_root: str) -> Before:
    """Ask a site that was proven before whether it still answers; from now on it is only asked for if it does.

    Args:
        want: the inputs.
        was: the recorded ones; ``None`` for a new site.
        hub_root: where the hub has its records.
    """
    site = answered.Site(hub_root=hub_root, stack=want.holder, site=want.site)
    if was is None:
        return Before(site=site, places=())
    # Kept until the reload or the installation has proven the site: our failed attempt may be why it is down now.
    places = kept(site).of([site])[site]
    otherwise = _served(was) != _served(want)
    if not places or otherwise:
        site.forget()
    moves = _code(was) != _code(want) and want.health
    # One that is closed, or answers over TLS alone, in the edit that moves it cannot answer as before.
    same = (was.name, was.enabled, was.https) == (want.name, want.enabled, want.https)
    answering = frozenset() if otherwise else frozenset(place.server for place in places)
    return Before(site=site, places=tuple(places) if moves and same else (), answering=answering)


def _served(inputs: SiteConfigurationInputs) -> tuple[object, ...]:
    """Give what makes a site answer otherwise or elsewhere: its installation proves it again after that."""
    return inputs.name, inputs.application, inputs.https, inputs.enabled, inputs.chain, inputs.members


def _code(inputs: SiteConfigurationInputs) -> tuple[str, ...]:
    return inputs.platform, inputs.publish_path, inputs.docroot


def kept(site: answered.Site) -> answered.Before:
    """Give the record of where a site answered before it is configured."""
    return answered.Before(site.hub_root, site.stack, "site_config", site.site)


def keep_if_well(
    process: Process,
    before: Before,
    want: SiteConfigurationInputs,
    was: SiteConfigurationInputs,
    members: Mapping[str, Connection],
    back: Callable[[Connection], None],
) -> None:
    """Put a site back on its former platform, if it does not answer on the new one where it answered before.

    Args:
        process: what this process remembers.
        before: what ``look`` saw.
        want: the inputs.
        was: the recorded ones.
        members: the web servers that have the site configured for the new platform, reloaded.
        back: configures a web server as before and reloads it.

    Raises:
        Refused: the site does not answer there; where it is now.
    """
    here = [place for place in before.places if place.server in members]
    settling.wait(process, [before.site.site])
    failing = answering.broken(here, APPLICATIONS[want.application])
    if not failing:
        return
    undone = attempt(members, back)
    said = answered.table(failing, f"its move from the platform {was.platform} to {want.platform}")
    raise Refused(
        ", ".join(sorted({place.server for place in failing})), numbered(8553, f"{said}. {_advice(undone, want, was)}")
    )


def _advice(undone: Mapping[str, HostError | None], want: SiteConfigurationInputs, was: SiteConfigurationInputs) -> str:
    again = f"It is on {was.platform} again"
    return (
        f"{answering.returned(undone, again)}. Repair the code of {want.platform} and run pulumi up, or write "
        f"`platform: {was.platform}` at the site again; `health: false` at the site moves it without asking"
    )
