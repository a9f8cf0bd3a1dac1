"""``rewrite``: the content of a renamed WordPress site gets its new address."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Final

import click

from aegir_components.applications import APPLICATIONS
from aegir_components.archives import encrypting, keeping
from aegir_components.backups.source import Source
from aegir_components.messages import around, numbered, shown
from aegir_components.mysql import copies
from aegir_components.mysql.client import DatabaseError
from aegir_components.remote.errors import HostError
from aegir_components.rewriting import wordpress
from aegir_components.rewriting.addresses import move

from . import audit, completion, events, journal, places, selecting, site_lock
from .ends import FAILED, SITES_FAILED, Refusal, tell
from .made import Site
from .progress import Progress
from .selecting import Selection
from .stack_lock import refuse_locked
from .unlocked import Unlocked

WITH_ADDRESSES: Final = frozenset(name for name, kind in APPLICATIONS.items() if kind.has_address)


@click.command()
@click.argument("sites", nargs=-1, shell_complete=completion.sites)
@selecting.options
@click.option(
    "--from",
    "former",
    multiple=True,
    metavar="ADDRESS",
    help="A further former address; may be given several times. Those that the database names are known.",
)
@click.option("--dry-run", is_flag=True, help="Only count what would change, by table.")
def rewrite(selection: Selection, former: tuple[str, ...], *, dry_run: bool) -> None:
    """Replace the former addresses of SITES, which are WordPress sites, in their content by each site's address.

    A proven dump of the database goes to the hub first. The site serves meanwhile. What cannot be rewritten is named. Sites of
    other applications are an error when they are named, and are left out otherwise.

    \b
    aegir rewrite www.example.com --dry-run
    aegir rewrite www.example.com --stack prod --from old.example.com
    aegir rewrite --platform shop --dry-run
    """  # noqa: D301  click keeps such lines as they are
    selecting.need(selection)
    if wrong := [one for one in former if move(one, "http://a.invalid") is None]:
        raise Refusal(
            numbered(9130, f"{', '.join(wrong)}: no address; write a host name, or https://old.example.com/directory")
        )
    known = selecting.the_stack(selection.stack, selection.environment)
    if not dry_run:
        refuse_locked(known)
    unlocked = Unlocked.read(known)
    sites = _chosen(unlocked, selection)
    progress = Progress([site.name for site in sites])
    lock = site_lock.held(audit.root_of(unlocked.state), known, "rewrite", sites, alone=True)
    with nullcontext() if dry_run else lock, progress.told():
        done = [_done(unlocked, site, former, progress, dry_run=dry_run) for site in sites]
    if not all(done):
        raise click.exceptions.Exit(FAILED if len(sites) == 1 else SITES_FAILED)


def _chosen(unlocked: Unlocked, selection: Selection) -> list[Site]:
    """Choose the sites of WordPress.

    Raises:
        Refusal: a site that is named is of another application, or no site is left.
    """
    picked = selecting.pick(unlocked.state, selection, lambda: selecting.clients_of(unlocked.stack, unlocked.state))
    fitting = [site for site in picked if site.application in WITH_ADDRESSES]
    others = [site for site in picked if site not in fitting]
    if wrong := [site.name for site in others if selecting.names_it(selection, site)] or (
        [] if fitting else [site.name for site in others]
    ):
        is_no = "is no WordPress site" if len(wrong) == 1 else "are no WordPress sites"
        raise Refusal(
            numbered(9131, f"{', '.join(wrong)} {is_no}; content of Drupal has no address of its site to rewrite")
        )
    return fitting


def _done(unlocked: Unlocked, site: Site, former: Sequence[str], progress: Progress, *, dry_run: bool) -> bool:
    """Rewrite one site, and return whether that went well."""
    with progress.at_work(site.name):
        try:
            source = unlocked.source(site.identity)
            names = (source.site, *former)
            if dry_run:
                lines = _run(site, source, names, write=False)
            else:
                root, write = audit.root_of(unlocked.state), journal.of_sites([site])
                with audit.noted(root, unlocked.stack.name, "rewrite", sites=[site], journal=write):
                    lines = _for_good(site, source, names)
        except (DatabaseError, HostError) as fault:
            tell(around(fault, f"{site.name}: {fault}"))
            return False
        except Refusal as refused:
            tell(shown(refused))
            return False
        for line in lines or ["its content has no former address"]:
            click.echo(f"{site.name}: {line}")
        return True


def _for_good(site: Site, source: Source, former: Sequence[str]) -> list[str]:
    with copies.alone(source.endpoint, site.secrets.wanted) as free:
        if not free:
            raise Refusal(numbered(6502, f"another run works on the database of {source.name}; wait for its end"))
        keys = encrypting.Keys.of(source.conn.hub_root, source.holder)
        dump = keeping.save_database(source.conn, source.endpoint, source.database, source.site, keys)
        tell(f"{source.name}: its database of before is in {dump}")
        lines = _run(site, source, former, write=True)
    events.clear_caches(site, next(iter(places.servers(site))), "rewrite")
    return lines


def _run(site: Site, source: Source, former: Sequence[str], *, write: bool) -> list[str]:
    where = wordpress.Where(
        endpoint=source.endpoint, database=source.database, user=source.account, password=site.secrets.site_password
    )
    return wordpress.rewrite_site(where, site.url, former, write=write, tell=tell)
