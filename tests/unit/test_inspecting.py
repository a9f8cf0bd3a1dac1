"""A site that runs elsewhere: what is read of its machine, judged and written; its programs run by a real shell and PHP."""

from __future__ import annotations

import base64
import dataclasses
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from aegir_components.cli import inspect_site
from aegir_components.cli.ends import Refusal
from aegir_components.inspecting import found, judging, remote, rendering

PASSWORD = "pass'w\"ord\\1"
GIVEN = {
    "host": "old.example.com", "user": "deploy", "root": "/srv/www", "docroot": "/srv/www/web", "application": "drupal",
    "version": "10.1.6", "sites": "default\nother.example.com", "php": "8.2.7", "extensions": "core pdo_mysql imagick",
    "names": " www.example.com example.com _", "cron": "2", "dumps": "yes", "rsync": "yes",
}  # fmt: skip
TOLD = {
    "own": {"salt": True, "settings": ["smtp.settings"]}, "fault": "", "driver": "mysql", "title": "Shop", "profile": "standard",
    "modules": ["node", "views"],
    "database": {"name": "shop", "prefix": "x_", "version": "10.11.6-MariaDB", "tables": 70, "bytes": 12_000_000, "others": 3,
                 "engines": {"MyISAM": 2}, "views": 1, "triggers": 0, "routines": 0, "events": 2},
    "paths": {"public": {"path": "/srv/www/web/sites/default/files", "files": 12, "bytes": 3_400_000, "whole": True}},
}  # fmt: skip


def shop(**more: Any) -> found.Site:
    """Give a site of Drupal's with all kinds of things."""
    return dataclasses.replace(found.site(GIVEN, "default", TOLD), **more)


def test_what_a_machine_prints_is_read_and_nothing_else() -> None:
    text = "a message of the day\n::root L3Nydi93d3c=\n::broken ===\n::told e30=\nroot L3RtcA==\n"
    assert {"root": "/srv/www", "told": "{}"} == found.facts(text)


def test_a_site_is_told_in_words_with_what_is_to_be_decided() -> None:
    site = shop()
    verdict = judging.judge(site)
    lines = rendering.words(site, verdict)
    text = "\n".join(lines)
    assert [] == verdict.misfits
    for part in (
        "site         www.example.com (Shop)", "names        example.com", "Drupal 10.1.6, profile standard",
        "10.11.6-MariaDB, 70 tables, 12 MB", "12 files, 3.4 MB", "extensions that web servers here do not have: imagick",
        "tables become InnoDB: 2 of MyISAM", "3 tables without the prefix 'x_' do not come along",
        "its database has 1 view, 2 events; the site needs the rights CREATE VIEW, EVENT for them",
        "deploy has 2 lines in its crontab there", "smtp.settings",
    ):  # fmt: skip
        assert part in text, part


def test_its_part_of_the_stack_file_brings_what_was_fetched() -> None:
    part = yaml.safe_load(rendering.stack_part(shop(site="old.example.com"), "/srv/moves/shop"))
    assert {"www-example-com": {"server": "WEB_SERVER", "source": "/srv/moves/shop/code"}} == part["aegir:platforms"]
    assert {
        "platform": "www-example-com", "aliases": ["example.com"], "profile": "standard",
        "database": {"server": "DATABASE_SERVER", "rights": ["CREATE VIEW", "EVENT"]},
        "origin": {"database": "/srv/moves/shop/database.sql.gz", "files": "/srv/moves/shop/files", "prefix": "x_",
                   "former": ["old.example.com"]},
    } == part["aegir:sites"]["www.example.com"]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"application": "backdrop"}, "Backdrop CMS 10.1.6 is not supported"),
        ({"driver": "pgsql"}, "its database is of pgsql: only MySQL and MariaDB"),
        ({"network": True}, "a network of WordPress sites"),
        ({"unreached": "SQLSTATE[HY000] [1045]"}, "was not reached from there (SQLSTATE"),
        ({"driver": "", "fault": "Error"}, "as far as PHP for the command line can read them (its settings raised Error)"),
        ({"driver": "", "php": ""}, "there is no PHP for the command line"),
        ({"database": found.Database(name="shop", prefix="y_")}, "has no table with the prefix 'y_'"),
        ({"programs": frozenset({"rsync"})}, "install default-mysql-client"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(more: dict[str, Any], says: str) -> None:
    assert any(says in text for text in judging.judge(shop(**more)).misfits)


def test_one_of_several_sites_is_chosen() -> None:
    assert "default" == found.directory_of(GIVEN, "")
    assert "other.example.com" == found.directory_of(GIVEN, "other.example.com")
    with pytest.raises(
        found.Unread, match=r"there is no sites/none/settings.php; there are default, other.example.com"
    ):
        found.directory_of(GIVEN, "none")
    with pytest.raises(found.Unread, match=r"there are 2 sites: name one with --site: a.example.com, b.example.com"):
        found.directory_of({**GIVEN, "sites": "a.example.com b.example.com"}, "")


def test_settings_and_uploads_are_left_out_of_the_code() -> None:
    left = inspect_site._left_out(shop())
    assert "/web/sites/*/settings.php" in left
    assert "/web/sites/default/files" in left
    assert all(pattern.startswith(("/web/", "/.git")) for pattern in left)


def test_a_directory_with_files_of_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(Refusal, match="has files of others; nothing was copied"):
        inspect_site._take(tmp_path, "one\n")
    new = tmp_path / "new"
    inspect_site._take(new, "one\n")
    inspect_site._take(new, "one\n")
    with pytest.raises(Refusal, match="has the site one; nothing was copied"):
        inspect_site._take(new, "other\n")


def wordpress(root: Path) -> Path:
    """Make the outside of a WordPress: settings beside the document root, and uploads."""
    web = root / "web"
    (web / "wp-includes").mkdir(parents=True)
    (web / "wp-includes/version.php").write_text("<?php\n$wp_version = '6.1.9';\n")
    (web / "wp-content/uploads/2026").mkdir(parents=True)
    (web / "wp-content/uploads/2026/a.txt").write_text("12345")
    packed = base64.b64encode(PASSWORD.encode()).decode()
    (root / "wp-config.php").write_text(
        f"""<?php
define('DB_NAME', 'blog'); define('DB_USER', 'blog'); define('DB_PASSWORD', base64_decode('{packed}'));
define('DB_HOST', 'localhost:/nowhere/mysqld.sock'); define('WP_CACHE', true); define('OWN', basename(__DIR__));
$table_prefix = 'x7_';
echo 'settings that print';
if (!defined('ABSPATH')) {{ define('ABSPATH', __DIR__ . '/'); }}
require_once ABSPATH . 'wp-settings.php';
"""
    )
    return root


def run(program: str, text: str) -> dict[str, str]:
    """Run a program of ours as the other machine would."""
    done = subprocess.run([program], input=text, capture_output=True, text=True, timeout=60, check=True)
    return found.facts(done.stdout)


@pytest.mark.skipif(shutil.which("php") is None, reason="PHP for the command line is missing")
def test_a_wordpress_is_looked_at_without_being_started_and_its_password_is_not_told(tmp_path: Path) -> None:
    root = wordpress(tmp_path / "it's a site")
    given = run("sh", remote.look(str(root)))
    assert ("wordpress", "6.1.9", str(root / "web")) == (given["application"], given["version"], given["docroot"])
    values = {"docroot": given["docroot"], "application": "wordpress", "site": ""}
    facts = run("php", remote._php(values, "settings.php", "look.php"))
    told = json.loads(facts["told"])
    site = found.site(given, "", told)
    assert "x7_" == site.database.prefix
    assert site.unreached
    assert ("OWN", "WP_CACHE") == site.settings
    assert (1, 5) == (site.directories["public"].files, site.directories["public"].size)
    assert PASSWORD not in facts["told"]


@pytest.mark.parametrize(
    ("files", "application", "version"),
    [
        ({"includes/bootstrap.inc": "define('VERSION', '7.105');\n"}, "drupal7", "7.105"),
        ({"docroot/core/lib/Drupal.php": "  const VERSION = '10.6.12';\n"}, "drupal", "10.6.12"),
        ({"core/includes/bootstrap.inc": "define('BACKDROP_VERSION', '1.30.0');\n"}, "backdrop", "1.30.0"),
    ],
)
def test_an_application_is_known_by_its_files(
    tmp_path: Path, files: dict[str, str], application: str, version: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"<?php\n{text}")
    given = run("sh", remote.look(str(tmp_path)))
    assert (application, version) == (given["application"], given["version"])


def test_a_directory_without_an_application_is_named(tmp_path: Path) -> None:
    given = run("sh", remote.look(str(tmp_path)))
    assert f"there is neither Drupal nor WordPress in {tmp_path}" == given["fault"]
    assert "cannot be entered" in run("sh", remote.look(f"{tmp_path}/none"))["fault"]
