"""What comes a moment later on a host: lines of logs and of the journal, cron that is at work, files that PHP has read."""

from __future__ import annotations

import shlex

from lab import Host

UNCACHED = "touch -d '+1 day'"
"""Shell, before a file's name: OPcache keeps no file whose time is not past, so that each request reads it again."""


def journal(host: Host, selection: str) -> str:
    """Read messages of a host's journal, with those that were sent until now.

    Args:
        host: the host.
        selection: words of journalctl's that choose them, such as ``-u ssh``.
    """
    # Without it what a program has said a moment ago may not be there yet.
    return host.run(f"journalctl --sync; journalctl -q {selection} -o cat --no-pager").stdout


def wait_for_line(host: Host, path: str, word: str) -> None:
    """Wait until a word is in a log: web servers write a request down after its answer."""
    host.run(f"until grep -qsF -- {shlex.quote(word)} {path}; do sleep 0.05; done")


def run_cron(host: Host, user: str) -> None:
    """Run the cron of a site's account from its beginning to its end.

    A start during a run of the timer's begins no other run, and waits for the end of that one.
    """
    state = "systemctl show -p ActiveState --value $unit"
    host.run(
        f'unit=aegir-cron@{user}.service; while [ "$({state})" = activating ]; do sleep 0.1; done; systemctl start $unit'
    )
