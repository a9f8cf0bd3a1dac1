"""What a status says of a stack: from its state, and from what machines answer."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from aegir_components import layout
from aegir_components.cli import drawing, finding, live, rows
from aegir_components.cli.finding import Kind
from aegir_components.facts import status
from aegir_components.health import serving
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostUnreachable
from aegir_components.scripts import script
from tests.unit.conftest import Shell
from tests.unit.stacks import COMMIT, RELEASE, SITE, declared, state

TODAY = date(2099, 1, 31)
USER = layout.system_user(SITE)
WELL = {
    "unit.apache2": "active",
    "unit.php8.2-fpm": "active",
    f"cron.{USER}": "Result=success\nActiveState=inactive\nExecMainStartTimestamp=Sat 2026-01-31 02:13:07 UTC",
    f"timer.{USER}": "ActiveState=active\nLastTriggerUSec=Sat 2026-01-31 01:13:07 UTC",
}


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Give what the machines answer; a test changes it."""
    answers: dict[str, Any] = {"web1": WELL, "db1": {"unit.mysql": "active"}, "site": None, "port": True}

    def execute(conn: Connection, _mode: str, _lines: Iterable[str], **_rest: Any) -> script.Report:
        answer = answers[conn.host]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, float):
            time.sleep(answer)
        return script.Report(answer if isinstance(answer, dict) else {}, (), ())

    class Open:
        def close(self) -> None:
            pass

    def connect(*_: Any, **__: Any) -> Open:
        if not answers["port"]:
            raise ConnectionRefusedError(111, "Connection refused")
        return Open()

    monkeypatch.setattr(script, "execute", execute)
    monkeypatch.setattr(serving, "fault", lambda *_: answers["site"])
    monkeypatch.setattr(socket, "create_connection", connect)
    return answers


def seen(limit: float = 5.0, **changes: Any) -> rows.Status:
    have = state(**changes)
    return rows.status(have, live.ask(have, limit=limit, tell=lambda _: None), TODAY)


def test_the_state_alone_tells_releases_and_certificates() -> None:
    found = rows.status(state(), None, TODAY)
    assert found.well
    assert not found.live
    (platform,) = found.platforms
    assert ("code", "wordpress 6.1", RELEASE, COMMIT, 1) == (
        platform.name, platform.code, platform.release, platform.revision, platform.sites,
    )  # fmt: skip
    (site,) = found.sites
    assert (SITE, "code", RELEASE, "2099-03-01", 29, "") == (
        site.name, site.platform, site.release, site.certificate_ends, site.certificate_days, site.last_cron,
    )  # fmt: skip
    assert {"web1": ("apache_ssl, PHP 8.2",), "db1": ("MariaDB 10.11.6",)} == {
        row.name: row.services for row in found.servers
    }


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"without": (f"Installation {SITE}",)}, "never came up"),
        ({"Certificate": {"ends": "2099-01-30"}}, "its certificate ended on 2099-01-30"),
        ({"Installation": {"drift": ["web1: www answers 500"]}}, "changed by hand: web1: www answers 500"),
    ],
)
def test_what_the_state_knows_to_be_wrong_is_not_well(changes: dict[str, Any], fault: str) -> None:
    found = rows.status(state(**changes), None, TODAY)
    assert not found.well
    assert (fault,) == found.sites[0].faults


def test_a_run_that_ended_in_the_middle_is_not_well() -> None:
    found = rows.status(state(pending=("Release code",)), None, TODAY)
    assert not found.well
    assert "A run ended in the middle of creating Release code." in rows.tables(found)


def test_machines_that_are_well_are_well_and_tell_the_last_cron(machines: dict[str, Any]) -> None:
    found = seen()
    assert found.well, found
    assert "2026-01-31 02:13" == found.sites[0].last_cron


def test_a_site_that_a_person_closed_is_a_row_and_does_not_make_its_platform_one() -> None:
    closed = live.Seen(closed={SITE: "ann@hub: the bank moves"}, sites={SITE: "answers 503"})
    answers = {"web1": closed, "db1": live.Seen()}
    found = rows.status(state(), answers, TODAY)
    assert ["web1: closed by ann@hub: the bank moves; aegir open opens it"] == list(found.sites[0].faults)
    assert ("web1: closed by ann@hub: the bank moves",) == finding.words(found.sites[0].faults, Kind.CLOSED)
    assert found.plain()["sites"][0]["faults"] == found.sites[0].faults
    assert "the bank moves" in json.dumps(found.plain())
    assert [()] == [row.faults for row in found.platforms]


def test_a_fault_is_told_by_its_kind_and_not_by_words_that_somebody_wrote() -> None:
    answers = {
        "web1": live.Seen(sites={SITE: "answers 500: closed by mistake, changed by hand: x"}),
        "db1": live.Seen(),
    }
    found = rows.status(state(), answers, TODAY)
    assert not finding.words(found.sites[0].faults, Kind.CLOSED)
    assert not finding.words(found.sites[0].faults, Kind.DRIFT)
    assert [(f"{SITE} does not work",)] == [row.faults for row in found.platforms]


@pytest.mark.parametrize(
    ("changes", "server", "site"),
    [
        ({"web1": {**WELL, "unit.apache2": "failed"}}, "apache2 is failed", ""),
        ({"web1": HostUnreachable("web1", "ssh root@10.0.0.2: no answer")}, "ssh root@10.0.0.2: no answer", ""),
        ({"db1": {}}, "mariadb or mysql does not run", ""),
        ({"port": False}, "the database at 10.0.0.3 port 3306 takes no connection (Connection refused)", ""),
        ({"site": "answers 500"}, "", "web1: answers 500"),
        ({"web1": {**WELL, f"timer.{USER}": "ActiveState=inactive"}}, "", "web1: its timer does not run"),
        ({"web1": {**WELL, f"cron.{USER}": "Result=exit-code"}}, "", "web1: cron failed (exit-code)"),
    ],
)
def test_what_machines_tell_is_a_row_and_not_well(
    machines: dict[str, Any], changes: dict[str, Any], server: str, site: str
) -> None:
    machines.update(changes)
    found = seen()
    assert not found.well
    assert ([server] if server else []) == [fault for row in found.servers for fault in row.faults]
    assert ([site] if site else []) == [fault for row in found.sites for fault in row.faults]


def test_a_machine_that_hangs_takes_its_time_and_no_more(machines: dict[str, Any]) -> None:
    machines["web1"] = 30.0
    begun = time.monotonic()
    found = seen(limit=0.5)
    assert time.monotonic() - begun < 3
    assert {"web1": ("no answer within 0.5 s",), "db1": ()} == {row.name: row.faults for row in found.servers}
    assert "unknown" == found.sites[0].last_cron


def test_a_site_without_cron_has_none(machines: dict[str, Any]) -> None:
    assert "off" == seen(SiteConfiguration={"cron": "off"}).sites[0].last_cron


def test_tables_align_their_columns() -> None:
    lines = rows.tables(rows.status(state(), None, TODAY))
    assert [
        "SERVER  ADDRESS   SERVICES             HEALTH",
        "db1     10.0.0.3  MariaDB 10.11.6      ok",
        "web1    10.0.0.2  apache_ssl, PHP 8.2  ok",
    ] == lines[:3]
    assert f"{SITE}  code      {RELEASE}  2099-03-01 (29 days)  -                ok" in lines
    assert ["Nothing was made yet."] == rows.tables(rows.Status(stack="x", live=False, pending=()))


@pytest.mark.parametrize(
    ("installation", "said"),
    [
        ({"health": False}, "not asked for"),
        ({"enabled": False}, "disabled, ok"),
        ({"content": "empty"}, "not asked for"),
    ],
)
def test_a_site_that_is_not_asked_for_is_not_called_well(installation: dict[str, Any], said: str) -> None:
    found = rows.status(state(Installation=installation), None, TODAY)
    assert found.well
    assert any(line.startswith(SITE) and line.endswith(f"  {said}") for line in rows.tables(found))


def test_times_of_systemd_are_read() -> None:
    assert status.Cron(last=datetime(2026, 1, 31, 2, 13, 7, tzinfo=UTC)) == status.cron_of(WELL, USER)
    never = {f"timer.{USER}": "ActiveState=active\nLastTriggerUSec=n/a", f"cron.{USER}": "ExecMainStartTimestamp="}
    assert status.Cron(last=None) == status.cron_of(never, USER)


def test_the_last_run_from_before_a_site_was_disabled_is_told_until_cron_has_run_again() -> None:
    never = {f"timer.{USER}": "ActiveState=active\nLastTriggerUSec=n/a", f"cron.{USER}": "ExecMainStartTimestamp="}
    before = {f"before.{USER}": "ExecMainStartTimestamp=Fri 2026-01-30 02:13:07 UTC\nLastTriggerUSec="}
    assert datetime(2026, 1, 30, 2, 13, 7, tzinfo=UTC) == status.cron_of(never | before, USER).last
    assert datetime(2026, 1, 31, 2, 13, 7, tzinfo=UTC) == status.cron_of(WELL | before, USER).last


def test_the_shell_asks_systemd_in_one_form_of_time(shell: Shell) -> None:
    said = 'systemctl() { if [ "$1" = show ]; then echo "$TZ $LC_ALL $*"; else [ "$2" = apache2 ] && echo active; fi; }'
    facts = shell.check(said, *status.items(["apache2", "nginx"], ["site-a", "site-b"])).report.facts
    assert ("active", "") == (facts["unit.apache2"], facts["unit.nginx"])
    assert facts["cron.site-b"].startswith("UTC C show aegir-cron@site-b.service ")
    assert facts["timer.site-a"].startswith("UTC C show aegir-cron@site-a.timer ")


def test_health_declares_what_was_installed(machines: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[serving.Declared, str, int, str]] = []
    monkeypatch.setattr(serving, "fault", lambda *all_of_it: asked.append(all_of_it))
    seen()
    ((what, address, port, path),) = asked
    assert path.startswith("/?"), "an address that no cache knows"
    assert (SITE, "required", "f" * 64, "10.0.0.2", 80) == (what.site, what.https, what.fingerprint, address, port)


# The drawing.


def test_the_estate_is_drawn_from_the_stack_file() -> None:
    drawn = drawing.draw("testing", declared())
    assert {"hub hub", "server web1", "server db1", "platform code", f"site {SITE}"} == {
        node.key for node in drawn.nodes
    }
    assert {
        ("hub hub", "server web1", "ssh"), ("hub hub", "server db1", "ssh"), ("server web1", "platform code", ""),
        ("platform code", f"site {SITE}", ""), ("server db1", f"site {SITE}", "database"),
    } == {(edge.tail, edge.head, edge.label) for edge in drawn.edges}  # fmt: skip


def test_clusters_and_packs_are_drawn_with_their_members_and_nfs() -> None:
    def web(last: int) -> dict[str, Any]:
        return {"address": f"10.0.1.{last}", "ssh": {"trust": "first-use"}, "services": {"web": "nginx"}}

    groups = {
        "servers__web2": web(2), "servers__web3": web(3), "servers__web4": web(4),
        "clusters": {"twins": {"servers": ["web1", "web2"], "uploads": {"nfs": "filer.example.com:/srv"}}},
        "packs": {"farm": {"master": "web3", "slaves": ["web4"]}},
    }  # fmt: skip
    drawn = drawing.draw("x", declared(**groups))
    assert ("twins", "web cluster", "uploads: NFS from filer.example.com:/srv") in [node.lines for node in drawn.nodes]
    edges = {(edge.tail, edge.head, edge.label, edge.style) for edge in drawn.edges}
    assert ("server web2", "cluster twins", "member", "solid") in edges
    assert ("server web3", "pack farm", "master", "solid") in edges
    assert ("server web4", "pack farm", "slave", "solid") in edges
    assert ("server web3", "server web4", "NFS", "dashed") in edges


def test_health_colours_the_drawing_and_what_was_never_made_is_not_well(machines: dict[str, Any]) -> None:
    machines["site"] = "answers 500"
    more = {"platforms__later": {"server": "web1", "source": "/srv/later"}}
    nodes = {node.key: node for node in drawing.draw("testing", declared(**more), seen()).nodes}
    assert ("ok", "bad", "bad", "") == tuple(
        nodes[key].health for key in ("server web1", f"site {SITE}", "platform later", "hub hub")
    )
    text = drawing.dot(drawing.draw("testing", declared(**more), seen())).source
    assert r"not made yet" in text
    assert drawing.HEALTHY in text
    assert drawing.BROKEN in text


def test_texts_are_no_commands_of_the_drawing() -> None:
    hostile = {"platforms__code__source": '/srv/"]; evil [label=<b>\\N'}
    text = drawing.dot(drawing.draw("testing", declared(**hostile))).source
    assert r'label="code\n/srv/\"]; evil [label=<b>\\N" fillcolor' in text


def test_a_platforms_address_with_a_password_is_not_drawn() -> None:
    source = {"archive": "https://me:secret-word@example.com/x.tgz", "checksum": f"sha256:{'a' * 64}"}
    from aegir_components import settings
    from tests.unit.stacks import config

    read = settings.load(config(platforms__code__source=source), lambda path: path.endswith("archive"))
    assert "secret-word" not in drawing.dot(drawing.draw("x", read)).source


def test_nobody_runs_the_cron_of_a_disabled_site() -> None:
    for enabled in (True, False):
        have = state(Installation={"enabled": enabled}, SiteConfiguration={"cron": "hourly", "enabled": enabled})
        (site,) = have.sites.values()
        assert bool(live.keeper(site)) is enabled


def test_databases_of_before_an_update_are_named_with_their_size(machines: dict[str, Any]) -> None:
    kept = f"{layout.database_name(SITE)}\t20447232\t1769825587\nother_example_com\t7\t1769825587"
    machines["db1"] = {"unit.mysql": "active", "before": kept}
    found = seen()
    assert found.well
    said = rows.tables(found)
    assert f"db1 keeps the database of {SITE} of before its update on 2026-01-31 02:13 UTC, 20.4 MB." in said
    assert any(text.startswith("db1 keeps the database of other_example_com of before") for text in said)
    assert 2 == len(found.plain()["before"])


def test_a_table_that_a_narrow_terminal_has_no_room_for_is_a_list() -> None:
    head, line = ("SITE", "PLATFORM", "RELEASE", "HEALTH"), ("www.example.com", "code", "8839444d5e9257b8", "-")
    wide = ["SITE             PLATFORM  RELEASE           HEALTH", "www.example.com  code      8839444d5e9257b8  -"]
    for columns in (0, 60, 80, 200):
        assert wide == rows.table(head, [line], columns)
    narrow = rows.table(head, [line], 40)
    assert ["www.example.com", "  PLATFORM  code", "  RELEASE   8839444d5e9257b8"] == narrow
    long = ("www.example.com", "code", "8839444d5e9257b8", "x" * 200)
    assert 2 == len(rows.table(head, [long], 60)), "only what comes last is too long"
