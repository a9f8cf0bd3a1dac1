"""How many commands and minutes it takes to bring ten sites in from a machine that an agency's own script has set up.

Each site has its code, its database with a prefix, and 2 MB of uploads. ``aegir inspect --fetch`` looks at each, fetches it and
writes its part of the stack file; one ``up`` brings all of them up. Then the second pass: fetch again, and look what differs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import yaml

from aegir_components import layout
from benchmarks.timing import timed
from demo import wordpress
from lab import HostSpec, Lab
from tests.integration.farm import Farm, fetch, web_and_database

SITES = 10
DONOR = "donor.example.com"
PHOTO = 2_000_000
"""Bytes of a site's uploads."""
SETTINGS = """<?php
define('DB_NAME', 'shop%(number)d'); define('DB_USER', 'shop'); define('DB_PASSWORD', 'secret-shop'); define('DB_HOST', '%(db)s');
$table_prefix = 'x%(number)d_';
if (!defined('ABSPATH')) { define('ABSPATH', __DIR__ . '/'); }
require_once(ABSPATH . 'wp-settings.php');
"""
VHOST = """<VirtualHost *:80>
  ServerName shop%(number)d.example.com
  DocumentRoot /srv/www/shop%(number)d/web
</VirtualHost>
"""


def main() -> None:
    """Measure, print, and take the hosts down; a number as the argument is that of the sites."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else SITES
    lab = Lab("bench-bringing")
    try:
        lab.up([*(HostSpec(name, image="web") for name in ("web1", "old")), HostSpec("db1", image="db")])
        with tempfile.TemporaryDirectory(prefix="aegir-bench-") as directory:
            code = wordpress.code_base(print)
            farm = Farm(
                Path(directory) / "farm", web_and_database(lab, source=code, sites={DONOR: {"platform": "code"}})
            )
            farm.up(timeout=900)
            for each in range(number):
                set_up(lab, code, each)
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; seconds", flush=True)
            bring(lab, farm, Path(directory), number)
    finally:
        lab.down()


def set_up(lab: Lab, code: Path, number: int) -> None:
    """Let a site run on the old machine."""
    old, database = lab.host("old"), lab.host("db1")
    name, prefix, root = f"shop{number}", f"x{number}_", f"/srv/www/shop{number}"
    account = f"CREATE USER IF NOT EXISTS shop IDENTIFIED BY 'secret-shop'; GRANT ALL ON {name}.* TO shop;"
    rename = (
        f"UPDATE {name}.{prefix}options SET option_value = 'http://{name}.example.com' WHERE option_name IN ('home', 'siteurl');"  # noqa: S608 - numbers of ours
        f"UPDATE {name}.{prefix}options SET option_value = 'Shop {number}' WHERE option_name = 'blogname';"
        f"UPDATE {name}.{prefix}options SET option_name = '{prefix}user_roles' WHERE option_name = 'wp_user_roles';"
        f"UPDATE {name}.{prefix}usermeta SET meta_key = REPLACE(meta_key, 'wp_', '{prefix}') WHERE meta_key LIKE 'wp\\_%';"
    )
    database.run("mariadb", input=f"CREATE DATABASE {name}; {account}")
    dump = f"mysqldump {layout.database_name(DONOR)} | sed -e 's/`wp_/`{prefix}/g' | mysql {name}"
    database.run(f"{dump} && mariadb", input=rename)
    packed = subprocess.run(["tar", "-C", str(code), "-cf", "-", "."], capture_output=True, check=True).stdout
    argv = [*old.ssh_command(), f"mkdir -p {root}/web && tar -C {root}/web -xf - --no-same-owner"]
    subprocess.run(argv, input=packed, check=True, timeout=120)
    words = {"number": number, "db": database.address}
    old.run(f"cat >{root}/web/wp-config.php", input=SETTINGS % words)
    old.run(f"cat >/etc/apache2/sites-enabled/{name}.conf", input=VHOST % words)
    uploads = f"{root}/web/wp-content/uploads/2026"
    old.run(f"mkdir -p {uploads} && head -c {PHOTO} /dev/urandom >{uploads}/photo.jpg")


def bring(lab: Lab, farm: Farm, place: Path, number: int) -> None:
    """Bring them in, and print what that took."""
    program, *options, _ = lab.host("old").ssh_command()
    tools = place / "bin"
    tools.mkdir()
    (tools / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which(program)} {" ".join(options)} "$@"\n')
    (tools / "ssh").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    parts = []

    def inspect(each: int) -> str:
        site = f"root@{lab.host('old').address}:/srv/www/shop{each}"
        argv = [sys.executable, "-m", "aegir_components", "inspect", site, "--fetch", str(place / str(each)), "--json"]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=600, check=True)
        return str(json.loads(done.stdout)["stack"])

    looked = timed(lambda: parts.extend(map(inspect, range(number))))
    for text in parts:
        part = yaml.safe_load(text.replace("WEB_SERVER", lab.host("web1").spec.fqdn))
        for key in ("platforms", "sites"):
            farm.settings[key] |= part[f"aegir:{key}"]
    came = timed(partial(farm.up, timeout=3600))
    again = timed(lambda: [inspect(each) for each in range(number)])
    well = sum(f"Shop {each}" in fetch(lab.host("web1"), f"shop{each}.example.com").body for each in range(number))
    print(
        f"{number} sites: {number} times aegir inspect --fetch {looked:.0f}, one up {came:.0f}, so {number + 1} commands and "
        f"{(looked + came) / 60:.1f} minutes; fetched again for the second pass {again:.0f}; {well} of {number} answer",
        flush=True,
    )


if __name__ == "__main__":
    main()
