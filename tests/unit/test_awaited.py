"""Which sites that do not answer are updated later in their run, so that their proof comes with that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from aegir_components.applications.updates import Pending
from aegir_components.deploy.holding import Held
from aegir_components.inputs.site import InstallationInputs, InstallationState, SiteConfigurationInputs
from aegir_components.moving import checks, place
from aegir_components.providers import awaited, holds
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.rollout import database_updates
from aegir_components.scripts import script

SITE, BASE = "www.example.com", "wwwexamplecom"
LIVE = "/var/aegir/platforms/.releases/code/0123456789abcdef"


def props(**more: Any) -> dict[str, Any]:
    """Give what the inputs of a site's installation and of its configuration have in common, and what one of them has."""
    member = {"connection": Connection(host="web1", address="192.0.2.1").to_props(), "type": "apache", "port": 80}
    accounts = {
        "server": "db1", "address": "192.0.2.2", "port": 3306, "user": "aegir", "database": BASE, "account": BASE,
        "other": "other", "clients": [], "owner": "aegir/test", "authority": "",
        "connection": Connection(host="db1", address="192.0.2.2").to_props(),
    }  # fmt: skip
    return {
        "site": SITE, "platform": "code", "publish_path": "/var/aegir/platforms/code", "application": "drupal7", "docroot": ".",
        "members": {"web1": member}, "accounts": accounts, "password": "p", "hub_password": "h", "holder": "aegir/test",
        "database": {"name": BASE, "user": BASE, "host": "192.0.2.2", "port": 3306},
        **more,
    }  # fmt: skip


def want(**more: Any) -> InstallationInputs:
    """Give the inputs of a site's installation."""
    first = {"admin": "admin", "mail": "a@example.com", "admin_password": "p"}
    return InstallationInputs.from_props(props(profile="standard", title="", language="en", **first) | more)


WAS = InstallationState.from_props(want().to_props())


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stand in for the web server, which tells who is held back, and for the database, which lacks two updates."""
    found: dict[str, Any] = {"held": {}, "live": LIVE, "names": ("one_update_7001", "one_update_7002"), "asked": []}
    monkeypatch.setattr(holds, "look", lambda members, _registry: dict.fromkeys(members, found["held"]))
    monkeypatch.setattr(script, "execute", lambda *_given, **_more: SimpleNamespace(facts={"live1": found["live"]}))

    def lacking(_root: str, digest: str, _server: object, _kind: str, names: list[str]) -> dict[str, Pending]:
        found["asked"].append(digest)
        return {name: Pending(names=found["names"]) for name in names}

    monkeypatch.setattr(database_updates, "lacking", lacking)
    return found


@pytest.mark.parametrize("kind", ["waiting", "failed"])
def test_a_site_that_is_held_back_is_updated_in_this_run(machines: dict[str, Any], kind: Any) -> None:
    machines["held"] = {SITE: Held(site=SITE, release=LIVE, docroot=".", kind=kind, reason="its turn has not come")}
    assert "it is not on its platform's release: its turn has not come" == awaited.why(want(), WAS)


def test_a_pinned_site_is_not(machines: dict[str, Any]) -> None:
    machines["held"] = {SITE: Held(site=SITE, release=LIVE, docroot=".", kind="pinned")}
    assert "" == awaited.why(want(), None)


def test_a_new_site_whose_database_lacks_updates_of_the_live_code_is(machines: dict[str, Any]) -> None:
    assert "2 updates of its database are pending" == awaited.why(want(), None)
    assert ["0123456789abcdef"] == machines["asked"]


@pytest.mark.parametrize(
    ("was", "more"),
    [(WAS, {}), (None, {"updated": False}), (None, {"enabled": False}), (None, {"accounts": None})],
    ids=["known before", "not updated by its rollout", "disabled", "of a state without accounts"],
)
def test_a_site_that_no_rollout_updates_is_not(
    machines: dict[str, Any], was: InstallationState | None, more: dict[str, Any]
) -> None:
    assert "" == awaited.why(want(**more), was)
    assert [] == machines["asked"]


def test_a_new_site_is_not_where_nothing_is_pending_or_no_release_is_live(machines: dict[str, Any]) -> None:
    machines["names"] = ()
    assert "" == awaited.why(want(), None)
    machines["live"] = "/srv/code"
    assert "" == awaited.why(want(), None)


def moving(server: str, path: str) -> place.Site:
    """Give a site in one of its places."""
    member = {"connection": Connection(host=server, address="192.0.2.9").to_props(), "type": "apache", "port": 80}
    given = props(members={server: member}, publish_path=path, publish_root="/var/aegir/platforms", salt="s")
    return place.Site(SiteConfigurationInputs.from_props(given))


@pytest.mark.parametrize(
    ("lives", "names", "refused"),
    [
        (("a" * 16, "b" * 16), ("one_update_7001",), True),
        (("a" * 16, "b" * 16), (), False),
        (("a" * 16, "a" * 16), ("one_update_7001",), False),
    ],
)
def test_a_site_whose_database_lacks_updates_of_other_code_does_not_move_there(
    machines: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    lives: tuple[str, str],
    names: tuple[str, ...],
    refused: bool,
) -> None:
    """A preview says so; here nobody could ask then."""
    by_server = dict(zip(("web1", "web2"), lives, strict=True))
    facts = {host: {"live1": f"/var/aegir/platforms/.releases/code/{digest}"} for host, digest in by_server.items()}
    monkeypatch.setattr(script, "execute", lambda conn, *_given, **_more: SimpleNamespace(facts=facts[conn.host]))
    machines["names"] = names
    had, to = moving("web1", "/var/aegir/platforms/code"), moving("web2", "/var/aegir/platforms/next")
    if not refused:
        checks.refuse_lacking(had, to)
        return
    with pytest.raises(
        Refused, match=r"web2.*1 update of its database comes first \(one_update_7001\).*Nothing was changed"
    ):
        checks.refuse_lacking(had, to)
    assert [lives[1]] == machines["asked"]
