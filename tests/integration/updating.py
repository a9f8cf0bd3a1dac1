"""Sites whose updates are watched: by visitors, and in their databases."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration.farm import Farm, fetch, web_and_database

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]


@dataclass
class Estate:
    farm: Farm
    web: Host
    database: Host

    def sql(self, statement: str, site: str) -> str:
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


SEVEN, BESIDE = "seven.example.com", "beside.example.com"
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

    def enable(self, site: str) -> None:
        """Enable the module in a site, as an administrator does."""
        self.php(site, 'module_enable(array("tryout")); drupal_flush_all_caches();')
        assert self.shown(site) == f"200 {self.number}"
        assert self.schema(site) >= 7001

    def php(self, site: str, text: str) -> str:
        """Run PHP in a site's application, with the release that it is on."""
        begin = (
            f'define("DRUPAL_ROOT", getcwd()); $_SERVER["HTTP_HOST"] = "{site}"; $_SERVER["REMOTE_ADDR"] = "127.0.0.1"; '
            '$_SERVER["SCRIPT_NAME"] = "/index.php"; $_SERVER["REQUEST_METHOD"] = "GET"; '
            'require "includes/bootstrap.inc"; drupal_bootstrap(DRUPAL_BOOTSTRAP_FULL);'
        )
        user = layout.system_user(site)
        command = f"cd $(readlink /var/aegir/platforms/code) && AEGIR_SITE={site} runuser -u {user} -- php"
        return self.estate.web.run(command, input=f"<?php {begin} {text}").stdout


def seven_on(lab: Lab, directory: Path) -> Seven:
    """Make two Drupal 7 sites with the module, on `web1` and `db1` of a lab."""
    source = directory / "code"
    shutil.copytree(codebases.ask("drupal7"), source, symlinks=True)
    farm = Farm(directory / "farm", web_and_database(lab, source=source, sites={}))
    found = Seven(Estate(farm, lab.host("web1"), lab.host("db1")), source)
    found.release(GOOD)
    for site in (SEVEN, BESIDE):
        farm.settings["sites"][site] = {"platform": "code", "profile": "minimal", "cron": "off"}
    farm.up(timeout=400)
    for site in (SEVEN, BESIDE):
        found.enable(site)
    return found
