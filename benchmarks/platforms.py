"""A platform on four web servers: its first copy, one file changed, nothing changed, and switches under load.

The rsyncs beside are plain: ``rsync -a`` of the same tree to the same hosts, side by side, each with a login of its own. Both
go to memory: the hosts of the lab share one disk, which is ten times slower once its burst is used up, so that it would
decide the ratio.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.timing import timed
from lab import Host, HostSpec, Lab
from tests.integration import switching
from tests.integration.farm import EMPTY, Farm, hub_settings, logins, now

PROGRAMS = ("apache", "nginx", "apache", "nginx")
REQUESTS = 20_000
SWITCHES = 10
PLACE = "/srv/bench"
ROUNDS = 3


def main() -> None:
    """Measure, print, and take the hosts down."""
    source = os.environ.get("AEGIR_TEST_DRUPAL10", "")
    if not source:
        sys.exit("AEGIR_TEST_DRUPAL10 names no code base: set it to a directory with Drupal 10")
    lab = Lab("bench-platforms")
    try:
        lab.up([HostSpec(f"web{number}", image="web") for number in range(1, len(PROGRAMS) + 1)])
        hosts = [lab.host(f"web{number}") for number in range(1, len(PROGRAMS) + 1)]
        for host in hosts:
            host.run(f"mkdir -p {PLACE}")
            switching.mount(host, PLACE, "size=1800m")
        with tempfile.TemporaryDirectory(prefix="aegir-bench-") as directory:
            code = Path(directory, "code")
            shutil.copytree(source, code, symlinks=True)
            farm = Farm(Path(directory, "farm"), declared(lab, hosts))
            farm.up()
            copies(farm, hosts, code)
            load(farm, hosts, Path(directory, "load"))
    finally:
        lab.down()


def declared(lab: Lab, hosts: Sequence[Host]) -> dict[str, object]:
    """Declare a cluster of web servers of both types."""
    servers = {
        host.spec.fqdn: {"address": host.address, "services": {"web": program}}
        for host, program in zip(hosts, PROGRAMS, strict=True)
    }
    return {"hub": hub_settings(lab), "servers": servers, "clusters": {"farm": {"servers": list(servers)}},
            "platforms": {}}  # fmt: skip


def copies(farm: Farm, hosts: Sequence[Host], code: Path) -> None:
    """Print the times of a first copy, of one file changed and of nothing changed, beside plain rsyncs, in turn."""
    engine = timed(lambda: farm.up(EMPTY))
    plain(hosts, code)  # reads the tree into the hub's memory
    files = sum(len(names) for _, _, names in os.walk(code))
    print(f"{files} files to {len(hosts)} hosts; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; seconds")
    print(f"Pulumi's own time, for a stack that is as declared: {engine:.2f}")
    print(f"{'rsync -a':>8} {'first copy':>10} {'ratio':>6} {'one file':>9} {'ratio':>6}  apart (ms)")
    for number in range(ROUNDS):
        calm()
        floor = plain(hosts, code)
        calm()
        farm.settings["platforms"]["drupal"] = platform(code, f"drupal{number}")
        first = timed(farm.up)
        apart = [spread(hosts, f"drupal{number}")]
        calm()
        (code / "web" / "index.php").write_text((code / "web" / "index.php").read_text() + "// changed\n")
        changed = timed(farm.up)
        apart.append(spread(hosts, f"drupal{number}"))
        # The engine's own start and end are in it, as in any run.
        row = f"{floor:>8.2f} {first:>10.2f} {first / floor:>6.2f} {changed:>9.2f} {changed / floor:>6.2f}"
        print(f"{row}  {', '.join(f'{one:.0f}' for one in apart)}", flush=True)
    farm.disconnect()
    since = now(hosts[0])
    nothing = timed(lambda: farm.up(EMPTY))
    print(f"nothing changed: {nothing:.2f}, ssh logins {[logins(host, since) for host in hosts]}")


def platform(code: Path, name: str) -> dict[str, object]:
    """Declare a platform on all hosts."""
    return {"server": "farm", "source": str(code), "publish_path": f"{PLACE}/{name}"}


def load(farm: Farm, hosts: Sequence[Host], code: Path) -> None:
    """Print what visitors see while releases are switched."""
    switching.write_release(code, 0)
    farm.settings["platforms"]["load"] = platform(code, "load")
    farm.up()
    for host, program in zip(hosts, PROGRAMS, strict=True):
        switching.serve(host, program, "load")
    apart = []

    def work() -> None:
        for number in range(1, SWITCHES + 1):
            switching.write_release(code, number)
            farm.up()
            apart.append(spread(hosts, "load"))

    seen = switching.visit(hosts, REQUESTS, work)
    print(f"{seen.requests} requests while {SWITCHES} releases were switched, of which {len(seen.releases)} were seen")
    print(
        f"  failed: {len(seen.failed)}; of two releases: {len(seen.mixed)}; asked again, closed while idle: {seen.closed}"
    )
    print(f"  between the first and the last switch: {', '.join(f'{one:.0f}' for one in apart)} ms")
    for text in (*seen.failed[:5], *seen.mixed[:5]):
        print(f"  {text}")


def spread(hosts: Sequence[Host], platform_name: str) -> float:
    """Give the milliseconds between the first and the last host's switch."""
    made = switching.moments(hosts, f"{PLACE}/{platform_name}")
    return (max(made) - min(made)) / 1e6


def plain(hosts: Sequence[Host], code: Path) -> float:
    """Copy with rsync as anybody would; give the slowest one's seconds, and remove the copies."""

    def one(host: Host) -> float:
        *program, where = host.ssh_command()
        begun = time.perf_counter()
        subprocess.run(["rsync", "-a", "-e", shlex.join(program), f"{code}/", f"{where}:{PLACE}/plain/"], check=True)
        return time.perf_counter() - begun

    with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
        seconds = max(pool.map(one, hosts))
    for host in hosts:
        host.run(f"rm -rf {PLACE}/plain")
    return seconds


def calm() -> None:
    """Let what is in the background end: releases that are pruned, the hub's own disk."""
    subprocess.run(["sync"], check=True, timeout=300)
    time.sleep(3)


if __name__ == "__main__":
    main()
