"""What every script of ours begins with, run by real shells: looks without touching, mends, and takes back."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aegir_components.scripts import script

if TYPE_CHECKING:
    from .conftest import Shell
else:
    Shell = Any

HOSTILE_NAMES = [
    "plain",
    "with space",
    "quote'quote",
    'double"double',
    "dollar$HOME",
    "back`id`tick",
    "-dash",
    "new\nline",
    "star*",
    "bücher",
    "bu\u0308cher",
    "semi;colon",
    "back\\slash",
    "%percent",
]
HOSTILE_CONTENTS = [
    "",
    "\n",
    "no end of line",
    "two\nlines\n",
    "crlf\r\n",
    "quotes ' \" ` $(id) ${HOME} \\ \\n",
    "::drift Zm9v\n::fail Zm9v\n",
    "é\u2028\U0001f40d",
    "nul\0nul",
    "x" * 100_000,
    "\n\n\n",
    "-n",
    "%s%n",
]


def _file(path: Path, content: str, me: str, mine: str, mode: int = 0o640) -> str:
    return script.file(str(path), content, owner=me, group=mine, mode=mode)


def _dir(path: Path, me: str, mine: str, mode: int = 0o750) -> str:
    return script.directory(str(path), owner=me, group=mine, mode=mode)


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def _snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    found = {}
    for path in sorted(root.rglob("*")):
        facts = path.lstat()
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(root))] = (facts.st_mode, content)
    return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "place"
    made.mkdir()
    return made


class TestItems:
    def test_check_names_what_is_missing_and_touches_nothing(
        self, shell: Shell, place: Path, me: str, mine: str
    ) -> None:
        ran = shell.check(
            _dir(place / "d", me, mine), _file(place / "f", "a", me, mine), script.link(str(place / "l"), "f")
        )
        assert 0 == ran.status
        assert (
            f"directory {place}/d: missing",
            f"file {place}/f: missing",
            f"link {place}/l: missing",
        ) == ran.report.drift
        assert () == ran.report.changed
        assert {} == _snapshot(place)

    def test_apply_makes_it_and_a_second_one_does_nothing(self, shell: Shell, place: Path, me: str, mine: str) -> None:
        lines = [
            _dir(place / "d", me, mine, 0o2770),
            _file(place / "d" / "f", "a", me, mine),
            script.link(str(place / "l"), "d/f"),
        ]
        first, second, look = shell.apply(*lines), shell.apply(*lines), shell.check(*lines)
        assert 3 == len(first.report.changed)
        assert () == second.report.changed == second.report.drift == look.report.drift
        assert 0o2770 == (place / "d").stat().st_mode & 0o7777
        assert 0o640 == (place / "d" / "f").stat().st_mode & 0o7777
        assert "a" == (place / "l").read_text()

    def test_names_are_only_names(self, shell: Shell, place: Path, me: str, mine: str) -> None:
        lines = [
            line
            for name in HOSTILE_NAMES
            for line in (
                _dir(place / f"{name}.d", me, mine),
                _file(place / f"{name}.d" / name, f"content of {name}", me, mine),
                script.link(str(place / f"{name}.l"), f"{name}.d/{name}"),
            )
        ]
        ran = shell.apply(*lines)
        assert (0, "") == (ran.status, ran.stderr)
        assert 3 * len(HOSTILE_NAMES) == len(ran.report.changed)
        assert _names(place) == sorted(f"{name}.{end}" for name in HOSTILE_NAMES for end in "dl")
        for name in HOSTILE_NAMES:
            assert f"content of {name}" == (place / f"{name}.l").read_text()
        assert () == shell.check(*lines).report.drift
        gone = shell.apply(
            *(script.no_file(str(place / f"{name}.l")) for name in HOSTILE_NAMES),
            *(script.no_file(str(place / f"{name}.d" / name)) for name in HOSTILE_NAMES),
        )
        assert 2 * len(HOSTILE_NAMES) == len(gone.report.changed)
        assert [] == [path for path in place.rglob("*") if not path.is_dir()]

    def test_content_arrives_byte_by_byte(self, shell: Shell, place: Path, me: str, mine: str) -> None:
        lines = [_file(place / f"{number}", text, me, mine) for number, text in enumerate(HOSTILE_CONTENTS)]
        assert 0 == shell.apply(*lines).status
        for number, text in enumerate(HOSTILE_CONTENTS):
            assert text.encode() == (place / f"{number}").read_bytes()
        assert () == shell.check(*lines).report.drift
        assert len(HOSTILE_CONTENTS) == len(_names(place))

    def test_each_way_to_differ_has_its_word(self, shell: Shell, place: Path, me: str, mine: str) -> None:
        line = _file(place / "f", "a", me, mine)
        shell.apply(line)
        (place / "f").write_text("b")
        assert (f"file {place}/f: content differs",) == shell.check(line).report.drift
        shell.apply(line)
        (place / "f").chmod(0o666)
        assert (f"file {place}/f: is {me}:{mine}:666, not {me}:{mine}:640",) == shell.check(line).report.drift
        assert 1 == len(shell.apply(line).report.changed)
        assert 0o640 == (place / "f").stat().st_mode & 0o777

    def test_the_mode_of_a_directory_is_mended(self, shell: Shell, place: Path, me: str, mine: str) -> None:
        (place / "d").mkdir(mode=0o700)
        line = _dir(place / "d", me, mine, 0o2755)
        assert (f"directory {place}/d: is {me}:{mine}:700, not {me}:{mine}:2755",) == shell.check(line).report.drift
        shell.apply(line)
        assert 0o2755 == (place / "d").stat().st_mode & 0o7777

    def test_a_link_at_a_files_place_is_replaced_and_not_followed(
        self, shell: Shell, place: Path, me: str, mine: str
    ) -> None:
        (place / "theirs").write_text("theirs")
        (place / "f").symlink_to("theirs")
        line = _file(place / "f", "ours", me, mine)
        assert (f"file {place}/f: is a link",) == shell.check(line).report.drift
        shell.apply(line)
        assert "theirs" == (place / "theirs").read_text()
        assert "ours" == (place / "f").read_text()
        assert not (place / "f").is_symlink()

    def test_a_link_that_points_elsewhere_says_where(self, shell: Shell, place: Path) -> None:
        (place / "l").symlink_to("old")
        line = script.link(str(place / "l"), "new")
        assert (f"link {place}/l: points to old, not to new",) == shell.check(line).report.drift
        shell.apply(line)
        assert "new" == str((place / "l").readlink())
        assert ["l"] == _names(place)

    def test_a_link_to_a_directory_is_replaced_and_not_entered(self, shell: Shell, place: Path) -> None:
        (place / "one").mkdir()
        (place / "two").mkdir()
        (place / "l").symlink_to("one")
        shell.apply(script.link(str(place / "l"), "two"))
        assert "two" == str((place / "l").readlink())
        assert [] == _names(place / "one")

    @pytest.mark.parametrize("item", ["file", "link", "directory", "directory by link"])
    def test_what_is_not_ours_is_refused_and_left_as_it_is(
        self, item: str, shell: Shell, place: Path, me: str, mine: str
    ) -> None:
        target = place / "it"
        if item == "directory":
            target.write_text("theirs")
        elif item == "directory by link":
            (place / "theirs").mkdir()
            target.symlink_to("theirs")
        elif item == "link":
            target.write_text("theirs")
        else:
            target.mkdir()
            (target / "theirs").write_text("theirs")
        line = {
            "file": _file(target, "ours", me, mine),
            "link": script.link(str(target), "ours"),
        }.get(item, _dir(target, me, mine))
        before = _snapshot(place)
        ran = shell.apply(line, script.file(f"{place}/never", "x", owner=me, group=mine))
        assert 97 == ran.status
        assert str(target) in ran.failure
        assert "left as it is" in ran.failure
        assert before == _snapshot(place)
        assert 1 == len(shell.check(line).report.drift)

    def test_what_is_gone_already_is_no_deviation(self, shell: Shell, place: Path) -> None:
        ran = shell.apply(script.no_file(str(place / "f")))
        assert ((), ()) == (ran.report.changed, ran.report.drift)

    def test_a_broken_link_is_removed_as_well(self, shell: Shell, place: Path) -> None:
        (place / "l").symlink_to("nowhere")
        assert 1 == len(shell.check(script.no_file(str(place / "l"))).report.drift)
        shell.apply(script.no_file(str(place / "l")))
        assert [] == _names(place)

    def test_a_parent_that_is_missing_is_a_failure_with_the_path(
        self, shell: Shell, place: Path, me: str, mine: str
    ) -> None:
        for line in (_file(place / "no" / "f", "", me, mine), _dir(place / "no" / "d", me, mine)):
            ran = shell.apply(line)
            assert 97 == ran.status
            assert f"{place}/no" in ran.failure

    def test_no_temporary_file_is_left_when_a_write_fails(self, shell: Shell, place: Path, me: str) -> None:
        ran = shell.apply(script.file(str(place / "f"), "a", owner=me, group="no-such-group-here"))
        assert 97 == ran.status
        assert [] == _names(place)


@pytest.mark.slow
class TestAskedAhead:
    """A look asks for all of its items at once; what these answers do not confirm, each item looks at by itself."""

    def lines(self, place: Path, me: str, mine: str) -> list[str]:
        section = [_file(place / "in section", "b", me, mine), script.link(str(place / "l"), "f")]
        return [
            'stat() { fact stat by-itself; command stat "$@"; }',
            'cmp() { fact cmp by-itself; command cmp "$@"; }',
            'readlink() { fact readlink by-itself; command readlink "$@"; }',
            "package_states() { fact package_states by-itself; }",
            _dir(place / "d", me, mine, 0o2770),
            _file(place / "f", "a", me, mine),
            script.transaction("web", section, test=":", reload=":"),
            script.packages(["dpkg", "coreutils"]),
        ]

    def test_what_is_right_costs_no_process_of_its_own(self, shell: Shell, place: Path, me: str, mine: str) -> None:
        lines = self.lines(place, me, mine)
        shell.apply(*lines)

        look = shell.check(*lines)

        assert (0, "", (), {}) == (look.status, look.stderr, look.report.drift, look.report.facts)

    def test_what_is_wrong_is_looked_at_by_itself_and_named(
        self, shell: Shell, place: Path, me: str, mine: str
    ) -> None:
        lines = self.lines(place, me, mine)[4:]
        shell.apply(*lines)
        (place / "f").write_text("b")
        (place / "d").chmod(0o700)
        (place / "l").unlink()
        (place / "l").symlink_to("other")

        look = shell.check(*lines)

        assert (
            f"directory {place}/d: is {me}:{mine}:700, not {me}:{mine}:2770",
            f"file {place}/f: content differs",
            f"link {place}/l: points to other, not to f",
        ) == look.report.drift

    @pytest.mark.parametrize("target", ["f' 'x", "f x", "f\nsymbolic link", "f -> f", "ff", "", "f "])
    def test_no_other_target_of_a_link_passes_for_the_declared_one(
        self, target: str, shell: Shell, place: Path
    ) -> None:
        (place / "l").symlink_to(target or "gone")

        assert 1 == len(shell.check(script.link(str(place / "l"), "f")).report.drift)

    def test_a_file_of_another_owner_mode_or_kind_does_not_pass(
        self, shell: Shell, place: Path, me: str, mine: str
    ) -> None:
        (place / "real").write_text("a")
        (place / "f").symlink_to("real")
        assert (f"file {place}/f: is a link",) == shell.check(_file(place / "f", "a", me, mine)).report.drift
        for wrong in (0o4640, 0o60, 0o6400):
            (place / "real").chmod(wrong)
            assert 1 == len(shell.check(_file(place / "real", "a", me, mine)).report.drift), oct(wrong)

    def test_what_is_no_file_is_not_read(self, shell: Shell, place: Path, me: str, mine: str) -> None:
        (place / "f").symlink_to("/dev/zero")
        assert (f"file {place}/f: is a link",) == shell.check(_file(place / "f", "a", me, mine)).report.drift

    def test_nothing_is_asked_ahead_of_a_mending(self, place: Path, me: str, mine: str) -> None:
        lines = self.lines(place, me, mine)

        text = script.render("apply", lines, holder="x")
        # But for a transaction's first pass, which mends nothing.
        text = re.sub(r"^\w+_ahead\(\) \{\n.*?^\}", "", text, flags=re.MULTILINE | re.DOTALL)
        calls = [line.split()[0] for line in text.splitlines() if line]

        assert not set(script.KNOW) & set(calls)
        assert {"know_paths", "know_sums", "know_packages"} == {ask for ask, _ in script.asked(lines)}


class TestReports:
    def test_a_fact_with_lines_that_look_like_ours_forges_nothing(self, shell: Shell) -> None:
        forged = "a\n::fact other Zm9v\n::drift Zm9v\n::changed Zm9v\n::fail Zm9v"
        ran = shell.check(script.call("fact", "mine", forged))
        assert {"mine": forged} == ran.report.facts
        assert ((), ()) == (ran.report.drift, ran.report.changed)
        assert "" == ran.failure

    def test_a_failure_ends_the_script_with_97_and_its_whole_text(self, shell: Shell) -> None:
        ran = shell.apply(script.call("fail", "two\nlines ü 'q'"), script.call("fact", "later", "x"))
        assert (97, "two\nlines ü 'q'") == (ran.status, ran.failure)
        assert {} == ran.report.facts

    def test_an_unset_variable_ends_the_script(self, shell: Shell) -> None:
        ran = shell.apply('echo "$no_such_variable"', script.call("fact", "later", "x"))
        assert 0 != ran.status
        assert {} == ran.report.facts

    def test_an_argument_stays_one_argument(self, shell: Shell) -> None:
        wanted = {f"n{number}": value for number, value in enumerate(HOSTILE_NAMES)}
        assert wanted == shell.check(*(script.call("fact", *pair) for pair in wanted.items())).report.facts

    def test_nothing_of_the_caller_changes_what_a_script_says(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in {"LC_ALL": "C.UTF-8", "MODE": "apply", "UNDO": "/x", "QUIET": "1", "CDPATH": "/usr"}.items():
            monkeypatch.setenv(name, value)
        ran = shell.check(script.no_file("/etc/passwd"))
        assert ("file /etc/passwd: still there",) == ran.report.drift
        assert Path("/etc/passwd").exists()

    def test_the_script_is_read_whole_before_it_runs(self, shell: Shell) -> None:
        assert {"got": "", "after": "yes"} == shell.check(
            'fact got "$(cat)"', script.call("fact", "after", "yes")
        ).report.facts


class TestTransactions:
    """A daemon's configuration changes as a whole, or not at all."""

    def lines(self, place: Path, me: str, mine: str, *, test: str = "passes", reload: str = "reloads") -> list[str]:
        log = shlex.quote(str(place.parent / "log"))
        return [
            f"passes() {{ echo test >>{log}; }}",
            f"reloads() {{ echo reload >>{log}; }}",
            f"refuses() {{ echo test >>{log}; echo 'line 7 is wrong' >&2; ! grep -q new {shlex.quote(str(place))}/f; }}",
            "no_reload() { echo 'unit failed'; return 1; }",
            "dies() { kill -9 $$; }",
            script.transaction(
                "web",
                [
                    _file(place / "f", "new", me, mine),
                    _file(place / "added", "new", me, mine),
                    script.link(str(place / "l"), "new"),
                    script.no_file(str(place / "old")),
                ],
                test=test,
                reload=reload,
            ),
        ]

    @pytest.fixture
    def before(self, place: Path) -> dict[str, tuple[int, bytes]]:
        (place / "f").write_text("before")
        (place / "f").chmod(0o604)
        (place / "l").symlink_to("before")
        (place / "old").write_text("old")
        return _snapshot(place)

    def log(self, place: Path) -> list[str]:
        path = place.parent / "log"
        return path.read_text().split() if path.exists() else []

    @pytest.mark.usefixtures("before")
    def test_all_of_it_is_made_then_tested_then_reloaded_once(
        self, shell: Shell, place: Path, me: str, mine: str
    ) -> None:
        ran = shell.apply(*self.lines(place, me, mine))
        assert 0 == ran.status
        assert 4 == len(ran.report.changed)
        assert "new" == (place / "f").read_text() == (place / "added").read_text()
        assert sorted(["added", "f", "l"]) == (_names(place))
        assert ["test", "reload"] == self.log(place)
        assert [] == _names(shell.undo)

    def test_what_was_asked_ahead_is_forgotten_where_it_is_mended(
        self, shell: Shell, place: Path, me: str, mine: str
    ) -> None:
        right, wrong = place / "right", place / "wrong"
        right.write_text("new")
        right.chmod(0o640)
        item = _file(right, "new", me, mine)
        gone = f'[ "$MODE" != apply ] || rm -f {shlex.quote(str(right))}'
        ran = shell.apply(script.transaction("web", [gone, item, _file(wrong, "new", me, mine)], test=":", reload=":"))
        assert (f"file {right}: missing", f"file {wrong}: missing") == ran.report.changed
        assert "new" == right.read_text()

    @pytest.mark.usefixtures("before")
    def test_nothing_to_do_is_no_test_and_no_reload(self, shell: Shell, place: Path, me: str, mine: str) -> None:
        shell.apply(*self.lines(place, me, mine))
        (place.parent / "log").unlink()
        ran = shell.apply(*self.lines(place, me, mine))
        assert ((), ()) == (ran.report.changed, ran.report.drift)
        assert [] == self.log(place)

    def test_a_look_names_each_item_and_touches_nothing(
        self, shell: Shell, place: Path, me: str, mine: str, before: dict[str, Any]
    ) -> None:
        ran = shell.check(*self.lines(place, me, mine))
        assert 4 == len(ran.report.drift)
        assert before == _snapshot(place)
        assert [] == self.log(place)

    def test_a_configuration_that_fails_its_test_is_taken_back_whole(
        self, shell: Shell, place: Path, me: str, mine: str, before: dict[str, Any]
    ) -> None:
        ran = shell.apply(*self.lines(place, me, mine, test="refuses"))
        assert 97 == ran.status
        assert "line 7 is wrong" in ran.failure
        assert "rolled back" in ran.failure
        assert before == _snapshot(place)
        assert "reload" not in self.log(place)
        assert [] == _names(shell.undo)

    def test_a_reload_that_fails_takes_it_back_as_well(
        self, shell: Shell, place: Path, me: str, mine: str, before: dict[str, Any]
    ) -> None:
        ran = shell.apply(*self.lines(place, me, mine, reload="no_reload"))
        assert 97 == ran.status
        assert "unit failed" in ran.failure
        assert before == _snapshot(place)

    def test_what_was_broken_before_and_stays_broken_is_said_and_nothing_changes(
        self, shell: Shell, place: Path, me: str, mine: str, before: dict[str, Any]
    ) -> None:
        lines = ["broken() { echo 'their line 3'; return 1; }", *self.lines(place, me, mine, test="broken")]
        ran = shell.apply(*lines)
        assert 97 == ran.status
        assert "their line 3" in ran.failure
        assert "already does not pass" in ran.failure
        assert before == _snapshot(place)

    @pytest.mark.parametrize("where", ["in the test", "in the reload"])
    def test_a_killed_run_is_taken_back_by_the_next_one_which_then_does_it(
        self, where: str, shell: Shell, place: Path, me: str, mine: str, before: dict[str, Any]
    ) -> None:
        killed = {"test": "dies_later"} if where == "in the test" else {"reload": "dies"}
        later = f"dies_later() {{ ! grep -q new {shlex.quote(str(place))}/f || kill -9 $$; }}"
        assert -9 == shell.apply(later, *self.lines(place, me, mine, **killed)).status
        assert "new" == (place / "f").read_text()
        waiting = shell.check(*self.lines(place, me, mine)).report.drift
        assert "web: an interrupted change waits to be rolled back" in waiting
        ran = shell.apply(*self.lines(place, me, mine))
        assert 0 == ran.status
        assert 1 == self.log(place).count("reload")
        assert [] == _names(shell.undo)
        assert "new" == (place / "f").read_text()

    def test_a_run_killed_between_two_items_is_taken_back_to_what_was(
        self, shell: Shell, place: Path, me: str, mine: str, before: dict[str, Any]
    ) -> None:
        items = [_file(place / "f", "new", me, mine), "kill_now", _file(place / "added", "new", me, mine)]
        transaction = script.transaction("web", items, test=":", reload=":")
        now = 'kill_now() { [ "$MODE" != apply ] || kill -9 $$; }'
        assert -9 == shell.apply(now, transaction).status
        assert "new" == (place / "f").read_text()
        refused = script.transaction("web", [_file(place / "f", "bad", me, mine)], test="is_good", reload=":")
        good = f"is_good() {{ grep -q before {shlex.quote(str(place))}/f; }}"
        assert 97 == shell.apply(good, refused).status
        assert before == _snapshot(place)

    def test_an_item_that_refuses_leaves_the_rest_to_be_taken_back(
        self, shell: Shell, place: Path, me: str, mine: str, before: dict[str, Any]
    ) -> None:
        (place / "added").mkdir()
        with_directory = _snapshot(place)
        ran = shell.apply(*self.lines(place, me, mine))
        assert 97 == ran.status
        shell.apply(script.transaction("web", [_file(place / "f", "x", me, mine)], test="false", reload=":"))
        assert with_directory == _snapshot(place)

    def test_a_changed_owner_of_a_file_comes_back_too(self, shell: Shell, place: Path, me: str, mine: str) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can give files away")
        (place / "f").write_text("before")
        os.chown(place / "f", 65534, 65534)
        shell.apply(*self.lines(place, me, mine, test="refuses"))
        assert (65534, "before") == ((place / "f").stat().st_uid, (place / "f").read_text())


class TestMachine:
    def test_a_second_run_waits_and_says_who_is_at_work(self, shell: Shell) -> None:
        text = "\n".join([script.call("machine_lock", "5", "stack one"), "exec sleep 60"])
        started = subprocess.Popen([*shell.argv, "-c", _whole(shell, text)], stdout=subprocess.DEVNULL)
        try:
            holder = shell.root / "run/aegir/private/holder"
            deadline = time.monotonic() + 5
            while not holder.exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            ran = shell.apply(script.call("machine_lock", "0", "stack two"))
            assert 97 == ran.status
            assert "stack one" in ran.failure
        finally:
            started.kill()
            started.wait()

    def test_a_lock_ends_with_its_run(self, shell: Shell) -> None:
        for name in ("one", "two"):
            assert 0 == shell.apply(script.call("machine_lock", "0", name)).status

    @pytest.mark.parametrize(
        ("release", "shown"),
        [
            ('PRETTY_NAME="Alpine Linux v3.20"\nID=alpine\n', "Alpine Linux v3.20"),
            ('PRETTY_NAME="Fedora Linux 41"\nID=fedora\nID_LIKE="rhel"\n', "Fedora Linux 41"),
            ("ID=notdebian\n", "notdebian"),
            ("", "unknown"),
        ],
    )
    def test_another_system_is_refused_with_its_name(self, release: str, shown: str, shell: Shell) -> None:
        (shell.root / "etc").mkdir()
        (shell.root / "etc/os-release").write_text(release)
        ran = shell.apply("debian_only")
        assert 97 == ran.status
        assert ran.failure.startswith(f"this machine runs {shown}; ")
        assert "Debian 11 to 13" in ran.failure

    def test_missing_packages_are_one_deviation_that_names_them(self, shell: Shell) -> None:
        ran = shell.check(script.packages(["dpkg", "no-such-package-a", "no-such-package-b"]))
        assert ("packages missing: no-such-package-a no-such-package-b",) == ran.report.drift

    def test_the_declared_php_comes_before_the_newest_one(self, shell: Shell) -> None:
        for version in ("7.4", "8.10", "8.2"):
            (shell.root / "etc/php" / version / "fpm").mkdir(parents=True)
        (shell.root / "etc/php/9.0/cli").mkdir(parents=True)
        assert {"php": "8.10"} == shell.check('fact php "$(php_version)"').report.facts
        (shell.root / "var/lib/aegir/php").write_text("7.4")
        assert {"php": "7.4"} == shell.check('fact php "$(php_version)"').report.facts

    def test_without_php_there_is_no_version(self, shell: Shell) -> None:
        assert {"php": ""} == shell.check('fact php "$(php_version)"').report.facts

    def test_an_account_of_somebody_elses_is_refused(self, shell: Shell) -> None:
        line = script.call("want_user", "root", "/var/aegir", "/bin/sh", "", "")
        assert 1 == len(shell.check(line).report.drift)
        ran = shell.apply(line)
        assert 97 == ran.status
        assert "/root" in ran.failure

    def test_an_account_with_other_numbers_is_refused_with_both(self, shell: Shell) -> None:
        ran = shell.apply(script.call("want_user", "root", "/root", "/bin/bash", "950", "951"))
        assert 97 == ran.status
        assert "0:0" in ran.failure
        assert "950:951" in ran.failure

    def test_a_missing_account_is_drift(self, shell: Shell) -> None:
        ran = shell.check(script.call("want_user", "no-such-user-x", "/var/aegir", "/bin/sh", "", ""))
        assert ("user no-such-user-x: missing",) == ran.report.drift

    def test_another_user_gets_neither_our_rights_nor_our_input(self, shell: Shell) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can become another user")
        ran = shell.apply(
            'fact who "$(as_user nobody ' + shlex.quote(script.encoded("id -un; cat")) + ')"',
            script.call("fact", "after", "yes"),
        )
        assert {"who": "nobody", "after": "yes"} == ran.report.facts


def _whole(shell: Shell, text: str) -> str:
    rendered = script.render("apply", [text], holder="x", lock=False)
    return rendered.replace("/run/aegir", f"{shell.root}/run/aegir").replace(
        "/var/lib/aegir", f"{shell.root}/var/lib/aegir"
    )
