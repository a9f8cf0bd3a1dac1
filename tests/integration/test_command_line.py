"""The operator's command line on two stacks of one hub: promotion, status, one-time logins, drawings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration.farm import fetch, hub_settings
from tests.integration.project import Browser, Project
from tests.integration.waiting import run_cron

pytestmark = [pytest.mark.cold, pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITE, PLAIN = "www.example.com", "plain.example.com"
ADMINS = {"testing": "aegir_root", "acceptance": "aegir_acceptance"}
"""Both stacks have their databases on one server, each by an account of its own."""

STACK = """\
# Our farm: {name}.
config:
  aegir:environment: {name}
  aegir:hub: {hub} # this machine
  aegir:servers:
    {web}: {{address: {web_address}, services: {{web: apache_ssl}}}}
    {database}:
      address: {database_address}
      services: {{database: {{type: mysql, admin: {{name: {admin}}}}}}}
  aegir:platforms:
    # The shop's code.
    code:
      server: {web}
      source:
        git: {repository}
        ref: main # what is there now
    plain: {{server: {web}, source: {directory}}} # from the old days
  aegir:sites:
    {site}:
      platform: code # where it sells
      cron: hourly
    # So far away that its cron has never run.
    {plain}: {{platform: plain, cron: "2099-01-01 03:00"}}
"""


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory(
        "cli", [HostSpec("web1", image="web"), HostSpec("web2", image="web"), HostSpec("db1", image="db")]
    )


@pytest.fixture(scope="module")
def code(wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give two copies of WordPress: a repository, and a directory."""
    place = tmp_path_factory.mktemp("code")
    for name in ("repository", "directory"):
        shutil.copytree(wordpress, place / name, symlinks=True)
    git(place, "init", "--quiet", "--initial-branch=main")
    commit(place, "one")
    return place


@pytest.fixture(scope="module")
def work(lab: Lab, code: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("checkout"))
    database = lab.host("db1")
    for name, web in (("testing", lab.host("web1")), ("acceptance", lab.host("web2"))):
        text = STACK.format(
            name=name, hub=json.dumps({**hub_settings(lab), "root": str(made.hub)}), web=web.spec.fqdn,
            web_address=web.address, database=database.spec.fqdn, database_address=database.address, admin=ADMINS[name],
            repository=code / "repository", directory=code / "directory", site=names(name)[0], plain=names(name)[1],
        )  # fmt: skip
        made.add(name, text)
        made.up(name)
    return made


def names(stack: str) -> tuple[str, str]:
    """Give the two sites' names: on one database server they cannot be the same in both stacks."""
    return (SITE, PLAIN) if stack == "testing" else (f"acc.{SITE}", f"acc.{PLAIN}")


def git(code: Path, *words: str) -> str:
    who = ("-c", "user.name=A test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, "-C", str(code / "repository"), *words], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def commit(code: Path, text: str) -> str:
    """Change the code in the repository, and give the commit."""
    (code / "repository" / "version.txt").write_text(text)
    git(code, "add", "--all")
    git(code, "commit", "--quiet", "--message", text)
    return git(code, "rev-parse", "HEAD")


def version(host: Host, site: str) -> str:
    return fetch(host, site, "/version.txt").body


def lines_changed(before: str, after: str) -> tuple[set[str], set[str]]:
    old, new = set(before.splitlines()), set(after.splitlines())
    return {line.strip() for line in old - new}, {line.strip() for line in new - old}


def test_a_commit_that_was_seen_to_work_is_pinned_and_becomes_live_although_its_branch_moves_on(
    work: Project, code: Path, lab: Lab
) -> None:
    verified = commit(code, "two")
    work.up("testing")
    commit(code, "three")
    before = work.file("acceptance").read_text()

    shown = work.aegir("promote", "--from", "testing", "--to", "acceptance", "code", "--dry-run")
    assert before == work.file("acceptance").read_text()
    done = work.aegir("promote", "--from", "testing", "--to", "acceptance", "code", "--yes")

    for output in (shown.output, done.output):
        assert f'+        ref: "{verified}" # what is there now' in output
        assert "aegir:Release" in output, "the preview"
    gone, new = lines_changed(before, work.file("acceptance").read_text())
    assert ({"ref: main # what is there now"}, {f'ref: "{verified}" # what is there now'}) == (gone, new)
    assert "one" == version(lab.host("web2"), names("acceptance")[0]), "nothing is changed before up"
    work.up("acceptance")
    assert "two" == version(lab.host("web2"), names("acceptance")[0])
    again = work.aegir("promote", "--from", "testing", "--to", "acceptance", "code", "--yes")
    assert "it is pinned already" in again.output


def test_a_directory_is_pinned_by_the_release_that_it_makes_and_another_content_is_not_deployed(
    work: Project, code: Path, lab: Lab
) -> None:
    changing, web = code / "directory" / "version.txt", lab.host("web2")
    changing.write_text("seen to work")
    commit(code, "four")
    work.up("testing")
    changing.write_text("seen by nobody")
    before, site = work.file("acceptance").read_bytes(), names("acceptance")[1]
    promotion = ("promote", "--from", "testing", "--to", "acceptance", f"{PLAIN}={site}")
    refused = work.aegir(*promotion, "--yes", status=1)
    assert "no longer holds the release" in refused.sentence
    assert before == work.file("acceptance").read_bytes()

    changing.write_text("seen to work")
    asked = work.aegir(*promotion, status=1)
    assert "nothing was written: without --yes" in asked.output
    assert before == work.file("acceptance").read_bytes()
    report = json.loads(work.printed(*promotion, "--yes", "--json"))
    assert report["written"]
    assert report["preview"]["update"] >= 1
    release = re.search(r'release: "([0-9a-f]{16})"\} # from the old days', work.file("acceptance").read_text())
    assert release, report["diff"]
    work.up("acceptance")
    assert "seen to work" == version(web, site)
    rows = {row["name"]: row for row in json.loads(work.printed("status", "acceptance", "--json"))["platforms"]}
    assert release[1] == rows["plain"]["release"]

    # What happens to the directory after that is the matter of the stacks that want it.
    changing.write_text("seen by nobody")
    unchanged = work.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "acceptance")
    assert f"{release[1]} stays, which the stack file wants" in unchanged.sentence
    assert "seen to work" == version(web, site)


def test_a_promotion_whose_preview_fails_leaves_the_stack_file_as_it_was(work: Project, code: Path) -> None:
    """A rule of the team's own is against it."""
    rules = work.directory / "rules.py"
    rules.write_text(
        "def no_new_code(settings):\n"
        "    if settings.environment == 'acceptance' and 'one' not in settings.platforms['code'].source.ref:\n"
        "        yield 'there is a freeze'\n"
    )
    text = work.file("acceptance").read_text()
    pinned = re.search('ref: "[0-9a-f]{40}"', text)
    assert pinned
    frozen = text.replace(pinned[0], "ref: one").replace("config:\n", f"config:\n  aegir:rules: {rules}\n")
    git(code, "branch", "one", pinned[0].split('"')[1])
    work.file("acceptance").write_text(frozen)
    refused = work.aegir("promote", "--from", "testing", "--to", "acceptance", "code", "--yes", status=1)

    assert "the preview of acceptance failed, so its stack file stays as it was" in refused.output
    assert "there is a freeze (rule no_new_code of rules.py)" in refused.sentence
    assert frozen == work.file("acceptance").read_text()
    work.file("acceptance").write_text(text)


def test_status_has_servers_platforms_and_sites_with_release_health_and_last_cron(work: Project, lab: Lab) -> None:
    user = layout.system_user(SITE)
    run_cron(lab.host("web1"), user)
    fast = work.aegir("status", "testing")
    live = work.aegir("status", "testing", "--live")

    head, *_ = fast.output.splitlines()
    assert ["SERVER", "ADDRESS", "SERVICES", "HEALTH"] == head.split()
    assert re.search(rf"{lab.host('web1').spec.fqdn} .* apache_ssl, PHP 8\.\d +ok", fast.output)
    assert re.search(rf"{lab.host('db1').spec.fqdn} .*MariaDB 1[01]\.[\d.]+ +ok", fast.output)
    assert re.search(rf"^{re.escape(SITE)} +code +[0-9a-f]{{16}} +- +- +ok$", fast.output, re.MULTILINE)
    assert re.search(
        rf"^{re.escape(SITE)} +code +[0-9a-f]{{16}} +- +{time.strftime('%Y', time.gmtime())}-\d\d-\d\d \d\d:\d\d +ok$",
        live.output, re.MULTILINE,
    )  # fmt: skip
    assert re.search(rf"^{re.escape(PLAIN)} .* not known +ok$", live.output, re.MULTILINE)


@pytest.fixture
def stopped_web_server(lab: Lab) -> Iterator[Host]:
    web = lab.host("web1")
    web.run("systemctl stop apache2")
    yield web
    web.run("systemctl start apache2")


def test_a_stopped_web_server_is_a_row_and_an_exit_status_and_nothing_is_promoted_from_there(
    work: Project, stopped_web_server: Host
) -> None:
    assert 0 == work.aegir("status", "testing").status, "the state knows nothing of it"
    live: dict[str, Any] = json.loads(work.printed("status", "testing", "--live", "--json", status=3))
    web = next(row for row in live["servers"] if row["name"] == stopped_web_server.spec.fqdn)
    assert ["apache2 is inactive"] == web["faults"]
    assert all("does not answer for" in " ".join(row["faults"]) for row in live["sites"])
    assert live["well"] is False

    before = work.file("acceptance").read_bytes()
    refused = work.aegir("promote", "--from", "testing", "--to", "acceptance", "code", "--yes", status=1)
    assert "platform code is not well in testing" in refused.sentence
    assert before == work.file("acceptance").read_bytes()


def test_a_machine_that_does_not_answer_takes_its_time_limit_and_no_more(work: Project, lab: Lab) -> None:
    web = lab.host("web1")
    # It takes connections still, and says nothing: the worst that a machine can do.
    web.pause()
    try:
        live = work.aegir("status", "testing", "--live", "--timeout", "8", status=3)
    finally:
        web.unpause()
    # Eight seconds and what the command itself takes, on a busy machine.
    assert live.seconds < 45
    assert re.search(rf"{web.spec.fqdn} .*no answer within 8 s", live.output)
    assert re.search(rf"{lab.host('db1').spec.fqdn} .*MariaDB 1[01]\.[\d.]+ +ok", live.output), (
        "the others are asked all the same"
    )


def test_nothing_is_promoted_to_a_stack_whose_up_was_killed_until_it_is_through(work: Project, code: Path) -> None:
    text = work.file("acceptance").read_text()
    work.file("acceptance").write_text(
        text.replace("  aegir:sites:\n", "  aegir:sites:\n    late.example.com: {platform: code}\n")
    )
    running = work.start("up", "--yes", "--skip-preview", "--stack", "acceptance")
    deadline = time.monotonic() + 200
    while "late.example.com" not in state_text(work):
        assert time.monotonic() < deadline
        assert running.process.poll() is None
        time.sleep(0.1)
    running.kill()
    before = work.file("acceptance").read_bytes()
    locked = work.aegir("promote", "--from", "testing", "--to", "acceptance", "--yes", status=1)
    assert "acceptance is locked by" in locked.sentence
    assert "pulumi cancel --stack acceptance" in locked.sentence
    work.pulumi("cancel", "--yes", "--stack", "acceptance")
    half = work.aegir("promote", "--from", "testing", "--to", "acceptance", "--yes", status=1)
    assert "nothing was promoted: " in half.output
    assert re.search("ended in the middle of|declares what it has not made yet: site late.example.com", half.sentence)
    assert "Run pulumi up --stack acceptance until it succeeds" in half.sentence
    assert before == work.file("acceptance").read_bytes()

    work.up("acceptance")
    done = work.aegir("promote", "--from", "testing", "--to", "acceptance", "--yes")
    assert f"commit {git(code, 'rev-parse', 'main')}" in done.sentence


def state_text(work: Project) -> str:
    try:
        return (work.directory / "state/.pulumi/stacks/aegir/acceptance.json").read_text()
    except OSError:
        return ""


def test_a_wordpress_login_lets_in_once(work: Project, lab: Lab) -> None:
    link = work.printed("login", SITE, "--stack", "testing").strip()
    assert link.startswith(f"http://{SITE}/wp-login.php?")
    first, second = Browser(lab.host("web1")), Browser(lab.host("web1"))
    status, page = first.get(link)
    assert (200, True) == (status, "Dashboard" in page), page[:400]
    assert 200 == first.get(f"http://{SITE}/wp-admin/profile.php")[0]
    status, page = second.get(link)
    assert 403 == status
    assert "used already" in page
    assert not [name for name in second.cookies if name.startswith("wordpress_logged_in")]
    # The key itself is nowhere at rest, and a wrong one is of no use.
    key = re.search("token=([0-9a-f]+)", work.printed("login", SITE, "--stack", "testing"))
    assert key
    kept = lab.host("db1").run(f"mysqldump {layout.database_name(SITE)} wp_usermeta").stdout
    assert "aegir_login" in kept
    assert key[1] not in kept
    assert 403 == Browser(lab.host("web1")).get(f"http://{SITE}/wp-login.php?action=aegir&user=1&token=0000")[0]
    assert 403 == Browser(lab.host("web1")).get(f"http://{SITE}/wp-login.php?action=aegir&user=1&token[]=")[0]


def add_site(work: Project, lab: Lab, platform: str, source: Path, site: str) -> None:
    text = work.file("testing").read_text()
    declared = f"    {platform}: {{server: {lab.host('web1').spec.fqdn}, source: {source}}}\n"
    text = text.replace("  aegir:platforms:\n", f"  aegir:platforms:\n{declared}")
    text = text.replace(
        "  aegir:sites:\n", f"  aegir:sites:\n    {site}: {{platform: {platform}, profile: minimal, https: required}}\n"
    )
    work.file("testing").write_text(text)
    work.up("testing")


@pytest.mark.parametrize("application", ["drupal7", "drupal10"])
def test_a_drupal_login_lets_in_once_and_by_https_where_the_site_is(
    work: Project, lab: Lab, application: str, request: pytest.FixtureRequest
) -> None:
    site = f"{application}.example.com"
    add_site(work, lab, application, request.getfixturevalue(application), site)
    link = work.printed("login", site, "--stack", "testing").strip()
    assert re.match(rf"https://{site}/user/reset/1/\d+/[\w-]+/login$", link)
    first, second = Browser(lab.host("web1")), Browser(lab.host("web1"))
    status, page = first.get(link)
    assert 200 == status, page[:400]
    assert 200 == first.get(f"https://{site}/admin/config")[0]
    second.get(link)
    assert 403 == second.get(f"https://{site}/admin/config")[0]


def test_the_estate_is_drawn(work: Project, tmp_path: Path) -> None:
    if shutil.which("dot") is None:
        pytest.skip("the program dot is not installed")
    picture = tmp_path / "estate.svg"
    work.aegir("graph", "acceptance", "--live", "-o", str(picture))
    drawn = picture.read_text()
    assert "<svg" in drawn
    for text in (*names("acceptance"), "code", "plain", "hub", "web: apache_ssl"):
        assert text in drawn
    assert "#c8e6c9" in drawn
