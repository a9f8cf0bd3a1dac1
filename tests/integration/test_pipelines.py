"""The steps of the ready pipelines, run for real: a host of the lab is the runner, and works on other hosts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import Host, HostSpec, Lab
from tests.comments import serve
from tests.integration.farm import fetch
from tests.integration.hubs import Hub, estate, send

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
PLACE, OUT, SOURCE, PASSPHRASE = (
    "/srv/builds/farm",
    "/srv/builds/out",
    "/srv/src/wordpress",
    "/etc/aegir-ci/development.passphrase",
)
STACK = "development"
SITES = ("www.example.com", "two.example.com", "three.example.com")


class Runner:
    """A CI's runner with the team's repository, and what a job's steps say."""

    def __init__(self, lab: Lab, wordpress: Path) -> None:
        self.lab, self.web = lab, lab.host("web1")
        self.hub = Hub(lab, lab.host("hub1"), {
            "PULUMI_BACKEND_URL": "file:///srv/state?metadata=skip", "PULUMI_CONFIG_PASSPHRASE_FILE": PASSPHRASE,
        })  # fmt: skip
        self.hub.equip()
        self.hub.checkout(PLACE)
        send(self.hub.host, wordpress, SOURCE)
        self.hub.host.run(f"umask 077; mkdir -p /srv/state /etc/aegir-ci; echo 'of this stack' >{PASSPHRASE}")
        self.hub.run(f"tools/env pulumi stack init {STACK} --non-interactive", where=PLACE)
        self.salt = self.hub.host.run(f"grep ^encryptionsalt: {PLACE}/stacks/Pulumi.{STACK}.yaml").stdout
        self.declared: dict[str, Any] = estate(lab, self.hub.host, source=SOURCE)
        self.hub.run("git init -q && git config user.name ci && git config user.email ci@example.com", where=PLACE)

    def declare(self, *sites: str) -> None:
        """Merge a change of the stack file."""
        self.declared["aegir:sites"] = {site: {"platform": "code"} for site in sites}
        text = self.salt + yaml.safe_dump({"config": self.declared})
        self.hub.host.run(f"cat >{PLACE}/stacks/Pulumi.{STACK}.yaml", input=text)
        self.hub.run("git add -A && git commit -qm change --allow-empty", where=PLACE)

    def step(self, words: str, variables: Mapping[str, str] | None = None, *, status: int | None = 0) -> str:
        """Run a step of the pipelines, and give what it said; with `None` it has to fail, whatever its status."""
        done = self.hub.run(f"pipelines/steps/{words}", where=PLACE, check=False, variables=variables)
        said = done.stdout + done.stderr
        assert done.returncode if status is None else status == done.returncode, said[-4000:]
        return said

    def pulumi(self, words: str) -> str:
        return self.hub.run(f"tools/env pulumi {words} --stack {STACK} --non-interactive", where=PLACE).stdout

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.pulumi("stack export"))["deployment"]
        return found


@pytest.fixture(scope="module")
def runner(lab_factory: LabFactory, wordpress: Path) -> Runner:
    hosts = [HostSpec("hub1", image="hub"), HostSpec("web1", image="web"), HostSpec("db1", image="db")]
    made = Runner(lab_factory("pipelines", hosts), wordpress)
    made.step("setup.sh")
    return made


@pytest.fixture(scope="module")
def web(runner: Runner) -> Host:
    """Give the web server after a first merge: the site `www.example.com` is up."""
    with serve(runner.lab.hub_address) as (service, url):
        job = {
            "CI_MERGE_REQUEST_IID": "7",
            "CI_API_V4_URL": url,
            "CI_MERGE_REQUEST_PROJECT_ID": "3",
            "AEGIR_GITLAB_TOKEN": "t",
        }
        runner.declare("www.example.com")
        runner.step(f"preview.sh {STACK} {OUT}")
        assert "comment: written" in runner.step(f"comment.sh gitlab {STACK} {OUT}", job)
        assert "| create | SiteDatabase | `www.example.com` |" in service.comments[0]["body"]

        runner.step(f"up.sh {STACK}")
        assert 200 == fetch(runner.web, "www.example.com").status

        runner.step(f"preview.sh {STACK} {OUT}")
        assert "comment: changed" in runner.step(f"comment.sh gitlab {STACK} {OUT}", job)
        (comment,) = service.comments
        assert f"### Preview of `{STACK}`: nothing to do" in comment["body"]
    return runner.web


@pytest.mark.timeout(600)
def test_a_preview_that_fails_fails_the_job_and_its_comment_says_why(runner: Runner, web: Host) -> None:
    runner.declare("www.example.com")
    good = runner.declared["aegir:platforms"]["code"].pop("server")
    runner.declare("www.example.com")

    said = runner.step(f"preview.sh {STACK} {OUT}", status=None)
    runner.declared["aegir:platforms"]["code"]["server"] = good

    assert f"### Preview of `{STACK}`: failed" in said
    assert 'aegir:platforms["code"].server: missing' in said
    assert "comment.md" == runner.hub.host.run(f"ls {OUT}").stdout.strip()


@pytest.mark.timeout(600)
def test_what_was_approved_is_done_and_a_plan_that_no_longer_fits_is_refused(runner: Runner, web: Host) -> None:
    runner.declare("www.example.com", "two.example.com")
    said = runner.step(f"plan.sh {STACK} {OUT}")
    assert "| create | SiteDatabase | `two.example.com` |" in said
    assert {"comment.md", "plan.sealed"} == set(runner.hub.host.run(f"ls {OUT}").stdout.split())
    sealed = runner.hub.host.run(f"cat {OUT}/plan.sealed").stdout
    assert "example.com" not in sealed
    assert "web1.lab.test" not in sealed

    # Somebody changes a machine between plan and approval.
    vhost = "/var/aegir/config/apache/vhost.d/www.example.com.conf"
    web.run(f"echo '# mine' >>{vhost}")
    refused = runner.step(f"apply.sh {STACK} {OUT}", status=None)
    assert "the plan no longer fits what is there" in refused
    assert "mine" in web.run(f"tail -1 {vhost}").stdout
    assert 404 == fetch(web, "two.example.com").status

    said = runner.step(f"drift.sh {STACK} {OUT}", status=7)
    assert f"web1.lab.test: file {vhost}: content differs" in said

    runner.step(f"plan.sh {STACK} {OUT}")
    done = runner.step(f"apply.sh {STACK} {OUT}")
    assert 200 == fetch(web, "two.example.com").status
    assert "mine" not in web.run(f"tail -1 {vhost}").stdout
    runner.step(f"drift.sh {STACK} {OUT}")
    # Of another commit: the same plan opens no more.
    runner.declare("www.example.com")
    assert "make and approve a new one" in runner.step(f"apply.sh {STACK} {OUT}", status=1)
    runner.declare("www.example.com", "two.example.com")

    outputs = json.loads(runner.pulumi("stack output --json --show-secrets"))
    passwords = [site["admin_password"] for site in outputs["sites"].values()]
    assert 2 == len(passwords)
    for password in (*passwords, "of this stack"):
        assert password not in said + done + refused + runner.hub.host.run(f"cat {OUT}/comment.md").stdout


@pytest.mark.timeout(600)
def test_a_killed_runner_holds_nobody_up(runner: Runner, web: Host) -> None:
    """Also a second job that comes while the first works: it is told by whom the stack is held."""
    runner.declare(*SITES)
    runner.hub.start(f"exec pipelines/steps/up.sh {STACK}", where=PLACE, log="/srv/builds/log")
    # The log says it before the state does.
    begun = f"tr -d '\\n' </srv/state/.pulumi/stacks/aegir/{STACK}.json | grep -q 'pending_operations.*three[.]example[.]com'"
    runner.hub.wait_for(
        f"grep -q 'SiteConfiguration three.example.com creating' /srv/builds/log && {begun} && pkill -STOP -x pulumi"
    )

    held = runner.step(f"up.sh {STACK}", {"AEGIR_LOCK_WAIT": "0"}, status=None)
    assert f"the stack {STACK} is at work by root@hub1.lab.test (process " in held
    assert "waited 0 s for it" in held

    # The shell with its family, but for the plugins: those outlive an engine that is killed.
    runner.hub.host.run("pkill -KILL -f '[s]teps/up.sh'; pkill -KILL -x timeout; pkill -KILL -x pulumi || true")
    runner.hub.wait_for("! pgrep -x pulumi >/dev/null", 60)
    assert "pulumi.dynamic" in runner.hub.host.run("ps -eo args").stdout
    assert runner.state()["pending_operations"]

    said = runner.step(f"up.sh {STACK}")
    assert "is taken away: no process" in said
    assert "ending what that run has left" in said
    assert "a killed run has left in the state: creating three.example.com" in said
    assert [200, 200, 200] == [fetch(web, site).status for site in SITES]
    assert not runner.state().get("pending_operations")
    runner.hub.wait_for("! pgrep -f '[p]ulumi[.]dynamic' >/dev/null", 60)
    runner.step(f"drift.sh {STACK} {OUT}")


@pytest.mark.timeout(600)
def test_a_passphrase_that_is_wrong_or_missing_is_said_in_one_sentence(runner: Runner, web: Host) -> None:
    runner.declare("www.example.com")
    wrong = runner.step(f"up.sh {STACK}", {"PULUMI_CONFIG_PASSPHRASE_FILE": "/etc/hostname"}, status=1)
    missing = runner.step(f"up.sh {STACK}", {"PULUMI_CONFIG_PASSPHRASE_FILE": "/nowhere"}, status=1)

    assert f"the passphrase of this job does not open the secrets of the stack {STACK}" in wrong
    assert 1 == len(missing.splitlines())
    assert (
        f"the passphrase of the stack {STACK} is missing: /nowhere (PULUMI_CONFIG_PASSPHRASE_FILE) cannot be read"
        in missing
    )


@pytest.mark.timeout(1200)
def test_a_timer_of_systemd_makes_the_backups_that_are_due(runner: Runner, web: Host) -> None:
    """The hub boots systemd: its units are checked, started, and seen to fail."""
    host = runner.hub.host
    runner.declared["aegir:backups"] = {"to": ["hub"], "every": "hour"}
    runner.declare(*SITES)
    runner.step(f"up.sh {STACK}")

    assert "is installed" in runner.hub.run("tools/aegir timers install", where=PLACE).stderr
    (unit,) = host.run("cd /etc/systemd/system; ls -d aegir-backup-*.timer").stdout.split()
    name = unit.removesuffix(".timer")
    checked = host.run(f"systemd-analyze verify --man=no /etc/systemd/system/{name}.service {unit}")
    assert "" == checked.stdout + checked.stderr
    left = f'date -d "$(systemctl show {unit} --property=NextElapseUSecRealtime --value)" +%s'
    # While a run of its is at work it has none.
    host.run(f"until [ $({left}) -gt $(date +%s) ]; do sleep 0.2; done", timeout=400)
    assert 0 < int(host.run(f"echo $(( $({left}) - $(date +%s) ))").stdout) <= 660, "it looks every ten minutes"

    # From here on it runs when it is told to: between two looks of the timer's there is no time for all that follows.
    later = f"/run/systemd/system/{unit}.d/later.conf"
    host.run(f"mkdir -p $(dirname {later}); printf '[Timer]\\nOnCalendar=\\nOnCalendar=2099-01-01\\n' >{later}")
    host.run(f"systemctl daemon-reload; until [ $({left}) -gt $(($(date +%s) + 999)) ]; do sleep 0.1; done")
    host.run(f'while [ "$(systemctl show -p ActiveState --value {name})" = activating ]; do sleep 0.1; done')
    # Connections that the service makes itself are used by other commands on the hub as well: they outlive it.
    host.run("pkill -KILL -f '[C]ontrolPersist='", check=False)
    begun = host.run(f"systemctl start {name}", check=False, timeout=400)
    assert 0 == begun.returncode, host.run(f"journalctl -q -u {name} -o cat").stdout
    listed = json.loads(runner.hub.run(f"tools/aegir backups --stack {STACK} --json", where=PLACE).stdout)
    assert sorted((site, "due", True) for site in SITES) == sorted(
        (one["site"], one["why"], one["proven"]) for one in listed
    )
    processes = f"grep -ls /{name}.service /proc/[0-9]*/cgroup"
    left_over = host.run(f"for at in $({processes}); do tr '\\0' ' ' <${{at%cgroup}}cmdline; echo; done").stdout
    assert left_over.splitlines(), "its connections are open"
    assert all(re.match(r"ssh .* ControlPersist=\d+", line) for line in left_over.splitlines()), left_over
    told = host.run(f"journalctl -q -u {name} -o cat").stdout
    assert all(f"backup {one['id']}" in told for one in listed)
    runner.hub.run(f"tools/aegir status {STACK}", where=PLACE)

    host.run(f"mv {PASSPHRASE} {PASSPHRASE}.away")
    assert host.run(f"systemctl start {name}", check=False).returncode
    host.run(f"mv {PASSPHRASE}.away {PASSPHRASE}")
    failed = runner.hub.run(f"tools/aegir status {STACK}", where=PLACE, check=False)
    assert (3, True) == (failed.returncode, f"journalctl -u {name} says why" in failed.stdout), failed.stdout
    assert "cannot be read" in host.run(f"journalctl -q -u {name} -o cat").stdout
    host.run(f"systemctl start {name}", timeout=400)
    runner.hub.run(f"tools/aegir status {STACK}", where=PLACE)
    runner.hub.run("tools/aegir timers remove", where=PLACE)
    assert "" == host.run("ls -d /etc/systemd/system/aegir-backup-* 2>/dev/null || :").stdout
