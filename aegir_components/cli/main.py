"""The program: its commands, and how each fault becomes one sentence and an exit status."""

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

from aegir_components import settings
from aegir_components.host.errors import HostError
from aegir_components.inputs.props import MissingInput
from aegir_components.messages import around, numbered
from aegir_components.sources.faults import SourceError

from . import (
    backup,
    backups,
    check,
    check_stack,
    completion,
    disk,
    enter,
    events,
    explain,
    graph,
    history,
    import_aegir,
    inspect_site,
    keys,
    login,
    logs,
    promote,
    report,
    restore,
    rewrite,
    run,
    schema,
    status,
    sync,
    timers,
    top,
    update,
    updates,
)
from .commands import Commands, Later
from .ends import INTERRUPTED, Refusal, tell

COMMANDS: Final[Later] = {
    "advisories": lambda: updates.advisories,
    "backup": lambda: backup.backup,
    "backups": lambda: backups.backups,
    "cache": lambda: events.cache,
    "check": lambda: check.check,
    "check-stack": lambda: check_stack.check_stack,
    "close": lambda: events.close,
    "completion": lambda: completion.completion,
    "cron": lambda: events.cron,
    "db": lambda: enter.db,
    "disk": lambda: disk.disk,
    "explain": lambda: explain.explain,
    "graph": lambda: graph.graph,
    "history": lambda: history.history,
    "import-aegir": lambda: import_aegir.import_aegir,
    "inspect": lambda: inspect_site.inspect_site,
    "keys": lambda: keys.keys,
    "login": lambda: login.login,
    "logs": lambda: logs.logs,
    "metrics": lambda: report.metrics,
    "open": lambda: events.open_,
    "php": lambda: enter.php,
    "promote": lambda: promote.promote,
    "prune": lambda: disk.prune,
    "report": lambda: report.report,
    "restore": lambda: restore.restore,
    "rewrite": lambda: rewrite.rewrite,
    "run": lambda: run.run,
    "schema": lambda: schema.schema,
    "shell": lambda: enter.shell,
    "slow": lambda: logs.slow,
    "status": lambda: status.status,
    "sync": lambda: sync.sync,
    "timers": lambda: timers.timers,
    "top": lambda: top.top,
    "update": lambda: update.update,
    "updates": lambda: updates.updates,
}
"""By name. The modules are executed where :mod:`pulumi_workarounds.deferred` is at work: when their commands are asked for."""


class Program(Commands):
    """The commands together."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what the layers below raise, and Ctrl-C, become a sentence without a traceback."""
        try:
            return super().invoke(ctx)
        except (HostError, settings.SettingsError, SourceError) as fault:
            raise Refusal(str(fault)) from None
        except MissingInput as fault:
            raise Refusal(around(fault, f"{fault}; run pulumi up")) from None
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
    aegir.main(prog_name=completion.PROGRAM, complete_var=completion.VARIABLE)
    sys.exit(0)
