"""A site gets another release with its database: rehearsed, exchanged, proven; or it stays as it was, and says why."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration.farm import Farm, fetch, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITE = "drupal.example.com"
OTHER = "other.example.com"


@dataclass
class Estate:
    farm: Farm
    web: Host
    database: Host

    def sql(self, statement: str, site: str = SITE) -> str:
        """Ask a site's database as root."""
        return self.database.run(f"mariadb -N {layout.database_name(site)}", input=statement).stdout.strip()

    def release_of(self, site: str) -> str:
        """Give the document root that a site's programs take, and the one of its platform."""
        held = self.web.run(f"cat {layout.held_file(site)} 2>/dev/null || true").stdout.strip()
        return held.partition("=")[2]

    def left(self) -> str:
        """Name what an update has left on the machines."""
        asked = "SHOW DATABASES LIKE 'aegirnew%'; SELECT user FROM mysql.user WHERE user LIKE 'aegirnew%';"
        places = "/var/lib/aegir/updating /var/lib/aegir/closed /var/lib/aegir/rehearsal /run/aegir/updates"
        return (
            self.database.run("mariadb -N", input=asked).stdout
            + self.web.run(f"find {places} -mindepth 1 2>/dev/null || true").stdout.strip()
        )


@dataclass
class Visitor:
    """Somebody who looks at a page again and again."""

    host: Host
    site: str
    path: str = "/user/login"
    answers: list[tuple[float, int, float]] = field(default_factory=list)
    """When, with which status, and after how many seconds."""
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Visitor:
        self._thread = threading.Thread(target=self._visit)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        assert self._thread is not None
        self._thread.join(60)

    def _visit(self) -> None:
        while not self._over.wait(0.1):
            begun = time.monotonic()
            answer = fetch(self.host, self.site, self.path)
            self.answers.append((begun, answer.status, time.monotonic() - begun))

    @property
    def statuses(self) -> set[int]:
        """All statuses that it got."""
        return {status for _, status, _ in self.answers}


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    former, _ = codebases.ask("drupal10"), codebases.ask("drupal10-next")
    lab = lab_factory("rollout", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    farm = Farm(tmp_path_factory.mktemp("rollout"), web_and_database(lab, source=former, sites={}))
    for site in (SITE, OTHER):
        farm.settings["sites"][site] = {"platform": "code", "profile": "minimal", "cron": "off"}
    farm.up(timeout=400)
    return Estate(farm, lab.host("web1"), lab.host("db1"))


def test_a_quiet_site_gets_code_and_database_and_nobody_is_sent_away(estate: Estate) -> None:
    farm = estate.farm
    farm.settings["platforms"]["code"]["source"] = str(codebases.ask("drupal10-next"))
    assert "their databases are updated with it" in farm.preview().output
    with Visitor(estate.web, SITE) as visitor:
        done = farm.up(timeout=500)
    assert visitor.statuses <= {200, 307}
    assert "" == estate.release_of(SITE)
    for site in (SITE, OTHER):
        assert 200 == fetch(estate.web, site, "/user/login").status
        assert re.search(rf"{site}: \d+ updates, rehearsed in", done.output)
    assert "" == estate.left()
    farm.unchanged()
    assert [] == farm.drift().drift
