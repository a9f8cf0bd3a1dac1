"""Logs, traffic and events on real hosts: what an operator sees of WordPress and Drupal, and does with them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration.farm import fetch
from tests.integration.operators import BLOG, HOSTS, NEWS, SHOP, begin, estate
from tests.integration.project import Project
from tests.integration.waiting import journal, wait_for_line

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("events", HOSTS)


@pytest.fixture(scope="module")
def work(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return estate(lab, wordpress, codebases.ask("drupal10-next"), tmp_path_factory.mktemp("events"))


@pytest.fixture
def blogs(lab: Lab) -> Host:
    return lab.host("web1")


@pytest.fixture
def shops(lab: Lab) -> Host:
    return lab.host("web2")


# Logs.


def ask(host: Host, site: str, path: str) -> None:
    """Ask for a page, and wait until the web server has it in the site's log."""
    fetch(host, site, path)
    wait_for_line(host, f"{layout.site_log(site)}.access.log", path)


def test_what_sites_logged_comes_from_all_web_servers_in_the_order_of_time(
    work: Project, blogs: Host, shops: Host
) -> None:
    # The machines' clocks have other zones: what is local in a log is not the hub's.
    blogs.run("timedatectl set-timezone Asia/Tokyo && systemctl restart apache2")
    try:
        for number in range(3):
            ask(blogs, BLOG, f"/?first={number}")
            ask(shops, SHOP, f"/second-{number}")
        blogs.run(
            f"php -r 'trigger_error(1);' >/dev/null 2>&1; echo 'a line without a time' >>/var/log/aegir/{BLOG}.error.log"
        )
        lines = work.printed("logs", BLOG, SHOP, "--since", "10min").splitlines()
    finally:
        blogs.run("timedatectl set-timezone UTC && systemctl restart apache2")
    times = [line[:19] for line in lines if not line.startswith("-")]
    assert sorted(times) == times
    for word in ("first=", "second-"):
        # Of one second each machine's lines keep their order.
        assert [f"{word}{number}" for number in range(3)] == re.findall(rf"{word}\d", "\n".join(lines))
    assert any(re.search(rf" access +{SHOP} {shops.spec.fqdn} .*second-0", line) for line in lines)
    only = work.printed("logs", BLOG, "--kind", "error", "--since", "10min")
    assert "a line without a time" in only
    assert "first=" not in only
    assert 2 == len(work.printed("logs", BLOG, "-n", "2").splitlines())
    assert BLOG == json.loads(work.printed("logs", BLOG, "-n", "1", "--json"))["site"]


def test_what_comes_is_followed_until_ctrl_c(work: Project, blogs: Host, shops: Host) -> None:
    started = begin(work, "logs", BLOG, SHOP, "--follow", "--kind", "access")
    assert started.process.stdout is not None
    for host in (blogs, shops):
        # It has the log open, so that it misses no line that comes now.
        files = "$(pgrep -f '^tail -n 0 -F' | sed 's,.*,/proc/&/fd,')"
        host.run(f"until ls -l {files} 2>/dev/null | grep -q access.log; do sleep 0.1; done")
    fetch(blogs, BLOG, "/?followed")
    fetch(shops, SHOP, "/followed")
    seen = started.process.stdout.readline() + started.process.stdout.readline()
    assert 2 == seen.count(b"followed")
    started.interrupt()
    assert 130 == started.end()[0]
    deadline = time.monotonic() + 60
    while not blogs.run("pgrep -f '^tail -n 0 -F'", check=False).returncode:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_top_counts_requests_time_and_errors_by_site(work: Project, blogs: Host, shops: Host) -> None:
    for number in range(5):
        ask(blogs, NEWS, f"/?counted={number}")
    ask(shops, SHOP, "/not-there")
    rows = {row["site"]: row for row in json.loads(work.printed("top", "--minutes", "30", "--json"))}
    assert rows[NEWS]["requests"] >= 5
    assert 0 < rows[NEWS]["average"] <= rows[NEWS]["longest"] < 60
    assert rows[SHOP]["client_errors"] >= 1
    assert [blogs.spec.fqdn] == rows[NEWS]["servers"]
    table = work.printed("top", "--sort", "errors", "-n", "1").splitlines()
    assert 2 == len(table)


def test_a_slow_request_is_shown_with_what_was_asked_for(work: Project, blogs: Host) -> None:
    plugin = f"$(readlink {layout.PLATFORMS_ROOT}/blogs)/wp-content/plugins/slow"
    blogs.run(f"mkdir -p {plugin} && echo '<?php sleep(10); echo 1;' >{plugin}/slow.php")
    try:
        assert 200 == fetch(blogs, BLOG, "/wp-content/plugins/slow/slow.php").status
        done = work.printed("slow", BLOG)
    finally:
        blogs.run(f"rm -r {plugin}")
    took = re.search(rf"{BLOG} on {blogs.spec.fqdn}: GET /wp-content/plugins/slow/slow\.php took (\d+\.\d) s", done)
    assert took, done
    # PHP tells when it sees that a request runs for five seconds already.
    assert 5 <= float(took[1]) <= 12


# Events.


def test_cron_runs_now_with_and_without_a_timer(work: Project, blogs: Host) -> None:
    done = work.aegir("cron", BLOG, SHOP, "--now")
    assert "2 sites: 2 ok" in done.output
    assert re.search(
        rf"^{BLOG} .* \d{{4}}-\d\d-\d\d \d\d:\d\d +ok$", work.aegir("status", "prod", "--live").output, re.MULTILINE
    )
    text = work.file("prod").read_text()
    work.file("prod").write_text(
        text.replace(f"{NEWS}: {{platform: blogs}}", f'{NEWS}: {{platform: blogs, cron: "off"}}')
    )
    assert f"Summary: 1 site was changed ({NEWS})." in work.up("prod").sentence
    assert "Summary:" not in work.up("prod").output, "nothing was done"
    assert "done" in work.aegir("cron", NEWS, "--now").output
    # One that fails says why, and the others go on.
    blogs.run("echo '<?php fwrite(STDERR, \"no luck today\\n\"); exit(3);' >/var/aegir/config/cron/wordpress.php")
    failed = work.aegir("cron", BLOG, SHOP, "--now", status=4)
    assert "2 sites: 1 ok, 1 failed" in failed.output
    assert "no luck today" in failed.output
    work.pulumi("up", "--yes", "--skip-preview", "--refresh", "--stack", "prod")
    assert "done" in work.aegir("cron", BLOG, "--now").output


def test_caches_are_cleared_by_the_application_itself(work: Project) -> None:
    counted = ("db", SHOP, "--execute", "SELECT COUNT(*) FROM cache_config")
    before = int(work.printed(*counted).split()[-1])
    done = work.aegir("cache", "clear", "--all")
    assert "3 sites: 3 ok" in done.output
    assert before > 0
    assert int(work.printed(*counted).split()[-1]) < before


def test_a_site_is_closed_shown_as_such_and_opened(work: Project, blogs: Host) -> None:
    assert f"{BLOG}: close on " in work.printed("close", BLOG, "--dry-run")
    assert 200 == fetch(blogs, BLOG).status
    work.aegir("close", BLOG, "--why", "the bank moves")
    assert 503 == fetch(blogs, BLOG).status
    assert 200 == fetch(blogs, NEWS).status
    live = work.aegir("status", "prod", "--live", status=3)
    assert re.search(
        rf"^{BLOG} .*{blogs.spec.fqdn}: closed by \S+: the bank moves; aegir open opens it$", live.output, re.MULTILINE
    )
    work.aegir("open", BLOG)
    assert 200 == fetch(blogs, BLOG).status
    assert 0 == work.aegir("status", "prod", "--live").status
    said = journal(blogs, "-t aegir")
    assert re.search(rf"\S+@\S+: aegir close {BLOG}", said)
    assert re.search(rf"\S+@\S+: aegir open {BLOG}", said)


def test_check_proves_what_up_proves_and_names_what_differs(work: Project, blogs: Host) -> None:
    assert 6 == work.aegir("check", BLOG).output.count("PASS")
    settings = f"{layout.site_linked(layout.PLATFORMS_ROOT, BLOG)}/wp-config.php"
    blogs.run(f"cp -a {settings} /root/kept && echo '// by hand' >>{settings}")
    try:
        failed = work.aegir("check", BLOG, SHOP, status=3)
    finally:
        blogs.run(f"mv /root/kept {settings}")
    assert re.search(rf"^{BLOG} +FAIL .*file {settings}: content differs$", failed.output, re.MULTILINE)
    assert not re.search(rf"^{SHOP} +FAIL", failed.output, re.MULTILINE)
    unit = blogs.run("systemctl list-units --plain --no-legend 'php*-fpm.service' | cut -d' ' -f1").stdout.strip()
    blogs.run(f"systemctl stop {unit}")
    try:
        failed = work.aegir("check", BLOG, SHOP, status=3)
    finally:
        blogs.run(f"systemctl start {unit}")
    stopped = rf"^{BLOG} +FAIL +the web server with PHP: .*{unit.removesuffix('.service')}"
    assert re.search(stopped, failed.output, re.MULTILINE)
    assert not re.search(rf"^{SHOP} +FAIL", failed.output, re.MULTILINE)


def test_a_machine_that_does_not_answer_is_told_and_the_others_are_shown(work: Project, shops: Host) -> None:
    fetch(shops, SHOP)
    shops.pause()
    try:
        begun = time.monotonic()
        looked = work.aegir("top", status=5)
        assert time.monotonic() - begun < 100
        checked = work.aegir("check", BLOG, SHOP, status=3)
    finally:
        shops.unpause()
    assert shops.spec.fqdn in looked.output
    assert re.search(rf"^{BLOG} ", looked.output, re.MULTILINE)
    assert re.search(rf"^{SHOP} +UNKNOWN", checked.output, re.MULTILINE)
    assert 6 == len(re.findall(rf"^{BLOG} +PASS", checked.output, re.MULTILINE))


def test_an_address_is_explained_with_machine_rule_file_and_answer(work: Project, blogs: Host, shops: Host) -> None:
    denied = work.aegir("explain", f"http://{BLOG}/wp-includes/version.php", status=3)
    assert re.search(rf"^server +{blogs.spec.fqdn} \({blogs.address}\) answers 403$", denied.output, re.MULTILINE)
    assert f"/var/aegir/config/apache/vhost.d/{BLOG}.conf" in denied.output
    assert "denied (403)" in denied.output
    served = work.aegir("explain", f"{SHOP}/core/misc/drupal.js")
    assert re.search(
        r"^file +/var/aegir/platforms/\.releases/shops/[0-9a-f]+/web/core/misc/drupal\.js$", served.output, re.MULTILINE
    )
    assert "answers 200" in served.output
    unknown = work.aegir("explain", "nobody.example.com", status=1)
    assert "no site of prod has the name nobody.example.com" in unknown.output
    assert 404 == fetch(blogs, "nobody.example.com").status
