"""``login``: a one-time login to a site, made by its own application on one of its web servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import click

from aegir_components.applications import APPLICATIONS
from aegir_components.deploy import installation
from aegir_components.messages import around, numbered
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import ConnectionRefused, HostUnreachable
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from . import audit, completion, selecting
from .ends import Refusal, tell
from .made import Site
from .state import State

TIMEOUT: Final = 120.0
"""Seconds for the program: the application starts with cold caches."""
PATIENCE: Final = 20
"""Seconds to wait for an installer or an update that works on the site."""


@click.command()
@click.argument("site", shell_complete=completion.sites)
@selecting.STACK
@click.option(
    "--account",
    default="",
    metavar="NAME",
    help="Another account than Drupal's first one, or WordPress's declared one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def login(site: str, stack: str, account: str, *, as_json: bool) -> None:
    """Print an address that logs its visitor in to SITE, once.

    Who has it is let in, so it goes to standard output and nowhere else: neither log nor state has it.

    \b
    aegir login www.example.com --stack prod
    aegir login 'www*' --stack prod
    """  # noqa: D301  click keeps such lines as they are
    state = selecting.the_stack(stack).state()
    found = find(state, site)
    with audit.noted(audit.root_of(state), state.stack, "login", sites=[found]):
        link = make(found, account)
    click.echo(json.dumps({"site": found.name, "url": link}, indent=2) if as_json else link)
    tell(f"it is good {APPLICATIONS[found.application].login_lasts}")


def find(state: State, name: str) -> Site:
    """Find an installed site, by its name or by a pattern that fits no other one.

    Raises:
        Refusal: there is none of this name, a pattern fits several, or it cannot be logged in to.
    """
    site = selecting.one(state, name)
    if site.is_empty:
        raise Refusal(
            numbered(
                9025, f"site {site.name} never came up in {state.stack}; run pulumi up --stack {state.stack} first"
            )
        )
    if not site.enabled:
        raise Refusal(
            numbered(
                6541,
                f"site {site.name} is disabled and answers nobody; set state: enabled and run pulumi up --stack {state.stack}",
            )
        )
    return site


def make(site: Site, account: str) -> str:
    """Let the site's application make a one-time login, on the first of its web servers that is there.

    Raises:
        HostError: none of them could do it; says why.
    """
    admin = site.installed(lambda made: made.admin, "")
    values = {"host": site.name, "url": site.url, "admin": admin, "account": account}
    lines = [
        functions("command"),
        *installation.items(
            APPLICATIONS[site.application].login, site=site.identity, publish_path=site.publish_path,
            docroot=site.docroot, values=values, patience=PATIENCE,
        ),
        script.call("journal", f"{audit.who()}: aegir login to {site.name}"),
    ]  # fmt: skip
    candidates = list(_able(site))
    for conn in candidates:
        try:
            report = script.execute(
                conn, "apply", lines, what=f"making a login to {site.name}", timeout=TIMEOUT, lock=False
            )
        except (HostUnreachable, ConnectionRefused) as fault:
            if conn is candidates[-1]:
                raise
            tell(around(fault, f"{fault}; the next one is asked"))
            continue
        link = report.facts.get("result", "").removeprefix("::link ")
        if link.startswith(f"{site.url}/"):
            return link
        raise Refusal(
            numbered(
                9027,
                f"{conn.host}: the site {site.name} made a login to another address than its own {site.url}; check its "
                f"settings",
            )
        )
    raise Refusal(numbered(9028, f"site {site.name} is on no web server"))


def _able(site: Site) -> Iterator[Connection]:
    """List the web servers that may do it: work for a pack is its master's."""
    for name, conn in site.connections.items():
        if site.master in {"", name}:
            yield conn
