"""The program: its commands, and how each fault becomes one sentence and an exit status."""

from __future__ import annotations

import sys
from typing import Any

import click

from aegir_components import settings
from aegir_components.host.errors import HostError
from aegir_components.sources.faults import SourceError

from . import completion
from .backup import backup
from .backups import backups
from .check import check
from .check_stack import check_stack
from .disk import disk, prune
from .ends import Refusal
from .enter import db, php, shell
from .events import cache, close, cron, open_
from .explain import explain
from .graph import graph
from .history import history
from .import_aegir import import_aegir
from .inspect_site import inspect_site
from .keys import keys
from .login import login
from .logs import logs, slow
from .promote import promote
from .recover import recover
from .recovery import keys as backup_keys
from .report import metrics, report
from .restore import restore
from .rewrite import rewrite
from .run import run
from .schema import schema
from .status import status
from .timers import timers
from .top import top
from .update import update
from .updates import advisories, updates


class Program(click.Group):
    """The commands together."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what the layers below raise becomes a sentence without a traceback."""
        try:
            return super().invoke(ctx)
        except (HostError, settings.SettingsError, SourceError) as fault:
            raise Refusal(str(fault)) from None


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit status: 0 done, 1 failed or refused, 2 wrong usage, 3 done and something is not well, 4 failed on a site, "
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


COMMANDS = (
    *(status, check, explain, logs, top, slow, history),
    *(run, shell, db, php, cron, cache, close, open_, login, update, rewrite),
    *(backup, backups, restore, timers),
    *(report, metrics, updates, advisories, disk, prune),
    *(promote, check_stack, keys, graph, schema, inspect_site, import_aegir, completion.completion),
)
for command in COMMANDS:
    aegir.add_command(command)
for command in (backup_keys, recover):
    backups.add_command(command)


def main() -> None:
    """Run the program, and end the process with its exit status."""
    # `python -m aegir_components` would otherwise be called by a file's name in usage lines and for completion.
    aegir.main(prog_name=completion.PROGRAM, complete_var=completion.VARIABLE)
    sys.exit(0)
