"""Sites from years ago: databases of old releases, which core keeps for its own tests, are brought to the code of today."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests import codebases
from tests.integration.farm import Farm, fetch, web_and_database
from tests.integration.updating import Estate, Visitor

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SEVEN = (
    "define('DRUPAL_ROOT', getcwd()); require 'includes/bootstrap.inc'; drupal_bootstrap(DRUPAL_BOOTSTRAP_CONFIGURATION);"
    # Known without the table that is not there yet.
    "$GLOBALS['conf']['blocked_ips'] = array('203.0.113.1'); drupal_bootstrap(DRUPAL_BOOTSTRAP_DATABASE);"
)
LATER = (
    "$loader = require 'autoload.php'; $asked = Symfony\\Component\\HttpFoundation\\Request::createFromGlobals();"
    "$kernel = new Drupal\\Core\\DrupalKernel('prod', $loader);"
    "Drupal\\Core\\Site\\Settings::initialize(getcwd(), $kernel::findSitePath($asked), $loader);"
)


@dataclass(frozen=True)
class Old:
    """A database of long ago, and the code that it is to have."""

    code: str
    """The code base that the site gets."""
    dump: str
    """The database, as a program of the application's, in a code base."""
    of: str
    """Which code base has it."""
    begin: str
    """PHP that lets the program reach the site's database."""
    schema: str
    """Gives how far the database of the module ``system`` is."""
    titles: str
    """Counts what editors wrote."""
    name: str = ""

    @property
    def site(self) -> str:
        """The site's name."""
        return self.name or f"{self.code}.example.com"


LATER_SCHEMA = (
    "SELECT CONVERT(value USING utf8mb4) FROM key_value WHERE collection = 'system.schema' AND name = 'system'"
)
# Drupal 8.8 to 9.2 is not among them: 9.2 needs PHP 8.0, which the hosts do not have.
OLD = [
    Old("drupal7", "modules/simpletest/tests/upgrade/drupal-7.filled.minimal.database.php.gz", "drupal7", SEVEN,
        "SELECT schema_version FROM system WHERE name = 'system'", "SELECT COUNT(*) FROM node"),
    Old("drupal10-next", "core/modules/system/tests/fixtures/update/drupal-9.4.0.filled.standard.php.gz", "drupal10-next",
        LATER, LATER_SCHEMA, "SELECT COUNT(*) FROM node_field_data"),
]  # fmt: skip


def root(code: str) -> Path:
    """Give the document root of a code base."""
    found = codebases.ask(code)
    return found / "web" if (found / "web").is_dir() else found


BLOG = "blog.example.com"
ELSEWHERE = replace(OLD[1], name="elsewhere.example.com")
ARRIVED = replace(OLD[1], name="arrived.example.com")


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    lab = lab_factory("old-updates", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    web, database = lab.host("web1"), lab.host("db1")
    settings = web_and_database(lab, source=codebases.ask("drupal7"), sites={})
    settings["platforms"] = {old.code: {"server": web.spec.fqdn, "source": str(codebases.ask(old.code))} for old in OLD}
    settings["platforms"]["blogs"] = {"server": web.spec.fqdn, "source": str(wordpress)}
    settings["sites"] = {old.site: {"platform": old.code, "install": False, "cron": "off"} for old in OLD}
    settings["sites"][ELSEWHERE.site] = {"platform": ELSEWHERE.code, "install": False, "cron": "off"}
    settings["sites"][BLOG] = {"platform": "blogs", "cron": "off"}
    farm = Farm(tmp_path_factory.mktemp("old-updates"), settings)
    farm.up(timeout=500)
    return Estate(farm, web, database)


def load(estate: Estate, old: Old) -> None:
    """Put the old database into the site's, by the application's own program."""
    user = layout.system_user(old.site)
    program = gzip.decompress((root(old.of) / old.dump).read_bytes()).decode().removeprefix("<?php")
    live = f"$(readlink /var/aegir/platforms/{old.code})"
    command = (
        f"cd {live}; [ ! -d web ] || cd web; AEGIR_SITE={old.site} runuser -u {user} -- php -d error_reporting=0"
        " -d memory_limit=1G"
    )
    here = f'$_SERVER["HTTP_HOST"] = "{old.site}"; $_SERVER["REMOTE_ADDR"] = "127.0.0.1"; $_SERVER["SCRIPT_NAME"] = "/index.php";'
    # What `use` names has to stand before all else.
    lines = program.splitlines()
    names = [line for line in lines if line.startswith("use ")]
    rest = [line for line in lines if not line.startswith("use ")]
    estate.web.run(command, input="\n".join(["<?php", *names, here, old.begin, *rest]), timeout=300)


@pytest.mark.parametrize("old", OLD, ids=lambda old: old.code)
def test_a_site_of_years_ago_is_brought_to_the_code_of_today(estate: Estate, old: Old) -> None:
    load(estate, old)
    had, content = int(estate.sql(old.schema, old.site).strip('i:;"')), estate.sql(old.titles, old.site)
    assert int(content) > 0

    pending = estate.farm.aegir("update", old.site, "--stack", "test", "--dry-run")
    assert f"{old.site}: " in pending
    assert "no updates are pending" not in pending
    if old.code == "drupal7":
        estate.sql("ALTER TABLE node CONVERT TO CHARACTER SET utf8mb3", old.site)
        estate.farm.aegir("update", old.site, "--stack", "test", status=4)
        estate.sql("ALTER TABLE node CONVERT TO CHARACTER SET utf8mb4", old.site)
    assert "rehearsed in" in estate.farm.aegir("update", old.site, "--stack", "test")

    assert int(estate.sql(old.schema, old.site).strip('i:;"')) >= had
    assert content == estate.sql(old.titles, old.site)
    assert 200 == fetch(estate.web, old.site, "/user/login").status
    assert "no updates are pending" in estate.farm.aegir("update", old.site, "--stack", "test", "--dry-run")
    assert "" == estate.left()


def test_an_old_site_that_comes_from_elsewhere_is_brought_to_the_code_of_today_in_the_same_up(
    estate: Estate, tmp_path: Path
) -> None:
    load(estate, ELSEWHERE)
    had, content = estate.sql(ARRIVED.schema, ELSEWHERE.site), estate.sql(ARRIVED.titles, ELSEWHERE.site)
    dump = tmp_path / "site.sql"
    dump.write_text(estate.database.run(f"mysqldump --no-tablespaces {layout.database_name(ELSEWHERE.site)}").stdout)
    origin = {"database": str(dump)}
    estate.farm.settings["sites"][ARRIVED.site] = {"platform": ARRIVED.code, "cron": "off", "origin": origin}

    done = estate.farm.up(timeout=500)

    assert f"{ARRIVED.site}: " in done.sentence
    assert "rehearsed in" in done.sentence
    assert content == estate.sql(ARRIVED.titles, ARRIVED.site)
    assert had != estate.sql(ARRIVED.schema, ARRIVED.site)
    assert 200 == fetch(estate.web, ARRIVED.site, "/user/login").status


def test_wordpress_goes_from_6_1_to_6_9_with_what_it_has(estate: Estate) -> None:
    version = "SELECT option_value FROM wp_options WHERE option_name = 'db_version'"
    former = int(estate.sql(version, BLOG))
    estate.sql("UPDATE wp_posts SET post_title = 'Kept since 6.1' WHERE ID = 1", BLOG)
    estate.farm.settings["platforms"]["blogs"]["source"] = str(codebases.ask("wordpress"))
    assert f"from database version {former} to " in estate.farm.preview().output
    with Visitor(estate.web, BLOG, "/") as visitor:
        done = estate.farm.up()
    assert f"{BLOG}: 1 updates, rehearsed in" in done.sentence
    assert visitor.statuses <= {200, 307}
    assert int(estate.sql(version, BLOG)) > former
    assert "Kept since 6.1" in fetch(estate.web, BLOG).body
    assert "" == estate.left()


def test_the_farm_is_as_declared_then(estate: Estate) -> None:
    estate.farm.up("--refresh")
    estate.farm.unchanged("--refresh")
    found = json.loads(estate.farm.aegir("status", "test", "--live", "--json"))
    assert [] == [row["name"] for row in found["sites"] if row["faults"]]
