"""What a move decides: which files differ, what becomes of a database, and how pieces pass from one machine to another."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aegir_components.inputs.database import DatabaseServer
from aegir_components.inputs.site import SitePlace
from aegir_components.moving import tree
from aegir_components.moving.decision import Verdict, change, is_other_server, of_database
from aegir_components.moving.pipe import Pipe


def listing(directory: Path) -> dict[bytes, tree.Entry]:
    done = subprocess.run(["sh", "-c", tree.FIND], cwd=directory, capture_output=True, check=True)
    return tree.parse(done.stdout)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Give a directory, and a copy of it beside it."""
    place = tmp_path / "site"
    (place / "deep/er").mkdir(parents=True)
    (place / "deep/er/one.txt").write_text("one")
    (place / "a file\nwith a line.txt").write_text("two")
    (place / "-rf").write_text("three")
    (place / "link").symlink_to("deep/er/one.txt")
    subprocess.run(["cp", "-a", str(place), str(tmp_path / "copy")], check=True)
    return place


def test_a_copy_differs_in_nothing(site: Path) -> None:
    found = listing(site)
    assert set(found) == {b"deep", b"deep/er", b"deep/er/one.txt", b"a file\nwith a line.txt", b"-rf", b"link"}
    assert not tree.difference(found, listing(site.parent / "copy"), found)
    assert tree.unequal(found, listing(site.parent / "copy")) == []
    assert tree.size(found) == len("onetwothree")


def _same_size_and_time(site: Path) -> None:
    path = site / "deep/er/one.txt"
    before = path.stat()
    path.write_text("eno")
    subprocess.run(["touch", "-d", f"@{before.st_mtime_ns / 1e9:.9f}", str(path)], check=True)


@pytest.mark.parametrize(
    ("edit", "come", "go"),
    [
        (lambda site: (site / "new").write_text("n"), (b"new",), ()),
        (lambda site: (site / "-rf").unlink(), (), (b"-rf",)),
        (lambda site: (site / "deep/er/one.txt").write_text("other"), (b"deep", b"deep/er", b"deep/er/one.txt"), ()),
        (_same_size_and_time, (b"deep", b"deep/er", b"deep/er/one.txt"), ()),
        (lambda site: (site / "-rf").chmod(0o600), (b"-rf",), ()),
        (lambda site: ((site / "link").unlink(), (site / "link").symlink_to("-rf")), (b"link",), ()),
        (lambda site: ((site / "link").unlink(), (site / "link").mkdir()), (b"link",), (b"link",)),
        (
            lambda site: subprocess.run(["rm", "-r", str(site / "deep")], check=True),
            (),
            (b"deep/er/one.txt", b"deep/er", b"deep"),
        ),
    ],
)
def test_what_was_written_meanwhile_comes_and_what_was_removed_goes(
    site: Path, edit: Callable[[Path], object], come: tuple[bytes, ...], go: tuple[bytes, ...]
) -> None:
    then, copy = listing(site), listing(site.parent / "copy")
    # The kernel's clock for files goes in steps.
    time.sleep(0.02)
    edit(site)
    found = tree.difference(listing(site), copy, then)
    assert (found.come, found.go) == (come, go)


@pytest.mark.parametrize(
    "text", [b"f 644 1", b"f 644 1 1 1 x\0", b"f 644 1 1 1 ../x\0\0", b"f 644 1 1 1 /etc/x\0\0", b"f\0\0"]
)
def test_a_listing_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="the list of files"):
        tree.parse(text)


@pytest.mark.parametrize(
    ("there", "tables", "arrived", "marked", "verdict"),
    [
        (True, 5, 0, False, "carry"),
        (True, 5, 3, True, "carry"),
        (True, 5, 3, False, "both"),
        (False, 0, 5, False, "adopt"),
        (True, 0, 5, False, "adopt"),
        (False, 0, 5, True, "half"),
        (True, 0, 0, False, "nothing"),
        (False, 0, 0, False, "missing"),
    ],
)
def test_a_database_is_carried_only_where_nothing_is_lost(
    there: bool, tables: int, arrived: int, marked: bool, verdict: Verdict
) -> None:
    assert of_database(there=there, tables=tables, arrived=arrived, marked=marked) == verdict


def placed(server: str = "db1", address: str = "10.0.0.3", **members: str) -> SitePlace:
    """Give a site on web servers, by their addresses, with its database on a server."""
    accounts = {
        "server": server, "address": address, "port": 3306.0, "user": "hub", "connection": {"host": server, "address": address},
        "database": "d", "account": "a", "clients": [], "owner": "aegir/test/www.example.com",
    }  # fmt: skip
    served = {
        name: {"connection": {"host": at, "address": at}, "type": "apache", "port": 80.0}
        for name, at in members.items()
    }
    return SitePlace.from_props({
        "site": "www.example.com", "platform": "code", "publish_path": "/p/code", "publish_root": "/p", "docroot": ".",
        "application": "drupal", "holder": "aegir/test", "members": served, "accounts": accounts,
    })  # fmt: skip


def test_a_site_moves_when_it_leaves_all_of_its_web_servers_or_its_database_server() -> None:
    had = placed(web1="10.0.0.1")
    assert not change(None, had)
    assert not change(had, placed(www1="10.0.0.1"))
    assert not change(had, placed(web1="10.0.0.1", web2="10.0.0.2"))
    assert change(had, placed(web2="10.0.0.2")).files
    assert not change(had, placed("mysql1", web1="10.0.0.1"))
    assert not change(had, placed("db1", "10.0.0.9", web1="10.0.0.1"))
    assert change(had, placed("db2", "10.0.0.9", web1="10.0.0.1")).database
    server = DatabaseServer(server="db1", address="10.0.0.3", port=3306)
    assert not is_other_server(server, DatabaseServer.from_props(server.to_props() | {"port": 3306.0}))


def test_pieces_pass_in_order_and_no_more_than_a_few_wait() -> None:
    given: list[int] = []

    def give(hand_over: Callable[[int], None]) -> None:
        for number in range(100):
            hand_over(number)
            given.append(number)

    pipe: Pipe[int] = Pipe(give)
    taken = []
    for piece in pipe.pieces():
        taken.append(piece)
        assert len(given) <= len(taken) + 6
    pipe.finish()
    assert taken == list(range(100))


def test_a_taker_that_ends_early_ends_the_giver() -> None:
    def give(hand_over: Callable[[int], None]) -> None:
        for number in range(10**9):
            hand_over(number)

    pipe: Pipe[int] = Pipe(give)
    assert next(pipe.pieces()) == 0
    pipe.finish()


def test_what_goes_wrong_at_the_giver_is_known() -> None:
    def give(hand_over: Callable[[int], None]) -> None:
        hand_over(1)
        raise OSError("the disk is gone")

    pipe: Pipe[int] = Pipe(give)
    assert list(pipe.pieces()) == [1]
    with pytest.raises(OSError, match="the disk is gone"):
        pipe.finish()
