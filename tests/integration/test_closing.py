"""A site that is closed for a while, or held back on a release: seen by its visitors, on Apache and on nginx."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from collections.abc import Callable, Iterable

import pytest

from aegir_components import layout
from aegir_components.applications.base import Answer
from aegir_components.deploy import site_closing
from aegir_components.deploy.closing import HEADER
from aegir_components.deploy.site_closing import By, Reason
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration import switching
from tests.integration.farm import Farm, fetch, web_and_database

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(400)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
A_TEST = Reason(By.PERSON, "a test")
TYPES = {"web1": "apache", "web2": "nginx"}


class Estate:
    """WordPress on each web server."""

    def __init__(self, farm: Farm, lab: Lab) -> None:
        self.farm, self.hosts = farm, {name: lab.host(name) for name in TYPES}
        self.database = lab.host("db1")

    def site(self, server: str) -> str:
        """Name the site of a web server."""
        return f"{server}.example.com"

    def closable(self, server: str) -> site_closing.Closable:
        """Give the site of a web server as the program closes it."""
        host, site = self.hosts[server], self.site(server)
        conn = next(
            Connection.from_props(resource["inputs"]["members"][host.spec.fqdn]["connection"])
            for resource in self.farm.resources()
            if resource["type"].endswith(":SiteConfiguration") and resource["inputs"]["site"] == site
        )
        return site_closing.Closable(
            site=site, name=site, holder="aegir/test", members={host.spec.fqdn: conn}, ports={host.spec.fqdn: 80}
        )


@pytest.fixture(scope="module")
def estate(lab_factory: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    source = codebases.ask("wordpress")
    lab = lab_factory("closing", [*(HostSpec(name, image="web") for name in TYPES), HostSpec("db1", image="db")])
    farm = Farm(tmp_path_factory.mktemp("closing"), web_and_database(lab, source=source, sites={}))
    for name, kind in TYPES.items():
        host = lab.host(name)
        farm.settings["servers"][host.spec.fqdn] = {"address": host.address, "services": {"web": kind}}
        farm.settings["platforms"][name] = {"server": host.spec.fqdn, "source": str(source)}
        farm.settings["sites"][f"{name}.example.com"] = {"platform": name}
    del farm.settings["platforms"]["code"]
    farm.up(timeout=300)
    return Estate(farm, lab)


def status(host: Host, site: str, method: str = "GET", path: str = "/", *, door: str = "", patience: float = 60) -> int:
    """Ask with a key of the door."""
    asked = http.client.HTTPConnection(host.address, 80, timeout=patience)
    asked.request(method, path, body=b"a=b" if method == "POST" else None, headers={"Host": site, HEADER: door})
    try:
        return asked.getresponse().status
    finally:
        asked.close()


@pytest.mark.parametrize("server", TYPES)
def test_a_closed_site_answers_503_whatever_is_asked_but_for_certificates_and_the_door(
    estate: Estate, server: str
) -> None:
    host, site, closed = estate.hosts[server], estate.site(server), estate.closable(server)
    challenge = "/.well-known/acme-challenge"
    host.run(f"mkdir -p {layout.ACME_ROOT}{challenge}; echo token >{layout.ACME_ROOT}{challenge}/x")
    closed.close(A_TEST)
    try:
        for path in (
            "/",
            "/wp-login.php",
            "/wp-includes/js/jquery/jquery.min.js",
            "/none",
            f"/sites/{site}/files/x.txt",
        ):
            answer = fetch(host, site, path)
            assert (503, "3600", "no-store") == (
                answer.status,
                answer.headers["retry-after"],
                answer.headers["cache-control"],
            ), path
            assert "closed for maintenance" in answer.body
        assert 503 == status(host, site, "POST", "/wp-login.php")
        assert "token" in fetch(host, site, f"{challenge}/x").body
        assert 200 == status(host, site, door=closed.door)
        for wrong in (secrets.token_hex(16), "", "../../x", closed.door[:-1], f"{closed.door}0"):
            assert 503 == status(host, site, door=wrong), wrong
        assert {host.spec.fqdn: A_TEST} == site_closing.seen(closed.members, site)
    finally:
        closed.open()
    assert 200 == fetch(host, site).status
    assert "retry-after" not in fetch(host, site, "/none").headers
    assert {} == site_closing.seen(closed.members, site)
    assert not host.run("ls /var/lib/aegir/closed").stdout.split()


def test_a_site_that_a_person_has_closed_stays_closed_through_a_refresh(estate: Estate) -> None:
    closed = estate.closable("web1")
    closed.close(Reason(By.PERSON, "somebody: the bank moves"))
    try:
        done = estate.farm.up("--refresh")
        assert "is closed, so nobody asked it for its pages (somebody: the bank moves)" in done.sentence
        assert 503 == fetch(estate.hosts["web1"], estate.site("web1")).status
    finally:
        closed.open()
    estate.farm.unchanged("--refresh")
    assert 200 == fetch(estate.hosts["web1"], estate.site("web1")).status


@pytest.mark.parametrize("server", TYPES)
def test_visitors_wait_while_a_site_is_exchanged_and_its_programs_rest(estate: Estate, server: str) -> None:
    host, site, closed = estate.hosts[server], estate.site(server), estate.closable(server)
    answers: list[tuple[float, Answer]] = []

    def visit() -> None:
        begun = time.monotonic()
        answer = fetch(host, site, "/?p=1")
        answers.append((time.monotonic() - begun, answer))

    closed.hold()
    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        user = layout.system_user(site)
        ran = host.run(
            f"AEGIR_SITE={site} AEGIR_DOCROOT=$(readlink /var/aegir/platforms/{server}) runuser -u {user} -- php -r "
            f'\'chdir(getenv("AEGIR_DOCROOT")); $_SERVER["HTTP_HOST"]="{site}"; require "wp-load.php"; echo "ran";\'',
            check=False,
        )
        assert (75, True) == (ran.returncode, "is being updated" in ran.stderr)
        assert "ran" not in ran.stdout
        assert 200 == status(host, site, door=closed.door)
        with pytest.raises(TimeoutError):
            status(host, site, door=secrets.token_hex(16), patience=3)
        assert visitor.is_alive()
    finally:
        closed.go()
        closed.open()
    visitor.join(60)
    (waited, answer), *_ = answers
    assert waited > 1
    assert (307, "/?p=1") == (answer.status, answer.headers["location"])
    assert 200 == fetch(host, site).status


def test_a_vhost_that_knows_of_no_closing_is_not_taken_for_closed(estate: Estate) -> None:
    host, closed = estate.hosts["web1"], estate.closable("web1")
    path = f"/var/aegir/config/apache/vhost.d/{closed.site}.conf"
    host.run(f"cp {path} /root/kept; sed -i '/R=503/d' {path}")
    switching.reload(host, "apache", "apache2ctl graceful")
    with pytest.raises(Refused, match=r"answers 200, and a closed site answers 503\. It is open again.*pulumi up"):
        closed.close(A_TEST)
    host.run(f"cp /root/kept {path}")
    switching.reload(host, "apache", "apache2ctl graceful")
    assert 200 == fetch(host, closed.site).status
    assert not host.run("ls /var/lib/aegir/closed").stdout.split()
