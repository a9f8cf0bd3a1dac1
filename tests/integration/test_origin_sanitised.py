"""Clones of live sites of Drupal 10, Drupal 7 and WordPress: personal data never leaves the source's database server."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from aegir_components import layout
from aegir_components.sanitising import scratch
from lab import HostSpec, Lab
from tests.integration.backing import ROOT, STACK, Backed, stack_text
from tests.integration.capturing import leaving
from tests.integration.farm import fetch, web_and_database
from tests.integration.project import Project

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITES = {"ten.example.com": "ten", "seven.example.com": "seven", "press.example.com": "press"}
MARK = re.compile(r"zq(?:1[0-2][0-9]|99[89])", re.IGNORECASE)
NUMBERS = range(100, 125)


def _serialised(number: int) -> str:
    mail = f"zq{number}@personal.example"
    return f'a:2:{{s:4:"mail";s:{len(mail)}:"{mail}";s:1:"n";i:{number};}}'


def _drupal10(n: int) -> str:
    return f"""
INSERT INTO users (uid, uuid, langcode) VALUES ({n}, 'u{n}', 'en');
INSERT INTO users_field_data (uid, langcode, name, pass, mail, init, status, default_langcode)
  VALUES ({n}, 'en', 'Zq{n} Erika', 'hash-zq{n}', 'zq{n}@personal.example', 'ZQ{n}@personal.example', 1, 1);
INSERT INTO users_data VALUES ({n}, 'contact', 'phone', '+49 zq{n}', 0);
INSERT INTO sessions VALUES ({n}, 'sid-zq{n}', '192.0.2.1', 1, 'session of zq{n}');
INSERT INTO webform_submission_data VALUES ({n}, 'name', 'Zq{n} Erika');
INSERT INTO node__field_reach VALUES ({n}, 'en', 'zq{n} at home');
INSERT INTO node__body (bundle, deleted, entity_id, revision_id, langcode, delta, body_value)
  VALUES ('page', 0, {n}, {n}, 'en', 0, 'Write to zq{n}@personal.example or call +49 170 5550{n}, Müller');
INSERT INTO config (collection, name, data) VALUES ('', 'contact.form.f{n}', '{_serialised(n)}');
INSERT INTO key_value (collection, name, value) VALUES ('tests', 'k{n}', '{_serialised(n)}');
"""


def _drupal7(n: int) -> str:
    return f"""
INSERT INTO users (uid, name, pass, mail, init, signature, data)
  VALUES ({n}, 'Zq{n} Erika', 'hash-zq{n}', 'zq{n}@personal.example', 'ZQ{n}@personal.example', 'zq{n}', 'zq{n}');
INSERT INTO sessions (uid, sid, hostname, session) VALUES ({n}, 'sid-zq{n}', '192.0.2.1', 'zq{n}');
INSERT INTO watchdog (uid, type, message, variables, location, hostname) VALUES ({n}, 'user', 'zq{n}', '', 'zq{n}', '192.0.2.1');
INSERT INTO webform_submitted_data VALUES ({n}, 'Zq{n} Erika');
INSERT INTO field_data_field_hotline VALUES ({n}, 'und', '030 zq{n}');
INSERT INTO variable (name, value) VALUES ('contact_{n}', '{_serialised(n)}');
"""


def _wordpress(n: int) -> str:
    return f"""
INSERT INTO wp_users (ID, user_login, user_pass, user_nicename, user_email, user_url, user_activation_key, display_name)
  VALUES ({n}, 'zq{n}', 'hash-zq{n}', 'zq{n}', 'zq{n}@personal.example', 'http://zq{n}.example', 'zq{n}', 'Zq{n} Erika');
INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES ({n}, 'session_tokens', 'zq{n}'), ({n}, 'billing_phone', 'zq{n}'),
  ({n}, 'first_name', 'Zq{n}');
INSERT INTO wp_comments (comment_post_ID, comment_author, comment_author_email, comment_content)
  VALUES (1, 'Zq{n}', 'zq{n}@personal.example', 'zq{n}');
INSERT INTO wp_posts (post_author, post_content, post_title, post_excerpt, to_ping, pinged, post_content_filtered, post_type)
  VALUES (1, 'Write to zq{n}@personal.example', 't', '', '', '', '', 'post'),
  (1, 'zq{n}', 'Order zq{n}', '', '', '', '', 'shop_order');
INSERT INTO wp_options (option_name, option_value) VALUES ('form_{n}', '{_serialised(n)}'), ('smtp_{n}', 'zq{n}');
INSERT INTO wp_wpforms_entries VALUES ({n}, 'Zq{n}');
"""


STORAGE = (
    'a:16:{s:4:"uuid";s:36:"5c9c1a0e-1d0f-4a7e-9d0b-0a1b2c3d4e5f";s:8:"langcode";s:2:"en";s:6:"status";b:1;s:12:"dependencies";'
    'a:1:{s:6:"module";a:1:{i:0;s:4:"node";}}s:2:"id";s:16:"node.field_reach";s:10:"field_name";s:11:"field_reach";'
    's:11:"entity_type";s:4:"node";s:4:"type";s:5:"email";s:8:"settings";a:0:{}s:6:"module";s:4:"core";s:6:"locked";b:0;'
    's:11:"cardinality";i:1;s:12:"translatable";b:1;s:7:"indexes";a:0:{}s:22:"persist_with_no_fields";b:0;'
    's:14:"custom_storage";b:0;}'
)
"""A field of Drupal's own type for mail addresses, as core writes it down. Its name says nothing."""
TABLES = {
    "ten.example.com": (
        "CREATE TABLE webform_submission_data (sid int, name varchar(128), value mediumtext);"
        "CREATE TABLE node__field_reach (entity_id int, langcode varchar(32), field_reach_value varchar(256));"
        f"INSERT INTO config (collection, name, data) VALUES ('', 'field.storage.node.field_reach', '{STORAGE}');"
    ),
    "seven.example.com": (
        "CREATE TABLE webform_submitted_data (sid int, data mediumtext);"
        "CREATE TABLE field_data_field_hotline (entity_id int, language varchar(32), field_hotline_value varchar(256));"
        "SET sql_mode = '';"
        "INSERT INTO field_config (field_name, type, module, data) VALUES ('field_hotline', 'phone', 'phone', 'a:0:{}');"
    ),
    "press.example.com": "CREATE TABLE wp_wpforms_entries (entry_id int, fields longtext);",
}  # fmt: skip
PLANT = {"ten.example.com": _drupal10, "seven.example.com": _drupal7, "press.example.com": _wordpress}


@pytest.fixture(scope="module")
def farm(
    lab_factory: LabFactory, drupal10: Path, drupal7: Path, wordpress: Path, tmp_path_factory: pytest.TempPathFactory
) -> Backed:
    lab = lab_factory("sanitised", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    work = Project(tmp_path_factory.mktemp("sanitised"))
    settings: dict[str, Any] = web_and_database(lab, source=drupal10, sites={})
    settings["hub"]["root"] = str(work.hub)
    server = next(iter(settings["platforms"].values()))["server"]
    settings["servers"][server]["services"]["web"] = "nginx"
    sources = {"ten": drupal10, "seven": drupal7, "press": wordpress}
    settings["platforms"] = {name: {"server": server, "source": str(path)} for name, path in sources.items()}
    settings["sites"] = {
        site: {"platform": name, **({} if name == "press" else {"profile": "standard"})} for site, name in SITES.items()
    }
    farm = Backed(lab=lab, work=work, settings=settings)
    work.add(STACK, stack_text(settings))
    work.up(STACK)
    strange = "INSERT INTO config (collection, name, data) VALUES ('', 'contact.form.strange', x'733a343a22c3bc40e2');"
    farm.sql("ten.example.com", strange)
    for site in SITES:
        farm.sql(site, TABLES[site])
        farm.sql(site, "SET sql_mode = '';" + "\n".join(PLANT[site](n) for n in NUMBERS))
        files, user = farm.files(site), layout.system_user(site)
        farm.web.run(
            f"cd {files}; mkdir -p 2026 webform; echo public >2026/photo.txt; echo zq1 >webform/cv.txt; echo zq1 >people.csv; "
            f"chown -R {user}: 2026 webform people.csv; echo zq1 >{layout.site_private(ROOT, site)}/zq1.txt"
        )
    return farm


def clone_of(site: str) -> str:
    return f"copy-{site}"


def declared(farm: Backed, site: str, name: str = "", **origin: Any) -> None:
    entry = {key: value for key, value in farm.settings["sites"][site].items() if key != "origin"}
    farm.settings["sites"][name or clone_of(site)] = {
        **entry,
        "origin": {"site": site, "sanitise": "standard", **origin},
    }


def dumped(farm: Backed, site: str) -> str:
    name = layout.database_name(site)
    return farm.database.run(f"mysqldump --skip-extended-insert {name} | LC_ALL=C tr -d '\\000\\200-\\377'").stdout


def test_no_planted_value_is_on_the_target_in_transit_or_in_any_log(farm: Backed) -> None:
    before = {site: dumped(farm, site) for site in SITES}
    assert 200 <= sum(len(set(re.findall(r"(?i)zq1[0-9][0-9][^0-9'\"]{0,12}", text))) for text in before.values())
    assert 1000 <= sum(len(MARK.findall(text)) for text in before.values()), "values that are somebody's"
    for site in SITES:
        declared(farm, site)
    farm.write()

    with leaving(farm.database) as captured:
        said = farm.work.up(STACK).output

    assert "example.invalid" in captured.printed, "the clones went this way"
    assert "users_field_data" in captured.packets.decode(errors="replace"), "and what the hub asks for is not encrypted"
    for passed in (captured.printed, captured.packets.decode("ascii", errors="ignore")):
        assert [] == [passed[max(0, each.start() - 200) : each.end() + 100] for each in MARK.finditer(passed)][:5]
    for site in SITES:
        clone = clone_of(site)
        assert 200 == fetch(farm.web, clone).status
        text = dumped(farm, clone)
        assert [] == MARK.findall(text), [line[:300] for line in text.splitlines() if MARK.search(line)][:5]
        assert "example.invalid" in text
        tree = farm.web.run(f"cd {layout.site_directory(ROOT, clone)}; find . ; cat site/files/2026/photo.txt").stdout
        assert "public" in tree
        assert not re.search(r"zq1|people\.csv|webform", tree)
    assert [] == MARK.findall(said)
    for path in farm.work.hub.rglob("*"):
        if path.is_file():
            assert not MARK.search(path.read_bytes().decode(errors="replace")), path
    assert "aegir_proof" not in farm.database.run("mysql -N -e 'SHOW DATABASES'").stdout
    for site in SITES:
        assert len(MARK.findall(before[site])) == len(MARK.findall(dumped(farm, site))), "the source is as it was"
        assert "http://" in farm.work.aegir("login", clone_of(site), "--stack", STACK).output
    farm.work.pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def test_the_same_value_becomes_the_same_substitute_in_a_clone_and_another_one_in_the_next(farm: Backed) -> None:
    site, second = "ten.example.com", "second.example.com"
    more = f"cd {farm.files(site)}; mkdir 'a b'; echo x >'a b/left.mp4'; head -c 3000000 /dev/zero >'a b/large.bin'"
    farm.web.run(f"{more}; chown -R {layout.system_user(site)}: 'a b'")
    declared(farm, site, second, files={"exclude": ["*.mp4"], "largest": 2, "proxy": True})
    farm.up()
    query = "SELECT mail, init FROM users_field_data WHERE uid = 101"
    first, init = farm.sql(clone_of(site), query).split()
    assert first == init
    assert first.endswith("@example.invalid")
    assert first != farm.sql(second, query).split()[0]
    number = farm.sql(second, "SELECT data FROM config WHERE name = 'contact.form.f101'")
    assert "i:101;" in number, "what is serialised is whole"
    assert f'"{"x" * 5}@{"x" * 8}.example"' in number
    kept = "SELECT name, MD5(data) FROM config WHERE data NOT LIKE '%@%' ORDER BY name"
    assert farm.sql(site, kept) == farm.sql(second, kept), "what has no address is the same, byte by byte"
    assert "C3BC" in farm.sql(second, "SELECT HEX(data) FROM config WHERE name = 'contact.form.strange'")
    umlaut = "SELECT RIGHT(HEX(body_value), 16) FROM node__body WHERE entity_id = 101"
    assert farm.sql(site, umlaut) == farm.sql(second, umlaut)
    listed = farm.web.run(f"ls -R {farm.files(second)}").stdout
    assert "photo" in listed
    assert "left.mp4" not in listed
    assert "large.bin" not in listed
    lent(farm, site, second)


def lent(farm: Backed, site: str, clone: str) -> None:
    """Hold that visitors are sent to a clone's source for uploads that it has not, and for nothing else."""
    theirs, own = f"/sites/{site}/files", f"/sites/{clone}/files"
    for path in ("a%20b/left.mp4", "a%20b/large.bin", "nowhere/x.png"):
        answer = fetch(farm.web, clone, f"{own}/{path}")
        assert (302, f"http://{site}{theirs}/{path}") == (answer.status, answer.headers.get("location")), path
    assert 200 == fetch(farm.web, clone, f"{own}/2026/photo.txt").status
    for path in ("css/none.css", "js/none.js", "x.php", ".htaccess"):
        assert 302 != fetch(farm.web, clone, f"{own}/{path}").status, path
    assert 302 != fetch(farm.web, site, f"{theirs}/nowhere/x.png").status


def test_what_looks_personal_without_a_rule_stops_the_clone_and_is_named(farm: Backed) -> None:
    site, third = "ten.example.com", "third.example.com"
    farm.sql(site, "CREATE TABLE people (id int, full_name varchar(50)); INSERT INTO people VALUES (1, 'Zq999 Erika')")
    declared(farm, site, third)
    farm.write()
    said = farm.work.up(STACK, ok=False).sentence
    assert "columns look personal and have no rule: people.full_name" in said
    assert 'aegir:sanitise: {"people.full_name": text}' in said
    assert farm.sql(third, "SHOW TABLES") == ""
    farm.sql(site, "CREATE TABLE things (id int, t text); INSERT INTO things VALUES (1, 'ask zq998@personal.example')")
    farm.settings["sanitise"] = {"people.full_name": "name"}
    farm.write()
    said = farm.work.up(STACK, ok=False).sentence
    assert "columns have mail addresses: things.t" in said
    assert not MARK.search(said)
    farm.settings["sanitise"]["things.t"] = "scrub"
    farm.up()
    assert "Person " in farm.sql(third, "SELECT full_name FROM people")
    assert "ask somebody@example.invalid" == farm.sql(third, "SELECT t FROM things")


LIKE_A_PERSONS = {
    "phone numbers": [
        "+49 30 1234567", "030 1234567", "030/1234567", "(030) 123 45 67", "0170-1234567", "01701234567", "020 7946 0958",
    ],
    "numbers of bank accounts": ["DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32"],
    "addresses of machines": ["192.0.2.1", "10.0.0.1", "203.0.113.255"],
}  # fmt: skip
LIKE_NOBODYS = [
    "2026-11-28", "28-11-2026", "28/11/2026", "01/02/2026", "00:00:00", "0.0000", "1796047142", "00000012", "8.9.20.1",
    "1.2.3.4", "de89370400440532013000ab12cd34ef56", "SKU12345678", "007", "300.1.1.1", "0e12345678", "a plain sentence",
]  # fmt: skip


def test_what_looks_like_a_persons_is_told_from_dates_versions_and_digests(farm: Backed) -> None:
    values = [*LIKE_NOBODYS, *(value for listed in LIKE_A_PERSONS.values() for value in listed)]
    rows = " UNION ".join(f"SELECT '{value}' AS v" for value in values)
    for what, condition in scratch.LOOKS.items():
        found = farm.sql("ten.example.com", f"SELECT v FROM ({rows}) AS seen WHERE {condition.replace(':text', 'v')}")
        assert set(LIKE_A_PERSONS[what]) == set(found.splitlines()), what


def test_a_site_of_another_stack_of_the_project_is_cloned(farm: Backed) -> None:
    press = farm.settings["platforms"]["press"]
    entry = {"platform": "press-test", "origin": {"site": "press.example.com", "stack": STACK, "sanitise": "standard"}}
    servers = copy.deepcopy(farm.settings["servers"])
    servers["db1.lab.test"]["services"]["database"] = {"type": "mysql", "admin": {"name": "other_root"}}
    settings = {
        "hub": farm.settings["hub"],
        "servers": servers,
        "platforms": {"press-test": press},
        "sites": {"other.example.com": entry},
    }
    farm.work.add("other", stack_text(settings))

    farm.work.up("other")

    assert 200 == fetch(farm.web, "other.example.com").status
    assert [] == MARK.findall(dumped(farm, "other.example.com"))


def test_a_source_that_is_gone_in_the_middle_leaves_nothing_and_the_next_run_begins_again(farm: Backed) -> None:
    site, late = "press.example.com", "late.example.com"
    declared(farm, site, late)
    farm.write()
    farm.database.run(
        'mv /usr/bin/mysqldump /usr/bin/mysqldump.kept; printf \'#!/bin/sh\\n/usr/bin/mysqldump.kept "$@" | head -c 20000\\n'
        "echo gone >&2\\nexit 3\\n' >/usr/bin/mysqldump; chmod 755 /usr/bin/mysqldump"
    )
    try:
        said = farm.work.up(STACK, ok=False).sentence
    finally:
        farm.database.run("mv /usr/bin/mysqldump.kept /usr/bin/mysqldump")

    assert late in said
    assert not MARK.search(said)
    assert farm.sql(late, "SHOW TABLES") == ""
    assert 503 == fetch(farm.web, late).status
    assert 200 == fetch(farm.web, site).status
    assert "aegir_proof" not in farm.database.run("mysql -N -e 'SHOW DATABASES'").stdout

    farm.up()

    assert 200 == fetch(farm.web, late).status
    assert [] == MARK.findall(dumped(farm, late))


def test_a_clone_and_a_disabled_site_are_cloned_as_any_other(farm: Backed) -> None:
    clone, grand, site, awake = (
        clone_of("press.example.com"),
        "grand.example.com",
        "ten.example.com",
        "awake.example.com",
    )
    declared(farm, clone, grand)
    declared(farm, site, awake)
    farm.settings["sites"][site]["state"] = "disabled"
    farm.up()
    assert 503 == fetch(farm.web, site).status
    for name, source in ((grand, clone), (awake, site)):
        assert 200 == fetch(farm.web, name).status, name
        assert [] == MARK.findall(dumped(farm, name))
        assert "public" in farm.web.run(f"cat {farm.files(name)}/2026/photo.txt").stdout, source
    assert "http://" in farm.work.aegir("login", grand, "--stack", STACK).output
    link = farm.work.aegir("login", awake, "--stack", STACK).output
    assert awake in link
    del farm.settings["sites"][site]["state"]
    farm.up()
    assert 200 == fetch(farm.web, site).status
    farm.work.pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes", "--stack", STACK)
