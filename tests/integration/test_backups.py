"""Backups of WordPress sites: encrypted, elsewhere, proven; and restores in one command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyrage
import pytest

from aegir_components import layout
from lab import HostSpec, Lab
from tests.integration.backing import BUCKET, ROOT, SECRET, STACK, Backed, made, s3

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SITE, OTHER = "www.example.com", "other.example.com"
SAID = "the words that nobody else may read"
DATABASE = f"""
CREATE TABLE extra (id int PRIMARY KEY, t text, f float, b varbinary(20));
INSERT INTO extra VALUES (1, '{SAID}', 0.1, x'00ff27'), (2, 'line\\nbreak; -- \\'quoted\\'', 1e10, NULL);
CREATE VIEW shown AS SELECT t FROM extra;
CREATE TRIGGER filled BEFORE INSERT ON extra FOR EACH ROW SET NEW.t = COALESCE(NEW.t, 'empty');
CREATE PROCEDURE counted() SELECT COUNT(*) FROM extra;
CREATE EVENT daily ON SCHEDULE EVERY 1 DAY DO DELETE FROM extra WHERE id > 1000;
CREATE SEQUENCE numbers;
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE);
INSERT INTO parent VALUES (1), (2);
INSERT INTO child VALUES (1, 1), (2, 2);
CREATE TABLE parted (id int PRIMARY KEY, d int GENERATED ALWAYS AS (id * 2) STORED, t text)
  PARTITION BY HASH (id) PARTITIONS 3;
INSERT INTO parted (id, t) VALUES (1, 'one'), (2, 'two');
CREATE TABLE big (id int PRIMARY KEY, b longblob);
INSERT INTO big VALUES (1, REPEAT(x'00ff', 8000000));
CREATE DEFINER = 'gone'@'%' VIEW strange AS SELECT id FROM extra;
CREATE TABLE gone (id int);
CREATE VIEW orphan AS SELECT id FROM gone;
DROP TABLE gone;
"""


@pytest.fixture(scope="module")
def backed(lab_factory: LabFactory, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backed]:
    lab = lab_factory("backups", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    with s3() as endpoint:
        place = tmp_path_factory.mktemp("backups")
        farm = made(lab, place, wordpress, {SITE: {}, OTHER: {}}, exclude=["*/thumbs/*", "*/raw"])
        farm.settings["backups"]["repositories"]["offsite"] = {
            "s3": f"{endpoint}/{BUCKET}/farm", "access_key": "hub",
        }  # fmt: skip
        farm.settings["backups"]["to"].append("offsite")
        farm.write()
        # A secret is set by Pulumi, which is what puts it into the file.
        path = 'aegir:backups.repositories["offsite"].secret_key'
        farm.work.pulumi("config", "set", "--secret", "--path", path, SECRET, "--stack", STACK)
        farm.work.up(STACK)
        farm.sql(SITE, DATABASE)
        user, files = layout.system_user(SITE), farm.files(SITE)
        private = layout.site_private(ROOT, SITE)
        farm.web.run(
            f"mkdir -p {files}/2026 && cd {files}/2026 && echo '{SAID}' >photo.txt && ln -s photo.txt link && "
            f"ln photo.txt hard && chown -R {user}: . && chmod 640 photo.txt && echo private >{private}/own.txt && "
            f"mkdir ../thumbs ../raw && echo small >../thumbs/one.jpg && echo large >../raw/film && chmod 600 ../raw/film && "
            f"chown -R {user}: ../thumbs ../raw && "
            f"chown {user}: {private}/own.txt && "
            f"php -r 'stream_socket_server(\"unix://{files}/program.sock\");'"
        )
        # A shell that prints is no part of any stream.
        farm.web.run("sed -i '1i echo a greeting of the shell' /root/.bashrc")
        farm.database.run("sed -i '1i echo a greeting of the shell' /root/.bashrc")
        yield farm


@contextmanager
def asking(farm: Backed, site: str) -> Iterator[list[int]]:
    """Ask for a site all the time, and give the statuses that it answered with."""
    seen: list[int] = []
    end = threading.Event()

    def ask() -> None:
        while not end.is_set():
            seen.append(farm.status(site))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        end.set()
        thread.join()


def test_a_backup_is_proven_complete_and_in_every_repository(backed: Backed) -> None:
    said = backed.aegir("backup", SITE, "--json", status=3)
    found = json.loads(said[said.index("[") : said.rindex("]") + 1])[0]
    assert {"hub", "attic", "offsite"} == set(found["backup"]["copies"])
    assert found["backup"]["proof"]["ok"], found
    assert ["it lacks view orphan"] == re.findall("it lacks view orphan", found["fault"]), (
        "what cannot be saved is named"
    )
    assert ["view orphan"] == [text[:11] for text in found["backup"]["not_saved"]]
    assert any("program.sock" in text for text in found["backup"]["notes"]) or "sockets" not in str(
        found["backup"]["notes"]
    )
    assert "aegir_proof" not in backed.database.run("mysql -N -e 'SHOW DATABASES'").stdout
    assert "16777216" == backed.database.run("mysql -N -e 'SELECT @@GLOBAL.max_allowed_packet'").stdout.strip()
    backed.sql(SITE, "DROP VIEW orphan")
    backed.aegir("backup", SITE, "--note", "with all of it")
    listed = backed.backups(SITE)
    assert [True, True] == [one["proven"] for one in listed]
    assert [False, True] == [one["complete"] for one in listed]
    assert "with all of it" == listed[-1]["note"]
    checked = backed.aegir("backups check", SITE)
    for target in ("hub", "attic", "offsite"):
        assert re.search(rf"{target}: backup {listed[-1]['id']} of .*: whole", checked)
    backed.web.run(f"rm {backed.files(SITE)}/program.sock")
    # The others are quicker without the third one.
    backed.edit(to=["hub", "attic"])


def test_a_backup_is_read_without_this_program(backed: Backed, tmp_path: Path) -> None:
    """A recovery sheet, restic and tar are enough."""
    person = pyrage.x25519.Identity.generate()
    backed.aegir("backups keys", "--export", str(tmp_path / "sheet.age"), "--recipient", str(person.to_public()))
    sheet = json.loads(pyrage.decrypt((tmp_path / "sheet.age").read_bytes(), [person]))
    done = subprocess.run(
        # A row of 16 MB is more than the server takes as it is, and a view without definer names its former schema.
        ["sh", "-ec", 'restic -q -r "$1" dump latest /backup.tar | '
         'tar -xO --wildcards --exclude "*/big*" --exclude "*/strange*" "database/*"',
         "sh", sheet["repositories"]["attic"]["addresses"][SITE]],
        env={**os.environ, "RESTIC_PASSWORD": sheet["keys"][SITE]}, capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    scratch = "by_hand"
    backed.database.run(f"mysql -e 'CREATE DATABASE {scratch}'")
    backed.database.run(f"mysql --max-allowed-packet=1G {scratch}", input=done.stdout.decode())
    assert SAID in backed.database.run(f"mysql -N {scratch} -e 'SELECT t FROM extra'").stdout
    backed.database.run(f"mysql -e 'DROP DATABASE {scratch}'")


def test_nothing_lies_in_clear_anywhere(backed: Backed) -> None:
    for place in (backed.work.hub, backed.attic):
        for path in place.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert SAID.encode() not in content, path
    assert SITE in backed.work.printed("backups", "keys", "--stack", STACK)
    assert not list(backed.repositories.rglob("*.sql*"))


def test_a_restore_brings_back_database_files_and_rights_and_saves_what_was_there(backed: Backed) -> None:
    tree, rows = backed.tree(SITE), backed.rows(SITE)
    backed.aegir("backup", SITE)
    backed.web.run(f"rm -r {backed.files(SITE)}/2026; echo worse >{backed.files(SITE)}/worse.txt")
    backed.sql(SITE, "DELETE FROM wp_posts; DROP TABLE extra; DROP VIEW shown; CREATE TABLE worse (id int)")

    with asking(backed, SITE) as seen:
        said = backed.aegir("restore", SITE, "--yes")

    assert "It answers" in said
    assert "Stays as it is: files that the backup excludes (*/thumbs/*, */raw)" in said
    assert {200, 503} == set(seen), "open, closed with 503, open"
    assert all(name in tree for name in ("thumbs/one.jpg", "raw/film"))
    assert tree == backed.tree(SITE), "what the backup excludes is there as well"
    assert rows == backed.rows(SITE)
    assert 200 == backed.status(SITE)
    assert "1" == backed.sql(
        SITE, "START TRANSACTION; DELETE FROM parent WHERE id = 1; SELECT id - 1 FROM child; ROLLBACK"
    ), "a foreign key leads to the site's own table"
    definers = backed.database.run(
        f"mysql -N -e \"SELECT definer FROM information_schema.views WHERE table_schema = '{layout.database_name(SITE)}' UNION "
        f"SELECT definer FROM information_schema.routines WHERE routine_schema = '{layout.database_name(SITE)}'\""
    ).stdout.split()
    # What an administrator has made stays his; what was of an account that is gone becomes the site's.
    assert {"root@localhost", f"{layout.account_name(SITE)}@{backed.lab.hub_address}"} == set(definers)
    last = backed.backups(SITE)[-1]
    assert "before a restore" == last["why"]
    assert last["proven"]
    assert (
        "unchanged"
        in backed.work.pulumi(
            "up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes", "--stack", STACK
        ).output
    )

    backed.aegir("restore", SITE, "--backup", last["id"], "--yes")

    assert "worse" in backed.sql(SITE, "SHOW TABLES"), "what was restored over is there again"
    assert "worse.txt" in backed.web.run(f"ls {backed.files(SITE)}").stdout
    good = [one for one in backed.backups(SITE) if one["why"] == "asked for"][-1]
    backed.aegir("restore", SITE, "--backup", good["id"], "--yes")
    assert rows == backed.rows(SITE)


def test_one_path_or_the_database_alone_comes_back(backed: Backed) -> None:
    files = backed.files(SITE)
    backed.aegir("backup", SITE)
    rows = backed.rows(SITE)
    backed.web.run(f"echo changed >{files}/2026/photo.txt; echo new >{files}/new.txt")
    backed.sql(SITE, "INSERT INTO extra (id) VALUES (77)")
    changed = backed.rows(SITE)

    backed.aegir("restore", SITE, "--only", "files/2026/photo.txt", "--yes")

    assert SAID == backed.web.run(f"cat {files}/2026/photo.txt").stdout.strip()
    assert "new" == backed.web.run(f"cat {files}/new.txt").stdout.strip()
    assert changed == backed.rows(SITE)
    good = [one for one in backed.backups(SITE) if one["why"] == "asked for"][-1]
    backed.aegir("restore", SITE, "--only", "database", "--backup", good["id"], "--yes")
    assert rows == backed.rows(SITE)
    assert "new" == backed.web.run(f"cat {files}/new.txt").stdout.strip()
    said = backed.aegir("restore", SITE, "--only", "files/raw/film", "--yes", status=1)
    assert "has no files/raw/film" in said, "it is no part of a backup"
    assert 200 == backed.status(SITE)


def test_a_link_that_the_site_has_made_leads_nobody_elsewhere(backed: Backed) -> None:
    files = backed.files(SITE)
    backed.aegir("backup", SITE)
    backed.web.run(
        f"mv {files}/2026 {files}/kept; ln -s /etc {files}/2026; chown -h {layout.system_user(SITE)} {files}/2026"
    )

    said = backed.aegir("restore", SITE, "--only", "files/2026/photo.txt", "--yes", status=1)

    assert "Permission denied" in said
    backed.web.run(f"! test -e /etc/photo.txt; rm {files}/2026; mv {files}/kept {files}/2026")
    assert 200 == backed.status(SITE)


def test_a_restore_that_fails_leaves_everything_as_it_was(backed: Backed) -> None:
    tree, rows = backed.tree(SITE), backed.rows(SITE)
    # The proof loads as well; only what is loaded into the site's own database fails.
    name = layout.database_name(SITE)
    broken = "[ -e /tmp/broke ] || { touch /tmp/broke; head -c 20 >/dev/null; echo broken >&2; exit 1; }"
    with backed.client_that(f'case "$*" in *" {name}") {broken} ;; esac'):
        said = backed.aegir("restore", SITE, "--yes", status=1)
        backed.database.run("rm /tmp/broke")
    assert "broken" in said
    assert "putting back what was there" in said
    assert rows == backed.rows(SITE)
    assert tree == backed.tree(SITE)
    assert 200 == backed.status(SITE)


def test_a_site_that_is_written_to_meanwhile_is_saved_and_proven(backed: Backed) -> None:
    files, database = backed.files(OTHER), layout.database_name(OTHER)
    backed.sql(OTHER, "CREATE TABLE busy (id int AUTO_INCREMENT PRIMARY KEY, t text)")
    backed.web.run(f"seq 300 | while read n; do head -c 20000 /dev/urandom >{files}/f$n; done")
    backed.web.run(
        f"systemd-run --unit=busy sh -c 'while :; do for n in $(seq 300); do rm -f {files}/f$n; "
        f"head -c 20000 /dev/urandom >{files}/f$n; done; echo more >>{files}/grows; sleep 0.1; done'"
    )
    backed.database.run(
        f"systemd-run --unit=busy sh -c 'while :; do mysql {database} -e \"INSERT INTO busy (t) VALUES (1)\"; sleep 0.1; done'"
    )
    try:
        for _ in range(2):
            backed.aegir("backup", OTHER)
    finally:
        for host in (backed.web, backed.database):
            host.run("systemctl kill --signal=KILL busy")
    assert [True, True] == [one["proven"] for one in backed.backups(OTHER)][-2:]


def test_what_is_due_is_done_once_and_the_status_shows_it(backed: Backed) -> None:
    backed.sql(SITE, "DROP VIEW IF EXISTS orphan")
    for site in (SITE, OTHER):
        backed.aegir("backup", site)
    backed.edit(every="hour")
    for record in (backed.work.hub / "records" / "backups").glob("*.json"):
        read = json.loads(record.read_text())
        for one in read["backups"]:
            one["begun"] -= 3 * 3600
        record.write_text(json.dumps(read))
    listed: dict[str, Any] = json.loads(backed.work.printed("status", STACK, "--json", status=3))
    faults = [row["faults"] for row in listed["sites"]]
    assert [["no proven backup for 3 h"]] * 2 == faults, "a plan that was missed"
    before = {site: len(backed.backups(site)) for site in (SITE, OTHER)}
    hour = datetime.now().astimezone().hour

    runs = [threading.Thread(target=backed.work.aegir, args=("backup", "--due")) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    last = backed.work.aegir("backup", "--due").output
    if datetime.now().astimezone().hour == hour:
        assert "nothing is due" in last
        due = {site: [one for one in backed.backups(site) if one["why"] == "due"] for site in before}
        assert [1, 1] == [len(found) for found in due.values()]
    listed = json.loads(backed.work.printed("status", STACK, "--json"))
    site = next(row for row in listed["sites"] if row["name"] == OTHER)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d \(\d+ min\)", site["last_backup"])
