"""Backups as declared: what a site's plan becomes, and what is rejected."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from aegir_components.settings import Keep, Settings, SettingsError, load
from tests.unit.test_settings import KEY, MINIMAL

S3 = {"s3": "https://s3.example/bucket/farm", "access_key": "hub", "secret_key": "a secret of the tests"}
SFTP = {"sftp": "backup@nas.example.com:2222/srv/backups", "identity": "/root/.ssh/id", "host_key": KEY}


def read(backups: Any, site: Any = None, **more: Any) -> Settings:
    config = {**copy.deepcopy(MINIMAL), **more}
    if backups is not None:
        config["backups"] = backups
    if site is not None:
        config["sites"]["www.example.com"]["backups"] = site
    return load(config, lambda path: path.endswith("secret_key"))


def faults(backups: Any, site: Any = None) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read(backups, site)
    return list(raised.value.faults)


def test_nothing_is_backed_up_where_nothing_is_declared() -> None:
    declared = read(None)
    assert declared.backups is None
    assert declared.sites["www.example.com"].backups is None
    assert [] == [text for text in declared.warnings if "backups" in text]


def test_all_sites_have_the_plan_of_the_stack() -> None:
    plan = read({"repositories": {"offsite": S3, "nas": SFTP}}).sites["www.example.com"].backups
    assert plan is not None
    assert ("hub", "nas", "offsite") == plan.to
    assert ("day", "02:00-05:00", "each") == (plan.every, plan.at, plan.prove)
    assert Keep(hourly=0, daily=7, weekly=4, monthly=6) == plan.keep


def test_a_site_overrides_what_it_names_and_nothing_else() -> None:
    declared = read({"at": "01:00-02:00", "keep": {"daily": 3}}, {"every": "hour", "keep": {"hourly": 24}})
    plan = declared.sites["www.example.com"].backups
    assert plan is not None
    assert ("hour", "01:00-02:00") == (plan.every, plan.at)
    assert Keep(hourly=24, daily=3, weekly=4, monthly=6) == plan.keep


@pytest.mark.parametrize("off", [False, "off"])
def test_backups_are_off_by_name(off: Any) -> None:
    assert read({}, off).sites["www.example.com"].backups is None
    whole = read(off)
    assert whole.backups is not None
    assert whole.backups.off
    assert whole.sites["www.example.com"].backups is None


def test_the_repository_on_the_hub_is_below_its_root() -> None:
    declared = read({}, hub={"address": "10.89.7.1", "root": "/srv/aegir"})
    assert declared.backups is not None
    assert "/srv/aegir/backups/repositories" == declared.backups.repositories["hub"].path


def test_repositories_are_read() -> None:
    declared = read({"repositories": {"offsite": S3, "nas": SFTP, "attic": {"directory": "/mnt/attic"}}})
    assert declared.backups is not None
    nas, offsite = declared.backups.repositories["nas"], declared.backups.repositories["offsite"]
    assert ("backup", "nas.example.com", 2222, "/srv/backups") == (nas.user, nas.address, nas.port, nas.path)
    assert ("https://s3.example", "bucket/farm") == (offsite.address, offsite.path)
    assert "a secret of the tests" not in repr(declared)
    assert [False, False, True, True] == [
        declared.backups.repositories[name].is_off_hub for name in ("hub", "attic", "nas", "offsite")
    ]


@pytest.mark.parametrize(
    ("backups", "expected"),
    [
        (None, "aegir:backups: is not declared"),
        ({}, "aegir:backups.to: has no repository off the hub"),
        ({"repositories": {"attic": {"directory": "/mnt"}}}, "aegir:backups.to: has no repository off the hub"),
    ],
)
def test_production_without_a_repository_off_the_hub_is_warned_of(backups: Any, expected: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(backups, environment="production")
    # Of other rules of production; the warnings are there all the same.
    assert any(text.startswith(expected) for text in raised.value.read.warnings)


@pytest.mark.parametrize("backups", ["off", {"repositories": {"offsite": S3}}])
def test_production_that_says_what_it_means_is_not_warned_of(backups: Any) -> None:
    with pytest.raises(SettingsError) as raised:
        read(backups, environment="production")
    assert not [text for text in raised.value.read.warnings if "backups" in text]


@pytest.mark.parametrize(
    ("backups", "site", "expected"),
    [
        (None, {"every": "hour"}, 'aegir:sites["www.example.com"].backups: needs aegir:backups'),
        ({"to": ["away"]}, None, "aegir:backups.to[0]: no repository named"),
        ({"to": []}, None, "aegir:backups.to: is empty"),
        ({"to": ["hub", "hub"]}, None, "aegir:backups.to[1]: "),
        ({"at": "25:00-26:00"}, None, "aegir:backups.at: must be a part of the day"),
        ({"at": "02:00-02:00"}, None, "aegir:backups.at: must be a part of the day"),
        ({"every": "minute"}, None, "aegir:backups.every: must be one of hour, day, week"),
        ({"keep": {"daily": 0, "weekly": 0, "monthly": 0}}, None, "aegir:backups.keep: would keep nothing"),
        (
            {"repositories": {"hub": {"directory": "/x"}}},
            None,
            'aegir:backups.repositories["hub"]: is the repository on the hub',
        ),
        ({"repositories": {"x": {}}}, None, 'aegir:backups.repositories["x"]: must have one of directory, sftp and s3'),
        ({"repositories": {"x": {**S3, **SFTP}}}, None, 'aegir:backups.repositories["x"]: must have one of'),
        ({"repositories": {"x": {"s3": "ftp://x"}}}, None, 'aegir:backups.repositories["x"].access_key: missing'),
        ({"repositories": {"x": {"sftp": "nas:/srv"}}}, None, 'aegir:backups.repositories["x"].identity: missing'),
        ({"recipients": ["ssh-ed25519 AAAA"]}, None, "aegir:backups.recipients[0]: must be a public key of age"),
        ({}, {"repositories": {}}, 'aegir:sites["www.example.com"].backups.repositories: unknown key'),
        ({}, {"to": ["nas"]}, 'aegir:sites["www.example.com"].backups.to[0]: no repository named'),
    ],
)
def test_a_fault_has_its_path_and_says_what_to_write(backups: Any, site: Any, expected: str) -> None:
    found = faults(backups, site)
    assert any(text.startswith(expected) for text in found), found
