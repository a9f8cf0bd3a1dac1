"""A site gets another release with its database, and nobody is sent away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pytest

from lab import HostSpec, Lab
from tests import codebases
from tests.integration.farm import Farm, fetch, web_and_database
from tests.integration.updating import Estate, Visitor

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITE, OTHER = "drupal.example.com", "other.example.com"


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    former, _ = codebases.ask("drupal10"), codebases.ask("drupal10-next")
    lab = lab_factory("rollout", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    farm = Farm(tmp_path_factory.mktemp("rollout"), web_and_database(lab, source=former, sites={}))
    for site in (SITE, OTHER):
        farm.settings["sites"][site] = {"platform": "code", "profile": "minimal", "cron": "off"}
    farm.up(timeout=400)
    return Estate(farm, lab.host("web1"), lab.host("db1"))


def test_a_quiet_site_gets_code_and_database_and_nobody_is_sent_away(estate: Estate) -> None:
    farm = estate.farm
    farm.settings["platforms"]["code"]["source"] = str(codebases.ask("drupal10-next"))
    assert "their databases are updated with it" in farm.preview().output
    with Visitor(estate.web, SITE) as visitor:
        done = farm.up(timeout=500)
    assert visitor.statuses <= {200, 307}
    assert "" == estate.release_of(SITE)
    for site in (SITE, OTHER):
        assert 200 == fetch(estate.web, site, "/user/login").status
        assert re.search(rf"{site}: \d+ updates, rehearsed in", done.output)
    assert "" == estate.left()
    farm.unchanged()
    assert [] == farm.drift().drift
