"""What fails, and what goes on all the same: the rows of docs/explanation/failures.md, each of which test_failures.py runs.

>>> tools/env python -m tests.provider.failing    # writes the table into the page
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest import mock

from aegir_components import certificates, layout
from aegir_components.certificates import AuthorityError
from aegir_components.hub import numeric_ids
from aegir_components.providers import certificate
from aegir_components.testing.engine import Row as State
from tests.matrix.world import World

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "failures.md"
BEGIN, END = "<!-- begin of the table -->", "<!-- end of the table -->"
A, B, C, D, P, S, G, NEW, GONE = (f"{name}.example.com" for name in ("a", "b", "c", "d", "p", "s", "g", "new", "gone"))
"""On web1; on web2; on the cluster; on web1 with db2; on the pack; with an ACME server's certificate; with a given one."""
EDITED: Final = (A, B, C, D, P)
"""Sites that get an alias in the failing run."""
BESIDE: Final = {name: f"new-{name}" for name in (B, C, D, P)}
"""By a site: one that the failing run makes anew in the same place."""
FAR: Final = "far.example.com"
"""Made anew on web2 with db2, which no web server there has used so far: the database server must let it in first."""

Breaking = Callable[[World], Iterator[None]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """Something that fails."""

    name: str
    what: str
    waits: str
    """What depends on it."""
    goes_on: str = "everything else"
    breaks: Breaking
    stuck: frozenset[str] = frozenset()
    """Sites that this run does not change."""
    said: str
    """In the errors, or in the warnings of a run that succeeds."""
    fails: bool = True


def _down(*servers: str) -> Breaking:
    def breaks(world: World) -> Iterator[None]:
        for name in servers:
            world.machine(name).unreachable = True
        yield
        for name in servers:
            world.machine(name).unreachable = False

    return breaks


def _in_the_way(world: World) -> Iterator[None]:
    path = layout.vhost_path("apache", NEW)
    world.machine("web1").make_directories(path)
    yield
    world.machine("web1").drop(path)


def _tables(world: World) -> Iterator[None]:
    mysql = world.machine("db1").mysql
    assert mysql is not None
    mysql.databases[layout.database_name(NEW)] = {"somebodys": 1}
    yield
    del mysql.databases[layout.database_name(NEW)]


def _broken_test(world: World) -> Iterator[None]:
    world.machine("web2").broken_test = "nginx: [emerg] unknown directive"
    yield
    world.machine("web2").broken_test = ""


def _source(world: World) -> Iterator[None]:
    place = world.hub / "eleven"
    place.rename(world.hub / "away")
    yield
    (world.hub / "away").rename(place)


def _acme(days: int) -> Breaking:
    def breaks(world: World) -> Iterator[None]:
        def row() -> State:
            return next(row for urn, row in world.stack.state.items() if urn.endswith(f"aegir:Certificate::{S}"))

        kept = {key: row().outputs[key] for key in ("chain", "key", "ends", "fingerprint")}
        former = certificates.self_signed([S], days=days + 1)
        row().outputs |= {"chain": former.chain, "key": former.key}
        with mock.patch.object(certificate, "_asked_for", side_effect=AuthorityError("s.example.com: NXDOMAIN")):
            yield
        row().outputs |= kept

    return breaks


def _given(world: World) -> Iterator[None]:
    place = world.hub / "given.pem"
    place.rename(world.hub / "away.pem")
    yield
    (world.hub / "away.pem").rename(place)


def _numbers(world: World) -> Iterator[None]:
    (world.hub / "numbers.json").write_text('{"aegir/test/')
    yield
    assert numeric_ids.owners(world.hub / "numbers.json")


def _records(world: World) -> Iterator[None]:
    for path in (world.hub / "records").rglob("*.json"):
        path.write_text("{")
    yield


ROWS: Final = (
    Row(
        name="server", what="a web server that stands alone does not answer", waits="its platforms and sites",
        breaks=_down("web2"), stuck=frozenset({B, BESIDE[B], FAR}), said="web2: ssh root@",
    ),
    Row(
        name="member", what="a web server of a cluster does not answer",
        waits="the cluster's platforms and sites: code is switched on all members or on none",
        breaks=_down("web4"), stuck=frozenset({C, BESIDE[C]}), said="web4: ssh root@",
    ),
    Row(
        name="pack member", what="a member of a pack does not answer", waits="the pack's platforms and sites",
        breaks=_down("web6"), stuck=frozenset({P, BESIDE[P]}), said="web6: ssh root@",
    ),
    Row(
        name="database", what="a database server does not answer", waits="the sites with a database on it",
        breaks=_down("db2"), stuck=frozenset({D, BESIDE[D], FAR}), said="db2",
    ),
    Row(
        name="settings", what="the configuration, cron or certificate of a site is rejected by its machine", waits="this site",
        breaks=_in_the_way, stuck=frozenset({NEW}), said="is a directory; it was left as it is",
    ),
    Row(
        name="installation", what="the database, account or installation of a site fails", waits="this site",
        breaks=_tables, stuck=frozenset({NEW}), said="is not of our making",
    ),
    Row(
        name="web server's own", what="a web server's own test rejects its configuration", waits="sites on this web server",
        breaks=_broken_test, stuck=frozenset({B, BESIDE[B], FAR}), said="unknown directive",
    ),
    Row(
        name="source", what="the source of a platform that is live cannot be read: its directory, repository or archive is gone",
        waits="the platform's next release", breaks=_source, said="The platform stays at the release that is live",
        goes_on="everything else, with edits of the sites on this platform",
    ),
    Row(
        name="authority", what="a certificate cannot be renewed, and has `certificates.error_days` left or more",
        waits="nothing; it is a warning", breaks=_acme(20), said="The former certificate of s.example.com goes on", fails=False,
        goes_on="everything",
    ),
    Row(
        name="authority, last days", what="a certificate cannot be renewed, and has fewer days left", waits="this site",
        breaks=_acme(3), said="NXDOMAIN",
    ),
    Row(
        name="given certificate", what="a given certificate's files are gone or have expired, and the former one is valid",
        waits="nothing; it is a warning, and an error in its last days", breaks=_given, fails=False,
        said="Bring the right files", goes_on="everything",
    ),
    Row(
        name="numbers", what="the hub's list of UIDs is damaged",
        waits="nothing; the state has the numbers, and the list is made again", breaks=_numbers, fails=False,
        said="is made again from the state", goes_on="everything",
    ),
    Row(
        name="records", what="the hub's records of its runs are damaged", waits="nothing", breaks=_records, fails=False, said="",
        goes_on="everything",
    ),
)  # fmt: skip


@contextmanager
def broken(row: Row, world: World) -> Iterator[None]:
    """Let something fail for a block of work."""
    work = row.breaks(world)
    next(work)
    try:
        yield
    finally:
        next(work, None)


def table() -> str:
    """Write the table of the page."""
    lines = ["| what fails | what waits for it | what continues |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {row.what} | {row.waits} | {row.goes_on} |" for row in ROWS)])


def written(text: str) -> str:
    """Put the table into the page's text."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
