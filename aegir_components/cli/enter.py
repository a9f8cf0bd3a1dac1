"""``shell``, ``db`` and ``php``: into one site, as its own user."""

from __future__ import annotations

import base64
import sys
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Final

import click

from aegir_components.applications import APPLICATIONS
from aegir_components.applications.base import program
from aegir_components.deploy import site_command
from aegir_components.deploy.site_command import Command, Place
from aegir_components.messages import around, numbered
from aegir_components.remote import terminal
from aegir_components.remote.errors import ConnectionRefused, HostUnreachable
from aegir_components.scripts import script

from . import audit, completion, login, places, selecting, site_lock, stack_lock
from .ends import OK, SITES_FAILED, SITES_UNREACHED, Refusal, tell
from .made import Site
from .run import Running, read_input, run_one
from .stack import Stack
from .state import State

PREPARING: Final = 600.0
"""Seconds for what comes before: a client of MariaDB may have to be installed."""
CLIENT: Final = "default-mysql-client"
QUIET: Final = {"MYSQL_HISTFILE": "/dev/null", "MARIADB_HISTFILE": "/dev/null", "HISTFILE": "/dev/null"}
"""Nothing of what is typed stays on the machine."""


@click.command()
@click.argument("site", shell_complete=completion.sites)
@selecting.STACK
@click.option("--server", default="", metavar="NAME", shell_complete=completion.servers, help="On this web server.")
@stack_lock.during_up
def shell(site: str, stack: str, server: str, *, during_up: bool) -> None:
    """Open a shell as SITE's own user, in its document root: php, drush, wp and site-db are the site's own.

    \b
    aegir shell www.example.com
    """  # noqa: D301  click keeps such lines as they are
    _needs_terminal("aegir run SITE -- COMMAND")
    known, state, found = _site(stack, site)
    stack_lock.refuse_locked(known, during_up=during_up)
    prompt = f"{found.name}:\\w\\$ "
    command = Command(argv=["bash", "--norc", "-i"], seconds=0, who=_who("shell"), also={**QUIET, "PS1": prompt})
    _attach(known, state, found, server, command, "shell")


@click.command()
@click.argument("site", shell_complete=completion.sites)
@selecting.STACK
@click.option("--server", default="", metavar="NAME", shell_complete=completion.servers, help="From this web server.")
@click.option(
    "--read-only", is_flag=True, help="Take no statement that writes. This keeps from mistakes, not from intent."
)
@click.option("--execute", "statement", default="", metavar="SQL", help="Run this, print the rows, and end.")
@stack_lock.during_up
def db(site: str, stack: str, server: str, *, read_only: bool, statement: str, during_up: bool) -> None:
    """Open a client of SITE's database, as the site's own account. Without a terminal it reads SQL from standard input.

    The password stays on the web server: it is in no argument, no variable and no history.

    \b
    aegir db www.example.com --read-only
    aegir db www.example.com --execute 'SELECT COUNT(*) FROM wp_posts'
    aegir db www.example.com < changes.sql
    """  # noqa: D301  click keeps such lines as they are
    known, state, found = _site(stack, site)
    stack_lock.refuse_locked(known, during_up=during_up or read_only)
    also = {**QUIET, **({"AEGIR_READ_ONLY": "1"} if read_only else {})}
    words = "db --read-only" if read_only else "db"
    command = Command(argv=["site-db"], seconds=0, who=_who(words), also=also)
    _install_client(found, server)
    if not statement and sys.stdin.isatty():
        _attach(known, state, found, server, command, words)
        return
    given = statement.encode() if statement else read_input(sys.stdin.buffer)
    if not given.strip():
        raise Refusal(numbered(9023, "there is no SQL to run: give it by --execute or on standard input"))
    _one(known, state, found, server, replace(command, argv=["site-db", "--batch"], stdin=given), words)


@click.command()
@click.argument("site", shell_complete=completion.sites)
@click.argument("file", type=click.File("rb"))
@click.argument("arguments", nargs=-1)
@selecting.STACK
@click.option("--server", default="", metavar="NAME", shell_complete=completion.servers, help="On this web server.")
@click.option("--bare", is_flag=True, help="Do not start the application first.")
@click.option(
    "--timeout",
    type=click.IntRange(0),
    default=site_command.TIME_LIMIT,
    show_default=True,
    metavar="SECONDS",
    help="After which it is ended; 0 for never.",
)
@stack_lock.during_up
def php(
    site: str, file: Any, arguments: tuple[str, ...], stack: str, server: str, *, bare: bool, timeout: int, during_up: bool
) -> None:  # fmt: skip
    """Run the PHP program FILE (- for standard input) in SITE, with the application started.

    \b
    aegir php www.example.com report.php
    echo '<?php echo PHP_VERSION;' | aegir php www.example.com - --bare
    """  # noqa: D301  click keeps such lines as they are
    known, state, found = _site(stack, site)
    stack_lock.refuse_locked(known, during_up=during_up)
    given = read_input(file)
    if not bare:
        given = _started(found, given)
    command = Command(argv=["php", "--", *arguments], seconds=timeout, who=_who("php"), stdin=given)
    _one(known, state, found, server, command, "php")


def _started(site: Site, given: bytes) -> bytes:
    """Put the application's start before a program, which stays a file of its own: what it declares first stays first."""
    boot, *_ = APPLICATIONS[site.application].caches
    values = {"host": site.name, "url": site.url}
    # What a site prints while it starts would stand before the program's own output.
    end = "\nwhile (ob_get_level()) { ob_end_clean(); }\nunset($in);\n"
    return (program(values, boot) + end + _FILE % base64.b64encode(given).decode()).encode()


_FILE = """\
$aegir_program = tempnam(sys_get_temp_dir(), 'aegir-');
register_shutdown_function('unlink', $aegir_program);
file_put_contents($aegir_program, base64_decode('%s'));
include $aegir_program;
"""
"""PHP: a file with a program, which is there for as long as it runs."""


def _site(stack: str, name: str) -> tuple[Stack, State, Site]:
    known = selecting.the_stack(stack)
    state = known.state()
    return known, state, login.find(state, name)


def _who(what: str) -> str:
    return f"{audit.who()}: aegir {what}"


def _needs_terminal(instead: str) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refusal(numbered(9022, f"this needs a terminal; without one: {instead}"))


def _places(site: Site, server: str) -> list[str]:
    listed = places.servers(site)
    if server and server not in listed:
        raise Refusal(
            numbered(9024, f"nothing runs for {site.name} on {server}; its web servers are: {', '.join(listed)}")
        )
    return [server] if server else listed


def _install_client(site: Site, server: str) -> None:
    """Make sure that there is a client of MariaDB or MySQL; most web servers have one.

    Raises:
        HostError: it cannot be installed; says why.
    """
    for name in _places(site, server)[:1]:
        lines = [
            f"command -v mariadb >/dev/null || command -v mysql >/dev/null || {script.call('want_packages', CLIENT)}"
        ]
        what = "looking for a client of the database"
        report = script.execute(site.connection_of(name), "check", lines, what=what)
        if report.drift:
            tell(f"{name}: installing {CLIENT}")
            script.execute(site.connection_of(name), "apply", lines, what=f"installing {CLIENT}", timeout=PREPARING)


def _attach(stack: Stack, state: State, site: Site, server: str, command: Command, what: str) -> None:
    if _may_write(command):
        site_lock.refuse_busy(audit.root_of(state), stack, what, site)
    listed = _places(site, server)
    for number, name in enumerate(listed):
        place, conn = places.place(site, name), site.connection_of(name)
        try:
            facts = _prepare(place, command, name, site)
        except (HostUnreachable, ConnectionRefused) as fault:
            if number == len(listed) - 1:
                raise
            tell(around(fault, f"{fault}; the next one is asked"))
            continue
        with audit.noted(audit.root_of(state), stack.name, what, sites=[site], servers=[name]) as noting:
            status = terminal.attach(
                conn, site_command.interactive(place, command, facts), what=f"entering {site.name}"
            )
            noting.result(f"status {status}")
        if status:
            raise click.exceptions.Exit(status)
        return


def _may_write(command: Command) -> bool:
    return "AEGIR_READ_ONLY" not in command.also


def _prepare(place: Place, command: Command, server: str, site: Site) -> dict[str, str]:
    lines = site_command.prepare(place, command)
    conn = site.connection_of(server)
    report = script.execute(conn, "apply", lines, what=f"entering {site.name}", lock=False)
    return report.facts


def _one(stack: Stack, state: State, site: Site, server: str, command: Command, what: str) -> None:
    listed = _places(site, server)
    running = Running(command=command, root=audit.root_of(state), stack=state.stack, sites={site.name: site})
    with (
        site_lock.held(running.root, stack, what, [site]) if _may_write(command) else nullcontext(),
        audit.noted(running.root, stack.name, what, sites=[site], servers=listed[:1]) as noting,
    ):
        verdict = run_one(running, site, listed[0])
        noting.result(verdict.kind)
    if verdict.kind == "ok":
        return
    if verdict.why:
        tell(verdict.why)
    raise click.exceptions.Exit(
        {"ok": OK, "failed": SITES_FAILED, "late": SITES_FAILED, "interrupted": 130}.get(verdict.kind, SITES_UNREACHED)
    )
