"""The types of web service on a real host, and a server that changes from one to another."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import Host, HostSpec, Lab
from tests.integration.farm import Config, Farm, fetch, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
NAME = "www.example.com"


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("types", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])


@pytest.fixture(scope="module")
def farm(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    return Farm(tmp_path_factory.mktemp("farm"), web_and_database(lab, source=wordpress))


def set_type(farm: Farm, lab: Lab, kind: str) -> None:
    web: Config = farm.settings["servers"][lab.host("web1").spec.fqdn]
    web["services"]["web"] = kind


def listeners(host: Host) -> str:
    return host.run("ss -Hltnp | grep -E ':(80|443) ' || true").stdout


def https_status(host: Host, name: str) -> int:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    request = urllib.request.Request(f"https://{host.address}/", headers={"Host": name})
    try:
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as fault:
        return fault.code


@pytest.mark.parametrize(
    "kind", ["apache", "apache_ssl", "nginx_ssl", "nginx", pytest.param("apache", id="apache-again")]
)
def test_each_type_serves_the_site_and_leaves_nothing_of_the_one_before(farm: Farm, lab: Lab, kind: str) -> None:
    web = lab.host("web1")
    set_type(farm, lab, kind)

    farm.up()

    program, other = ("nginx", "apache2") if kind.startswith("nginx") else ("apache2", "nginx")
    assert fetch(web, NAME).status == 200
    assert fetch(web, "nobody.example.com").status == 404
    assert fetch(web, "nobody.example.com", "/.well-known/acme-challenge/x").status == 404
    listening = listeners(web)
    assert program in listening
    assert other not in listening
    assert (":443 " in listening) is kind.endswith("_ssl")
    if kind.endswith("_ssl"):
        assert https_status(web, "nobody.example.com") == 404
    assert web.run(f"systemctl is-active {other} {program}", check=False).stdout.split() == ["inactive", "active"]
    gone = "/etc/nginx/conf.d/aegir.conf" if program == "apache2" else "/etc/apache2/conf-enabled/aegir.conf"
    assert web.run(f"test -e {gone} || test -L {gone}", check=False).returncode == 1
    farm.unchanged("--refresh")


@pytest.mark.parametrize("kind", ["apache", "nginx"])
def test_what_is_not_for_visitors_is_not_served(farm: Farm, lab: Lab, kind: str) -> None:
    """Fact 28: the same denials on both, and uploads that are programs do not run."""
    web = lab.host("web1")
    set_type(farm, lab, kind)
    farm.up()
    files = f"/var/aegir/platforms/.sites/{NAME}/site/files"
    for name in ("evil.php", "evil.PHP", "evil.php5", "evil.phtml", "evil.phar", "evil.php.jpg"):
        web.run(f"echo '<?php echo 6*7, \"run\";' >'{files}/{name}'; chown --reference={files} '{files}/{name}'")
    web.run(f"echo hello >{files}/a.txt; chown --reference={files} {files}/a.txt")

    assert fetch(web, NAME, f"/sites/{NAME}/files/a.txt").body.strip() == "hello"
    for name in ("evil.php", "evil.PHP", "evil.php5", "evil.phtml", "evil.phar", "evil.php/x", "evil.php.jpg"):
        answer = fetch(web, NAME, f"/sites/{NAME}/files/{name}")
        assert "42run" not in answer.body, name
        assert name.endswith(".jpg") or answer.status in {403, 404}, name
    denied = (
        "/.git/config", "/.env", "/composer.json", "/composer.lock", "/dump.sql", "/x.yml",
        "/wp-config.php", "/wp-config.php~", "/wp-config-sample.php", "/readme.html", "/wp-admin/install.php",
        f"/sites/{NAME}/wp-config.php", "/wp-includes/version.php", "/package.json", "/index.php.bak",
    )  # fmt: skip
    for path in denied:
        assert fetch(web, NAME, path).status in {403, 404}, path
    assert fetch(web, NAME, "/wp-login.php").status == 200
    assert fetch(web, NAME, "/wp-includes/css/dashicons.min.css").status == 200


def test_a_version_of_php_that_is_not_there_is_refused_with_those_that_are(farm: Farm, lab: Lab) -> None:
    web: Config = farm.settings["servers"][lab.host("web1").spec.fqdn]
    web["services"]["web"] = {"type": "apache", "php": "7.0"}

    refused = farm.up(ok=False)

    assert "PHP 7.0 is not in this machine's package sources; they have: 8.2" in refused.sentence
    web["services"]["web"] = {"type": "apache", "php": "8.2"}
    farm.up()
    farm.unchanged("--refresh")
    assert fetch(lab.host("web1"), NAME).status == 200
