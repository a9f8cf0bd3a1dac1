"""Sites are asked after every change that can touch them, and one that moves to broken code goes back."""

from __future__ import annotations

import time
from collections.abc import Callable

import pulumi
import pytest

from aegir_components import layout
from aegir_components.applications.base import Answer
from aegir_components.health import probe
from aegir_components.providers import answered, answering, holds, settling, site_move
from tests.provider import test_answering, test_contract
from tests.provider.test_answering import WELL, Sites
from tests.provider.test_contract import NEWER, SITE, Driver, Inputs, World, created

world = test_contract.world
"""The machines of the contract."""
sites = test_answering.sites
"""What sites answer."""

BROKEN = Answer(status=500, headers={}, body="syntax error")
ELEVEN = {"platform": "drupal-11", "publish_path": "/var/aegir/platforms/drupal-11"}


def proven(world: World, sites: Sites) -> tuple[Driver, answered.Site]:
    """Give a site's configuration, after it was asked for and answered."""
    sites.answers[SITE] = WELL
    made = created("site_config", world)
    site = answered.Site(hub_root=str(world.hub_root), stack="aegir/test", site=SITE)
    site.note("drupal", [answering.Place(SITE, "web1", world.farm.hosts["web1"].address, 80)])
    return made, site


def activation(world: World, before: str, now: str) -> tuple[Driver, Inputs]:
    inputs = {**test_contract.EXAMPLES["activation"].inputs(world), "sites": {SITE: before}}
    return Driver(test_contract.PROVIDERS["activation"](), inputs), {**inputs, "sites": {SITE: now}}


def test_an_installed_site_is_known_to_answer_until_it_is_removed_or_not_to_be_asked_for(world: World) -> None:
    made = created("installation", world)
    site = answered.Site(hub_root=str(world.hub_root), stack="aegir/test", site=SITE)
    assert [(SITE, "web1")] == [(place.site, place.server) for place in site.places()]
    made.update({**made.inputs, "health": False})
    assert [] == site.places()
    made.update(made.inputs)
    assert site.places()
    made.delete()
    assert [] == site.places()


def test_a_change_of_the_configuration_after_which_a_site_does_not_answer_fails(world: World, sites: Sites) -> None:
    proven(world, sites)
    reload, news = activation(world, "a", "b")
    reload.create()
    sites.answers[SITE] = BROKEN
    with pytest.raises(RuntimeError, match="does not answer after this change of their configuration") as failed:
        reload.update(news)
    assert f"{SITE} on web1: answers 500: syntax error" in str(failed.value)
    assert reload.diff(reload.inputs).changes, "the next run asks again, also when the edit is taken back"


def test_a_site_that_was_not_touched_is_not_asked(world: World, sites: Sites) -> None:
    proven(world, sites)
    reload, _ = activation(world, "a", "a")
    reload.create()
    reload.update({**reload.inputs, "sites": {SITE: "a", "other.example.com": "x"}})
    assert [] == sites.asked


def test_a_site_that_was_down_before_holds_nothing_up(world: World, sites: Sites) -> None:
    made, site = proven(world, sites)
    sites.answers[SITE] = BROKEN
    made.update({**made.inputs, "aliases": ["example.org"]})
    assert [] == site.places()
    reload, news = activation(world, "a", "b")
    reload.create()
    reload.update(news)


@pytest.mark.parametrize("change", [{"https": "enabled"}, {"enabled": False}, {"name": "new.example.com"}])
def test_a_site_that_is_to_answer_otherwise_is_its_installations_to_prove(
    world: World, sites: Sites, change: Inputs
) -> None:
    made, site = proven(world, sites)
    made.update({**made.inputs, **change})
    assert [] == site.places()


def breaking(sites: Sites) -> Callable[..., Answer]:
    """Give what asks sites, and gets nothing good from the second time on."""
    get, looked = sites.get, list[object]()

    def breaks(*given: object, **named: object) -> Answer:
        looked.append(given)
        return get(*given, **named) if len(looked) == 1 else BROKEN  # type: ignore[arg-type]

    return breaks


def test_a_change_of_php_that_breaks_a_site_fails(world: World, sites: Sites, monkeypatch: pytest.MonkeyPatch) -> None:
    web = created("web_service", world)
    proven(world, sites)
    get = sites.get
    monkeypatch.setattr(probe, "get", breaking(sites))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="does not answer after this change of the web server or of PHP"):
            web.update({**web.inputs, "mounted": True})
    monkeypatch.setattr(probe, "get", get)
    web.update({**web.inputs, "mounted": True})


def test_a_machine_that_leaves_a_pack_is_not_asked_for_the_packs_sites(
    world: World, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its master exports nothing to it any more, at any moment of the run."""
    web = created("web_service", world)
    web.update({**web.inputs, "mounted": True})
    proven(world, sites)
    monkeypatch.setattr(probe, "get", breaking(sites))

    web.update({key: value for key, value in web.inputs.items() if key != "mounted"})


@pytest.mark.parametrize("health", [True, False])
def test_a_site_that_moves_to_broken_code_goes_back(
    world: World, sites: Sites, monkeypatch: pytest.MonkeyPatch, health: bool
) -> None:
    made, _ = proven(world, sites)
    web = world.farm.hosts["web1"]
    web.make_directories(layout.platform_registry("drupal-11"))
    entries = {name: f"{layout.platform_registry(name)}/{SITE}" for name in ("drupal-10", "drupal-11")}

    def get(*_given: object, **_named: object) -> Answer:
        return BROKEN if entries["drupal-11"] in web.files else WELL

    monkeypatch.setattr(probe, "get", get)
    news = {**made.inputs, **ELEVEN, **({} if health else {"health": False})}
    if not health:
        made.update(news)
        assert [False, True] == [path in web.files for path in entries.values()]
        return
    with pytest.raises(RuntimeError, match="after its move from the platform drupal-10 to drupal-11") as failed:
        made.update(news)
    assert "It is on drupal-10 again on web1" in str(failed.value)
    assert [True, False] == [path in web.files for path in entries.values()]


def test_a_site_that_a_failed_run_has_broken_is_not_taken_for_one_that_was_down(world: World, sites: Sites) -> None:
    made, _ = proven(world, sites)
    reload, news = activation(world, "a", "b")
    reload.create()
    made.update({**made.inputs, "aliases": ["example.org"]})
    sites.answers[SITE] = BROKEN
    for word in ("b", "c"):
        with pytest.raises(RuntimeError, match="does not answer after this change"):
            reload.update({**news, "sites": {SITE: word}})
        # An edit that does not cure it.
        made.update({**made.inputs, "aliases": [f"{word}.example.org"]})
    sites.answers[SITE] = WELL
    reload.update({**news, "sites": {SITE: "d"}})

    # What breaks it later is nobody's fault again.
    sites.answers[SITE] = BROKEN
    made.update(made.inputs)
    reload.update({**news, "sites": {SITE: "e"}})


def test_a_move_to_broken_code_that_was_killed_is_taken_back_by_the_next_run(
    world: World, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = proven(world, sites)
    web = world.farm.hosts["web1"]
    registries = {name: layout.platform_registry(name) for name in ("drupal-10", "drupal-11")}
    web.make_directories(registries["drupal-11"])
    web.write(f"{registries['drupal-11']}/.published", "aegir/test\n/var/aegir/platforms/drupal-11\n")
    entries = {name: f"{registry}/{SITE}" for name, registry in registries.items()}

    def get(*_given: object, **_named: object) -> Answer:
        return BROKEN if entries["drupal-11"] in web.files else WELL

    def killed(*_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(probe, "get", get)
    with monkeypatch.context() as patch:
        patch.setattr(site_move, "keep_if_well", killed)
        with pytest.raises(KeyboardInterrupt):
            made.update({**made.inputs, **ELEVEN})
    assert entries["drupal-11"] in web.files

    # Taken back: nothing of it stays on the other platform, which could not be removed otherwise.
    with monkeypatch.context() as patch:
        patch.setattr(probe, "get", lambda *_given, **_named: WELL)
        made.update(made.inputs)
    assert [True, False] == [path in web.files for path in entries.values()]

    with monkeypatch.context() as patch:
        patch.setattr(site_move, "keep_if_well", killed)
        with pytest.raises(KeyboardInterrupt):
            made.update({**made.inputs, **ELEVEN})
    with pytest.raises(RuntimeError, match="It is on drupal-10 again on web1"):
        made.update({**made.inputs, **ELEVEN})
    assert [True, False] == [path in web.files for path in entries.values()]


def before_its_update(world: World, sites: Sites) -> tuple[Driver, str]:
    """Give a site that is to be updated on its way to another platform, and its live document root."""
    created("release", world)
    there = {
        **test_contract.EXAMPLES["release"].inputs(world),
        **ELEVEN,
        "digest": NEWER,
        "source": "/srv/drupal-10.1",
        "files": 25300,
    }
    created("release", world, there)
    holds.note(str(world.hub_root), "aegir/test", ELEVEN["platform"], NEWER, {SITE: "43 updates come first"})
    made, _ = proven(world, sites)
    return made, f"{world.farm.hosts['web1'].target('/var/aegir/platforms/drupal-10')}/web"


def test_the_programs_of_a_site_that_moves_stay_on_its_former_code_until_its_database_is_updated(
    world: World, sites: Sites
) -> None:
    made, root = before_its_update(world, sites)
    web = world.farm.hosts["web1"]
    made.update({**made.inputs, **ELEVEN})
    assert SITE in web.content(f"{layout.platform_registry('drupal-11')}/.held")
    assert f"AEGIR_DOCROOT={root}\n" == web.content(layout.held_file(SITE))
    made.delete()
    assert layout.held_file(SITE) not in web.files


def test_a_site_that_was_held_back_is_so_again_after_a_move_that_failed(
    world: World, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, root = before_its_update(world, sites)
    web, record = world.farm.hosts["web1"], f"{layout.platform_registry('drupal-10')}/.held"
    line = f"{SITE} {root.removesuffix('/web')} web failed 7 -\n"
    web.write(record, line)
    web.make_directories("/var/lib/aegir/held")
    web.write(layout.held_file(SITE), f"AEGIR_DOCROOT={root}\n")
    entry = f"{layout.platform_registry('drupal-11')}/{SITE}"
    with monkeypatch.context() as patch:
        patch.setattr(probe, "get", lambda *_given, **_named: BROKEN if entry in web.files else WELL)
        with pytest.raises(RuntimeError, match="It is on drupal-10 again on web1"):
            made.update({**made.inputs, **ELEVEN})
    assert line == web.content(record)
    assert f"AEGIR_DOCROOT={root}\n" == web.content(layout.held_file(SITE))
    # Where it answers, only the new platform holds it back.
    made.update({**made.inputs, **ELEVEN})
    assert not web.content(record)
    assert f"AEGIR_DOCROOT={root}\n" == web.content(layout.held_file(SITE))


def test_one_that_did_not_answer_before_may_move(world: World, sites: Sites) -> None:
    made, _ = proven(world, sites)
    world.farm.hosts["web1"].make_directories(layout.platform_registry("drupal-11"))
    sites.answers[SITE] = BROKEN
    made.update({**made.inputs, **ELEVEN})


def test_a_hub_that_cannot_keep_records_says_so_and_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    (world.hub_root / "records").write_text("a file is in the way")
    created("machine", world)
    assert said
    assert "run pulumi up --refresh afterwards" in said[0]


def test_a_proof_waits_until_changed_settings_count(
    world: World, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PHP answers by the former ones for a while: a site that they break would be taken for well."""
    slept: list[float] = []
    monkeypatch.setattr(settling, "FRESH", 2.1)
    monkeypatch.setattr(time, "sleep", slept.append)
    made, _ = proven(world, sites)
    reload, news = activation(world, "a", "b")
    reload.create()
    made.update({**made.inputs, "cron": "daily"})
    reload.update(news)
    assert [] == slept, "cron is in no settings"

    made.update({**made.inputs, "aliases": ["example.org"]})
    reload.update({**news, "sites": {SITE: "c"}})
    assert [0.0 < seconds <= 2.1 for seconds in slept] == [True]
