"""What moves and clones cost: a gigabyte between two pairs of servers while it is written to, and a sanitised clone of it.

Beside a move stands what somebody does by hand in the time for which the site is closed: the database from server to server, and
the files that differ.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aegir_components import layout
from benchmarks.timing import timed
from demo import wordpress
from lab import HostSpec, Lab
from tests.integration.farm import Farm, web_and_database
from tests.integration.test_moving import NOTES, PRESS, Estate, Writer

MEGABYTES, FILES, MOMENTS = 1000, 5000, 50
ROW, BYTES = 1_000, 40_000
"""Bytes of a row, and of a file."""
CLONES = {"all data": "none", "sanitised": "standard"}


def main() -> None:
    """Measure, print, and take the hosts down; numbers as arguments: MB of rows, files, moments."""
    given = [int(word) for word in sys.argv[1:4]]
    size, number, moments = (*given, *(MEGABYTES, FILES, MOMENTS)[len(given) :])
    lab = Lab("bench-moves")
    try:
        lab.up([HostSpec(f"{kind}{number}", image=kind) for kind in ("web", "db") for number in (1, 2)])
        with tempfile.TemporaryDirectory(prefix="aegir-bench-") as directory:
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; seconds", flush=True)
            estate = made(lab, Path(directory))
            if moments:
                written(estate, moments)
            if size:
                fill(estate, size, number)
                moved(estate)
                cloned(estate)
    finally:
        lab.down()


def made(lab: Lab, work: Path) -> Estate:
    """Bring up a site on one of two pairs of servers."""
    press = work / "press"
    shutil.copytree(wordpress.code_base(print), press, symlinks=True)
    (press / "wp-content/mu-plugins").mkdir(parents=True, exist_ok=True)
    (press / "wp-content/mu-plugins/notes.php").write_text(NOTES)
    settings = web_and_database(lab, source=press, sites={})
    for name, service in (("web2", {"web": "nginx"}), ("db2", {"database": "mysql"})):
        settings["servers"][lab.host(name).spec.fqdn] = {"address": lab.host(name).address, "services": service}
    settings["platforms"] = {
        f"press-{web}": {"server": lab.host(web).spec.fqdn, "source": str(press)} for web in ("web1", "web2")
    }
    database = {"server": lab.host("db1").spec.fqdn, "rights": []}
    settings["sites"] = {PRESS: {"platform": "press-web1", "database": database, "cron": "off", "forward": "off"}}
    estate = Estate(Farm(work / "farm", settings), lab, press)
    estate.farm.up(timeout=900)
    estate.sql(PRESS, "db1", "CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, note INT NOT NULL) ENGINE=InnoDB")
    return estate


def written(estate: Estate, moments: int) -> None:
    """Let the site move to and fro while somebody writes to it all the time, and look for each confirmed row and file."""
    closed, taken = [], []
    with Writer([estate.host("web1"), estate.host("web2")]) as writer:
        for number in range(moments):
            time.sleep(random.uniform(0, 1))  # noqa: S311 - no secret
            here = 2 - number % 2
            estate.place(PRESS, f"web{here}", f"db{here}")
            begun = time.monotonic()
            said = estate.farm.up(timeout=900).sentence
            taken.append(time.monotonic() - begun)
            closed.append(_closed(said))
    there = 2 - (moments - 1) % 2
    rows = estate.sql(PRESS, f"db{there}", "SELECT note FROM notes").split()
    files = set(estate.host(f"web{there}").run(f"ls {layout.site_files(layout.PLATFORMS_ROOT, PRESS)}").stdout.split())
    lost = {*map(str, writer.confirmed)} - {*rows}
    gone = [note for note in writer.confirmed if f"note-{note}.txt" not in files]
    print(
        f"{moments} moves, {len(writer.confirmed)} confirmed writes: {len(lost)} rows and {len(gone)} files lost, "
        f"{len(rows) - len(set(rows))} rows doubled; closed for {statistics.median(closed):.1f} (median), "
        f"{max(closed):.1f} at most; a run took {statistics.median(taken):.1f}",
        flush=True,
    )


def fill(estate: Estate, size: int, number: int) -> None:
    """Give the site rows and files, wherever it is."""
    web, database = _place(estate)
    estate.sql(PRESS, database, "CREATE TABLE wp_many (id int AUTO_INCREMENT PRIMARY KEY, t text, k int)")
    chance = random.Random(7)  # noqa: S311 - no secret
    for _ in range(size * 1_000_000 // ROW // 10_000):
        values = ",".join(f"('{chance.randbytes(ROW // 2).hex()}',{chance.randrange(1000)})" for _ in range(10_000))
        estate.sql(PRESS, database, f"INSERT INTO wp_many (t, k) VALUES {values}")  # noqa: S608 - digits
    files, user = layout.site_files(layout.PLATFORMS_ROOT, PRESS), layout.system_user(PRESS)
    estate.host(web).run(
        f"seq {number} | while read n; do d={files}/$((n % 50)); mkdir -p $d; head -c {BYTES} /dev/urandom >$d/$n; done; "
        f"chown -R {user}: {files}",
        timeout=900,
    )


def moved(estate: Estate) -> None:
    """Compare the time for which the site is closed with the copy by hand of what has to be copied then."""
    web, database = _place(estate)
    other = {"1": "2", "2": "1"}
    estate.place(PRESS, f"web{other[web[-1]]}", f"db{other[database[-1]]}")
    by_hand = timed(lambda: _copy(estate, database))
    begun = time.monotonic()
    closed = _closed(estate.farm.up(timeout=3600).sentence)
    whole = time.monotonic() - begun
    print(
        f"a move of all of it: {whole:.1f}, closed for {closed:.1f}; the database from server to server by hand {by_hand:.1f}: "
        f"{closed / by_hand:.2f} times",
        flush=True,
    )


def cloned(estate: Estate) -> None:
    """Compare a sanitised clone with one that has all data."""
    web, database = _place(estate)
    estate.farm.settings["sanitise"] = {"wp_many": "keep", "notes": "keep"}
    took = {}
    for name, sanitise in CLONES.items():
        site = f"{sanitise}.example.com"
        estate.farm.settings["sites"][site] = {
            "platform": f"press-{web}", "database": {"server": estate.host(database).spec.fqdn, "rights": []},
            "origin": {"site": PRESS, "sanitise": sanitise}, "cron": "off",
        }  # fmt: skip
        took[name] = timed(lambda: estate.farm.up(timeout=3600))
        print(f"a clone with {name}: {took[name]:.1f}", flush=True)
    print(f"sanitised: {took['sanitised'] / took['all data']:.2f} times")


def _copy(estate: Estate, database: str) -> None:
    """Stream the database into a scratch one on the other server, by the hub."""
    there = {"db1": "db2", "db2": "db1"}[database]
    estate.host(there).run("mariadb -e 'CREATE DATABASE by_hand'")
    shell = ["ssh", "-i", str(estate.lab.identity), "-o", f"UserKnownHostsFile={estate.lab.known_hosts}"]
    dump = [*shell, f"root@{estate.host(database).address}"]
    dump.append(f"mysqldump --single-transaction --quick {layout.database_name(PRESS)}")
    load = [*shell, f"root@{estate.host(there).address}", "mysql by_hand"]
    with subprocess.Popen(dump, stdout=subprocess.PIPE) as source:
        subprocess.run(load, stdin=source.stdout, check=True, timeout=3600)
    estate.host(there).run("mariadb -e 'DROP DATABASE by_hand'")


def _place(estate: Estate) -> tuple[str, str]:
    """Give the names of the web server and of the database server that have the site."""
    entry = estate.farm.settings["sites"][PRESS]
    return str(entry["platform"]).partition("-")[2], str(entry["database"]["server"]).partition(".")[0]


def _closed(said: str) -> float:
    found = re.findall(r"It was closed for ([0-9.]+) s", said)
    return float(found[-1])


if __name__ == "__main__":
    main()
