"""A site that runs elsewhere: what is read of its machine, judged and written; its programs run by a real shell and PHP."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
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
        ({"application": "joomla"}, "joomla 10.1.6 is not supported"),
        ({"driver": "pgsql"}, "its database is of pgsql: only MySQL and MariaDB"),
        ({"network": True}, "a network of WordPress sites"),
        ({"unreached": "SQLSTATE[HY000] [1045]"}, "was not reached from there (SQLSTATE"),
        ({"driver": "", "fault": "Error"}, "as far as PHP for the command line can read them (its settings raised Error)"),
        ({"driver": "", "php": ""}, "there is no PHP for the command line"),
        ({"database": found.Database(name="shop", prefix="y_")}, "has no table with the prefix 'y_'"),
        ({"programs": frozenset({"rsync"})}, "install default-mysql-client"),
        ({"unread": {"private": "/mnt/private"}}, "its directory of private files, /mnt/private, does not exist or deploy"),
        ({"unread": {"public": "/mnt/files"}}, "its directory of public files, /mnt/files, does not exist or deploy cannot"),
        ({"docroot": "/srv/www/public", "has_vendor_above": True}, "rename public to web in it and in its composer.json"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(more: dict[str, Any], says: str) -> None:
    assert any(says in text for text in judging.judge(shop(**more)).misfits)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "this is sites/default; choose another one with --site: other.example.com"),
        ({"unread": {"config": "../config"}}, "its directory of configuration, ../config, does not exist or deploy"),
        ({"closed": ("orders", "a/b")}, "can be public here unless you deny them in custom.d: orders, a/b"),
        ({"closed": tuple("abcdefghijklmnopqrst")}, "r, s, t and maybe more"),
    ],
)  # fmt: skip
def test_what_a_person_has_to_decide_is_named(more: dict[str, Any], says: str) -> None:
    verdict = judging.judge(shop(**more))
    assert [] == verdict.misfits
    assert any(says in text for text in verdict.notes)


@pytest.mark.parametrize(
    ("directory", "names"),
    [
        ("default", ("www.example.com", "example.com")),
        ("shop.example.org", ("shop.example.org", "www.example.com", "example.com", "www.shop.example.org")),
        ("example.org", ("example.org", "www.example.com", "example.com", "news.example.org")),
    ],
)
def test_a_site_among_several_has_the_names_that_drupal_finds_it_by(directory: str, names: tuple[str, ...]) -> None:
    vhosts = "www.example.com example.com www.shop.example.org news.example.org"
    given = {**GIVEN, "names": vhosts, "sites": "default\nexample.org\nshop.example.org"}
    assert names == found.site(given, directory, TOLD).names


@pytest.mark.parametrize(
    ("application", "below", "vendor", "source"),
    [
        ("drupal", "web", True, "/m/code"), ("wordpress", "", False, "/m/code"),
        ("wordpress", "public_html", False, "/m/code/public_html"),
        ("drupal7", "htdocs", False, "/m/code/htdocs"), ("drupal", "www", False, "/m/code/www"),
    ],
)  # fmt: skip
def test_the_source_of_a_platform_is_a_directory_whose_document_root_is_known(
    application: str, below: str, vendor: bool, source: str
) -> None:
    docroot = f"/srv/www/{below}".rstrip("/")
    site = shop(application=application, docroot=docroot, has_vendor_above=vendor)
    assert [] == judging.judge(site).misfits
    part = yaml.safe_load(rendering.stack_part(site, "/m"))
    assert source == part["aegir:platforms"]["www-example-com"]["source"]


@pytest.mark.parametrize(
    ("name", "platform"),
    [("例子.测试", "xn--fsqu00a-xn--0zwm56d"), ("MÜNCHEN.example.com", "xn--mnchen-3ya-example-com"), ("-", "site")],
)
def test_a_platform_is_named_in_ascii(name: str, platform: str) -> None:
    part = yaml.safe_load(rendering.stack_part(shop(names=(name,)), "/m"))
    assert [platform] == list(part["aegir:platforms"])


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
    assert {"/.env", "/.env.*", "/web/.env", "/web/.env.*", "*.sql", "*.sql.gz"} < set(left)
    others = {"/.env", "/.env.*", "*.sql", "*.sql.gz"}
    assert all(pattern.startswith(("/web/", "/.git")) for pattern in left if pattern not in others)
    assert "/wp-config.php" in inspect_site._left_out(shop(application="wordpress"))


def test_no_directory_is_copied_with_another_one_that_lies_in_it() -> None:
    files = "/srv/www/web/sites/default/files"
    directories = {
        kind: found.Directory(path=path, files=1, size=1)
        for kind, path in {"public": files, "private": f"{files}/pri[v]ate", "config": f"{files}-config"}.items()
    }
    site = shop(directories=directories, unread={"config": f"{files}/config"})
    assert ["/pri\\[v]ate", "/config"] == inspect_site._other_kinds(site, "public")
    assert [] == inspect_site._other_kinds(site, "private")
    assert [] == inspect_site._other_kinds(site, "config")


def test_the_database_is_dumped_before_files_are_copied(tmp_path: Path) -> None:
    did: list[str] = []

    class Recorder(remote.Remote):
        def dump(self, site: found.Site, target: Path) -> int:
            did.append("dump")
            return 1

        def copy(self, source: str, target: Path, excluded: Sequence[str]) -> None:
            did.append(target.name)

    inspect_site._fetch(Recorder(login="a@b"), shop(), tmp_path / "new")
    assert ["dump", "code", "files"] == did


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


NEEDS_PHP = pytest.mark.skipif(shutil.which("php") is None, reason="PHP for the command line is missing")


@NEEDS_PHP
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


def told_of(docroot: Path, application: str, site: str = "", **options: Any) -> dict[str, Any]:
    """Give what PHP tells of a site in a document root."""
    program = remote._php(
        {"docroot": str(docroot), "application": application, "site": site}, "settings.php", "look.php"
    )
    done = subprocess.run(
        ["php"], input=program, capture_output=True, text=True, timeout=60, check=True, cwd="/", **options
    )
    return dict(json.loads(found.facts(done.stdout)["told"]))


@NEEDS_PHP
@pytest.mark.parametrize(
    "start",
    [
        "@require_once ABSPATH . 'wp-settings.php';",
        "if (TRUE) { include_once(ABSPATH . 'wp-settings.php'); }",
        "/* include it here */ require ABSPATH . 'wp-settings.php';",
        "include 'wp-settings.php';",
        "require_once dirname(__FILE__) . '/wp-settings.php';",
        "(require ABSPATH . \"wp-settings.php\") or die('none');",
        "require_once ABSPATH . 'wp-settings.php' ?>",
    ],
)
def test_no_form_of_the_statement_that_starts_wordpress_is_run(tmp_path: Path, start: str) -> None:
    web = wordpress(tmp_path) / "web"
    settings = tmp_path / "wp-config.php"
    kept = settings.read_text().replace("require_once ABSPATH . 'wp-settings.php';", f"{start}\n")
    assert start in kept
    settings.write_text(kept)
    for place in (web, tmp_path):
        (place / "wp-settings.php").write_text("<?php file_put_contents(__DIR__ . '/started', 'yes');\n")
    told = told_of(web, "wordpress")
    assert ("x7_", "") == (told["database"]["prefix"], told["fault"])
    assert not [*tmp_path.rglob("started")]


@NEEDS_PHP
def test_a_wordpress_that_starts_all_the_same_stops_before_its_plugins(tmp_path: Path) -> None:
    web = wordpress(tmp_path) / "web"
    settings = tmp_path / "wp-config.php"
    hidden = "require ABSPATH . 'wp-' . 'settings.php';"
    settings.write_text(settings.read_text().replace("require_once ABSPATH . 'wp-settings.php';", hidden))
    (web / "wp-settings.php").write_text(
        "<?php if (SHORTINIT) { return FALSE; } file_put_contents(__DIR__ . '/started', 'yes');\n"
    )
    told = told_of(web, "wordpress")
    assert "x7_" == told["database"]["prefix"]
    assert ["OWN", "WP_CACHE"] == sorted(told["own"]["settings"])
    assert not (web / "started").exists()


def closed_by(directory: Path, text: str) -> None:
    """Put a .htaccess into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / ".htaccess").write_text(text)


@NEEDS_PHP
def test_directories_in_the_uploads_that_visitors_cannot_read_are_told(tmp_path: Path) -> None:
    web = wordpress(tmp_path) / "web"
    uploads = web / "wp-content/uploads"
    closed_by(uploads / "woocommerce_uploads", "deny from all\n")
    closed_by(uploads / "woocommerce_uploads/2026", "deny from all\n")
    closed_by(uploads / "all", '<FilesMatch ".*">\n  Require all denied\n</FilesMatch>\n')
    closed_by(uploads / "members", "<IfModule mod_authz_core.c>\nRequire valid-user\n</IfModule>\n")
    closed_by(uploads / "pictures", "<Files *.php>\ndeny from all\n</Files>\nOptions -Indexes\n")
    closed_by(uploads / ".hidden", "deny from all\n")
    closed_by(uploads, "deny from all\n")
    assert ["all", "members", "woocommerce_uploads"] == told_of(web, "wordpress")["closed"]
    for number in range(30):
        closed_by(uploads / f"n{number:02}", "Deny from all")
    assert found.CLOSED == len(told_of(web, "wordpress")["closed"])


@pytest.fixture
def drupal() -> Iterator[Path]:
    """Give a Drupal 7 that every user may enter, with settings that are to be written."""
    with tempfile.TemporaryDirectory() as name:
        site = Path(name) / "sites/default"
        site.mkdir(parents=True)
        Path(name).chmod(0o755)
        yield Path(name)


@NEEDS_PHP
def test_directories_that_are_configured_and_cannot_be_read_are_told(drupal: Path) -> None:
    site = drupal / "sites/default"
    settings = site / "settings.php"
    settings.write_text("<?php\n$conf['file_private_path'] = '/none/private';\n")
    told = told_of(drupal, "drupal7", "default")
    assert {"private": "/none/private"} == told["unread"]
    assert "paths" not in told
    settings.write_text("<?php\n$conf['file_private_path'] = 'sites/default/files/private';\n")
    closed_by(site / "files/private", "Deny from all\n")
    told = told_of(drupal, "drupal7", "default")
    assert {"public", "private"} == set(told["paths"])
    assert ("unread" in told, []) == (False, told["closed"])
    (site / "files/private").chmod(0)
    other = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    told = told_of(drupal, "drupal7", "default", **other)
    (site / "files/private").chmod(0o755)
    assert {"private": str((site / "files/private").resolve())} == told["unread"]
    assert {"public"} == set(told["paths"])


@NEEDS_PHP
@pytest.mark.parametrize("alone", [True, False])
def test_a_backdrop_has_its_configuration_where_its_settings_say(drupal: Path, *, alone: bool) -> None:
    place = drupal if alone else drupal / "sites/default"
    active = place / "files/config_x/active"
    active.mkdir(parents=True)
    (active / "system.core.json").write_text('{"site_name": "Mill", "file_private_path": "../none"}')
    (drupal / "files").mkdir(exist_ok=True)
    (place / "settings.php").write_text(
        "<?php\n$database = 'mysql://u:p%40@127.0.0.1:1/name';\n$config_directories['active'] = 'files/config_x/active';\n"
        "$settings['hash_salt'] = 'x';\n"
    )
    told = told_of(drupal, "backdrop", "default")
    assert str(active.resolve()) == told["paths"]["config"]["path"]
    assert str((drupal / "files").resolve()) == told["paths"]["public"]["path"]
    assert {"private": "../none"} == told["unread"]
    assert ("mysql", "name", True) == (told["driver"], told["database"]["name"], told["own"]["salt"])


def test_serialised_values_are_read_by_each_version_of_php() -> None:
    text = remote._text("look.php")
    assert "PHP_VERSION_ID < 70000 ? @unserialize($text) : " in text
    assert 2 == text.count("unserialize(")


@NEEDS_PHP
def test_a_dump_has_all_characters_and_the_account_of_the_site_alone(tmp_path: Path) -> None:
    web = wordpress(tmp_path / "site") / "web"
    tools = tmp_path / "bin"
    tools.mkdir()
    program = tools / "mysqldump"
    program.write_text(
        '#!/bin/sh\n[ "$1" = --help ] && exit\n'
        'echo "$HOME $MYSQL_TEST_LOGIN_FILE"; printf \'%s\\n\' "$@"; cat "${1#*=}"\n'
    )
    program.chmod(0o755)
    values = {"docroot": str(web), "application": "wordpress", "site": ""}
    done = subprocess.run(
        ["php"], input=remote._php(values, "settings.php", "dump.php"), capture_output=True, text=True, timeout=60, check=True,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(tmp_path)},
    )  # fmt: skip
    home, first, *lines = done.stdout.splitlines()
    assert "/nonexistent /nonexistent" == home
    assert first.startswith("--defaults-extra-file=")
    assert {"--default-character-set=utf8mb4", "--hex-blob", "--max-allowed-packet=1G", "blog"} < set(lines)
    assert 'socket="/nowhere/mysqld.sock"' in lines
    assert not Path(first.partition("=")[2]).exists()


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
    assert f"there is neither Drupal, WordPress nor Backdrop in {tmp_path}" == given["fault"]
    assert "cannot be entered" in run("sh", remote.look(f"{tmp_path}/none"))["fault"]
