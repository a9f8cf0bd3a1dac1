"""What may be promoted, and where to: decisions over a stack's settings and state, without asking anybody. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aegir_components import settings
from aegir_components.messages import numbered
from aegir_components.sources import builders

from .engine import Lock
from .made import Release, Site
from .state import State

CHANGES = ("create", "update", "delete", "replace", "create-replacement", "delete-replaced")
"""What a run counts of what it has changed."""


def at_work(stack: str, lock: Lock | None) -> list[str]:
    """Say that a run holds a stack, or that one was killed and its lock is left."""
    if lock is None:
        return []
    if lock.ended:
        return [
            numbered(
                9066,
                f"{stack} is locked by {lock.holder}, since {lock.since} UTC: that process has ended, so the run was "
                f"killed. Remove its lock and let the run go on: pulumi cancel --stack {stack} && pulumi up --stack {stack}",
            )
        ]
    return [
        numbered(
            9066,
            f"{stack} is locked by {lock.holder}, since {lock.since} UTC: a run is at work, or was killed. Wait for "
            f"its end; when there is none any more: pulumi cancel --stack {stack} && pulumi up --stack {stack}",
        )
    ]


def half_done(state: State, declared: settings.Settings, last_run: Mapping[str, Any]) -> list[str]:
    """Say what a stack's last ``up`` has left undone; a stack that was never begun is none of that.

    Args:
        state: what was made.
        declared: its stack file.
        last_run: what Pulumi keeps of the last run that came to its end.
    """
    again = f"Run pulumi up --stack {state.stack} until it succeeds, then promote again"
    if state.pending:
        return [
            numbered(9067, f"the last run of {state.stack} ended in the middle of {', '.join(state.pending)}. {again}")
        ]
    if state.empty:
        return []
    changed = sum(int((last_run.get("resourceChanges") or {}).get(verb, 0)) for verb in CHANGES)
    # One that was refused before it did anything has left nothing half done.
    if last_run.get("kind") in {"update", "destroy"} and last_run.get("result") == "failed" and changed:
        ended = last_run.get("endTime", "")
        return [
            numbered(
                9068,
                f"the last pulumi {'up' if last_run['kind'] == 'update' else 'destroy'} of {state.stack} failed ({ended}) after "
                f"{changed} changes. {again}; or take the stack file back to what it was, and run it",
            )
        ]
    missing = [*_missing(state, declared)]
    if missing:
        return [
            numbered(
                9069,
                f"{state.stack} declares what it has not made yet: {', '.join(missing)}. {again}, or take it out of the file",
            )
        ]
    return []


def _missing(state: State, declared: settings.Settings) -> Iterator[str]:
    for name, server in declared.servers.items():
        made = state.servers.get(name)
        if (
            made is None
            or not made.made
            or (server.web and made.web is None)
            or (server.database and made.database is None)
        ):
            yield f"server {name}"
    yield from (f"platform {name}" for name in declared.platforms if name not in state.releases)
    installed = {site.identity for site in state.sites.values() if site.installation is not None}
    yield from (f"site {site.display_name}" for site in declared.sites.values() if site.identity not in installed)


def never_well(platform: str, state: State, declared: settings.Settings) -> list[str]:
    """Say why nobody can tell that a platform works in its stack, from what was made there.

    Args:
        platform: its name.
        state: what was made of the source stack.
        declared: the source stack's file.
    """
    up = f"Run pulumi up --stack {state.stack}, then promote again"
    if state.pending:
        return [
            numbered(9067, f"the last run of {state.stack} ended in the middle of {', '.join(state.pending)}. {up}")
        ]
    release = state.releases.get(platform)
    if release is None:
        return [numbered(9070, f"platform {platform} never came up in {state.stack}. {up}")]
    faults = [
        numbered(9070, f"site {site.display_name} on platform {platform} never came up in {state.stack}. {up}")
        for site in declared.sites_on(platform)
        if _made(state, site.identity) is None
    ]
    if not faults and not any(site.enabled and site.asked_for for site in state.sites_on(platform)):
        faults.append(
            numbered(
                9071,
                f"no site of {state.stack} that is enabled and asked for (health) runs on platform {platform}, so nobody "
                f"has seen it work. Put a site on it there, and run pulumi up --stack {state.stack}",
            )
        )
    return [*faults, *_moved(declared.platforms[platform], release, state.stack)]


def _made(state: State, identity: str) -> Site | None:
    return next((site for site in state.sites.values() if site.identity == identity and site.installation), None)


def _moved(platform: settings.Platform, release: Release, stack: str) -> Iterator[str]:
    """Find that the source stack's file names another source than the one that its live release was made of."""
    source, made_of, up = (
        platform.source,
        Path(release.recorded(lambda inputs: inputs.source)),
        f"run pulumi up --stack {stack}",
    )
    said = numbered(
        9072,
        f"the file of {stack} names another source for platform {platform.name} than the live release was made of; {up}",
    )
    if platform.rollback:
        # Nothing is read then: what is live is told by its record.
        if platform.rollback != release.name:
            yield said
    elif source.git or source.archive:
        # The build itself, or a directory in it.
        if builders.key(source, release.revision) not in made_of.parts:
            yield said
    elif source.makefile:
        if not release.revision.startswith("sha256:"):
            yield said
    elif source.composer is None and Path(source.path) != made_of:
        yield said
