"""One farm, several hubs: the state is in PostgreSQL, and a new hub goes on from it and the repository alone."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from aegir_components.health import probe
from lab import Host, HostSpec, Lab
from tests.integration.farm import fetch
from tests.integration.hubs import HUB_ROOT, Hub, estate, send

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
PLACE, SOURCE, PASSPHRASE = "/srv/farm", "/srv/src/wordpress", "/etc/aegir.passphrase"
STACK, SITE, FILE = "production", "www.example.com", "/srv/farm/stacks/Pulumi.production.yaml"
OLD, NEW = "the passphrase of before", "the passphrase of after"
UP = "tools/env pulumi up --yes --skip-preview --non-interactive --suppress-outputs --color never --stack production"

DATABASE = """
echo "listen_addresses = '*'" >/etc/postgresql/15/main/conf.d/team.conf
echo 'hostssl pulumi pulumi 0.0.0.0/0 scram-sha-256' >>/etc/postgresql/15/main/pg_hba.conf
systemctl restart postgresql
su postgres -c "psql -q -c \\"CREATE ROLE pulumi LOGIN PASSWORD 'of-the-state'\\" -c 'CREATE DATABASE pulumi OWNER pulumi'"
"""


class Team:
    """Two hubs, the database of their state, and a farm with a site over TLS."""

    def __init__(self, lab: Lab, wordpress: Path) -> None:
        self.lab, self.web, self.store = lab, lab.host("web1"), lab.host("state1")
        self.store.run(DATABASE)
        self.first, self.second = (self.hub(name, wordpress) for name in ("hub1", "hub2"))
        self.first.run(f"tools/env pulumi stack init {STACK} --non-interactive", where=PLACE)
        self.salt = self.first.host.run(f"grep ^encryptionsalt: {FILE}").stdout
        self.declared = estate(lab, self.first.host, source=SOURCE)
        self.declared["aegir:servers"][self.web.spec.fqdn]["services"] = {"web": "apache_ssl"}
        self.sites: dict[str, Any] = self.declared["aegir:sites"]
        self.sites[SITE] = {"platform": "code", "https": "required"}

    def hub(self, name: str, wordpress: Path) -> Hub:
        """Give a new hub what a person brings: the repository, the code, the passphrase, the hub's ssh key."""
        hub = Hub(self.lab, self.lab.host(name), {
            "PULUMI_BACKEND_URL": f"postgres://pulumi@{self.store.address}/pulumi?sslmode=require",
            "PGPASSFILE": "/root/.pgpass", "PULUMI_CONFIG_PASSPHRASE_FILE": PASSPHRASE,
        })  # fmt: skip
        hub.equip()
        hub.checkout(PLACE)
        send(hub.host, wordpress, SOURCE)
        hub.host.run("umask 077; cat >/root/.pgpass", input=f"{self.store.address}:5432:pulumi:pulumi:of-the-state\n")
        hub.host.run(f"umask 077; cat >{PASSPHRASE}", input=OLD + "\n")
        return hub

    def push(self) -> None:
        """Bring the stack file to both hubs, as they would pull it."""
        text = self.salt + yaml.safe_dump({"config": self.declared})
        for hub in (self.first, self.second):
            hub.host.run(f"cat >{FILE}", input=text)

    def pulumi(self, hub: Hub, words: str, *, ok: bool = True, variables: Mapping[str, str] | None = None) -> str:
        """Run a command of Pulumi's on a hub, and give what it said, on one line."""
        if not words.startswith("tools/"):
            words = f"tools/env pulumi {words} --non-interactive --color never --stack {STACK}"
        done = hub.run(words, where=PLACE, check=False, variables=variables)
        said = " ".join((done.stdout + done.stderr).split())
        assert ok is (done.returncode == 0), said[-4000:]
        return said

    def kept(self, hub: Hub) -> dict[str, Any]:
        """Give what must never be made anew: of each resource with secrets a digest, and the stack's outputs."""
        exported = json.loads(
            hub.run(f"tools/env pulumi stack export --show-secrets --stack {STACK}", where=PLACE).stdout
        )
        kinds = ("Credentials", "Certificate", "DatabaseAuthority")
        names = ("administrator", "database", "salt", "number", "turn", "chain", "key", "certificate", "fingerprint")
        found = {}
        for resource in exported["deployment"]["resources"]:
            kind = resource["type"].rpartition(":")[2]
            if kind in kinds:
                outputs = {name: resource["outputs"].get(name) for name in names}
                text = json.dumps(outputs, sort_keys=True)
                found[f"{kind} {resource['urn'].rpartition('::')[2]}"] = hashlib.sha256(text.encode()).hexdigest()
        return found


def shown(host: Host, name: str) -> str:
    """Give the fingerprint of the certificate that a web server shows for a name."""
    asked = f"openssl s_client -connect 127.0.0.1:443 -servername {name} </dev/null 2>/dev/null"
    return host.run(f"{asked} | openssl x509 -noout -fingerprint").stdout


class Watch:
    """A visitor who asks for a page again and again, and notes what was no page."""

    def __init__(self, host: Host, name: str) -> None:
        self.faults: list[str] = []
        self.asked = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(host, name), daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(60)

    def _run(self, host: Host, name: str) -> None:
        while not self._done.is_set():
            self.asked += 1
            try:
                status = probe.get(host.address, 80, name, tls=True).status
            except (probe.NoAnswer, ssl.SSLError) as fault:
                self.faults.append(str(fault))
            else:
                if status != 200:
                    self.faults.append(str(status))
            time.sleep(0.2)


@pytest.fixture(scope="module")
def team(lab_factory: LabFactory, wordpress: Path) -> Team:
    hosts = [
        *(HostSpec(name, image="hub") for name in ("hub1", "hub2", "state1")),
        HostSpec("web1", image="web"), HostSpec("db1", image="db"),
    ]  # fmt: skip
    made = Team(lab_factory("teams", hosts), wordpress)
    made.push()
    made.pulumi(made.first, UP)
    return made


@pytest.mark.timeout(900)
def test_the_second_of_two_hubs_is_told_who_works_and_then_sees_what_was_done(team: Team) -> None:
    team.sites["two.example.com"] = {"platform": "code"}
    team.push()
    team.first.start(f"exec {UP}", where=PLACE, log="/srv/log")
    # It stands still in the middle, so that the second is never too late.
    team.first.wait_for("grep -q 'SiteDatabase two.example.com creat' /srv/log && pkill -STOP -x pulumi")

    told = team.pulumi(team.second, UP, ok=False)
    team.first.host.run("pkill -CONT -x pulumi")
    team.first.wait_for("! pgrep -x pulumi")

    assert "the stack is currently locked by 1 lock(s)" in told
    assert "created by root@hub1.lab.test (pid " in told
    assert 200 == fetch(team.web, "two.example.com").status
    # An empty hub root, and nothing to do: nothing that matters lay in the first one's.
    team.second.host.run(f"test ! -e {HUB_ROOT}")
    team.pulumi(team.second, "preview --expect-no-changes")


@pytest.mark.timeout(900)
def test_postgresql_gone_in_the_middle_of_an_up_loses_nothing(
    team: Team, record_property: Callable[[str, object], None]
) -> None:
    before = team.kept(team.first)
    for name, seconds in (("three.example.com", 4.0), ("four.example.com", 0.0)):
        team.sites[name] = {"platform": "code"}
        team.push()
        team.first.start(f"{UP}; echo ended with $?", where=PLACE, log="/srv/log")
        team.first.wait_for(f"grep -q 'SiteDatabase {name} creat' /srv/log")
        team.store.run("systemctl stop postgresql")
        gone = time.monotonic()
        if seconds:
            # Back soon: the engine tries to write again, and the run ends well.
            time.sleep(seconds)
            team.store.run("systemctl start postgresql")
        team.first.wait_for("grep -q 'ended with' /srv/log", 240)
        said = team.first.host.run("cat /srv/log").stdout
        assert ("ended with 0" in said) is bool(seconds), said[-3000:]
    record_property("pulumi up gives up after PostgreSQL was gone for (s)", round(time.monotonic() - gone))
    assert "failed to save snapshot" in said
    # With --continue-on-error the engine of 3.259 ends by a fault of its own when outputs of a component cannot be saved
    # (cancelDueToError is given no step in step_executor.go).
    assert "there was a problem deleting the lock" in said or "/resource/deploy/step_executor.go:" in said
    assert "of-the-state" not in said

    team.store.run("systemctl start postgresql")
    locked = team.pulumi(team.first, UP, ok=False)
    assert "created by root@hub1.lab.test (pid " in locked
    recovered = team.pulumi(team.first, f"tools/env sh pipelines/steps/up.sh {STACK}")

    assert "is taken away: no process" in recovered
    names = (SITE, "two.example.com", "three.example.com", "four.example.com")
    assert [200] * 3 == [fetch(team.web, name).status for name in names[1:]]
    after = team.kept(team.first)
    assert before == {key: after[key] for key in before}
    team.pulumi(team.first, "preview --refresh --expect-no-changes")


@pytest.mark.timeout(900)
def test_a_passphrase_is_changed_and_no_machine_is_touched(team: Team) -> None:
    before = team.kept(team.first)
    fresh = "/etc/aegir.new.passphrase"
    team.first.host.run(f"umask 077; cat >{fresh}", input=NEW + "\n")
    change = f"tools/env pulumi stack change-secrets-provider passphrase --stack {STACK} --non-interactive <{fresh}"
    team.first.run(change, where=PLACE)
    team.first.host.run(f"mv {fresh} {PASSPHRASE}")
    team.salt = team.first.host.run(f"grep ^encryptionsalt: {FILE}").stdout
    team.push()

    refused = team.pulumi(team.second, "preview", ok=False)
    assert refused.endswith("incorrect passphrase")
    team.second.host.run(f"umask 077; cat >{PASSPHRASE}", input=NEW + "\n")
    for hub in (team.first, team.second):
        team.pulumi(hub, "preview --expect-no-changes")
    assert before == team.kept(team.second)
    state = team.store.run("su postgres -c \"psql -At pulumi -c 'SELECT data FROM pulumi_state'\"").stdout
    assert OLD not in state
    assert NEW not in state


@pytest.mark.timeout(900)
def test_a_state_moves_to_another_backend_and_nothing_changes(team: Team) -> None:
    """By the page's commands: from PostgreSQL into a directory."""
    before = team.kept(team.second)
    there = {"PULUMI_BACKEND_URL": "file:///srv/state"}
    team.second.host.run("mkdir -p /srv/state")
    team.pulumi(team.second, "stack export --file state.json")
    team.pulumi(team.second, "stack init", variables=there)
    team.pulumi(team.second, "stack import --file state.json", variables=there)
    team.pulumi(team.second, "preview --expect-no-changes", variables=there)
    moved = team.second.run(f"tools/env pulumi stack export --stack {STACK}", where=PLACE, variables=there).stdout
    assert len(before) < len(json.loads(moved)["deployment"]["resources"])
    assert OLD not in moved + team.second.host.run(f"cat {PLACE}/state.json").stdout
    team.second.host.run(f"rm -r /srv/state {PLACE}/state.json")
    team.push()
    team.pulumi(team.second, "preview --expect-no-changes")


@pytest.mark.timeout(900)
def test_a_new_hub_takes_the_farm_over_and_no_visitor_notices(
    team: Team, record_property: Callable[[str, object], None]
) -> None:
    before, certificate = team.kept(team.first), shown(team.web, SITE)
    database = team.lab.host("db1")
    # The first hub is gone with all that it had; the second has another address.
    team.first.host.run(f"rm -rf {HUB_ROOT} {PLACE} {PASSPHRASE}; systemctl stop ssh; rm -rf /root/.ssh")
    team.first = team.second
    team.declared["aegir:hub"]["address"] = team.second.host.address
    team.push()
    said = team.pulumi(team.second, "preview --diff")
    for name in ("SiteDatabase", "Credentials", "Certificate", "DatabaseAuthority", "Release"):
        assert f"aegir:{name}: (delete" not in said
        assert f"aegir:{name}: (replace" not in said

    with Watch(team.web, SITE) as visitor:
        team.pulumi(team.second, f"{UP} --refresh")
        # The server's certificate is made anew, by the same authority.
        database.run("rm /etc/mysql/aegir-tls/server.crt")
        team.pulumi(team.second, f"{UP} --refresh")
        team.sites["five.example.com"] = {"platform": "code"}
        team.push()
        team.pulumi(team.second, UP)
    record_property("pages during the takeover, and of these failed", f"{visitor.asked}, {len(visitor.faults)}")

    assert [] == visitor.faults
    after = team.kept(team.second)
    assert before == {key: after[key] for key in before}
    assert certificate == shown(team.web, SITE)
    assert 200 == fetch(team.web, "five.example.com").status
    accounts = database.run(
        "mysql -N -e \"SELECT CONCAT(user, '@', host) FROM mysql.user WHERE user = 'aegir_root'\""
    ).stdout
    assert f"aegir_root@{team.second.host.address}" == accounts.strip()
    team.pulumi(team.second, "preview --refresh --expect-no-changes")
