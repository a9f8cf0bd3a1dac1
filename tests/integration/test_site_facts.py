"""What a site on real hosts is to its visitors, to its database and to a machine that does not answer."""

from __future__ import annotations

import http.client
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration.farm import Farm, fetch, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
Figure = Callable[[str, object], None]

SITE = "www.example.com"
ALIAS = "example.com"
HOSTS = [HostSpec("web1", image="web"), HostSpec("db1", image="db")]
LINKED = layout.site_linked(layout.PLATFORMS_ROOT, SITE)
CHALLENGE = "/.well-known/acme-challenge/token"


class Estate:
    """A farm with one site, which has an alias."""

    def __init__(self, lab: Lab, farm: Farm) -> None:
        self.lab, self.farm = lab, farm
        self.web, self.database = lab.host("web1"), lab.host("db1")

    def status(self, path: str, name: str = SITE) -> int:
        return fetch(self.web, name, path).status


def make(lab: Lab, directory: Path, source: Path, **site: object) -> Estate:
    farm = Farm(directory, web_and_database(lab, source=source, sites={SITE: {"aliases": [ALIAS], **site}}))
    farm.up()
    return Estate(lab, farm)


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("site", HOSTS)


@pytest.fixture(scope="module")
def wordpress_estate(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    return make(lab, tmp_path_factory.mktemp("site"), wordpress)


@pytest.fixture(scope="module", params=["apache", "nginx"])
def estate(request: pytest.FixtureRequest, wordpress_estate: Estate) -> Estate:
    """The farm with one web server, and then with the other in its place."""
    servers = wordpress_estate.farm.settings["servers"]
    services = servers[wordpress_estate.web.spec.fqdn]["services"]
    if services["web"] != request.param:
        services["web"] = request.param
        wordpress_estate.farm.up()
    return wordpress_estate


def test_fact_05_a_name_that_nobody_declared_is_not_found(estate: Estate) -> None:
    assert {404} == {estate.status(path, "unknown.example.com") for path in ("/", "/index.php", "/wp-login.php")}
    assert 404 == estate.status("/", estate.web.address)


def test_fact_05_challenges_for_certificates_are_answered_for_every_name(estate: Estate) -> None:
    estate.web.run(f"mkdir -p {layout.ACME_ROOT}{Path(CHALLENGE).parent}; echo proof >{layout.ACME_ROOT}{CHALLENGE}")

    for name in (SITE, ALIAS, "unknown.example.com"):
        answer = fetch(estate.web, name, CHALLENGE)
        assert (200, "proof") == (answer.status, answer.body.strip()), name


def test_a_site_answers_under_its_own_name_and_its_aliases(estate: Estate) -> None:
    answer = fetch(estate.web, SITE)

    assert 200 == answer.status
    assert "wp-content" in answer.body
    assert estate.status("/", ALIAS) in {200, 301}
    assert 200 == estate.status("/wp-login.php")
    assert 200 == estate.status("/wp-includes/css/dist/block-library/style.min.css")


def test_the_administrator_logs_in_with_the_password_of_the_outputs(estate: Estate) -> None:
    """As fact 27 asks of the login link, which comes with tasks."""
    site = estate.farm.outputs()["sites"][SITE]
    form = urllib.parse.urlencode({"log": site["admin_name"], "pwd": site["admin_password"], "testcookie": "1"})
    headers = {
        "Host": SITE,
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": "wordpress_test_cookie=WP%20Cookie%20check",
    }
    connection = http.client.HTTPConnection(estate.web.address, 80, timeout=60)
    connection.request("POST", "/wp-login.php", form, headers)
    answer = connection.getresponse()
    cookies = [value for name, value in answer.getheaders() if name.lower() == "set-cookie"]
    connection.close()

    assert 302 == answer.status
    assert any(cookie.startswith("wordpress_logged_in") for cookie in cookies)


def test_fact_27_uploads_and_private_files_are_the_sites_own(estate: Estate) -> None:
    user = layout.system_user(SITE)
    root = layout.PLATFORMS_ROOT
    modes = estate.web.run(
        f"stat -c '%U:%G %a' {layout.site_files(root, SITE)} {layout.site_private(root, SITE)} {LINKED} {LINKED}/wp-config.php"
    ).stdout.splitlines()

    assert [f"{user}:www-data 2770", f"{user}:{user} 2770", "root:root 755", f"root:{user} 440"] == modes
    for other in ("www-data", "aegir", "nobody"):
        estate.web.run(f"! runuser -u {other} -- cat {LINKED}/wp-config.php 2>/dev/null")
    estate.web.run(f"runuser -u {user} -- test -r {LINKED}/wp-config.php")
    estate.web.run(f"! runuser -u {user} -- test -w {LINKED}/wp-config.php")
    estate.web.run(f"! runuser -u {user} -- test -w {layout.PLATFORMS_ROOT}/code/index.php")


@pytest.mark.parametrize("name", ["evil.php", "evil.PHP", "evil.phtml", "evil.php7", "evil.phar", "evil.php.jpg"])
def test_fact_28_an_uploaded_program_does_not_run(estate: Estate, name: str) -> None:
    user = layout.system_user(SITE)
    estate.web.run(
        f"cat >{LINKED}/files/{name}; chown {user} {LINKED}/files/{name}; chmod 644 {LINKED}/files/{name}",
        input="<?php echo 6 * 7 . 'ran';\n",
    )

    for path in (f"/sites/{SITE}/files/{name}", f"/wp-content/uploads/{name}", f"/sites/{SITE}/files/{name}/x"):
        answer = fetch(estate.web, SITE, path)
        assert "42ran" not in answer.body, path
        assert not name.lower().endswith(("php", "phtml", "php7", "phar")) or answer.status in {403, 404}, path


def test_an_upload_is_served(estate: Estate) -> None:
    user = layout.system_user(SITE)
    estate.web.run(f"runuser -u {user} -- sh -c 'echo pixel >{LINKED}/files/picture.txt'")

    answer = fetch(estate.web, SITE, f"/sites/{SITE}/files/picture.txt")

    assert (200, "pixel") == (answer.status, answer.body.strip())


@pytest.mark.parametrize(
    "path",
    [
        "/wp-config.php",
        "/wp-config-sample.php",
        f"/sites/{SITE}/wp-config.php",
        f"/sites/{SITE}/private/secret.txt",
        f"/sites/{SITE}/files/../private/secret.txt",
        f"/sites/{SITE}/files/dump.sql",
        f"/sites/{SITE}/files/.git/config",
        f"/sites/{SITE}/files/.htaccess",
        "/composer.json",
        "/.git/config",
        "/.env",
        "/vendor/autoload.php",
        "/wp-admin/install.php",
        "/wp-admin/setup-config.php",
        "/wp-includes/version.php",
    ],
)
def test_fact_28_settings_dumps_and_repositories_are_not_served(estate: Estate, path: str) -> None:
    files, private = f"{LINKED}/files", layout.site_private(layout.PLATFORMS_ROOT, SITE)
    estate.web.run(f"""
        mkdir -p {files}/.git; echo sentinel | tee {files}/dump.sql {files}/.git/config {files}/.htaccess {private}/secret.txt
        chmod -R a+rX {files}/.git {files}/dump.sql {files}/.htaccess
    """)

    answer = fetch(estate.web, SITE, path)

    # Where nothing of that name is, WordPress may suggest a slash.
    assert answer.status in {301, 400, 403, 404}, answer.body[:200]
    assert "sentinel" not in answer.body
    assert "DB_PASSWORD" not in answer.body


def test_fact_07_accounts_are_for_the_addresses_that_connect_and_no_others(wordpress_estate: Estate) -> None:
    def sql(statement: str) -> list[str]:
        return wordpress_estate.database.run("mysql -N", input=statement).stdout.split()

    hosts = sql(f"SELECT host FROM mysql.user WHERE user = '{layout.account_name(SITE)}'")
    administrator = sql("SELECT host FROM mysql.user WHERE user = 'aegir_root'")
    everybody = sql("SELECT user FROM mysql.user WHERE host = '%'")

    assert sorted([wordpress_estate.web.address, wordpress_estate.lab.hub_address]) == sorted(hosts)
    assert [wordpress_estate.lab.hub_address] == administrator
    assert [] == everybody


@pytest.fixture
def frozen(wordpress_estate: Estate) -> Iterator[Host]:
    wordpress_estate.farm.disconnect()
    wordpress_estate.web.pause()
    yield wordpress_estate.web
    wordpress_estate.web.unpause()


def test_fact_03_a_machine_that_does_not_answer_is_an_error_with_its_name_and_nothing_is_gone(
    wordpress_estate: Estate, frozen: Host, record_property: Figure
) -> None:
    before = [entry["urn"] for entry in wordpress_estate.farm.resources()]

    begun = time.monotonic()
    done = wordpress_estate.farm.up("--refresh", ok=False)

    record_property("up --refresh with a frozen web server fails after, s", round(time.monotonic() - begun, 1))
    assert frozen.spec.fqdn in done.sentence
    assert "no answer" in done.sentence
    # A run that goes on past a failure puts them in another order.
    assert sorted(before) == sorted(entry["urn"] for entry in wordpress_estate.farm.resources())
    frozen.unpause()
    try:
        wordpress_estate.farm.unchanged("--refresh")
    finally:
        frozen.pause()


@pytest.mark.timeout(600)
def test_fact_27_drupal_10_is_installed_and_answers_with_its_settings_closed(
    lab_factory: LabFactory, drupal10: Path, tmp_path: Path, record_property: Figure
) -> None:
    lab = lab_factory("drupal", HOSTS)
    estate = make(lab, tmp_path, drupal10, profile="minimal")
    user = layout.system_user(SITE)

    done = estate.farm.unchanged("--refresh")

    record_property("up --refresh with nothing to do, Drupal 10, s", round(done.seconds, 1))
    page = fetch(estate.web, SITE)
    assert 200 == page.status
    assert "Drupal 10" in page.headers["x-generator"]
    assert f"root:{user} 440" == estate.web.run(f"stat -c '%U:%G %a' {LINKED}/settings.php").stdout.strip()
    for path in (f"/sites/{SITE}/settings.php", "/composer.json", "/core/install.php", "/vendor/autoload.php"):
        assert estate.status(path) in {403, 404}, path
    assert 200 == estate.status("/core/misc/drupal.js")
    assert "of the code base" not in estate.web.run(f"ls -a {LINKED}").stdout
    begun = time.monotonic()
    estate.farm.destroy()
    record_property("destroy with a backup, Drupal 10, s", round(time.monotonic() - begun, 1))
    assert 2 == len(list((estate.farm.hub / "backups").glob("*.gz")))
