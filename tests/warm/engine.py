"""The engine with clients of the server where it starts Python, and the server of this worker.

The engine looks for its language host and for the script of the dynamic providers beside itself: so it lies in a directory
of its own here, by hard links, with a client in place of each script.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.warm import client

COLD: Final = "AEGIR_TEST_COLD"
"""The variable that leaves all processes to start as users' do."""
PROGRAM: Final = "pulumi-language-python-exec"
PROVIDER: Final = "pulumi-resource-pulumi-python"
LINKED: Final = ("pulumi", "pulumi-language-python")
CLIENT: Final = Path(client.__file__)
READY_WITHIN: Final = 120.0


@dataclass(slots=True)
class Warm:
    """What the tests of this process start commands by."""

    allowed: bool = False
    """Whether what runs now may have warm processes: tests allow it, and benchmarks never do."""
    _server: subprocess.Popen[bytes] | None = None
    _place: Path | None = None
    _engine: Path | None = None
    _starting: threading.Lock = field(default_factory=threading.Lock)

    def program(self, name: str) -> str | None:
        """Name the program to start for `pulumi`; ``None`` where there is none."""
        found = shutil.which(name)
        if found is None or not self._usable():
            return found
        return str(self._directory(Path(found)) / name)

    def python(self, module: str) -> list[str]:
        """Give the command line that runs a module."""
        if not self._usable():
            return [sys.executable, "-m", module]
        return [sys.executable, "-I", "-S", str(CLIENT), "-m", module]

    def environment(self) -> dict[str, str]:
        """Give what the processes of a command find the server by."""
        if not self._usable():
            return {}
        found = shutil.which("pulumi")
        path = os.environ.get("PATH", "")
        if found is not None:
            path = f"{self._directory(Path(found))}{os.pathsep}{path}"
        return {client.SOCKET: str(self._serving()), client.PYTHON: sys.executable, "PATH": path}

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def processor(self) -> float:
        """Give the seconds of processor of the server's children that have ended; they are no children of this process."""
        if self._server is None:
            return 0.0
        try:
            words = Path(f"/proc/{self._server.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return sum(map(int, words[13:15])) / os.sysconf("SC_CLK_TCK")

    def _usable(self) -> bool:
        return self.allowed and not os.environ.get(COLD)

    def _serving(self) -> Path:
        """Start the server where none runs, and give its socket."""
        with self._starting:
            return self._served()

    def _served(self) -> Path:
        if self._place is not None and self._server is not None and self._server.poll() is None:
            return self._place
        directory = Path(tempfile.mkdtemp(prefix="aegir-warm-"))
        self._place = directory / "socket"
        # Its standard input is a pipe from here: the server ends with this process, however that ends.
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.warm.server", str(self._place)], cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        assert self._server.stdout is not None
        if self._server.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the server of warm processes ended with {self._server.wait(READY_WITHIN)}")
        return self._place

    def _directory(self, pulumi: Path) -> Path:
        """Give the directory with the engine and the clients, made once for each engine and client."""
        if self._engine is None:
            self._engine = _made(pulumi.resolve().parent)
        return self._engine


def _made(engine: Path) -> Path:
    provider = (
        f'#!/bin/sh\nexec "${{{client.PYTHON}:-python3}}" -I -S "$(dirname "$0")/client.py" -m pulumi.dynamic "$@"\n'
    )
    script = CLIENT.read_text()
    digest = hashlib.sha256((script + provider).encode()).hexdigest()[:12]
    target = engine.parent / f"warm-{digest}"
    if target.is_dir():
        return target
    made = Path(tempfile.mkdtemp(prefix="warm-", dir=engine.parent))
    (made / client.REAL).mkdir()
    for name in LINKED:
        os.link(engine / name, made / name)
    shutil.copy2(engine / PROGRAM, made / client.REAL / PROGRAM)
    for name, text in ((PROGRAM, script), ("client.py", script), (PROVIDER, provider)):
        (made / name).write_text(text)
        (made / name).chmod(0o755)
    made.chmod(0o755)
    try:
        made.rename(target)
    except OSError:
        # Another worker was faster.
        shutil.rmtree(made)
    return target


warm = Warm()
"""The one of this process."""
