"""Updates of sites that are written to: nothing is lost, nothing comes twice; and the way back, with the database of before."""

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
from lab import HostSpec, Lab
from tests.integration.farm import fetch
from tests.integration.processes import wait_for
from tests.integration.updating import BESIDE, GOOD, SEVEN, Seven, Visitor, seven_on

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
WRITES = """
  if (isset($_GET['write'])) {
    db_query('CREATE TABLE IF NOT EXISTS {ledger} (word VARCHAR(40) NOT NULL)');
    db_query('INSERT INTO {ledger} (word) VALUES (:word)', array(':word' => $_GET['write']));
    $page['content']['written'] = array('#markup' => '<p>written ' . check_plain($_GET['write']) . '</p>');
  }
"""
SLOWLY = "usleep(1500000);"


@dataclass
class Writer:
    """A client that writes rows by pages of the site, and remembers which were confirmed."""

    seven: Seven
    confirmed: list[str] = field(default_factory=list)
    refused: list[tuple[float, int]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Writer:
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(3)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _write(self, number: int) -> None:
        count = 0
        while not self._over.wait(0.02):
            word = f"w{number}-{count}"
            answer = fetch(self.seven.estate.web, SEVEN, f"/user?write={word}")
            if answer.status == 307:
                continue
            count += 1
            if f"written {word}" in answer.body:
                self.confirmed.append(word)
            else:
                self.refused.append((time.monotonic(), answer.status))


@pytest.fixture(scope="module")
def seven(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Seven:
    lab = lab_factory("written-updates", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    found = seven_on(lab, tmp_path_factory.mktemp("written-updates"))
    found.release(GOOD, page=WRITES)
    found.estate.farm.up()
    return found


def ledger(seven: Seven) -> list[str]:
    """List what the site's database has of the writer."""
    return seven.estate.sql("SELECT word FROM ledger ORDER BY word", SEVEN).split()


def test_a_site_that_is_written_to_is_closed_for_a_moment_and_loses_nothing(seven: Seven) -> None:
    seven.release(GOOD, SLOWLY, page=WRITES)
    with Writer(seven) as writer, Visitor(seven.estate.web, BESIDE, "/user") as other:
        wait_for(lambda: len(writer.confirmed) > 10)
        done = seven.estate.farm.up()
        # Some more with the new release; on a busy machine a page takes long.
        most = max(50, len(writer.confirmed) + 10)
        wait_for(lambda: len(writer.confirmed) > most)
    assert f"200 {seven.number}" == seven.shown()
    assert 7002 == seven.schema()
    words = ledger(seven)
    assert sorted(writer.confirmed) == words, "what was confirmed is there, once"
    assert len(words) > 50
    assert {status for _, status in writer.refused} <= {503}
    assert other.statuses <= {200, 307}
    said = re.search(rf"{SEVEN}: it was written to since its copy; it is closed for about (\d+) s", done.sentence)
    assert said, done.output
    assert re.search(rf"{SEVEN}: 1 updates, rehearsed in [0-9.]+ s, closed for [0-9.]+ s", done.sentence)
    assert "" == seven.estate.left()


def test_the_way_back_has_the_database_of_before_and_keeps_what_was_written_since(seven: Seven) -> None:
    estate, farm = seven.estate, seven.estate.farm
    facts = farm.outputs()["platforms"]["code"]
    there = estate.web.run("ls -1t /var/aegir/platforms/.releases/code | grep -Ex '[0-9a-f]{16}'").stdout.split()
    former = next(name for name in there if not facts["release_path"].endswith(name))
    before = ledger(seven)
    fetch(estate.web, SEVEN, "/user?write=since")
    assert "since" in ledger(seven)

    platform = farm.settings["platforms"]["code"]
    platform |= {"rollback": former}
    refused = farm.preview(ok=False)
    assert "Write database: restore at the platform" in refused.sentence
    platform |= {"database": "restore"}
    done = farm.up()
    assert 7001 == seven.schema()
    assert f"200 {seven.number - 1}" == seven.shown()
    assert re.search(r"has \d+ rows more than before its update.* is \S+\.sql\.gz on the hub", done.sentence), (
        done.output
    )
    assert "since" not in (ledger(seven) if "ledger" in estate.sql("SHOW TABLES", SEVEN) else [])
    kept = next(farm.hub.glob(f"backups/{layout.file_name(SEVEN)}-*.sql.gz"))
    assert kept.stat().st_size > 1000
    assert before
    for key in ("rollback", "database"):
        del platform[key]
    farm.up()
    assert 7002 == seven.schema()
    assert f"200 {seven.number}" == seven.shown()


def test_a_site_that_is_put_on_another_platform_comes_with_its_database(seven: Seven, tmp_path: Path) -> None:
    farm = seven.estate.farm
    newer = Seven(seven.estate, tmp_path / "newer", number=9000)
    shutil.copytree(seven.source, newer.source, symlinks=True)
    had = seven.schema(BESIDE)
    newer.release(*([GOOD] * (had - 7000)), SLOWLY, page=WRITES)
    farm.settings["platforms"]["newer"] = {"server": seven.estate.web.spec.fqdn, "source": str(newer.source)}
    farm.settings["sites"][BESIDE]["platform"] = "newer"
    with Visitor(seven.estate.web, BESIDE, "/user") as visitor:
        done = farm.up()
    assert re.search(rf"{BESIDE}: 1 updates, rehearsed in", done.sentence), done.output
    assert visitor.statuses <= {200, 307}
    assert had + 1 == seven.schema(BESIDE)
    assert f"200 {newer.number}" == seven.shown(BESIDE)
    assert f"200 {seven.number}" == seven.shown()
    farm.unchanged()
    assert [] == farm.drift().drift


def test_a_disabled_site_that_is_put_on_another_platform_is_updated_when_it_is_enabled(
    seven: Seven, tmp_path: Path
) -> None:
    farm = seven.estate.farm
    newest = Seven(seven.estate, tmp_path / "newest", number=9500)
    shutil.copytree(farm.settings["platforms"]["newer"]["source"], newest.source, symlinks=True)
    had = seven.schema(BESIDE)
    newest.release(*([GOOD] * (had - 7000)), GOOD, page=WRITES)
    farm.settings["platforms"]["newest"] = {"server": seven.estate.web.spec.fqdn, "source": str(newest.source)}
    farm.settings["sites"][BESIDE] |= {"platform": "newest", "state": "disabled"}
    farm.up()
    assert had == seven.schema(BESIDE)
    assert 503 == fetch(seven.estate.web, BESIDE, "/user").status

    farm.settings["sites"][BESIDE]["state"] = "enabled"
    farm.up()
    assert had + 1 == seven.schema(BESIDE)
    assert f"200 {newest.number}" == seven.shown(BESIDE)
    farm.unchanged()
