"""Which edits of a stack file are rejected because they would lose content, as a table of edits over one estate."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aegir_components import layout, settings
from aegir_components.applications import CodeBase
from aegir_components.archives import names as archive_names
from aegir_components.preview import announcing, changes
from aegir_components.recorded import Recorded, of_outputs

Config = dict[str, Any]
ONE, TWO, NEW = "one.example.com", "two.example.com", "new.example.com"
ESTATE: Config = {
    "hub": {"address": "10.0.0.1", "ssh": {"known_hosts": "/srv/known_hosts"}},
    "servers": {
        "web1": {"address": "10.0.0.2", "services": {"web": "apache"}},
        "web2": {"address": "10.0.0.3", "services": {"web": "nginx"}},
        "db1": {"address": "10.0.0.8", "services": {"database": "mysql"}},
        "db2": {"address": "10.0.0.9", "services": {"database": "mysql"}},
    },
    "platforms": {
        "ten": {"server": "web1", "source": "/srv/ten"},
        "eleven": {"server": "web1", "source": "/srv/eleven"},
        "nine": {"server": "web1", "source": "/srv/nine"},
        "press": {"server": "web1", "source": "/srv/press"},
        "away": {"server": "web2", "source": "/srv/ten"},
    },
    "sites": {ONE: {"platform": "ten", "database": "db1"}, TWO: {"platform": "ten", "database": "db1"}},
}
VERSIONS = {"ten": "10.1.6", "eleven": "11.0.1", "nine": "9.5.1", "away": "10.1.6"}


def code(platform: str) -> CodeBase:
    if platform == "press":
        return CodeBase(application="wordpress", version="6.9.1", docroot=".")
    return CodeBase(application="drupal", version=VERSIONS.get(platform, "10.6.12"), docroot="web")


def load(config: Config) -> settings.Settings:
    return settings.load(config, lambda _path: False)


def placed(declared: settings.Settings, platform: str) -> Config:
    return {
        "members": {
            server.name: {"connection": {"host": server.name, "address": server.address}, "type": "apache"}
            for server in declared.web_servers(platform)
        },
        "uploads": "",
    }


def recorded(config: Config) -> Recorded:
    """Give what a run with a stack file leaves in the state."""
    declared, outputs = load(config), {}
    for name in declared.platforms:
        facts = {"facts": {"version": code(name).version}, "publish_path": declared.platforms[name].publish_path}
        outputs[f"urn:pulumi:x::aegir::aegir:Release::{name}"] = {
            "type": "pulumi-python:dynamic/aegir:Release",
            "outputs": facts,
        }
    for machine in declared.servers.values():
        connection = {"host": machine.name, "address": machine.address}
        outputs[f"urn:pulumi:x::aegir::aegir:Machine::{machine.name}"] = {
            "type": "pulumi-python:dynamic/aegir:Machine",
            "outputs": {"host": machine.name, "connection": connection},
        }
    for site in declared.sites.values():
        server = declared.database_server(site.name)
        assert server.database is not None
        kinds = {
            "SiteDatabase": {
                "site": site.identity,
                "database": "one_db",
                "server": server.name,
                "address": server.database.address,
                "port": 3306.0,
            },
            "SiteConfiguration": {
                "accounts": {"server": server.name, "address": server.database.address, "port": 3306.0},
                "site": site.identity,
                **({"name": site.name} if site.formerly else {}),
                "platform": site.platform,
                "application": code(site.platform).application,
                "publish_path": declared.platforms[site.platform].publish_path,
                "publish_root": layout.publish_root(declared.platforms[site.platform].publish_path),
                **placed(declared, site.platform),
            },
        }
        for kind, values in kinds.items():
            urn = f"urn:pulumi:x::aegir::aegir:{kind}::{site.identity}"
            outputs[urn] = {"type": f"pulumi-python:dynamic/aegir:{kind}", "outputs": values}
    return of_outputs(outputs)


def problems(edit: Callable[[Config], object], before: Config = ESTATE) -> list[str]:
    config = copy.deepcopy(before)
    edit(config)
    declared = load(config)
    sources = {name: code(name) for name in declared.platforms}
    return changes.problems(
        recorded(before),
        changes.Declared(settings=declared, code=sources, placed=lambda platform: placed(declared, platform)),
    )


def rename_server(config: Config, former: str, name: str) -> None:
    config["servers"][name] = config["servers"].pop(former)
    for platform in config["platforms"].values():
        if platform["server"] == former:
            platform["server"] = name
    for site in config["sites"].values():
        if site["database"] == former:
            site["database"] = name


def swap_addresses(config: Config, one: str, other: str) -> None:
    servers = config["servers"]
    servers[one]["address"], servers[other]["address"] = servers[other]["address"], servers[one]["address"]


def swap_servers(config: Config, one: str, other: str) -> None:
    """Exchange the names of two servers, everywhere."""
    for former, name in ((one, "-"), (other, one), ("-", other)):
        rename_server(config, former, name)


APPLIED: dict[str, Callable[[Config], object]] = {
    "nothing": lambda _config: None,
    "database server renamed": lambda config: rename_server(config, "db1", "mysql1"),
    "web server renamed": lambda config: rename_server(config, "web1", "www1"),
    "names of two web servers exchanged": lambda config: swap_servers(config, "web1", "web2"),
    "names of two database servers exchanged": lambda config: swap_servers(config, "db1", "db2"),
    "address of a web server": lambda config: config["servers"]["web1"].update(address="10.0.0.22"),
    "address of a database server": lambda config: config["servers"]["db1"].update(address="10.0.0.88"),
    "another database server": lambda config: config["sites"][ONE].update(database="db2"),
    "a platform on another server": lambda config: config["sites"][ONE].update(platform="away"),
    "another platform of the server": lambda config: config["sites"][ONE].update(platform="eleven"),
    "one site removed": lambda config: config["sites"].pop(ONE),
    "one site removed, another one added": lambda config: config["sites"].update(
        {"shop.example.org": config["sites"].pop(ONE)}
    ),
    "renamed with formerly": lambda config: config["sites"].update(
        {NEW: {**config["sites"].pop(ONE), "formerly": ONE}}
    ),
    "both removed, confirmed": lambda config: config.update(sites={}, confirm_removals=[ONE, TWO]),
    "a server joins": lambda config: (
        config.update(clusters={"web": {"servers": ["web1", "web2"], "uploads": "separate"}}),
        config["platforms"]["ten"].update(server="web"),
    ),
}


@pytest.mark.parametrize("edit", APPLIED.values(), ids=APPLIED)
def test_an_edit_that_loses_nothing_is_applied(edit: Callable[[Config], object]) -> None:
    assert [] == problems(edit)


REJECTED = [
    pytest.param(
        lambda config: (
            config.update(clusters={"web": {"servers": ["web1", "web2"], "uploads": "separate"}}),
            config["platforms"]["ten"].update(server="web"),
            config["sites"][ONE].update(database="db2"),
        ),
        f"{ONE} is to get another database server and to keep a part of its web servers",
        id="another database server, and a server joins",
    ),
    pytest.param(
        lambda config: config["sites"][ONE].update(platform="press"),
        f"{ONE} is a site of Drupal 10.1.6, and the platform press has WordPress 6.9.1",
        id="another application",
    ),
    pytest.param(
        lambda config: config["sites"][ONE].update(platform="nine"),
        f"{ONE} is a site of Drupal 10.1.6, and the platform nine has 9.5.1",
        id="an older major version",
    ),
    pytest.param(
        lambda config: config["platforms"]["ten"].update(publish_path="/srv/www/ten"),
        f"the files of {ONE} are below /var/aegir/platforms, and its platform is to be published below /srv/www",
        id="another publish root",
    ),
    pytest.param(
        lambda config: config["platforms"]["ten"].update(publish_path="/var/aegir/platforms/other"),
        f"{ONE} is on the platform ten at /var/aegir/platforms/ten, and the platform is to be published at",
        id="another publish path",
    ),
    pytest.param(
        lambda config: (
            config["platforms"].update(
                {"tenth": {**config["platforms"].pop("ten"), "publish_path": "/var/aegir/platforms/ten"}}
            ),
            [site.update(platform="tenth") for site in config["sites"].values()],
        ),
        f"{ONE} is on the platform ten, and tenth has the same publish_path /var/aegir/platforms/ten",
        id="a platform renamed, with its publish path",
    ),
    pytest.param(
        lambda config: swap_addresses(config, "web1", "web2"),
        f"the files of {ONE} are on web1, whose entry is to lead to web2",
        id="addresses of two web servers exchanged",
    ),
    pytest.param(
        lambda config: swap_addresses(config, "db1", "db2"),
        f"the database of {ONE} is on db1 (10.0.0.8), and db1 is to lead to 10.0.0.9, which has none of its content",
        id="addresses of two database servers exchanged",
    ),
    pytest.param(
        lambda config: config["sites"].update({"oen.example.com": config["sites"].pop(ONE)}),
        f"aegir:sites: {ONE} is no longer declared, and oen.example.com is new",
        id="a mistyped name",
    ),
    pytest.param(
        lambda config: config.update(sites={}),
        f"2 sites with content are no longer declared: {ONE}, {TWO}",
        id="a block lost in a merge",
    ),
    pytest.param(
        lambda config: config.update(sites={}, confirm_removals=[ONE]),
        f"2 sites with content are no longer declared: {TWO}",
        id="one of two confirmed",
    ),
    pytest.param(
        lambda config: (config["sites"].pop(TWO), config["platforms"]["ten"].update(server="web2")),
        f"{TWO} is no longer declared, and web1 leaves its platform ten in the same edit",
        id="a site goes while its platform leaves its web server",
    ),
]


@pytest.mark.parametrize(("edit", "sentence"), REJECTED)
def test_an_edit_that_would_lose_content_is_rejected(edit: Callable[[Config], object], sentence: str) -> None:
    found = problems(edit)
    assert found
    assert any(sentence in text for text in found), found
    assert all("Nothing was changed" in text for text in found)


def test_a_site_that_was_renamed_is_not_taken_for_a_removed_one() -> None:
    renamed = copy.deepcopy(ESTATE)
    renamed["sites"][NEW] = {**renamed["sites"].pop(ONE), "formerly": ONE}
    assert [] == problems(
        lambda config: (
            config["sites"].update({ONE: {"platform": "ten", "database": "db1"}}) or config["sites"].pop(NEW)
        ),
        renamed,
    )
    (why,) = problems(lambda config: config["sites"][NEW].pop("formerly"), renamed)
    assert f"{NEW} is no longer declared" in why or "formerly" in why


def test_a_second_rename_that_names_the_name_of_between_is_rejected_with_the_first_name() -> None:
    renamed = copy.deepcopy(ESTATE)
    renamed["sites"][NEW] = {**renamed["sites"].pop(ONE), "formerly": ONE}
    third = {"platform": "ten", "database": "db1", "formerly": NEW}
    found = problems(lambda config: config["sites"].update({"shop.test": third}) or config["sites"].pop(NEW), renamed)
    assert found == [
        f'aegir:sites["shop.test"].formerly: shop.test has content, but it was not made as {NEW}. It was made as {ONE}, '
        "and `formerly` takes only that name. Nothing was changed. "
        f"To keep its content, write `formerly: {ONE}` at it"
    ]


def test_a_first_run_has_nothing_to_lose() -> None:
    declared = load(ESTATE)
    wanted = changes.Declared(
        settings=declared,
        code={name: code(name) for name in declared.platforms},
        placed=lambda platform: placed(declared, platform),
    )
    assert [] == changes.problems(of_outputs({}), wanted)


def test_what_is_about_to_be_removed_is_said_in_words() -> None:
    config = copy.deepcopy(ESTATE)
    del config["sites"][ONE]
    (said,) = announcing.announcements(recorded(ESTATE), load(config), {ONE: f"{ONE}-20261126T020000Z.sql.gz"}.get)  # type: ignore[arg-type]
    assert f"the site {ONE} is no longer declared" in said
    assert "its database one_db on db1 and its files on web1 are removed. A proven dump" in said
    assert f"The newest backup until now is {ONE}-20261126T020000Z.sql.gz" in said
    (said,) = announcing.announcements(recorded(ESTATE), load(config), lambda _site: "")
    assert "Until now it has no backup on the hub" in said
    assert [] == announcing.announcements(recorded(ESTATE), load(ESTATE), lambda _site: "")


def test_a_rename_is_announced_with_what_the_former_name_answers_also_back() -> None:
    renamed = copy.deepcopy(ESTATE)
    renamed["sites"]["new.example"] = {**renamed["sites"].pop(ONE), "formerly": ONE}
    (said,) = announcing.announcements(recorded(ESTATE), load(renamed), lambda _site: "")
    assert f"the site {ONE} is renamed to new.example, with its content. {ONE} answers 404 from then on: add it" in said
    renamed["sites"]["new.example"]["aliases"] = [ONE]
    (said,) = announcing.announcements(recorded(ESTATE), load(renamed), lambda _site: "")
    assert f"{ONE} leads to new.example" in said
    assert [] == announcing.announcements(recorded(renamed), load(renamed), lambda _site: "")

    (said,) = announcing.announcements(recorded(renamed), load(ESTATE), lambda _site: "")
    assert f"the site new.example is renamed to {ONE}, its first name, again, with its content" in said
    assert "new.example answers 404 from then on" in said


def test_backups_of_the_plan_are_not_denied_where_a_site_goes_or_begins_again() -> None:
    planned = {**copy.deepcopy(ESTATE), "backups": {"to": ["hub"]}}
    without = copy.deepcopy(planned)
    del without["sites"][ONE]
    (said,) = announcing.announcements(recorded(ESTATE), load(without), lambda _site: "")
    assert f"stay: aegir backups --site {ONE} lists them" in said
    assert "no backup on the hub" not in said
    (said,) = announcing.announcements(recorded(without), load(planned), lambda site: f"{site}-20261126T020000Z.sql.gz")
    assert "`origin: {backup: latest}` at the site loads the last proven backup of the plan" in said


def test_a_site_that_begins_again_is_told_of_its_backup() -> None:
    before = copy.deepcopy(ESTATE)
    del before["sites"][ONE]
    (said,) = announcing.announcements(recorded(before), load(ESTATE), lambda site: f"{site}-20261126T020000Z.sql.gz")
    assert (
        f"the hub has a backup of a site of this name ({ONE}-20261126T020000Z.sql.gz). The site begins without it"
        in said
    )


def test_an_answer_that_is_used_up_is_to_be_taken_out() -> None:
    config = {**copy.deepcopy(ESTATE), "confirm_removals": ["old.example.com"], "replaced": ["db1"]}
    confirmed, replaced = announcing.announcements(recorded(ESTATE), load(config), lambda _site: "")
    assert (
        "aegir:confirm_removals names old.example.com, which this stack does not have any more: take it out"
        in confirmed
    )
    assert "aegir:replaced names db1: what is missing there is no error" in replaced


def test_the_page_has_every_edit_of_these_tables() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "changes.md").read_text()
    applied, rejected = page.split("## Rejected")
    assert list(APPLIED) == re.findall(r"(?m)^\| ((?!edit|---)[^|]+?) \|", applied)
    assert [row.id for row in REJECTED] == re.findall(r"(?m)^\| ((?!edit|---)[^|]+?) \|", rejected.split("<!--")[0])


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/var/log/code", "must not lie in /var/log, which belongs to the system"),
        ("/var/lib/mysql/code", "must not lie in /var/lib, which belongs to the system"),
        ("/home/deploy", "must not lie in /home itself"),
        ("/var/www", "must not lie in /var itself"),
    ],
)
def test_a_new_platform_is_in_no_place_of_the_systems_and_one_that_is_there_stays(path: str, why: str) -> None:
    (text,) = problems(
        lambda config: config["platforms"].update(new={**config["platforms"]["ten"], "publish_path": path})
    )
    assert text.startswith(f'aegir:platforms["new"].publish_path: {why}')

    before = copy.deepcopy(ESTATE)
    before["platforms"]["new"] = {**before["platforms"]["ten"], "publish_path": path}
    assert [] == problems(lambda _config: None, before)


def test_the_hubs_backups_are_listed_once_for_all_sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "backups"
    place.mkdir()
    for name in (f"{ONE}-20261124T020000Z.sql.gz", f"{ONE}-20261125T020000Z.sql.gz", f"{TWO}-20261124T020000Z.sql.gz"):
        (place / name).touch()
        os.utime(place / name, (0, int(name.partition("-2026")[2][2:4])))
    looks: list[Path] = []
    original = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: looks.append(path) or original(path))  # type: ignore[func-returns-value,redundant-expr]

    newest = archive_names.newest(str(tmp_path))
    assert [] == looks
    assert f"{ONE}-20261125T020000Z.sql.gz" == newest(ONE)
    assert f"{TWO}-20261124T020000Z.sql.gz" == newest(TWO)
    assert "" == newest("one.example.co")
    assert [place] == looks
    assert "" == archive_names.newest(str(tmp_path / "nowhere"))(ONE)


def test_a_move_to_another_platform_of_the_same_servers_is_said_in_words() -> None:
    config = copy.deepcopy(ESTATE)
    config["sites"][ONE]["platform"] = "eleven"
    (said,) = announcing.announcements(recorded(ESTATE), load(config), lambda _site: "")
    assert f"the site {ONE} moves from the platform ten to eleven." in said
    assert "its files on web1 stay in their place" in said
    config["sites"][ONE]["platform"] = "away"
    (said,) = announcing.announcements(recorded(ESTATE), load(config), lambda _site: "")
    assert f"the site {ONE} moves from web1 to web2, with all its content" in said
