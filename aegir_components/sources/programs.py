"""Other people's programs on the hub: with a time limit, without our secrets, and ended with all that they started."""

from __future__ import annotations

import functools
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

KEPT: Final = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"}
    | {"CURL_CA_BUNDLE", "PHPRC", "PHP_INI_SCAN_DIR"}
)  # fmt: skip
KEPT_PREFIXES: Final = ("LC_", "XDG_", "COMPOSER_", "GIT_SSH", "GIT_SSL_", "GIT_PROXY_", "DRUSH_")
"""What a build has of this process's environment, and nothing else: Pulumi's passphrase and tokens are in the rest."""
KEPT_CAPABILITIES: Final = ("chown", "dac_override", "fowner", "fsetid", "setgid", "setuid", "kill")
"""Of root's, for a program that is not ours: it reads and writes files, and sets their owners."""
GRACE: Final = 20.0
"""Seconds after which a program whose starter was killed is ended by timeout(1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """How a program ended."""

    status: int
    """Negative where a signal ended it."""
    output: str = ""
    errors: str = ""
    late: bool = False
    """It took too long and was ended."""


def environment(**more: str) -> dict[str, str]:
    """Give the environment of a program that is not ours."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(KEPT_PREFIXES)}
    return {**kept, **more}


@functools.cache
def confined() -> tuple[str, ...]:
    """Give what starts a program without root's powers over kernel and processes; empty where nothing has to, or can.

    Root without capabilities may not look into a process that has them, so Pulumi's passphrase in ``/proc/*/environ`` is
    out of reach. Files of the hub's user stay within it.
    """
    if os.geteuid() != 0:
        return ()
    kept = ",".join(f"+{name}" for name in KEPT_CAPABILITIES)
    prefix = ("setpriv", f"--bounding-set=-all,{kept}", "--inh-caps=-all", "--no-new-privs")
    try:
        tried = subprocess.run([*prefix, "true"], capture_output=True, timeout=GRACE, check=False, env=environment())
    except OSError:
        return ()
    return prefix if tried.returncode == 0 else ()


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
    log: BinaryIO | None = None,
    holds: Sequence[int] = (),
    kept: bool = True,
    given: str = "",
) -> Done:
    """Run a program to its end.

    Args:
        argv: the program and its arguments; no shell reads them.
        timeout: seconds after which it is ended, with all that it started.
        cwd: the directory that it works in.
        variables: what its environment has besides what every program gets.
        log: where its output goes; without it the result has it.
        holds: open files that it keeps open: the lock of what it works on, should this process be killed.
        given: what it reads.
        kept: whether it keeps root's powers over files; all others are taken from it. False for what gives up all by itself.

    Raises:
        OSError: it cannot be started.
    """
    limit = f"{timeout + GRACE:.0f}"
    process = subprocess.Popen(
        # Should this process be killed, nobody else ends the program.
        ["timeout", "--signal=KILL", limit, *(confined() if kept else ()), *argv],
        cwd=cwd, env=environment(**(variables or {})), stdin=subprocess.PIPE if given else subprocess.DEVNULL,
        stdout=log or subprocess.PIPE,
        stderr=subprocess.STDOUT if log else subprocess.PIPE, start_new_session=True, pass_fds=tuple(holds),
    )  # fmt: skip
    late = False
    begun = time.monotonic()
    try:
        if log and not given:
            _await_end(process, timeout)
        left = max(0.0, begun + timeout - time.monotonic())
        output, errors = process.communicate(given.encode() if given else None, timeout=left)
    except subprocess.TimeoutExpired:
        late = True
        _end(process)
        output, errors = process.communicate(timeout=GRACE)
    except BaseException:
        # An interrupted run: the program has a session of its own and did not hear of it.
        _end(process)
        raise
    return Done(
        status=process.returncode,
        output=(output or b"").decode(errors="replace"),
        errors=(errors or b"").decode(errors="replace"),
        late=late,
    )


def _await_end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a program that has no pipe, for which ``Popen.wait`` looks only 20 times a second.

    Where the kernel has no file for a process, that has to do.
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except (OSError, AttributeError):
        return
    try:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        ended.poll(seconds * 1000)
    finally:
        os.close(descriptor)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
