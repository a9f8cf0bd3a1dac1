"""What the operator's commands have in common: which sites, side by side, tagged output, exit statuses, a line for each."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from importlib import resources
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from aegir_components.cli import audit, fleet, main, output, places, selecting
from aegir_components.cli.ends import Refusal
from aegir_components.cli.fleet import Job, Verdict
from aegir_components.cli.made import Site
from aegir_components.cli.main import aegir
from aegir_components.cli.selecting import Selection
from aegir_components.cli.state import State
from aegir_components.deploy import site_command
from aegir_components.deploy.site_command import Command, Place
from aegir_components.inputs.props import MissingInput
from aegir_components.messages import number_of, numbered
from aegir_components.mysql.client import DatabaseError
from aegir_components.remote.errors import CommandTimeout, HostUnreachable, Refused
from aegir_components.remote.stream import Stopped
from tests.unit.made import members as made_members
from tests.unit.made import outputs


def site(name: str, *, platform: str = "code", members: tuple[str, ...] = ("web1",), **made: Any) -> Site:
    installed = {"name": name, "platform": platform, "application": "wordpress", "publish_path": f"/p/{platform}",
                 "docroot": ".", "members": made_members(*members),
                 **made}  # fmt: skip
    return Site(
        identity=made.get("site", name),
        installation=outputs(installed),
        configuration=outputs({}),
        url=f"http://{name}",
    )


FARM = State(
    stack="prod",
    sites={
        each.name: each
        for each in (
            site("a.example.com"), site("b.example.com", members=("web1", "web2")), site("shop.example.org", platform="shop"),
            site("new.example.com", site="old.example.com"), site("d.example.com", application="drupal"),
        )
    },
)  # fmt: skip


def picked(*words: str, **options: Any) -> list[str]:
    chosen = Selection(words=words, **options)
    return [each.name for each in selecting.pick(FARM, chosen, lambda: {"a.example.com": "acme"})]


@pytest.mark.parametrize(
    ("words", "options", "names"),
    [
        (("a.example.com",), {}, ["a.example.com"]),
        (("A.Example.com",), {}, ["a.example.com"]),
        (("?.example.com",), {}, ["a.example.com", "b.example.com", "d.example.com"]),
        (("old.example.com",), {}, ["new.example.com"]),
        (("*",), {"platforms": ("shop",)}, ["shop.example.org"]),
        ((), {"servers": ("web2",)}, ["b.example.com"]),
        ((), {"clients": ("acme",)}, ["a.example.com"]),
        ((), {"applications": ("drupal",)}, ["d.example.com"]),
        ((), {"everything": True}, sorted(FARM.sites)),
    ],
)
def test_sites_are_selected(words: tuple[str, ...], options: dict[str, Any], names: list[str]) -> None:
    assert names == picked(*words, **options)


def test_a_name_that_fits_nothing_is_no_silent_success() -> None:
    with pytest.raises(Refusal, match=r"prod has no site nobody\.example\.com; it has: a\.example\.com"):
        picked("a.example.com", "nobody.example.com")
    with pytest.raises(Refusal, match="no site of prod fits all options that you gave"):
        picked("a.example.com", platforms=("shop",))
    with pytest.raises(click.UsageError, match="name a site"):
        selecting.choose(Selection())


# Side by side.

JOBS = [Job(site=f"s{number}", server=f"web{number % 2}") for number in range(8)]


def silent(_text: str) -> None:
    """Say nothing."""


def well(job: Job, _stop: threading.Event) -> Verdict:
    return Verdict(site=job.site, server=job.server, kind="ok", status=0)


def test_each_server_has_its_bound_and_each_job_a_verdict_in_its_place() -> None:
    at_once: dict[str, int] = {}
    most: dict[str, int] = {}
    guard = threading.Lock()

    def work(job: Job, stop: threading.Event) -> Verdict:
        with guard:
            at_once[job.server] = at_once.get(job.server, 0) + 1
            most[job.server] = max(most.get(job.server, 0), at_once[job.server])
        time.sleep(0.05)
        with guard:
            at_once[job.server] -= 1
        return well(job, stop)

    verdicts = fleet.side_by_side(JOBS, work, per_server=2, tell=silent)
    assert [job.site for job in JOBS] == [verdict.site for verdict in verdicts]
    assert {"web0": 2, "web1": 2} == most
    assert 0 == fleet.exit_status(verdicts)
    assert ["8 sites: 8 ok"] == fleet.summary(verdicts)


@pytest.mark.parametrize(
    ("raised", "kind", "status"),
    [
        (HostUnreachable("web1", "no answer"), "unreachable", 5),
        (Refused("web1", "the site is in use"), "refused", 5),
        (CommandTimeout("web1", "too long"), "late", 4),
        (Stopped(), "interrupted", 130),
    ],
)
def test_what_goes_wrong_for_one_is_a_row_and_the_others_go_on(raised: Exception, kind: str, status: int) -> None:
    def work(job: Job, stop: threading.Event) -> Verdict:
        if job.site == "s3":
            raise raised
        return well(job, stop)

    verdicts = fleet.side_by_side(JOBS, work, tell=silent)
    assert [kind] == [verdict.kind for verdict in verdicts if verdict.kind != "ok"]
    assert status == fleet.exit_status(verdicts)
    assert f"8 sites: 7 ok, 1 {kind}" == fleet.summary(verdicts)[0]
    assert fleet.summary(verdicts)[1].startswith(f"s3: {kind}")


def test_after_so_many_failures_nothing_further_is_begun() -> None:
    def work(job: Job, _stop: threading.Event) -> Verdict:
        return Verdict(site=job.site, server=job.server, kind="failed", status=1)

    verdicts = fleet.side_by_side(
        [Job(site=f"s{n}", server="web") for n in range(5)], work, per_server=1, stop_on=2, tell=silent
    )
    assert ["failed", "failed", "not begun", "not begun", "not begun"] == [verdict.kind for verdict in verdicts]
    assert "not begun: s2, s3, s4" == fleet.summary(verdicts)[-1]


def test_ctrl_c_ends_what_is_at_work_and_tells_what_ran() -> None:
    second = threading.Event()

    def work(job: Job, stop: threading.Event) -> Verdict:
        if job.site == "s0":
            return well(job, stop)
        second.set()
        assert stop.wait(10)
        raise Stopped

    def interrupt() -> None:
        second.wait(10)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    verdicts = fleet.side_by_side([Job(site=f"s{n}", server="web") for n in range(3)], work, per_server=1, tell=silent)
    assert ["ok", "interrupted", "not begun"] == [verdict.kind for verdict in verdicts]
    assert 130 == fleet.exit_status(verdicts)


# Output.


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_many_sites_lines_are_tagged_whole_and_printable() -> None:
    out = Terminal()
    printer = output.Printer(lambda: None, out, out)
    tagged = printer.tagged("a |")
    for piece in (b"one\ntw", b"o\n\n", b"\xff\x1b[31mred\r\n", b"10 %\r20 %\r100 %\n", b"no end"):
        tagged("out", piece)
    tagged.flush()
    assert "a | one\na | two\na | \na | \ufffd?[31mred\na | 10 %\na | 20 %\na | 100 %\na | no end\n" == out.getvalue()


def test_one_sites_bytes_reach_a_file_as_they_are_and_a_terminal_without_what_drives_it() -> None:
    file, terminal = io.TextIOWrapper(io.BytesIO()), Terminal()
    output.Printer(lambda: None, file, file).raw()("out", b"\xff\x1b[31m\x00")
    output.Printer(lambda: None, terminal, terminal).raw()("out", b"\xff\x1b[31m\x00")
    file.seek(0)
    assert b"\xff\x1b[31m\x00" == file.buffer.read()
    assert "\ufffd?[31m?" == terminal.getvalue()


def test_a_pipe_that_closes_stops_the_work_once() -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    stops: list[bool] = []
    printer = output.Printer(lambda: stops.append(True), Closed(), Closed())
    printer.raw()("out", b"x")
    printer.raw()("out", b"y")
    assert [True] == stops
    with pytest.raises(BrokenPipeError):
        printer.check()


def test_a_full_disk_stops_the_work_and_is_named() -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    stops: list[bool] = []
    printer = output.Printer(lambda: stops.append(True), Full(), Full())
    printer.raw()("out", b"x")
    assert [True] == stops
    with pytest.raises(Refusal, match="cannot be written: No space left on device"):
        printer.check()


def test_a_reader_that_has_gone_is_noticed_while_there_is_nothing_to_write() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        output.check_reader(stream)
        os.close(reading)
        with pytest.raises(BrokenPipeError):
            output.check_reader(stream)
    output.check_reader(io.StringIO())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_ended_by_a_signal_ends_as_by_ctrl_c(number: signal.Signals) -> None:
    program = (
        "import click, os, sys, time\n"
        "from aegir_components.cli import main\n"
        "main.aegir.add_command(click.Command('wait', callback=lambda: os.kill(os.getpid(), int(sys.argv[2])),"
        " params=[click.Argument(['signal'], expose_value=False)]))\n"
        "main.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "wait", str(int(number))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 130 == done.returncode, done.stderr
    assert "interrupted; what was done is named above" in done.stderr


@pytest.mark.parametrize(("columns", "length"), [(200, 32), (60, 22), (20, 12)])
def test_tags_are_as_long_as_each_other_and_shortened_on_a_narrow_terminal(columns: int, length: int) -> None:
    made = output.tags(["a.example.com", f"{'b' * 40}.example.com"], columns)
    assert {length} == {len(tag) for tag in made.values()}
    assert made["a.example.com"].startswith("a.") is True
    assert "…" in made[f"{'b' * 40}.example.com"]


# A line for each command.


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["drush", "user:password", "admin", "secret"], "drush user:password +2"),
        (["/usr/bin/wp", "--path=/x", "secret"], "wp +2"),
        (["sh", "-c", "echo secret"], "sh +2"),
        (["env", "PASSWORD=secret", "x"], "env +2"),
        (["drush", "PASSWORD=secret"], "drush +1"),
        (["php", "secret"], "php +1"),
        (["PASSWORD=se/cret", "drush", "x"], "PASSWORD=… +2"),
    ],
)
def test_no_argument_that_may_be_a_secret_is_noted(argv: list[str], said: str) -> None:
    assert said == audit.words(argv)


def test_a_command_leaves_a_line_however_it_ends(tmp_path: Path) -> None:
    with audit.noted(tmp_path, "prod", "run drush cr", sites=["a"], servers=["web1"]) as noting:
        noting.result("1 failed")
    with pytest.raises(KeyboardInterrupt), audit.noted(tmp_path, "prod", "run drush cr"):
        raise KeyboardInterrupt
    with pytest.raises(Refused), audit.noted(tmp_path, "prod", "run drush cr"):
        raise Refused("web1", "no")
    found = list(audit.entries(tmp_path))
    assert ["1 failed", "interrupted", "failed"] == [entry.result for entry in found]
    assert (("a",), ("web1",), "prod", audit.who()) == (found[0].sites, found[0].servers, found[0].stack, found[0].who)
    [file] = (tmp_path / "records/history").iterdir()
    file.write_text(f"not json\n[]\n{file.read_text()}")
    assert 3 == len(list(audit.entries(tmp_path)))


def test_ten_operators_at_once_leave_ten_whole_lines(tmp_path: Path) -> None:
    # One process imports the program and splits into ten: an import takes longer than all the writing.
    program = (
        "import os, sys; from pathlib import Path; from aegir_components.hub import audited as audit\n"
        "parent, children = os.getpid(), []\n"
        "while os.getpid() == parent and len(children) < 10: children.append(os.fork())\n"
        "if os.getpid() == parent: sys.exit(any(os.waitpid(child, 0)[1] for child in children))\n"
        "for _ in range(20): audit.write(Path(sys.argv[1]), audit.Entry(at=1, who='x' * 3000, stack='s', command='c'))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=60, check=True)
    [file] = (tmp_path / "records/history").iterdir()
    assert 200 == len([json.loads(line) for line in file.read_text().splitlines()])


# What the machine is told.

PLACE = Place(site="www.example.com", name="www.example.com", url="https://www.example.com", application="wordpress",
              publish_path="/var/aegir/platforms/code", docroot="web")  # fmt: skip


def test_a_commands_words_reach_it_as_they_are() -> None:
    text = site_command.streamed(PLACE, Command(argv=["sh", "-c", "echo ${HOME} $$ '%n' \"x\""], stdin=b"\xff"))
    # systemd takes two for one, and would put a variable's value in place of one.
    assert "'echo $${HOME} $$$$ '\"'\"'%n'\"'\"' \"x\"'" in text
    assert "printf %s /w== | base64 -d | systemd-run" in text


@pytest.mark.parametrize("name", [*site_command.TOOLS])
def test_the_tools_on_machines_are_posix(name: str) -> None:
    path = Path(str(resources.files("aegir_components.deploy").joinpath("tools", name)))
    assert path.read_text().startswith("#!/bin/sh\n# Written by aegir")
    done = subprocess.run(["sh", "-n", str(path)], capture_output=True, text=True, timeout=10, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    if shutil.which("shellcheck"):
        checked = ["shellcheck", "--shell=sh", str(path)]
        assert 0 == subprocess.run(checked, timeout=30, check=False).returncode


def test_work_for_a_pack_is_its_masters_and_a_clusters_sites_have_their_shares() -> None:
    assert ["web2"] == places.servers(site("a.example.com", members=("web1", "web2"), master="web2"))
    shares = [places.servers(site(f"s{n}.example.com", members=("web1", "web2"))) for n in range(20)]
    assert {"web1", "web2"} == {first for first, *_ in shares}
    assert all({"web1", "web2"} == set(share) for share in shares)


@pytest.mark.parametrize("kind", ["wp-config.php", "settings.php", "drupal7-settings.php", "backdrop-settings.php"])
@pytest.mark.parametrize("case", ["minimal", "full", "hostile"])
def test_the_clients_account_is_that_of_the_settings_file_which_does_not_run(case: str, kind: str) -> None:
    if not shutil.which("php"):
        pytest.skip("php is not installed here")
    program = str(resources.files("aegir_components.deploy").joinpath("tools", "database-client.php"))
    path = Path(__file__).parents[1] / "snapshots" / f"{case}-{kind}"
    environment = {**os.environ, "AEGIR_SETTINGS": str(path), "AEGIR_READ_ONLY": "1"}
    done = subprocess.run(["php", program], capture_output=True, text=True, timeout=20, check=False, env=environment)
    assert 0 == done.returncode, done.stderr
    options = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert {"user", "password", "host", "port", "database", "init-command"} <= options.keys()
    for key in ("user", "database"):
        assert options[key].strip('"') in path.read_text()


@pytest.mark.parametrize(("client", "both"), [("mariadb", False), ("", True)])
def test_a_client_verifies_the_server_and_is_told_no_option_of_another_one(client: str, *, both: bool) -> None:
    if not shutil.which("php"):
        pytest.skip("php is not installed here")
    program = str(resources.files("aegir_components.deploy").joinpath("tools", "database-client.php"))
    path = Path(__file__).parents[1] / "snapshots" / "full-wp-config.php"
    environment = {**os.environ, "AEGIR_SETTINGS": str(path), "AEGIR_CLIENT": client}
    lines = subprocess.run(
        ["php", program], capture_output=True, text=True, timeout=20, check=True, env=environment
    ).stdout.splitlines()
    if not any(line.startswith("ssl-ca=") for line in lines):
        pytest.fail("these settings have no TLS")
    assert "loose-ssl-verify-server-cert" in lines
    assert both is ("loose-ssl-mode=VERIFY_IDENTITY" in lines)


@pytest.mark.parametrize(
    ("made", "said", "number"),
    [
        (None, "the site never came up: run pulumi up --stack prod first", 9025),
        ({"enabled": False}, "To serve it, write `state: enabled` at it and run pulumi up --stack prod", 6541),
        ({"enabled": True}, "", 0),
    ],
)
def test_a_site_for_which_nothing_runs_says_what_to_do_with_a_number(
    made: dict[str, Any] | None, said: str, number: int
) -> None:
    why = Site(identity="www.example.com", installation=None if made is None else outputs(made)).unable("prod")
    assert said in why
    assert bool(said) == bool(why)
    assert number_of(why) == number


def test_wrong_usage_is_shown_with_its_number_and_has_the_status_of_wrong_usage() -> None:
    done = CliRunner().invoke(aegir, ["backup", "--hub", "--due"])
    assert done.exit_code == 2
    assert "or give --all, --due or --hub [AEGIR-9003]" in done.output
    assert "Usage: " in done.output
    unknown = CliRunner().invoke(aegir, ["statsu"])
    assert unknown.exit_code == 2
    assert "Did you mean status? [AEGIR-9007]" in " ".join(unknown.output.split())


def test_inputs_that_the_state_lacks_and_any_other_error_of_ours_are_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(error: Exception) -> str:
        def raising(*_words: Any, **_options: Any) -> None:
            raise error

        monkeypatch.setattr(selecting, "the_stack", raising)
        done = CliRunner().invoke(aegir, ["cache", "clear", "www.example.com"])
        assert done.exit_code == 1
        assert isinstance(done.exception, SystemExit)
        return done.output.strip()

    lacking = MissingInput(numbered(8560, "the inputs of SiteAccounts lack port"))
    assert fail(lacking) == (
        "aegir: the inputs of SiteAccounts lack port, in the state of the stack: run pulumi up, which records what is "
        "there, and this command again [AEGIR-8560]"
    )
    assert fail(DatabaseError(numbered(5001, "db1 does not answer"))) == "aegir: db1 does not answer [AEGIR-5001]"


def test_ctrl_c_imports_nothing_before_it_ends_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_words: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(selecting, "the_stack", interrupted)
    monkeypatch.setattr(main, "_missing_input", lambda: pytest.fail("nobody asked"))
    done = CliRunner().invoke(main.aegir, ["cache", "clear", "www.example.com"])
    assert (done.exit_code, done.output.strip()) == (130, "aegir: interrupted; what was done is named above")
