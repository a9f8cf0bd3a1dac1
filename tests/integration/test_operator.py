"""Commands for sites on real hosts: as the site's own user, with WordPress and Drupal, and what hinders them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from aegir_components import layout
from aegir_components.deploy import wp_cli
from aegir_components.remote import multiplex
from aegir_components.remote.connection import Connection
from lab import Host, HostSpec, Lab
from tests import codebases
from tests.integration.operators import BLOG, HOSTS, NEWS, SHOP, at_a_terminal, begin, estate, fed
from tests.integration.project import Project
from tests.integration.waiting import journal
from tools import paths

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("operator", HOSTS)


@pytest.fixture(scope="module")
def work(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return estate(lab, wordpress, codebases.ask("drupal10-next"), tmp_path_factory.mktemp("operator"))


@pytest.fixture
def blogs(lab: Lab) -> Host:
    return lab.host("web1")


def waiting(host: Host, pattern: str) -> bool:
    return host.run(f"pgrep -f '{pattern}'", check=False).returncode == 0


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


# run.


def test_a_command_runs_as_each_site_in_its_place(work: Project, blogs: Host) -> None:
    shell = 'echo "$(id -un) $PWD $AEGIR_URL $(umask) $HOME $(php -r "echo PHP_VERSION;")"'
    done = work.aegir("run", "--all", "--", "sh", "-c", shell)
    for site, platform in ((BLOG, "blogs"), (NEWS, "blogs"), (SHOP, "shops")):
        [line] = [line for line in done.output.splitlines() if line.startswith(f"{site} |")]
        user, place, url, umask, home, version = line.partition("| ")[2].split()
        assert (layout.system_user(site), f"http://{site}", "0022") == (user, url, umask)
        assert re.fullmatch(rf"/var/aegir/platforms/\.releases/{platform}/[0-9a-f]{{16}}(/web)?", place)
        assert layout.site_temporary("/var/aegir/platforms", site) == home
        assert re.fullmatch(r"8\.\d+\.\d+", version)
    assert "3 sites: 3 ok" in done.output
    said = journal(blogs, "-t aegir")
    assert re.search(rf"\S+@\S+: aegir run sh \+2 on {BLOG}: status 0", said)


def test_drush_of_the_code_base_works_for_the_sites_address(work: Project) -> None:
    assert "Successful" == work.printed("run", SHOP, "--", "drush", "status", "--field=bootstrap").strip()
    assert f"http://{SHOP}" == work.printed("run", SHOP, "--", "drush", "status", "--field=uri").strip()
    link = work.printed("run", SHOP, "--", "drush", "user:login", "--no-browser").strip()
    assert link.startswith(f"http://{SHOP}/user/reset/1/")
    dump = fed(work, b"", "run", SHOP, "--", "drush", "sql:dump")
    assert 0 == dump[0], dump[2]
    assert b"CREATE TABLE `config`" in dump[1]
    missing = work.aegir("run", BLOG, "--", "drush", "status", status=4)
    assert "has no drush in vendor/bin" in missing.output


def test_wp_is_brought_once_by_its_checksum_and_knows_site_and_address(
    work: Project, blogs: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phar = tmp_path / "wp.phar"
    phar.write_text(
        "<?php $_SERVER['HTTP_HOST'] = parse_url(substr($argv[2], 6), PHP_URL_HOST);\n"
        "require substr($argv[1], 7) . '/wp-load.php'; echo get_option('home'), ' ', $argv[3], \"\\n\";"
    )
    monkeypatch.setenv("AEGIR_WP_CLI", str(phar))
    wrong = work.aegir("run", BLOG, "--", "wp", "option", status=5)
    assert "has another checksum than sha256:" in wrong.sentence
    assert blogs.run("ls /var/lib/aegir/commands/wp-cli.phar", check=False).returncode

    monkeypatch.setenv("AEGIR_WP_CLI_SHA256", hashlib.sha256(phar.read_bytes()).hexdigest())
    done = work.aegir("run", "--platform", "blogs", "--", "wp", "option")
    assert f"{BLOG} | http://{BLOG} option" in done.output
    assert f"{NEWS} | http://{NEWS} option" in done.output
    assert 1 == done.output.count("bringing wp-cli there")
    assert "bringing" not in work.aegir("run", BLOG, "--", "wp", "option").output


def test_the_pinned_wp_cli_works_on_sites(work: Project, blogs: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published phar is needed for it: a machine without a way out has it only where somebody has brought it."""
    phar = Path(os.environ.get("AEGIR_TEST_WP_CLI", "") or paths.cache() / "code" / "wp-cli.phar")
    if not phar.is_file():
        pytest.skip(f"no wp-cli: bring {wp_cli.ADDRESS} to {phar}, or name it by AEGIR_TEST_WP_CLI")
    monkeypatch.setenv("AEGIR_WP_CLI", str(phar))
    monkeypatch.delenv("AEGIR_WP_CLI_SHA256", raising=False)
    try:
        assert f"WP-CLI {wp_cli.VERSION}" == work.printed("run", BLOG, "--", "wp", "--version").strip()
        done = work.aegir("run", "--platform", "blogs", "--", "wp", "option", "get", "home")
        assert f"{BLOG} | http://{BLOG}\n" in done.output
        assert f"{NEWS} | http://{NEWS}\n" in done.output
        assert "active" in work.printed("run", BLOG, "--", "wp", "theme", "list", "--status=active", "--format=csv")
        dump = fed(work, b"", "run", BLOG, "--", "wp", "db", "export", "-")
        assert 0 == dump[0], dump[2]
        assert b"CREATE TABLE `wp_options`" in dump[1]
        wrong = work.aegir("run", BLOG, "--", "wp", "no-such-command", status=4)
        assert "'no-such-command' is not a registered wp command" in wrong.output
    finally:
        blogs.run("rm -f /var/lib/aegir/commands/wp-cli.phar")


def test_a_run_of_pulumi_keeps_commands_away_and_is_named(work: Project) -> None:
    place = work.directory / "state/.pulumi/locks/organization/aegir/prod"
    place.mkdir(parents=True, exist_ok=True)
    lock = place / "a-run-of-ann.json"
    lock.write_text(
        json.dumps({"pid": 4711, "username": "ann", "hostname": "hub", "timestamp": "2026-01-31T12:00:00Z"})
    )
    try:
        # Pulumi itself takes it for the lock of a run.
        assert "the stack is currently locked by 1 lock" in work.up("prod", ok=False).output
        for words in (
            ("run", BLOG, "--", "true"),
            ("close", BLOG),
            ("php", BLOG, "/dev/null"),
            ("cron", BLOG, "--now"),
        ):
            refused = work.aegir(*words, status=1)
            assert "prod is locked by ann@hub, process 4711, since 2026-01-31 12:00:00 UTC" in refused.sentence
            assert "--during-up" in refused.sentence
        assert 0 == work.aegir("run", BLOG, "--during-up", "--", "true").status
        assert "1" in work.printed("db", BLOG, "--read-only", "--execute", "SELECT 1")
    finally:
        lock.unlink()
    assert 0 == work.aegir("run", BLOG, "--", "true").status


def test_commands_that_meet_on_a_site_know_of_each_other(work: Project, blogs: Host) -> None:
    started = begin(work, "run", BLOG, "--", "sleep", "347")
    until(lambda: waiting(blogs, "^sleep 347"))
    refused = work.aegir("update", BLOG, status=1)
    said = rf"\S+ runs aegir run sleep 347 on {BLOG} \(process {started.process.pid}, since "
    assert re.search(said, refused.sentence), refused.sentence
    # Beside it on the same site, what changes nothing as a whole; alone on another one.
    assert 0 == work.aegir("run", BLOG, "--", "true").status
    assert 0 == work.aegir("update", NEWS).status
    # A killed command is in nobody's way.
    os.killpg(started.process.pid, signal.SIGKILL)
    started.end()
    assert 0 == work.aegir("update", BLOG).status
    blogs.run("pkill -f '^sleep 347'", check=False)
    until(lambda: not waiting(blogs, "^sleep 347"))


def test_the_exit_status_and_a_verdict_tell_what_happened(work: Project) -> None:
    report = json.loads(
        work.printed("run", "--all", "--json", "--", "sh", "-c", 'test "$AEGIR_HOST" = blog.example.com', status=4)
    )
    assert {BLOG: ("ok", 0), NEWS: ("failed", 1), SHOP: ("failed", 1)} == {
        row["site"]: (row["kind"], row["status"]) for row in report
    }
    again = work.aegir("run", "--all", "--resume", "--", "sh", "-c", 'test "$AEGIR_HOST" = blog.example.com', status=4)
    assert "1 sites are left out" in again.output
    assert "2 sites: 2 failed" in again.output
    stopped = work.aegir("run", "--all", "--per-server", "1", "--stop-on", "1", "--", "false", status=4)
    assert "not begun" in stopped.output
    assert "on web1" in work.printed("run", "--all", "--dry-run", "--", "rm", "-rf", "/")


def test_output_that_is_no_text_and_a_command_without_an_end(work: Project, blogs: Host) -> None:
    status, out, _ = fed(work, b"", "run", BLOG, "--", "printf", r"a\377\000b")
    assert (0, b"a\xff\x00b") == (status, out)
    tagged = work.printed("run", BLOG, NEWS, "--", "printf", r"\377\033[31mred\n")
    assert f"{BLOG} | �?[31mred\n" in tagged
    stubborn = "trap '' TERM HUP INT; while :; do sleep 1; done"
    late = work.aegir("run", BLOG, "--timeout", "2", "--", "sh", "-c", stubborn, status=4)
    assert f"late on {blogs.spec.fqdn}" in late.output
    assert "did not end within 2 s" in late.output
    until(lambda: not waiting(blogs, "tra[p] .. TERM"))
    endless = work.aegir("run", BLOG, "--output-limit", "1", "--", "yes", status=4)
    assert "printed more than 1 MB and was ended" in endless.output
    until(lambda: not waiting(blogs, "^yes"))


def test_ctrl_c_ends_it_on_the_machines_and_tells_what_ran(work: Project, blogs: Host) -> None:
    shell = 'test "$AEGIR_HOST" = blog.example.com && exit; sleep 345'
    started = begin(work, "run", BLOG, NEWS, "--per-server", "1", "--", "sh", "-c", shell)
    until(lambda: waiting(blogs, "^sleep 345"))
    started.interrupt()
    status, _, said = started.end()
    assert 130 == status, said
    assert "2 sites: 1 ok, 1 interrupted" in said
    assert f"{NEWS}: interrupted on {blogs.spec.fqdn}" in said
    until(lambda: not waiting(blogs, "^sleep 345"))
    until(lambda: not blogs.run("systemctl list-units --no-legend 'aegir-command-*'").stdout.strip())


@pytest.mark.parametrize(("number", "signal_name"), [(1, "HUP"), (9, "KILL"), (15, "TERM")])
def test_a_command_that_a_signal_ended_is_not_well(work: Project, number: int, signal_name: str) -> None:
    """For systemd a service that SIGTERM or SIGHUP ended has done well."""
    done = work.aegir("run", BLOG, "--", "sh", "-c", f"kill -{signal_name} $$", status=4)
    assert f"status {128 + number} after" in done.output


def test_a_command_that_a_machine_stops_is_not_well(work: Project, blogs: Host) -> None:
    started = begin(work, "run", BLOG, "--", "sleep", "348")
    until(lambda: waiting(blogs, "^sleep 348"))
    blogs.run("systemctl stop 'aegir-command-*'")
    status, _, said = started.end()
    assert 4 == status, said
    assert "status 143 after" in said


def test_what_a_command_leaves_running_ends_with_it(work: Project, blogs: Host) -> None:
    work.aegir("run", BLOG, "--", "sh", "-c", "setsid nohup sleep 346 >/dev/null 2>&1 & exit 0")
    until(lambda: not waiting(blogs, "^sleep 346"))


def test_a_pipe_that_closes_ends_it_without_a_traceback(work: Project, blogs: Host) -> None:
    started = begin(work, "run", BLOG, NEWS, "--", "yes")
    assert started.process.stdout is not None
    started.process.stdout.read(100)
    started.process.stdout.close()
    assert started.process.stderr is not None
    said = started.process.stderr.read().decode()
    assert 1 == started.process.wait(60)
    assert "Traceback" not in said, said
    until(lambda: not waiting(blogs, "^yes"))


def _connection(work: Project, host: Host) -> dict[str, Any]:
    exported = json.loads(work.pulumi("stack", "export", "--stack", "prod").output)
    found = (
        each["outputs"]["connection"]
        for each in exported["deployment"]["resources"]
        if each["type"].endswith(":Machine") and each["outputs"]["connection"]["host"] == host.spec.fqdn
    )
    return dict(next(found))


def test_a_machine_that_does_not_answer_is_a_row(work: Project, lab: Lab) -> None:
    dark = lab.host("web2")
    # Its shared connection is open still; a new one is what an operator has in the morning.
    multiplex.disconnect(Connection.from_props(_connection(work, dark)))
    dark.pause()
    try:
        done = work.aegir("run", "--all", "--timeout", "20", "--", "true", status=5)
    finally:
        dark.unpause()
    assert "3 sites: 2 ok, 1 unreachable" in done.output
    assert f"{SHOP}: unreachable on {dark.spec.fqdn}" in done.output


def test_a_site_that_an_installer_works_on_says_who_has_it(work: Project, blogs: Host) -> None:
    user = layout.system_user(BLOG)
    assert 0 == work.aegir("run", BLOG, "--", "true").status
    lock = f"/run/aegir/private/{user}.lock"
    blogs.run(f"setsid flock -x {lock} runuser -u {user} -- sleep 300 >/dev/null 2>&1 </dev/null &")
    try:
        until(lambda: waiting(blogs, "^sleep 300"))
        refused = work.aegir("run", BLOG, NEWS, "--", "true", status=5)
    finally:
        blogs.run("pkill -f '^sleep 300'")
    assert re.search(rf"{BLOG}: refused .*is in use, and was not free after \d+ s: sleep \(pid \d+\)", refused.output)
    assert "1 ok" in refused.output


# shell, db, php.


def test_a_shell_is_the_sites_own(work: Project) -> None:
    status, shown = at_a_terminal(
        work, [(f"{BLOG}:", "id -un; command -v php drush wp site-db\n"), ("site-db", "exit 7\n")], "shell", BLOG
    )
    assert 7 == status, shown
    assert layout.system_user(BLOG) in shown
    refused = work.aegir("shell", BLOG, status=1)
    assert "this needs a terminal; without one: aegir run SITE -- COMMAND" in refused.output


@pytest.mark.parametrize(("site", "table"), [(BLOG, "wp_options"), (SHOP, "config")])
def test_the_database_opens_as_the_sites_account_and_shows_no_password(
    work: Project, lab: Lab, site: str, table: str
) -> None:
    host = lab.host("web1" if site == BLOG else "web2")
    counted = work.printed("db", site, "--execute", f"SELECT COUNT(*), USER() FROM {table}")
    assert re.search(rf"^[1-9]\d*\t{layout.account_name(site)}@", counted, re.MULTILINE)
    assert "Warning" not in work.aegir("db", site, "--read-only", "--execute", "SELECT 1").output
    status, _, said = fed(work, f"DELETE FROM {table};\n".encode(), "db", site, "--read-only")
    assert 4 == status
    assert "READ ONLY transaction" in said
    home = layout.site_temporary("/var/aegir/platforms", site)
    while_open = f"cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n' > /tmp/seen; ls -A {home} > /tmp/left"
    steps = [("> ", "SELECT 6 * 7;\n"), ("42", "SELECT SLEEP(2);\n")]
    secret = _password(host, site)

    status, shown = at_a_terminal(work, [*steps, ("SLEEP(2)", "\\q\n")], "db", site)
    assert 0 == status, shown
    host.run(while_open)
    assert secret not in shown
    assert secret not in host.run("cat /tmp/seen /tmp/left").stdout
    assert "history" not in host.run("cat /tmp/left").stdout


def _password(host: Host, site: str) -> str:
    directory = layout.site_linked("/var/aegir/platforms", site)
    text = host.run(f"cat {directory}/settings.php {directory}/wp-config.php 2>/dev/null", check=False).stdout
    found = re.search(r"(?:'password' => |'DB_PASSWORD', (?:\$aegir_copy\S+ \?\? )?)'([^']+)'", text)
    assert found
    return found[1]


def test_a_php_program_runs_in_the_site(work: Project, tmp_path: Path) -> None:
    program = tmp_path / "name.php"
    program.write_text("<?php echo get_option('home'), ' ', $argv[1], \"\\n\"; exit(3);")
    done = work.aegir("php", BLOG, str(program), "word", status=4)
    assert f"http://{BLOG} word\n" in done.output
    program.write_text(
        "<?php\ndeclare(strict_types=1);\nnamespace Reports;\n"
        "echo \\Drupal::request()->getHost(), ' ', \\Drupal::config('system.site')->get('uuid') != '';"
    )
    assert f"{SHOP} 1" == work.printed("php", SHOP, str(program))
    status, out, said = fed(
        work, b"<?php echo function_exists('get_option') ? 'started' : 'bare';", "php", BLOG, "-", "--bare"
    )
    assert (0, b"bare") == (status, out), said


def test_each_command_has_left_a_line_without_arguments(work: Project) -> None:
    [file] = (work.hub / "records/history").glob("*.jsonl")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {"run drush status", "run sh +2", "db", "db --read-only", "php", "shell"} <= {
        re.sub(r"(drush status).*", r"\1", line["command"]) for line in lines
    }
    assert all(line["who"] and line["seconds"] >= 0 and line["result"] for line in lines)
