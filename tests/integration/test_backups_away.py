"""Backups off the hub: on an SFTP server, on one that only lets add, in an S3 server that is ill; and who cannot reach them."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from lab import Host, HostSpec, Lab
from tests.integration.backing import BUCKET, SECRET, STACK, Backed, made, s3
from tests.integration.farm import STACK as STACK_NAME
from tests.integration.project import Project
from tests.integration.storing import ADD_ONLY, Ill, Sftp, before
from tests.integration.switching import small_disk

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITE, OTHER = "www.example.com", "other.example.com"
ACCESS = "ACCESSOFTHEFARM"
WATCH = """\
while :; do
    for process in /proc/[0-9]*; do
        [ "$process" = "/proc/$$" ] || cat "$process/cmdline" "$process/environ" 2>/dev/null | tr '\\0' '\\n'
    done
done | grep -a --line-buffered -E -f /root/patterns >/root/seen
"""
"""Looks all the time at arguments and environments of all processes of a machine; the patterns come from a file."""


@dataclass
class Away:
    farm: Backed
    sftp: Sftp
    ill: Ill


@pytest.fixture(scope="module")
def away(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Away]:
    specs = [HostSpec("web1", image="web"), HostSpec("db1", image="db"), HostSpec("store1")]
    lab = lab_factory("backups-away", specs)
    place = tmp_path_factory.mktemp("away")
    sftp = Sftp.on(lab.host("store1"), place)
    with s3() as server, before(server) as ill:
        farm = made(lab, place, wordpress, {SITE: {}, OTHER: {}}, to=["hub"])
        repositories = farm.settings["backups"]["repositories"]
        repositories["keeping"] = sftp.declared("keeping")
        repositories["adding"] = {**sftp.declared("adding"), "append_only": True}
        repositories["offsite"] = {"s3": f"{ill.endpoint}/{BUCKET}/farm", "access_key": ACCESS}
        farm.write()
        path = 'aegir:backups.repositories["offsite"].secret_key'
        farm.work.pulumi("config", "set", "--secret", "--path", path, SECRET, "--stack", STACK)
        farm.work.up(STACK)
        yield Away(farm, sftp, ill)


def make_it_add_only(away: Away) -> None:
    """Run what the server runs each minute."""
    away.sftp.host.run(ADD_ONLY)


def test_an_sftp_server_keeps_proven_backups_that_come_back(away: Away) -> None:
    farm = away.farm
    farm.edit(to=["keeping"])
    rows, tree = farm.rows(SITE), farm.tree(SITE)

    farm.aegir("backup", SITE, "--note", "away")

    last = farm.backups(SITE)[-1]
    assert ({"keeping"}, True, True) == (set(last["copies"]), last["proven"], last["complete"])
    farm.sql(SITE, "DELETE FROM wp_posts")
    farm.web.run(f"echo worse >{farm.files(SITE)}/worse.txt")
    farm.aegir("restore", SITE, "--backup", last["id"], "--yes")
    assert (rows, tree) == (farm.rows(SITE), farm.tree(SITE))
    known = [one["id"] for one in farm.backups(SITE)]
    farm.aegir("backups forget", SITE, last["id"], "--noted", "--yes")
    assert [one for one in known if one != last["id"]] == [one["id"] for one in farm.backups(SITE)]
    # A stranger's machine at its address is not spoken to.
    read = yaml.safe_load(farm.work.file(STACK).read_text())["config"]["aegir:backups"]["repositories"]
    other = away.farm.lab.host("web1").run("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[:2]
    farm.edit(repositories={**read, "keeping": {**read["keeping"], "host_key": " ".join(other)}})
    # The last line of ssh is lost where restic ends before it has read that.
    assert re.search("Host key verification failed|Add correct host key in", farm.aegir("backup", SITE, status=1))
    farm.edit(repositories=read)


def test_a_repository_that_is_full_is_named_and_the_next_backup_is_whole(away: Away) -> None:
    farm, place = away.farm, f"/srv/keeping/backups/{OTHER}"
    farm.edit(to=["hub", "keeping"])
    farm.web.run(f"head -c 2000000 /dev/urandom >{farm.files(OTHER)}/large.bin")
    away.sftp.host.run(f"mkdir {place}")
    with small_disk(away.sftp.host, place, "300k"):
        away.sftp.host.run(f"chown keeping: {place}; chmod 700 {place}")
        said = farm.aegir("backup", OTHER, status=3)
    away.sftp.host.run(f"rmdir {place}")
    assert re.search(rf"it is not in keeping: repository keeping of {OTHER} .* is full: .*Make room", said), said
    one = farm.backups(OTHER)[-1]
    assert ({"hub"}, True) == (set(one["copies"]), one["proven"]), "the hub has it"
    farm.aegir("backup", OTHER)
    assert {"hub", "keeping"} == set(farm.backups(OTHER)[-1]["copies"])


def test_a_server_that_only_lets_add_keeps_what_the_hub_would_delete(away: Away) -> None:
    farm, sftp = away.farm, away.sftp
    farm.edit(to=["hub", "adding"], keep={"daily": 1, "weekly": 0, "monthly": 0})
    farm.aegir("backup", SITE)
    make_it_add_only(away)
    repository = f"/srv/adding/backups/{SITE}"
    names = sftp.host.run(f"find {repository} -path '*/locks' -prune -o -type f -print | sort").stdout.split()
    first = farm.backups(SITE)[-1]
    pack = next(name for name in names if "/data/" in name).removeprefix("/srv/adding")
    snapshot = next(name for name in names if "/snapshots/" in name).removeprefix("/srv/adding")

    # Whoever has taken over the hub has this key.
    for command in (f"rm {pack}", f"rm {snapshot}", f"rename {snapshot} /backups/gone", f"put /etc/hostname {pack}"):
        assert 0 != sftp.as_account("adding", command).returncode, command

    farm.web.run(f"head -c 2000000 /dev/urandom >{farm.files(SITE)}/more.bin")
    farm.aegir("backup", SITE)
    make_it_add_only(away)
    listed = farm.backups(SITE)
    assert {"adding", "hub"} == set(listed[-1]["copies"]), "it takes more"
    said = farm.aegir("backups forget", SITE, first["id"], "--yes")
    assert "stays in adding, which the hub may only add to" in said
    now = sftp.host.run(f"find {repository} -type f -print").stdout.split()
    assert not set(names) - set(now), "nothing of it is gone"
    assert ["adding"] == next(list(one["copies"]) for one in farm.backups(SITE) if one["id"] == first["id"])
    shutil.rmtree(farm.repositories / SITE)
    rows = farm.rows(SITE)
    farm.sql(SITE, "DELETE FROM wp_posts")
    farm.aegir("backup", SITE, "--new-repository")
    farm.aegir("restore", SITE, "--backup", listed[-1]["id"], "--yes")
    assert rows == farm.rows(SITE), "it comes back from there alone"


def test_a_backup_waits_while_s3_answers_503_and_the_next_one_is_whole(away: Away) -> None:
    farm = away.farm
    farm.edit(to=["hub", "offsite"], keep={"daily": 7, "weekly": 4, "monthly": 6})
    farm.aegir("backup", SITE)
    farm.web.run(f"head -c 9000000 /dev/urandom >{farm.files(SITE)}/large.bin")
    away.ill.be_ill(8)

    farm.aegir("backup", SITE)

    assert len(away.ill.refused) > 1, "it has asked, and asked again"
    assert time.monotonic() >= away.ill.until
    farm.aegir("backup", SITE)
    last = farm.backups(SITE)[-2:]
    assert [{"hub", "offsite"}] * 2 == [set(one["copies"]) for one in last]
    checked = farm.aegir("backups check", SITE)
    assert 3 == len(re.findall("offsite: backup .*: whole", checked)), checked


def hub_secrets(away: Away) -> list[str]:
    """Give what somebody would need who wants to read or delete backups: keys, addresses, credentials."""
    exported = json.loads(away.farm.work.pulumi("stack", "export", "--show-secrets", "--stack", STACK_NAME).output)
    keys = next(
        json.loads(json.loads(one["outputs"]["keys"]["plaintext"]))
        for one in exported["deployment"]["resources"]
        if one["type"].endswith(":BackupKeys")
    )
    # The first line is the same in all keys of this kind.
    private = [line for line in away.sftp.identity.read_text().splitlines() if "KEY" not in line][1:]
    places = [
        str(away.farm.repositories),
        f"{away.sftp.host.address}:",
        "@" + away.sftp.host.address,
        away.ill.endpoint,
    ]
    return [*keys.values(), *private, ACCESS, SECRET, *places]


def test_whoever_has_taken_over_a_server_reaches_no_repository(away: Away) -> None:
    """Neither during a backup nor after it has a server a key, an address or a credential of a repository."""
    farm = away.farm
    farm.edit(to=["hub", "keeping", "offsite"])
    secrets = hub_secrets(away)
    assert len(secrets) > 8
    # The pattern itself is in no argument; the brackets keep it from finding itself in the file.
    machines: list[Host] = [farm.web, farm.database]
    for host in machines:
        host.run("cat >/root/patterns", input="\n".join(["AEGIR-MARK", *map(_literally, secrets)]) + "\n")
        host.run("cat >/root/watch; systemd-run --unit=watch sh /root/watch", input=WATCH)
        host.run("systemd-run --unit=marked --setenv=WORD=AEGIR-MARK sleep 600")
    running = threading.Thread(target=farm.aegir, args=("backup", SITE, "--prove", "boot"))
    running.start()
    running.join()
    farm.aegir("backup", OTHER)
    for host in machines:
        host.run("systemctl kill --signal=KILL watch marked", check=False)
        seen = host.run("sort -u /root/seen").stdout.splitlines()
        assert "WORD=AEGIR-MARK" in seen, "the watcher sees what is in an environment"
        assert [] == [line for line in seen if "AEGIR-MARK" not in line], "and it sees nothing of a repository"
        host.run("mv /root/patterns /run/patterns-of-the-test; rm -f /root/seen /root/watch")
        found = host.run(
            "grep -raslE -f /run/patterns-of-the-test /etc /root /home /tmp /var /srv /opt /run/aegir /dev/shm | sort",
            check=False,
        ).stdout.split()
        assert [] == [path for path in found if not path.startswith("/var/log/journal")], "no file has any of it"
        host.run("rm /run/patterns-of-the-test")
        assert "" == host.run("command -v restic || :").stdout


def _literally(word: str) -> str:
    return "".join(f"[{one}]" if one in ".*+?$|()[]{}\\" and one not in "[]\\^" else one for one in word)


def test_two_hubs_use_one_repository(away: Away, tmp_path: Path) -> None:
    farm = away.farm
    farm.edit(to=["keeping"])
    second = Project(tmp_path / "second")
    shutil.rmtree(second.directory / "state")
    shutil.copytree(farm.work.directory / "state", second.directory / "state")
    text = farm.work.file(STACK).read_text().replace(str(farm.work.hub), str(second.hub))
    second.file(STACK).write_text(text)
    shutil.copytree(farm.work.hub, second.hub, dirs_exist_ok=True, ignore=shutil.ignore_patterns("backups"))
    before_it = {one["id"] for one in farm.backups(OTHER)}

    runs = [
        threading.Thread(target=work.aegir, args=("backup", OTHER, "--stack", STACK))
        for work in (farm.work, second)
    ]  # fmt: skip
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    mine = [one["id"] for one in farm.backups(OTHER) if one["id"] not in before_it]
    farm.aegir("backups", "--site", OTHER, "--ask")
    all_of_them = [one for one in farm.backups(OTHER) if one["id"] not in before_it]
    assert (1, 2) == (len(mine), len(all_of_them)), "each has made one, and knows the other's when it asks"
    kept = [one for one in farm.backups(OTHER) if "keeping" in one["copies"]]
    assert farm.aegir("backups check", OTHER).count(": whole") == len(kept) >= 3
    assert {"keeping"} == {name for one in all_of_them for name in one["copies"]}
