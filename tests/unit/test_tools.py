"""Set-up: which way to the engine is taken, what is downloaded, and what `tools/env` hands on."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from tools import golang, lock, modules, onpath, packages, paths, pins, process, programs, release, venv, versions, ways
from tools.errors import SetupError, WayClosed
from tools.versions import OnPath

REQUIRED = ">=3.259.0 <4.0.0"


# Versions, and which way is open.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v3.259.0", (3, 259, 0)),
        ("3.259.0", (3, 259, 0)),
        ("go1.25", (1, 25, 0)),
        ("go version go1.19.8 linux/amd64", (1, 19, 8)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("v3.260.0-alpha.1753", None),
        ("go version go1.26rc1 linux/amd64", None),
        ("", None),
        ("dev", None),
    ],
)
def test_a_version_is_read_and_one_before_a_release_is_none(text: str, expected: versions.Version | None) -> None:
    assert expected == versions.parse(text)


@pytest.mark.parametrize(
    ("required", "version", "expected"),
    [
        (REQUIRED, (3, 259, 0), True),
        (REQUIRED, (3, 258, 9), False),
        (REQUIRED, (3, 1000, 0), True),
        (REQUIRED, (4, 0, 0), False),
        ("3.259.0", (3, 259, 0), True),
        ("=3.259.0", (3, 259, 1), False),
        (">3.259.0", (3, 259, 0), False),
        ("<=3.259.0", (3, 259, 0), True),
    ],
)
def test_a_range_of_versions_accepts_what_lies_in_it(required: str, version: versions.Version, expected: bool) -> None:
    assert expected is versions.accepts(required, version)


@pytest.mark.parametrize("required", ["~3.259.0", ">=3.x", "!=3.259.0"])
def test_a_range_that_cannot_be_read_is_refused(required: str) -> None:
    with pytest.raises(ValueError, match="requiredPulumiVersion"):
        versions.accepts(required, (3, 259, 0))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (OnPath(version="v3.259.0", language_host=True), None),
        (OnPath(version="v3.300.1", language_host=True), None),
        (OnPath(), "not on PATH"),
        (
            OnPath(version="v3.100.0", language_host=True),
            f"the one on PATH is v3.100.0, {REQUIRED} is required",
        ),
        (OnPath(version="v4.0.0", language_host=True), f"the one on PATH is v4.0.0, {REQUIRED} is required"),
        (OnPath(version="v3.259.0"), "the one on PATH has no pulumi-language-python"),
        (OnPath(version="", language_host=True), "the one on PATH is of version (none), no release"),
    ],
)
def test_the_pulumi_on_path_serves_or_it_is_said_why_not(found: OnPath, expected: str | None) -> None:
    assert expected == versions.why_not(found, REQUIRED)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("go version go1.25.11 linux/amd64", True),
        ("go version go1.26.0 linux/amd64", True),
        ("go version go1.25.10 linux/amd64", False),
        ("go version go1.19.8 linux/amd64", False),
        (None, False),
    ],
)
def test_a_go_serves_from_the_version_on_that_the_engine_asks_for(found: str | None, expected: bool) -> None:
    assert expected is versions.go_serves(found, (1, 25, 11))


# One version everywhere.


def test_engine_and_sdk_have_one_version_in_all_files() -> None:
    version = paths.read_pins().engine
    core = (paths.ROOT / "tools/engine/core/go.mod").read_text()

    assert f"github.com/pulumi/pulumi/pkg/v3 v{version}\n" in core
    assert f"github.com/pulumi/pulumi/sdk/v3 v{version} " in core


def test_pulumi_yaml_accepts_the_pinned_engine() -> None:
    pins = paths.read_pins()
    version = versions.parse(pins.engine)

    assert version is not None
    assert versions.accepts(pins.required, version)


def test_the_pinned_toolchain_is_the_go_that_the_engine_asks_for() -> None:
    pinned = (paths.ROOT / "tools/engine/toolchain.sum").read_text()

    assert f" v0.0.1-go{golang.required()}.linux-amd64 h1:" in pinned


def test_every_requirement_is_exact_with_its_hashes_and_every_direct_one_says_why_it_is_there() -> None:
    for path in paths.REQUIREMENTS:
        file = pins.read(path.read_text())
        assert file.asked
        assert file.text() == path.read_text(), "nothing stands there that is no pin"
        assert [] == [pin.name for pin in file.asked if not pin.reason]
        assert [] == [pin.name for pin in (*file.asked, *file.needed) if not pin.hashes]


def test_a_toolchain_of_another_sum_than_the_pinned_one_is_not_used() -> None:
    pinned = "golang.org/toolchain v0.0.1-go1.25.11.linux-amd64 h1:good=\n"

    golang.check_sum(pinned, "v0.0.1-go1.25.11.linux-amd64", "h1:good=")
    golang.check_sum(pinned, "v0.0.1-go1.25.11.linux-arm64", "h1:not-listed=")
    with pytest.raises(SetupError, match="not the pinned one"):
        golang.check_sum(pinned, "v0.0.1-go1.25.11.linux-amd64", "h1:bad=")


# The release archive.


def archive(*names: str) -> bytes:
    """Pack a release archive as Pulumi does, each program holding its own name."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    return out.getvalue()


def host(packed: bytes, listed: bytes) -> release.Fetch:
    """Stand in for Pulumi's hosts: ``packed`` is what they send, ``listed`` what their checksum is of."""

    def fetch(url: str) -> bytes:
        if url.endswith("-checksums.txt"):
            name = release.archive_name("3.259.0", os.uname().sysname, os.uname().machine)
            return f"{'0' * 64}  other.tar.gz\n{hashlib.sha256(listed).hexdigest()}  {name}\n".encode()
        return packed

    return fetch


def test_a_release_that_has_its_published_sum_is_unpacked_executable(tmp_path: Path) -> None:
    packed = archive("pulumi/pulumi", "pulumi/pulumi-language-python")

    release.get("3.259.0", tmp_path / "bin", host(packed, packed))

    assert {"pulumi", "pulumi-language-python"} == {file.name for file in (tmp_path / "bin").iterdir()}
    assert os.access(tmp_path / "bin" / "pulumi", os.X_OK)


def test_a_release_that_has_another_sum_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="was expected: it is not used"):
        release.get("3.259.0", tmp_path / "bin", host(archive("pulumi/pulumi"), b"something else"))

    assert not (tmp_path / "bin").exists()


def test_no_archive_writes_outside_its_directory(tmp_path: Path) -> None:
    release.unpack(archive("../../outside", "/pulumi/pulumi"), tmp_path / "bin")

    assert {"bin"} == {file.name for file in tmp_path.iterdir()}


def test_a_list_of_checksums_without_the_archive_closes_the_way() -> None:
    with pytest.raises(WayClosed, match=r"does not name pulumi\.tar\.gz"):
        release.published_sum("0123  pulumi.tar.gz\n" + "0" * 64 + "  other.tar.gz\n", "pulumi.tar.gz")


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("Linux", "x86_64", "pulumi-v3.259.0-linux-x64.tar.gz"),
        ("Linux", "aarch64", "pulumi-v3.259.0-linux-arm64.tar.gz"),
        ("Darwin", "arm64", "pulumi-v3.259.0-darwin-arm64.tar.gz"),
    ],
)
def test_the_archive_is_named_as_pulumi_names_it(system: str, machine: str, expected: str) -> None:
    assert expected == release.archive_name("3.259.0", system, machine)


def test_a_machine_without_a_release_closes_the_way() -> None:
    with pytest.raises(WayClosed, match="none for Linux on riscv64"):
        release.archive_name("3.259.0", "Linux", "riscv64")


# Getting it once.


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a `.venv` and a cache that are both empty, and no Pulumi on PATH."""
    (tmp_path / ".venv").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(ways, "ENGINE_LINK", tmp_path / ".venv" / "engine")
    monkeypatch.setattr(ways, "look_on_path", lambda: (OnPath(), None))
    return tmp_path


def unreachable(version: str, into: Path) -> None:
    """Stand in for a release that cannot be had."""
    raise WayClosed("the host is not reachable")


def builder(log: list[str]) -> object:
    """Stand in for the build from modules; it logs that it ran."""

    def build(version: str, into: Path, scratch: Path) -> None:
        log.append(version)
        into.mkdir(parents=True)
        (into / "pulumi").touch()

    return build


def test_where_the_others_are_closed_the_third_way_is_taken_once(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built: list[str] = []
    monkeypatch.setattr(release, "get", unreachable)
    monkeypatch.setattr(modules, "build", builder(built))

    ways.ensure()
    said = capsys.readouterr().out
    ways.ensure()

    assert [paths.read_pins().engine] == built
    assert "pulumi: not on PATH; release archive: the host is not reachable; building from Go modules" in said
    assert capsys.readouterr().out == ""
    assert (checkout / ".venv" / "engine" / "pulumi").exists()
    assert (checkout / ".venv" / "engine" / ".." / paths.BUILT_MARK).exists()


def test_a_second_checkout_finds_the_engine_of_the_first(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    monkeypatch.setattr(release, "get", unreachable)
    monkeypatch.setattr(modules, "build", builder(built))

    ways.ensure()
    (checkout / ".venv" / "engine").unlink()
    ways.ensure()

    assert len(built) == 1
    assert (checkout / ".venv" / "engine" / "pulumi").exists()


def test_a_build_that_was_killed_starts_again(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = paths.engine_home(paths.read_pins().engine)
    built: list[str] = []

    def killed(version: str, into: Path, scratch: Path) -> None:
        into.mkdir(parents=True)
        (into / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(release, "get", unreachable)
    monkeypatch.setattr(modules, "build", killed)
    with pytest.raises(KeyboardInterrupt):
        ways.ensure()
    assert not home.exists()
    assert not (checkout / ".venv" / "engine").exists()

    monkeypatch.setattr(modules, "build", builder(built))
    ways.ensure()

    assert len(built) == 1
    assert {"pulumi"} == {file.name for file in (home / "bin").iterdir()}


def test_a_pulumi_on_path_that_serves_is_used(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = checkout / "opt"
    installed.mkdir()
    monkeypatch.setattr(ways, "look_on_path", lambda: (OnPath(version="v3.259.0", language_host=True), installed))

    ways.ensure()

    assert installed == (checkout / ".venv" / "engine").resolve()


def test_a_tampered_release_stops_set_up_and_nothing_is_built(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tampered(version: str, into: Path) -> None:
        raise SetupError("not what was published")

    built: list[str] = []
    monkeypatch.setattr(release, "get", tampered)
    monkeypatch.setattr(modules, "build", builder(built))

    with pytest.raises(SetupError, match="not what was published"):
        ways.ensure()
    assert built == []


def test_what_may_not_be_installed_is_asked_for_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "can_install", lambda: False)

    with pytest.raises(SetupError, match=r"^Go is missing: install it \(on Debian: apt-get install golang-go\)$"):
        packages.need("Go", "golang-go")


def test_the_hubs_programs_are_installed_in_one_go_and_those_of_the_tests_only_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, ...]] = []
    there = {"ssh", "git"}
    monkeypatch.setattr(shutil, "which", lambda program: program if program in there else None)
    monkeypatch.setattr(programs, "can_install", lambda: True)
    monkeypatch.setattr(programs, "need", lambda _what, *names: asked.append(names))

    programs.ensure()
    programs.ensure(checks=True)
    there |= {*programs.HUB, *programs.BUILDS, *programs.CHECKS}
    programs.ensure(checks=True)

    always = ("rsync", *programs.BUILDS.values())
    assert [always, (*always, *programs.CHECKS.values())] == asked


def test_without_root_a_program_of_the_hub_is_an_error_and_one_of_the_tests_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = {"ssh", "git", "rsync"}
    monkeypatch.setattr(shutil, "which", lambda program: program if program in there else None)
    for module in (packages, programs):
        monkeypatch.setattr(module, "can_install", lambda: False)

    programs.ensure(checks=True)
    assert "shellcheck is not installed (Debian's package shellcheck)" in capsys.readouterr().out

    there.remove("rsync")
    with pytest.raises(SetupError, match=r"^rsync is missing: install it \(on Debian: apt-get install rsync\)$"):
        programs.ensure(checks=True)


def test_an_environment_is_made_anew_when_its_requirements_or_its_python_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("pulumi==3.259.0\n")
    monkeypatch.setattr(venv, "REQUIREMENTS", (requirements,))
    first = venv.stamp(Path("/usr/bin/python3.11"))

    assert first == venv.stamp(Path("/usr/bin/python3.11"))
    assert first != venv.stamp(Path("/usr/bin/python3.12"))
    requirements.write_text("pulumi==3.260.0\n")
    assert first != venv.stamp(Path("/usr/bin/python3.11"))


def test_long_work_shows_that_it_goes_on_and_a_failure_shows_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SetupError, match=r"(?s)digging failed \(exit 3\):.*the last words"):
        process.run("digging", ["sh", "-c", "sleep 0.3; echo the last words; exit 3"], heartbeat=0.05)

    assert "setup: digging: 0 s" in capsys.readouterr().out


@pytest.mark.slow
def test_a_second_set_up_waits_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lock"
    file.touch()
    with subprocess.Popen(["flock", str(file), "sh", "-c", "echo held; sleep 1.5"], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        with lock.only_one(file, "at work"):
            assert first.wait(timeout=5) == 0

    assert "setup: another set-up is at work: waiting for it (1 s)" in capsys.readouterr().out


# tools/env and tools/setup themselves.


def in_env(home: Path, *argv: str, **variables: str) -> str:
    """Run a command under tools/env with a home of its own and no variable of Pulumi or Python but those given."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "XDG_", "PYTHON"))}
    done = subprocess.run(
        [paths.ROOT / "tools" / "env", *argv],
        env={**clean, "HOME": str(home), **variables},
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_env_runs_with_the_engine_and_the_environment_of_the_checkout_in_the_callers_directory(
    tmp_path: Path,
) -> None:
    found = in_env(tmp_path, "sh", "-c", "pwd; command -v python; command -v pulumi")

    expected = [tmp_path, paths.VENV / "bin" / "python", paths.ENGINE_LINK / "pulumi"]
    assert [str(path) for path in expected] == found.splitlines()


def test_env_runs_the_operators_command_line_by_its_name(tmp_path: Path) -> None:
    assert in_env(tmp_path, "aegir", "--help").startswith("Usage: aegir")


def test_env_gives_a_private_state_and_one_passphrase_for_good(tmp_path: Path) -> None:
    words = "echo $PULUMI_BACKEND_URL; echo $PULUMI_CONFIG_PASSPHRASE_FILE; cat $PULUMI_CONFIG_PASSPHRASE_FILE"
    first = in_env(tmp_path, "sh", "-c", words)
    url, file, passphrase = first.splitlines()
    directory = Path(url.removeprefix("file://").removesuffix("?metadata=skip"))

    assert first == in_env(tmp_path, "sh", "-c", words)
    assert tmp_path in directory.parents
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600
    assert len(passphrase) > 40


@pytest.mark.slow
def test_a_state_has_no_files_that_a_kill_can_leave_half_written_and_a_stack_that_has_some_is_read_again(
    tmp_path: Path,
) -> None:
    """A run killed between making such a file and writing it: "failed to load checkpoint: EOF" from then on."""
    (tmp_path / "Pulumi.yaml").write_text("name: aegir\nruntime: python\n")
    in_env(tmp_path, "pulumi", "stack", "init", "one", "--non-interactive")
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    state = next(path for path in made if path.name == "one.json")
    assert not [path for path in made if path.suffix == ".attrs"]

    for path in (state, *state.parents[2].glob("meta.yaml")):
        path.with_name(f"{path.name}.attrs").touch()
    shown = in_env(tmp_path, "pulumi", "stack", "export", "--stack", "one", "--non-interactive")

    assert 3 == json.loads(shown)["version"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PULUMI_BACKEND_URL", "s3://somewhere"),
        ("PULUMI_CONFIG_PASSPHRASE_FILE", "/etc/hostname"),
        ("PULUMI_HOME", "/opt/pulumi"),
        ("PULUMI_SKIP_UPDATE_CHECK", "false"),
        ("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "false"),
        ("PULUMI_ERROR_OUTPUT_STRING", "0"),
    ],
)
def test_env_leaves_what_the_caller_has_set(name: str, value: str, tmp_path: Path) -> None:
    assert value == in_env(tmp_path, "printenv", name, **{name: value})


def test_env_has_bytecode_of_the_program_kept_also_where_none_may_lie_beside_the_sources(tmp_path: Path) -> None:
    asked = ("python", "-c", "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)")

    kept = in_env(tmp_path, *asked, PYTHONDONTWRITEBYTECODE="1")
    usual = in_env(tmp_path, *asked, PYTHONDONTWRITEBYTECODE="")
    own = in_env(tmp_path, *asked, PYTHONDONTWRITEBYTECODE="1", PYTHONPYCACHEPREFIX="/somewhere")

    assert f"False {tmp_path}/.local/state/aegir-pulumi/bytecode" == kept
    assert "False None" == usual
    assert "False /somewhere" == own


@pytest.mark.slow
def test_env_has_the_engine_keep_no_log_of_each_command_unless_it_is_asked_for(tmp_path: Path) -> None:
    """A quarter of the time of a command on a hundred sites, and 500 MB of disk."""
    (tmp_path / "Pulumi.yaml").write_text("name: aegir\nruntime: python\n")
    home = tmp_path / ".local" / "state" / "aegir-pulumi" / "home"
    listed = ("pulumi", "stack", "ls", "--non-interactive")

    in_env(tmp_path, "pulumi", "stack", "init", "one", "--non-interactive")
    assert "one" in in_env(tmp_path, *listed)
    assert not list(home.rglob("*.log"))

    in_env(tmp_path, *listed, AEGIR_PULUMI_LOGS="1")
    (kept,) = (home / "logs").glob("*.log")
    in_env(tmp_path, *listed)
    in_env(tmp_path, *listed)

    assert [kept.name] == [path.name for path in home.rglob("*.log")], (
        "what was asked for stays, and nothing comes to it"
    )
    assert (home / "logs.kept" / kept.name).exists()


@pytest.mark.parametrize("passphrase", ["", "correct horse"])
def test_env_adds_no_passphrase_file_to_a_passphrase(passphrase: str, tmp_path: Path) -> None:
    found = in_env(tmp_path, "env", PULUMI_CONFIG_PASSPHRASE=passphrase)

    assert f"PULUMI_CONFIG_PASSPHRASE={passphrase}" in found.splitlines()
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in found


DISPOSITION = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
"""Python takes SIGINT for itself where it has its default, and leaves it where the parent ignores it."""


def ignoring(*argv: str | Path, path: str = "") -> str:
    """Run a command as a script's `&` does, with SIGINT ignored; give what it prints."""
    environment = {**os.environ, "PATH": path or os.environ["PATH"]}
    shell = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *argv]
    return subprocess.run(shell, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def test_env_gives_a_command_the_default_of_sigint_that_a_background_shell_has_taken() -> None:
    """The engine ends the language host by it, and waits five seconds for one that ignores it."""
    assert ignoring("python", "-c", DISPOSITION) == "True", "the parent of this test does not ignore it"
    assert ignoring(paths.ROOT / "tools" / "env", "python", "-c", DISPOSITION) == "False"


def test_where_env_has_no_option_for_signals_the_command_runs_all_the_same(tmp_path: Path) -> None:
    older = tmp_path / "env"
    older.write_text(
        '#!/bin/sh\ncase $1 in -*) echo "env: unrecognized option $1" >&2; exit 125 ;; esac\nexec /usr/bin/env "$@"\n'
    )
    older.chmod(0o755)
    # tools/env puts the virtual environment and the engine first on PATH; neither has a program of this name.
    found = ignoring(paths.ROOT / "tools" / "env", "python", "-c", DISPOSITION, path=f"{tmp_path}:{os.environ['PATH']}")

    assert found == "True"


def test_env_does_not_start_itself_where_its_directory_is_on_the_path() -> None:
    tools = paths.ROOT / "tools"
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    argv = [str(tools / "env"), "python", "-c", DISPOSITION]
    found = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True, timeout=30)
    assert found.stdout.strip() == "False"


def test_env_lets_the_engine_collect_its_garbage_less_often_unless_the_caller_says_how_often(tmp_path: Path) -> None:
    clean = {"GOGC": ""}

    assert in_env(tmp_path, "printenv", "GOGC", **clean) == "400"
    assert in_env(tmp_path, "printenv", "GOGC", GOGC="150") == "150"


def test_set_up_renews_the_file_by_which_pulumis_processes_start_quickly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment that an older version has made is current, and gets the new file."""
    packages_of = tmp_path / "lib" / "python3.11" / "site-packages"
    packages_of.mkdir(parents=True)
    file = packages_of / "aegir-checkout.pth"
    file.write_text(f"{paths.ROOT}\n")
    monkeypatch.setattr(venv, "VENV", tmp_path)
    monkeypatch.setattr(venv, "is_current", lambda: True)

    assert venv.ensure() is False

    shown = "print([type(one).__module__ for one in sys.meta_path])"
    begun = f"import sys, site; sys.orig_argv = {{!r}}; site.addsitedir({{!r}}); {shown}"

    def finders(file: Path, argv: list[str]) -> str:
        text = begun.format(argv, str(file.parent))
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "AEGIR_"))}
        done = subprocess.run(
            [sys.executable, "-S", "-c", text], env=clean, capture_output=True, text=True, check=True, cwd="/"
        )
        return done.stdout + done.stderr

    assert "pulumi_workarounds.deferred" in finders(file, ["python", "-u", "-m", "pulumi.dynamic", "127.0.0.1:1"])
    assert "pulumi_workarounds" not in finders(file, ["python", "-m", "pytest"])
    # A checkout of an older version has no such module, and its Python starts without a word of it.
    file.write_text(venv.PATH_FILE.format(root=tmp_path))
    assert "pulumi_workarounds" not in finders(file, ["python", "-u", "-m", "pulumi.dynamic", "127.0.0.1:1"])


def test_env_says_in_one_sentence_that_the_passphrase_is_missing(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        in_env(tmp_path, "pulumi", "stack", "ls", PULUMI_CONFIG_PASSPHRASE_FILE="/nowhere/passphrase")

    told = "tools/env: the passphrase of the stack's secrets is missing: /nowhere/passphrase (PULUMI_CONFIG_PASSPHRASE_FILE)"
    assert f"{told} cannot be read\n" == failed.value.stderr


def test_env_invents_no_passphrase_for_a_state_of_the_callers_and_uses_the_one_that_is_there(tmp_path: Path) -> None:
    def found() -> str:
        return in_env(tmp_path, "env", PULUMI_BACKEND_URL="file:///srv/state")

    assert "PULUMI_CONFIG_PASSPHRASE" not in found()
    file = in_env(tmp_path, "printenv", "PULUMI_CONFIG_PASSPHRASE_FILE")
    assert f"PULUMI_CONFIG_PASSPHRASE_FILE={file}" in found().splitlines()


def test_the_checkout_is_importable_from_anywhere(tmp_path: Path) -> None:
    where = in_env(tmp_path, "python", "-c", "import tools; print(tools.__file__)")

    assert str(paths.ROOT / "tools" / "__init__.py") == where


def test_set_up_of_a_checkout_that_is_set_up_is_silent_and_quick() -> None:
    setup = [paths.ROOT / "tools" / "setup"]
    start = time.monotonic()
    done = subprocess.run(setup, capture_output=True, text=True, check=True, cwd="/")

    assert done.stdout + done.stderr == ""
    # Generous, since tests share their machine; it takes 0.2 s.
    assert time.monotonic() - start < 3


@pytest.mark.parametrize(
    ("words", "commands"),
    [
        pytest.param(["demo"], ["python -m lab setup", "python -m demo"], id="demo"),
        pytest.param(
            ["demo", "PLATFORM=/srv/my code"],
            ["python -m lab setup", 'python -m demo --platform "/srv/my code"'],
            id="with-a-platform",
        ),
        pytest.param(["demo", "DOWN=1"], ["python -m demo --down"], id="down"),
        pytest.param(["clean"], ["python -m demo --down"], id="clean"),
    ],
)
def test_make_says_what_the_readme_promises(words: list[str], commands: list[str]) -> None:
    done = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *words],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    assert ["tools/setup", *(f"tools/env {command}" for command in commands)] == [
        line.strip() for line in done.stdout.splitlines()
    ]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home/.local/bin").mkdir(parents=True)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("PATH", f"/usr/bin:{tmp_path / 'home/.local/bin'}")
    return tmp_path / "home"


def test_the_command_line_gets_a_link_in_a_directory_of_ones_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = home / ".local/bin/aegir"
    onpath.ensure()
    assert paths.ROOT / "tools/aegir" == link.readlink()
    onpath.ensure()
    # One of a checkout that is gone is replaced, and no other one.
    link.unlink()
    link.symlink_to(home / "gone")
    onpath.ensure()
    assert paths.ROOT / "tools/aegir" == link.readlink()
    link.unlink()
    link.write_text("mine")
    onpath.ensure()
    assert "mine" == link.read_text()
    link.unlink()
    monkeypatch.setenv("PATH", "/usr/bin")
    onpath.ensure()
    assert not link.exists()


def test_the_command_line_works_by_a_link(tmp_path: Path) -> None:
    link = tmp_path / "aegir"
    link.symlink_to(paths.ROOT / "tools/aegir")
    done = subprocess.run([str(link), "--help"], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert 0 == done.returncode, done.stderr
    assert done.stdout.startswith("Usage: aegir")
