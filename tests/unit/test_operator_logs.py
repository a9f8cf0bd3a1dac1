"""Lines of logs as web servers, PHP and systemd write them: their times, what was slow, and requests counted by the machine."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner

from aegir_components.cli import logs, selecting, top
from aegir_components.cli.made import Site
from aegir_components.cli.main import aegir
from aegir_components.cli.moments import MOMENT, age
from aegir_components.facts import site_logs
from aegir_components.facts.site_logs import Line, Traffic
from aegir_components.scripts import libraries, script
from tests.unit.made import members, outputs

TWO_EAST = timezone(timedelta(hours=2))
AT = datetime(2026, 11, 29, 6, 58, 19, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ('192.0.2.1 - - [29/Nov/2026:08:58:19 +0200] "GET / HTTP/1.1" 200 3 "-" "x" 12', AT),
        ("[Sun Nov 29 08:58:19.500000 2026] [proxy_fcgi:error] [pid 1] AH01071: x", AT + 0.5),
        ("2026/11/29 08:58:19 [error] 12#12: *3 FastCGI sent in stderr", AT),
        ("[29-Nov-2026 08:58:19] WARNING: [pool x] child 1", AT),
        ("[29-Nov-2026 08:58:19.250000] NOTICE: x", AT + 0.25),
        (f"{AT:.0f}.250000 systemd[1]: Started", AT + 0.25),
        ("#0 /code/index.php(3): main()", None),
        ("[31/Nov/2026:08:58:19 +0200]", None),
        ("[29/Nov/2026:99:58:19 +0200]", None),
        ("[29/Foo/2026:08:58:19 +0200]", None),
        ("", None),
    ],
)
def test_every_log_has_its_way_to_write_a_time(text: str, at: float | None) -> None:
    assert at == site_logs.time_of(text, TWO_EAST)


def test_a_line_without_a_time_goes_on_from_the_one_before_and_php_has_its_kind() -> None:
    line = site_logs.read("web1", "error 2026/11/29 06:58:19 [error] PHP message: PHP Fatal error", UTC)
    assert ("php", AT) == (line.kind, line.at)
    assert line.at == site_logs.read("web1", "error #0 main()", UTC, line.at).at
    assert "systemd[1]: Started" == site_logs.read("web1", f"cron {AT:.0f}.000000 systemd[1]: Started", UTC).text


@pytest.mark.parametrize(("text", "hours"), [("+0200", 2), ("-0530", -5.5), ("nonsense", 0), ("", 0)])
def test_a_machine_says_its_offset(text: str, hours: float) -> None:
    assert timedelta(hours=hours) == site_logs.offset(text).utcoffset(None)


def test_a_slow_request_has_its_stack_where_fpm_may_look() -> None:
    lines = [
        "php [29-Nov-2026 06:58:19] WARNING: [pool site-x] child 9, script '/r/index.php' (request: \"GET /a?b\") "
        "executing too slow (5.26 sec), logging",
        "php [29-Nov-2026 06:59:19] WARNING: [pool site-x] child 9, script '/r/other.php' (request: \"POST /b\") "
        "executing too slow (9.00 sec), logging",
        "slow [29-Nov-2026 06:58:19]  [pool site-x] pid 9",
        "slow script_filename = /r/index.php",
        "slow [0x00007f0000000001] sleep() /r/slow.php:3",
        "slow [0x00007f0000000002] main() /r/index.php:9",
    ]
    known, before = [], 0.0
    for text in lines:
        known.append(site_logs.read("web1", text, UTC, before))
        before = known[-1].at
    first, second = site_logs.slow(known)
    assert ("GET /a?b", 5.26) == (first.request, first.seconds)
    assert ("sleep() /r/slow.php:3", "main() /r/index.php:9") == first.stack
    assert () == second.stack


def library(tmp_path: Path) -> str:
    text = libraries.functions("logs")
    return text.replace("LOGS=/var/log/aegir", f"LOGS={tmp_path}")


def run(tmp_path: Path, *calls: str) -> script.Report:
    text = script.render("check", [library(tmp_path), *calls], holder="a test")
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=20, check=True)
    return script.parse(done.stdout)


@pytest.mark.parametrize("awk", ["mawk", "gawk", "busybox"])
def test_requests_are_counted_on_the_machine(tmp_path: Path, awk: str) -> None:
    if not shutil.which(awk):
        pytest.skip(f"{awk} is not installed")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "awk").write_text(f'#!/bin/sh\nexec {"busybox awk" if awk == "busybox" else awk} "$@"\n')
    (bin_ / "awk").chmod(0o755)
    now = datetime.now().astimezone()

    def line(ago: int, status: str, took: str, request: str = "GET / HTTP/1.1") -> str:
        at = (now - timedelta(minutes=ago)).strftime("%d/%b/%Y:%H:%M:%S %z")
        return f'192.0.2.1 - - [{at}] "{request}" {status} 1000 "-" "agent \\"x\\""{took}\n'

    (tmp_path / "a.access.log.1").write_text(line(2, "200", " 500000") + line(2, "200", " 90000"))
    (tmp_path / "a.access.log").write_text(
        line(60, "500", " 1")
        + line(1, "503", " 0.250")
        + line(1, "404", "")
        + "no line at all\n"
        + line(1, "abc", " 7")
    )
    report = run(tmp_path, f"PATH={bin_}:$PATH", "traffic 5 a none")
    a, none = site_logs.traffic(report.facts)
    assert Traffic(site="a", requests=4, seconds=0.84, longest=0.5, client_errors=1, server_errors=1, bytes=4000) == a
    assert ("none", 0) == (none.site, none.requests)


def test_the_last_lines_of_a_log_and_of_the_one_before_it_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.error.log.1").write_text("one\ntwo\n")
    (tmp_path / "a.error.log").write_text("three\n")
    text = script.render("check", [library(tmp_path), "site_log_lines 0 error 2 user a '' ''"], holder="a test")
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=20, check=True)
    assert "0 error two\n0 error three\n" == done.stdout


def test_a_site_of_a_cluster_is_added_up() -> None:
    site = Site(identity="a", installation=outputs({"name": "a", "members": members("web1", "web2")}))
    part = {"site": "a", "client_errors": 0, "bytes": 500_000}
    found = {
        "web1": [Traffic(requests=10, seconds=1.0, longest=0.5, server_errors=1, **part)],  # type: ignore[arg-type]
        "web2": [Traffic(requests=30, seconds=7.0, longest=3.0, server_errors=2, **part)],  # type: ignore[arg-type]
    }
    [row] = top.added([site], found, 5)
    assert (40, 8.0, 0.2, 3.0, 3, 1.0) == (
        row.requests, row.per_minute, row.average, row.longest, row.server_errors, row.megabytes
    )  # fmt: skip


def test_of_a_site_whose_servers_do_not_answer_no_requests_are_no_figure() -> None:
    sites = [
        Site(identity=name, installation=outputs({"name": name, "members": members(name)}))
        for name in ("quiet", "dark")
    ]
    assert [("quiet", 0)] == [(row.site, row.requests) for row in top.added(sites, {"quiet": []}, 5)]


@pytest.mark.parametrize(
    "facts", [{}, {"traffic": ""}, {"traffic": "a 1 2\nb x 2 3 4 5 6"}, {"traffic": "a -1 2 3 4 5 6"}]
)
def test_what_a_machine_makes_up_is_passed_over(facts: dict[str, str]) -> None:
    assert [] == site_logs.traffic(facts)


@pytest.mark.parametrize(("text", "ago"), [("90s", 90), ("15min", 900), ("15m", 900), ("2h", 7200), ("3d", 259_200)])
def test_an_age_is_a_time(text: str, ago: int) -> None:
    now = datetime.now(UTC).timestamp()
    assert abs(now - ago - MOMENT.convert(text, None, None)) < 5
    assert AT == MOMENT.convert("2026-11-29T06:58:19", None, None)
    with pytest.raises(click.BadParameter, match="is no time; write an age"):
        MOMENT.convert("yesterday", None, None)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (100, "100 s"), (7200, "2 h"), (300_000, "3 d"), (600, "10 min")]
)
def test_an_age_is_said_in_its_largest_unit(seconds: float, said: str) -> None:
    assert said == age(seconds)


def test_a_line_is_json() -> None:
    line: Any = Line(at=AT, server="web1", kind="error", text="x")
    assert "2026-11-29 06:58:19" == site_logs.shown(line)
    assert json.dumps({"at": line.at})


@pytest.mark.parametrize(("since", "said"), [([], "no line of error, php"), (["--since", "2h"], "php in this time")])
def test_logs_without_a_line_say_so(since: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selecting, "choose", lambda _selection: SimpleNamespace(sites=()))
    monkeypatch.setattr(logs, "gather", lambda *_, **__: ([], {}))
    words = ["logs", "www.example.com", "--kind", "error", "--kind", "php", *since]
    done = CliRunner().invoke(aegir, words)
    assert 0 == done.exit_code, done.output
    assert said in done.output
