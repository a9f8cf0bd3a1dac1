"""A site gets another release with its database: rehearsed, exchanged, proven; or it stays as it was, and says why."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

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


SEVEN = "seven.example.com"
BESIDE = "beside.example.com"
INFO = "name = Tryout\ncore = 7.x\n"
MODULE = """<?php
function tryout_page_alter(&$page) {
  $page['content']['tryout'] = array('#markup' => '<p>tryout ' . TRYOUT . '</p>');
%s
}
define('TRYOUT', %s);
"""
GOOD = (
    """db_merge('variable')->key(array('name' => 'tryout'))->fields(array('value' => serialize('yes')))->execute();"""
)
FAILING = {
    "it throws": ("throw new Exception('no such column in <b>the shop</b>');", "no such column in the shop"),
    "it is a type error": ("strlen(array());", "strlen"),
    "a table is missing": ("db_query('SELECT * FROM {tryout_none}')->fetchAll();", "tryout_none"),
    "it ends the program": ("exit(0);", "ended before it was done"),
    "it prints and ends": ("echo \"\\x1b[31m\\x00\\xff\" . str_repeat('x', 200000); exit(3);", "ended with status 3"),
    "it needs more memory than there is": (
        "ini_set('memory_limit', '32M'); $all = array(); while (TRUE) { $all[] = str_repeat('x', 100000); }",
        "Allowed memory size",
    ),
    "it never ends": ("while (TRUE) { usleep(1000); }", "did not end within 15 s"),
    "it claims to be done": ('echo "\\n::done\\n"; exit(0);', "still lacks tryout_update_7002"),
    "it says that it goes on for ever": ("$sandbox['#finished'] = 0;", "did not end within 15 s"),
}


@dataclass
class Seven:
    """Drupal 7 with a module of ours, whose releases bring updates."""

    estate: Estate
    source: Path
    number: int = 7000

    def release(self, *updates: str, page: str = "") -> None:
        """Write a release: each update is one function's body; ``page`` is PHP that every page runs."""
        self.number += 1
        place = self.source / "sites/all/modules/tryout"
        place.mkdir(parents=True, exist_ok=True)
        (place / "tryout.info").write_text(INFO)
        (place / "tryout.module").write_text(MODULE % (page, self.number))
        functions = [
            f"function tryout_update_{7001 + index}(&$sandbox) {{ {body} }}\n" for index, body in enumerate(updates)
        ]
        (place / "tryout.install").write_text("<?php\n" + "".join(functions))

    def shown(self, site: str = SEVEN) -> str:
        """Give which release a page of a site is made by, past caches."""
        answer = fetch(self.estate.web, site, f"/?{time.monotonic_ns()}")
        found = re.search(r"tryout (\d+)", answer.body)
        return f"{answer.status} {found[1] if found else ''}".strip()

    def schema(self, site: str = SEVEN) -> int:
        """Give which update of the module a site's database has had last."""
        return int(self.estate.sql("SELECT schema_version FROM system WHERE name = 'tryout'", site))


@pytest.fixture(scope="module")
def seven(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Seven:
    source = tmp_path_factory.mktemp("seven") / "code"
    shutil.copytree(codebases.ask("drupal7"), source, symlinks=True)
    found = Seven(estate, source)
    found.release(GOOD)
    farm = estate.farm
    farm.settings["platforms"]["seven"] = {
        "server": estate.web.spec.fqdn,
        "source": str(source),
        "update": ["database"],
    }
    for site in (SEVEN, BESIDE):
        farm.settings["sites"][site] = {"platform": "seven", "profile": "minimal", "cron": "off"}
    farm.up(timeout=400)
    for site in (SEVEN, BESIDE):
        user = layout.system_user(site)
        estate.web.run(
            f"cd $(readlink /var/aegir/platforms/seven) && AEGIR_SITE={site} runuser -u {user} -- php -r '"
            f'define("DRUPAL_ROOT", getcwd()); $_SERVER["HTTP_HOST"] = "{site}"; $_SERVER["REMOTE_ADDR"] = "127.0.0.1";'
            f'$_SERVER["SCRIPT_NAME"] = "/index.php"; $_SERVER["REQUEST_METHOD"] = "GET"; require "includes/bootstrap.inc";'
            f'drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL); module_enable(array("tryout")); drupal_flush_all_caches();\''
        )
        assert found.shown(site) == f"200 {found.number}"
        assert 7001 == found.schema(site)
    return found


def test_failing_updates_never_reach_a_visitor_and_each_is_told_with_its_reason(seven: Seven) -> None:
    farm, before = seven.estate.farm, seven.number
    farm.settings["platforms"]["seven"]["update"] = ["database"]
    # The other site has had the update already: by hand, with newer code.
    seven.estate.sql("UPDATE system SET schema_version = 7002 WHERE name = 'tryout'", BESIDE)
    farm.settings["sites"][SEVEN]["update"] = ["database", {"command": "true", "seconds": 15}]
    for name, (body, says) in FAILING.items():
        seven.release(GOOD, body)
        with Visitor(seven.estate.web, SEVEN, "/user") as visitor:
            done = farm.up(ok=False)
        assert visitor.statuses == {200}, name
        assert f"200 {before}" == seven.shown(), name
        assert f"200 {seven.number}" == seven.shown(BESIDE), name
        assert 7001 == seven.schema(), name
        assert says in done.sentence, f"{name}: {done.output[-3000:]}"
        assert "1 site is held back" in done.sentence, name
        assert "\x1b" not in done.output
        assert "" == seven.estate.left(), name
