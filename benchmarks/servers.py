"""Looking at prepared servers: `up --refresh` with nothing to do, for one server and for eight, beside plain OpenSSH."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aegir_components.scripts import script
from aegir_components.services import base, names, web_types
from lab import Host, HostSpec, Lab
from tests.integration.farm import EMPTY, Farm, hub_settings

NUMBER = 8
RUNS = 5
COUNT = "journalctl -q -u ssh --since '{since}' -o cat --no-pager"


def main() -> None:
    """Measure, print, and take the hosts down."""
    lab = Lab("bench-servers")
    called = [f"web{number}" for number in range(1, NUMBER + 1)]
    try:
        lab.up([HostSpec(name, image="web") for name in called])
        hosts = [lab.host(name) for name in called]
        for host in hosts:
            host.run("echo 'LogLevel VERBOSE' >/etc/ssh/sshd_config.d/bench.conf; systemctl reload ssh")
        with tempfile.TemporaryDirectory(prefix="aegir-bench-") as directory:
            measure(lab, hosts, Path(directory))
    finally:
        lab.down()


def measure(lab: Lab, hosts: Sequence[Host], directory: Path) -> None:
    """Print a row for one host and a row for all of them."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; medians of {RUNS} runs, in seconds")
    empty = Farm(directory / "0", declared(lab, []))
    empty.up()
    engine = timed(lambda: empty.up("--refresh", EMPTY))
    print(f"{'servers':>8} {'up --refresh':>13} {'OpenSSH':>8} {'ratio':>6} {'logins':>7} {'commands':>9} {'load':>5}")
    print(f"{0:>8} {engine:>13.2f}   (Pulumi's own time: a stack without servers)")
    seconds = []
    for number in (1, len(hosts)):
        chosen = hosts[:number]
        farm = Farm(directory / str(number), declared(lab, chosen))
        farm.up()
        since = chosen[0].run("sleep 1; date '+%Y-%m-%d %H:%M:%S'").stdout.strip()
        ours = timed(lambda farm=farm: farm.up("--refresh", EMPTY), before=farm.disconnect)  # type: ignore[misc]
        said = chosen[0].run(COUNT.format(since=since)).stdout
        logins, commands = said.count("Accepted publickey") / RUNS, said.count("Starting session") / RUNS
        floor = timed(lambda chosen=chosen: plain(chosen))  # type: ignore[misc]
        seconds.append(ours)
        load = os.getloadavg()[0]
        print(
            f"{number:>8} {ours:>13.2f} {floor:>8.2f} {ours / floor:>6.1f} {logins:>7.1f} {commands:>9.1f} {load:>5.1f}"
        )
    print(f"{NUMBER} servers take {seconds[1] / seconds[0]:.2f} times as long as one")
    print(f"above Pulumi's own time: {seconds[0] - engine:.2f} and {seconds[1] - engine:.2f}")


def declared(lab: Lab, hosts: Sequence[Host]) -> dict[str, object]:
    """Declare web servers."""
    servers = {host.spec.fqdn: {"address": host.address, "services": {"web": "apache"}} for host in hosts}
    return {"hub": hub_settings(lab), "servers": servers}


def timed(work: Callable[[], object], before: Callable[[], None] = lambda: None) -> float:
    """Give the median time of some runs; what comes ``before`` each is not counted."""
    found = []
    for _ in range(RUNS):
        before()
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


def looks(host: Host) -> list[str]:
    """Render the scripts that look at a web server, as our resources send them."""
    plans = [
        base.items(public_key="ssh-ed25519 AAAA"),
        names.items(host.spec.fqdn, host.address, "aegir/bench", None),
        ["debian_only", *web_types.service_items("apache", port=80, php_version="")],
    ]
    return [script.render("check", plan, holder="aegir/bench") for plan in plans]


def plain(hosts: Sequence[Host]) -> None:
    """Log in to each host once and run the same scripts there, all at once: the floor."""

    def one(host: Host) -> None:
        with tempfile.TemporaryDirectory(prefix="b") as directory:
            *program, where = host.ssh_command()
            shared = [*program, "-o", f"ControlPath={directory}/s"]
            master = ["-o", "ControlMaster=yes", "-o", "ControlPersist=20", "-N", "-f"]
            subprocess.run([*shared, *master, where], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            running = []
            for text in looks(host):
                command = [*shared, where, "sh -c 'eval \"$(cat)\"'"]
                process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
                assert process.stdin is not None
                process.stdin.write(text)
                process.stdin.close()
                running.append(process)
            assert [0] * len(running) == [process.wait() for process in running]
            subprocess.run([*shared, "-O", "exit", where], check=False, capture_output=True)

    with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
        list(pool.map(one, hosts))


if __name__ == "__main__":
    main()
