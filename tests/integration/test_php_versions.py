"""A site takes a version of PHP by name and gives it up again: it answers after every run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import HostSpec, Lab
from tests.integration.farm import Farm, fetch, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
NAME = "www.example.com"
LISTED = {"type": "apache", "php": ["8.2"]}


def test_a_version_by_name_comes_and_goes_while_the_site_answers(
    lab_factory: LabFactory, wordpress: Path, tmp_path: Path
) -> None:
    lab = lab_factory("php", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    farm, web = Farm(tmp_path, web_and_database(lab, source=wordpress)), lab.host("web1")
    services, site = farm.settings["servers"][web.spec.fqdn]["services"], farm.settings["sites"][NAME]
    services["web"], site["php"] = LISTED, {"version": "8.2"}
    farm.up()
    assert 200 == fetch(web, NAME).status
    # WP_DEBUG would show visitors the paths of the release.
    assert '= "0"' in web.run("grep -rh display_errors /var/aegir/config/php-fpm").stdout

    del site["php"]
    farm.up()
    assert 200 == fetch(web, NAME).status
    farm.unchanged("--refresh")

    site["php"] = {"version": "8.2"}
    farm.up()
    del site["php"]
    services["web"] = "apache"
    assert "Remove `version` from the site with one pulumi up" in farm.preview(ok=False).sentence
    for each in (LISTED, "apache"):
        services["web"] = each
        farm.up()
        assert 200 == fetch(web, NAME).status
    farm.unchanged("--refresh")

    services["web"] = {"type": "apache", "php": ["8.2", "7.0"]}
    refused = farm.up(ok=False).sentence
    assert "PHP 7.0 is not in this machine's package sources; they have: 8.2" in refused
    assert "Write one of these as services.web.php" in refused
    # By now the machine has lists of its sources, so that a preview can tell.
    where = f'aegir:servers["{web.spec.fqdn}"].services.web.php: the package sources of {web.spec.fqdn} have PHP 8.2'
    assert f"{where}, and not 7.0" in farm.preview().sentence
    assert 200 == fetch(web, NAME).status
