"""Backdrop CMS on real hosts: its configuration is in files that belong with its database, and both go together."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.applications import base
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration import logins
from tests.integration.editing import upload_to_backdrop
from tests.integration.farm import Farm, fetch, web_and_database
from tests.integration.waiting import run_cron

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
NAME, ALIAS, COPY = "www.example.com", "example.com", "copy.example.com"
ROOT = layout.PLATFORMS_ROOT
INFO = "name = Mill\ntype = module\nbackdrop = 1.x\nversion = 1.x-1.0.0\n"
UPDATE = """<?php
/**
 * Grinds.
 */
function mill_update_1000() {
  db_create_table('mill', ['fields' => ['grain' => ['type' => 'varchar', 'length' => 20]]]);
  config_set('mill.settings', 'grain', 'rye');
}
"""
BREAKS = """
/**
 * Breaks the site for visitors.
 */
function mill_update_1001() {
  config_set('mill.settings', 'grain', 'broken');
}
"""
BROKEN = "<?php function mill_init() { if (PHP_SAPI !== 'cli' && config_get('mill.settings', 'grain') === 'broken') exit(1); }\n"


@dataclass
class Estate:
    farm: Farm
    web: Host
    database: Host
    code: Path

    def sql(self, statement: str, site: str = NAME) -> str:
        """Ask a site's database as root."""
        return self.database.run(f"mariadb -N {layout.database_name(site)}", input=statement).stdout.strip()

    def php(self, text: str, site: str = NAME) -> str:
        """Run PHP in the site, as its own user; give what it prints after ``::``."""
        docroot, user = f"$(readlink -f {ROOT}/code)", layout.system_user(site)
        whole = (
            base.program({"host": site, "url": f"http://{site}"}, "backdrop/boot.php") + f"\nob_end_clean();\n{text}"
        )
        said = self.web.run(f"AEGIR_SITE={site} AEGIR_DOCROOT={docroot} runuser -u {user} -- php", input=whole).stdout
        return said.rpartition("::")[2]

    def active(self, name: str, site: str = NAME) -> dict[str, object]:
        """Read a file of the active configuration; empty where it is not there."""
        path = f"{layout.site_configuration(ROOT, site)}/active/{name}.json"
        found: dict[str, object] = json.loads(self.web.run(f"cat {path} 2>/dev/null || echo '{{}}'").stdout)
        return found

    def module(self, **files: str) -> None:
        """Write files of the module mill into the code base."""
        place = self.code / "modules" / "mill"
        place.mkdir(exist_ok=True)
        for ending, text in files.items():
            (place / f"mill.{ending}").write_text(text)


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    source = codebases.ask("backdrop")
    lab = lab_factory("backdrop", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    work = tmp_path_factory.mktemp("backdrop")
    code = work / "code"
    shutil.copytree(source, code, symlinks=True)
    site = {"title": 'It\'s a "site"', "aliases": [ALIAS], "admin": {"mail": "zq1@personal.example"}}
    settings = web_and_database(lab, source=code, sites={NAME: site})
    settings["backups"] = {"to": ["hub"]}
    estate = Estate(Farm(work / "farm", settings), lab.host("web1"), lab.host("db1"), code)
    estate.module(info=INFO, module="<?php\n", install="<?php\n")
    estate.farm.up()
    return estate


def test_it_answers_under_all_its_names_and_a_second_run_has_nothing_to_do(estate: Estate) -> None:
    answer = fetch(estate.web, NAME)
    assert (200, "Backdrop CMS 1") == (answer.status, answer.headers["x-generator"][:14])
    assert "It&#039;s a &quot;site&quot;" in answer.body
    assert 200 == fetch(estate.web, ALIAS, "/user/login").status
    assert 'It\'s a "site"' == estate.active("system.core")["site_name"]
    estate.farm.unchanged("--refresh")


def test_what_is_not_for_visitors_is_not_served(estate: Estate) -> None:
    files, private = layout.site_files(ROOT, NAME), layout.site_private(ROOT, NAME)
    user = layout.system_user(NAME)
    estate.web.run(
        f"echo '<?php echo 6 * 7;' >{files}/evil.php; echo mine >{private}/none.txt; chown {user}: {private}/none.txt"
    )
    for path in ("/settings.php", f"/sites/{NAME}/settings.php", "/core/install.php", "/core/authorize.php", "/README.md",
                 "/core/modules/node/node.info", "/core/includes/bootstrap.inc", "/core/scripts/run-tests.sh", "/.htaccess",
                 f"/sites/{NAME}/files/evil.php", f"/sites/{NAME}/config/active/system.core.json", "/config/active/x.json",
                 "/system/files/none.txt", f"/sites/{NAME}/private/none.txt", "/core/cron.php", "/core/update.php"):  # fmt: skip
        answer = fetch(estate.web, NAME, path)
        assert answer.status in (403, 404), path
        assert "42" not in answer.body[:20], path
        assert "mine" not in answer.body[:20], path
    assert 200 == fetch(estate.web, NAME, "/core/misc/backdrop.js").status


def test_its_administrator_comes_in_by_a_link_once_and_by_a_changed_password(estate: Estate) -> None:
    link = estate.farm.aegir("login", NAME, "--stack", "test").strip()
    path = link.removeprefix(f"http://{NAME}")
    first = logins.Browser(estate.web, NAME)
    assert 302 == first.get(path)[0]
    assert "status-report" in first.get("/admin/reports/status")[1]
    second = logins.Browser(estate.web, NAME)
    second.get(path)
    assert 302 == second.get("/user")[0]
    assert logins.backdrop(estate.web, NAME, estate.farm.outputs()["sites"][NAME]["admin_password"])
    given = 'it\'s a "new" pässword $1'
    estate.farm.secrets[f'sites["{NAME}"].admin.password'] = given
    estate.farm.up()
    assert logins.backdrop(estate.web, NAME, given)


def test_cron_runs_by_the_timer_and_no_visitor_waits_for_it(estate: Estate) -> None:
    estate.sql("DELETE FROM state WHERE name = 'cron_last'; DELETE FROM cache_bootstrap")
    fetch(estate.web, NAME, "/user/password?nobody=1")
    assert "0" == estate.sql("SELECT COUNT(*) FROM state WHERE name = 'cron_last'")
    run_cron(estate.web, layout.system_user(NAME))
    assert "1" == estate.sql("SELECT COUNT(*) FROM state WHERE name = 'cron_last'")


def test_an_editors_image_is_served_with_its_style(estate: Estate) -> None:
    browser = logins.Browser(estate.web, NAME)
    password = estate.farm.secrets[f'sites["{NAME}"].admin.password']
    assert logins.enter_drupal(browser, password, path="/user/login", form_id="user_login")
    for path in upload_to_backdrop(browser, "A page", "Written by an editor"):
        answer = fetch(estate.web, NAME, path)
        assert (200, "image/png") == (answer.status, answer.headers["content-type"]), path
    assert "Written by an editor" in fetch(estate.web, NAME, "/?new=1").body


def test_a_backup_has_its_configuration_which_comes_back_with_the_database(estate: Estate) -> None:
    estate.php("config_set('system.core', 'site_slogan', 'before'); state_set('mark', 'before');")
    estate.farm.aegir("backup", NAME, "--stack", "test")
    estate.php("config_set('system.core', 'site_slogan', 'after'); state_set('mark', 'after');")
    estate.farm.aegir("restore", NAME, "--stack", "test", "--yes", "--only", "database")
    assert "before" == estate.active("system.core")["site_slogan"]
    assert "before" == estate.php("echo '::', state_get('mark');")
    estate.php("config_set('system.core', 'site_slogan', 'after');")
    estate.farm.aegir("restore", NAME, "--stack", "test", "--yes", "--only", "files")
    assert "after" == estate.active("system.core")["site_slogan"]
    estate.farm.unchanged("--refresh")


def test_a_clone_has_neither_personal_data_nor_secrets_in_its_configuration(estate: Estate) -> None:
    estate.php(
        "config_set('shop.settings', 'api_key', 'zq-key'); config_set('shop.settings', 'sender', 'zq2@personal.example');"
        "config_set('smtp.settings', 'host', 'zq-host');"
    )
    estate.farm.settings["sites"][COPY] = {"platform": "code", "origin": {"site": NAME, "sanitise": "standard"}}
    estate.farm.up()
    assert 200 == fetch(estate.web, COPY).status
    assert "It&#039;s a &quot;site&quot;" in fetch(estate.web, COPY).body
    assert {"api_key": "", "sender": "nobody@example.invalid"}.items() <= estate.active("shop.settings", COPY).items()
    assert {} == estate.active("smtp.settings", COPY)
    there = estate.web.run(f"grep -rl zq {layout.site_directory(ROOT, COPY)}/config || true").stdout
    assert "" == there
    assert "" == estate.sql("SELECT mail FROM users WHERE mail LIKE '%zq%'", COPY)
    estate.farm.unchanged("--refresh")


def test_an_update_is_told_at_preview_and_takes_the_configuration_along(estate: Estate) -> None:
    estate.php("module_enable(['mill']);")
    assert "0" == estate.sql("SELECT schema_version FROM system WHERE name = 'mill'")
    estate.module(install=UPDATE)
    told = estate.farm.preview().output
    assert re.search(r"Pending updates of [^:]*: 1 \(mill_update_1000\)", told), told
    estate.farm.up()
    assert "rye" == estate.active("mill.settings")["grain"]
    assert "1000" == estate.sql("SELECT schema_version FROM system WHERE name = 'mill'")
    listed = "foreach (['install', 'update'] as $one) { require_once BACKDROP_ROOT . \"/core/includes/$one.inc\"; }"
    assert "[]" == estate.php(f"{listed} backdrop_load_updates(); echo '::', json_encode(update_get_update_list());")
    estate.farm.unchanged("--refresh")


def test_an_update_that_breaks_the_site_is_taken_back_with_its_configuration(estate: Estate) -> None:
    estate.module(install=UPDATE + BREAKS, module=BROKEN)
    failed = estate.farm.up(ok=False)
    assert "does not answer" in failed.output
    assert "rye" == estate.active("mill.settings")["grain"]
    assert "1000" == estate.sql("SELECT schema_version FROM system WHERE name = 'mill'")
    assert 200 == fetch(estate.web, NAME, "/?again=1").status
    # Its owner goes back, and then on: the release that works takes the update with it.
    estate.module(module="<?php\n")
    estate.farm.up()
    assert "broken" == estate.active("mill.settings")["grain"]
    assert 200 == fetch(estate.web, NAME, "/?again=2").status
    assert "" == html.unescape(estate.web.run("find /var/lib/aegir/rehearsal -mindepth 1 2>/dev/null || true").stdout)
