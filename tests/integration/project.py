"""A project with several stacks, as an operator has it: stack files in `stacks/`, `pulumi`, and the operator's command line.

The program is the checkout's; project directory, state and hub root are the test's own.

>>> work = Project(tmp_path)
>>> work.add("testing", "config:\\n  aegir:hub: {address: 192.0.2.1}\\n")
>>> work.pulumi("up", "--yes", "--skip-preview", "--stack", "testing")
>>> assert "aegir" in work.aegir("status", "testing").output
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import yaml

from lab import Host
from tests.integration.farm import COMMAND_TIMEOUT, PASSPHRASE, ROOT, CommandEnded, Done, Running
from tests.integration.ledger import PULUMI, ledger
from tests.warm.engine import warm


@dataclass(slots=True)
class Project:
    """A project directory of a test's own."""

    directory: Path

    def __post_init__(self) -> None:
        """Make it."""
        for name in ("state", "hub", "project/stacks"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
        declared["runtime"]["options"]["virtualenv"] = str(Path(sys.prefix))
        (self.project / "Pulumi.yaml").write_text(yaml.safe_dump(declared))
        (self.project / "__main__.py").symlink_to(ROOT / "__main__.py")

    @property
    def project(self) -> Path:
        """The directory with Pulumi.yaml."""
        return self.directory / "project"

    @property
    def hub(self) -> Path:
        """The hub's root, which its stacks share."""
        return self.directory / "hub"

    def file(self, stack: str) -> Path:
        """Name a stack's file."""
        return self.project / "stacks" / f"Pulumi.{stack}.yaml"

    def add(self, stack: str, text: str) -> None:
        """Write a stack's file, and make the stack."""
        self.file(stack).write_text(text)
        self.pulumi("stack", "init", stack, "--no-select")

    def up(self, stack: str, *, ok: bool = True) -> Done:
        """Run `pulumi up`."""
        return self.pulumi("up", "--yes", "--skip-preview", "--stack", stack, ok=ok)

    def pulumi(self, *words: str, ok: bool = True) -> Done:
        """Run a command of Pulumi's."""
        done = self.start(*words).wait(COMMAND_TIMEOUT)
        if (done.status == 0) is not ok:
            raise CommandEnded(f"{done.command} exited {done.status}:\n{done.output[-6000:]}")
        return done

    def aegir(self, *words: str, status: int = 0) -> Done:
        """Run the command line, which has to end with this status; its standard error comes after its output."""
        begun = time.monotonic()
        done = self._aegir(words, status)
        seconds = time.monotonic() - begun
        return Done(command=" ".join(words), status=status, output=done.stdout + done.stderr, seconds=seconds)

    def printed(self, *words: str, status: int = 0) -> str:
        """Run the command line, and give its standard output alone."""
        return self._aegir(words, status).stdout

    def _aegir(self, words: Sequence[str], status: int) -> subprocess.CompletedProcess[str]:
        argv = [*warm.python("aegir_components"), "--cwd", str(self.project), *words]
        with ledger.spent(PULUMI):
            done = subprocess.run(
                argv, cwd=self.directory, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=COMMAND_TIMEOUT, check=False,
            )  # fmt: skip
        if done.returncode != status:
            raise CommandEnded(
                f"aegir {' '.join(words)} exited {done.returncode}:\n{done.stdout}\n{done.stderr}"[-6000:]
            )
        return done

    def start(self, *words: str) -> Running:
        """Begin a command of Pulumi's, and do not wait for it."""
        program, mark = warm.program("pulumi"), uuid.uuid4().hex
        if program is None:
            pytest.fail("no pulumi on PATH: run the tests through tools/env")
        process = subprocess.Popen(
            [program, *words, "--non-interactive", "--color", "never"], cwd=self.project, text=True, errors="replace",
            env={**self.environment(), "AEGIR_TEST_MARK": mark}, start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return Running(process=process, mark=mark, begun=time.monotonic(), command=f"pulumi {' '.join(words)}")

    def environment(self) -> dict[str, str]:
        """Give what the programs find their state and its passphrase by."""
        kept = {key: value for key, value in os.environ.items() if key != "PULUMI_CONFIG_PASSPHRASE_FILE"}
        return {
            **kept,
            "PULUMI_BACKEND_URL": f"file://{self.directory / 'state'}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            # As the farm's.
            "GOMAXPROCS": "1",
            **warm.environment(),
        }


@dataclass(slots=True)
class Browser:
    """A visitor of one web server: keeps cookies, follows redirects, and asks no DNS."""

    host: Host
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, address: str) -> tuple[int, str]:
        """Give the status and the text that an address leads to."""
        for _ in range(6):
            parts = urlsplit(address)
            connection = http.client.HTTPConnection(self.host.address, parts.port or 80, timeout=60)
            if parts.scheme == "https":
                plain = socket.create_connection((self.host.address, parts.port or 443), timeout=60)
                # Self-signed, and its own address is in no DNS.
                connection.sock = ssl._create_unverified_context().wrap_socket(plain, server_hostname=parts.hostname)
            cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers={"Host": parts.netloc, "Cookie": cookie, "User-Agent": "a test"})
            answer = connection.getresponse()
            body = answer.read().decode(errors="replace")
            for header in answer.headers.get_all("set-cookie") or ():
                name, _, value = header.partition(";")[0].partition("=")
                self.cookies[name] = value
            connection.close()
            target = answer.headers.get("location")
            if answer.status not in (301, 302, 303) or target is None:
                return answer.status, body
            address = urljoin(address, target)
        raise AssertionError(f"it redirects without an end: {address}")
