"""The same world on doubles: thousands of steps where hosts make dozens."""

from __future__ import annotations

import copy
import functools
import gc
import logging
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

from aegir_components import layout
from aegir_components import settings as aegir_settings
from aegir_components.applications import Answer
from aegir_components.estate import wiring
from aegir_components.hub import keys
from aegir_components.mysql import copies
from aegir_components.remote.connection import Connection
from aegir_components.testing import FakeHost
from aegir_components.testing.database import FakeMySQL
from aegir_components.testing.engine import Engine, Killed
from aegir_components.testing.farm import BROKEN
from tests.matrix.world import Machines
from tests.random.world import CLUSTER, FIRST, Ended

ADDRESSES = {"web1": "10.0.0.2", "web2": "10.0.0.4", "db1": "10.0.0.3", "db2": "10.0.0.5"}
OK = 200
UNREADABLE = "<?php this is no PHP("
_OURS = ("/etc/", "/var/aegir/config/", "/var/lib/aegir/", "/var/lib/php/")


class MortalFarm(Machines):
    """Machines that a process speaks with until it is killed, and that notice code with a syntax error."""

    def __init__(self) -> None:
        super().__init__(hub="10.0.0.1")
        self.left: int | None = None
        """Calls to machines until the process is killed."""
        self.after = False
        """Whether the last call is done all the same: the hub dies before it hears of it."""
        self.unreadable: set[str] = set()
        """Digests of code with a syntax error."""

    def run(self, *given: Any, **named: Any) -> Any:
        """Stand in for ``remote.ssh.run``."""
        with self._mortal():
            return super().run(*given, **named)

    def hold(self, *given: Any, **named: Any) -> Any:
        """Stand in for ``remote.session.hold``."""
        with self._mortal():
            return super().hold(*given, **named)

    def stream(self, *given: Any, **named: Any) -> None:
        """Stand in for the programs that ``backups`` runs."""
        with self._mortal():
            super().stream(*given, **named)

    def copy(self, conn: Connection, source: str, target: str, **named: Any) -> None:
        """Stand in for ``remote.rsync.copy``."""
        with self._mortal():
            super().copy(conn, source, target, **named)
            settings = Path(source, "wp-settings.php")
            if settings.is_file() and settings.read_text().startswith(UNREADABLE):
                self.unreadable.add(self._reached(conn).releases[target.rstrip("/")])

    def _page(self, host: str, vhost: str, *, tls: bool, machine: FakeHost) -> Answer:
        page = super()._page(host, vhost, tls=tls, machine=machine)
        if page.status != OK:
            return page
        platform = re.search(r"AEGIR_(code|next)_|/(code|next)[;/\"]", vhost)
        if platform is None:
            # Changed by hand: no server reads that.
            return BROKEN
        published = f"{layout.PLATFORMS_ROOT}/{platform[1] or platform[2]}"
        live = {each.releases.get(each.target(published)) for each in self.hosts.values()}
        return BROKEN if live & self.unreadable else page

    @contextmanager
    def _mortal(self) -> Iterator[None]:
        if self.left is None:
            yield
            return
        if self.left <= 0 and not (self.left == 0 and self.after):
            raise Killed
        self.left -= 1
        yield
        if self.left < 0:
            raise Killed


@dataclass
class OnDoubles:
    """Machines made of dicts, a stack on them, and the sites whose content is compared."""

    farm: MortalFarm
    engine: Engine
    code: Path
    settings: dict[str, Any]
    kept: dict[str, str] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def made(cls, directory: Path, seed: int = 0) -> Iterator[OnDoubles]:
        """Bring up two platforms on a web server, with three sites that have a row and an upload of their own."""
        code = directory / "code"
        (code / "wp-includes").mkdir(parents=True)
        (code / "wp-includes" / "version.php").write_text("<?php $wp_version = '6.1';\n")
        for name in ("index.php", "wp-settings.php"):
            (code / name).write_text("<?php\n")
        hub = directory / "hub"
        hub.mkdir()
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(hub / "id")]
        subprocess.run(command, check=True, capture_output=True)
        key = " ".join((hub / "id.pub").read_text().split()[:2])
        farm = MortalFarm()
        services = {
            "web1": {"web": "apache"},
            "web2": {"web": "nginx"},
            "db1": {"database": "mysql"},
            "db2": {"database": "mysql"},
        }
        world = cls(farm, Engine(seed=seed), code, {
            "hub": {"address": farm.hub, "root": str(hub), "ssh": {"identity": str(hub / "id")}},
            "servers": {
                f"{name}.lab.test": {"address": address, "ssh": {"host_key": key}, "services": services[name]}
                for name, address in ADDRESSES.items()
            },
            "platforms": {name: {"server": "web1.lab.test", "source": str(code)} for name in ("code", "next")},
            "sites": {name: {"platform": "code", "database": "db1.lab.test"} for name in FIRST},
        })  # fmt: skip
        for name, address in ADDRESSES.items():
            farm.host(f"{name}.lab.test", address)
        # A run that fails leaves futures that nobody asks.
        quiet = mock.patch.object(logging.getLogger("asyncio"), "disabled", new=True)
        with (
            quiet,
            mock.patch.object(wiring, "public_key", functools.cache(keys.public_key)),
            # Nobody is at work on a database of these.
            mock.patch.object(copies, "LOOK", 0.0),
            farm.installed(),
        ):
            ended = world.up()
            assert ended.ok, ended.output
            for name in FIRST:
                world.fill(name)
            often = gc.get_threshold()
            # A run makes its graph of outputs and drops it: looking for cycles in it is a fifth of the time.
            gc.freeze()
            gc.set_threshold(100_000, 20, 3)
            try:
                yield world
            finally:
                gc.set_threshold(*often)
        shutil.rmtree(directory)

    @property
    def moves(self) -> bool:
        """Doubles move sites as well."""
        return True

    def fill(self, name: str) -> None:
        """Give a site a row and an upload, and remember it."""
        key = str(self.settings["sites"][name].get("formerly", name))
        for host in self._members():
            host.write(f"{layout.site_files(layout.PLATFORMS_ROOT, key)}/own.txt", f"upload of {key}")
        self._mysql_of(name).databases[layout.database_name(key)]["content"] = _rows(key)
        self.kept[name] = key

    def rows(self, key: str) -> int:
        """Say how many rows a site's own table has."""
        return _rows(key)

    def address(self, host: str) -> str:
        """Give the address of a machine."""
        return ADDRESSES[host]

    def up(self, *, refresh: bool = False) -> Ended:
        """Run the program over the state."""
        config: dict[str, Any] = {key: self.settings.get(key) for key in ("forget", "replaced")}
        for host in self.farm.hosts.values():
            # What nobody reads here, and what a hundred thousand steps would have no room for.
            host.scripts.clear()
            host.reloads.clear()
        done = self.engine.up(self._program, refresh=refresh, **config)
        return Ended(done.ok, "\n".join([*done.steps, *done.warnings, *done.faults]))

    def killed(self, chance: random.Random) -> None:
        """Kill a run at one of the calls that it makes to machines, or its engine where a provider has just ended its work."""
        # Most runs of this estate make fewer than eighty; one that comes to its end is one of the cases.
        if chance.random() < 0.3:
            self.engine.works = chance.randrange(20)
        else:
            self.farm.left, self.farm.after = chance.randrange(80), chance.random() < 0.5
        try:
            self.engine.up(self._program)
        except Killed:
            pass
        finally:
            self.farm.left = self.engine.works = None

    def export(self) -> Any:
        """Copy the state."""
        return {urn: replace(row, outputs=copy.deepcopy(row.outputs)) for urn, row in self.engine.state.items()}

    def restore(self, state: Any) -> None:
        """Give the stack a state that it had before."""
        self.engine.state = {urn: replace(row, outputs=copy.deepcopy(row.outputs)) for urn, row in state.items()}

    def missing(self) -> list[str]:
        """Say what any site lacks: its row, its upload on each web server, its page."""
        found = []
        for name, key in self.kept.items():
            site = self.settings["sites"][name]
            rows = self._mysql_of(name).databases.get(layout.database_name(key), {}).get("content")
            if rows != _rows(key):
                found.append(f"{name}: it has {rows} rows")
            for host in self._members():
                upload = host.content(f"{layout.site_files(layout.PLATFORMS_ROOT, key)}/own.txt")
                if upload != f"upload of {key}":
                    found.append(f"{name} on {host.name}: its upload is {upload!r}")
                if not self._lets_in(host, name, key):
                    found.append(f"{name} on {host.name}: the database does not let it in with what its settings say")
                right = 503 if site.get("state") == "disabled" else 200
                answers = {
                    asked: self.farm.get(host.address, 80, asked).status for asked in (name, *site.get("aliases", ()))
                }
                found += [f"{asked} on {host.name}: answers {got}" for asked, got in answers.items() if got != right]
        return found

    def _lets_in(self, host: FakeHost, name: str, key: str) -> bool:
        """Return whether a site's account has the password of the settings file on a web server."""
        text = host.content(f"{layout.site_linked(layout.PLATFORMS_ROOT, key)}/wp-config.php") or ""
        password = re.search(r"(?m)^define\('DB_PASSWORD', '(.*)'\)", text)
        user = re.search(r"'DB_USER', (?:.* \?\? )?'(.*)'", text)
        if password is None or user is None:
            return False
        account = self._mysql_of(name).accounts.get((user[1], host.address))
        return account is not None and account.password == password[1] and not account.locked

    def by_hand(self, chance: random.Random) -> str:
        """Remove or change anything on a machine that is not a site's content."""
        host = self._at(chance.choice(list(ADDRESSES)))
        names = sorted(
            name for kind, name in host.items if kind in {"file", "link", "service"} and (
                kind == "service" or name.startswith(_OURS)
            )
        )  # fmt: skip
        name = chance.choice(names)
        if chance.random() < 0.5:
            host.drop(name)
            return f"{host.name}: {name} removed"
        host.change(name)
        return f"{host.name}: {name} changed"

    @contextmanager
    def hindered(self, chance: random.Random) -> Iterator[str]:
        """Have a machine that does not answer, or one where every script fails for want of room."""
        host = self._at(chance.choice(["web1", "db1"]))
        if chance.random() < 0.5:
            host.unreachable = True
            said = f"{host.name} does not answer"
        else:
            host.stderr = "cannot write: No space left on device"
            said = f"{host.name} has no room"
        try:
            yield said
        finally:
            host.unreachable, host.stderr = False, ""

    async def _program(self) -> None:
        await wiring.build(aegir_settings.load(copy.deepcopy(self.settings), lambda _path: False))

    @property
    def _mysql(self) -> FakeMySQL:
        server = self._at("db1").mysql
        assert server is not None
        return server

    def _mysql_of(self, name: str) -> FakeMySQL:
        address = self.settings["servers"][self.settings["sites"][name]["database"]]["address"]
        server = next(host for host in self.farm.hosts.values() if host.address == address).mysql
        assert server is not None
        return server

    def _at(self, host: str) -> FakeHost:
        return self.farm.hosts[f"{host}.lab.test"]

    def _members(self) -> list[FakeHost]:
        target = self.settings["platforms"]["code"]["server"]
        names = self.settings["clusters"][CLUSTER]["servers"] if target == CLUSTER else [target]
        addresses = [self.settings["servers"][name]["address"] for name in names]
        return [next(host for host in self.farm.hosts.values() if host.address == address) for address in addresses]


def _rows(key: str) -> int:
    return 1000 + sum(key.encode())
