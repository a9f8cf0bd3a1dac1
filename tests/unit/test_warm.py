"""A forked process with its modules imported is what Python would have started: streams, environment, signals, exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.warm import client
from tests.warm.engine import CLIENT, PROVIDER, Warm, _made

SCRIPT = """
import os, signal, sys, threading
print(__name__, sys.argv[1:], os.getcwd(), os.environ["ANSWER"], len(sys.modules) > 600, threading.active_count())
print("said aside", file=sys.stderr)
print(sys.stdin.read(), oct(os.umask(0o22)), signal.getsignal(signal.SIGHUP) is signal.SIG_IGN)
sys.exit(int(sys.argv[1]))
"""
WAITING = """
import os, time
try:
    print(os.getpid(), flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
    raise SystemExit(5)
"""


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    """A server of these tests' own."""
    own = Warm(allowed=True)
    if os.environ.get("AEGIR_TEST_COLD"):
        pytest.skip("AEGIR_TEST_COLD is set")
    yield own
    own.close()


def _place(directory: Path, text: str) -> list[str]:
    """Put a script where a client stands in its place."""
    (directory / client.REAL).mkdir()
    (directory / client.REAL / "script").write_text(text)
    (directory / "script").write_text(CLIENT.read_text())
    return [sys.executable, "-I", "-S", str(directory / "script")]


def test_streams_arguments_environment_and_status_are_the_process_s_own(warm: Warm, tmp_path: Path) -> None:
    """What a test reads of a command is what it would read of a cold one, the status included."""
    argv = _place(tmp_path, SCRIPT)
    environment = {**os.environ, **warm.environment(), "ANSWER": "42"}
    done = subprocess.run(
        ["sh", "-c", 'trap "" HUP; umask 027; exec "$@"', "sh", *argv, "3", "two words"], cwd=tmp_path, env=environment,
        input="given", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout == f"__main__ ['3', 'two words'] {tmp_path} 42 True 1\ngiven 0o27 True\n"
    assert done.stderr == "said aside\n"
    assert done.returncode == 3


def test_without_a_server_python_starts_as_it_would_have(warm: Warm, tmp_path: Path) -> None:
    """A server that is gone costs time, and no test."""
    argv = _place(tmp_path, "import sys\nprint(sys.argv[1:], len(sys.modules) < 600)\n")
    for socket in ("", str(tmp_path / "nobody")):
        environment = {**os.environ, **warm.environment(), client.SOCKET: socket}
        done = subprocess.run([*argv, "one"], env=environment, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout == "['one'] True\n"


def test_a_module_runs_as_python_runs_it(warm: Warm) -> None:
    """The command line begins by its module."""
    argv = warm.python("aegir_components")
    assert argv != [sys.executable, "-m", "aegir_components"]
    environment = {**os.environ, **warm.environment()}
    done = subprocess.run([*argv, "--help"], env=environment, capture_output=True, text=True, check=True, timeout=60)
    cold = subprocess.run(
        [sys.executable, "-m", "aegir_components", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == cold.stdout


@pytest.mark.parametrize(("number", "status", "text"), [(signal.SIGINT, 5, "interrupted\n"), (signal.SIGTERM, -15, "")])
def test_a_signal_to_the_client_reaches_the_process(
    warm: Warm, tmp_path: Path, number: signal.Signals, status: int, text: str
) -> None:
    """Ctrl-C and `kill` do what they do to a cold process, the status of a killed one included."""
    with _waiting(warm, tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.stdout.read() == text
        assert process.wait(30) == status


def test_with_its_client_the_process_is_killed(warm: Warm, tmp_path: Path) -> None:
    """SIGKILL leaves nothing that goes on with its work."""
    with _waiting(warm, tmp_path) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert Path(f"/proc/{pid}/comm").read_text() == "a-mark-of-the-t\n"
        process.kill()
        process.wait(30)
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until
        time.sleep(0.01)


def _waiting(warm: Warm, directory: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, **warm.environment(), "AEGIR_TEST_MARK": "a-mark-of-the-tests"}
    return subprocess.Popen(_place(directory, WAITING), env=environment, stdout=subprocess.PIPE, text=True)


def test_the_engine_finds_the_clients_beside_itself(tmp_path: Path) -> None:
    """Language host and engine are the real ones; only what starts Python is a client."""
    engine = tmp_path / "engine"
    engine.mkdir()
    for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", PROVIDER):
        (engine / name).write_text(name)
    made = _made(engine)
    assert made == _made(engine)
    assert (made / "pulumi").samefile(engine / "pulumi")
    assert (made / client.REAL / "pulumi-language-python-exec").read_text() == "pulumi-language-python-exec"
    assert (made / "pulumi-language-python-exec").read_text() == CLIENT.read_text()
    assert "-m pulumi.dynamic" in (made / PROVIDER).read_text()
    assert [path for path in tmp_path.iterdir() if path not in (engine, made)] == []


def test_where_nothing_allows_it_they_start_cold() -> None:
    """Files of tests with the mark `cold`, and benchmarks, have commands as users have them."""
    assert Warm().environment() == {}
    assert Warm().python("aegir_components") == [sys.executable, "-m", "aegir_components"]
