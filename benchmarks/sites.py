"""Ten sites on four web servers in one `up`, beside a script a host; and one site more on a farm of ten and of a hundred."""

from __future__ import annotations

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aegir_components import layout
from aegir_components.deploy import site
from aegir_components.inputs.site import DatabaseAddress, SiteConfigurationInputs
from aegir_components.mysql import statements
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.services import web
from aegir_components.services.web_types import program
from benchmarks.floor import Floor
from benchmarks.timing import timed
from demo import wordpress
from lab import Host, HostSpec, Lab
from lab.laboratory import say_to_stderr
from tests.integration.farm import Config, Farm, hub_settings

WEBS, FEW, MANY = 4, 10, 100
TIMES = 5
"""Sites that are added one by one."""


def main() -> None:
    """Measure, print, and take the hosts down. `--many` adds the farm of a hundred sites, which takes some minutes."""
    many = "--many" in sys.argv
    lab = Lab("bench-sites")
    try:
        lab.up([HostSpec(f"web{number}", image="web") for number in range(1, WEBS + 1)] + [HostSpec("db1", image="db")])
        with tempfile.TemporaryDirectory(prefix="aegir-bench-") as directory:
            measure(lab, Path(directory), many=many)
    finally:
        lab.down()


def measure(lab: Lab, directory: Path, *, many: bool) -> None:
    """Print the figures."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; seconds")
    source = wordpress.code_base(say_to_stderr)
    farm = Farm(directory, declared(lab, source))
    farm.up()
    farm.settings["sites"] = sites(FEW)
    ours = timed(farm.up)
    print(
        f"{FEW} sites on {WEBS} web servers in one up, not installed: {ours:.2f} s, {len(farm.resources())} resources"
    )
    engine = timed(farm.up)
    farm.settings["sites"] = {}
    farm.up()
    by_scripts = timed(lambda: by_hand(lab))
    ratio = ours / by_scripts
    print(f"the same by one script a host over one connection each: {by_scripts:.2f} s; ratio {ratio:.2f} (2 at most)")
    clean(lab)
    farm.settings["sites"] = sites(FEW)
    farm.up()
    more, own = adding(farm, FEW, Floor(directory / "few"))
    print(f"one site more on {FEW}: {more:.2f} s, of which Pulumi's own {own:.2f} s; nothing to do: {engine:.2f} s")
    if not many:
        return
    farm.settings["sites"] = sites(MANY)
    hundred = timed(lambda: farm.up(timeout=1200))
    nothing = timed(farm.up)
    print(f"from {FEW} to {MANY} sites: {hundred:.1f} s, {len(farm.resources())} resources (600 at most)")
    most, owns = adding(farm, MANY, Floor(directory / "many"))
    print(f"one site more on {MANY}: {most:.2f} s, of which Pulumi's own {owns:.2f} s; nothing to do: {nothing:.2f} s")
    print(f"Pulumi's own time subtracted: {(most - owns) / (more - own):.2f} times as long (1.3 at most)")


def adding(farm: Farm, number: int, floor: Floor) -> tuple[float, float]:
    """Give the time of an up that adds one site, and what Pulumi takes for the same resources where each is nothing.

    Both are medians of some in turn.
    """
    floor.up(resources(farm))
    ours, theirs = [], []
    for more in range(1, TIMES + 1):
        farm.settings["sites"] = sites(number + more)
        ours.append(timed(farm.up))
        theirs.append(floor.up(resources(farm)))
    return statistics.median(ours), statistics.median(theirs)


def resources(farm: Farm) -> list[Config]:
    """List the state's resources, with secrets in clear."""
    found: list[Config] = farm.export("--show-secrets")["deployment"]["resources"]
    return found


def declared(lab: Lab, source: Path) -> Config:
    """Declare a cluster, a database and a platform."""
    webs = [lab.host(f"web{number}") for number in range(1, WEBS + 1)]
    servers: Config = {host.spec.fqdn: {"address": host.address, "services": {"web": "apache"}} for host in webs}
    database = lab.host("db1")
    servers[database.spec.fqdn] = {"address": database.address, "services": {"database": "mysql"}}
    return {
        "hub": hub_settings(lab),
        "servers": servers,
        "clusters": {"web": {"servers": [host.spec.fqdn for host in webs], "uploads": "separate"}},
        "platforms": {"code": {"server": "web", "source": str(source)}},
    }


def sites(number: int) -> Config:
    """Declare sites that are not installed."""
    return {f"s{index:03}.example.com": {"platform": "code", "install": False} for index in range(number)}


def by_hand(lab: Lab) -> None:
    """Do what ten sites need on each host by one script, as somebody would who knew all of it beforehand."""
    database = lab.host("db1")
    webs = [lab.host(f"web{number}") for number in range(1, WEBS + 1)]
    passwords = {name: secrets.token_hex(12) for name in sites(FEW)}
    sql = []
    for name, password in passwords.items():
        base, user = layout.database_name(name), layout.account_name(name)
        sql.append(f"CREATE DATABASE `{base}` CHARACTER SET utf8mb4;")
        for host in webs:
            sql.append(f"CREATE USER '{user}'@'{host.address}' IDENTIFIED BY '{password}';")
            rights = ", ".join(sorted(statements.SITE_PRIVILEGES))
            sql.append(f"GRANT {rights} ON `{base}`.* TO '{user}'@'{host.address}';")
    run([(database, f"mysql <<'E'\n{chr(10).join(sql)}\nE\n")])
    run([(host, plan(host, database.address, passwords)) for host in webs])


def plan(host: Host, database: str, passwords: dict[str, str]) -> str:
    """Render one script for all sites on a web server."""
    server, lines = program("apache"), [functions("web")]
    for name, password in passwords.items():
        where = DatabaseAddress(
            name=layout.database_name(name), user=layout.account_name(name), host=database, port=3306
        )
        inputs = SiteConfigurationInputs(
            site=name, platform="code", publish_path=f"{layout.PLATFORMS_ROOT}/code", publish_root=layout.PLATFORMS_ROOT,
            docroot=".", application="wordpress", database=where, password=password, salt=secrets.token_hex(32),
            cron="hourly", members={}, holder="bench",
        )  # fmt: skip
        lines += site.items(
            site.SitePlan(inputs=inputs), server, 80, keeps_cron=len(lines) % WEBS == int(host.name[-1]) - 1
        )
    return script.render("apply", [*lines, *web.activation_items(server)], holder="bench")


def run(jobs: Sequence[tuple[Host, str]]) -> None:
    """Log in once to each host and run a script there, on all at once."""

    def one(job: tuple[Host, str]) -> None:
        host, text = job
        done = subprocess.run(
            [*host.ssh_command(), "sh -c 'eval \"$(cat)\"'"], input=text, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        list(pool.map(one, jobs))


def clean(lab: Lab) -> None:
    """Take away what `by_hand` made."""
    for number in range(1, WEBS + 1):
        lab.host(f"web{number}").run(
            "rm -f /var/aegir/config/apache/vhost.d/* /var/aegir/config/php-fpm/pool.d/* /var/aegir/config/sites.d/code/* "
            "/var/aegir/config/cron/*.env /etc/systemd/system/aegir-cron@s*.timer; systemctl reload apache2 php8.2-fpm; "
            "systemctl daemon-reload; rm -rf /var/aegir/platforms/.sites/s*.example.com; "
            "for user in $(getent passwd | grep -o '^site-[^:]*'); do pkill -KILL -u $user; userdel $user; done; true"
        )
    lab.host("db1").run(
        "for base in $(mysql -Ne 'SHOW DATABASES' | grep ^s0); do mysql -e \"DROP DATABASE $base\"; done; "
        "mysql -Ne \"SELECT CONCAT('DROP USER ', QUOTE(user), '@', QUOTE(host), ';') FROM mysql.user "
        "WHERE user LIKE 's0%'\" | mysql"
    )


if __name__ == "__main__":
    main()
