"""Content follows its site: of WordPress by new addresses in the database, of Drupal by an address that the web servers serve."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests.integration.backing import ROOT, STACK, Backed, stack_text
from tests.integration.farm import fetch, web_and_database
from tests.integration.project import Project

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
PRESS, SEVEN = "press.example.com", "seven.example.com"
COPY, COPY7, BROUGHT = "copy.example.org", "seven.example.org", "brought.example.org"
BLOCK = r'<!-- wp:image {"url":"http:\/\/press.example.com\/a.jpg","alt":"\u0022press.example.com\u0022"} -->'
TEXT = (
    f"{BLOCK} <a href='http://press.example.com/'>M\u00fcller</a> https://press.example.com/b info@press.example.com "
    "press.example.com.evil.org notpress.example.com //press.example.com/c.js u=http%3A%2F%2Fpress.example.com%2Fd"
)
WIDGET = "[1 => ['text' => 'http://HOST/w', 'packed' => serialize(['u' => 'http://HOST/\u00fc', 'm' => 'a@press.example.com'])]]"


def packed(farm: Backed, host: str) -> str:
    """Let PHP write a widget's options."""
    return farm.web.run(f'php -r "echo serialize({WIDGET.replace("HOST", host)});"').stdout


@pytest.fixture(scope="module")
def farm(lab_factory: LabFactory, drupal7: Path, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Backed:
    lab = lab_factory("rewriting", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    work = Project(tmp_path_factory.mktemp("rewriting"))
    settings: dict[str, Any] = web_and_database(lab, source=drupal7, sites={})
    settings["hub"]["root"] = str(work.hub)
    server = next(iter(settings["platforms"].values()))["server"]
    settings["platforms"] = {
        name: {"server": server, "source": str(path)} for name, path in {"seven": drupal7, "press": wordpress}.items()
    }
    settings["sites"] = {
        # What is counted is what nobody else writes.
        PRESS: {"platform": "press", "cron": "off"}, SEVEN: {"platform": "seven", "profile": "minimal", "cron": "off"},
    }  # fmt: skip
    farm = Backed(lab=lab, work=work, settings=settings)
    work.add(STACK, stack_text(settings))
    work.up(STACK)
    return farm


def planted(farm: Backed) -> None:
    """Give the sites content with their addresses, as editors and plugins do."""
    quoted = TEXT.replace("\\", "\\\\").replace("'", "''")
    farm.sql(
        PRESS,
        "SET NAMES utf8mb4; SET sql_mode = '';"
        f"INSERT INTO wp_posts (ID, post_author, post_content, guid, post_type) VALUES (70, 1, '{quoted}', "
        "'http://press.example.com/?p=70', 'post');"
        f"INSERT INTO wp_options (option_id, option_name, option_value) VALUES (900, 'widget_x', '{packed(farm, PRESS)}'), "
        f"(901, 'broken_x', 's:3:\"http://press.example.com\";'), (902, 'home_x', 'http://press.example.com');"
        "INSERT INTO wp_postmeta VALUES (900, 70, 'x', 'http://press.example.com/z');"
        "CREATE TABLE wp_keyless (t text); INSERT INTO wp_keyless VALUES ('http://press.example.com');"
        "CREATE TABLE wp_one (id int PRIMARY KEY, t varchar(60) UNIQUE); "
        f"INSERT INTO wp_one VALUES (1, 'http://press.example.com'), (2, 'http://{COPY}'), (3, 'http://press.example.com/3');"
        "CREATE TABLE wp_keyed (t varchar(60) PRIMARY KEY, u blob); "
        "INSERT INTO wp_keyed VALUES ('http://press.example.com', 'HTTP://press.example.com'), ('x', x'ff');"
        "CREATE TABLE wp_long (id int PRIMARY KEY, t varchar(17)); INSERT INTO wp_long VALUES (1, 'none');"
        "CREATE TABLE wp_short (a int, b int, t varchar(25), at timestamp DEFAULT 0 ON UPDATE CURRENT_TIMESTAMP, "
        "PRIMARY KEY (a, b)) CHARACTER SET latin1;"
        "INSERT INTO wp_short SELECT seq DIV 10, seq MOD 10, CONCAT('M\u00fcller press.example.com'), '2020-01-01' "
        "FROM seq_1_to_130;",
    )
    for site in (PRESS, SEVEN):
        files, user = farm.files(site), layout.system_user(site)
        farm.web.run(f"mkdir -p {files}/2026; echo photo >{files}/2026/photo.txt; chown -R {user}: {files}/2026")


def foreign_dump(farm: Backed, place: Path) -> Path:
    """Make a dump of another host, where WordPress is in a directory and moved once before."""
    own = layout.database_name(PRESS)
    farm.database.run(f"mysql -e 'DROP DATABASE IF EXISTS other; CREATE DATABASE other'; mysqldump {own} | mysql other")
    farm.database.run(
        "mysql other",
        input="UPDATE wp_options SET option_value = 'https://old.example.net/blog' WHERE option_name IN ('home', 'siteurl');"
        "UPDATE wp_postmeta SET meta_value = 'https://old.example.net/blog/x https://old.example.net/shop http://older.example.net/y'"
        " WHERE meta_id = 900; UPDATE wp_long SET t = 'older.example.net'",
    )
    target = place / "other.sql"
    text = farm.database.run("mysqldump other | base64; mysql -e 'DROP DATABASE other'").stdout
    target.write_bytes(base64.b64decode(text))
    return target


def test_content_has_the_address_of_its_new_site(farm: Backed, tmp_path: Path) -> None:
    planted(farm)
    rows = farm.rows(PRESS)
    sites = farm.settings["sites"]
    sites[COPY] = {"platform": "press", "origin": {"site": PRESS, "sanitise": "none"}}
    sites[COPY7] = {**sites[SEVEN], "origin": {"site": SEVEN, "sanitise": "none"}}
    brought = {"database": str(foreign_dump(farm, tmp_path)), "former": ["older.example.net"]}
    sites[BROUGHT] = {"platform": "press", "origin": brought}
    farm.write()

    said = farm.work.up(STACK).sentence

    assert rows == farm.rows(PRESS), "the source is as it was"
    assert packed(farm, COPY) == farm.sql(
        COPY, "SET NAMES utf8mb4; SELECT option_value FROM wp_options WHERE option_id = 900"
    )
    expected = TEXT.replace("https://press.example.com", f"http://{COPY}")
    for before in ("//", "\\/", "0022", "%2F"):
        expected = expected.replace(f"{before}{PRESS}", f"{before}{COPY}")
    hexed = "SELECT HEX(CONVERT(post_content USING utf8mb4)) FROM wp_posts WHERE ID = 70"
    assert expected == bytes.fromhex(farm.sql(COPY, hexed)).decode()
    assert f"http://{PRESS}/?p=70" == farm.sql(COPY, "SELECT guid FROM wp_posts WHERE ID = 70")
    assert {f"http://{COPY}"} == set(farm.sql(COPY, "SELECT option_value FROM wp_options WHERE option_name IN ('home', "
                                             "'siteurl', 'home_x')").split())  # fmt: skip
    assert "130\t2020-01-01 00:00:00" == farm.sql(
        COPY,
        f"SET NAMES utf8mb4; SELECT COUNT(*), MAX(at) FROM wp_short WHERE CONVERT(t USING utf8mb4) = 'M\u00fcller {COPY}'",
    )
    assert f"http://{PRESS} became http://{COPY} in".replace("http://", "", 1) in said
    assert "wp_short 130" in said
    assert "wp_options.option_value of option_id 901 (it cannot be read)" in said
    assert "table wp_keyless (it has no key)" in said
    assert "wp_one.t of id 1 (the server does not take the new value)" in said
    assert f"http://{COPY}/3" == farm.sql(COPY, "SELECT t FROM wp_one WHERE id = 3")
    assert "wp_keyed.t (it is part of the row's key)" in said
    assert f"http://{COPY}" == farm.sql(COPY, "SELECT u FROM wp_keyed WHERE t <> 'x'")
    assert "wp_long.t of id 1 (the new value is too long)" in said
    assert "older.example.net" == farm.sql(BROUGHT, "SELECT t FROM wp_long")
    assert f"http://{BROUGHT}/x https://old.example.net/shop http://{BROUGHT}/y" == farm.sql(
        BROUGHT, "SELECT meta_value FROM wp_postmeta WHERE meta_id = 900"
    )
    for site, source in {COPY: PRESS, COPY7: SEVEN}.items():
        assert 200 == farm.status(site)
        for name in (source, site, "default"):
            if (site, name) != (COPY, "default"):
                assert "photo" in fetch(farm.web, site, f"/sites/{name}/files/2026/photo.txt").body, (site, name)
    assert 200 == fetch(farm.web, BROUGHT, "/").status


def test_the_former_names_stay_known_without_the_origin(farm: Backed) -> None:
    for site in (COPY, COPY7, BROUGHT):
        farm.settings["sites"][site].pop("origin", None)
    farm.write()
    farm.work.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", STACK)
    assert "photo" in fetch(farm.web, COPY7, f"/sites/{SEVEN}/files/2026/photo.txt").body
    assert layout.site_files(ROOT, COPY7) != layout.site_files(ROOT, SEVEN)


def test_a_renamed_site_gets_its_new_address_by_a_command(farm: Backed) -> None:
    new = "press.example.net"
    farm.settings["sites"][new] = {**farm.settings["sites"].pop(PRESS), "formerly": PRESS}
    farm.up()
    farm.sql(
        PRESS,
        "CREATE TABLE wp_site (id int PRIMARY KEY, domain varchar(200), path varchar(100));"
        f"CREATE TABLE wp_blogs LIKE wp_site; INSERT INTO wp_site VALUES (1, '{PRESS}', '/');"
        f"INSERT INTO wp_blogs VALUES (1, '{PRESS}', '/'), (2, 'shop.{PRESS}', '/'), (3, 'own.example.de', '/');"
        "CREATE TABLE wp_2_options LIKE wp_options;"
        f"INSERT INTO wp_2_options VALUES (1, 'home', 'http://shop.{PRESS}', 'yes'), (2, 'x', 'http://own.example.de', 'yes');",
    )
    rows = farm.rows(PRESS)
    counted = farm.aegir("rewrite", new, "--dry-run").splitlines()[0]
    assert rows == farm.rows(PRESS)

    said = farm.aegir("rewrite", new)

    done = said.splitlines()[0]
    assert "became" in done
    assert counted == done.replace("became", "would become")
    assert f"shop.{PRESS} is shop.{new}. Each name has to be an alias of the site" in said
    assert "that keep their names: own.example.de" in said
    assert [new, f"shop.{new}", "own.example.de"] == farm.sql(PRESS, "SELECT domain FROM wp_blogs ORDER BY id").split()
    assert [f"http://shop.{new}", "http://own.example.de"] == farm.sql(
        PRESS, "SELECT option_value FROM wp_2_options ORDER BY option_id"
    ).split()
    assert packed(farm, new) == farm.sql(
        PRESS, "SET NAMES utf8mb4; SELECT option_value FROM wp_options WHERE option_id = 900"
    )
    assert " in 0 values" in farm.aegir("rewrite", new, "--dry-run")
    assert 1 == len(list((farm.work.hub / "backups").rglob(f"*{PRESS}*.sql.gz")))
    assert 200 == farm.status(new)
    assert "no WordPress site" in farm.aegir("rewrite", SEVEN, status=1)
    assert "http://: no address" in farm.aegir("rewrite", new, "--from", "http://", status=1)
