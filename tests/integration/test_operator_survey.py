"""The report, figures, updates, disks and history of real hosts with WordPress and Drupal."""

from __future__ import annotations

import http.server
import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration.operators import BLOG, HOSTS, NEWS, SHOP, begin, estate
from tests.integration.project import Project
from tests.integration.waiting import journal

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
NOUGHTS = "0" * 15
DRUPAL = """\
<?xml version="1.0" encoding="utf-8"?><project><short_name>drupal</short_name>
<supported_branches>10.5.,10.6.,11.0.</supported_branches>
<project_status>published</project_status><releases>
<release><version>10.6.99</version><date>1790000000</date>
<terms><term><name>Release type</name><value>Security update</value></term></terms></release>
</releases></project>
"""


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("survey", HOSTS)


@pytest.fixture(scope="module")
def work(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return estate(lab, wordpress, codebases.ask("drupal10-next"), tmp_path_factory.mktemp("survey"))


@pytest.fixture
def blogs(lab: Lab) -> Host:
    return lab.host("web1")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve what updates.drupal.org and api.wordpress.org say, on the hub itself."""
    root = tmp_path_factory.mktemp("network")
    for path, text in (
        ("drupal/drupal/current", DRUPAL),
        (
            "wp/core/stable-check/1.0/index.html",
            json.dumps({"6.1.9": "insecure", "6.1.10": "outdated", "6.9.1": "latest"}),
        ),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, directory=str(root), **options)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_updates_are_matched_with_the_mirror_and_no_site_is_asked(work: Project, network: str, lab: Lab) -> None:
    assert "fill it: aegir advisories fetch" in work.aegir("updates", status=1).output
    parts = work.printed("advisories", "list", "prod")
    assert re.search(r"^drupal\tdrupal\t10\.\d+\.\d+$", parts, re.MULTILINE)
    assert re.search(r"^wordpress-core\twordpress\t6\.1", parts, re.MULTILINE)
    assert "composer\tsymfony/http-kernel\t" in parts
    fetched = work.aegir(
        "advisories", "fetch", "--drupal", f"{network}/drupal", "--wordpress", f"{network}/wp", status=3
    )
    assert re.search(r"2 lists are in \S+/advisories", fetched.output)
    # A closed network: the machines are not needed either, for a release does not change.
    for host in (lab.host("web1"), lab.host("web2")):
        host.pause()
    try:
        done = work.aegir("updates", status=3)
    finally:
        for host in (lab.host("web1"), lab.host("web2")):
            host.unpause()
    assert re.search(r"^shops +security +drupal 10\.\d+\.\d+ +10\.6\.99 +2026-\d\d-\d\d", done.output, re.MULTILINE)
    assert re.search(r"^blogs +(security|update) +wordpress 6\.1", done.output, re.MULTILINE)
    assert "the mirror is" in done.output


def test_disks_are_counted_and_grow(work: Project, lab: Lab, blogs: Host) -> None:
    first = json.loads(work.printed("disk", "--json"))
    assert {BLOG, NEWS, SHOP} == set(first["sites"])
    assert all(site["database"] > 100_000 for site in first["sites"].values())
    assert first["platforms"]["blogs"]["releases"] > 10_000_000
    place = layout.site_files(layout.PLATFORMS_ROOT, BLOG)
    blogs.run(f"head -c 3000000 /dev/urandom >{place}/film.bin")
    # A sample of a month ago.
    [samples] = (work.hub / "records/disk").glob("*.jsonl")
    kept = json.loads(samples.read_text())
    samples.write_text(json.dumps({**kept, "at": kept["at"] - 30 * 86_400}) + "\n")
    second = json.loads(work.printed("disk", "--json"))
    assert 2_900_000 < second["growth"][BLOG] < 4_000_000
    assert re.search(rf"^{BLOG} .*\+3(\.\d+)? MB$", work.printed("disk"), re.MULTILINE)


def test_what_nobody_needs_goes_after_it_was_named_and_what_is_live_stays(work: Project, blogs: Host) -> None:
    place = f"{layout.PLATFORMS_ROOT}/.releases/blogs"
    live = blogs.run(f"readlink {layout.PLATFORMS_ROOT}/blogs").stdout.strip()
    blogs.run(
        f'cd {place} && for n in 1 2 3 4; do d=${{n}}{NOUGHTS}; mkdir $d; touch -d "$n days ago" $d; done; '
        f"mkdir .staging-old .staging-new; touch -d '2 hours ago' .staging-old; mkdir .staging-new/x"
    )
    named = work.aegir("prune", "--dry-run")
    assert "nothing was removed" in named.output
    assert {f"3{NOUGHTS}", f"4{NOUGHTS}", ".staging-old"} == set(re.findall(rf"{place}/(\S+)", named.output))
    refused = work.aegir("prune", status=1)
    assert blogs.run(f"test -d {place}/.staging-old", check=False).returncode == 0, refused.output
    work.aegir("prune", "--yes")
    left = blogs.run(f"ls -A {place}").stdout.split()
    assert {f"1{NOUGHTS}", f"2{NOUGHTS}", ".staging-new", live.rpartition("/")[2]} <= set(left)
    assert not {f"3{NOUGHTS}", f"4{NOUGHTS}", ".staging-old"} & set(left)
    assert "nothing to remove" in work.aegir("prune", "--dry-run").output
    work.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "prod")


def test_the_report_is_one_file_and_says_what_needs_a_person(
    work: Project, blogs: Host, lab: Lab, tmp_path: Path
) -> None:
    target = tmp_path / "report.html"
    begun = time.monotonic()
    work.aegir("report", "-o", str(target))
    assert time.monotonic() - begun < 60
    page = target.read_text()
    for said in (BLOG, NEWS, SHOP, "MariaDB", "acme (2)", "What needs a person"):
        assert said in page
    blogs.run("systemctl stop apache2")
    lab.host("web2").pause()
    try:
        found = json.loads(work.printed("report", "--json", "--timeout", "15"))
        figures = work.printed("metrics", "--timeout", "15")
    finally:
        lab.host("web2").unpause()
        blogs.run("systemctl start apache2")
    down = {need["subject"] for need in found["needs"] if need["level"] == "down"}
    assert {BLOG, NEWS, SHOP, blogs.spec.fqdn, lab.host("web2").spec.fqdn} <= down
    assert f"{BLOG}: does not answer as it should any more" in found["changes"]
    assert re.search(rf'^aegir_site_up{{[^}}]*site="{SHOP}"[^}}]*}} 0$', figures, re.MULTILINE)
    assert re.search(rf'^aegir_server_up{{[^}}]*server="{lab.host("db1").spec.fqdn}"[^}}]*}} 1$', figures, re.MULTILINE)
    client = tmp_path / "acme.html"
    work.aegir("report", "--client", "acme", "-o", str(client))
    assert BLOG in client.read_text()
    assert NEWS not in client.read_text()
    assert blogs.spec.fqdn not in client.read_text()


def test_the_report_asks_databases_which_updates_they_lack(work: Project) -> None:
    version = work.printed(
        "db", BLOG, "--execute", "SELECT option_value FROM wp_options WHERE option_name = 'db_version'"
    )
    known = version.split()[-1]
    work.aegir("db", BLOG, "--execute", "UPDATE wp_options SET option_value = '1' WHERE option_name = 'db_version'")
    try:
        found = json.loads(work.printed("report", "--database-updates", "--json"))
    finally:
        work.aegir(
            "db", BLOG, "--execute", f"UPDATE wp_options SET option_value = '{known}' WHERE option_name = 'db_version'"
        )
    lacks = {site["name"]: site["updates"] for site in found["sites"]}
    assert [] == lacks[NEWS] == lacks[SHOP]
    assert lacks[BLOG]
    [need] = [need for need in found["needs"] if "its database lacks" in need["text"]]
    assert (BLOG, f"aegir update {BLOG}") == (need["subject"], need["advice"])
    assert None is json.loads(work.printed("report", "--no-probe", "--json"))["sites"][0]["updates"]


def test_history_has_runs_and_commands_with_who(work: Project, blogs: Host) -> None:
    work.aegir("run", BLOG, "--", "true")
    lines = work.printed("history", BLOG).splitlines()
    assert ["WHEN", "(UTC)", "WHO", "WHAT", "ON", "TOOK", "RESULT"] == lines[0].split()
    assert re.search(r"\S+@\S+ +run true +", lines[-1])
    assert any(re.search(r"\S+@\S+ +pulumi up +prod +\d+ s +succeeded: \d+ created", line) for line in lines)
    of_server = json.loads(work.printed("history", blogs.spec.fqdn, "--json"))
    assert {"run true", "prune"} <= {event["what"] for event in of_server}
    told = journal(blogs, "-t aegir")
    for line in (r"aegir/prod by \S+@\S+: changes to this machine begin", r"\S+@\S+: aegir prune.*: .+ after \d+ s"):
        assert re.search(f"^{line}$", told, re.MULTILINE), told[-2000:]
    assert "has no site and no server nobody" in work.aegir("history", "nobody", status=1).output


def test_ten_operators_at_once_each_have_a_verdict_and_a_line(work: Project) -> None:
    before = len(json.loads(work.printed("history", "--json", "-n", "1000")))
    started = [begin(work, "run", "--all", "--", "sleep", "1") for _ in range(10)]
    ended = [each.end(300) for each in started]
    assert [0] * 10 == [status for status, _, _ in ended], ended
    assert all("3 sites: 3 ok" in said for _, _, said in ended)
    assert 10 == len(json.loads(work.printed("history", "--json", "-n", "1000"))) - before
