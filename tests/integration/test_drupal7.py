"""Drupal 7 on real hosts: installed by its own functions, answered for, given another password, and removed with a backup."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration import logins
from tests.integration.farm import Farm, fetch, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
NAME = "www.example.com"
ALIAS = "example.com"


@pytest.fixture(scope="module")
def lab(drupal7: Path, lab_factory: LabFactory) -> Lab:
    del drupal7  # without it no hosts are needed
    return lab_factory("drupal7", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])


@pytest.fixture(scope="module")
def farm(drupal7: Path, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    site = {"profile": "minimal", "title": 'It\'s a "site"', "aliases": [ALIAS], "admin": {"mail": "a@example.com"}}
    farm = Farm(tmp_path_factory.mktemp("drupal7"), web_and_database(lab, source=drupal7, sites={NAME: site}))
    farm.up()
    return farm


@pytest.fixture
def web(lab: Lab) -> Host:
    return lab.host("web1")


def test_it_answers_under_all_its_names_and_a_second_run_has_nothing_to_do(farm: Farm, web: Host) -> None:
    answer = fetch(web, NAME)
    assert (200, "Drupal 7") == (answer.status, answer.headers["x-generator"][:8])
    assert "It&#039;s a &quot;site&quot;" in answer.body
    assert 200 == fetch(web, ALIAS, "/user").status
    farm.unchanged("--refresh")


def test_what_is_not_for_visitors_is_not_served(web: Host) -> None:
    linked = layout.site_linked(layout.PLATFORMS_ROOT, NAME)
    web.run(f"echo '<?php echo 6 * 7;' >{linked}/files/evil.php")
    for path in ("/install.php", "/authorize.php", "/CHANGELOG.txt", "/modules/node/node.info", "/includes/common.inc",
                 f"/sites/{NAME}/settings.php", "/.gitignore", f"/sites/{NAME}/files/evil.php"):  # fmt: skip
        answer = fetch(web, NAME, path)
        assert answer.status in (403, 404), path
        assert "42" not in answer.body
    assert 200 == fetch(web, NAME, "/misc/drupal.js").status


def test_the_settings_are_the_sites_alone_and_a_file_beside_them_is_the_users(farm: Farm, web: Host) -> None:
    linked, user = layout.site_linked(layout.PLATFORMS_ROOT, NAME), layout.system_user(NAME)
    assert f"root {user} 440" == web.run(f"stat -c '%U %G %a' {linked}/settings.php").stdout.strip()
    web.run(
        f'echo \'<?php $conf["site_name"] = "Named by hand";\' >{linked}/local.settings.php;'
        f" chown root:{user} {linked}/local.settings.php; chmod 640 {linked}/local.settings.php"
    )
    assert "Named by hand" in fetch(web, NAME).body
    farm.settings["reverse_proxies"] = ["10.255.0.0/16"]
    farm.up()
    assert "Named by hand" in fetch(web, NAME).body
    assert f"root {user} 640" == web.run(f"stat -c '%U %G %a' {linked}/local.settings.php").stdout.strip()
    assert web.run(f"runuser -u www-data -- cat {linked}/local.settings.php", check=False).returncode != 0
    farm.unchanged("--refresh")


def test_a_changed_password_reaches_the_site(farm: Farm, web: Host) -> None:
    generated = farm.outputs()["sites"][NAME]["admin_password"]
    assert logins.drupal7(web, NAME, generated)
    given = 'it\'s a "new" pässword $1'
    farm.secrets[f'sites["{NAME}"].admin.password'] = given
    farm.up()
    assert not logins.drupal7(web, NAME, generated)
    assert logins.drupal7(web, NAME, given)


def test_it_goes_with_a_backup(farm: Farm, web: Host) -> None:
    farm.destroy()
    kept = sorted(path.name for path in (farm.hub / "backups").glob("*.gz"))
    assert [True, True] == [name.startswith(NAME) for name in kept], kept
    assert web.run(f"test -e {layout.site_directory(layout.PLATFORMS_ROOT, NAME)}", check=False).returncode != 0
