"""A farm on hosts whose sites have content of their own, and what each of them has to show after every step."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration.farm import Config, Farm, fetch, web_and_database

HOSTS = [HostSpec("web1", image="web"), HostSpec("web2", image="web"), HostSpec("db1", image="db")]
FIRST = ("one.example.com", "two.example.com", "three.example.com")
CLUSTER = "web"


@dataclass
class World:
    """Hosts, a stack on them, and the sites whose content is compared."""

    lab: Lab
    farm: Farm
    kept: dict[str, str] = field(default_factory=dict)
    """Identity of each site with content, by its declared name."""

    @classmethod
    def made(cls, lab: Lab, source: Path, directory: Path) -> World:
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
    def settings(self) -> Config:
        """The stack file, to be edited."""
        return self.farm.settings

    @property
    def code(self) -> Path:
        """The source of both platforms."""
        return Path(self.settings["platforms"]["code"]["source"])

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
