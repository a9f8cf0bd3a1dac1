"""One ssh connection a machine, shared by all threads and processes of a run (docs/decisions, decision 3).

A new connection costs 15 to 20 times a multiplexed command, and sshd drops the eleventh login that comes at once
(MaxStartups). ssh's own ``ControlMaster=auto`` does not prevent this: clients that start together all log in. So the
master is started here, under a lock file.
"""

from __future__ import annotations

import os
import random
import shlex
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from aegir_components import process
from aegir_components.hub import locks, wait
from aegir_components.hub.environment import without_pulumis
from aegir_components.messages import numbered

from . import hostkeys
from .classify import login_failure, worth_retrying
from .connection import Connection
from .errors import ConnectionRefused, HostKeyChanged, HostUnreachable

CONNECT_TIMEOUT = 10
"""Seconds for the TCP connection and ssh's key exchange."""
LOGIN_TIMEOUT = 30
"""Seconds for a whole login, slow name service and PAM included."""
CONTROL_TIMEOUT = 5
"""Seconds for the master to answer at its socket."""
PERSIST = 90
"""Seconds that an unused connection stays open."""
SESSIONS = 8
"""Sessions at once on one connection, of all processes together; sshd's MaxSessions is 10 as shipped."""
SESSION_WAIT = 900
"""Seconds to wait for a session where sshd allows fewer."""
LOST_TRIES = 5
"""Times that a command is tried again when the connection ends before it begins."""

LONGEST_BASE = 50
"""Characters of the directory that has the one of the sockets."""

FAILURE_MEMORY = 15
"""Seconds in which a machine that did not answer is not asked again: each resource on it would wait for itself."""

Ended = TypeVar("Ended", bound="subprocess.CompletedProcess[Any]")


def socket_directory() -> Path:
    """Give the directory of the control sockets: short, private to this user, made when missing.

    Places where only this user writes come first: in a common one anybody may make the directory before us.

    Raises:
        PermissionError: there is no place for it.
    """
    own = ["/run"] if os.geteuid() == 0 else []
    bases = [os.environ.get("XDG_RUNTIME_DIR"), *own, str(Path.home()), tempfile.gettempdir(), "/tmp"]  # noqa: S108
    tried = []
    # A Unix socket's path may have 107 bytes, and ssh appends 17 of its own while it creates one.
    for base in (base for base in bases if base and len(base) <= LONGEST_BASE and os.access(base, os.W_OK)):
        directory = Path(base) / (".aegir-ssh" if base == str(Path.home()) else f"aegir-ssh-{os.getuid()}")
        with suppress(OSError):
            directory.mkdir(mode=0o700, exist_ok=True)
            facts = directory.lstat()
            if stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o077:
                return directory
        tried.append(str(directory))
    raise PermissionError(
        numbered(
            4010,
            f"no place for the sockets of ssh: {', '.join(tried) or 'no directory is writable'} cannot be made, belongs to "
            "somebody else or is open to others. Remove it, or set XDG_RUNTIME_DIR to a directory of your own",
        )
    )


def socket_path(conn: Connection) -> Path:
    """Name the control socket of a connection."""
    return socket_directory() / conn.key


def options(conn: Connection) -> list[str]:
    """List ssh's options for a machine: its pinned key, no prompts, no agent or X forwarding, time limits."""
    given = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(hostkeys.record_path(conn)),
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlias": conn.host,
        "CheckHostIP": "no",
        "UpdateHostKeys": "no",
        "PreferredAuthentications": "publickey",
        "ForwardAgent": "no",
        "ClearAllForwardings": "yes",
        "ConnectTimeout": str(CONNECT_TIMEOUT),
        "ConnectionAttempts": "1",
        "ServerAliveInterval": "10",
        "ServerAliveCountMax": "3",
        "LogLevel": "ERROR",
        # Code bases go through it, and processors have instructions for this one.
        "Ciphers": "^aes128-gcm@openssh.com",
        "ControlPath": str(socket_path(conn)),
    }
    if conn.identity:
        given |= {"IdentityFile": conn.identity, "IdentitiesOnly": "yes"}
    flags = ["-F", "none", "-T", "-p", str(conn.port), "-l", conn.user]
    for name, value in given.items():
        flags += ["-o", f"{name}={value}"]
    return flags


def client(conn: Connection) -> list[str]:
    """Give the command that uses the shared connection: ``ssh`` with all its options, without the machine.

    Where that connection gives no session, ssh would log in by itself: the proxy command keeps it from that.
    """
    return ["ssh", *options(conn), "-o", "ControlMaster=no", "-o", "ProxyCommand=false"]


def through(jump: Connection) -> list[str]:
    """Give the options by which ssh reaches a machine through another one's shared connection."""
    # %h and %p are ssh's own; no other sign of that kind may come to it.
    command = shlex.join([*client(jump), "-W"]).replace("%", "%%")
    return ["-o", f"ProxyCommand={command} %h:%p {shlex.quote(jump.address)}"]


def in_session(conn: Connection, work: Callable[[list[str]], Ended]) -> Ended:
    """Run a command in a session of the shared connection.

    Args:
        conn: the machine.
        work: starts the command with what ``client`` gives, and waits for it with its standard error captured. It is
            called again when no session was to be had, for then nothing of it has begun.

    Raises:
        HostError: there is no connection; which of its kinds says why.
    """
    deadline = wait.Deadline(SESSION_WAIT)
    lost = 0
    pause = 0.05
    while True:
        connect(conn)
        with _slot(conn):
            done = work(client(conn))
        said = done.stderr.decode(errors="replace") if isinstance(done.stderr, bytes) else str(done.stderr or "")
        if done.returncode == 0 or deadline.is_over:
            return done
        if "Session open refused by peer" in said:
            # sshd's MaxSessions is lower than ours: others have to end first. They do not all ask at once.
            deadline.pause(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            pause = min(pause * 1.5, 1.0)
        elif "UNKNOWN port 65535" in said and lost < LOST_TRIES:
            # The connection ended after it was checked, and before the command.
            lost += 1
        else:
            return done


@contextmanager
def _slot(conn: Connection) -> Iterator[None]:
    """Hold one of the connection's sessions, counted over all processes by locks on files."""
    directory, deadline = socket_directory(), wait.Deadline(None)
    while True:
        for number in range(SESSIONS):
            with ExitStack() as stack:
                try:
                    stack.enter_context(locks.held(directory / f"{conn.key}.s{number}", wait=0))
                except locks.HeldError:
                    continue
                yield
                return
        deadline.pause(0.02)


def connect(conn: Connection) -> None:
    """Make sure that the shared connection is open.

    Raises:
        HostError: it cannot be opened; which of its kinds says why.
    """
    logins = process.current().logins
    with logins.turns.of(conn.key):
        if _alive(conn):
            return
        failed = logins.failed.get(conn.key)
        if failed is not None and time.monotonic() - failed[0] < FAILURE_MEMORY:
            raise failed[1]
        with locks.held(socket_directory() / f"{conn.key}.lock"):
            if not _alive(conn):
                try:
                    if conn.jump is not None:
                        connect(conn.jump)
                    hostkeys.pinned_file(conn)
                    _start(conn)
                except (HostUnreachable, ConnectionRefused) as failure:
                    logins.failed[conn.key] = (time.monotonic(), failure)
                    raise


def disconnect(conn: Connection) -> None:
    """Close the shared connection when it is open."""
    with suppress(subprocess.TimeoutExpired):
        command = ["ssh", "-F", "none", "-o", f"ControlPath={socket_path(conn)}", "-O", "exit", conn.address]
        subprocess.run(command, capture_output=True, timeout=CONTROL_TIMEOUT, check=False, env=without_pulumis())


def _alive(conn: Connection) -> bool:
    path = socket_path(conn)
    # As `ssh -O check`, without a process for each command: the kernel knows whether somebody listens.
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(CONTROL_TIMEOUT)
        try:
            asking.connect(str(path))
        except FileNotFoundError:
            return False
        except OSError:
            # A master that was killed leaves its socket, and ssh would then log in again for each command.
            path.unlink(missing_ok=True)
            return False
    return True


def _start(conn: Connection) -> None:
    deadline = wait.Deadline(conn.patience)
    pause = 0.3
    while True:
        status, stderr = _log_in(conn)
        if status == 0:
            return
        if not stderr.strip():
            # What PAM says of an account is sent as a banner, and that is no error to ssh.
            status, stderr = _log_in(conn, "INFO")
            if status == 0:
                return
        failure = login_failure(conn, stderr)
        if isinstance(failure, HostKeyChanged):
            raise hostkeys.explain_change(conn)
        if not worth_retrying(stderr) or not deadline.allows(pause):
            raise failure
        deadline.pause(pause)
        pause = min(pause * 1.6, 5.0)


def _log_in(conn: Connection, level: str = "ERROR") -> tuple[int, str]:
    command = [
        "ssh",
        # The first value counts.
        "-o",
        f"LogLevel={level}",
        *options(conn),
        *(through(conn.jump) if conn.jump is not None else []),
        "-o",
        "ControlMaster=yes",
        "-o",
        f"ControlPersist={PERSIST}",
        "-N",
        "-f",
    ]
    # ssh -f keeps its standard error open in the background: a pipe would never end.
    with tempfile.TemporaryFile("w+") as said:
        try:
            done = subprocess.run(
                [*command, conn.address],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
                timeout=LOGIN_TIMEOUT, start_new_session=True, check=False, env=without_pulumis(),
            )  # fmt: skip
            status = done.returncode
        except subprocess.TimeoutExpired:
            raise HostUnreachable(
                conn.host,
                numbered(
                    4004,
                    f"ssh {conn.user}@{conn.address} port {conn.port}: the login did not end within {LOGIN_TIMEOUT} s. "
                    f"The machine answers, but sshd or its name service hangs",
                ),
            ) from None
        said.seek(0)
        return status, said.read()
