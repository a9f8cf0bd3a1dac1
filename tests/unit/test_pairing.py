"""A directory that belongs with a database: kept before an update, and back with it, wherever a run was killed."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from aegir_components.sanitising import documents
from aegir_components.scripts import libraries

STUBS = """
set -eu
fail() { echo "failed: $*"; exit 1; }
fact() { echo "fact $*"; }
room() { echo room; }
runuser() { shift 3; "$@"; }
"""


def shell(place: Path, *steps: str) -> str:
    """Run steps with the library, in turn: `keep` is `paired_keep`, and other words are shell text."""
    library = libraries.functions("rehearsal")
    active = shlex.quote(str(place / "active"))
    known = {"sum", "copy", "keep", "prove", "drop", "back", "forward"}
    lines = [
        f"paired_{step} nobody {active}" if step in known else f"cd {shlex.quote(str(place))}; {step}" for step in steps
    ]
    text = "\n".join([STUBS, library, *lines])
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=30, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def content(place: Path) -> dict[str, str]:
    """Give the first line of each directory's one file."""
    return {path.parent.name: path.read_text() for path in place.glob("*/a.json")}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "active").mkdir()
    (tmp_path / "active/a.json").write_text("old")
    return tmp_path


UPDATE = ("copy", "printf new >active.next/a.json")


def test_an_update_that_is_proven_leaves_what_was_before(place: Path) -> None:
    shell(place, *UPDATE)
    assert {"active": "old", "active.next": "new"} == content(place)
    shell(place, "keep", "prove")
    assert {"active": "new", "active.before": "old"} == content(place)
    shell(place, "drop", "back")
    assert {"active": "old", "active.after": "new"} == content(place)
    shell(place, "forward")
    assert {"active": "new", "active.before": "old"} == content(place)


def test_an_update_that_is_not_proven_goes_back_to_what_was_kept_and_not_to_an_older_one(place: Path) -> None:
    shell(place, *UPDATE, "keep", "prove", "copy", "printf newer >active.next/a.json", "keep", "back")
    assert {"active": "new", "active.after": "newer"} == content(place)


def test_an_update_that_is_killed_before_its_database_is_exchanged_is_taken_back(place: Path) -> None:
    shell(place, *UPDATE, "keep", "prove", "copy", "printf newer >active.next/a.json", "keep", "drop", "drop")
    assert {"active": "new", "active.before": "old"} == content(place)
    shell(place, "copy", "mv active active.kept", "drop")
    assert {"active": "new", "active.before": "old"} == content(place)


@pytest.mark.parametrize("killed", ["mv active active.after", "rm -rf active.after"])
def test_going_back_comes_to_its_end_after_a_kill(place: Path, killed: str) -> None:
    shell(place, *UPDATE, "keep", "prove", killed, "back")
    assert "old" == content(place)["active"]


def test_going_back_twice_does_not_lead_to_an_update_before(place: Path) -> None:
    # The run that takes an update back is killed when the directory has gone back and the database has not.
    shell(place, *UPDATE, "keep", "prove", "copy", "printf newer >active.next/a.json", "keep", "back", "back")
    assert {"active": "new", "active.after": "newer"} == content(place)


def test_what_is_kept_is_not_removed_where_it_is_the_only_one(place: Path) -> None:
    shell(place, *UPDATE, "mv active active.kept", "keep")
    assert {"active": "new", "active.kept": "old"} == content(place)


def test_going_back_is_taken_back_over_what_was_there_before_that(place: Path) -> None:
    shell(place, *UPDATE, "keep", "prove", "back", "cp -a active active.before", "forward")
    assert {"active": "new", "active.before": "old"} == content(place)


def test_what_the_user_alone_sees_is_found_and_what_nobody_reads_counts_as_changed(place: Path) -> None:
    # As on a share that squashes root: it is the site's user who looks.
    squashed = 'find() { echo "root looked"; return 1; }; cp() { return 1; }'
    assert shell(place, "sum") == shell(place, squashed, "sum")
    failing = "runuser() { return 1; }"
    assert shell(place, failing, "sum") != shell(place, failing, "sum")


def test_what_a_killed_run_has_copied_is_dropped_and_nothing_else(place: Path) -> None:
    shell(place, *UPDATE, "keep", "prove", "copy", "mkdir active.part", "drop")
    assert {"active": "new", "active.before": "old"} == content(place)
    assert not (place / "active.part").exists()


def test_a_site_without_the_directory_has_nothing_to_keep(tmp_path: Path) -> None:
    shell(tmp_path, "copy", "keep", "prove", "back", "forward", "drop")
    assert [] == list(tmp_path.iterdir())


def test_the_programs_of_an_update_may_write_to_the_copy(place: Path) -> None:
    active = shlex.quote(str(place / "active"))
    said = shell(place, "layers=", "copy", f"paired_layers nobody {active}", 'echo "$layers"')
    assert f"BindPaths={place}/active.next:{place}/active.next" in said


NEW = "printf new >active/a.json"


def test_its_checksum_tells_each_change(place: Path) -> None:
    same = {shell(place, "sum"), shell(place, "sum")}
    other = [shell(place, step, "sum") for step in (NEW, "mv active/a.json active/b.json", "printf x >active/c.json")]
    assert 1 == len(same)
    assert 4 == len({*same, *other})


def test_configuration_comes_along_without_addresses_and_secrets() -> None:
    text = b'{"mail": "a.b@x.example", "smtp_password": "s", "nested": {"api_key": ["k"], "tokens": 3}, "p": "+49 170 555 01"}'
    clean = documents.masked("x/site.json", text)
    assert clean is not None
    for lost in (b"a.b@", b'"s"', b'"k"', b"170"):
        assert lost not in clean
    assert b'"tokens": 3' in clean


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", b"{"),
        ("README.md", b"{}"),
        ("deep.json", b"[" * 100_000),
        ("smtp.settings.json", b"{}"),
        (".htaccess", b"Deny"),
    ],
)
def test_what_is_no_configuration_or_a_secret_by_its_name_stays(name: str, text: bytes) -> None:
    assert documents.masked(name, text) is None
