"""Hosts of the lab as hubs: a checkout with its engine and virtual environment, for tests of what runs on a hub or in CI.

>>> hub = Hub(lab, lab.host("hub1"))
>>> hub.equip()
>>> hub.checkout("/srv/work")
>>> hub.run("tools/env pulumi stack ls", where="/srv/work")
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab import Host, Lab
from lab.hosts import Result
from tests.integration.farm import ROOT
from tools import restic
from tools.environments import ensure_packages
from tools.errors import SetupError
from tools.paths import read_pins

VENV = "/opt/venv"
KEYS = "/root/.ssh/aegir"
"""The hub's key and what it knows of hosts, outside every checkout and hub root."""
HUB_ROOT = "/srv/hub"
LEAN = ("mypy", "mypyc", "ruff", "hypothesis", "debugpy", "*mypyc*.so", "__pycache__")
"""What no run of Pulumi's imports; a third of the environment."""


def packages_for(host: Host) -> Path:
    """Return the directory of the packages that the program runs on, for the Python that a host has.

    The checkout's own packages serve a host whose Python has the same minor version. Compiled packages serve no other one. For a
    host with another version (the hub is a Debian 13, its hosts are Debian 12) pip gets the same pins, and the cache keeps them.
    """
    said = host.run("python3 -c 'import sys; print(*sys.version_info[:2])'").stdout
    major, minor = map(int, said.split())
    own = ROOT / ".venv" / "lib" / f"python{major}.{minor}" / "site-packages"
    if own.is_dir():
        return own
    try:
        return ensure_packages((major, minor))
    except SetupError as error:
        pytest.skip(
            f"the host's Python is {major}.{minor}, this checkout's is another one, and pip cannot get the packages for the "
            f"host's: {error.in_one_line()}"
        )


def send(host: Host, source: Path, target: str, *only: str, without: tuple[str, ...] = ()) -> None:
    """Copy a tree into a host."""
    skip = [f"--exclude={name}" for name in without]
    pack = subprocess.Popen(["tar", "-C", str(source), *skip, "-chf", "-", *(only or (".",))], stdout=subprocess.PIPE)
    command = [*host.ssh_command(), f"mkdir -p {target} && tar -C {target} -xf -"]
    subprocess.run(command, stdin=pack.stdout, check=True, timeout=180)
    assert pack.wait(20) == 0


@dataclass(slots=True)
class Hub:
    """A host that `pulumi up` runs on."""

    lab: Lab
    host: Host
    environment: dict[str, str] = field(default_factory=dict)
    """Variables of every command."""

    def equip(self) -> None:
        """Bring the engine, the virtual environment and the hub's key; what a first `make setup` downloads."""
        packages = packages_for(self.host)
        self.host.run(f"python3 -m venv --without-pip {VENV}")
        place = self.host.run(f"echo {VENV}/lib/python3.*/site-packages").stdout.strip()
        send(self.host, packages, place, without=(*LEAN, "*.pth"))
        # Where `tools/setup` looks for it before it downloads one.
        engine = f"/root/.cache/aegir-pulumi/engine/{read_pins().engine}/bin"
        send(self.host, ROOT / ".venv" / "engine", engine)
        self.host.run(f"ln -s {engine} {VENV}/engine")
        kept = f"/root/.cache/aegir-pulumi/restic/{restic.version()}"
        send(self.host, (ROOT / ".venv/bin/restic").resolve().parent, kept, "restic")
        self.host.run(f"ln -s {kept}/restic {VENV}/bin/restic")
        for source, name in ((self.lab.identity, "id"), (self.lab.known_hosts, "known_hosts")):
            self.host.run(f"umask 077; mkdir -p {KEYS}; cat >{KEYS}/{name}", input=source.read_text())

    def checkout(self, place: str) -> None:
        """Make a fresh copy of this checkout, as a CI job gets one."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        mine = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
        needed = (
            "aegir_components/",
            "pipelines/",
            "tools/",
            "requirements",
            "__main__.py",
            "Pulumi.yaml",
            "pyproject",
        )
        self.host.run(f"rm -rf {place}")
        send(self.host, ROOT, place, *(name for name in mine if name.startswith(needed)))
        stamp = f"p = Path('{VENV}'); (p / 'made-from').write_text(venv.stamp(p / 'bin/python'))"
        self.host.run(
            f"mkdir -p {place}/stacks; ln -s {VENV} {place}/.venv; cd {place}; "
            f'python3 -c "from pathlib import Path; from tools import venv; {stamp}"'
        )

    def run(
        self,
        command: str,
        *,
        where: str,
        check: bool = True,
        timeout: float = 400.0,
        variables: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a shell command in a directory, with the hub's variables and some more."""
        return self.host.run(self._script(command, where, variables or {}), check=check, timeout=timeout)

    def start(self, command: str, *, where: str, log: str) -> None:
        """Begin a command in the background; what it says goes into a file of the host's."""
        self.host.run(f"setsid sh -c {_quoted(self._script(command, where, {}))} >{log} 2>&1 </dev/null &")

    def wait_for(self, script: str, seconds: float = 280.0) -> None:
        """Wait until a shell script of the host's succeeds; asked there, so that what lasts a moment is not missed."""
        loop = f"until {{ {script}; }} 2>/dev/null; do sleep 0.02; done"
        done = self.host.run(f"timeout {seconds:g} sh -c {_quoted(loop)}", check=False, timeout=seconds + 30)
        assert done.returncode == 0, f"not within {seconds:g} s: {script}"

    def _script(self, command: str, where: str, variables: Mapping[str, str]) -> str:
        words = {**self.environment, **variables}
        exports = "".join(f"export {name}={_quoted(value)}; " for name, value in words.items())
        return f"{exports}cd {where}; {command}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def estate(lab: Lab, hub: Host, *, source: str) -> dict[str, Any]:
    """Declare the hosts `web1` and `db1` as a stack file has them, for a hub that is a host of the lab; no sites yet."""
    web, database = lab.host("web1"), lab.host("db1")
    ssh = {"identity": f"{KEYS}/id", "known_hosts": f"{KEYS}/known_hosts"}
    return {
        "aegir:hub": {"address": hub.address, "root": HUB_ROOT, "ssh": ssh},
        "aegir:servers": {
            web.spec.fqdn: {"address": web.address, "services": {"web": "apache"}},
            database.spec.fqdn: {
                "address": database.address,
                "services": {"database": {"type": "mysql", "tls": "required"}},
            },
        },
        "aegir:platforms": {"code": {"server": web.spec.fqdn, "source": source}},
        "aegir:sites": {},
    }
