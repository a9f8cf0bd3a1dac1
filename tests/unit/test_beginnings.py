"""What new sites begin with: what is wrong with it is said before anything is done."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aegir_components import settings
from aegir_components.backups.book import Backup, Book, Proof
from aegir_components.preview import beginnings
from aegir_components.recorded import Recorded
from tests.unit.test_settings import MINIMAL

SITE, OTHER = "www.example.com", "live.example.com"
HOLDER = "aegir/test"


def declared(origin: dict[str, Any], root: Path | None = None, **more: Any) -> settings.Settings:
    config = {**copy.deepcopy(MINIMAL), "backups": {"to": ["hub"]}, **more}
    config["sites"][SITE]["origin"] = origin
    if root is not None:
        config["hub"]["root"] = str(root)
    return settings.load(config, lambda _path: False)


def state(environment: str, *, installed: bool = True) -> Recorded:
    connection = {"host": "db1", "address": "10.0.0.3"}
    props = {
        "site": OTHER, "platform": "live", "publish_root": "/var/aegir/platforms", "docroot": ".",
        "publish_path": "/var/aegir/platforms/live", "application": "drupal", "holder": HOLDER, "hub_password": "x",
        "members": {"web1": {"connection": {"host": "web1", "address": "10.0.0.2"}, "type": "apache", "port": 80}},
        "accounts": {"connection": connection, "server": "db1", "database": "live", "address": "10.0.0.3", "port": 3306,
                     "user": "root", "account": "live", "owner": f"{HOLDER}/{OTHER}", "clients": ["10.0.0.2"]},
    }  # fmt: skip
    return Recorded(
        {
            "aegir:SiteConfiguration": {OTHER: props},
            "aegir:Environment": {"environment": {"environment": environment}},
            **({"aegir:Installation": {OTHER: {}}} if installed else {}),
        }
    )


@pytest.mark.parametrize(
    ("origin", "other", "fault"),
    [
        (
            {"site": OTHER, "stack": "prod"},
            state("production"),
            "stack prod is production and this stack is development",
        ),
        ({"site": OTHER, "stack": "prod", "sanitise": "standard"}, state("production"), ""),
        ({"site": OTHER, "stack": "prod", "sanitise": "none"}, state("production"), ""),
        ({"site": OTHER, "stack": "prod"}, state("testing"), ""),
        (
            {"site": OTHER, "stack": "prod"},
            state("testing", installed=False),
            "stack prod has no site live.example.com",
        ),
        ({"site": "none.example.com", "stack": "prod"}, state("testing"), "stack prod has no site none.example.com"),
    ],
)
def test_a_live_site_is_found_or_said_to_be_missing(origin: dict[str, Any], other: Recorded, fault: str) -> None:
    found = beginnings.read(declared(origin), Recorded(), HOLDER, {"prod": other})
    assert bool(fault) is bool(found.faults), found.faults
    assert not fault or fault in found.faults[0]
    assert bool(found.sources) is not bool(fault)


def test_the_last_proven_backup_is_chosen(tmp_path: Path) -> None:
    book = Book(hub_root=str(tmp_path), stack=HOLDER, site=SITE)
    proof = Proof(at=1, seconds=1.0, ok=True, text="restored")
    book.put(Backup(id="a1" * 8, begun=1, proof=proof))
    book.put(Backup(id="b2" * 8, begun=2, dump=1))
    for wanted, chosen in {"latest": "a1" * 8, "b2b2b2b2": "b2" * 8}.items():
        found = beginnings.read(declared({"backup": wanted}, tmp_path), Recorded(), HOLDER)
        assert [] == found.faults
        assert chosen == found.backups[SITE].id
    book.put(Backup(id="d4" * 8, begun=3))
    found = beginnings.read(declared({"backup": "latest"}, tmp_path), Recorded(), HOLDER)
    assert "d4" * 8 == found.backups[SITE].id, "one that was found in a repository, whose proof nobody here knows"
    found = beginnings.read(declared({"backup": "c3c3c3c3"}, tmp_path), Recorded(), HOLDER)
    assert "this stack has no backup c3c3c3c3 of www.example.com" in found.faults[0]


def test_an_origin_at_a_site_that_has_content_is_not_even_looked_at() -> None:
    before = Recorded({"aegir:Installation": {SITE: {"content": "present"}}})
    for origin in ({"database": "/none.sql"}, {"backup": "latest"}, {"site": "none.example.com"}):
        assert [] == beginnings.read(declared(origin), before, HOLDER).faults


def test_the_names_of_a_cloned_site_are_known_to_its_clone_and_stay_known() -> None:
    other = state("testing")
    made = {
        **other.of("aegir:SiteConfiguration")[OTHER],
        "name": "new.example.com",
        "aliases": ["a.b"],
        "former": ["b"],
    }
    other = Recorded({**other.resources, "aegir:SiteConfiguration": {OTHER: made}})
    found = beginnings.read(declared({"site": "new.example.com", "stack": "prod"}), Recorded(), HOLDER, {"prod": other})
    assert {OTHER, "new.example.com", "a.b", "b"} == set(found.former[SITE])

    known: dict[str, dict[str, Any]] = {SITE: {"content": "present"}}
    before = Recorded({"aegir:Installation": known, "aegir:SiteConfiguration": {SITE: {"former": ["b"]}}})
    brought = {"database": "/x.sql", "former": ["c", SITE]}
    for origin, names in (({"site": "x.example.com"}, ("b",)), (brought, ("b", "c"))):
        later = beginnings.read(declared(origin), before, HOLDER)
        assert names == later.of(SITE, {}, "", None).former


def test_a_clone_that_lends_its_uploads_knows_where_they_are_for_as_long_as_that_is_declared() -> None:
    theirs = f"http://{OTHER}/sites/{OTHER}/files"
    sources: Any = {"drupal-10": SimpleNamespace(code=SimpleNamespace(version="10"))}

    def fallback(origin: dict[str, Any], before: Recorded, other: Recorded) -> str:
        found = beginnings.read(declared(origin), before, HOLDER, {"prod": other})
        return found.of(SITE, sources, "", None).fallback

    origin = {"site": OTHER, "stack": "prod", "sanitise": "standard", "files": "proxy"}
    assert theirs == fallback(origin, Recorded(), state("production"))
    made: dict[str, dict[str, Any]] = {
        "aegir:Installation": {SITE: {}},
        "aegir:SiteConfiguration": {SITE: {"fallback": theirs}},
    }
    assert theirs == fallback(origin, Recorded(made), Recorded()), "the other stack is not read any more"
    assert "" == fallback({**origin, "files": "copy"}, Recorded(made), Recorded())
    renamed = {**state("testing").of("aegir:SiteConfiguration")[OTHER], "name": "new.example.com", "https": "enabled"}
    here = Recorded(
        {"aegir:Installation": {SITE: {}, OTHER: {}}, "aegir:SiteConfiguration": {SITE: {}, OTHER: renamed}}
    )
    assert f"https://new.example.com/sites/{OTHER}/files" == fallback(
        {"site": OTHER, "files": "proxy"}, here, Recorded()
    )
