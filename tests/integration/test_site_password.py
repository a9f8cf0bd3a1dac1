"""The administrator's password of a site: generated or given, and changed by a setting."""

from __future__ import annotations

import http.cookiejar
import re
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import Host, HostSpec, Lab
from tests.integration.farm import Farm, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
NAME = "www.example.com"


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("password", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])


class Browser:
    """A visitor with cookies, who takes a name for the address of a host."""

    def __init__(self, host: Host, name: str) -> None:
        self.base, self.name = f"http://{host.address}", name
        # urllib files cookies under the Host header's name, and sends them back to it.
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def get(self, path: str, form: dict[str, str] | None = None) -> str:
        data = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(self.base + path, data=data, headers={"Host": self.name})
        with self.opener.open(request, timeout=60) as answer:
            text: str = answer.read().decode(errors="replace")
        return text


def wordpress_lets_in(host: Host, password: str) -> bool:
    browser = Browser(host, NAME)
    browser.get("/wp-login.php")
    said = browser.get(
        "/wp-login.php",
        {"log": "admin", "pwd": password, "wp-submit": "x", "testcookie": "1", "redirect_to": "/wp-login.php"},
    )
    return "login_error" not in said


def drupal_lets_in(host: Host, password: str) -> bool:
    browser = Browser(host, NAME)
    page = browser.get("/user/login")
    build = re.search(r'name="form_build_id" value="([^"]+)"', page)
    assert build is not None
    form = {"name": "admin", "pass": password, "form_build_id": build[1], "form_id": "user_login_form", "op": "Log in"}
    try:
        said = browser.get("/user/login", form)
    except (urllib.error.URLError, OSError):
        # Drupal answers a good login with a redirect to the site's own name, which only this test knows.
        return True
    return "Unrecognized username or password" not in said


@pytest.mark.parametrize("application", ["wordpress", "drupal10"])
def test_a_changed_password_setting_reaches_the_site(
    lab: Lab, application: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source: Path = request.getfixturevalue(application)
    site = {"admin": {"mail": "admin@example.com"}, **({"profile": "minimal"} if application == "drupal10" else {})}
    farm = Farm(tmp_path, web_and_database(lab, source=source, sites={NAME: site}))
    lets_in = wordpress_lets_in if application == "wordpress" else drupal_lets_in
    web = lab.host("web1")
    farm.up()
    generated = farm.outputs()["sites"][NAME]["admin_password"]
    assert lets_in(web, generated)

    given = 'it\'s a "new" pässword $1'
    farm.secrets[f'sites["{NAME}"].admin.password'] = given
    done = farm.up()

    assert given not in done.output
    assert not lets_in(web, generated)
    assert lets_in(web, given)
    farm.unchanged("--refresh")
    farm.destroy()
