"""How old a site's last proven backup is, for the status: from the hub's records, so that no repository is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aegir_components.backups import plan as plans
from aegir_components.backups.book import Backup, Book, is_ahead, local
from aegir_components.messages import numbered

from . import audit
from .ends import Refusal
from .stack import Stack
from .state import State


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What the status says of one site's backups."""

    last: str
    """When the last proven one began, with its age; ``never``, or ``off``."""
    fault: str = ""
    """That the plan was missed, or why the newest one is no good; empty where all is well."""


def of_stack(stack: Stack, state: State) -> tuple[dict[str, Kept], str]:
    """Say it for each site of a stack that declares backups; of other stacks nothing is said.

    Returns:
        What is said, and why nothing can be said though sites are backed up; empty where that is not so.
    """
    try:
        declared = stack.drawn(state)
    except Refusal as refused:
        # The stack file is being edited now; what the state says can be shown all the same. A missed plan would not be seen.
        return {}, _unread(state, refused)
    if declared.backups is None:
        return {}, ""
    plans_of = {site.identity: site.backups for site in declared.sites.values()}
    now = datetime.now().astimezone()
    found = {}
    for site in state.sites.values():
        plan = plans_of.get(site.identity)
        if plan is None:
            found[site.name] = Kept(last="off")
            continue
        holder = site.holder
        listed = Book(hub_root=declared.hub.root, stack=holder, site=site.identity).backups()
        # One of a clock that was ahead would be the newest one for as long.
        known = tuple(one for one in listed if not is_ahead(one, now))
        proven = [one for one in known if one.is_proven or plan.prove == "off"]
        last = local(proven[-1]) if proven else None
        fault = ""
        if known and known[-1].proof is not None and not known[-1].is_proven:
            fault = f"its newest backup is not good: {known[-1].proof.text}"
        elif plans.is_missed(plan, last, now):
            fault = f"no proven backup for {_age(last, now)}" if last else "it has no proven backup"
        elif known and known[-1].not_saved:
            fault = f"its newest backup is incomplete: it lacks {known[-1].not_saved[0]}"
        elif known and known[-1].failed:
            fault = f"its newest backup is not in {', '.join(known[-1].failed)}"
        elif plan.prove == "boot":
            fault = _start_fault(known, now) if site.asked_for and site.enabled else ""
        found[site.name] = Kept(last=f"{last:%Y-%m-%d %H:%M} ({_age(last, now)})" if last else "never", fault=fault)
    return found, ""


def _unread(state: State, refused: Refusal) -> str:
    root = str(audit.root_of(state))
    for site in state.sites.values():
        holder = site.holder
        if Book(hub_root=root, stack=holder, site=site.identity).backups():
            said = " ".join(refused.format_message().split())
            return numbered(9045, f"nothing is said of backups, since the stack file cannot be read: {said}")
    return ""


def _start_fault(known: tuple[Backup, ...], now: datetime) -> str:
    """Say why the site may not start from its backups; empty where it has done so of late."""
    tried = [one for one in known if one.start is not None]
    if tried and (last := tried[-1].start) is not None and not last.ok:
        return f"it does not start from its backup {tried[-1].id}: {last.text}"
    if plans.is_start_missed(known, now, local):
        started = [local(one) for one in tried]
        since = f"for {_age(max(started), now)}" if started else "yet"
        why = f": {known[-1].not_started}" if known[-1].not_started else ""
        return f"it was not started from a backup {since}{why}"
    return ""


def of(kept: Mapping[str, Kept] | None, site: str) -> Kept:
    """Give what is known of a site; nothing where nobody asked."""
    return (kept or {}).get(site) or Kept(last="")


def _age(then: datetime | None, now: datetime) -> str:
    if then is None:
        return "ever"
    minutes = max(0, int((now - then).total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
