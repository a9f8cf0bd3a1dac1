"""Imports the program once, and forks it for each client: run as `python -m tests.warm.server SOCKET`.

One process, one thread: what forks must have no other. A client that goes away takes its child with it, as SIGKILL would have
taken the process; signals that the client gets reach the child.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aegir_components.pulumi_workarounds import startup

MODULES: Final = (
    "asyncio", "concurrent.futures", "dill", "grpc", "jinja2", "pulumi", "pulumi.dynamic", "pulumi.runtime", "pymysql", "yaml",
)  # fmt: skip
PACKAGE: Final = "aegir_components"
LONGEST_NAME: Final = 15
"""Characters of a process's name that Linux keeps."""


class Become(BaseException):
    """This process is the child, and has to become what the client asked for."""

    def __init__(self, job: dict[str, Any], streams: list[int]) -> None:
        """Say what, and with which streams."""
        super().__init__()
        self.job, self.streams = job, streams


@dataclass(slots=True)
class Child:
    """A forked process, and the client that waits for its end."""

    pid: int
    watched: int
    """A descriptor that can be read when the process has ended."""
    client: socket.socket


def prepare() -> None:
    """Import what the children will need; the order does not matter to them.

    Raises:
        RuntimeError: something has started a thread, of which a fork knows nothing.
    """
    for name in MODULES:
        importlib.import_module(name)
    package = importlib.import_module(PACKAGE)
    for found in pkgutil.walk_packages(package.__path__, PACKAGE + "."):
        if not found.name.endswith("__main__") and ".testing" not in found.name:
            importlib.import_module(found.name)
    if len(list(Path("/proc/self/task").iterdir())) != 1:
        raise RuntimeError("an import started a thread: processes cannot be forked from here")
    gc.collect()
    gc.freeze()
    # As each process of the program has it (aegir_components/pulumi_workarounds/startup.py).
    gc.set_threshold(startup.OBJECTS, *gc.get_threshold()[1:])


def serve(listener: socket.socket) -> None:
    """Fork for each client, until the standard input ends: whoever started the server is gone.

    Raises:
        Become: in the child.
    """
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, None)
    selector.register(0, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select():
            if key.fileobj == 0:
                return
            if key.fileobj is listener:
                _take(listener, selector)
            elif isinstance(key.fileobj, socket.socket):
                _forward(key.data, selector)
            elif isinstance(key.data, Child):
                _finish(key.data, selector)


def _take(listener: socket.socket, selector: selectors.BaseSelector) -> None:
    client, _ = listener.accept()
    client.settimeout(20)
    try:
        job, streams = _received(client)
    except (OSError, ValueError):
        client.close()
        return
    pid = os.fork()
    if pid == 0:
        selector.close()
        listener.close()
        client.close()
        raise Become(job, streams)
    for each in streams:
        os.close(each)
    client.settimeout(None)
    child = Child(pid, os.pidfd_open(pid), client)
    selector.register(child.watched, selectors.EVENT_READ, child)
    selector.register(client, selectors.EVENT_READ, child)


def _received(client: socket.socket) -> tuple[dict[str, Any], list[int]]:
    streams = array.array("i")
    head, extra, _, _ = client.recvmsg(4, socket.CMSG_SPACE(3 * streams.itemsize))
    for level, kind, data in extra:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            streams.frombytes(data)
    wanted, text = int.from_bytes(head, "big"), b""
    while len(text) < wanted:
        part = client.recv(wanted - len(text))
        if not part:
            raise ValueError("the client went away")
        text += part
    return json.loads(text), list(streams)


def _forward(child: Child, selector: selectors.BaseSelector) -> None:
    """Send the child what its client got; without a client it ends."""
    try:
        numbers = child.client.recv(16)
    except OSError:
        numbers = b""
    if not numbers:
        selector.unregister(child.client)
        numbers = bytes([signal.SIGKILL])
    for number in numbers:
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(child.watched, number)


def _finish(child: Child, selector: selectors.BaseSelector) -> None:
    _, status = os.waitpid(child.pid, 0)
    selector.unregister(child.watched)
    with contextlib.suppress(KeyError):
        selector.unregister(child.client)
    os.close(child.watched)
    with contextlib.suppress(OSError):
        child.client.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
    child.client.close()


def become(job: dict[str, Any], streams: list[int], paths: list[str]) -> None:
    """Be in this process what Python would have started: streams, directory, environment, arguments, and then the code."""
    for number, each in enumerate(streams):
        os.dup2(each, number)
    for each in streams:
        os.close(each)
    # A session of its own, so that signals come by way of the client alone: none twice.
    os.setsid()
    os.umask(job["umask"])
    os.chdir(job["directory"])
    os.environ.clear()
    os.environ.update(job["environment"])
    for number in job["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    # The tests find the processes of a command by this name: /proc shows the environment that a process began with.
    if mark := job["environment"].get("AEGIR_TEST_MARK"):
        Path("/proc/self/comm").write_text(mark[:LONGEST_NAME])
    _open_streams()
    name, path, words = job["name"], job["kind"] == "path", job["words"]
    own = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.path[:] = [str(Path(name).parent) if path else job["directory"], *own, *paths]
    sys.argv = [name, *words]
    if path:
        runpy.run_path(name, run_name="__main__")
    else:
        runpy.run_module(name, run_name="__main__", alter_sys=True)


def _open_streams() -> None:
    # As `python -u` has them.
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(
        io.FileIO(2, "w", closefd=False), encoding="utf-8", errors="backslashreplace", write_through=True
    )
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]


def main(place: str) -> Become | None:
    """Listen, and serve; give the job in a child."""
    inherited = {each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each}
    sys.path[:] = [each for each in sys.path[1:] if each not in inherited]
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    prepare()
    del sys.path[0]
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(place)
    listener.listen(64)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    try:
        serve(listener)
    except Become as asked:
        return asked
    return None


if __name__ == "__main__":
    child = main(sys.argv[1])
    # At the end of the script, not deep in the server: an error or an exit status is the interpreter's to show.
    if child is not None:
        become(child.job, child.streams, list(sys.path))
