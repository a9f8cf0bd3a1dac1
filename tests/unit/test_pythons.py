"""The supported Pythons of a machine, their packages in the cache, and a command that runs on each of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import cast

import pytest

from lab import Host
from tests.integration import hubs
from tools import environments, every_python, paths, pythons, venv
from tools.errors import SetupError
from tools.pythons import Minor

THIS: Minor = (sys.version_info[0], sys.version_info[1])
BESIDES = [version for version in pythons.SUPPORTED if version != THIS]


def put_python(directory: Path, name: str, *, says: str = "", status: int = 0) -> Path:
    """Write a stand-in for an interpreter, which prints a text and exits."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text(f"#!/bin/sh\nprintf '%s\\n' '{says}'\nexit {status}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a machine whose PATH and pyenv are empty, with an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


# Which Pythons there are.


def test_the_tools_check_for_the_oldest_supported_python() -> None:
    settings = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["tool"]

    assert pythons.write_version(pythons.SUPPORTED[0]) == settings["mypy"]["python_version"]
    assert "py" + "".join(map(str, pythons.SUPPORTED[0])) == settings["ruff"]["target-version"]
    assert venv.OLDEST == pythons.SUPPORTED[0]


def test_the_python_of_the_checkout_is_found() -> None:
    assert pythons.find_pythons().keys() >= {THIS}


def test_a_python_on_path_comes_before_the_systems_and_pyenvs_newest_patch_release_before_older_ones(
    machine: Path,
) -> None:
    for patch in ("3.13.9", "3.13.10", "3.13-dev"):
        (machine / "pyenv" / "versions" / patch).mkdir(parents=True)
    names = list(map(str, pythons.list_candidates((3, 13))))

    assert names == [
        f"{machine}/bin/python3.13",
        "/usr/bin/python3.13",
        "/usr/local/bin/python3.13",
        *(f"{machine}/pyenv/versions/{patch}/bin/python3.13" for patch in ("3.13.10", "3.13.9", "3.13-dev")),
    ]


def test_only_the_first_python_of_a_minor_version_that_starts_is_taken(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_python(machine / "bin", "python3.13", says="pyenv: python3.13: command not found", status=127)
    put_python(machine / "pyenv/versions/3.13.9/bin", "python3.13", says="3 12 /opt/of-another-version")
    put_python(machine / "pyenv/versions/3.13.8/bin", "python3.13", says="3 13 /opt/with a blank/python3.13")
    put_python(machine / "pyenv/versions/3.13.7/bin", "python3.13", says="3 13 /opt/older")
    put_python(machine / "bin", "python3.12").chmod(0o644)
    monkeypatch.setattr(pythons, "SUPPORTED", ((3, 12), (3, 13)))
    everywhere = pythons.list_candidates
    monkeypatch.setattr(
        pythons,
        "list_candidates",
        lambda version: (path for path in everywhere(version) if machine in path.parents),
    )

    assert {(3, 13): Path("/opt/with a blank/python3.13")} == pythons.find_pythons()


def test_a_virtual_environments_python_stands_for_the_one_that_it_was_made_from(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "made"], check=True, timeout=60)
    base = Path(sys._base_executable)  # type: ignore[attr-defined]

    assert base == pythons.start_python(tmp_path / "made" / "bin" / "python", THIS)


# Their packages.


@pytest.fixture
def made(machine: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Give the list of environments that venv and pip were asked for; nothing is downloaded."""
    asked: list[Path] = []

    def install(_python: Path, place: Path) -> None:
        asked.append(place)
        (place / "bin").mkdir(parents=True)

    monkeypatch.setattr(venv, "install", install)
    return asked


def test_an_environment_is_made_once_and_again_when_the_requirements_change(
    made: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("pulumi==3.259.0\n")
    monkeypatch.setattr(venv, "REQUIREMENTS", (requirements,))
    python = Path(sys.executable)

    first = environments.ensure_environment(THIS, python)
    assert first == environments.ensure_environment(THIS, python)
    assert [first] == made

    requirements.write_text("pulumi==3.260.0\n")
    second = environments.ensure_environment(THIS, python)
    assert [first, second] == made
    assert first.exists(), "another checkout may still have the former requirements"


def test_an_environment_whose_making_was_interrupted_is_made_again(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Path] = []

    def install(_python: Path, place: Path) -> None:
        assert not place.exists()
        tries.append(place)
        (place / "half").mkdir(parents=True)
        if len(tries) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(venv, "install", install)
    with pytest.raises(KeyboardInterrupt):
        environments.ensure_environment(THIS, Path(sys.executable))
    environments.ensure_environment(THIS, Path(sys.executable))

    assert len(tries) == 2


def test_what_nobody_has_used_for_a_month_is_removed_and_what_is_used_is_kept(made: list[Path]) -> None:
    python = Path(sys.executable)
    place = environments.ensure_environment(THIS, python)
    long_ago = time.time() - (environments.UNUSED_DAYS + 1) * 24 * 3600
    os.utime(place / "whole", (long_ago, long_ago))
    unused = place.with_name("venv-3.11-of-old-requirements")
    unused.mkdir()
    (unused / "whole").touch()
    os.utime(unused / "whole", (long_ago, long_ago))

    assert place == environments.ensure_environment(THIS, python)
    assert not unused.exists()
    assert [place] == made


def test_packages_for_another_version_are_chosen_by_pip_from_the_programs_requirements(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(_what: str, argv: list[str | Path], **_options: object) -> None:
        asked.append([str(word) for word in argv])
        Path(argv[argv.index("--target") + 1]).mkdir()

    monkeypatch.setattr(environments, "run", run)
    place = environments.ensure_packages((3, 12))
    environments.ensure_packages((3, 12))

    (words,) = asked
    assert ["--target", str(place)] == words[words.index("--target") :][:2]
    assert ["--python-version", "3.12"] == words[words.index("--python-version") :][:2]
    assert str(paths.REQUIREMENTS[0]) == words[-1]
    assert place != environments.ensure_packages((3, 13))


# A command on each.


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> dict[Minor, Path]:
    """Give a machine that has all supported Pythons."""
    found = {version: Path(f"/opt/python{pythons.write_version(version)}") for version in pythons.SUPPORTED}
    monkeypatch.setattr(every_python, "find_pythons", lambda: found)
    return found


def test_the_command_runs_on_every_python_but_the_checkouts_own_and_one_failure_fails_it(
    others: dict[Minor, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def ensure(version: Minor, python: Path) -> Path:
        assert others[version] == python
        place = tmp_path / python.name
        program = put_python(place / "bin", "check")
        status = int(version == BESIDES[0])
        program.write_text(f'#!/bin/sh\necho "$VIRTUAL_ENV ${{PATH%%:*}} $*"\nexit {status}\n')
        return place

    monkeypatch.setattr(every_python, "ensure_environment", ensure)
    status = every_python.main(["check", "--all"])
    said = capfd.readouterr()

    assert 1 == status
    for version in BESIDES:
        place = tmp_path / others[version].name
        assert f"{place} {place}/bin --all" in said.out.splitlines()
    assert f"every_python: check failed on Python {pythons.write_version(BESIDES[0])}" in said.err
    assert pythons.write_version(BESIDES[1]) not in said.err
    assert str(others[THIS]) not in said.out


def test_the_farthest_python_stands_for_those_between(
    others: dict[Minor, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = list[Minor]()

    def ensure(version: Minor, python: Path) -> Path:
        tried.append(version)
        raise SetupError("not here")

    monkeypatch.setattr(every_python, "ensure_environment", ensure)
    assert 0 == every_python.main(["--farthest", "pytest"])
    [only] = tried
    assert all(abs(version[1] - THIS[1]) <= abs(only[1] - THIS[1]) for version in others)


def test_a_python_without_ensurepip_is_named_in_one_line_and_skipped(
    machine: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = put_python(machine / "bin", "bare", status=1)
    monkeypatch.setattr(every_python, "find_pythons", lambda: {BESIDES[0]: bare})

    assert 0 == every_python.main(["pytest"])
    name = f"Python {pythons.write_version(BESIDES[0])} ({bare})"
    assert f"setup: {name} is skipped: it has no ensurepip\n" == capsys.readouterr().out
    assert [] == made


def test_a_python_whose_packages_cannot_be_had_is_named_in_one_line_and_skipped(
    others: dict[Minor, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ensure(version: Minor, python: Path) -> Path:
        raise SetupError("installing Python packages failed (exit 1):\n  trying again\n  no network")

    monkeypatch.setattr(every_python, "ensure_environment", ensure)

    assert 0 == every_python.main(["pytest"])
    assert [
        f"setup: Python {pythons.write_version(version)} ({others[version]}) is skipped: "
        "installing Python packages failed (exit 1): no network"
        for version in BESIDES
    ] == capsys.readouterr().out.splitlines()


def test_a_machine_with_one_python_does_nothing_more(
    machine: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(every_python, "find_pythons", lambda: {THIS: Path(sys.executable)})

    assert 0 == every_python.main(["pytest"])
    assert "" == capsys.readouterr().out
    assert not (machine / "cache").exists()


def test_make_test_runs_the_fast_tests_on_two_pythons() -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "test"],
        cwd=paths.ROOT, capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    fast = 'pytest tests/unit tests/provider tests/attacks -m "not lab and not slow"'
    commands = [line.strip() for line in done.stdout.splitlines() if fast in line]

    assert [True, False] == [command.startswith(f"tools/env {fast}") for command in commands]
    assert commands[1].startswith(f"tools/env python -m tools.every_python --farthest {fast}")


# A host of the lab as a hub.


class StandIn:
    """A host that has a Python of some version."""

    def __init__(self, version: Minor) -> None:
        self.version = version

    def run(self, _command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess((), 0, "{} {}\n".format(*self.version), "")


def test_a_host_gets_packages_for_its_own_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkout's Python is not always the one that runs this test, so the checkout is a stand-in as well."""
    own = tmp_path / ".venv" / "lib" / "python3.12" / "site-packages"
    own.mkdir(parents=True)
    monkeypatch.setattr(hubs, "ROOT", tmp_path)
    monkeypatch.setattr(hubs, "ensure_packages", lambda version: Path("/cache", pythons.write_version(version)))

    assert own == hubs.packages_for(cast("Host", StandIn((3, 12))))
    assert Path("/cache/3.11") == hubs.packages_for(cast("Host", StandIn((3, 11))))


def test_a_test_that_needs_packages_which_cannot_be_had_is_skipped_and_says_on_what_it_depends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ensure(version: Minor) -> Path:
        raise SetupError("getting the packages failed (exit 1):\n  no network")

    monkeypatch.setattr(hubs, "ROOT", tmp_path)
    monkeypatch.setattr(hubs, "ensure_packages", ensure)
    with pytest.raises(pytest.skip.Exception) as skipped:
        hubs.packages_for(cast("Host", StandIn((3, 12))))

    assert str(skipped.value).startswith(
        "the host's Python is 3.12, this checkout's is another one, and pip cannot get"
    )
    assert str(skipped.value).endswith("getting the packages failed (exit 1): no network")
