"""A site that runs elsewhere is looked at over ssh, fetched, and brought here by what the command has written."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration.farm import Farm, fetch, web_and_database

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
DONOR, OLD, ALIAS = "www.example.com", "old.example.com", "shop.example.com"
PASSWORD = "p'a\"s\\s $word"
SETTINGS = """<?php
define('DB_NAME', 'shop'); define('DB_USER', 'shop'); define('DB_PASSWORD', '%s'); define('DB_HOST', '%s:3306');
$table_prefix = 'x7_';
if (!defined('ABSPATH')) { define('ABSPATH', __DIR__ . '/'); }
require_once(ABSPATH . 'wp-settings.php');
"""
VHOST = (
    f"<VirtualHost *:80>\n  ServerName {OLD}\n  ServerAlias {ALIAS}\n  DocumentRoot /srv/www/shop/web\n</VirtualHost>\n"
)
ROOT = "/srv/www/shop"


@dataclass
class Estate:
    farm: Farm
    lab: Lab
    tools: Path

    @property
    def old(self) -> Host:
        """The machine that the site is on."""
        return self.lab.host("old")

    def inspect(self, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the command with the person's own ssh, which knows the machine."""
        argv = [sys.executable, "-m", "aegir_components", "inspect", f"root@{self.old.address}:{ROOT}", *words]
        environment = {**os.environ, "PATH": f"{self.tools}:{os.environ['PATH']}"}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert status == done.returncode, done.stdout + done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        return done


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    lab = lab_factory(
        "inspect", [*(HostSpec(name, image="web") for name in ("web1", "old")), HostSpec("db1", image="db")]
    )
    farm = Farm(
        tmp_path_factory.mktemp("inspect"), web_and_database(lab, source=wordpress, sites={DONOR: {"platform": "code"}})
    )
    farm.up()
    _make_old(lab, wordpress)
    tools = tmp_path_factory.mktemp("bin")
    program, *options, _ = lab.host("old").ssh_command()
    (tools / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which(program)} {" ".join(options)} "$@"\n')
    (tools / "ssh").chmod(0o755)
    return Estate(farm, lab, tools)


def _make_old(lab: Lab, wordpress: Path) -> None:
    """Let a site run as an agency's own script has set it up: settings above no document root, a prefix, a plugin of its own."""
    old, database = lab.host("old"), lab.host("db1")
    own = layout.database_name(DONOR)
    account = "CREATE USER shop IDENTIFIED BY '{}'; GRANT ALL ON shop.* TO shop;".format(
        PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    )
    rename = (
        f"UPDATE shop.x7_options SET option_value = 'http://{OLD}' WHERE option_name IN ('home', 'siteurl');"
        "UPDATE shop.x7_options SET option_value = 'The old shop' WHERE option_name = 'blogname';"
        "UPDATE shop.x7_options SET option_value = _utf8mb4 0xF09F8E81 WHERE option_name = 'blogdescription';"
        "UPDATE shop.x7_options SET option_name = 'x7_user_roles' WHERE option_name = 'wp_user_roles';"
        "UPDATE shop.x7_usermeta SET meta_key = REPLACE(meta_key, 'wp_', 'x7_') WHERE meta_key LIKE 'wp\\_%';"
    )
    database.run("mariadb", input=f"CREATE DATABASE shop; {account}")
    database.run(f"mysqldump {own} | sed -e 's/`wp_/`x7_/g' | mysql shop && mariadb", input=rename)
    packed = subprocess.run(["tar", "-C", str(wordpress), "-cf", "-", "."], capture_output=True, check=True).stdout
    argv = [*old.ssh_command(), f"mkdir -p {ROOT}/web && tar -C {ROOT}/web -xf - --no-same-owner"]
    subprocess.run(argv, input=packed, check=True, timeout=120)
    settings = SETTINGS % (PASSWORD.replace("\\", "\\\\").replace("'", "\\'"), database.address)
    old.run(f"cat >{ROOT}/web/wp-config.php; chmod 640 {ROOT}/web/wp-config.php", input=settings)
    old.run("cat >/etc/apache2/sites-enabled/shop.conf", input=VHOST)
    old.run(
        f"cd {ROOT}/web/wp-content && mkdir -p uploads/2026 plugins/own && echo photo >uploads/2026/photo.txt &&"
        " mkdir uploads/orders && echo 'deny from all' >uploads/orders/.htaccess &&"
        f" echo SECRET=1 | tee {ROOT}/.env {ROOT}/web/.env.old {ROOT}/web/wp-content/old.sql {ROOT}/wp-config.php >/dev/null &&"
        # An account of the login's own, by which no program of ours may go.
        " printf '[client]\\nuser=other\\npassword=wrong\\nhost=127.0.0.9\\n' >~/.my.cnf &&"
        " printf '<?php\\n/* Plugin Name: Own */\\n' >plugins/own/own.php && printf '0 3 * * * true\\n' | crontab - || true"
    )


def test_a_site_is_told_with_what_it_has_and_no_password(estate: Estate) -> None:
    said = estate.inspect().stdout
    for part in (
        f"site         {OLD} (The old shop)", f"names        {ALIAS}", "WordPress 6.", f"docroot      {ROOT}/web",
        "prefix       x7_", f"public       {ROOT}/web/wp-content/uploads, 2 files, 20 B", f"  {OLD}:",
        "can be public here unless you deny them in custom.d: orders",
    ):  # fmt: skip
        assert part in said, said
    assert "does not fit" not in said


def test_it_is_fetched_and_comes_up_by_what_was_written(estate: Estate, tmp_path: Path) -> None:
    place = tmp_path / "shop"
    done = estate.inspect("--fetch", str(place), "--json")
    assert done.stderr.index("dumping the database") < done.stderr.index("copying the code")
    assert "\N{WRAPPED PRESENT}".encode() in gzip.decompress((place / "database.sql.gz").read_bytes())
    found = json.loads(done.stdout)
    part = yaml.safe_load(found["stack"].replace("WEB_SERVER", estate.lab.host("web1").spec.fqdn))
    for key in ("platforms", "sites"):
        estate.farm.settings[key] |= part[f"aegir:{key}"]

    said = estate.farm.up().sentence

    assert f"{OLD}: loading " in said
    web = estate.lab.host("web1")
    assert "The old shop" in fetch(web, OLD).body
    assert 301 == fetch(web, ALIAS).status or "The old shop" in fetch(web, ALIAS).body
    assert "photo" == fetch(web, OLD, "/wp-content/uploads/2026/photo.txt").body.strip()
    live = f"/var/aegir/platforms/{next(iter(part['aegir:platforms']))}"
    web.run(f"test -f {live}/web/wp-content/plugins/own/own.php && ! test -e {live}/web/wp-config.php.old")
    for name in ("wp-config.php", "web/wp-config.php", ".env", "web/.env.old", "web/wp-content/old.sql"):
        assert not (place / "code" / name).exists(), name
    estate.farm.unchanged("--refresh")

    # The second pass brings what is new, and takes away what has gone.
    estate.old.run(f"cd {ROOT}/web/wp-content/uploads/2026 && mv photo.txt later.txt")
    shop = "UPDATE shop.x7_options SET option_value = 'The newest name' WHERE option_name = 'blogname'"
    estate.lab.host("db1").run("mariadb", input=shop)
    estate.inspect("--fetch", str(place))
    assert ["later.txt"] == [path.name for path in (place / "files" / "2026").iterdir()]
    assert b"The newest name" in gzip.decompress((place / "database.sql.gz").read_bytes())
    assert "" == estate.old.run("ls /tmp | grep aegir || true").stdout.strip()


def test_what_cannot_be_fetched_is_named_and_nothing_of_before_is_lost(estate: Estate, tmp_path: Path) -> None:
    place = tmp_path / "shop"
    estate.inspect("--fetch", str(place))
    whole = (place / "database.sql.gz").read_bytes()
    database = estate.lab.host("db1")
    database.run(
        "mariadb", input="CREATE VIEW shop.x7_broken AS SELECT * FROM shop.x7_links; DROP TABLE shop.x7_links;"
    )
    try:
        assert "its dump has no end" in estate.inspect("--fetch", str(place), status=1).stderr
    finally:
        database.run("mariadb", input="DROP VIEW shop.x7_broken")
    assert whole == (place / "database.sql.gz").read_bytes()
    database.run("mariadb", input="ALTER USER shop ACCOUNT LOCK")
    try:
        assert "does not fit: its database was not reached from there" in estate.inspect(status=3).stdout
    finally:
        database.run("mariadb", input="ALTER USER shop ACCOUNT UNLOCK")
