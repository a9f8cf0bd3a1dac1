"""``rewrite``: the content of a renamed WordPress site gets its new address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import click

from aegir_components import backups
from aegir_components.host.errors import HostError
from aegir_components.mysql import copies
from aegir_components.mysql.client import DatabaseError
from aegir_components.providers import site_database
from aegir_components.rewriting import wordpress
from aegir_components.rewriting.addresses import move
from aegir_components.snapshots.source import Source

from . import audit, completion, events, places
from .ends import Refusal, tell
from .stack import Stack, here
from .stack_lock import refuse_locked
from .state import Site
from .unlocked import Unlocked

APPLICATION: Final = "wordpress"


@click.command()
@click.argument("site", shell_complete=completion.sites)
@click.option(
    "--stack", required=True, metavar="STACK", shell_complete=completion.stacks, help="The stack that has it."
)
@click.option(
    "--from",
    "former",
    multiple=True,
    metavar="ADDRESS",
    help="A further former address; may be given several times. Those that the database names are known.",
)
@click.option("--dry-run", is_flag=True, help="Only count what would change, by table.")
def rewrite(site: str, stack: str, former: tuple[str, ...], *, dry_run: bool) -> None:
    """Replace the former addresses of SITE, a WordPress site, in its content by its address.

    A proven dump of the database goes to the hub first. The site serves meanwhile. What cannot be rewritten is named.

    \b
    aegir rewrite www.example.com --stack prod --dry-run
    aegir rewrite www.example.com --stack prod --from old.example.com
    """  # noqa: D301  click keeps such lines as they are
    known = Stack(name=stack, engine=here())
    if not dry_run:
        refuse_locked(known)
    unlocked = Unlocked.read(known)
    source = unlocked.source(unlocked.identity(site))
    found = unlocked.state.sites[source.name]
    made = found.installation or {}
    if made.get("application") != APPLICATION:
        raise Refusal(f"{source.name} is no WordPress site; content of Drupal has no address of its site to rewrite")
    if wrong := [one for one in former if move(one, "http://a.invalid") is None]:
        raise Refusal(f"{', '.join(wrong)}: no address; write a host name, or https://old.example.com/directory")
    names = (source.site, *former)
    try:
        if dry_run:
            lines = _run(found, source, names, write=False)
        else:
            with audit.noted(audit.root_of(unlocked.state), stack, "rewrite", sites=[source.name]):
                lines = _for_good(found, source, names)
    except (DatabaseError, HostError) as fault:
        raise Refusal(f"{source.name}: {fault}") from None
    for line in lines or ["its content has no former address"]:
        click.echo(f"{source.name}: {line}")


def _for_good(site: Site, source: Source, former: Sequence[str]) -> list[str]:
    made: Any = site.configuration
    want = site_database.wanted(
        site_database.of_site(
            {
                "accounts": made["accounts"],
                "site": source.site,
                "hub_password": source.endpoint.password,
                "password": made["password"],
            }
        )
    )
    with copies.alone(source.endpoint, want) as free:
        if not free:
            raise Refusal(f"another run works on the database of {source.name}; wait for its end")
        dump = backups.save_database(source.conn, source.endpoint, source.database, source.site)
        tell(f"{source.name}: its database of before is in {dump}")
        lines = _run(site, source, former, write=True)
    events.clear_caches(site, next(iter(places.servers(site))), "rewrite")
    return lines


def _run(site: Site, source: Source, former: Sequence[str], *, write: bool) -> list[str]:
    made: Any = site.configuration
    where = wordpress.Where(
        endpoint=source.endpoint, database=source.database, user=source.account, password=str(made["password"])
    )
    return wordpress.rewrite_site(where, site.url, former, write=write, tell=tell)
