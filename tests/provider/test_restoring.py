"""A site that a change of its configuration breaks gets the former one back; caches are emptied once after a change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from aegir_components import layout
from aegir_components.applications.base import Answer
from aegir_components.health import probe
from aegir_components.inputs.site import SiteConfigurationInputs
from aegir_components.process import Process
from aegir_components.providers import answered, answering, caches, restoring, unfinished
from aegir_components.remote.connection import Connection
from tests.provider import test_answering, test_contract
from tests.provider.test_answering import WELL, Sites
from tests.provider.test_contract import PROVIDERS, SITE, Driver, Inputs, World, created

world = test_contract.world
"""The machines of the contract."""
sites = test_answering.sites
"""What sites answer."""

STACK = "aegir/test"
BROKEN = Answer(status=500, headers={}, body="syntax error")
SETTINGS = f"/var/aegir/platforms/.sites/{SITE}/site/settings.php"
KEPT = "/var/lib/aegir/former"


def values(**settings: Any) -> str:
    return json.dumps({"settings": settings, "config": {}})


class Estate:
    """A proven site with its web server's reload."""

    def __init__(self, world: World) -> None:
        self.world, self.web = world, world.farm.hosts["web1"]
        self.site = created("site_config", world)
        known = answered.Site(hub_root=str(world.hub_root), stack=STACK, site=SITE)
        known.note("drupal", [answering.Place(SITE, "web1", self.web.address, 80)])
        inputs = {**test_contract.EXAMPLES["activation"].inputs(world), "sites": {SITE: "0"}}
        self.reload = Driver(PROVIDERS["activation"](), inputs)
        self.reload.create()
        self.word = 0

    def up(self, **changes: Any) -> None:
        """Do what a run does with a change of the site."""
        self.configure(**changes)
        self.activate()

    def configure(self, **changes: Any) -> None:
        self.site.update({**self.site.inputs, **changes})

    def activate(self) -> None:
        self.word += 1
        self.reload.update({**self.reload.inputs, "sites": {SITE: str(self.word)}})


@pytest.fixture
def estate(world: World, sites: Sites) -> Estate:
    sites.answers[SITE] = WELL
    return Estate(world)


def answer(estate: Estate, monkeypatch: pytest.MonkeyPatch, well: Callable[[], bool]) -> None:
    monkeypatch.setattr(probe, "get", lambda *_given, **_named: WELL if well() else BROKEN)


def test_settings_that_break_a_site_are_rolled_back_with_their_names_and_what_is_repaired_stays(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = estate.web.files[SETTINGS]
    answer(estate, monkeypatch, lambda: "boom" not in estate.web.files[SETTINGS])
    for _ in range(2):
        with pytest.raises(RuntimeError, match=f"{SITE} on web1: answers 500: syntax error") as failed:
            estate.up(values=values(boom=1, other="x"))
        assert f"The former configuration of {SITE} is back on web1, and the site answers again" in str(failed.value)
        assert "Changed since it answered: settings.boom, settings.other." in str(failed.value)
        assert before == estate.web.files[SETTINGS]
        assert ("site_config", SITE) in unfinished.left(str(estate.world.hub_root), STACK)
        assert estate.site.diff(estate.site.inputs).changes, "the next run makes what is declared"
    estate.up(values=values(other="x"))
    assert "other" in estate.web.files[SETTINGS]
    assert [] == unfinished.left(str(estate.world.hub_root), STACK)
    assert [] == estate.web.below(KEPT)


@pytest.mark.parametrize(
    ("changes", "path", "named"),
    [
        ({"php": {"web1": {"memory": 1}}}, layout.pool_path(SITE), "php.memory"),
        ({"php": {"web1": {"values": {"precision": "3"}}}}, layout.pool_path(SITE), "php.values.precision"),
        ({"aliases": ["example.net"]}, f"/var/aegir/config/apache/vhost.d/{SITE}.conf", "aliases"),
        ({"isolation": "process"}, layout.pool_path(SITE), "isolation"),
    ],
)
def test_pool_and_vhost_are_rolled_back_as_well(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, changes: Inputs, path: str, named: str
) -> None:
    everything = estate.web.files
    answer(estate, monkeypatch, lambda: estate.web.files.get(path) == everything[path])
    estate.web.reloads.clear()
    with pytest.raises(RuntimeError, match=rf"Changed since it answered: {named}\."):
        estate.up(**changes)
    # Further names in the registry serve nobody.
    left = ("/var/aegir/config/cron", "/var/aegir/config/sites.d")
    at_first = {name: text for name, text in everything.items() if not name.startswith(left)}
    assert at_first.items() <= estate.web.files.items()
    assert not any(name.startswith("/etc/systemd/system/aegir-php@") for name in estate.web.files)
    assert [] == estate.web.waiting
    assert len(estate.web.reloads) >= 2, "for the change, and for the way back"


def test_a_run_that_is_killed_between_a_change_and_its_proof_leaves_the_way_back_to_the_next_one(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = estate.web.files[SETTINGS]
    answer(estate, monkeypatch, lambda: "boom" not in estate.web.files[SETTINGS])
    estate.configure(values=values(boom=1))
    assert "boom" in estate.web.files[SETTINGS]
    estate.configure(values=values(boom=2), aliases=["example.net"])
    with pytest.raises(RuntimeError, match=r"Changed since it answered: aliases, settings\.boom\."):
        estate.activate()
    assert before == estate.web.files[SETTINGS]


@pytest.mark.parametrize(
    "changes",
    [{"password": "another-password"}, {"salt": "another-salt"}, {"authority": "another"}],
    ids=lambda each: next(iter(each)),
)
def test_what_former_files_would_not_fit_is_not_rolled_back(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, changes: Inputs
) -> None:
    """Former settings with a password that the database does not take would lock the site out."""
    answer(estate, monkeypatch, lambda: "boom" not in estate.web.files[SETTINGS])
    estate.configure(values=values(boom=1))
    with pytest.raises(RuntimeError, match="This change cannot be rolled back on web1: www"):
        estate.up(values=values(boom=2), **changes)
    assert "boom" in estate.web.files[SETTINGS]
    assert [] == estate.web.below(KEPT)


def test_a_site_that_was_down_keeps_its_new_configuration(estate: Estate, sites: Sites) -> None:
    sites.answers[SITE] = BROKEN
    estate.up(values=values(other=1))
    assert "other" in estate.web.files[SETTINGS]
    assert [] == estate.web.below(KEPT)


def test_a_site_that_answers_with_neither_says_so(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    estate.configure(values=values(other=1))
    answer(estate, monkeypatch, lambda: False)
    with pytest.raises(RuntimeError, match="is back on web1, and the site does not answer with that either"):
        estate.activate()
    answer(estate, monkeypatch, lambda: True)
    estate.up(values=values(other=1))
    assert "other" in estate.web.files[SETTINGS]


def test_what_changes_has_the_stack_files_names(world: World) -> None:
    def site(**more: object) -> SiteConfigurationInputs:
        return SiteConfigurationInputs.from_props({**test_contract._site_config(world), **more})

    was = site(values=values(a=1, b=2), php={"web1": {"time": 3.0, "values": {"x": "1"}}}, cron="daily")
    want = site(values=values(a=1, c=3), php={"web1": {"time": 3, "values": {"x": "2"}}}, cron="5min")
    assert ["cron", "php.values.x", "settings.b", "settings.c"] == restoring.changed(want, was)
    assert [] == restoring.changed(was, was)


# Caches.


def test_caches_are_emptied_once_after_a_change_that_pages_show_and_not_without_one(estate: Estate) -> None:
    estate.up()
    estate.up(cron="daily", isolation="process")
    estate.up(php={"web1": {"memory": 300}})
    estate.up(password="another-password")
    assert [] == estate.web.rebuilt
    shown: list[Inputs] = [
        {"aliases": ["example.net"]},
        {"values": values(a=1)},
        {"https": "enabled"},
        {"php": {"web1": {"values": {"date.timezone": "UTC"}}}},
        {"proxies": ["10.0.0.9"]},
    ]
    for number, changes in enumerate(shown, start=1):
        estate.up(**changes)
        assert [SITE] * number == estate.web.rebuilt, changes
    estate.up(proxies=["10.0.0.9"])
    estate.web.write(SETTINGS, "<?php // by hand")
    estate.up(proxies=["10.0.0.9"])
    assert 6 == len(estate.web.rebuilt), "pages have shown what somebody wrote by hand"
    programs = [line for _, text in estate.web.scripts for line in text.splitlines() if line.startswith("site_php ")]
    assert 6 == sum(line.endswith(" 300") for line in programs), "each is bounded in time on the machine itself"


def test_a_cache_that_cannot_be_emptied_is_a_warning_and_tried_again_by_a_refresh(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    estate.web.broken_caches = "no such table"
    estate.up(aliases=["example.net"])
    assert "visitors may see pages of before" in said[-1]
    assert "no such table" in said[-1]
    assert "Run pulumi up --refresh" in said[-1]
    estate.reload.read()
    assert [f"site {SITE}: its caches are of before its configuration changed [AEGIR-6557]"] == estate.reload.outs[
        "drift"
    ]
    estate.web.broken_caches = ""
    estate.reload.update(estate.reload.inputs)
    assert 2 == len(estate.web.rebuilt)
    estate.reload.read()
    assert [] == estate.reload.outs["drift"]


def test_the_last_web_server_that_reloads_empties_the_caches_of_a_site_on_several(estate: Estate) -> None:
    web, web2 = estate.web, estate.world.farm.host("web2", "10.0.0.5")
    hub_root, conn = str(estate.world.hub_root), Connection.from_props(estate.world.connection("web1"))
    members = {
        **estate.world.members,
        "web2": {**estate.world.members["web1"], "connection": estate.world.connection("web2")},
    }
    want = SiteConfigurationInputs.from_props({**estate.site.inputs, "members": members})
    caches.expect(want, hub_root, "http://x", touched=True)
    caches.reloaded(Process(), conn, STACK, [SITE])
    caches.reloaded(Process(), conn, STACK, [SITE])
    assert [] == web.rebuilt
    caches.expect(replace(want, enabled=False), hub_root, "http://x", touched=False)
    second = Connection.from_props(estate.world.connection("web2"))
    for each in (conn, second):
        caches.reloaded(Process(), each, STACK, [SITE])
    assert [] == web2.rebuilt, "the PHP of a disabled site does not run"
    caches.expect(want, hub_root, "http://x", touched=False)
    caches.reloaded(Process(), conn, STACK, [SITE])
    assert [] == web.rebuilt
    caches.reloaded(Process(), second, STACK, [SITE])
    assert ([], [SITE]) == (web.rebuilt, web2.rebuilt)
