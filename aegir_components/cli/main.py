"""The program: its commands, and how each problem becomes one sentence and an exit status."""

from __future__ import annotations

import errno
import os
import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click

from aegir_components.messages import AegirError, around, numbered

from .commands import PROGRAM, VARIABLE, Commands, Later
from .ends import INTERRUPTED, Refusal, tell

COMMANDS: Final = {
    "advisories": Later("updates", "Fill the mirror of security advisories, or list its projects.", "advisories"),
    "backup": Later("backup", "Back up sites now, or those that are due, or this hub."),
    "backups": Later("backups", "List, prove, check and forget backups; keys and recovery."),
    "cache": Later("events", "Clear the caches of sites.", "cache"),
    "check": Later("check", "Check now everything that `pulumi up` proves of sites."),
    "check-stack": Later("check_stack", "Compare what machines carry with what the stack has."),
    "close": Later("events", "Close sites: visitors get 503 until `aegir open`.", "close"),
    "completion": Later("completion", "Print what a shell needs for completion."),
    "cron": Later("events", "Run the cron of sites now.", "cron"),
    "db": Later("enter", "Open a client of a site's database, or run SQL there.", "db"),
    "disk": Later("disk", "Show what sites and platforms take, and how they grow."),
    "explain": Later("explain", "Tell what a message means, or what answers an address."),
    "graph": Later("graph", "Draw a stack's estate."),
    "history": Later("history", "Show who did what to a site, a server or the stack."),
    "import-aegir": Later("import_aegir", "Make a stack file of a farm of Aegir 3."),
    "inspect": Later("inspect_site", "Inspect a site on another host, and fetch it."),
    "keys": Later("keys", "Rotate the hub's ssh key."),
    "login": Later("login", "Print an address that logs its visitor in to a site, once."),
    "logs": Later("logs", "Show what sites logged, on all their web servers."),
    "metrics": Later("report", "Print the figures of `report` for Prometheus.", "metrics"),
    "open": Later("events", "Open sites that `aegir close` has closed.", "open_"),
    "php": Later("enter", "Run a PHP program in a site.", "php"),
    "promote": Later("promote", "Pin in a stack's file what was verified in another stack."),
    "prune": Later("disk", "Remove old releases and leftovers, after naming them.", "prune"),
    "report": Later("report", "Write one HTML page about a stack."),
    "restore": Later("restore", "Restore the database and the files of sites from a backup."),
    "rewrite": Later("rewrite", "Replace former addresses in the content of WordPress sites."),
    "run": Later("run", "Run a command for each site, as its own user."),
    "schema": Later("schema", "Print a JSON schema of the stack file, for editors."),
    "shell": Later("enter", "Open a shell as a site's own user.", "shell"),
    "slow": Later("logs", "Show requests that PHP took more than five seconds for.", "slow"),
    "status": Later("status", "Show a stack's servers, platforms and sites."),
    "sync": Later("sync", "Bring the content of a site into another existing site."),
    "timers": Later("timers", "Run due backups by a systemd timer on this hub."),
    "top": Later("top", "Show which sites had most requests of late."),
    "update": Later("update", "Run pending database updates of sites on their present code."),
    "updates": Later("updates", "Show security updates that are pending for a stack's code."),
}
"""By name."""


class Program(Commands):
    """The commands together."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what the layers below raise, and Ctrl-C, become a sentence without a traceback."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except AegirError as fault:
            # The class is looked up for our errors alone: its module has Pulumi, and Ctrl-C waits for no import.
            if isinstance(fault, _missing_input()):
                what = "run pulumi up, which records what is there, and this command again"
                raise Refusal(around(fault, f"{fault}, in the state of the stack: {what}")) from None
            raise Refusal(str(fault)) from None
        except OSError as fault:
            # Of our own output; a pipe that nobody reads is click's to end without a word.
            if fault.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EIO}:
                raise
            raise Refusal(numbered(9021, f"the output cannot be written: {fault.strerror}")) from None
        except KeyboardInterrupt:
            # Commands for many sites tell which of them ran, and do not come here.
            tell("interrupted; what was done is named above")
            raise click.exceptions.Exit(INTERRUPTED) from None


@click.group(
    cls=Program,
    later=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit status: 0 done, 1 failed or rejected, 2 wrong usage, 3 done and something is not well. 4 failed on a site, "
    "5 not run on a site, 130 interrupted.",
)
@click.option(
    "-C", "--cwd", type=click.Path(exists=True, file_okay=False), default=".", metavar="DIRECTORY",
    help="Run as if started there; as Pulumi, the nearest Pulumi.yaml upwards is taken.",
)  # fmt: skip
def aegir(cwd: str) -> None:
    """What an operator of a farm does, beside `pulumi preview` and `pulumi up`."""
    # Commands look for the project themselves: help and completion need none.
    del cwd


def _missing_input() -> type[AegirError]:
    # Imported when a command has failed: help needs no input of a resource.
    from aegir_components.inputs import props  # noqa: PLC0415

    return props.MissingInput


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does when a connection to the hub breaks or somebody ends the process: with its line in the history.

    Raises:
        KeyboardInterrupt: always.
    """
    raise KeyboardInterrupt


def main() -> None:
    """Run the program, and end the process with its exit status."""
    # A caller that has closed them, `>&-`, wants to hear nothing.
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  it stays open
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  it stays open
    for stream in (sys.stdout, sys.stderr):
        # A terminal or a file of another encoding gets "?" for what it has no character for, and no traceback.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    for number in (signal.SIGTERM, signal.SIGHUP):
        # nohup has SIGHUP ignored, and it stays so.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
    # `python -m aegir_components` would otherwise be called by a file's name in usage lines and for completion.
    aegir.main(prog_name=PROGRAM, complete_var=VARIABLE)
    sys.exit(0)
