"""``update``: give databases of sites the updates that the code which they have brings, with the same rehearsal as a release."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from aegir_components.host.errors import HostError
from aegir_components.mysql.client import DatabaseError
from aegir_components.rollout import waves
from aegir_components.rollout.platform import Platform
from aegir_components.settings.updating import Rollout

from . import audit, completion
from .ends import SITES_FAILED, Refusal, tell
from .stack import Stack, here
from .stack_lock import refuse_locked
from .state import Site
from .unlocked import Unlocked


@click.command()
@click.argument("sites", nargs=-1, metavar="[SITE]...", shell_complete=completion.sites)
@click.option(
    "--stack", required=True, metavar="STACK", shell_complete=completion.stacks, help="The stack that has them."
)
@click.option("--all", "every", is_flag=True, help="All sites of the stack.")
@click.option("--dry-run", is_flag=True, help="Only name the updates that each site lacks.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def update(sites: tuple[str, ...], stack: str, *, every: bool, dry_run: bool, as_json: bool) -> None:
    """Run the pending database updates of sites on the code that they have.

    A release runs them by itself. Use this after a change of a database by hand, or after an `up` with health: false. The
    update is tried on a copy of the database first. Visitors wait for some seconds, or see 503 where the site is written to
    meanwhile. The former database is kept.

    \b
    aegir update www.example.com --stack prod
    aegir update --all --stack prod --dry-run
    """  # noqa: D301  click keeps such lines as they are
    if bool(sites) == every:
        raise click.UsageError("name sites, or take --all")
    known = Stack(name=stack, engine=here())
    if not dry_run:
        refuse_locked(known)
    unlocked = Unlocked.read(known)
    chosen = {unlocked.identity(site) for site in sites} if sites else None
    found = []
    for name, props in sorted(unlocked.state.rollouts.items()):
        platform = Platform.of(props)
        here_on = [site for site in platform.sites if chosen is None or site in chosen]
        found += _of_platform(unlocked, platform, name, here_on, dry_run=dry_run)
    if missing := (chosen or set()) - {site for site, _, _ in found}:
        raise Refusal(
            f"{', '.join(sorted(missing))}: not installed yet, or never rolled out; run pulumi up --stack {stack}"
        )
    if as_json:
        click.echo(
            json.dumps([{"site": site, "lacks": list(names), **_plain(done)} for site, names, done in found], indent=2)
        )
    else:
        for site, names, done in found:
            click.echo(done.line if done else f"{site}: {', '.join(names) if names else 'no updates are pending'}")
    if any(done is not None and done.result == "failed" for _, _, done in found):
        raise click.exceptions.Exit(SITES_FAILED)


Found = tuple[str, tuple[str, ...], waves.Done | None]


def _of_platform(unlocked: Unlocked, platform: Platform, name: str, sites: list[str], *, dry_run: bool) -> list[Found]:
    lacking: dict[str, tuple[str, ...]] = {}
    for site in sites:
        try:
            lacking[site] = platform.lacks(site)
        except (HostError, DatabaseError) as fault:
            raise Refusal(f"{site}: {fault}") from None
    due = [site for site, names in lacking.items() if names]
    done: dict[str, waves.Done] = {}
    if due and not dry_run:
        root = audit.root_of(unlocked.state)
        with audit.noted(
            root, unlocked.stack.name, "update", sites=[platform.sites[site].name for site in due]
        ) as noting:
            tell(f"{name}: updating {len(due)} sites")
            done = {one.site: one for one in waves.run(due, Rollout(), platform.own_work(tell))}
            if any(one.result == "failed" for one in done.values()):
                noting.result("failed")
    return [(site, names, done.get(site)) for site, names in lacking.items()]


def lacking(unlocked: Unlocked, site: Site) -> tuple[str, ...]:
    """Name the updates that a site's database lacks for the code that it has; nothing for one that was never rolled out.

    Raises:
        HostError: a web server does not answer.
        DatabaseError: the database server does not answer.
    """
    platform = _platform_of(unlocked, site)
    return platform.lacks(site.identity) if platform else ()


def is_held(unlocked: Unlocked, site: Site) -> bool:
    """Return whether a site is on another release than the live one of its platform.

    Raises:
        HostError: a web server does not answer.
    """
    platform = _platform_of(unlocked, site)
    return platform is not None and site.identity in platform.definition.held


def _platform_of(unlocked: Unlocked, site: Site) -> Platform | None:
    props = unlocked.state.rollouts.get(site.platform)
    platform = Platform.of(props) if props else None
    return platform if platform and site.identity in platform.sites else None


def _plain(done: waves.Done | None) -> dict[str, object]:
    if done is None:
        return {"result": None}
    kept = asdict(done.outcome)
    del kept["output"], kept["closed_at"]
    return {"result": done.result, "why": done.why, **kept}
