"""A machine below a directory: scripts of ours are run by real shells, their places moved into it.

Files, links, directories, streams and everything that only reads them are the real thing. What needs root or a machine
(owners, accounts, packages, units, mounts, databases) is done by the small programs of ``commands``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from unittest import mock

from aegir_components.remote import classify, rsync, session, ssh
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script
from tests.provider import commands

PLACES = re.compile(
    r"(?<![\w.}*])/(etc|var|run|srv)(?=/|$|[^\w])|/(usr/sbin/(?:sendmail|policy-rc\.d)|usr/local/sbin/aegir)"
)
"""Absolute paths in a script that are a machine's own; /dev, /proc, /tmp and programs stay what they are."""
BARE = (
    "etc/systemd/system", "etc/apt", "etc/logrotate.d", "var/lib", "var/log", "var/tmp", "run/lock", "srv", "usr/sbin",
    "usr/local/sbin",
)  # fmt: skip
STATE = ("owners", "units")


@dataclass
class DirectoryMachine:
    root: Path
    streams: list[Callable[[bytes], bytes]] = field(default_factory=list)
    """What is done to the next streams on their way, one each."""
    sent: list[int] = field(default_factory=list)
    """The bytes of each stream that was sent."""

    @classmethod
    def made(cls, root: Path, programs: Path) -> DirectoryMachine:
        """Make a bare one."""
        programs.mkdir()
        commands.write(programs)
        machine = cls(root)
        run(machine.setup(programs))
        return machine

    def setup(self, programs: Path) -> str:
        """Give the shell text that makes a bare one; the shell makes a hundred in the time that Python makes ten."""
        texts = {
            "etc/os-release": 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', "etc/hostname": "web1\n",
            "etc/passwd": "", "etc/group": "www-data:x:33:\n", "etc/hosts": "", "etc/fstab": "",
            "state/packages": "", "state/mounts": "", "state/now": "100000\n",
        }  # fmt: skip
        places = [f"{self.root}/{place}" for place in (*BARE, *(f"state/{name}" for name in STATE))]
        lines = [script.call("mkdir", "-p", *places), script.call("ln", "-s", str(programs), f"{self.root}/bin")]
        lines += [f"printf %s {shlex.quote(text)} >{self.root}/{name}" for name, text in texts.items()]
        # Without these the real ones would be found, and a row about packages or accounts would be done to this machine.
        guard = [f"[ -x {self.root}/bin/{name} ] || exit 1" for name in commands.COMMANDS]
        return "\n".join([*lines, *guard])

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "ROOT": str(self.root), "STATE": f"{self.root}/state"}

    def placed(self, text: str) -> str:
        """Move a script's places below the directory, and its PATH to the programs."""
        moved = PLACES.sub(lambda match: f"{self.root}{match[0]}", text)
        return moved.replace("PATH=/usr/local/sbin:", f"PATH={self.root}/bin:/usr/local/sbin:")

    def told(self, stdout: str) -> tuple[tuple[str, str], ...]:
        """Read what a script said, with the machine's own paths, and without the numbers of messages."""
        read = (_read(line) for line in stdout.splitlines() if line.startswith("::") and not line.startswith(NUMBER))
        return tuple((kind, text.replace(str(self.root), "")) for kind, text in read)

    # In place of a machine that is reached by ssh.

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let everything that is sent to any machine come here, by the transport of a machine that is the hub itself."""
        real_run, real_send, real_hold, real_copy = ssh.run, session.send, session.hold, rsync.copy

        def local(conn: Connection) -> Connection:
            return replace(conn, kind="local")

        def run(conn: Connection, text: str, **given: Any) -> ssh.Answer:
            answer = real_run(local(conn), self.placed(text), **given)
            return replace(answer, stdout=self._unplaced(answer.stdout))

        def send(
            conn: Connection, text: str, stream: Callable[[], Iterable[bytes]], **given: Any
        ) -> ssh.Answer:  # fmt: skip
            change = self.streams.pop(0) if self.streams else None
            sent = stream if change is None else lambda: [change(b"".join(stream()))]
            self.sent.append(0)

            def counted() -> Iterator[bytes]:
                for part in sent():
                    self.sent[-1] += len(part)
                    yield part

            return real_send(local(conn), self.placed(text), counted, **given)

        def hold(conn: Connection, text: str, ready: Callable[[], bool], **given: Any) -> ssh.Answer:
            return real_hold(local(conn), self.placed(text), ready, **given)

        def copy(conn: Connection, source: str, target: str, **given: Any) -> None:
            real_copy(local(conn), source, self.placed(target), **given)

        path = f"{self.root}/bin:{os.environ['PATH']}"
        with ExitStack() as stack:
            stack.enter_context(mock.patch.dict(os.environ, {**self.environment, "PATH": path}))
            stack.enter_context(mock.patch.object(ssh, "run", run))
            stack.enter_context(mock.patch.object(session, "send", send))
            stack.enter_context(mock.patch.object(session, "hold", hold))
            stack.enter_context(mock.patch.object(rsync, "copy", copy))
            yield

    def _unplaced(self, stdout: str) -> str:
        """Give what was said with the machine's own paths: the hub uses them in later scripts."""
        lines = []
        for line in stdout.splitlines():
            if line.startswith("::") and not line.startswith(NUMBER):
                kind, text = _read(line)
                lines.append(f"::{kind} {script.encoded(text.replace(str(self.root), ''))}")
            else:
                lines.append(line)
        return "".join(f"{line}\n" for line in lines)


NUMBER: Final = "::number "
"""Begins the line with a message's number, which has no text in it."""


def run(text: str) -> str:
    """Run a script by Debian's shell, and give what it printed."""
    done = subprocess.run(
        ["dash", "-c", 'eval "$(cat)"'], input=text, text=True, capture_output=True, timeout=120, check=True
    )
    return done.stdout


def _read(line: str) -> tuple[str, str]:
    kind, _, rest = line.partition(" ")
    if kind in {"::fact", "::kind"}:
        name, _, rest = rest.partition(" ")
        kind = f"{kind} {name}"
    return kind.removeprefix("::"), classify.decoded(rest)
