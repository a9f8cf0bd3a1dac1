"""A project with WordPress on one web server and Drupal on another, for the tests of the operator's commands."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import HostSpec, Lab
from tests.integration.farm import hub_settings
from tests.integration.project import Project

HOSTS = [HostSpec("web1", image="web"), HostSpec("web2", image="web"), HostSpec("db1", image="db")]
BLOG, NEWS, SHOP = "blog.example.com", "news.example.com", "shop.example.com"
STACK = """\
config:
  aegir:environment: testing
  aegir:hub: {hub}
  aegir:servers:
    {web1}: {{address: {address1}, services: {{web: apache}}}}
    {web2}: {{address: {address2}, services: {{web: nginx}}}}
    {db}: {{address: {address_db}, services: {{database: {{type: mysql, tls: required}}}}}}
  aegir:platforms:
    blogs: {{server: {web1}, source: {wordpress}}}
    shops: {{server: {web2}, source: {drupal}}}
  aegir:sites:
    {BLOG}: {{platform: blogs, client: acme, cron: hourly}}
    {NEWS}: {{platform: blogs}}
    {SHOP}: {{platform: shops, client: acme, profile: minimal, cron: hourly}}
"""


def estate(lab: Lab, wordpress: Path, drupal: Path, directory: Path) -> Project:
    """Make it with one `up`."""
    work = Project(directory)
    web1, web2, db = (lab.host(spec.name) for spec in HOSTS)
    text = STACK.format(
        hub=json.dumps({**hub_settings(lab), "root": str(work.hub)}), web1=web1.spec.fqdn, web2=web2.spec.fqdn,
        db=db.spec.fqdn, address1=web1.address, address2=web2.address, address_db=db.address, wordpress=wordpress,
        drupal=drupal, BLOG=BLOG, NEWS=NEWS, SHOP=SHOP,
    )  # fmt: skip
    work.add("prod", text)
    work.up("prod")
    return work


@dataclass(slots=True)
class Started:
    """A command of the operator's that is at work."""

    process: subprocess.Popen[bytes]

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self, timeout: float = 120) -> tuple[int, str, str]:
        """Wait for its end: status, output and standard error."""
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def begin(work: Project, *words: str) -> Started:
    """Begin a command, and do not wait for it."""
    process = subprocess.Popen(
        _argv(work, words), cwd=work.directory, env=work.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    return Started(process)


def fed(work: Project, given: bytes, *words: str) -> tuple[int, bytes, str]:
    """Run a command with an input: status, output and standard error."""
    done = subprocess.run(
        _argv(work, words), cwd=work.directory, env=work.environment(), input=given, capture_output=True, timeout=240,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def at_a_terminal(work: Project, steps: Sequence[tuple[str, str]], *words: str) -> tuple[int, str]:
    """Run a command at a terminal: after each text that it shows, type another; status, and all that was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(work.directory)
        argv = _argv(work, words)
        os.execvpe(argv[0], argv, work.environment())
    shown = b""

    def read(until: str, seconds: float) -> bool:
        nonlocal shown
        seen, deadline = len(shown), time.monotonic() + seconds
        while until not in shown[seen:].decode(errors="replace") or not until:
            assert time.monotonic() < deadline, f"{until!r} was not shown: {shown!r}"
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    part = os.read(terminal, 4096)
                except OSError:
                    return False
                if not part:
                    return False
                shown += part
        return True

    for text, typed in steps:
        assert read(text, 120), f"it ended before it showed {text!r}: {shown!r}"
        os.write(terminal, typed.encode())
    read("", 120)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return status, shown.decode(errors="replace")


def _argv(work: Project, words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "aegir_components", "--cwd", str(work.project), *words]
