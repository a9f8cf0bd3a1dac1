"""A stack of the real program, run by the real engine, for the integration tests: settings in, `pulumi` commands out.

Nothing is copied: the program is the checkout's. Stack file, state and hub root are the test's own, in its directory.

>>> farm = Farm(tmp_path, web_and_database(lab, source=wordpress))
>>> farm.up()
>>> farm.settings["sites"]["two.example.com"] = {"platform": "code"}
>>> assert "two.example.com" in farm.preview("--diff").output
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from aegir_components import settings as aegir_settings
from aegir_components.applications.base import Answer
from aegir_components.components.server import connection_of
from aegir_components.health import probe
from aegir_components.remote import multiplex
from aegir_components.remote.connection import Connection
from lab import Host, Lab
from tests.integration.ledger import PULUMI, ledger
from tests.integration.waiting import journal
from tests.warm.engine import warm
from tests.warm.server import LONGEST_NAME

ROOT = Path(__file__).resolve().parents[2]
STACK = "test"
PASSPHRASE = "a passphrase of the tests"
COMMAND_TIMEOUT = 400.0
"""Seconds for one command of Pulumi's, installing packages included."""
EMPTY = "--expect-no-changes"

Config = dict[str, Any]

_new: dict[str, dict[Path, bytes]] = {}
"""The files of a new stack, which Pulumi makes once a process: it takes half a second, and there are sixty farms."""


_made: list[weakref.ref[Farm]] = []
"""All farms of the process, as long as somebody has them."""


class CommandEnded(AssertionError):
    """A command of Pulumi's ended otherwise than the test needs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What a command of Pulumi's did."""

    command: str
    status: int
    output: str
    """Standard output and error, as they came, without line breaks of the terminal's making."""
    seconds: float

    @property
    def sentence(self) -> str:
        """The output on one line, for looking for sentences that Pulumi wraps and indents."""
        return " ".join(self.output.split())

    @property
    def drift(self) -> list[str]:
        """The deviations that a preview names."""
        return re.findall(r'^\s*[-+~]?\s*\[\d+\]: "(.*)"$', self.output, re.MULTILINE)

    @property
    def counts(self) -> dict[str, int]:
        """What the summary says: `created`, `updated`, `deleted`, `replaced`, `unchanged`; the plan's verbs in a preview."""
        summary = self.output.rpartition("Resources:")[2]
        found = re.findall(r"(?:[+~-]+\s+)?(\d+) (?:to )?(\w+)", summary)
        return {word: int(number) for number, word in found if word not in {"s", "m"}}


def plain(text: str) -> str:
    """Take colours and bare carriage returns out of a text."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r", "")


@dataclass(kw_only=True, slots=True)
class Running:
    """A command of Pulumi's that is at work: to be waited for, or killed with all that it has started."""

    process: subprocess.Popen[str]
    mark: str
    begun: float
    command: str

    def wait(self, timeout: float = COMMAND_TIMEOUT) -> Done:
        """Wait for its end; one that takes longer is killed, and the test fails."""
        try:
            with ledger.spent(PULUMI):
                output, _ = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            output, _ = self.process.communicate(timeout=20)
            raise CommandEnded(f"{self.command} did not end within {timeout:g} s:\n{plain(output)[-4000:]}") from None
        seconds = time.monotonic() - self.begun
        return Done(command=self.command, status=self.process.returncode, output=plain(output), seconds=seconds)

    def family(self) -> list[int]:
        """List the processes that the command has started, also those that have left its group: ssh's master."""
        needle = f"AEGIR_TEST_MARK={self.mark}".encode()
        name = self.mark[:LONGEST_NAME].encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    # A process that was forked warm has its mark in its name (tests/warm/server.py).
                    marked = needle in (entry / "environ").read_bytes().split(b"\0")
                    if marked or (entry / "comm").read_bytes().strip() == name:
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found

    def kill_engine(self) -> None:
        """End the engine alone, as a machine without memory does; what it has started comes to the end of its work."""
        self.process.kill()
        self.process.wait(20)

    def kill(self) -> None:
        """End it as a power failure does: SIGKILL for all of its family, until none is left."""
        deadline = time.monotonic() + 60
        while family := self.family():
            for pid in family:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            # A zombie has no environment, so that it is in no family.
            self.process.poll()
            assert time.monotonic() < deadline, f"processes that survive SIGKILL: {family}"
            time.sleep(0.02)


@dataclass(slots=True, weakref_slot=True)
class Farm:
    """One stack on the hosts of a lab."""

    directory: Path
    settings: Config
    """The stack file's `aegir:` keys without that prefix; change it, then `up`."""
    secrets: dict[str, str] = field(default_factory=dict)
    """Secret settings: path in the stack file (`servers["db1.lab.test"].services.database...`) to value."""
    _salt: str = ""
    _written: str = ""
    _made: bool = False

    def __post_init__(self) -> None:
        """Make the directories."""
        for name in ("state", "project", "hub"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        self.settings = copy.deepcopy(self.settings)
        self.settings.setdefault("hub", {}).setdefault("root", str(self.hub))
        _made.append(weakref.ref(self))

    @property
    def hub(self) -> Path:
        """The hub's root."""
        return self.directory / "hub"

    @property
    def stack_file(self) -> Path:
        """The stack file, away from the checkout."""
        return self.directory / "project" / f"Pulumi.{STACK}.yaml"

    @property
    def state_file(self) -> Path:
        """The state, as Pulumi's file backend writes it."""
        return self.directory / "state" / ".pulumi" / "stacks" / "aegir" / f"{STACK}.json"

    def up(self, *flags: str, ok: bool = True, timeout: float = COMMAND_TIMEOUT) -> Done:
        """Run `pulumi up`; with `ok=False` it must fail."""
        return self.command("up", "--yes", "--skip-preview", *flags, ok=ok, timeout=timeout)

    def preview(self, *flags: str, ok: bool = True) -> Done:
        """Run `pulumi preview`."""
        return self.command("preview", *flags, ok=ok)

    def drift(self) -> Done:
        """Run `pulumi preview --refresh --diff`: what somebody changed by hand stands in it by name."""
        return self.preview("--refresh", "--diff")

    def destroy(self, *flags: str, ok: bool = True) -> Done:
        """Run `pulumi destroy`."""
        return self.command("destroy", "--yes", "--skip-preview", *flags, ok=ok)

    def unchanged(self, *flags: str) -> Done:
        """Run `pulumi up`, which must have nothing to do."""
        return self.up(EMPTY, *flags)

    def command(self, *words: str, ok: bool = True, timeout: float = COMMAND_TIMEOUT) -> Done:
        """Run a command of Pulumi's on the stack and its file.

        Raises:
            CommandEnded: it failed and should not have, or the other way round.
        """
        done = self.start(*words).wait(timeout)
        if (done.status == 0) is not ok:
            ended = f"{done.command} exited {done.status}, and should {'not ' if ok else ''}have failed"
            raise CommandEnded(f"{ended}:\n{done.output[-6000:]}")
        return done

    def start(self, *words: str) -> Running:
        """Begin a command of Pulumi's, and do not wait for it."""
        self.write()
        argv = [
            *words,
            "--stack",
            STACK,
            "--config-file",
            str(self.stack_file),
            "--non-interactive",
            "--color",
            "never",
        ]
        mark = uuid.uuid4().hex
        process = self._popen(argv, ROOT, mark)
        return Running(process=process, mark=mark, begun=time.monotonic(), command=f"pulumi {' '.join(words)}")

    def aegir(self, *words: str, status: int = 0) -> str:
        """Run a command of the command line, which has to end with this status; give its standard output."""
        self.write()
        argv = [*warm.python("aegir_components"), "--cwd", str(self.directory / "project"), *words]
        with ledger.spent(PULUMI):
            done = subprocess.run(
                argv, cwd=ROOT, env=self._environment(""), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=COMMAND_TIMEOUT, check=False,
            )  # fmt: skip
        if done.returncode != status:
            raise CommandEnded(
                f"aegir {' '.join(words)} exited {done.returncode}:\n{done.stdout}\n{done.stderr}"[-6000:]
            )
        return done.stdout

    def export(self, *flags: str) -> Config:
        """Give the state, as `pulumi stack export` shows it: without flags it is what the file has."""
        if not flags and self.state_file.exists():
            kept = json.loads(self.state_file.read_text())
            return {"version": kept["version"], "deployment": kept["checkpoint"]["latest"] or {}}
        exported: Config = json.loads(self._ask("stack", "export", "--stack", STACK, *flags))
        return exported

    def outputs(self) -> Config:
        """Give the stack's outputs, secrets in clear."""
        found: Config = json.loads(self._ask("stack", "output", "--json", "--show-secrets", "--stack", STACK))
        return found

    def rename(self, name: str) -> None:
        """Give the stack another name; the file keeps its own."""
        self._ask("stack", "rename", name, "--stack", STACK, where=self.directory / "project")

    def cancel(self) -> None:
        """Take away the lock that a killed run has left."""
        self._ask("cancel", "--yes", "--stack", STACK)

    def restore(self, state: Config) -> None:
        """Give the stack a state that it had before, as from a backup."""
        self._ask("stack", "import", "--stack", STACK, "--force", stdin=json.dumps(state))

    def resources(self) -> list[Config]:
        """List the state's resources."""
        found: list[Config] = self.export()["deployment"].get("resources", [])
        return found

    def declared(self) -> aegir_settings.Settings:
        """Read the settings as the program does."""
        whole = aegir_settings.include(self.settings, ROOT / "stacks")
        return aegir_settings.load(whole.config, lambda _path: False)

    def connections(self) -> dict[str, Connection]:
        """Say how the program reaches each server."""
        declared = self.declared()
        return {name: connection_of(server, declared.hub) for name, server in declared.servers.items()}

    def disconnect(self) -> None:
        """Close the shared ssh connections, so that the next command has to log in."""
        for conn in self.connections().values():
            multiplex.disconnect(conn)

    def reset(self) -> None:
        """Forget the state and the hub's files, as for hosts that were made anew."""
        self.disconnect()
        for name in ("state", "hub"):
            shutil.rmtree(self.directory / name)
            (self.directory / name).mkdir()
        self._made = False

    def write(self) -> None:
        """Write the stack file when the settings have changed, and make the stack when it is not there."""
        if not self._made:
            self._make()
        text = json.dumps([self.settings, self.secrets])
        if text == self._written:
            return
        config = {f"aegir:{key}": value for key, value in self.settings.items()}
        document = {"config": config, "encryptionsalt": self._salt}
        self.stack_file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))
        for path, value in self.secrets.items():
            self._ask("config", "set", "--secret", "--path", f"aegir:{path}", "--stack", STACK,
                      "--config-file", str(self.stack_file), stdin=value)  # fmt: skip
        self._written = text

    def _make(self) -> None:
        # `stack init` writes into the project's own stack file and takes no other: here it is a project of the same name.
        project = self.directory / "project"
        (project / "Pulumi.yaml").write_text("name: aegir\nruntime: python\n")
        # Another stack of a test is another one here as well.
        if new := _new.get(STACK):
            for place, content in new.items():
                target = self.directory / place
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        else:
            self.stack_file.unlink(missing_ok=True)
            self._ask("stack", "init", STACK, "--no-select", where=project)
            made = [path for path in (self.directory / "state").rglob("*") if path.is_file()]
            _new[STACK] = {path.relative_to(self.directory): path.read_bytes() for path in (self.stack_file, *made)}
        self._salt = yaml.safe_load(self.stack_file.read_text())["encryptionsalt"]
        self._made, self._written = True, ""

    def _ask(self, *words: str, where: Path = ROOT, stdin: str | None = None) -> str:
        process = self._popen([*words, "--non-interactive"], where, "", both=False, stdin=stdin is not None)
        try:
            with ledger.spent(PULUMI):
                output, errors = process.communicate(stdin, timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise CommandEnded(f"pulumi {words[0]} did not end within 120 s") from None
        if process.returncode:
            raise CommandEnded(f"pulumi {' '.join(words[:3])} exited {process.returncode}: {errors or output}")
        return output

    def _environment(self, mark: str) -> dict[str, str]:
        environment = {
            **os.environ,
            # As tools/env has it, which says why.
            "PULUMI_BACKEND_URL": f"file://{self.directory / 'state'}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            # Other workers want the cores too, and Go's collection of garbage would take all of them.
            "GOMAXPROCS": "1",
            "AEGIR_TEST_MARK": mark,
            **warm.environment(),
        }
        environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        return environment

    def _popen(
        self, words: list[str], where: Path, mark: str, *, both: bool = True, stdin: bool = False
    ) -> subprocess.Popen[str]:
        program = warm.program("pulumi")
        if program is None:
            pytest.fail("no pulumi on PATH: run the tests through tools/env")
        return subprocess.Popen(
            [program, *words], cwd=where, env=self._environment(mark), text=True, errors="replace", start_new_session=True,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if both else subprocess.PIPE,
        )  # fmt: skip


@contextmanager
def settings_kept(is_failed: Callable[[], bool]) -> Iterator[None]:
    """Give the farms that there are their settings of before, when what is done in the block has failed."""
    farms = [farm for each in _made if (farm := each()) is not None]
    before = copy.deepcopy([(farm.settings, farm.secrets) for farm in farms])
    yield
    if is_failed():
        for farm, (settings, secrets) in zip(farms, before, strict=True):
            farm.settings, farm.secrets = settings, secrets


def web_and_database(lab: Lab, *, source: Path, sites: Mapping[str, Config] | None = None) -> Config:
    """Declare the hosts `web1` and `db1` of a lab, a platform `code`, and sites on it (`www.example.com`)."""
    web, database = lab.host("web1"), lab.host("db1")
    declared = {"www.example.com": {}} if sites is None else sites
    return {
        "hub": hub_settings(lab),
        "servers": {
            web.spec.fqdn: {"address": web.address, **login(web), "services": {"web": "apache"}},
            database.spec.fqdn: {"address": database.address, **login(database), "services": {"database": "mysql"}},
        },
        "platforms": {"code": {"server": web.spec.fqdn, "source": str(source)}},
        "sites": {name: {"platform": "code", **site} for name, site in declared.items()},
    }


def hub_settings(lab: Lab) -> Config:
    """Declare the machine that the tests run on as the hub of a lab."""
    return {
        "address": lab.hub_address,
        "ssh": {"identity": str(lab.identity), "known_hosts": str(lab.known_hosts)},
    }


def login(host: Host) -> Config:
    """Declare the login of a host where it is not root's."""
    return {} if host.spec.login == "root" else {"ssh": {"user": host.spec.login}}


def fetch(host: Host, name: str, path: str = "/", *, port: int = 80) -> Answer:
    """Ask a host for a page of a name."""
    return probe.get(host.address, port, name, path)


def logins(host: Host, since: str) -> int:
    """Count the logins by key after a place in the journal that `now` gave."""
    return journal(host, f"-u ssh --after-cursor='{since}'").count("Accepted publickey")


def now(host: Host) -> str:
    """Give the place that sshd's entries in the host's journal have reached."""
    # Of sshd alone: with a cursor of another unit's entry systemd 252 passes over the first entry that matches.
    last = "journalctl --sync; journalctl -q -u ssh -n 1 --show-cursor | sed -n 's/^-- cursor: //p'"
    place = host.run(last).stdout.strip()
    assert place, f"nobody has logged in to {host.name} yet"
    return place


def with_another_key(host: Host) -> str:
    """Give a host a key of its own, as a newly installed machine has; give it."""
    key = "/etc/ssh/ssh_host_ed25519_key"
    host.run(f"rm {key}*; ssh-keygen -q -t ed25519 -N '' -f {key}; systemctl restart ssh")
    return " ".join(host.run(f"cat {key}.pub").stdout.split()[:2])
