"""A release is kept only if the sites that answered before answer with it."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pulumi
import pytest

from aegir_components import layout
from aegir_components.applications import APPLICATIONS
from aegir_components.applications.base import Answer
from aegir_components.deploy import holding
from aegir_components.deploy.holding import Held
from aegir_components.health import probe
from aegir_components.inputs.platform import CodeRelease
from aegir_components.providers import answering, holds
from aegir_components.providers.answering import Place
from aegir_components.providers.switching import Switching
from tests.provider import test_contract
from tests.provider.test_contract import NEWER, Driver, Inputs, World, created

world = test_contract.world
"""The machines of the contract."""

DRUPAL = APPLICATIONS["drupal"]
WELL = Answer(status=200, headers={"x-generator": "Drupal 10"}, body="<p>hello</p>")
ONE, TWO = Place("one.example.com", "web1", "10.0.0.2", 80), Place("two.example.com", "web1", "10.0.0.2", 80)


class Sites:
    """Sites with the answers that they give, which a test changes."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | str] = {"one.example.com": WELL, "two.example.com": WELL}
        self.asked: list[str] = []

    def get(self, _address: str, _port: int, host: str, path: str = "/", *, tls: bool = False) -> Answer:
        del tls
        self.asked.append(f"{host}{path}")
        answer = self.answers[host]
        if isinstance(answer, str):
            raise probe.NoAnswer(answer)
        return answer


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> Sites:
    made = Sites()
    monkeypatch.setattr(probe, "get", made.get)
    monkeypatch.setattr(answering, "AGAIN", 0.0)
    return made


BROKEN = {
    "an error": (Answer(status=500, headers={}, body="Fatal error"), "answers 500: Fatal error"),
    "nothing": ("http://10.0.0.2:80 does not answer", "does not answer"),
    "an empty page": (Answer(status=200, headers={"x-generator": "Drupal 10"}, body=" "), "an empty page"),
    "its installer": (
        Answer(status=302, headers={"x-generator": "Drupal 10", "location": "/core/install.php"}, body=""),
        "answers with its installer",
    ),
    "maintenance": (
        Answer(status=503, headers={"x-generator": "Drupal 10"}, body="Site under maintenance"),
        "answers 503",
    ),
    "another application": (Answer(status=200, headers={}, body="WordPress"), "but not from Drupal"),
}


@pytest.mark.parametrize(("answer", "why"), BROKEN.values(), ids=BROKEN)
def test_only_a_page_of_the_application_is_an_answer(sites: Sites, answer: Answer | str, why: str) -> None:
    assert [ONE, TWO] == answering.well([ONE, TWO], DRUPAL)
    assert {} == answering.broken([ONE, TWO], DRUPAL)

    sites.answers["two.example.com"] = answer
    assert [ONE] == answering.well([ONE, TWO], DRUPAL)
    found = answering.broken([ONE, TWO], DRUPAL)
    assert [TWO] == list(found)
    assert why in found[TWO]
    assert "1 of 2 sites" in answering.table(found, 2)


def test_no_cache_can_answer(sites: Sites) -> None:
    for _ in range(2):
        answering.well([ONE], DRUPAL)
    assert len(set(sites.asked)) == 2


SEVERAL = [Place(f"s{each}.example.com", f"web{each % 2}", f"10.0.0.{each % 2}", 80) for each in range(20)]


class Slow:
    """Web servers that note who is asked while somebody else is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, alone: float) -> None:
        self.began: list[str] = []
        self.beside: dict[str, int] = {}
        self.all_began = threading.Event()
        monkeypatch.setattr(probe, "get", self.get)
        monkeypatch.setattr(answering, "ALONE", alone)

    def get(self, address: str, _port: int, host: str, path: str = "/", *, tls: bool = False) -> Answer:
        del path, tls
        self.began.append(address)
        if self.began.count(address) == 1:
            # Whoever would not wait for the first one begins in the meantime.
            self.all_began.wait(0.2 if answering.ALONE else 10)
            self.beside[host] = self.began.count(address) - 1
        if len(self.began) == len(SEVERAL):
            self.all_began.set()
        return WELL


def test_the_first_site_of_a_web_server_is_asked_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch, alone=10)
    assert SEVERAL == answering.well(SEVERAL, DRUPAL)
    assert {"s0.example.com": 0, "s1.example.com": 0} == slow.beside


def test_a_first_site_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch, alone=0)
    assert {} == answering.broken(SEVERAL, DRUPAL)
    assert slow.all_began.is_set()


def test_a_wordpress_that_is_not_installed_does_not_answer() -> None:
    answer = Answer(status=302, headers={"location": "http://one.example.com/wp-admin/install.php"}, body="WordPress")
    assert "installer" in str(APPLICATIONS["wordpress"].judge(answer))


def test_a_release_that_breaks_a_site_goes_back_and_the_next_one_is_tried_again(
    world: World, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = created("release", world)
    web = world.farm.hosts["web1"]
    live = web.target("/var/aegir/platforms/drupal-10")
    web.make_directories("/var/aegir/config/sites.d/drupal-10")
    for name in sites.answers:
        web.write(f"/var/aegir/config/sites.d/drupal-10/{name}", f"{name} /x\n")
    switched = Switching.go
    newer = {**made.inputs, "digest": NEWER, "source": "/srv/drupal-10.1", "files": 25300}

    def breaks(self: Switching, held: Mapping[str, Held]) -> None:
        switched(self, held)
        sites.answers["two.example.com"] = Answer(status=500, headers={}, body="syntax error")

    monkeypatch.setattr(Switching, "go", breaks)
    with pytest.raises(RuntimeError, match="1 of 2 sites that answered before") as failed:
        made.update(newer)
    assert "two.example.com on web1: answers 500: syntax error" in str(failed.value)
    assert "The former release is live again on web1" in str(failed.value)
    assert live == web.target("/var/aegir/platforms/drupal-10")

    # A site that did not answer before holds nothing up.
    made.update(newer)
    assert web.target("/var/aegir/platforms/drupal-10").endswith(NEWER[:16])


def test_a_site_that_a_release_breaks_is_held_back_and_the_others_get_it(
    world: World, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = created("release", world)
    web = world.farm.hosts["web1"]
    live = web.target(LIVE)
    web.make_directories(DRUPAL_SITES)
    for name in sites.answers:
        web.write(f"{DRUPAL_SITES}/{name}", f"{name} /x\n")
        web.write(f"/var/aegir/config/apache/vhost.d/{name}.conf", "Define AEGIR_HELD_x\n")
    switched = Switching.go
    newer = {**made.inputs, "digest": NEWER, "source": "/srv/drupal-10.1", "files": 25300}

    def breaks(self: Switching, held: Mapping[str, Held]) -> None:
        switched(self, held)
        broken = Answer(status=500, headers={}, body="syntax error")
        sites.answers["two.example.com"] = WELL if "two.example.com" in held else broken

    monkeypatch.setattr(Switching, "go", breaks)
    made.update(newer)
    assert web.target(LIVE).endswith(NEWER[:16])
    assert f"{live}/web" in web.content("/var/aegir/config/apache/platform.d/drupal-10.conf")
    record = holding.read(web.content(f"{DRUPAL_SITES}/.held"))
    assert ["two.example.com"] == list(record)
    assert "failed" == record["two.example.com"].kind
    assert "answers 500: syntax error" in record["two.example.com"].reason
    assert f"AEGIR_DOCROOT={live}/web\n" == web.content(layout.held_file("two.example.com"))
    # The look knows which release the site is to have.
    assert made.read()
    assert [] == made.outs["drift"]


def test_a_site_stays_where_it_is_while_further_releases_go_live() -> None:
    def want(digest: str) -> CodeRelease:
        return CodeRelease(
            platform="code", publish_path="/p/code", digest=digest, docroot="web", members={}, holder="aegir/test",
            application="drupal",
        )  # fmt: skip

    first, second, third = ("/p/.releases/code/" + digit * 16 for digit in "123")
    one = holds.planned(want("2" * 64), first, {}, {"a": "system_update_1"}, now=7)
    assert {"a": (first, "waiting", 7)} == {site: (held.release, held.kind, held.since) for site, held in one.items()}
    failed = {"a": holds.failed(one["a"], "it throws")}
    two = holds.planned(want("3" * 64), second, failed, {"a": "again", "b": "too"}, now=9)
    assert {"a": first, "b": second} == {site: held.release for site, held in two.items()}
    # Back on the release that it is on, it is held back no more.
    assert {"b": second} == {
        site: held.release for site, held in holds.planned(want("1" * 64), third, two, {}, now=9).items()
    }
    # A pin holds whatever goes live; one that was taken out waits for its turn.
    pinned = holds.planned(want("3" * 64), second, {}, {}, pins={"c": "2" * 16}, now=9)
    assert {"c": (second, "pinned")} == {site: (held.release, held.kind) for site, held in pinned.items()}
    assert "waiting" == holds.planned(want("3" * 64), third, pinned, {}, now=9)["c"].kind


def test_a_site_whose_database_has_to_be_updated_first_waits_on_its_release(world: World, sites: Sites) -> None:
    made = created("release", world)
    web = world.farm.hosts["web1"]
    live = web.target(LIVE)
    web.make_directories(DRUPAL_SITES)
    for name in sites.answers:
        web.write(f"{DRUPAL_SITES}/{name}", f"{name} /x\n")
        web.write(f"/var/aegir/config/apache/vhost.d/{name}.conf", "Define AEGIR_HELD_x\n")
    newer = {**made.inputs, "digest": NEWER, "source": "/srv/drupal-10.1", "files": 25300}
    root = str(newer["members"]["web1"]["connection"]["hub_root"])
    holds.note(root, str(newer["holder"]), "drupal-10", NEWER, {"one.example.com": "system_update_10201"})
    made.update(newer)
    found = holding.read(web.content(f"{DRUPAL_SITES}/.held"))
    assert {"one.example.com": ("waiting", live)} == {site: (held.kind, held.release) for site, held in found.items()}
    assert not [address for address in sites.asked if "one.example.com" in address]


def test_nobody_is_asked_where_no_other_release_goes_live_or_the_platform_says_so(world: World, sites: Sites) -> None:
    made = created("release", world)
    web = world.farm.hosts["web1"]
    web.make_directories("/var/aegir/config/sites.d/drupal-10")
    web.write("/var/aegir/config/sites.d/drupal-10/one.example.com", "one.example.com /x\n")

    made.update({**made.inputs, "keep": 5})
    made.update({**made.inputs, "digest": NEWER, "source": "/srv/drupal-10.1", "files": 25300, "health": False})
    assert [] == sites.asked


DRUPAL_SITES = "/var/aegir/config/sites.d/drupal-10"
LIVE = "/var/aegir/platforms/drupal-10"


def killed_after_its_switch(world: World, sites: Sites, monkeypatch: pytest.MonkeyPatch) -> tuple[Driver, Inputs]:
    """Give a platform on which a release that breaks a site went live just before its run was killed."""
    made = created("release", world)
    web = world.farm.hosts["web1"]
    web.make_directories(DRUPAL_SITES)
    for name in sites.answers:
        web.write(f"{DRUPAL_SITES}/{name}", f"{name} /x\n")
    newer = {**made.inputs, "digest": NEWER, "source": "/srv/drupal-10.1", "files": 25300}
    switched = Switching.go

    def switches_and_is_killed(self: Switching, held: Mapping[str, Held]) -> None:
        switched(self, held)
        sites.answers["two.example.com"] = Answer(status=500, headers={}, body="syntax error")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Switching, "go", switches_and_is_killed)
        with pytest.raises(KeyboardInterrupt):
            made.update(newer)
    assert web.target(LIVE).endswith(NEWER[:16])
    return made, newer


def test_a_run_that_was_killed_after_its_switch_leaves_the_question_to_the_next(
    world: World, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, newer = killed_after_its_switch(world, sites, monkeypatch)
    web = world.farm.hosts["web1"]

    with pytest.raises(RuntimeError, match="1 of 2 sites that answered before"):
        made.update(newer)
    assert web.target(LIVE).endswith(made.inputs["digest"][:16])
    sites.answers["two.example.com"] = WELL
    made.update(newer)
    assert web.target(LIVE).endswith(NEWER[:16])
    assert made.read()
    assert [] == made.outs["drift"]


def test_a_run_that_was_killed_after_its_switch_is_seen_though_the_edit_was_taken_back(
    world: World, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = killed_after_its_switch(world, sites, monkeypatch)

    assert made.diff(made.inputs).changes
    assert made.read()
    assert "before its sites were asked" in " ".join(made.outs["drift"])
    sites.answers["two.example.com"] = WELL  # it is the former code that answers again
    made.update(made.inputs)
    assert world.farm.hosts["web1"].target(LIVE).endswith(made.inputs["digest"][:16])
    assert not made.diff(made.inputs).changes


def test_a_release_that_no_site_can_prove_is_said_to_be_unproven(
    world: World, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = created("release", world)
    web = world.farm.hosts["web1"]
    web.make_directories(DRUPAL_SITES)
    web.write(f"{DRUPAL_SITES}/two.example.com", "two.example.com /x\n")
    sites.answers["two.example.com"] = Answer(status=503, headers={"retry-after": "1"}, body="disabled")
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    made.update({**made.inputs, "digest": NEWER, "source": "/srv/drupal-10.1", "files": 25300})
    assert ["none of its sites answered before (two.example.com)" in text for text in said] == [True]
