"""Backups and restores that something goes wrong with: killed, gone, damaged, of somebody else; and the hub that is lost."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pyrage
import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests.integration.backing import STACK, Backed, made
from tests.integration.processes import begin, kill, wait_for
from tests.integration.project import Project

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITE, OTHER = "www.example.com", "other.example.com"


@pytest.fixture(scope="module")
def backed(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Backed:
    lab = lab_factory("backups-refused", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    person = pyrage.x25519.Identity.generate()
    place = tmp_path_factory.mktemp("refused")
    (place / "person.txt").write_text(f"# of a test\n{person}\n")
    farm = made(lab, place, wordpress, {SITE: {}, OTHER: {}}, recipients=[str(person.to_public())])
    user = layout.system_user(SITE)
    farm.web.run(
        f"cd {farm.files(SITE)}; head -c 3000000 /dev/urandom >random.bin; echo first >first.txt; "
        f"chown {user} random.bin first.txt"
    )
    farm.sql(SITE, "CREATE TABLE big (id int PRIMARY KEY, b longblob)")
    for number in range(4):
        farm.sql(SITE, f"INSERT INTO big VALUES ({number}, REPEAT(x'0{number}ff', 4000000))")
    farm.aegir("backup", SITE)
    return farm


def start(farm: Backed, *words: str) -> subprocess.Popen[bytes]:
    """Begin a command of the command line on the stack."""
    return begin(farm.work, *words, "--stack", STACK)


def schemas(farm: Backed) -> list[str]:
    return farm.database.run("mysql -N -e 'SHOW DATABASES'").stdout.split()


@pytest.mark.parametrize("stage", ["dump", "proof", "copy"])
def test_a_backup_that_was_killed_leaves_nothing_that_the_next_one_minds(backed: Backed, stage: str) -> None:
    before = backed.backups(SITE)
    hub, attic = (place / SITE / "snapshots" for place in (backed.repositories, backed.attic))
    had = len(list(hub.iterdir())), len(list(attic.iterdir()))
    running = start(backed, "backup", SITE)
    if stage == "dump":
        wait_for(
            lambda: "mysqldump" in backed.database.run("ps -A -o comm=").stdout or len(list(hub.iterdir())) > had[0]
        )
    elif stage == "proof":
        # Looked for on the machine, where a look takes a few milliseconds.
        proof = "SELECT 1 FROM information_schema.schemata WHERE schema_name LIKE 'aegir_proof%'"
        backed.database.run(f'until mysql -Ne "{proof}" | grep -q 1; do sleep 0.02; done', timeout=200)
    else:
        wait_for(lambda: any((backed.attic / SITE / "locks").iterdir()) or running.poll() is not None)
    kill(running)

    backed.aegir("backup", SITE)

    after = backed.backups(SITE)
    assert after[-1]["proven"]
    assert after[-1]["id"] not in {one["id"] for one in before}
    assert not [name for name in schemas(backed) if "aegir_proof" in name]
    assert {"hub", "attic"} == set(after[-1]["copies"])
    locks = [path for place in (backed.repositories, backed.attic) for path in (place / SITE / "locks").iterdir()]
    # A file that restic had begun to write is no lock, and restic passes over it.
    assert [] == [path for path in locks if "-tmp-" not in path.name]


def test_a_restore_that_was_killed_goes_on(backed: Backed) -> None:
    rows, tree = backed.rows(SITE), backed.tree(SITE)
    good = backed.backups(SITE)[-1]["id"]
    backed.sql(SITE, "DELETE FROM big")
    backed.web.run(f"echo worse >{backed.files(SITE)}/first.txt")
    # Its tables are exchanged, and what belongs to them is about to be loaded: from here on only the backups have it.
    name = layout.database_name(SITE)
    with backed.client_that(f'case "$*" in *" {name}") touch /tmp/reached; sleep 300; exit 1 ;; esac'):
        running = start(backed, "restore", SITE, "--backup", good, "--yes")
        wait_for(lambda: backed.database.run("test -e /tmp/reached", check=False).returncode == 0, 200)
        kill(running)
    assert 503 == backed.status(SITE), "nobody sees half of a site"
    safety = backed.backups(SITE)[-1]
    assert ("before a restore", True) == (safety["why"], safety["proven"]), "what was there is saved"

    said = backed.aegir("restore", SITE, "--yes")

    assert "did not come to its end; it goes on" in said
    assert 200 == backed.status(SITE)
    assert (rows, tree) == (backed.rows(SITE), backed.tree(SITE))


def test_two_at_once_do_not_meet(backed: Backed) -> None:
    lock = backed.work.hub / "backups" / ".locks" / f"{SITE}.lock"
    waits = "touch /tmp/proving; until [ -e /tmp/go ]; do sleep 0.1; done"
    # It stands still in its proof, so that the second is never too late.
    with backed.client_that(f'case "$*" in *" aegir_proof_"*) {waits} ;; esac'):
        first = start(backed, "backup", SITE)
        try:
            wait_for(lambda: backed.database.run("test -e /tmp/proving", check=False).returncode == 0, 200)
            assert lock.exists()
            said = backed.aegir("backup", SITE, status=1)
        finally:
            backed.database.run("touch /tmp/go")
        assert "another run on this hub is at work" in said
        assert 0 == first.wait(200)
    backed.database.run("rm /tmp/proving /tmp/go")


def test_a_repository_that_is_gone_is_not_replaced_without_a_word(backed: Backed) -> None:
    away = backed.attic.with_name("away")
    backed.attic.rename(away)
    said = backed.aegir("backup", SITE, status=3)
    assert re.search(r"it is not in attic: repository attic of .* is gone: it had \d+ backups", said)
    assert f"aegir backup {SITE} --new-repository" in said
    backed.aegir("backup", SITE, "--new-repository")
    assert {"hub", "attic"} == set(backed.backups(SITE)[-1]["copies"])
    shutil.rmtree(backed.attic)
    away.rename(backed.attic)


def test_one_bit_in_a_pack_is_found_and_the_other_repository_serves(backed: Backed) -> None:
    data, user = backed.repositories / SITE / "data", layout.system_user(SITE)
    had = set(data.rglob("*/*"))
    backed.web.run(f"cd {backed.files(SITE)}; head -c 5000000 /dev/urandom >later.bin; chown {user} later.bin")
    backed.aegir("backup", SITE)
    # One that this backup needs: it was not there before, and the largest new one has the new file's content.
    pack = max(set(data.rglob("*/*")) - had, key=lambda path: path.stat().st_size)
    before = pack.read_bytes()
    pack.chmod(0o600)
    pack.write_bytes(
        before[: len(before) // 2] + bytes([before[len(before) // 2] ^ 1]) + before[len(before) // 2 + 1 :]
    )

    said = backed.aegir("backups check", SITE, status=3)

    last = backed.backups(SITE)[-1]["id"]
    hurt = re.findall(r"^hub: backup (\w+) of .*: (?!whole)", said, re.MULTILINE)
    assert last in hurt, "which backups are hurt is said by name"
    assert re.search(rf"^attic: backup {last} of .*: whole$", said, re.MULTILINE)
    rows = backed.rows(SITE)
    refused = backed.aegir("restore", SITE, "--backup", last, "--yes", status=1)
    assert last in refused
    assert rows == backed.rows(SITE)
    assert 200 == backed.status(SITE), "nothing was changed"
    pack.write_bytes(before)
    backed.aegir("backup", SITE)


def test_a_repository_of_another_key_is_left_alone(backed: Backed) -> None:
    backed.aegir("backup", OTHER)
    mine, others = backed.repositories / SITE, backed.repositories / OTHER
    away = backed.repositories / "away"
    mine.rename(away)
    shutil.copytree(others, mine)
    said = backed.aegir("backup", SITE, status=1)
    assert "has another key than this stack" in said
    assert sorted(path.name for path in others.rglob("*")) == sorted(path.name for path in mine.rglob("*"))
    shutil.rmtree(mine)
    away.rename(mine)


def test_no_update_begins_without_a_backup(backed: Backed, wordpress: Path, tmp_path: Path) -> None:
    version = "SELECT option_value FROM wp_options WHERE option_name = 'db_version'"
    older = "UPDATE wp_options SET option_value = '51917' WHERE option_name = 'db_version'"
    shutil.copytree(wordpress, tmp_path / "code", symlinks=True)
    (tmp_path / "code" / "RELEASE.txt").write_text("two\n")
    backed.settings["platforms"]["code"]["source"] = str(tmp_path / "code")
    backed.write()
    for record in (backed.work.hub / "records" / "backups").glob("*.json"):
        read = json.loads(record.read_text())
        read["backups"] = [{**one, "begun": one["begun"] - 3600} for one in read["backups"]]
        record.write_text(json.dumps(read))
    before, others, code = backed.sql(SITE, version), backed.backups(OTHER), backed.backups(SITE)[-1]["release"]
    backed.sql(SITE, older)
    away = backed.repositories.with_name("away")
    backed.repositories.rename(away)

    refused = backed.work.up(STACK, ok=False)

    assert f"{SITE}: no backup of it could be made before an update: repository hub of {SITE}" in refused.sentence
    assert "write `backups: off` at the site to go on without a backup" in refused.sentence
    assert ("51917", 200) == (backed.sql(SITE, version), backed.status(SITE))
    away.rename(backed.repositories)

    done = backed.work.up(STACK)

    last = backed.backups(SITE)[-1]
    assert f"{SITE}: it is backed up as {last['id']}, in hub, attic" in done.sentence
    assert ("before an update", True, code) == (last["why"], last["proven"], last["release"]), "of the code of before"
    assert (before, 200) == (backed.sql(SITE, version), backed.status(SITE))
    assert others == backed.backups(OTHER), "a release without updates of the database touches no data"
    backed.sql(SITE, older)
    assert f"backup {last['id']} is of a moment ago" in backed.aegir("update", SITE)
    assert before == backed.sql(SITE, version)
    backed.work.pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def test_the_last_proven_backup_and_one_with_a_note_are_not_forgotten_by_mistake(backed: Backed) -> None:
    backed.aegir("backup", OTHER, "--note", "for ever")
    known = backed.backups(OTHER)
    everything = [one["id"] for one in known]
    said = backed.aegir("backups forget", OTHER, *everything, "--yes", status=1)
    assert "the last proven backup" in said
    said = backed.aegir("backups forget", OTHER, everything[-1], "--yes", status=1)
    assert "carries the note 'for ever'" in said
    backed.aegir("backups forget", OTHER, everything[0], status=1)
    backed.aegir("backups forget", OTHER, everything[0], "--yes")
    assert everything[1:] == [one["id"] for one in backed.backups(OTHER)]


def test_a_site_that_was_removed_comes_back(backed: Backed) -> None:
    files = backed.files(OTHER)
    backed.web.run(f"echo mine >{files}/mine.txt")
    backed.sql(OTHER, "CREATE TABLE mine (id int PRIMARY KEY); INSERT INTO mine VALUES (7)")
    backed.aegir("backup", OTHER)
    kept = backed.settings["sites"].pop(OTHER)
    backed.up()
    assert 404 == backed.status(OTHER)
    backed.settings["sites"][OTHER] = kept
    backed.up()
    assert "mine" not in backed.sql(OTHER, "SHOW TABLES")

    backed.aegir("restore", OTHER, "--yes")

    assert "7" == backed.sql(OTHER, "SELECT id FROM mine")
    assert "mine" == backed.web.run(f"cat {files}/mine.txt").stdout.strip()
    assert 200 == backed.status(OTHER)
    backed.work.pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes", "--stack", STACK)


def archives(farm: Backed) -> list[Path]:
    return sorted(path for path in (farm.work.hub / "backups").glob(f"{OTHER}-*") if path.is_file())


def lose_and_restore_the_archives(farm: Backed) -> None:
    farm.sql(OTHER, "DROP TABLE mine")
    farm.web.run(f"rm {farm.files(OTHER)}/mine.txt")

    farm.aegir("restore", OTHER, "--archive", "--yes")

    assert "7" == farm.sql(OTHER, "SELECT id FROM mine")
    assert "mine" == farm.web.run(f"cat {farm.files(OTHER)}/mine.txt").stdout.strip()
    assert 200 == farm.status(OTHER)


def test_the_archives_of_a_removal_come_back_by_the_same_command(backed: Backed) -> None:
    kept = archives(backed)
    assert {".sql.gz.age", ".tar.gz.age"} == {"".join(path.suffixes[-3:]) for path in kept}
    for path in kept:
        assert b"age-encryption.org" == path.read_bytes()[:18]
    listed = json.loads(backed.work.printed("backups", "archives", "--stack", STACK, "--site", OTHER, "--json"))
    assert {str(path) for path in kept} == {each["file"] for each in listed if each["encrypted"]}
    records = (backed.work.hub / "records").rglob("*")
    assert not [path for path in records if path.is_file() and b"AGE-SECRET-KEY" in path.read_bytes()]

    lose_and_restore_the_archives(backed)


def test_the_archives_in_clear_of_an_earlier_version_come_back_as_well(backed: Backed) -> None:
    for path in archives(backed):
        command = [sys.executable, "-m", "aegir_components", "--cwd", str(backed.work.project)]
        command += ["backups", "decrypt", str(path), "--stack", STACK]
        done = subprocess.run(command, capture_output=True, check=True, timeout=120, env=backed.work.environment())
        # As the page and the command's help have it.
        content = subprocess.run(
            ["gzip", "-dc"], input=done.stdout, capture_output=True, check=True, timeout=120
        ).stdout
        assert (b"CREATE TABLE" if ".sql" in path.name else b"ustar") in content
        path.with_suffix("").write_bytes(done.stdout)
        path.unlink()
    assert {".sql.gz", ".tar.gz"} == {"".join(path.suffixes[-2:]) for path in archives(backed)}

    lose_and_restore_the_archives(backed)


def test_the_hub_is_gone_and_another_machine_manages_everything(
    backed: Backed, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sheet = tmp_path / "sheet.age"
    backed.aegir("backups keys", "--export", str(sheet))
    assert b"age-encryption.org" == sheet.read_bytes()[:18]
    backed.aegir("backup --hub")
    backed.aegir("backup", SITE)
    rows, tree = backed.rows(SITE), backed.tree(SITE)
    hub, state = backed.work.hub, backed.work.directory / "state"
    lost = tmp_path_factory.mktemp("lost")
    hub.rename(lost / "hub")
    state.rename(lost / "state")
    new = Project(tmp_path_factory.mktemp("new-hub"))
    shutil.rmtree(new.hub)
    key = backed.work.directory / "person.txt"

    wrong = tmp_path / "stranger.txt"
    wrong.write_text(str(pyrage.x25519.Identity.generate()))
    assert (
        "was encrypted for others"
        in new.aegir("backups", "recover", str(sheet), "--identity", str(wrong), status=1).output
    )
    new.aegir("backups", "recover", str(sheet), "--identity", str(key))

    assert hub.is_dir(), "at the path that the stack file declares"
    new.pulumi("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    backed.sql(SITE, "DELETE FROM big")
    new.aegir("restore", SITE, "--stack", STACK, "--yes")
    assert (rows, tree) == (backed.rows(SITE), backed.tree(SITE))
    assert 200 == backed.status(SITE)
