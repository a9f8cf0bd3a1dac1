"""What is done with releases on a machine, run by real shells; its digest is the hub's, whatever the names are."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aegir_components.deploy import arrival
from aegir_components.deploy.arrival_operations import ReleaseBegin, ReleaseWithout
from aegir_components.deploy.release import Layout, drift, refusal, spare
from aegir_components.deploy.release_operations import (
    LinkSites,
    ReleaseFacts,
    ReleasePrune,
    ReleaseState,
    WantPublishable,
)
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.sources import tree

if TYPE_CHECKING:
    from .conftest import Ran, Shell
else:
    Ran = Shell = Any

RELEASE = functions("release") + functions("arrival")
LONGEST = "n" * 255
NAMES = [
    b"plain.php",
    b"with space",
    b" leading",
    b"trailing ",
    b"new\nline",
    b"-dash",
    b"--help",
    b"quote'\"`$(id)",
    b"back\\slash",
    b"tab\there",
    "b\u00fccher".encode(),
    "bu\u0308cher".encode(),
    b"not-utf8-\xff\xfe",
    b"%s%n",
    b"*",
    LONGEST.encode(),
    b"\x01control",
]


def make(root: Path, names: list[bytes]) -> None:
    """Fill a directory: each name as a file, in a directory, as a program, and as a link."""
    root.mkdir(parents=True, exist_ok=True)
    base = os.fsencode(root)
    for number, name in enumerate(names):
        Path(os.fsdecode(base + b"/" + name)).write_bytes(b"content of " + name)
        below = Path(os.fsdecode(base + b"/d%d" % number))
        below.mkdir()
        program = Path(os.fsdecode(os.fsencode(below) + b"/" + name))
        program.write_bytes(b"")
        program.chmod(0o755)
        Path(below, "link").symlink_to(os.fsdecode(b"../" + name))
    normalise(root)


def normalise(root: Path) -> None:
    """Give modes as rsync gives them to a release."""
    root.chmod(0o755)
    for path in root.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def digest(shell: Shell, root: Path) -> str:
    ran = shell.check(RELEASE, f'fact digest "$(tree_digest {script.call("", str(root)).strip()})"')
    return ran.report.facts["digest"]


def on_the_hub(root: Path, cache: Path) -> str:
    return tree.read(root, (), ".", cache / "sums").digest


def on_the_hub_files(root: Path, cache: Path) -> int:
    return tree.read(root, (), ".", cache / "sums").files


class TestDigest:
    def test_it_is_the_hubs_for_every_name(self, shell: Shell, tmp_path: Path) -> None:
        wanted, lines = {}, [RELEASE]
        for number, name in enumerate(NAMES):
            root = tmp_path / f"code{number}"
            make(root, [name])
            wanted[f"n{number}"] = on_the_hub(root, tmp_path)
            lines.append(f'fact n{number} "$(tree_digest {root})"')
        assert wanted == shell.check(*lines).report.facts

    def test_it_is_the_hubs_for_all_names_together(self, shell: Shell, tmp_path: Path) -> None:
        make(tmp_path / "code", NAMES)
        assert on_the_hub(tmp_path / "code", tmp_path) == digest(shell, tmp_path / "code")

    def test_it_is_the_hubs_with_empty_directories_and_links_to_nowhere(self, shell: Shell, tmp_path: Path) -> None:
        make(tmp_path / "code", [b"index.php"])
        (tmp_path / "code" / "empty").mkdir()
        (tmp_path / "code" / "broken").symlink_to("no such file")
        normalise(tmp_path / "code")
        assert on_the_hub(tmp_path / "code", tmp_path) == digest(shell, tmp_path / "code")

    @settings(
        max_examples=12,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        names=st.lists(
            st.binary(min_size=1, max_size=30).filter(
                lambda name: (
                    b"/" not in name
                    and b"\0" not in name
                    and name not in {b".", b"..", b"-", *tree.REPOSITORY_DIRECTORIES}
                )
            ),
            min_size=1,
            max_size=6,
            unique=True,
        )
    )
    def test_it_is_the_hubs_for_any_bytes(
        self, names: list[bytes], shell: Shell, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        place = tmp_path_factory.mktemp("any")
        root = place / "code"
        root.mkdir()
        for name in names:
            path = Path(os.fsdecode(os.fsencode(root) + b"/" + name))
            path.write_bytes(name)
        normalise(root)
        assert on_the_hub(root, place) == digest(shell, root)

    def test_a_copy_by_rsync_has_the_digest_of_its_source(self, shell: Shell, tmp_path: Path) -> None:
        if shutil.which("rsync") is None:
            pytest.skip("rsync is not installed")
        make(tmp_path / "code", NAMES)
        # Modes on a hub are whatever they are there.
        for number, path in enumerate(sorted((tmp_path / "code").rglob("*"))):
            if path.is_file() and not path.is_symlink():
                path.chmod([0o600, 0o640, 0o666, 0o775, 0o700][number % 5])
        (tmp_path / "code" / ".git").mkdir()
        (tmp_path / "code" / ".git" / "config").write_text("[core]")
        options = ["--links", "--times", "--recursive", "--delete", "--perms", "--chmod=D755,Fu=rwX,Fgo=rX"]
        command = ["rsync", *options, *tree.anchored((), "."), f"{tmp_path}/code/", f"{tmp_path}/there/"]
        subprocess.run(command, check=True, timeout=20)
        assert not (tmp_path / "there" / ".git").exists()
        assert on_the_hub(tmp_path / "code", tmp_path) == digest(shell, tmp_path / "there")

    @pytest.mark.parametrize("change", ["byte", "name", "mode", "target", "more", "less", "kind"])
    def test_every_change_changes_it(self, change: str, shell: Shell, tmp_path: Path) -> None:
        root = tmp_path / "code"
        make(root, [b"index.php", b"other"])
        before = digest(shell, root)
        if change == "byte":
            (root / "index.php").write_bytes(b"Content of index.php")
        elif change == "name":
            (root / "index.php").rename(root / "Index.php")
        elif change == "mode":
            (root / "index.php").chmod(0o755)
        elif change == "target":
            (root / "d0" / "link").unlink()
            (root / "d0" / "link").symlink_to("../other")
        elif change == "more":
            (root / "more").touch()
        elif change == "less":
            (root / "d1" / "other").unlink()
        else:
            (root / "d1" / "other").unlink()
            (root / "d1" / "other").mkdir()
        assert before != digest(shell, root)
        assert on_the_hub(root, tmp_path) == digest(shell, root)

    def test_a_name_cannot_stand_for_two_entries(self, shell: Shell, tmp_path: Path) -> None:
        for part in ("one", "two"):
            (tmp_path / part).mkdir()
        (tmp_path / "one" / "a\nf 644  b").touch()
        (tmp_path / "two" / "a").touch()
        (tmp_path / "two" / "b").touch()
        for part in ("one", "two"):
            normalise(tmp_path / part)
        assert digest(shell, tmp_path / "one") != digest(shell, tmp_path / "two")


@pytest.fixture
def release(shell: Shell, tmp_path: Path) -> Path:
    """Give a release with its record."""
    root = tmp_path / "releases" / ("a1" * 8)
    make(root, [b"index.php", b"with space", b"new\nline", b"-dash"])
    (root / "sites").mkdir()
    assert 0 == shell.check(RELEASE, f"tree_manifest {root} {tmp_path}/sites >{root}.manifest").status
    return root


def faults(shell: Shell, root: Path) -> list[str]:
    sites = root.parent.parent / "sites"
    ran = shell.check(RELEASE, ReleaseState(release=str(root), manifest=f"{root}.manifest", sites=str(sites)).line)
    assert "" == ran.stderr
    return [text.removeprefix("release: ") for text in drift(ran.report.facts, str(root))]


class TestQuickLook:
    def test_a_release_as_it_was_accepted_has_no_faults(self, shell: Shell, release: Path) -> None:
        assert [] == faults(shell, release)

    def test_links_to_the_sites_data_are_no_code(self, shell: Shell, release: Path, tmp_path: Path) -> None:
        (release / "sites" / "www.example.com").symlink_to(tmp_path / "sites" / "www.example.com" / "site")
        facts = (release / "sites").stat()
        os.utime(release / "sites", (facts.st_atime, facts.st_mtime))
        assert [] == faults(shell, release)

    def test_a_link_to_somewhere_else_is(self, shell: Shell, release: Path) -> None:
        (release / "sites" / "evil").symlink_to("/etc")
        assert any("sites/evil" in fault for fault in faults(shell, release))

    @pytest.mark.parametrize("name", ["index.php", "with space", "-dash"])
    def test_a_changed_file_is_named(self, name: str, shell: Shell, release: Path) -> None:
        (release / name).write_text("changed by hand")
        assert [name] == faults(shell, release)

    def test_a_changed_file_with_a_newline_in_its_name_forges_no_other(self, shell: Shell, release: Path) -> None:
        (release / "new\nline").write_text("changed")
        assert ["new?line"] == faults(shell, release)

    @pytest.mark.parametrize("name", ["added.php", "added with space", "-added"])
    def test_an_added_file_is_named(self, name: str, shell: Shell, release: Path) -> None:
        (release / name).touch()
        assert [name] == faults(shell, release)

    def test_a_removed_file_is_named(self, shell: Shell, release: Path) -> None:
        (release / "index.php").unlink()
        assert ["index.php"] == faults(shell, release)

    def test_a_changed_mode_is_named(self, shell: Shell, release: Path) -> None:
        (release / "index.php").chmod(0o666)
        assert ["index.php"] == faults(shell, release)

    def test_a_changed_mode_of_a_directory_is_named(self, shell: Shell, release: Path) -> None:
        (release / "d0").chmod(0o777)
        assert ["d0"] == faults(shell, release)

    def test_a_missing_record_is_named(self, shell: Shell, release: Path) -> None:
        Path(f"{release}.manifest").unlink()
        assert ["its record is missing"] == faults(shell, release)

    def test_a_missing_release_is_named(self, shell: Shell, release: Path) -> None:
        shutil.rmtree(release)
        assert [f"release {release}: missing"] == faults(shell, release)

    def test_no_more_than_twenty_are_named(self, shell: Shell, release: Path) -> None:
        for number in range(40):
            (release / f"added{number}").touch()
        assert 20 == len(faults(shell, release))


class TestFullLook:
    """Bytes that changed behind size and time."""

    @pytest.fixture
    def accepted(self, shell: Shell, tmp_path: Path) -> tuple[Path, str]:
        make(tmp_path / ".staging", NAMES)
        wanted = on_the_hub(tmp_path / ".staging", tmp_path)
        assert 0 == accept(shell, tmp_path / ".staging", tmp_path / "live", wanted).status
        return tmp_path / "live", wanted

    @staticmethod
    def look(shell: Shell, accepted: tuple[Path, str]) -> list[str]:
        root, wanted = accepted
        call = ReleaseState(
            release=str(root), manifest=f"{root}.manifest", sites=f"{root.parent}/sites", digest=wanted
        ).line
        return [text.removeprefix("release: ") for text in drift(shell.check(RELEASE, call).report.facts, str(root))]

    def test_nothing_changed(self, shell: Shell, accepted: tuple[Path, str]) -> None:
        assert [] == self.look(shell, accepted)

    def test_a_byte_is_named_that_the_quick_look_passes_over(self, shell: Shell, accepted: tuple[Path, str]) -> None:
        path = accepted[0] / "plain.php"
        facts = path.stat()
        path.write_bytes(b"Content of plain.php")
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        assert [] == [text for text in faults(shell, accepted[0]) if "plain" in text]
        assert ["plain.php"] == self.look(shell, accepted)

    @pytest.mark.parametrize("what", ["sums", "listing"])
    def test_a_record_that_was_changed_is_no_proof(self, what: str, shell: Shell, accepted: tuple[Path, str]) -> None:
        Path(f"{accepted[0]}.{what}").write_bytes(b"0" * 64)
        assert any("missing or damaged" in text for text in self.look(shell, accepted))


class TestDifference:
    """The live release in hard links, and what differs."""

    def test_only_what_is_new_or_was_touched_is_read(self, shell: Shell, tmp_path: Path) -> None:
        make(tmp_path / ".staging", [b"index.php", b"new\nline", b"-dash"])
        assert (
            0
            == accept(
                shell, tmp_path / ".staging", tmp_path / "live", on_the_hub(tmp_path / ".staging", tmp_path)
            ).status
        )
        live, staging = tmp_path / "live", tmp_path / ".next"
        live.rename(tmp_path / "former")
        for part in ("sums", "listing", "manifest"):
            Path(f"{live}.{part}").rename(tmp_path / f"former.{part}")
        (tmp_path / "former" / "sites" / "a.example").symlink_to(tmp_path / "sites" / "a.example")
        wanted = tmp_path / "wanted"
        make(wanted, [b"index.php", b"new\nline", b"added"])
        (wanted / "new\nline").write_bytes(b"changed")
        gone = b"".join(name + b"\0" for name in (b"new\nline", b"-dash", b"d1", b"d2", b"sites"))
        begin = linked(staging, tmp_path / "former", f"{tmp_path}/sites")
        assert 0 == shell.apply(RELEASE, begin, without(staging, packed(gone))).status
        assert not os.path.lexists(staging / "sites")
        assert (staging / "index.php").stat().st_ino == (tmp_path / "former" / "index.php").stat().st_ino
        for name in ("new\nline", "added", "d1", "d2"):
            if (wanted / name).is_dir():
                shutil.copytree(wanted / name, staging / name, symlinks=True)
            else:
                shutil.copy(wanted / name, staging / name)
        read = b"".join(name + b"\0" for name in (b"new\nline", b"added", b"d1/new\nline", b"d2/added"))
        dropped = b"".join(name + b"\0" for name in (b"-dash", b"d2/-dash"))
        ran = accept_difference(
            shell, staging, live, on_the_hub(wanted, tmp_path), live=f"{tmp_path}/former", read=read, dropped=dropped
        )  # fmt: skip
        assert (0, "") == (ran.status, ran.failure)
        assert [] == TestFullLook.look(shell, (live, on_the_hub(wanted, tmp_path)))

    def test_a_linked_file_that_was_changed_by_hand_is_found(self, shell: Shell, tmp_path: Path) -> None:
        make(tmp_path / ".staging", [b"index.php"])
        wanted = on_the_hub(tmp_path / ".staging", tmp_path)
        assert 0 == accept(shell, tmp_path / ".staging", tmp_path / "live", wanted).status
        live, staging, new = tmp_path / "live", tmp_path / ".next", tmp_path / "new"
        (live / "index.php").write_text("by hand")
        begin = linked(staging, live, f"{tmp_path}/sites")
        less = without(staging, packed(b"sites\0"))
        assert 0 == shell.apply(RELEASE, begin, less).status
        ran = accept_difference(shell, staging, new, wanted, live=str(live), read=b"", dropped=b"")
        assert "not what the hub read" in refused(staging, new, wanted, ran)
        assert not new.exists()

    def test_nothing_is_taken_away_or_written_through_a_link_that_somebody_made(
        self, shell: Shell, tmp_path: Path
    ) -> None:
        live, staging, theirs = tmp_path / "live", tmp_path / ".next", tmp_path / "sites" / "a.example"
        (live / "core").mkdir(parents=True)
        (theirs / "files").mkdir(parents=True)
        (theirs / "files" / "dear").write_text("dear")
        (live / "core" / "-x\n").symlink_to(theirs)
        gone, within = b"core/-x\n/files/dear\0core/-x\n/files\0", b"core\0core/-x\n\0core/-x\n/files\0"
        begin = linked(staging, live, "/elsewhere")
        less = without(staging, packed(gone), packed(within))
        ran = shell.apply(RELEASE, begin, less)
        assert (0, "") == (ran.status, ran.failure)
        assert "dear" == (theirs / "files" / "dear").read_text()
        assert [] == list((staging / "core").iterdir())


def packed(names: bytes) -> str:
    return base64.b64encode(names).decode()


def linked(staging: Path, live: Path, sites: str) -> str:
    return ReleaseBegin(staging=str(staging), live=str(live), docroot=str(staging), sites=sites).line


def without(staging: Path, gone: str, within: str = "") -> str:
    return ReleaseWithout(staging=str(staging), gone=gone, within=within).line


class Place(Layout):
    """A platform whose directories are those of a test."""

    def __init__(self, staging: Path, target: Path) -> None:
        super().__init__("code", f"{target.parent}/published", ".", "farm/one")
        self.sites = f"{target.parent}/sites"
        self._staging, self._target = str(staging), str(target)

    def staging(self, digest: str) -> str:
        del digest
        return self._staging

    def release(self, digest: str) -> str:
        del digest
        return self._target


def accept(shell: Shell, staging: Path, target: Path, digest: str, *, damaged: bool = False) -> Ran:
    return shell.apply(*arrival.accept(Place(staging, target), digest, damaged=damaged))


def accept_difference(shell: Shell, staging: Path, target: Path, digest: str, **lists: Any) -> Ran:
    """Do what follows when the stage has its files: nothing goes and nothing is unpacked here."""
    lines = arrival.unpack_difference(
        Place(staging, target), digest, compressed=False, gone=b"", within=b"", **lists
    )  # fmt: skip
    begun = next(number for number, line in enumerate(lines) if line.startswith("release_walk"))
    return shell.apply(RELEASE, *lines[begun:])


def refused(staging: Path, target: Path, digest: str, ran: Ran) -> str:
    return arrival.refusal(Place(staging, target), digest, ran.report.facts) or ""


class TestLife:
    def test_what_arrived_otherwise_is_refused_and_named(self, shell: Shell, tmp_path: Path) -> None:
        make(tmp_path / ".staging", [b"index.php"])
        staging, live = tmp_path / ".staging", tmp_path / "live"
        ran = accept(shell, staging, live, "0" * 64)
        assert 0 == ran.status
        assert on_the_hub(staging, tmp_path) == ran.report.facts["digest"]
        assert refused(staging, live, "0" * 64, ran) == (
            f"what arrived in {staging} is not what the hub read (digest {ran.report.facts['digest']}, not {'0' * 64}). The "
            "source changed while it was copied, or a disk has a problem. The live release is untouched; run it again"
        )
        assert not (tmp_path / "live").exists()

    def test_what_arrived_as_it_was_read_gets_its_name_and_record(self, shell: Shell, tmp_path: Path) -> None:
        make(tmp_path / ".staging", NAMES)
        wanted = on_the_hub(tmp_path / ".staging", tmp_path)
        ran = accept(shell, tmp_path / ".staging", tmp_path / "live", wanted)
        assert (0, "") == (ran.status, refused(tmp_path / ".staging", tmp_path / "live", wanted, ran))
        assert not (tmp_path / ".staging").exists()
        assert (tmp_path / "live" / "sites").is_dir()
        assert (tmp_path / "live.manifest").stat().st_size

    @pytest.mark.skipif(
        shutil.which("rsync") is None, reason="rsync, which mends a release in its place, is not installed"
    )
    def test_a_damaged_release_makes_room(self, shell: Shell, tmp_path: Path) -> None:
        make(tmp_path / ".staging", [b"index.php"])
        make(tmp_path / "live", [b"damaged.php"])
        wanted = on_the_hub(tmp_path / ".staging", tmp_path)
        assert 0 == accept(shell, tmp_path / ".staging", tmp_path / "live", wanted, damaged=True).status
        assert (tmp_path / "live" / "index.php").exists()
        assert not (tmp_path / "live" / "damaged.php").exists()
        assert not (tmp_path / "live.damaged").exists()

    def test_the_newest_stay_and_the_live_one_always(self, shell: Shell, tmp_path: Path) -> None:
        names = [f"{number:016x}" for number in range(6)]
        for number, name in enumerate(names):
            (tmp_path / name / "code").mkdir(parents=True)
            (tmp_path / f"{name}.manifest").touch()
            os.utime(tmp_path / name, (1_000_000 + number, 1_000_000 + number))
        for other in (".staging-x", "theirs", "0123"):
            (tmp_path / other).mkdir()
        live = names[0]
        registry = tmp_path / "machine/sites.d/code"
        stock = shell.apply(RELEASE, script.call("release_stock", str(tmp_path), str(registry))).report.facts
        gone = " ".join(spare(stock, live, 3))
        shell.apply(RELEASE, ReleasePrune(releases=str(tmp_path), live=live, gone=gone, registry=str(registry)).line)
        left = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".pruned-")} - {"machine"}
        assert live in left
        assert {names[5], names[4]} <= left
        assert not {names[1], names[2]} & left
        assert {"theirs", "0123"} <= left, "what is not a release of ours stays"
        assert ".staging-x" not in left
        assert {name.removesuffix(".manifest") for name in left if name.endswith(".manifest")} == {
            name for name in left if name in names
        }

    def test_a_release_that_a_site_is_held_on_stays_also_when_it_was_chosen_before(
        self, shell: Shell, tmp_path: Path
    ) -> None:
        names = [f"{number:016x}" for number in range(3)]
        for name in names:
            (tmp_path / name).mkdir()
        registry = tmp_path / "machine/sites.d/code"
        (tmp_path / "machine/sites.d/other").mkdir(parents=True)
        (tmp_path / "machine/sites.d/other/.held").write_text(f"a.example {tmp_path}/{names[1]} . failed 7 -\n")
        stock = shell.apply(RELEASE, script.call("release_stock", str(tmp_path), str(registry))).report.facts
        assert [names[2]] == spare(stock, names[0], 1)
        pruning = ReleasePrune(
            releases=str(tmp_path), live=names[0], gone=" ".join(names[1:]), registry=str(registry)
        )  # fmt: skip
        shell.apply(RELEASE, pruning.line)
        assert {names[0], names[1]} == {path.name for path in tmp_path.iterdir()} & set(names)

    @pytest.mark.parametrize(
        ("keep", "held", "gone"),
        [(1, "", "bcde"), (3, "", "de"), (3, "b", "e"), (3, "d e ", ""), (9, "", ""), (0, "", "bcde")],
    )
    def test_the_live_one_is_among_those_that_stay(self, keep: int, held: str, gone: str) -> None:
        facts = {
            "releases": " ".join(name * 16 for name in "bacde"),
            "held-on": " ".join(name * 16 for name in held.split()),
        }  # fmt: skip
        assert [name * 16 for name in gone] == spare(facts, "a" * 64, keep)

    def test_without_facts_nothing_goes_and_nothing_differs(self) -> None:
        assert ([], [], None) == (spare({}, "a" * 64, 1), drift({}, "/r"), refusal({}, "p"))
        assert [] == spare({"releases": "theirs .. -rf 0123"}, "a" * 64, 1)

    def test_pruning_where_nothing_is_does_nothing(self, shell: Shell, tmp_path: Path) -> None:
        pruning = ReleasePrune(releases=f"{tmp_path}/none", live="x", gone="", registry="/elsewhere/code")
        assert 0 == shell.apply(RELEASE, pruning.line).status

    def test_facts_before_anything_is_there(self, shell: Shell, tmp_path: Path) -> None:
        facts = shell.check(RELEASE, self.facts(tmp_path)).report.facts
        assert "" == facts["live"]
        assert "staged" not in facts

    def test_facts_of_a_live_release_count_its_files(self, shell: Shell, release: Path, tmp_path: Path) -> None:
        (tmp_path / "published").symlink_to(release)
        facts = shell.check(RELEASE, self.facts(tmp_path, release)).report.facts
        assert (str(release), "yes", "") == (facts["live"], facts["staged"], facts["faults"])
        assert int(facts["files"]) == on_the_hub_files(release, tmp_path)

    @staticmethod
    def facts(place: Path, release: Path | None = None) -> str:
        root = release or place / "none"
        return ReleaseFacts(
            publish_path=f"{place}/published", release=str(root), manifest=f"{root}.manifest", sites=f"{place}/sites"
        ).line

    @staticmethod
    def publishable(
        shell: Shell, place: Path, *, name: str = "code", path: str = "published", mode: str = "apply"
    ) -> Ran:
        """Ask whether a platform may be published, with registries and releases in the test's directory."""
        call = WantPublishable(
            publish_path=f"{place}/{path}",
            registry=f"{place}/sites.d/{name}",
            holder="farm/one",
            releases=f"{place}/.releases/{name}",
        ).line
        return shell.apply(RELEASE, call) if mode == "apply" else shell.check(RELEASE, call)

    @staticmethod
    def mark(place: Path, name: str, *, holder: str = "farm/one", path: str = "published") -> None:
        """Note a platform as it is noted on machines."""
        (place / "sites.d" / name).mkdir(parents=True)
        (place / "sites.d" / name / ".published").write_text(f"{holder}\n{place}/{path}".rstrip("/") + "\n")

    @pytest.mark.parametrize(
        ("there", "marked", "ours"),
        [
            ("nothing", False, True),
            ("link to a release", False, True),
            ("link to elsewhere", True, True),
            ("link to elsewhere", False, False),
            ("broken link", False, False),
            ("file", False, False),
            ("file", True, False),
            ("directory", True, False),
        ],
    )
    def test_a_publish_path_is_ours_when_it_is_free_or_has_our_mark(
        self, there: str, marked: bool, ours: bool, shell: Shell, tmp_path: Path
    ) -> None:
        path = tmp_path / "published"
        if there == "file":
            path.write_text("theirs")
        elif there == "directory":
            path.mkdir()
        elif "link" in there:
            targets = {"broken link": Path("nowhere"), "link to elsewhere": tmp_path}
            path.symlink_to(targets.get(there, tmp_path / ".releases/code/0123456789abcdef"))
        if marked:
            self.mark(tmp_path, "code")
        assert ours is not bool(self.publishable(shell, tmp_path, mode="check").report.drift)
        ran = self.publishable(shell, tmp_path)
        assert (0 if ours else 97) == ran.status
        assert ours is not (f"{path} exists and is not of our making; it was left as it is" in ran.failure)

    @pytest.mark.parametrize("name", ["code", "other"])
    @pytest.mark.parametrize(
        ("path", "apart"), [("published", False), ("published/below", False), ("", False), ("published2", True)]
    )
    def test_a_platform_of_another_stack_keeps_its_name_and_path(
        self, name: str, path: str, apart: bool, shell: Shell, tmp_path: Path
    ) -> None:
        self.mark(tmp_path, name, holder="farm/two", path=path)
        ran = self.publishable(shell, tmp_path)
        assert (0 if apart and name == "other" else 97) == ran.status
        if name == "code":
            assert "the stack farm/two has a platform code on this machine; give yours another name" in ran.failure
        elif not apart:
            assert "where the platform other of the stack farm/two is published, must be apart" in ran.failure
        assert ("If that one is gone for good, remove" in ran.failure) is bool(ran.status)

    def test_a_platform_may_get_another_path_and_a_mark_that_is_cut_off_says_nothing(
        self, shell: Shell, tmp_path: Path
    ) -> None:
        self.mark(tmp_path, "code", path="former")
        self.mark(tmp_path, "other")
        (tmp_path / "sites.d/other/.published").write_text("farm/two")
        assert 0 == self.publishable(shell, tmp_path).status

    def test_a_platform_with_sites_says_which(self, shell: Shell, tmp_path: Path) -> None:
        registry = tmp_path / "registry"
        line, more = script.call("only_without_sites", str(registry)), "fact more done"
        assert "done" == shell.apply(RELEASE, line, more).report.facts["more"]
        registry.mkdir()
        facts = shell.apply(RELEASE, line, more).report.facts
        assert ("done", None) == (facts["more"], refusal(facts, "p"))
        (registry / "www.example.com").touch()
        ran = shell.apply(RELEASE, line, more)
        assert (0, True) == (ran.status, "more" not in ran.report.facts)
        assert refusal(ran.report.facts, "p") == (
            "the platform p has sites with their files here: www.example.com . Remove them first, or leave the platform where it "
            "is. For those that no stack file has, run aegir check-stack"
        )

    def test_sites_of_other_platforms_on_one_of_its_releases_are_named(self, shell: Shell, tmp_path: Path) -> None:
        releases, registry = tmp_path / ".releases/p", tmp_path / "sites.d/p"
        (tmp_path / "sites.d/other").mkdir(parents=True)
        (tmp_path / "sites.d/other/.held").write_text(f"a.example {releases}/{'a1' * 8} . waiting 7 -\n")
        ran = shell.apply(RELEASE, script.call("only_without_sites", str(registry), str(releases)), "fact more done")
        assert "more" not in ran.report.facts
        assert refusal(ran.report.facts, "p") == (
            "sites of other platforms are on a release of p still: a.example . Let pulumi up bring them to their own "
            "platform first"
        )
        assert (
            "done"
            == shell.apply(RELEASE, script.call("only_without_sites", str(registry)), "fact more done").report.facts[
                "more"
            ]
        )


class TestSiteLinks:
    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        for part in ("code/sites/default", "registry", "data/a.example/site", "data/b.example/site", "data/.drupal"):
            (tmp_path / part).mkdir(parents=True)
        (tmp_path / "registry" / "a.example").write_text(
            f"a.example {tmp_path}/data/a.example/site\nwww.a.example {tmp_path}/data/a.example/site\n"
        )
        return tmp_path

    def link(self, shell: Shell, place: Path) -> dict[str, str]:
        ran = shell.apply(
            RELEASE, LinkSites(docroot=f"{place}/code", registry=f"{place}/registry", sites=f"{place}/data").line
        )
        assert 0 == ran.status
        return {path.name: str(path.readlink()) for path in (place / "code/sites").iterdir() if path.is_symlink()}

    def test_every_name_of_a_site_links_to_its_data(self, shell: Shell, place: Path) -> None:
        data = f"{place}/data/a.example/site"
        assert {"a.example": data, "www.a.example": data} == self.link(shell, place)
        assert (place / "code/sites/default").is_dir()

    def test_a_name_that_left_the_registry_loses_its_link(self, shell: Shell, place: Path) -> None:
        (place / "code/sites/old.example").symlink_to(f"{place}/data/b.example/site")
        assert "old.example" not in self.link(shell, place)

    def test_links_of_the_code_itself_and_shared_files_stay(self, shell: Shell, place: Path) -> None:
        (place / "code/sites/theirs").symlink_to("default")
        (place / "code/sites/sites.php").symlink_to(f"{place}/data/.drupal/sites.php")
        assert {"theirs", "sites.php"} <= set(self.link(shell, place))

    def test_links_with_names_that_no_site_has_are_not_taken_for_two(self, shell: Shell, place: Path) -> None:
        self.link(shell, place)
        (place / "code/sites/x\na.example y").symlink_to(f"{place}/data/b.example/site")
        assert {"a.example", "www.a.example", "x\na.example y"} == set(self.link(shell, place))

    def test_a_link_to_another_sites_data_is_corrected(self, shell: Shell, place: Path) -> None:
        (place / "code/sites/a.example").symlink_to(f"{place}/data/b.example/site")
        assert f"{place}/data/a.example/site" == self.link(shell, place)["a.example"]

    def test_where_the_code_has_modules_of_one_site_its_settings_and_files_are_beside_them(
        self, shell: Shell, place: Path
    ) -> None:
        own, data = place / "code/sites/a.example", f"{place}/data/a.example/site"
        (own / "modules/mine").mkdir(parents=True)
        assert {"www.a.example": data} == self.link(shell, place)
        found = {path.name: str(path.readlink()) for path in own.iterdir() if path.is_symlink()}
        assert {name: f"{data}/{name}" for name in ("settings.php", "local.settings.php", "files")} == found
        assert (own / "modules/mine").is_dir()
        (place / "registry" / "a.example").unlink()
        self.link(shell, place)
        assert ["modules"] == [path.name for path in own.iterdir()]

    def test_without_sites_nothing_is_linked(self, shell: Shell, place: Path) -> None:
        (place / "registry" / "a.example").unlink()
        assert {} == self.link(shell, place)


def test_what_all_platforms_use_goes_with_the_last_of_them(shell: Shell, tmp_path: Path) -> None:
    releases, shared = tmp_path / ".releases", tmp_path / ".sites" / ".wordpress" / "wp-config.php"
    (releases / "code").mkdir(parents=True)
    shared.parent.mkdir(parents=True)
    shared.write_text("<?php\n")
    line = script.call("last_shared", str(releases), str(shared))

    shell.apply(RELEASE, line)
    assert shared.exists()
    (releases / "code").rmdir()
    shell.apply(RELEASE, line)
    assert not list((tmp_path / ".sites").iterdir())
