"""What updates of databases cost: twenty sites with pending updates, beside core's own update in a loop on the live databases.

The loop is what `drush deploy` does in one: the same functions of core's, on the live database, the site open or in maintenance.
It has no copy, no way back, and asks no page. Three side by side is the usual improvement.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from aegir_components import layout
from aegir_components.applications import APPLICATIONS
from aegir_components.applications.base import program
from aegir_components.health import probe
from benchmarks.timing import timed
from lab import HostSpec, Lab
from tests.integration.farm import fetch
from tests.integration.updating import GOOD, SEVEN, Seven, seven_on

SITES = 20
MOMENTS = 20
MEGABYTES = 2000
KILLS = 20
WRITTEN = """
      if (isset($_GET['write'])) {
        db_query('CREATE TABLE IF NOT EXISTS {ledger} (word VARCHAR(40) NOT NULL)');
        foreach (explode(',', $_GET['write']) as $word) {
          db_query('INSERT INTO {ledger} (word) VALUES (:word)', array(':word' => $word));
        }
        $page['content']['written'] = array('#markup' => '<p>written</p>');
      }
    """
"""A page that keeps each word that it is given."""


def main() -> None:
    """Measure, print, and take the hosts down; numbers as arguments: sites, moments, MB of the large table, killed runs."""
    given = [int(word) for word in sys.argv[1:5]]
    number, moments, size, kills = (*given, *(SITES, MOMENTS, MEGABYTES, KILLS)[len(given) :])
    lab = Lab("bench-updates")
    try:
        lab.up([HostSpec("web1", image="web"), HostSpec("db1", image="db")])
        with tempfile.TemporaryDirectory(prefix="aegir-bench-") as directory:
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; seconds")
            seven = seven_on(lab, Path(directory))
            if size:
                large(seven, size)
            if moments:
                written(seven, moments)
            if kills:
                killed(seven, kills)
            if number:
                many(seven, number)
    finally:
        lab.down()


def large(seven: Seven, size: int) -> None:
    """Update a site with a large table, and look how much memory that takes on the hub and on the database server."""
    estate = seven.estate
    rows = f"INSERT INTO bulk SELECT REPEAT(MD5(RAND()), 31250) FROM seq_1_to_{size}"  # noqa: S608 - a number
    estate.database.run(f"mariadb {layout.database_name(SEVEN)}", timeout=900,
                        input=f"CREATE TABLE bulk (b LONGTEXT); {rows}")  # fmt: skip
    seven.release(*([GOOD] * (seven.schema() - 7000)), GOOD)
    most = {"mysqldump and mysql": 0, "processes of the hub": 0}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            there = estate.database.run("ps -C mysqldump,mariadb-dump,mysql,mariadb -o rss= || true").stdout.split()
            here = _memory_of_children(os.getpid())
            for what, found in zip(most, (sum(map(int, there)), here), strict=True):
                most[what] = max(most[what], found)

    watcher = threading.Thread(target=watch)
    watcher.start()
    took = timed(lambda: estate.farm.up(timeout=3600))
    over.set()
    watcher.join()
    peaks = ", ".join(f"{what} {kilobytes >> 10} MB" for what, kilobytes in most.items())
    print(f"a table of {size} MB: the run took {took:.0f} s; memory at most: {peaks}")
    estate.sql("DROP TABLE bulk", SEVEN)


def _memory_of_children(process: int) -> int:
    """Give what the largest process below one has in memory, in kB."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in listed.splitlines()]
    below, most = {process}, 0
    for pid, parent, memory in sorted(rows):
        if parent in below:
            below.add(pid)
            most = max(most, memory)
    return most


def many(seven: Seven, number: int) -> None:
    """Compare the update of many sites with loops."""
    farm, names = seven.estate.farm, [f"b{each}.example.com" for each in range(number)]
    for name in names:
        farm.settings["sites"][name] = {"platform": "code", "profile": "minimal", "cron": "off"}
    farm.up(timeout=3600)
    for name in names:
        seven.enable(name)
    every = [*names, *(site for site in farm.settings["sites"] if site not in names)]
    had = seven.schema(names[0])
    seven.release(*([GOOD] * (had - 7000)), GOOD)
    ours = timed(lambda: farm.up(timeout=3600))
    print(f"{len(every)} sites of Drupal 7, one update each: ours, all of the run {ours:.1f}")
    seven.release(*([GOOD] * (had - 6999)), GOOD)
    farm.settings["platforms"]["code"] |= {"update": [], "health": False}
    print(f"the release alone, nobody asked and nothing updated: {timed(lambda: farm.up(timeout=3600)):.1f}")
    for side in (1, 3):
        for name in every if side > 1 else ():
            seven.estate.sql("UPDATE system SET schema_version = schema_version - 1 WHERE name = 'tryout'", name)
        took = timed(partial(loop, seven, every, side))
        print(f"core's own update in a loop, {side} at a time: {took:.1f}")
    farm.settings["platforms"]["code"] = {
        key: value for key, value in farm.settings["platforms"]["code"].items() if key not in ("update", "health")
    }


def loop(seven: Seven, sites: list[str], side: int) -> None:
    """Update sites on their live databases."""
    docroot = seven.estate.web.run("readlink /var/aegir/platforms/code").stdout.strip()

    def one(site: str) -> None:
        for _, told, files in APPLICATIONS["drupal7"].update:
            text = program({"host": site, "url": f"http://{site}", **told}, *files)
            command = f"AEGIR_SITE={site} AEGIR_DOCROOT={docroot} runuser -u {layout.system_user(site)} -- php"
            said = seven.estate.web.run(command, input=text).stdout
            assert "::done" in said, said[-500:]

    with ThreadPoolExecutor(max_workers=side) as pool:
        list(pool.map(one, sites))


@dataclass
class Writer:
    """Writes fifty rows a second to a site, by its pages, and knows which were confirmed."""

    seven: Seven
    confirmed: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    name: str = field(default_factory=lambda: secrets.token_hex(3))
    """No other one writes the same words: the ledger has those of all."""

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Write while a block of work goes on."""
        over = threading.Event()
        thread = threading.Thread(target=self._write, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _write(self, over: threading.Event) -> None:
        while not over.wait(0.1):
            words = [f"{self.name}-{next(self.numbers)}" for _ in range(5)]
            try:
                answer = fetch(self.seven.estate.web, SEVEN, f"/user?write={','.join(words)}")
            except (OSError, probe.NoAnswer):
                continue
            if "<p>written</p>" in answer.body:
                self.confirmed.extend(words)

    def told(self) -> str:
        """Say how many of the confirmed rows there are, and how many of them are lost or doubled."""
        there = self.seven.estate.sql(f"SELECT word FROM ledger WHERE word LIKE '{self.name}-%'", SEVEN).split()  # noqa: S608 - a word of our own
        lost, doubled = len(set(self.confirmed) - set(there)), len(there) - len(set(there))
        return f"{len(self.confirmed)} rows confirmed, {lost} lost, {doubled} doubled"


def written(seven: Seven, moments: int) -> None:
    """Write fifty rows a second to a site while its release is switched with an update."""
    seven.release(*([GOOD] * (seven.schema() - 7000)), page=WRITTEN)
    seven.estate.farm.up()
    writer, closed = Writer(seven), []
    for _ in range(moments):
        seven.release(*([GOOD] * (seven.schema() - 7000)), GOOD, page=WRITTEN)
        with writer.at_work():
            said = seven.estate.farm.up().sentence
        found = re.search(rf"{SEVEN}: \d+ updates, rehearsed in [0-9.]+ s, closed for ([0-9.]+) s", said)
        closed.append(float(found[1]) if found else 0.0)
    print(
        f"{moments} updates under 50 rows a second: {writer.told()}; "
        f"closed for {statistics.median(closed):.1f} s, at most {max(closed):.1f} s"
    )


def killed(seven: Seven, kills: int) -> None:
    """Kill runs with an update at any moment, while the site is written to; the next run has to bring all to its end."""
    seven.release(*([GOOD] * (seven.schema() - 7000)), page=WRITTEN)
    farm, writer, chance = seven.estate.farm, Writer(seven), random.Random(kills)  # noqa: S311 - moments, not secrets
    farm.up()
    seven.release(*([GOOD] * (seven.schema() - 7000)), GOOD, page=WRITTEN)
    whole, stuck = timed(farm.up), 0
    for _ in range(kills):
        had = seven.schema()
        seven.release(*([GOOD] * (had - 7000)), GOOD, page=WRITTEN)
        with writer.at_work():
            running = farm.start("up", "--yes", "--skip-preview")
            time.sleep(chance.uniform(0, 1.2 * whole))
            running.kill()
            farm.cancel()
            farm.up()
        want, found = (had + 1, f"200 {seven.number}", ""), (seven.schema(), seven.shown(), seven.estate.left())
        stuck += want != found
        if want != found:
            print(f"not repaired: {found}, and it should be {want}")
    print(
        f"{kills} runs killed at any moment under 50 rows a second: {writer.told()}; not repaired by the next run: {stuck}"
    )


if __name__ == "__main__":
    main()
