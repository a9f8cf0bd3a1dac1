"""The administrator's password of a site: generated or given, and changed by a setting."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import HostSpec, Lab
from tests.integration import logins
from tests.integration.farm import Farm, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
NAME = "www.example.com"


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("password", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])


@pytest.mark.parametrize("application", ["wordpress", "drupal10"])
def test_a_changed_password_setting_reaches_the_site(
    lab: Lab, application: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source: Path = request.getfixturevalue(application)
    site = {"admin": {"mail": "admin@example.com"}, **({"profile": "minimal"} if application == "drupal10" else {})}
    farm = Farm(tmp_path, web_and_database(lab, source=source, sites={NAME: site}))
    lets_in = logins.wordpress if application == "wordpress" else logins.drupal
    web = lab.host("web1")
    farm.up()
    generated = farm.outputs()["sites"][NAME]["admin_password"]
    assert lets_in(web, NAME, generated)

    given = 'it\'s a "new" pässword $1'
    farm.secrets[f'sites["{NAME}"].admin.password'] = given
    done = farm.up()

    assert given not in done.output
    assert not lets_in(web, NAME, generated)
    assert lets_in(web, NAME, given)
    farm.unchanged("--refresh")
    farm.destroy()
