"""How long a site takes to answer while its neighbour takes all that it can get, as a multiple of how long it takes alone."""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path

from aegir_components import layout
from aegir_components.health import probe
from benchmarks.sites import Config
from demo import wordpress
from lab import Host, HostSpec, Lab
from lab.laboratory import say_to_stderr
from tests.integration import controllers
from tests.integration.farm import Farm, fetch, web_and_database

QUIET, NOISY = "quiet.example.com", "noisy.example.com"
TIMES, AT_ONCE = 40, 16
BUSY = "<?php $end = microtime(true) + 20; while (microtime(true) < $end) { hash('sha256', str_repeat('x', 9000)); } echo 1;"
FORKS = (
    '<?php exec(\'i=0; while [ $i -lt 400 ]; do timeout 12 sh -c "while :; do :; done" & i=$((i+1)); done >/dev/null 2>&1;'
    " sleep 12'); echo 1;"
)
"""As many processes as it may have, each of which never ends by itself."""
KINDS: dict[str, Config] = {
    "in a pool": {"isolation": "pool"},
    "isolation: process": {"isolation": "process"},
    "isolation: process, limits: {cpu: 50%}": {"isolation": "process", "limits": {"cpu": "50%"}},
}


def main() -> None:
    """Measure, print, and take the hosts down."""
    lab = Lab("bench-neighbours")
    try:
        lab.up([HostSpec("web1", image="web"), HostSpec("db1", image="db")])
        controllers.hand_over(lab.host("web1"))
        with tempfile.TemporaryDirectory(prefix="aegir-bench-") as directory:
            measure(lab, Path(directory))
    finally:
        lab.down()


def measure(lab: Lab, directory: Path) -> None:
    """Print the figures."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; median of {TIMES} front pages of the quiet site")
    source, web = wordpress.code_base(say_to_stderr), lab.host("web1")
    sites: dict[str, Config] = {QUIET: {"platform": "code"}, NOISY: {"platform": "code"}}
    farm = Farm(directory, web_and_database(lab, source=source, sites=sites))
    farm.up()
    for name, kind in KINDS.items():
        farm.settings["sites"][NOISY] = {"platform": "code", **kind}
        farm.up()
        for what, code in (("busy requests", BUSY), ("a fork bomb", FORKS)):
            alone = answers(web)
            among = disturbed(web, code)
            print(
                f"{name}, {what}: alone {alone * 1000:.0f} ms, beside it {among * 1000:.0f} ms; ratio {among / alone:.1f}"
            )


def answers(web: Host) -> float:
    """Give the median time of a front page of the quiet site."""
    taken = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        answer = fetch(web, QUIET)
        taken.append(time.perf_counter() - begun)
        assert answer.status == 200, answer.status
    return statistics.median(taken)


def disturbed(web: Host, code: str) -> float:
    """Give the same while the other site is asked for what never ends."""
    path = f"{layout.PLATFORMS_ROOT}/code/noise.php"
    web.run(f"cat >{path}", input=code)
    asking = [threading.Thread(target=ask, args=(web,), daemon=True) for _ in range(AT_ONCE)]
    for each in asking:
        each.start()
    time.sleep(2)
    busy = int(web.run(f"ps -o pid= -u {layout.system_user(NOISY)} | wc -l").stdout)
    assert busy > 2, "the noise is not there"
    try:
        return answers(web)
    finally:
        web.run(f"rm {path}; pkill -KILL -u {layout.system_user(NOISY)}", check=False)
        for each in asking:
            each.join(30)


def ask(web: Host) -> None:
    """Ask for the noise once; its own end does not matter."""
    with contextlib.suppress(probe.NoAnswer):
        probe.get(web.address, 80, NOISY, "/noise.php", patience=0)


if __name__ == "__main__":
    main()
