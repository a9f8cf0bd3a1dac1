"""Builds on the hub: by which commit, once for each content, beside the finished ones, and what a failure says."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import subprocess
import tarfile
import time
from pathlib import Path
from types import MappingProxyType

import pytest

from aegir_components import settings
from aegir_components.applications import CodeBase
from aegir_components.sources import address, git, git_room, programs
from aegir_components.sources.builds import STAGING, Store
from aegir_components.sources.faults import SourceError, last_words
from aegir_components.sources.resolve import Resolved, profile_faults, resolve

CORE = "web/core/lib/Drupal.php"
VERSION = "<?php class Drupal { const VERSION = '10.3.%s'; }"


def ask(*words: str, where: Path) -> str:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *words], cwd=where, env={**os.environ, **who}, check=True,
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    return done.stdout.strip()


def commit(repository: Path, number: int, **files: str) -> str:
    for name, text in {CORE: VERSION % number, **files}.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text)
    ask("add", "-A", where=repository)
    ask("commit", "-q", "--allow-empty", "-m", str(number), where=repository)
    return ask("rev-parse", "HEAD", where=repository)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the settings of whoever runs the tests out of them."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "repository"
    path.mkdir()
    ask("init", "-q", "-b", "main", where=path)
    commit(path, 1)
    return path


class Hub:
    """A hub with one platform, which is read again and again."""

    def __init__(self, root: Path) -> None:
        self.root, self.told, self.warned, self.keep = root, list[str](), list[str](), 3

    def read(self, php: str = "", **source: object) -> Resolved:
        platform = settings.Platform(
            name="d10", server="web1", source=settings.PlatformSource(**source),  # type: ignore[arg-type]
            publish_path="/p/d10", keep_releases=self.keep,
        )  # fmt: skip
        hub = settings.Hub(address="10.0.0.1", root=str(self.root))
        declared = settings.Settings(hub=hub, platforms=MappingProxyType({"d10": platform}))
        return resolve(declared, php={"d10": php}, info=self.told.append, warn=self.warned.append)["d10"]

    def fault(self, php: str = "", **source: object) -> str:
        with pytest.raises(settings.SettingsError) as caught:
            self.read(php, **source)
        return caught.value.faults[0]

    @property
    def builds(self) -> set[str]:
        return {path.name for path in (self.root / "builds/d10").iterdir() if path.is_dir()}


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path / "hub")


class TestGit:
    def test_a_branch_is_its_commit_and_is_built_once(self, hub: Hub, repository: Path) -> None:
        first = hub.read(git=str(repository), ref="main")
        again = hub.read(git=str(repository), ref="main")
        assert ask("rev-parse", "HEAD", where=repository) == first.revision
        assert first == again
        assert "10.3.1" == first.code.version
        assert not (first.directory / ".git").exists()
        assert 1 == len(hub.told)

    def test_a_moved_branch_is_another_revision(self, hub: Hub, repository: Path) -> None:
        before = hub.read(git=str(repository), ref="main")
        moved = commit(repository, 2)
        after = hub.read(git=f"file://{repository}", ref="main")
        assert (moved, "10.3.2") == (after.revision, after.code.version)
        assert before.tree.digest != after.tree.digest

    def test_tags_and_whole_commits(self, hub: Hub, repository: Path) -> None:
        first = ask("rev-parse", "HEAD", where=repository)
        ask("tag", "-a", "v1", "-m", "one", where=repository)
        ask("tag", "light", where=repository)
        commit(repository, 2)
        for ref in ("v1", "light", "refs/tags/v1", first):
            assert first == hub.read(git=str(repository), ref=ref).revision
        assert 1 == len(hub.told)

    def test_a_whole_commit_that_is_built_asks_nobody(self, hub: Hub, repository: Path) -> None:
        first = hub.read(git=str(repository), ref="main").revision
        shutil.rmtree(repository)
        assert first == hub.read(git=str(repository), ref=first).revision
        assert [] == hub.warned

    def test_an_old_server_gives_a_commit_by_its_branch(self, hub: Hub, repository: Path, home: Path) -> None:
        (home / ".gitconfig").write_text("[protocol]\n\tversion = 0\n")
        first = ask("rev-parse", "HEAD", where=repository)
        commit(repository, 2)
        assert "10.3.1" == hub.read(git=str(repository), ref=first).code.version

    def test_a_repository_that_is_away_leaves_the_former_build_with_a_warning(self, hub: Hub, repository: Path) -> None:
        before = hub.read(git=str(repository), ref="main")
        repository.rename(repository.parent / "away")
        assert before == hub.read(git=str(repository), ref="main")
        (warning,) = hub.warned
        assert warning.startswith(f'aegir:platforms["d10"].source: {repository} cannot be read (')
        assert warning.endswith(f"; the former build of 'main' is used, of commit {before.revision}")

    def test_without_a_former_build_it_is_a_fault(self, hub: Hub, repository: Path) -> None:
        hub.read(git=str(repository), ref="main")
        repository.rename(repository.parent / "away")
        assert "and the hub has no former build of 'other'" in hub.fault(git=str(repository), ref="other")

    def test_a_name_that_is_not_there(self, hub: Hub, repository: Path) -> None:
        assert f"{repository} has no branch or tag 'none'" in hub.fault(git=str(repository), ref="none")
        assert "has to be written with all its digits" in hub.fault(git=str(repository), ref="abc1234")
        assert f"has no commit {'0' * 40}" in hub.fault(git=str(repository), ref="0" * 40)

    def test_a_branch_and_a_tag_of_one_name(self, hub: Hub, repository: Path) -> None:
        ask("tag", "main", where=repository)
        hub.read(git=str(repository), ref="main")
        moved = commit(repository, 2)
        assert "write 'refs/heads/main' or 'refs/tags/main'" in hub.fault(git=str(repository), ref="main")
        assert moved == hub.read(git=str(repository), ref="refs/heads/main").revision

    def test_a_directory_of_the_repository(self, hub: Hub, repository: Path) -> None:
        commit(repository, 2, **{"sub/core/lib/Drupal.php": VERSION % 9})
        (repository / "out").symlink_to("/")
        commit(repository, 3)
        assert "10.3.9" == hub.read(git=str(repository), ref="main", directory="sub").code.version
        assert "has no directory 'none'" in hub.fault(git=str(repository), ref="main", directory="none")
        assert "has no directory 'out'" in hub.fault(git=str(repository), ref="main", directory="out")

    def test_submodules_are_part_of_it(self, hub: Hub, repository: Path, tmp_path: Path) -> None:
        module = tmp_path / "module"
        module.mkdir()
        ask("init", "-q", "-b", "main", where=module)
        commit(module, 5)
        ask("submodule", "add", "-q", str(module), "web/modules/m", where=repository)
        commit(repository, 2)
        found = hub.read(git=str(repository), ref="main")
        assert (found.directory / "web/modules/m" / CORE).is_file()

    def test_a_foreign_repository_may_not_name_a_path_on_the_hub(self) -> None:
        assert (
            "file"
            not in git_room._variables(address.parse("https://example.com/x.git"), files=True)["GIT_ALLOW_PROTOCOL"]
        )

    def test_pointers_of_git_lfs_are_refused(self, hub: Hub, repository: Path) -> None:
        if shutil.which("git-lfs"):
            pytest.skip("git-lfs is installed, and would ask a server for the files")
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
        commit(repository, 2, **{".gitattributes": "*.bin filter=lfs\n", "a.bin": pointer})
        assert "'a.bin' is a pointer of Git LFS" in hub.fault(git=str(repository), ref="main")

    def test_a_password_is_in_no_argument_and_no_message(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        place = address.parse("https://me:p%40ss:word@127.0.0.1:1/x.git?token=hidden")
        assert "https://127.0.0.1:1/x.git" == place.shown
        assert "https://me:p%40ss%3Aword@127.0.0.1:1\n" == place.credentials
        seen: list[str] = []
        real = programs.run

        def noting(argv: list[str], **named: object) -> programs.Done:
            seen.append(" ".join(argv))
            return real(argv, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(programs, "run", noting)
        with pytest.raises(SourceError) as caught:
            git.commit_of(place, "main")
        assert seen
        for text in (*seen, str(caught.value), repr(place)):
            assert "p%40ss" not in text
            assert "p@ss" not in text


class TestArchive:
    def test_an_archive_on_the_hub(self, hub: Hub, repository: Path, tmp_path: Path) -> None:
        with tarfile.open(tmp_path / "x.tgz", "w:gz") as packed:
            packed.add(repository / "web", "drupal/web")
        found = hub.read(archive=str(tmp_path / "x.tgz"))
        assert "10.3.1" == found.code.version
        assert found == hub.read(archive=str(tmp_path / "x.tgz"), checksum=found.revision)
        assert 1 == len(hub.told)
        wrong = hub.fault(archive=str(tmp_path / "x.tgz"), checksum="sha256:" + "0" * 64)
        assert f"has the checksum {found.revision}, not sha256:{'0' * 64}; it was not unpacked" in wrong
        assert "is no file. If a disk is not mounted, mount it" in hub.fault(archive=str(tmp_path / "none"))


class TestDirectory:
    def test_it_is_taken_as_it_is(self, hub: Hub, repository: Path) -> None:
        found = hub.read(path=str(repository))
        assert (repository, "") == (found.directory, found.revision)
        assert not (hub.root / "builds").exists()


def fake(directory: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program of this name first on PATH."""
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\n{text}\n")
    (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return directory / name


DRUSH = f"""
[ "$1 $2" = "make --yes" ] || exit 9
echo "building $3"; grep -q broken "$3" && {{ echo "no such project"; exit 7; }}
mkdir -p "$4/web/core/lib"; env >"$4/environment"
 echo "const VERSION = '10.3.8';" >"$4/{CORE}"
"""


class TestMakefile:
    @pytest.fixture
    def make(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        fake(tmp_path / "bin", "drush", DRUSH, monkeypatch)
        (tmp_path / "site.make").write_text('core = 7.x\nincludes[] = "more.make"\n')
        (tmp_path / "more.make").write_text("api = 2\n")
        return tmp_path / "site.make"

    def test_it_is_built_once_per_content_of_all_its_files(self, hub: Hub, make: Path) -> None:
        first = hub.read(makefile=str(make))
        assert first == hub.read(makefile=str(make))
        assert "10.3.8" == first.code.version
        (make.parent / "more.make").write_text("api = 3\n")
        assert first.revision != hub.read(makefile=str(make)).revision
        assert 2 == len(hub.told)

    def test_a_build_sees_no_secret_of_ours(self, hub: Hub, make: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_ACCESS_TOKEN", "AWS_SECRET_ACCESS_KEY", "PULUMI_CONFIG"):
            monkeypatch.setenv(name, "hunter22")
        seen = (hub.read(makefile=str(make)).directory / "environment").read_text()
        assert "hunter22" not in seen
        assert "PATH=" in seen

    def test_a_failure_names_the_log_and_quotes_its_end(self, hub: Hub, make: Path) -> None:
        good = hub.read(makefile=str(make))
        make.write_text("broken")
        fault = hub.fault(makefile=str(make))
        (log,) = [
            path
            for path in (hub.root / "builds/d10").glob("*.log")
            if "broken" not in path.name and path.stem != good.directory.name
        ]
        assert (
            f"building d10 from {make} failed: drush exited 7. The live release is untouched. The log is {log}."
            in fault
        )
        assert fault.endswith("no such project")
        assert {good.directory.name} == hub.builds

    def test_what_has_no_drush_says_so(self, hub: Hub, make: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda name: None)
        assert "drush is not on the hub's PATH, and Debian has none" in hub.fault(makefile=str(make))

    def test_a_makefile_that_is_not_there(self, hub: Hub) -> None:
        assert "'/none.make' is no file. If a disk is not mounted" in hub.fault(makefile="/none.make")


PATCHES = {"name": "cweagans/composer-patches", "type": "composer-plugin"}


class TestComposer:
    @pytest.fixture
    def project(self, repository: Path) -> Path:
        (repository / "packages/lib").mkdir(parents=True)
        (repository / "web/index.php").write_text("<?php\n")
        (repository / "packages/lib/composer.json").write_text('{"name": "a/lib", "version": "1.0.0"}')
        (repository / "composer.json").write_text(
            '{"repositories": [{"type": "path", "url": "packages/lib"}, {"packagist.org": false}],'
            ' "require": {"a/lib": "1.0.0"}}'
        )
        commit(repository, 3)
        return repository

    @pytest.mark.parametrize("kind", ["git", "path"])
    def test_a_project_by_debians_composer(self, kind: str, hub: Hub, project: Path) -> None:
        if shutil.which("composer") is None:
            pytest.skip("composer is not installed here")
        source = {"git": str(project), "ref": "main"} if kind == "git" else {"path": str(project)}
        found = hub.read(**source, composer=settings.Composer(unlocked=True))
        assert "10.3.3" == found.code.version
        assert (found.directory / "vendor/autoload.php").is_file()
        assert not (found.directory / "vendor/a/lib").is_symlink()
        assert found == hub.read(**source, composer=settings.Composer(unlocked=True))
        assert 1 == len(hub.told)
        assert not (project / "vendor").exists()

    @pytest.mark.parametrize("kind", ["git", "archive"])
    def test_it_never_runs_in_a_tree_whose_links_lead_outside(
        self, kind: str, hub: Hub, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each link stays inside, if its text is all that is looked at; composer would write through them."""
        fake(
            tmp_path / "bin",
            "composer",
            f"mkdir -p vendor; echo written >vendor/autoload.php; touch {tmp_path}/ran",
            monkeypatch,
        )
        (project / "web/deep").mkdir(parents=True)
        (project / "web/deep/up").symlink_to("../..")
        (project / "web/deep/vendor").symlink_to("up/..")
        (project / "vendor").symlink_to("web/deep/vendor")
        source: dict[str, str] = {"git": str(project), "ref": "main"}
        if kind == "git":
            commit(project, 4)
        else:
            shutil.rmtree(project / ".git")
            with tarfile.open(tmp_path / "code.tar", "w") as packed:
                packed.add(project, "code")
            source = {"archive": str(tmp_path / "code.tar")}
        fault = hub.fault(**source, composer=settings.Composer(unlocked=True))
        assert re.search("is a link to .*, outside of", fault)
        assert not (tmp_path / "ran").exists()
        assert [] == list(hub.root.rglob("autoload.php"))

    def test_without_a_lock_file_it_is_refused(self, hub: Hub, project: Path) -> None:
        assert "there is no composer.lock" in hub.fault(path=str(project), composer=settings.Composer())

    def test_without_a_project_it_is_refused(self, hub: Hub, repository: Path) -> None:
        fault = hub.fault(git=str(repository), ref="main", composer=settings.Composer())
        assert "there is no composer.json" in fault

    def test_how_it_is_run(self, hub: Hub, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (project / "composer.lock").write_text("{}")
        fake(tmp_path / "bin", "composer", 'echo "$@" >>"$PWD/said"; mkdir vendor', monkeypatch)
        plain = hub.read(path=str(project), composer=settings.Composer())
        dev = hub.read(path=str(project), composer=settings.Composer(dev=True))
        assert plain.directory != dev.directory
        assert (plain.directory / "said").read_text().startswith("install --no-dev --no-interaction ")
        assert "--no-dev" not in (dev.directory / "said").read_text()

    def test_a_patch_that_does_not_apply_ends_the_build(
        self, hub: Hub, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / "composer.lock").write_text("{}")
        # As cweagans/composer-patches 1.7.3 ends: well, unless this variable says otherwise.
        says = 'echo "Could not apply patch! Skipping."; [ -z "$COMPOSER_EXIT_ON_PATCH_FAILURE" ] || exit 1'
        fake(tmp_path / "bin", "composer", says, monkeypatch)
        fault = hub.fault(path=str(project), composer=settings.Composer())
        assert "composer exited 1" in fault
        assert fault.endswith("Could not apply patch! Skipping.")
        assert not hub.builds

    @pytest.mark.parametrize(
        ("packages", "allowed", "why"),
        [
            ([], None, "no package that applies them is installed; cweagans/composer-patches belongs in require"),
            ([{"name": "a/patchwork", "type": "library"}], None, "no package that applies them is installed"),
            (
                [PATCHES],
                {"cweagans/composer-patches": False},
                "config.allow-plugins does not let cweagans/composer-patches run",
            ),
            ([PATCHES], False, "config.allow-plugins does not let cweagans/composer-patches run"),
            ([PATCHES], None, ""),
            ([PATCHES], {"cweagans/composer-patches": True}, ""),
            ([PATCHES], {"cweagans/*": True}, ""),
        ],
    )
    def test_patches_that_nothing_applies_end_the_build(
        self, hub: Hub, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        packages: list[dict[str, str]], allowed: object, why: str,
    ) -> None:  # fmt: skip
        (project / "composer.lock").write_text("{}")
        config = {} if allowed is None else {"allow-plugins": allowed}
        (project / "composer.json").write_text(
            json.dumps({"extra": {"patches": {"a/lib": {"x": "x.patch"}}}, "config": config})
        )
        installed = json.dumps({"packages": packages})
        fake(tmp_path / "bin", "composer", f"mkdir -p vendor/composer; echo '{installed}' >vendor/composer/installed.json",
             monkeypatch)  # fmt: skip
        if why:
            assert why in hub.fault(path=str(project), composer=settings.Composer())
            assert not hub.builds
        else:
            hub.read(path=str(project), composer=settings.Composer())

    def test_a_scaffold_that_did_not_run_ends_the_build(
        self, hub: Hub, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / "composer.lock").write_text("{}")
        (project / "web/index.php").unlink()
        fake(tmp_path / "bin", "composer", "mkdir vendor", monkeypatch)
        assert "no index.php in its document root (web)" in hub.fault(path=str(project), composer=settings.Composer())

    def test_it_builds_for_the_web_servers_php_and_leaves_the_project_as_it_was(
        self, hub: Hub, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / "composer.lock").write_text("{}")
        before = (project / "composer.json").read_bytes()
        fake(tmp_path / "bin", "composer", "mkdir vendor; cp composer.json vendor/seen", monkeypatch)
        found = hub.read(path=str(project), composer=settings.Composer(), php="8.3")
        assert {"php": "8.3.99"} == json.loads((found.directory / "vendor/seen").read_text())["config"]["platform"]
        assert before == (found.directory / "composer.json").read_bytes()
        own = {"config": {"platform": {"php": "8.1.2"}}}
        (project / "composer.json").write_text(json.dumps(own))
        found = hub.read(path=str(project), composer=settings.Composer(), php="8.3")
        assert own == json.loads((found.directory / "vendor/seen").read_text())

    def test_code_that_does_not_fit_the_web_servers_php_is_not_built(self, hub: Hub, project: Path) -> None:
        if shutil.which("composer") is None:
            pytest.skip("composer is not installed here")
        library = project / "packages/lib/composer.json"
        library.write_text('{"name": "a/lib", "version": "1.0.0", "require": {"php": ">=8.4"}}')
        commit(project, 4)
        fault = hub.fault(path=str(project), composer=settings.Composer(unlocked=True), php="8.2")
        assert "requires php >=8.4" in fault
        assert "8.2.99" in fault

    def test_what_has_no_composer_says_so(self, hub: Hub, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (project / "composer.lock").write_text("{}")
        monkeypatch.setattr(shutil, "which", lambda name: None)
        fault = hub.fault(path=str(project), composer=settings.Composer())
        assert "composer is not installed on the hub: apt-get install composer" in fault


def build_slowly(root: Path, begun: Path) -> None:
    def work(shop: object) -> None:
        with begun.open("a") as handle:
            handle.write("begun\n")
        time.sleep(0.4)
        shop.code.mkdir()  # type: ignore[attr-defined]

    Store(root=root, keep=3, info=lambda _: None).make("a" * 32, "it", work)


class TestStore:
    def store(self, root: Path, keep: int = 2) -> Store:
        return Store(root=root, keep=keep, info=lambda _: None)

    def test_two_runs_build_it_once(self, tmp_path: Path) -> None:
        fork = multiprocessing.get_context("fork")
        runs = [fork.Process(target=build_slowly, args=(tmp_path / "s", tmp_path / "begun")) for _ in range(2)]
        for run in runs:
            run.start()
        for run in runs:
            run.join(20)
        assert [0, 0] == [run.exitcode for run in runs]
        assert ["begun"] == (tmp_path / "begun").read_text().split()

    def test_what_a_killed_build_left_goes_at_the_next(self, tmp_path: Path) -> None:
        (tmp_path / f"{STAGING}old" / "code").mkdir(parents=True)
        self.store(tmp_path).make("a" * 32, "it", lambda shop: shop.code.mkdir())
        assert [] == list(tmp_path.glob(f"{STAGING}*"))

    def test_the_newest_stay_and_the_current_one_always(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, keep=2)
        for name in "abcd":
            store.make(name * 32, "it", lambda shop: shop.code.mkdir())
            if name == "c":
                assert store.find("b" * 32)
        assert {"b" * 32, "d" * 32} == {path.name for path in tmp_path.iterdir() if path.is_dir()}
        assert (tmp_path / f"{'d' * 32}.log").is_file()

    def test_a_build_that_takes_too_long_is_ended_with_its_children(self, tmp_path: Path) -> None:
        def work(shop: object) -> None:
            shop.run("sh", "-c", f"sleep 60 & echo $! >{tmp_path}/child; wait", timeout=0.5)  # type: ignore[attr-defined]

        with pytest.raises(SourceError, match=r"building it failed: sh did not end within 0 s\."):
            self.store(tmp_path / "s").make("a" * 32, "it", work)
        child = Path("/proc") / (tmp_path / "child").read_text().strip() / "cmdline"
        deadline = time.monotonic() + 5
        while child.exists() and b"sleep" in child.read_bytes() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not (child.exists() and b"sleep" in child.read_bytes())

    def test_a_broken_record_is_none(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        store.remember("main", "c0ffee")
        assert "c0ffee" == store.remembered("main")
        for rubbish in ("{", "[]", '{"main": 5}'):
            (tmp_path / "refs.json").write_text(rubbish)
            assert "" == store.remembered("main")


def test_the_last_words_of_a_program_are_short_plain_and_without_secrets() -> None:
    text = "one\n\x1b[31mtwo hunter22\x1b[0m\r\n" + "".join(f"line {number}\n" for number in range(5))
    assert "two [secret] | line 0 | line 1 | line 2 | line 3 | line 4" == last_words(text, ["hunter22"])
    assert 701 == len(last_words("x" * 5000))


@pytest.mark.parametrize(
    ("wanted", "say"),
    [
        ("commerce", "profile 'commerce' is not on platform drupal-10; these have it: kickstart, shop"),
        ("none", "profile 'none' is not on platform drupal-10; it has: minimal, standard"),
    ],
)
def test_a_missing_profile_says_where_it_is(wanted: str, say: str) -> None:
    def code(*profiles: str) -> CodeBase:
        return CodeBase(application="drupal", version="10", docroot="web", profiles=profiles)

    admin = settings.SiteAdmin(mail="a@b.example")
    site = settings.Site(
        name="a.example", display_name="a", platform="drupal-10", database="db", title="a", admin=admin, profile=wanted
    )
    declared = settings.Settings(hub=settings.Hub(address="10.0.0.1"), sites={"a.example": site})
    found = {"drupal-10": code("minimal", "standard"), "shop": code("commerce"), "kickstart": code("commerce", "x")}
    assert [f'aegir:sites["a.example"].profile: {say}'] == profile_faults(declared, found)


@pytest.mark.parametrize(
    ("wanted", "says"), [("", []), ("standard", ["WordPress has no install profiles; remove this key"])]
)
def test_a_profile_of_wordpress_is_an_error(wanted: str, says: list[str]) -> None:
    site = settings.Site(
        name="a.example", display_name="a", platform="wp", database="db", title="a",
        admin=settings.SiteAdmin(mail="a@b.example"), profile=wanted,
    )  # fmt: skip
    declared = settings.Settings(hub=settings.Hub(address="10.0.0.1"), sites={"a.example": site})
    found = {"wp": CodeBase(application="wordpress", version="6.9", docroot=".")}
    assert [f'aegir:sites["a.example"].profile: {say}' for say in says] == profile_faults(declared, found)
