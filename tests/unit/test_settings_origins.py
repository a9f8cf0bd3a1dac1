"""Origins as declared: what is read, and what is rejected."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from aegir_components.settings import Origin, Settings, SettingsError, load
from tests.unit.test_settings import MINIMAL


def read(origin: Any, **more: Any) -> Settings:
    config = {**copy.deepcopy(MINIMAL), "backups": {"to": ["hub"]}, **more}
    config["sites"]["www.example.com"]["origin"] = origin
    return load(config, lambda path: path.endswith("hash_salt"))


def test_it_is_read() -> None:
    assert (
        Origin(backup="latest", site="old.example.com")
        == read({"backup": "latest", "site": "old.example.com"}).sites["www.example.com"].origin
    )
    named = (
        read({"database": "/srv/x.sql", "former": ["old.example.com", "older", "older"]})
        .sites["www.example.com"]
        .origin
    )
    assert named is not None
    assert ("old.example.com", "older") == named.former
    given: dict[str, Any] = {
        "database": "/srv/x.sql.gz",
        "files": "/srv/files",
        "prefix": "x_",
        "hash_salt": "a salt of before, long",
    }
    assert Origin(**given) == read(given).sites["www.example.com"].origin
    assert "a salt of before" not in repr(read(given))


@pytest.mark.parametrize(
    ("files", "read_as"),
    [
        ("copy", {}),
        ("none", {"copies": "none"}),
        ("proxy", {"copies": "none", "proxied": True}),
        ({"exclude": ["videos", "*.mp4"]}, {"without": ("videos", "*.mp4")}),
        ({"largest": 20, "proxy": True}, {"largest": 20, "proxied": True}),
    ],
)
def test_the_uploads_of_a_live_site_come_along_in_part(files: Any, read_as: dict[str, Any]) -> None:
    found = read({"site": "x.example.com", "files": files}).sites["www.example.com"].origin
    assert Origin(site="x.example.com", **read_as) == found


@pytest.mark.parametrize(
    ("origin", "more", "why"),
    [
        ({}, {}, "must have site, backup, or database"),
        ({"files": "/srv/files"}, {}, "must have site, backup, or database"),
        ({"backup": "newest"}, {}, "must be `latest`"),
        ({"backup": "latest", "database": "/x.sql"}, {}, "does not go with backup"),
        ({"backup": "latest"}, {"backups": "off"}, "needs aegir:backups"),
        ({"site": "x.example.com", "database": "/x.sql"}, {}, "does not go with site"),
        ({"site": "x.example.com", "files": "/srv/files"}, {}, "must be one of copy, none"),
        ({"site": "x.example.com", "files": {"exclude": ["/x"]}}, {}, "begin with no slash"),
        ({"site": "x.example.com", "files": {"largest": -1}}, {}, "largest"),
        ({"site": "x.example.com", "files": {"biggest": 1}}, {}, "biggest"),
        ({"site": "x.example.com", "sanitise": "no"}, {}, "standard"),
        ({"database": "/x.sql", "sanitise": "standard"}, {}, "for the content of a site that serves"),
        ({"site": "x.example.com"}, {"sanitise": {"a.b": "empty"}}, "is for tables"),
        ({"site": "x.example.com"}, {"sanitise": {"a b": "text"}}, "a table, or table.column"),
        ({"database": "x.sql"}, {}, "absolute path"),
        ({"database": "/x.sql", "former": ["../x"]}, {}, "a host name or a directory below sites/"),
        ({"database": "/x.sql", "former": "old.example.com"}, {}, "must be a list"),
        ({"site": "x.example.com", "former": ["old"]}, {}, "does not go with site"),
        ({"database": "/x.zip"}, {}, "must end with .sql"),
    ],
)
def test_what_contradicts_itself_is_rejected(origin: Any, more: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(origin, **more)
    assert any(why in fault for fault in raised.value.faults), raised.value.faults


def test_a_site_that_is_not_to_be_installed_has_no_origin() -> None:
    config = copy.deepcopy(MINIMAL)
    config["sites"]["www.example.com"] |= {"origin": {"database": "/x.sql"}, "install": False}
    with pytest.raises(SettingsError) as raised:
        load(config, lambda _path: False)
    assert any("origin says what is" in fault for fault in raised.value.faults)
