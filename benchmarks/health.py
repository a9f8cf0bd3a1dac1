"""What it costs to ask every site whether it works: a release for a hundred sites on two web servers, with and without."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import timed
from demo import wordpress
from lab import Host, HostSpec, Lab
from lab.laboratory import say_to_stderr
from tests.integration.farm import Config, Farm, hub_settings

SITES = 100
TIMES = 3


def main() -> None:
    """Measure, print, and take the hosts down; a number as the argument is that of the sites."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SITES
    lab = Lab("bench-health")
    try:
        lab.up([HostSpec("web1", image="web"), HostSpec("web2", image="web"), HostSpec("db1", image="db")])
        with tempfile.TemporaryDirectory(prefix="aegir-bench-") as directory:
            measure(lab, Path(directory), number)
    finally:
        lab.down()


def measure(lab: Lab, directory: Path, number: int) -> None:
    """Print the figures."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; seconds")
    code = directory / "code"
    subprocess.run(["cp", "-a", str(wordpress.code_base(say_to_stderr)), str(code)], check=True)
    farm = Farm(directory / "farm", declared(lab, code, number))
    made = timed(lambda: farm.up(timeout=3600))
    print(f"{number} sites of WordPress on two web servers, from nothing: {made:.0f} s")
    rows: dict[bool, list[float]] = {True: [], False: []}
    pages = []
    for turn in range(TIMES):
        for asks, times in rows.items():
            farm.settings["platforms"]["code"]["health"] = asks
            farm.up(timeout=600)
            (code / "license.txt").write_text(f"{turn} {asks}")
            times.append(timed(lambda: farm.up(timeout=600)))
        pages.append(timed(lambda: plainly([lab.host("web1"), lab.host("web2")], number)))
    cost = statistics.median(rows[True]) - statistics.median(rows[False])
    plain = statistics.median(pages)
    print(f"a release, every site asked before and after: {rows[True]}; nobody asked: {rows[False]}; {cost:.1f} s more")
    print(
        f"one page of each site on both by curl, 16 at a time: {plain:.1f} s; ratio to asking twice {cost / (2 * plain):.2f}"
    )


def plainly(hosts: list[Host], number: int) -> None:
    """Ask each site for a page on each host, as anybody would from a shell."""
    lines = "".join(f"{host.address} s{each}.example.com\n" for host in hosts for each in range(number))
    ask = 'curl -s -o /dev/null -H "Host: $2" "http://$1/?x=$$"'
    subprocess.run(["xargs", "-P", "16", "-L", "1", "sh", "-c", ask, "sh"], input=lines, text=True, check=True)


def declared(lab: Lab, code: Path, number: int) -> Config:
    """Declare a cluster of two, and its sites."""
    webs = [lab.host("web1"), lab.host("web2")]
    servers: Config = {host.spec.fqdn: {"address": host.address, "services": {"web": "apache"}} for host in webs}
    servers[lab.host("db1").spec.fqdn] = {"address": lab.host("db1").address, "services": {"database": "mysql"}}
    return {
        "hub": hub_settings(lab),
        "servers": servers,
        "clusters": {"web": {"servers": [host.spec.fqdn for host in webs], "uploads": "separate"}},
        "platforms": {"code": {"server": "web", "source": str(code)}},
        "sites": {f"s{each}.example.com": {"platform": "code", "cron": False} for each in range(number)},
    }


if __name__ == "__main__":
    main()
