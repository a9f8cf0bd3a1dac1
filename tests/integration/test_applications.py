"""Each real code base on real hosts: installed in one `up`, shown to visitors, and open to its administrator."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from aegir_components import applications
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration import logins
from tests.integration.farm import Config, Farm, fetch, web_and_database

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A code base, and what a visitor sees of a site on it."""

    code: str
    generator: str
    """What the front page says of its application."""
    lets_in: Callable[[Host, str, str], bool]
    enters: Callable[[logins.Browser, str], bool]
    options: Config


SEVEN = partial(logins.enter_drupal, path="/user", form_id="user_login")
LATER = partial(logins.enter_drupal, path="/user/login", form_id="user_login_form")
BACKDROP = partial(logins.enter_drupal, path="/user/login", form_id="user_login")
# Drupal 8.9 and 9.2 need an older PHP than Debian 12 has.
CASES = [
    Case(code="drupal7", generator="Drupal 7", lets_in=logins.drupal7, enters=SEVEN, options={"profile": "minimal"}),
    Case(code="drupal10", generator="Drupal 10", lets_in=logins.drupal, enters=LATER, options={"profile": "farm"}),
    Case(
        code="drupal10-next", generator="Drupal 10", lets_in=logins.drupal, enters=LATER, options={"profile": "minimal"}
    ),
    Case(
        code="wordpress", generator="WordPress 6.9", lets_in=logins.wordpress, enters=logins.enter_wordpress, options={}
    ),
    Case(code="backdrop", generator="Backdrop CMS 1", lets_in=logins.backdrop, enters=BACKDROP, options={}),
]


@pytest.fixture(scope="module")
def farm(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Farm, Host]:
    lab = lab_factory("apps", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    farm = Farm(tmp_path_factory.mktemp("apps"), web_and_database(lab, source=wordpress, sites={}))
    farm.settings["platforms"], farm.settings["sites"] = {}, {}
    return farm, lab.host("web1")


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """Give a Drupal 10 with a distribution of another name than its directory has, and with modules of its own."""
    source = codebases.locate("drupal10")
    if source is None:
        return None
    made = tmp_path_factory.mktemp("distribution") / "code"
    subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(made)], check=True)
    profile = made / "web" / "profiles" / "contrib" / "open_farm"
    for path, text in (
        ("farm.info.yml", "name: Farm\ntype: profile\ncore_version_requirement: '>=9'\ndistribution: {name: Open Farm}\n"
         "dependencies: [barn]\ninstall: [node, block, dblog]\nthemes: [stark]\n"),
        ("farm.profile", "<?php\n"),
        ("config/install/system.theme.yml", "default: stark\nadmin: ''\n"),
        ("modules/custom/barn/barn.info.yml", "name: Barn\ntype: module\ncore_version_requirement: '>=9'\n"),
        ("modules/custom/barn/tests/profiles/none.info.yml", "name: None\ntype: profile\ncore_version_requirement: '>=9'\n"),
    ):  # fmt: skip
        (profile / path).parent.mkdir(parents=True, exist_ok=True)
        (profile / path).write_text(text)
    return made


OLD = "Drupal 8.9.20 needs PHP 7.0.8 to 7.4, and"


def test_code_that_does_not_run_on_the_machines_php_is_rejected_before_anything_is_made(
    farm: tuple[Farm, Host],
) -> None:
    """Nothing is recorded yet: the machine is asked which PHP it will have."""
    estate, web = farm
    estate.settings["platforms"]["old"] = {"server": web.spec.fqdn, "source": str(codebases.ask("drupal8"))}
    estate.settings["sites"]["old.example.com"] = {"platform": "old"}
    try:
        for said in (estate.preview(ok=False), estate.up(ok=False)):
            assert f'aegir:platforms["old"].source: {OLD} {web.spec.fqdn} has ' in said.sentence
            assert "services.web.php" in said.sentence
        assert web.run("ls /var/aegir 2>&1", check=False).returncode != 0
    finally:
        del estate.settings["platforms"]["old"], estate.settings["sites"]["old.example.com"]


def enter(case: Case, web: Host, name: str, password: str, *, tls: bool) -> None:
    """Log in, and look at the cookies that keep the visitor in."""
    browser = logins.Browser(web, name, tls=tls)
    assert case.enters(browser, password), (name, tls)
    kept = [cookie for cookie in browser.set if re.match("S?SESS|wordpress_(sec_)?[0-9a-f]", cookie)]
    assert kept, browser.set
    for cookie in kept:
        flags = {part.strip().lower() for part in cookie.split(";")}
        assert "httponly" in flags, cookie
        assert tls is ("secure" in flags), cookie


@pytest.mark.parametrize("server", ["apache_ssl", "nginx_ssl"])
def test_every_application_is_installed_in_one_run_shown_and_open_to_its_administrator(
    farm: tuple[Farm, Host], distribution: Path | None, server: str
) -> None:
    estate, web = farm
    cases = [case for case in CASES if codebases.locate(case.code)]
    if not cases:
        codebases.ask(CASES[0].code)
    for case in cases:
        source = distribution if case.code == "drupal10" else codebases.ask(case.code)
        estate.settings["platforms"][case.code] = {"server": web.spec.fqdn, "source": str(source)}
        estate.settings["sites"][f"{case.code}.example.com"] = {
            "platform": case.code,
            **case.options,
        }
    estate.settings["servers"][web.spec.fqdn]["services"]["web"] = server
    estate.up(timeout=400)
    if distribution:
        titles = estate.outputs()["platforms"]["drupal10"]["profiles"]
        assert "Open Farm" == titles["farm"]
        assert "none" not in titles

    passwords = {name: site["admin_password"] for name, site in estate.outputs()["sites"].items()}
    for case in cases:
        name = f"{case.code}.example.com"
        page = fetch(web, name)
        assert 200 == page.status, name
        assert case.generator in page.headers.get("x-generator", "") + page.body, name
        assert case.lets_in(web, name, passwords[name]), name
        assert not case.lets_in(web, name, "another"), name
        enter(case, web, name, passwords[name], tls=False)
    estate.unchanged("--refresh")
    for case in cases:
        estate.settings["sites"][f"{case.code}.example.com"]["https"] = "required"
    estate.up()
    for case in cases:
        name = f"{case.code}.example.com"
        enter(case, web, name, passwords[name], tls=True)
    estate.unchanged("--refresh")


def test_code_that_does_not_run_on_the_recorded_php_is_rejected_without_asking(farm: tuple[Farm, Host]) -> None:
    estate, web = farm
    estate.settings["platforms"]["old"] = {"server": web.spec.fqdn, "source": str(codebases.ask("drupal8"))}
    try:
        assert f"{OLD} {web.spec.fqdn} has " in estate.preview(ok=False).sentence
    finally:
        del estate.settings["platforms"]["old"]


def test_a_code_base_of_another_application_is_rejected_by_name(farm: tuple[Farm, Host], tmp_path: Path) -> None:
    estate, web = farm
    source = tmp_path / "joomla"
    (source / "libraries/src").mkdir(parents=True)
    (source / "libraries/src/Version.php").write_text("<?php final class Version { public const MAJOR_VERSION = 5; }\n")
    (source / "index.php").write_text("<?php\n")
    assert applications.detect(source) is None
    estate.settings["platforms"]["other"] = {"server": web.spec.fqdn, "source": str(source)}
    try:
        assert f"'{source}' is no code base that is known here" in estate.preview(ok=False).sentence
    finally:
        del estate.settings["platforms"]["other"]
