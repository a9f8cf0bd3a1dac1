"""Stands where a process of Python's would start, and has the server fork it: hands over, waits, and ends as it ended.

Run by an isolated Python without `site`; it imports only what starting needs. Without a server's socket in the environment,
or with one that nobody serves any more, Python starts as it would have.
"""

# Importing pathlib takes longer than all else that is done here.
# ruff: noqa: PTH100, PTH109, PTH118
from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from types import FrameType
    from typing import Any, NoReturn

SOCKET = "AEGIR_TEST_WARM"
"""The variable with the path of the server's socket."""
PYTHON = "AEGIR_TEST_WARM_PYTHON"
"""The variable with the Python that the server runs on."""
REAL = "real"
"""The directory with the script in whose place this one lies, beside it."""
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


class Signals:
    """Signals that this process gets: kept, until there is a connection to send them by."""

    def __init__(self) -> None:
        """Take them from now on; those that are ignored stay so, here and in the forked process."""
        self.ignored = [int(each) for each in FORWARDED if signal.getsignal(each) is signal.SIG_IGN]
        self._connection: socket.socket | None = None
        self._early: list[int] = []
        for each in FORWARDED:
            if each not in self.ignored:
                signal.signal(each, self._take)

    def send_by(self, connection: socket.socket) -> None:
        """Send what has come and what will come."""
        self._connection = connection
        early, self._early = self._early, []
        for number in early:
            self._take(number, None)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self._connection is None:
            self._early.append(number)
            return
        try:  # noqa: SIM105 - contextlib is not imported here
            self._connection.send(bytes([number]))
        except OSError:
            pass


def asked(argv: Sequence[str]) -> tuple[str, str, list[str]]:
    """Give what to run: `path` or `module`, its name, and its arguments.

    Under the name of a script this stands in its place; as `client.py` it is told: `-m MODULE …`.
    """
    if argv[1:2] == ["-m"]:
        return "module", argv[2], list(argv[3:])
    directory, name = os.path.split(os.path.abspath(argv[0]))
    return "path", os.path.join(directory, REAL, name), list(argv[1:])


def start_cold(kind: str, name: str, words: Sequence[str]) -> NoReturn:
    """Become what Python would have started."""
    python = os.environ.get(PYTHON, sys.executable)
    os.execv(python, [python, "-u", *(["-m", name] if kind == "module" else [name]), *words])


def hand_over(place: str, job: dict[str, Any]) -> socket.socket:
    """Give the server the job with this process's streams, and return the connection.

    Raises:
        OSError: nobody serves.
    """
    import array
    import json
    import socket

    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(place)
    text = json.dumps(job).encode()
    streams = array.array("i", [0, 1, 2])
    connection.sendmsg([len(text).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
    connection.sendall(text)
    return connection


def status_of(connection: socket.socket) -> int:
    """Wait for the end of the forked process; below zero it is a signal's number, as `subprocess` has it."""
    answer = b""
    while len(answer) < 4:
        part = connection.recv(4 - len(answer))
        if not part:
            sys.stderr.write("the server of warm processes is gone\n")
            return 70
        answer += part
    return int.from_bytes(answer, "big", signed=True)


def main(argv: Sequence[str]) -> NoReturn:
    """Hand over, wait, and end as the forked process ended."""
    kind, name, words = asked(argv)
    place = os.environ.get(SOCKET)
    if not place:
        start_cold(kind, name, words)
    signals = Signals()
    umask = os.umask(0o22)
    os.umask(umask)
    job = {
        "kind": kind, "name": name, "words": words, "directory": os.getcwd(), "environment": dict(os.environ),
        "umask": umask, "ignored": signals.ignored,
    }  # fmt: skip
    try:
        connection = hand_over(place, job)
    except OSError:
        start_cold(kind, name, words)
    signals.send_by(connection)
    status = status_of(connection)
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv)
