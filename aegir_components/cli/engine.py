"""Pulumi's own program: the one place that starts it. A stack is found as ``pulumi`` finds it, and read by what it prints."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import yaml

from aegir_components.messages import numbered

from .ends import Refusal

ASK_TIMEOUT: Final = 120.0
"""Seconds for what only reads a state or a configuration; a bucket may be far away."""
PREVIEW_TIMEOUT: Final = 3600.0
"""Seconds for a preview, which may build what the stack's platforms are made of."""
PROJECT_FILES: Final = ("Pulumi.yaml", "Pulumi.yml")


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What a Pulumi command did."""

    status: int
    output: str
    errors: str

    @property
    def words(self) -> str:
        """What it said about its failure: the end of it, on one line."""
        lines = [" ".join(line.split()) for line in (self.errors or self.output).splitlines()]
        return " | ".join([line for line in lines if line][-4:])[-600:].removeprefix("error: ") or "it said nothing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """Who holds a stack."""

    holder: str
    """``user@host, process 17``."""
    since: str
    ended: bool = False
    """Whether its process ran on this machine and runs no more: the run was killed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """Pulumi's program on one project."""

    project: Path
    """The directory with Pulumi.yaml."""

    def run(self, *words: str, timeout: float = ASK_TIMEOUT) -> Done:
        """Run a Pulumi command, and wait for its end.

        Raises:
            Refusal: the program is not there, or did not end in time.
        """
        program = shutil.which("pulumi")
        if program is None:
            raise Refusal(
                numbered(
                    9081,
                    "no pulumi on PATH; in a checkout that is set up, tools/env has it: tools/env python -m aegir_components …",
                )
            )
        try:
            done = subprocess.run(
                [program, "--non-interactive", "--cwd", str(self.project), *words],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=timeout, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Refusal(numbered(9083, f"pulumi {' '.join(words[:2])} did not end within {timeout:.0f} s")) from None
        return Done(status=done.returncode, output=done.stdout, errors=done.stderr)

    def ask(self, *words: str) -> Any:
        """Run a Pulumi command that prints JSON, and read it.

        Raises:
            Refusal: it failed; the message has its words.
        """
        done = self.run(*words)
        if done.status:
            way = "; `pulumi stack ls` lists the stacks of this state" if "no stack named" in done.words else ""
            raise Refusal(numbered(9082, f"pulumi {' '.join(words[:2])} failed: {done.words}{way}"))
        try:
            return json.loads(done.output)
        except ValueError:
            # Not quoted: it may hold the configuration's secrets.
            raise Refusal(numbered(9084, f"pulumi {' '.join(words[:2])} printed something else than JSON")) from None

    def configuration(self, stack: str) -> tuple[dict[str, str], set[str]]:
        """Give a stack's configuration as a program gets it, decrypted, and the keys that hold a secret somewhere."""
        found = self.ask("config", "--json", "--show-secrets", "--stack", stack)
        values = {key: str(entry.get("value", "")) for key, entry in found.items()}
        return values, {key for key, entry in found.items() if entry.get("secret")}

    def state(self, stack: str) -> dict[str, Any]:
        """Give a stack's state; what is secret stays encrypted."""
        exported: dict[str, Any] = self.ask("stack", "export", "--stack", stack)
        return exported

    def stacks(self) -> set[str]:
        """Name the project's stacks that the state has."""
        return {str(each["name"]).rpartition("/")[2] for each in self.ask("stack", "ls", "--json")}

    def last_run(self, stack: str) -> dict[str, Any]:
        """Give what is kept of the stack's last run that came to an end; empty when there was none."""
        listed = self.ask("stack", "history", "--json", "--page-size", "1", "--page", "1", "--stack", stack)
        return dict(listed[0]) if listed else {}

    def lock(self, stack: str) -> Lock | None:
        """Tell who holds a stack; only a backend of files shows it, and ``None`` stands for "nobody, or not to be seen"."""
        address = str(self.ask("whoami", "--verbose", "--json").get("url", ""))
        parts = urlsplit(address)
        if parts.scheme != "file":
            return None
        name = project_name(self.project)
        place = Path(unquote(parts.netloc + parts.path)).expanduser() / ".pulumi" / "locks" / "organization"
        for path in sorted((place / name / stack.rpartition("/")[2]).glob("*.json")):
            try:
                held = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                # Taken away, or written, in this moment.
                continue
            holder = f"{held.get('username', '?')}@{held.get('hostname', '?')}, process {held.get('pid', '?')}"
            since = str(held.get("timestamp", ""))[:19].replace("T", " ")
            return Lock(holder=holder, since=since, ended=_has_ended(held.get("hostname"), held.get("pid")))
        return None


def _has_ended(host: Any, pid: Any) -> bool:
    """Return whether a process of this machine runs no more; nothing is known of other machines'."""
    if host != socket.gethostname() or not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def find_project(start: Path) -> Path:
    """Find the project that a directory is in, as Pulumi does: the nearest directory, upwards, with a Pulumi.yaml.

    Raises:
        Refusal: there is none.
    """
    for directory in (start.resolve(), *start.resolve().parents):
        if any((directory / name).is_file() for name in PROJECT_FILES):
            return directory
    raise Refusal(
        numbered(
            9080, f"no Pulumi.yaml in {start.resolve()} or above it; change into the checkout, or name it with --cwd"
        )
    )


def project_name(project: Path) -> str:
    """Read the name of a project."""
    path = next(project / name for name in PROJECT_FILES if (project / name).is_file())
    return str(yaml.safe_load(path.read_text(encoding="utf-8"))["name"])
