"""A farm whose sites have content of their own, and what each of them has to show after every step: on hosts, or on doubles."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration import switching
from tests.integration.farm import Config, Farm, fetch, web_and_database

HOSTS = [HostSpec("web1", image="web"), HostSpec("web2", image="web"), HostSpec("db1", image="db")]
FIRST = ("one.example.com", "two.example.com", "three.example.com")
CLUSTER = "web"


class Ended(NamedTuple):
    """How a command ended."""

    ok: bool
    output: str


class World(Protocol):
    """A stack on machines, and the sites whose content is compared."""

    kept: dict[str, str]
    """Identity of each site with content, by its declared name."""
    settings: Config
    """The stack file, to be edited."""

    @property
    def code(self) -> Path:
        """The source of both platforms."""

    @property
    def moves(self) -> bool:
        """Return whether sites are moved to other machines, with ``web2`` and ``db2`` to move to."""

    def address(self, host: str) -> str:
        """Give the address of ``web1``, ``web2`` or ``db1``."""

    def up(self, *, refresh: bool = False) -> Ended:
        """Bring the stack up."""

    def killed(self, chance: random.Random) -> None:
        """Bring the stack up, and kill that somewhere on the way."""

    def export(self) -> Any:
        """Give the state."""

    def restore(self, state: Any) -> None:
        """Give the stack a state that it had before."""

    def missing(self) -> list[str]:
        """Say what any site lacks: its row, its upload on each web server, its page."""

    def by_hand(self, chance: random.Random) -> str:
        """Change something on a machine, as somebody does who is in a hurry; say what."""

    def hindered(self, chance: random.Random) -> AbstractContextManager[str]:
        """Have a machine that does not answer, or one without room, for a while; say which."""


@dataclass
class OnHosts:
    """Hosts, a stack on them, and the sites whose content is compared."""

    lab: Lab
    farm: Farm
    kept: dict[str, str] = field(default_factory=dict)
    """Identity of each site with content, by its declared name."""

    @classmethod
    def made(cls, lab: Lab, source: Path, directory: Path) -> OnHosts:
        """Bring up two platforms on a web server, with three sites that have a row and an upload of their own."""
        code = directory / "code"
        shutil.copytree(source, code, symlinks=True)
        settings = web_and_database(lab, source=code, sites={name: {} for name in FIRST})
        settings["servers"][lab.host("web2").spec.fqdn] = {
            "address": lab.host("web2").address,
            "services": {"web": "nginx"},
        }
        for host in (lab.host(spec.name) for spec in HOSTS):
            # An entry may get another name: its key is then known by nothing else.
            settings["servers"][host.spec.fqdn]["ssh"] = {"host_key": host.host_key}
        settings["platforms"]["next"] = dict(settings["platforms"]["code"])
        world = cls(lab, Farm(directory / "farm", settings))
        world.farm.up()
        for name in FIRST:
            world.fill(name)
        return world

    @property
    def moves(self) -> bool:
        """Hosts move sites in ``tests/integration/test_moving.py``."""
        return False

    @property
    def settings(self) -> Config:
        """The stack file, to be edited."""
        return self.farm.settings

    @settings.setter
    def settings(self, settings: Config) -> None:
        self.farm.settings = settings

    def address(self, host: str) -> str:
        """Give a host's address."""
        return self.lab.host(host).address

    def up(self, *, refresh: bool = False) -> Ended:
        """Run `pulumi up`."""
        done = self.farm.start("up", "--yes", "--skip-preview", *(["--refresh"] if refresh else [])).wait()
        return Ended(done.status == 0, done.output)

    def killed(self, chance: random.Random) -> None:
        """Kill a run after one to six seconds."""
        running = self.farm.start("up", "--yes", "--skip-preview")
        time.sleep(chance.uniform(1.0, 6.0))
        running.kill()
        self.farm.cancel()

    def export(self) -> Any:
        """Give the state, as `pulumi stack export` shows it."""
        return self.farm.export()

    def restore(self, state: Any) -> None:
        """Import a state."""
        self.farm.restore(state)

    def by_hand(self, chance: random.Random) -> str:
        """Change a machine."""
        name = chance.choice(sorted(self.kept))
        key = self.kept[name]
        host = chance.choice(self.members())
        settings = f"{layout.site_linked(layout.PLATFORMS_ROOT, key)}/wp-config.php"
        said = chance.choice(
            [
                f"rm -f /var/aegir/config/*/vhost.d/{name}.conf",
                f"echo '<?php' >{settings}",
                "systemctl stop apache2 nginx",
                "systemctl stop 'php*-fpm'",
                f"rm -f /var/aegir/config/sites.d/*/{key}",
                "rm -f /etc/sudoers.d/aegir",
                "rm -rf /var/lib/aegir/entries",
            ]
        )
        host.run(said, check=False)
        if chance.random() < 0.3:
            user = layout.account_names(key)[0]
            statement = f"DROP USER '{user}'@'{host.address}'"
            self.lab.host("db1").run(f'mysql -e "{statement}"', check=False)
            said += f"; {statement}"
        return f"{host.name}: {said}"

    @property
    def code(self) -> Path:
        """The source of both platforms."""
        return Path(self.settings["platforms"]["code"]["source"])

    @contextmanager
    def hindered(self, chance: random.Random) -> Iterator[str]:
        """Freeze a machine, or take all room where ours puts what it works with."""
        host = self.lab.host(chance.choice(["web1", "db1"]))
        if chance.random() < 0.5:
            host.pause()
            try:
                yield f"{host.name} is frozen"
            finally:
                host.unpause()
            return
        host.run("mkdir -p /run/aegir")
        with switching.full_disk(host, "/run/aegir"):
            yield f"{host.name} has no room"

    def fill(self, name: str) -> None:
        """Give a site a row and an upload, and remember it."""
        key = str(self.settings["sites"][name].get("formerly", name))
        files = layout.site_files(layout.PLATFORMS_ROOT, key)
        for host in self.members():
            host.run(f"runuser -u {layout.system_user(key)} -- sh -c 'echo upload of {key} >{files}/own.txt'")
        self.sql(f"CREATE TABLE content (word TEXT); INSERT INTO content VALUES ('row of {key}')", key)
        self.kept[name] = key

    def sql(self, statement: str, key: str) -> str:
        """Run a statement in a site's database, as the server's own root."""
        database = layout.database_name(key)
        return self.lab.host("db1").run(f'mysql -Ne "{statement}" {database}', check=False).stdout.strip()

    def members(self) -> list[Host]:
        """List the web servers that carry the platforms."""
        names = ["web1", "web2"] if CLUSTER in self.settings.get("clusters", {}) else ["web1"]
        return [self.lab.host(name) for name in names]

    def missing(self) -> list[str]:
        """Say what any site lacks: its row, its upload on each web server, its page."""
        found = []
        for name, key in self.kept.items():
            site = self.settings["sites"][name]
            if (row := self.sql("SELECT word FROM content", key)) != f"row of {key}":
                found.append(f"{name}: its row is {row!r}")
            for host in self.members():
                where = layout.site_files(layout.PLATFORMS_ROOT, key)
                upload = host.run(f"cat {where}/own.txt", check=False).stdout.strip()
                if upload != f"upload of {key}":
                    found.append(f"{name} on {host.name}: its upload is {upload!r}")
                right = 503 if site.get("state") == "disabled" else 200
                answers = {asked: fetch(host, asked).status for asked in (name, *site.get("aliases", ()))}
                found += [f"{asked} on {host.name}: answers {got}" for asked, got in answers.items() if got != right]
        return found
