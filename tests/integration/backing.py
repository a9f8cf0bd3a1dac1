"""A stack whose sites are backed up, for the tests of backups: on the hub, in a directory, and in an S3 server."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from moto.server import ThreadedMotoServer

from aegir_components import layout
from lab import Host, Lab
from tests.integration.farm import fetch, web_and_database
from tests.integration.project import Project

STACK = "test"
BUCKET = "backups"
SECRET = "a secret key of the tests"
ROOT = layout.PLATFORMS_ROOT


@dataclass(kw_only=True, slots=True)
class Backed:
    """A farm with backups."""

    lab: Lab
    work: Project
    settings: dict[str, Any]

    @property
    def web(self) -> Host:
        """The web server."""
        return self.lab.host("web1")

    @property
    def database(self) -> Host:
        """The database server."""
        return self.lab.host("db1")

    @property
    def attic(self) -> Path:
        """The repository beside the hub's."""
        return self.work.directory / "attic"

    @property
    def repositories(self) -> Path:
        """The hub's own repositories."""
        return self.work.hub / "backups" / "repositories"

    def write(self) -> None:
        """Write the stack file."""
        self.work.file(STACK).write_text(stack_text(self.settings))

    def edit(self, **backups: Any) -> None:
        """Change keys of `aegir:backups` in the stack file, which has secrets of Pulumi's by now."""
        path = self.work.file(STACK)
        read = yaml.safe_load(path.read_text())
        read["config"]["aegir:backups"].update(backups)
        path.write_text(yaml.safe_dump(read))

    def up(self) -> None:
        """Make it so."""
        self.write()
        self.work.up(STACK)

    def aegir(self, command: str, *words: str, status: int = 0) -> str:
        """Run a command of the command line on the stack; return what it printed."""
        first, *rest = command.split()
        return self.work.aegir(first, *rest, "--stack", STACK, *words, status=status).output

    def backups(self, site: str) -> list[dict[str, Any]]:
        """List a site's backups."""
        listed: list[dict[str, Any]] = json.loads(
            self.work.printed("backups", "--stack", STACK, "--site", site, "--json")
        )
        return listed

    def sql(self, site: str, statement: str) -> str:
        """Ask a site's database."""
        return self.database.run(f"mysql -N {layout.database_name(site)}", input=statement).stdout.strip()

    def files(self, site: str) -> str:
        """Name the directory of a site's uploads."""
        return layout.site_files(ROOT, site)

    def tree(self, site: str) -> str:
        """List a site's files with owners, modes and content.

        But for the directories of a year and a month: WordPress makes them on its own some time after its first page.
        """
        home = layout.site_directory(ROOT, site)
        others = r"! \( -type d -regex 'site/files/[0-9]+\(/[0-9]+\)?' \)"
        look = f"find site/files private config {others} -printf '%p %y %m %U:%G %l\\n' | sort"
        sums = "find site/files private config -type f -exec sha256sum {} + | sort"
        rights = f"find site/files {others} -print0 | sort -z | xargs -0 getfacl -n"
        return self.web.run(f"cd {home}; {look}; {sums}; {rights}").stdout

    def rows(self, site: str) -> str:
        """Sum up a site's tables, but for the one that WordPress writes to as it is asked."""
        name = layout.database_name(site)
        listed = self.sql(site, f"SELECT table_name FROM information_schema.tables WHERE table_schema='{name}' AND "
                                "table_type='BASE TABLE' AND table_name <> 'wp_options' ORDER BY 1").split()  # fmt: skip
        return self.sql(site, "CHECKSUM TABLE " + ", ".join(f"`{table}`" for table in listed))

    @contextmanager
    def client_that(self, does: str) -> Iterator[None]:
        """Let MySQL's client on the database server do something before its own work, for a block of work."""
        text = f'#!/bin/sh\n{does}\nexec /usr/bin/mysql.kept "$@"\n'
        self.database.run(
            "mv /usr/bin/mysql /usr/bin/mysql.kept; cat >/usr/bin/mysql; chmod 755 /usr/bin/mysql", input=text
        )
        try:
            yield
        finally:
            self.database.run("mv /usr/bin/mysql.kept /usr/bin/mysql")

    def status(self, site: str) -> int:
        """Ask the web server for a site's front page."""
        return fetch(self.web, site).status


def stack_text(settings: dict[str, Any]) -> str:
    """Write a stack file."""
    return yaml.safe_dump({"config": {f"aegir:{key}": value for key, value in settings.items()}})


def made(lab: Lab, place: Path, source: Path, sites: dict[str, Any], **backups: Any) -> Backed:
    """Make a farm whose sites are backed up."""
    work = Project(place)
    settings = web_and_database(lab, source=source, sites=sites)
    settings["hub"]["root"] = str(work.hub)
    settings["backups"] = {
        "to": ["hub", "attic"],
        "repositories": {"attic": {"directory": str(place / "attic")}},
        **backups,
    }
    backed = Backed(lab=lab, work=work, settings=settings)
    work.add(STACK, stack_text(settings))
    work.up(STACK)
    return backed


@contextmanager
def s3() -> Iterator[str]:
    """Run an S3 server with a bucket; give its endpoint."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        # What it keeps is the process's, so that it still has the repositories of a file before.
        for method, path in (("POST", "moto-api/reset"), ("PUT", BUCKET)):
            urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{path}", method=method), timeout=10).close()
        yield endpoint
    finally:
        server.stop()
