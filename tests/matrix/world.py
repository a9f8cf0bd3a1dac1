"""A stack of every kind of thing on fake machines, whose sites have content; and what each of them has to have still."""

from __future__ import annotations

import copy
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aegir_components import layout
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostUnreachable
from aegir_components.testing import Account, FakeFarm, FakeHost, FakeMySQL
from aegir_components.testing.engine import Row
from aegir_components.testing.farm import NOT_FOUND
from tests.matrix.engine import Config, Stack

ONE, TWO, NEW = "one.example.com", "two.example.com", "new.example.com"
ROWS = 7
UPLOAD = "own.txt"
PASSWORD = "the hub's own password"


class Machines(FakeFarm):
    """Machines that are found by their addresses, whatever a stack file calls them."""

    def _reached(self, conn: Connection) -> FakeHost:
        if conn.kind == "local" and "hub" not in self.hosts:
            self.host("hub", self.hub)
        address = self.hub if conn.kind == "local" else conn.address
        host = next((host for host in self.hosts.values() if host.address == address), None)
        if host is None or host.unreachable:
            raise HostUnreachable(
                conn.host, f"ssh {conn.user}@{conn.address} port {conn.port}: no answer (Connection timed out)"
            )
        return host


@dataclass(slots=True)
class World:
    """The machines, the stack on them, and the hub's directory."""

    stack: Stack
    hub: Path
    _saved: tuple[FakeFarm, dict[str, Row], Config] | None = None
    _copy: Path | None = None
    sites: dict[str, str] = field(default_factory=dict)
    """Sites with content: what each is known by, by its name now."""

    @classmethod
    def made(cls, directory: Path, kind: str) -> World:
        """Bring up a stack of a kind, and give each site a row and an upload of its own."""
        hub = directory / "hub"
        hub.mkdir(parents=True)
        config = stack_file(hub, kind)
        farm = Machines(hub="10.0.0.1")
        for name, server in config["servers"].items():
            farm.host(name, server["address"])
        farm.host("blank", BLANK)
        world = cls(Stack(farm, config), hub)
        if "ext" in farm.hosts:
            _lend_database(farm.hosts["ext"])
        world.stack.up()
        for name in config["sites"]:
            world.fill(name)
        # Once more, so that the records of what there is are of what there is now.
        world.stack.refresh()
        return cls.keep(world, directory / "copy")

    @classmethod
    def keep(cls, world: World, place: Path) -> World:
        """Keep a copy of a world, which ``restore`` brings back."""
        stack = world.stack
        world._copy = place
        world._saved = (copy.deepcopy(stack.farm), copy.deepcopy(stack.state), copy.deepcopy(stack.config))
        shutil.copytree(world.hub, place, symlinks=True)
        return world

    def restore(self) -> None:
        """Make everything as it was when it was made."""
        assert self._saved is not None
        assert self._copy is not None
        farm, state, config = copy.deepcopy(self._saved)
        self.stack = Stack(farm, config, state)
        self.sites = {name: name for name in config["sites"]}
        shutil.rmtree(self.hub)
        shutil.copytree(self._copy, self.hub, symlinks=True)

    @property
    def config(self) -> Config:
        """The stack file, to be edited."""
        return self.stack.config

    @property
    def farm(self) -> FakeFarm:
        """The machines."""
        return self.stack.farm

    def machine(self, server: str) -> FakeHost:
        """Give the machine that a declared server leads to."""
        declared = self.config["servers"][server]
        address = self.farm.hub if declared.get("connection") == "local" else declared.get("address", "")
        return next(host for host in self.farm.hosts.values() if host.address == address)

    def fill(self, name: str) -> None:
        """Give a site a row and an upload."""
        self.sites[name] = name
        tables = self._tables(name)
        assert tables is not None
        tables["content"] = ROWS
        for member in self.members(name):
            member.write(f"{self._files(name)}/{UPLOAD}", f"upload of {name}\n")

    def members(self, name: str) -> list[FakeHost]:
        """List the machines that have a site's files themselves."""
        target = self.config["platforms"][self.config["sites"][name]["platform"]]["server"]
        cluster, pack = self.config.get("clusters", {}).get(target), self.config.get("packs", {}).get(target)
        names = cluster["servers"] if cluster else [pack["master"]] if pack else [target]
        return [self.machine(each) for each in names]

    def missing(self) -> list[str]:
        """Say what any site with content lacks: its rows, its upload on each web server, its page there."""
        found = []
        for name, key in self.sites.items():
            if name not in self.config["sites"]:
                continue
            if (rows := (self._tables(name) or {}).get("content")) != ROWS:
                found.append(f"{name}: {rows} rows")
            for member in self.members(name):
                if member.content(f"{self._files(name)}/{UPLOAD}") != f"upload of {key}\n":
                    found.append(f"{name} on {member.name}: no upload")
                if (status := self.asked(member, name)) != self.right(name):
                    found.append(f"{name} on {member.name}: answers {status}")
        return found

    def right(self, name: str) -> int:
        """Say how a site has to answer."""
        return 503 if self.config["sites"][name].get("state") == "disabled" else 200

    def asked(self, member: FakeHost, name: str) -> int:
        """Ask a machine for a site, over TLS where that is what it has."""
        tls = self.config["sites"][name].get("https") == "required"
        return self.farm.get(member.address, 443 if tls else 80, name, tls=tls).status

    def content(self) -> dict[str, Any]:
        """Give all databases with their rows and all files of sites, on every machine: for an edit that touches nothing."""
        found: dict[str, Any] = {}
        for host in self.farm.hosts.values():
            if host.mysql is not None:
                found[f"{host.name} databases"] = copy.deepcopy(host.mysql.databases)
            found[f"{host.name} files"] = {path: text for path, text in host.files.items() if "/.sites/" in path}
        return found

    def kept(self, name: str) -> list[str]:
        """List the backups of a site on the hub."""
        place = self.hub / "backups"
        return sorted(path.name for path in place.glob(f"{name}-*")) if place.is_dir() else []

    def _tables(self, name: str) -> dict[str, int] | None:
        site = self.config["sites"][name]
        declared = site.get("database", "db1")
        server = declared["server"] if isinstance(declared, dict) else declared
        mysql = self.machine(server).mysql
        return None if mysql is None else mysql.databases.get(layout.database_name(self.sites[name]))

    def _files(self, name: str) -> str:
        platform = self.config["platforms"][self.config["sites"][name]["platform"]]
        path = platform.get("publish_path", f"{layout.PLATFORMS_ROOT}/{self.config['sites'][name]['platform']}")
        return layout.site_files(layout.publish_root(path), self.sites[name])


def _lend_database(host: FakeHost) -> None:
    """Let somebody else run a database, with an account for the hub."""
    host.mysql = FakeMySQL()
    rights = {"ALL PRIVILEGES", "GRANT OPTION"}
    host.mysql.accounts["lent", "10.0.0.1"] = Account(PASSWORD, grants={"*.*": rights})


def stack_file(hub: Path, kind: str) -> Config:
    """Write a stack of a kind, its sources and its key below the hub's directory."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(hub / "id")], check=True, capture_output=True
    )
    for name, version in (("ten", "10.3.6"), ("eleven", "11.0.1"), ("nine", "9.5.1")):
        _drupal(hub / name, version)
    _wordpress(hub / "press")
    servers, targets = KINDS[kind]
    ten, press = str(hub / "ten"), str(hub / "press")
    database = "ext" if kind == "external" else "db1"
    return {
        "hub": {
            "address": "10.0.0.1",
            "root": str(hub),
            "ssh": {"identity": str(hub / "id"), "known_hosts": "/srv/known"},
        },
        "servers": copy.deepcopy(servers),
        **copy.deepcopy(targets),
        "platforms": {
            "code": {"server": _target(targets), "source": ten},
            "press": {"server": _target(targets), "source": press},
        },
        "sites": {
            ONE: {"platform": "code", "database": database},
            TWO: {"platform": "press", "database": database},
        },
    }


def _target(targets: Config) -> str:
    return next((name for groups in targets.values() for name in groups), "web1")


def _web(number: int, kind: str = "apache") -> Config:
    return {"address": f"10.0.0.1{number}", "services": {"web": kind}}


BLANK = "10.0.0.99"
"""The address of a machine that nobody prepared."""
_DATABASES: Config = {
    "db1": {"address": "10.0.0.21", "services": {"database": "mysql"}},
    "db2": {"address": "10.0.0.22", "services": {"database": "mysql"}},
}
_EXTERNAL: Config = {
    "address": "10.0.0.31",
    "connection": "none",
    "services": {"database": {"type": "mysql", "admin": {"name": "lent", "password": PASSWORD}}},
}
KINDS: dict[str, tuple[Config, Config]] = {
    "server": ({"web1": _web(1, "apache_ssl"), "web2": _web(2), **_DATABASES}, {}),
    "cluster": (
        {"web1": _web(1), "web2": _web(2, "nginx"), "web3": _web(3), "db1": _DATABASES["db1"]},
        {"clusters": {"farm": {"servers": ["web1", "web2"], "uploads": "separate"}}},
    ),
    "pack": (
        {"web1": _web(1), "web2": _web(2), "web3": _web(3), "nas1": {"address": "10.0.0.41", "services": {}},
         "db1": _DATABASES["db1"]},
        {"packs": {"flock": {"master": "web1", "slaves": ["web2"]}}},
    ),
    "external": ({"web1": _web(1), "ext": _EXTERNAL, "db1": _DATABASES["db1"]}, {}),
}  # fmt: skip
"""Servers, clusters and packs of each kind of stack; the platforms are on the first target."""


def _drupal(path: Path, version: str) -> None:
    core = path / "web" / "core"
    (core / "lib").mkdir(parents=True)
    (core / "lib" / "Drupal.php").write_text(f"<?php class Drupal {{ const VERSION = '{version}'; }}")
    for name in ("standard", "minimal"):
        (core / "profiles" / name).mkdir(parents=True)
        (core / "profiles" / name / f"{name}.info.yml").write_text("type: profile\n")
    (path / "web" / "index.php").write_text("<?php\n")


def _wordpress(path: Path) -> None:
    (path / "wp-includes").mkdir(parents=True)
    (path / "wp-includes" / "version.php").write_text("<?php\n$wp_version = '6.9.1';\n")
    (path / "wp-settings.php").write_text("<?php\n")


@contextmanager
def nothing_changes(world: World) -> Iterator[None]:
    """Hold that nothing on any machine, of the state or of the hub's backups is another thing afterwards."""
    before = world.content(), {key: each.outputs for key, each in copy.deepcopy(world.stack.state).items()}
    kept = [world.kept(name) for name in world.sites]
    yield
    after = world.content(), {key: each.outputs for key, each in world.stack.state.items()}
    assert before == after
    assert kept == [world.kept(name) for name in world.sites]


__all__ = ["NOT_FOUND", "World", "nothing_changes", "replace"]
