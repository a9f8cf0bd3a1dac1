"""Backups and restores, beside mysqldump, gzip and rsync by hand: a gigabyte with 5,000 files, 30 days, and many small sites."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from aegir_components import layout
from demo import wordpress
from lab import Host, HostSpec, Lab
from tests.integration.backing import Backed, made

SITE = "www.example.com"
FILE, ROW = 40_000, 1_000
"""Bytes of a file, and of a row."""
FILES, ROWS = 5_000, 800_000
"""How many there are, without ``--part``."""
MANY = 100
BESIDE = 3
"""Sites that are as large as the one that is measured alone, and backed up side by side."""
DRILLED = 20
"""Sites of the server whose loss is exercised."""


def main() -> None:
    """Measure, print, and take the hosts down."""
    lab = Lab("bench-backups")
    try:
        lab.up([HostSpec("web1", image="web"), HostSpec("db1", image="db")])
        with tempfile.TemporaryDirectory(prefix="aegir-bench-") as directory:
            scaled(float(sys.argv[sys.argv.index("--part") + 1]) if "--part" in sys.argv else 1.0)
            sites: dict[str, dict[str, bool]] = {SITE: {}}
            work = measure
            if "--many" in sys.argv:
                work, sites = measure_many, {name: {"install": False} for name in names(MANY)}
            if "--side-by-side" in sys.argv:
                work, sites = measure_beside, {name: {} for name in names(BESIDE)}
            if "--drill" in sys.argv:
                work, sites = drill, {name: {} for name in names(DRILLED)}
            farm = made(lab, Path(directory), wordpress.code_base(print), sites, to=["hub"])
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            work(farm)
    finally:
        lab.down()


def scaled(part: float) -> None:
    """Measure with a part of the rows, files and sites: ``--part 0.1`` is a hundred megabytes, ten sites, or two."""
    globals().update(
        FILES=int(FILES * part), ROWS=int(ROWS * part) // 10_000 * 10_000, MANY=max(1, int(MANY * part)),
        DRILLED=max(1, int(DRILLED * part)),
    )  # fmt: skip


def names(number: int) -> list[str]:
    """Name so many sites."""
    return [f"s{one}.example.com" for one in range(number)]


def measure(farm: Backed) -> None:
    """Compare with the way by hand."""
    fill(farm)
    hand = farm.work.directory / "by-hand"
    hand.mkdir()
    row(farm, "first backup by hand", lambda: save_by_hand(farm, hand))
    row(farm, "first backup, proof apart", lambda: farm.aegir("backup", SITE), details=True)
    change(farm)
    row(farm, "next backup by hand", lambda: save_by_hand(farm, hand))
    row(farm, "next backup, proof apart", lambda: farm.aegir("backup", SITE), details=True)
    good = farm.backups(SITE)[-1]["id"]
    # In turn, so that other work on the machine falls on both.
    for _ in range(3):
        row(farm, "restore by hand", lambda: restore_by_hand(farm, hand))
        said: list[str] = []
        row(
            farm,
            "restore, with the backup of before and its proof",
            lambda said=said: said.append(farm.aegir("restore", SITE, "--backup", good, "--yes")),  # type: ignore[misc]
        )
        print(re.findall("The restore took .*", said[0])[-1], flush=True)
    if "--days" in sys.argv:
        days(farm)


def days(farm: Backed, number: int = 30) -> None:
    """Back up 30 days with a change of one percent each, and print what the repository holds then."""
    before = size(farm.repositories)
    for _ in range(number):
        change(farm)
        farm.aegir("backup", SITE, "--note", "a day")
    last = farm.backups(SITE)[-1]["size"]
    after = size(farm.repositories)
    print(f"{number} days with 1 % changed: {after / 1e6:,.0f} MB, of which {(after - before) / 1e6:,.0f} MB for the days; "
          f"{last / 1e6:,.0f} MB each")  # fmt: skip


def measure_many(farm: Backed) -> None:
    """Back up many small sites twice; say what that takes of the servers' processors."""
    for name in ("first night", "next night"):
        row(farm, f"{name}, {MANY} sites", lambda: farm.aegir("backup --all"))
        print(f"  {size(farm.repositories) / 1e6:,.0f} MB in {MANY} repositories", flush=True)


def measure_beside(farm: Backed) -> None:
    """Back up several sites of the whole size at once, twice."""
    for site in names(BESIDE):
        fill(farm, site)
    row(farm, f"first backup of {BESIDE} sites", lambda: farm.aegir("backup --all"))
    for site in names(BESIDE):
        change(farm, site)
    row(farm, f"next backup of {BESIDE} sites", lambda: farm.aegir("backup --all"))


def drill(farm: Backed) -> None:
    """Lose what a web server and a database server have of all sites, and bring it back."""
    sites = list(farm.settings["sites"])
    for site in sites:
        farm.web.run(f"head -c 2000000 /dev/urandom >{farm.files(site)}/photo.jpg")
    row(farm, f"backup of {DRILLED} sites", lambda: farm.aegir("backup --all"))
    for site in sites:
        farm.sql(site, "DROP TABLE wp_posts, wp_options")
        farm.web.run(f"rm {farm.files(site)}/photo.jpg")
    for option in ("--database-server db1.lab.test", "--server web1.lab.test"):
        said: list[str] = []
        row(
            farm,
            f"restore {option}",
            lambda said=said, option=option: said.append(farm.aegir(f"restore {option}", "--yes")),  # type: ignore[misc]
        )
        took = [int(one) for one in re.findall(r"The restore took (\d+) s", said[0])]
        closed = [int(one) for one in re.findall(r"was closed for (\d+) s", said[0])]
        print(f"  {len(took)} sites, each {min(took)} to {max(took)} s, closed for {min(closed)} to {max(closed)} s")
    print(f"{sum(farm.status(site) == 200 for site in sites)} of {DRILLED} sites answer")


def processors(farm: Backed) -> dict[str, float]:
    """Give the seconds of the processors that the hub's programs and each server have taken."""
    count = (
        "cd /sys/fs/cgroup; if [ -e cpuacct/cpuacct.usage ]; then awk '{ print $1 / 1e9 }' cpuacct/cpuacct.usage; "
        "else awk '/^usage_usec/ { print $2 / 1e6 }' cpu.stat; fi"
    )
    hub = os.times()
    took = {host.name: float(host.run(count).stdout) for host in (farm.web, farm.database)}
    return {"hub": hub.children_user + hub.children_system, **took}


def row(farm: Backed, name: str, work: Callable[[], object], *, details: bool = False) -> None:
    """Print the seconds of some work, those of the processors, and the most memory that our processes had meanwhile.

    Seconds of the processors say the same on a machine that others use as well.
    """
    most, end = [0], threading.Event()
    watcher = threading.Thread(target=watch, args=(most, end), daemon=True)
    watcher.start()
    before, begun = processors(farm), time.monotonic()
    work()
    seconds, now = time.monotonic() - begun, processors(farm)
    end.set()
    watcher.join()
    parts = ""
    if details:
        last = farm.backups(SITE)[-1]
        parts = f", of which made {last['seconds']:.1f} s, proven {last['proof']['seconds']:.1f} s"
        parts += f", added {last['added'] / 1e6:,.0f} MB"
    took = ", ".join(f"{host} {now[host] - before[host]:.1f} s" for host in now)
    print(f"{name}: {seconds:.1f} s{parts}; processor {took}; memory {most[0] >> 10} MB", flush=True)


def watch(most: list[int], end: threading.Event) -> None:
    """Note the most memory, in kilobytes, that restic and the programs that feed it have together, by their share of pages."""
    while not end.wait(0.1):
        used = 0
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                name = command.read_bytes()
                if b"restic" not in name.split(b"\0")[0] and b"snapshots.produce" not in name:
                    continue
                shares = command.with_name("smaps_rollup").read_text()
            except OSError:
                continue
            used += sum(int(line.split()[1]) for line in shares.splitlines() if line.startswith("Pss:"))
        most[0] = max(most[0], used)


def fill(farm: Backed, site: str = SITE) -> None:
    """Give a site a gigabyte."""
    chance = random.Random(7)  # noqa: S311 - no secret
    farm.sql(site, "CREATE TABLE many (id int AUTO_INCREMENT PRIMARY KEY, t text, k int)")
    words = [chance.randbytes(ROW // 4).hex() for _ in range(200)]
    for _ in range(ROWS // 10_000):
        texts = (f"{chance.choice(words)}{chance.randbytes(ROW // 4).hex()}" for _ in range(10_000))
        values = ",".join(f"('{text}',{chance.randrange(1000)})" for text in texts)
        statement = f"INSERT INTO many (t, k) VALUES {values}"  # noqa: S608 - numbers and digits
        farm.database.run(f"mysql {layout.database_name(site)}", input=statement)
    user, files = layout.system_user(site), farm.files(site)
    farm.web.run(
        f"seq {FILES} | while read n; do d={files}/$((n % 50)); mkdir -p $d; head -c {FILE} /dev/urandom >$d/$n; done; "
        f"chown -R {user}: {files}"
    )


def change(farm: Backed, site: str = SITE) -> None:
    """Change one percent: rows that lie together, as those of a day do, and files."""
    middle = ROWS // 2
    rows = f"id BETWEEN {middle} AND {middle + ROWS // 100}"
    farm.sql(site, f"UPDATE many SET k = k + 1, t = REVERSE(t) WHERE {rows}")  # noqa: S608 - numbers
    put = f'head -c {FILE} /dev/urandom >"{farm.files(site)}/$((n % 50))/$n"'
    farm.web.run(f"for n in $(seq {FILES // 100}); do {put}; done")


def save_by_hand(farm: Backed, place: Path) -> None:
    """Dump and compress the database, and copy the files."""
    name = layout.database_name(SITE)
    ssh = _ssh(farm, farm.database)
    with (place / "dump.sql.gz").open("wb") as out:
        subprocess.run(
            [*ssh, f"mysqldump --single-transaction --quick {name} | gzip"], stdout=out, check=True, timeout=600
        )
    _rsync(farm, f"root@{farm.web.address}:{layout.site_linked(layout.PLATFORMS_ROOT, SITE)}/", f"{place}/files/")


def restore_by_hand(farm: Backed, place: Path) -> None:
    """Load the dump, and copy the files back."""
    ssh = _ssh(farm, farm.database)
    with (place / "dump.sql.gz").open("rb") as dump:
        subprocess.run([*ssh, f"gunzip | mysql {layout.database_name(SITE)}"], stdin=dump, check=True, timeout=1200)
    _rsync(farm, f"{place}/files/", f"root@{farm.web.address}:{layout.site_linked(layout.PLATFORMS_ROOT, SITE)}/")


def _ssh(farm: Backed, host: Host) -> list[str]:
    lab = farm.lab
    return ["ssh", "-i", str(lab.identity), "-o", f"UserKnownHostsFile={lab.known_hosts}", f"root@{host.address}"]


def _rsync(farm: Backed, source: str, target: str) -> None:
    shell = " ".join(_ssh(farm, farm.web)[:-1])
    subprocess.run(["rsync", "-aA", "--delete", "-e", shell, source, target], check=True, timeout=600)


def size(place: Path) -> int:
    """Sum up the bytes of a directory's files."""
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
