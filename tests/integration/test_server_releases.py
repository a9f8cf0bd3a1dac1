"""The releases of Debian and Ubuntu that a server may run, from bare: their names of packages, versions of PHP, databases.

Those of Ubuntu need an archive of theirs (AEGIR_LAB_UBUNTU); without one they are skipped and say so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests import codebases
from tests.integration import logins
from tests.integration.editing import upload_to_drupal
from tests.integration.farm import CommandEnded, Farm, fetch, web_and_database
from tests.integration.tables import calendars_read_differently, php_values_unknown
from tests.integration.updating import Visitor

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1500)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
Figure = Callable[[str, object], None]
NAME = "www.example.com"


def hosts(release: str) -> list[HostSpec]:
    return [HostSpec("web1", release=release), HostSpec("db1", release=release), HostSpec("web2", release=release)]


def farm_on(lab: Lab, directory: Path, wordpress: Path) -> Farm:
    """Declare a site on Apache with its database, and nginx with TLS beside it."""
    farm = Farm(directory, web_and_database(lab, source=wordpress))
    nginx = lab.host("web2")
    farm.settings["servers"][nginx.spec.fqdn] = {"address": nginx.address, "services": {"web": "nginx_ssl"}}
    return farm


def check(lab: Lab, farm: Farm) -> None:
    assert 200 == fetch(lab.host("web1"), NAME).status
    assert 404 == fetch(lab.host("web2"), "nobody.example.com").status
    farm.unchanged("--refresh")


@pytest.mark.parametrize(
    ("release", "php"), [("bullseye", "7.4"), ("trixie", "8.4"), ("jammy", "8.1"), ("noble", "8.3")]
)
def test_a_bare_host_of_any_known_release_serves_a_site(
    lab_factory: LabFactory, wordpress: Path, tmp_path: Path, record_property: Figure, release: str, php: str
) -> None:
    lab = lab_factory(release, hosts(release))
    farm = farm_on(lab, tmp_path, wordpress)

    try:
        done = farm.up(timeout=900)
    except CommandEnded as ended:
        if "404  Not Found" in str(ended):
            pytest.skip(f"the archive here lists packages of {release} that it does not have")
        raise

    record_property(f"first up on bare {release}, s", round(done.seconds, 1))
    check(lab, farm)
    for name in ("web1", "web2"):
        assert php == lab.host(name).run("ls /etc/php").stdout.strip()
    assert [] == calendars_read_differently(lab.host("web1"), seed=5), "by this systemd and by us"
    assert [] == php_values_unknown(lab.host("web1"))
    if release == "bullseye":
        _serves_older_drupal(lab, farm)


def _serves_older_drupal(lab: Lab, farm: Farm) -> None:
    """See the cores that need a PHP as old as that, each on the other web server."""
    cases = {"drupal8": ("web1", "Drupal 8"), "drupal9": ("web2", "Drupal 9")}
    there = {code: case for code, case in cases.items() if codebases.locate(code)}
    for code, (name, _) in there.items():
        server = lab.host(name).spec.fqdn
        farm.settings["platforms"][code] = {"server": server, "source": str(codebases.ask(code))}
        farm.settings["sites"][f"{code}.example.com"] = {"platform": code}
    farm.up(timeout=600)
    passwords = {name: site["admin_password"] for name, site in farm.outputs()["sites"].items()}
    for code, (name, generator) in there.items():
        host, site = lab.host(name), f"{code}.example.com"
        page = fetch(host, site)
        assert (200, True) == (page.status, generator in page.headers.get("x-generator", "")), page.body[:300]
        assert logins.drupal(host, site, passwords[site]), "its administrator"
        assert not logins.drupal(host, site, "another")
        browser = logins.Browser(host, site)
        assert logins.enter_drupal(browser, passwords[site], path="/user/login", form_id="user_login_form")
        button = "field_image_0_upload_button"
        for path in upload_to_drupal(browser, "files[field_image_0]", button, "title[0][value]"):
            assert (200, "image/png") == (
                fetch(host, site, path).status,
                fetch(host, site, path).headers["content-type"],
            )
        host.run(f"systemctl start aegir-cron@{layout.system_user(site)}.service")
    farm.unchanged("--refresh")
    if len(there) == len(cases):
        _brings_eight_to_nine(lab, farm, passwords["drupal8.example.com"])


def _brings_eight_to_nine(lab: Lab, farm: Farm, password: str) -> None:
    """See a site of Drupal 8.9 get the code of 9.2: told at preview, rehearsed, and with all that it had."""
    web, site, platform = lab.host("web1"), "drupal8.example.com", farm.settings["platforms"]["drupal8"]

    def rows() -> str:
        text = (
            "SELECT COUNT(*) FROM users_field_data; SELECT uri FROM file_managed; SELECT COUNT(*) FROM path_alias;"
            "SELECT name FROM config WHERE name LIKE 'node.type.%' ORDER BY 1"
        )
        return lab.host("db1").run(f"mariadb -N {layout.database_name(site)}", input=text).stdout

    def schema() -> int:
        text = "SELECT value FROM key_value WHERE collection = 'system.schema' AND name = 'system'"
        said = lab.host("db1").run(f"mariadb -N {layout.database_name(site)}", input=text).stdout
        return int(re.findall(r"\d{4}", said)[0])

    had, before = rows(), schema()
    platform["source"] = str(codebases.ask("drupal9"))
    told = farm.preview().sentence
    assert "its sites go from Drupal 8.9.20 to 9.2.7" in told, told
    pending = int(re.findall(rf"Pending updates of {re.escape(site)}: (\d+) ", told)[0])
    with Visitor(web, site) as visitor:
        said = farm.up(timeout=600).sentence
    assert f"{site}: {pending} updates, rehearsed in" in said, said
    assert visitor.statuses <= {200, 307}
    assert "Drupal 9" in fetch(web, site).headers["x-generator"]
    assert had == rows(), "users, uploads, and kinds of content"
    assert schema() >= before
    assert logins.drupal(web, site, password), "with the password of before"
    farm.unchanged("--refresh")


UNSTABLE = """cd /etc/apt/sources.list.d
awk -v RS= '/Suites:.*trixie( |$|\\n)/ { print; print "" }' lab.sources | sed 's/^Suites:.*/Suites: sid/' >sid.sources
printf 'Package: *\\nPin: release n=sid\\nPin-Priority: 100\\n' >/etc/apt/preferences.d/sid
apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends -t sid mysql-server
"""
"""Debian has MySQL's own server in its unstable release only."""
UBUNTUS = "apt-get -q update; DEBIAN_FRONTEND=noninteractive apt-get -q -y install mysql-server"


@pytest.mark.parametrize(
    ("release", "installs", "version"), [("noble", UBUNTUS, "8."), ("trixie", UNSTABLE, "9.")], ids=["8.0", "9"]
)
def test_fact_08_a_site_works_on_mysql_as_on_mariadb(
    lab_factory: LabFactory, wordpress: Path, tmp_path: Path, release: str, installs: str, version: str
) -> None:
    """MySQL of Ubuntu's, and the newest of Debian's, with the password plugin that MariaDB lacks; over TLS, and through ssh."""
    lab = lab_factory(f"mysql{version[0]}", [HostSpec("web1", image="web"), HostSpec("db1", release=release)])
    database = lab.host("db1")
    database.run(installs, timeout=400)
    farm = Farm(tmp_path, web_and_database(lab, source=wordpress))
    service = farm.settings["servers"][database.spec.fqdn]["services"]

    farm.up()

    assert 200 == fetch(lab.host("web1"), NAME).status
    assert version == database.run("mysql -Ne 'SELECT VERSION()'").stdout[:2]
    plugins = database.run("mysql -Ne \"SELECT DISTINCT plugin FROM mysql.user WHERE user LIKE 'www_example%'\"").stdout
    assert "caching_sha2_password" == plugins.strip()
    farm.unchanged("--refresh")

    for change, demanded in (({"tls": "required"}, "ANY"), ({"reach": "ssh"}, "")):
        service["database"] = {"type": "mysql", **change}
        farm.up()
        kinds = "SELECT DISTINCT ssl_type FROM mysql.user WHERE user LIKE 'www_example%' OR user = 'aegir_root'"
        assert demanded == database.run(f'mysql -Ne "{kinds}"').stdout.strip(), "of every account"
        assert 200 == fetch(lab.host("web1"), NAME).status
        farm.unchanged("--refresh")

    del farm.settings["sites"][NAME]
    farm.up()
    assert "www_example" not in database.run("mysql -Ne 'SHOW DATABASES; SELECT user FROM mysql.user'").stdout
