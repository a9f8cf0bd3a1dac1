"""What the hub keeps of releases, packs of them, and how several machines take one step together."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegir_components import settings
from aegir_components.hub.spool import Spool, possible
from aegir_components.providers import switching
from aegir_components.remote import errors, session
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import CommandTimeout, Refused
from aegir_components.remote.together import Together
from aegir_components.sources import records, tree
from aegir_components.sources.faults import SourceError
from aegir_components.sources.resolve import resolve

CONTENTS = st.dictionaries(
    st.binary(min_size=1, max_size=3).filter(lambda path: b"\0" not in path),
    st.sampled_from([b"f 644  a", b"f 644  b", b"f 755  a", b"d 755  ", b"l 777 x "]),
    max_size=8,
)


def record(digest: str = "a1" * 32, platform: str = "code") -> records.Record:
    return records.Record(
        platform=platform, digest=digest, files=3, application="wordpress", docroot=".", source="/srv/code",
        version="6.1", profiles={"standard": "Standard"}, revision="c0ffee",
    )  # fmt: skip


class TestRecords:
    def test_what_went_live_is_known_again_with_its_time(self, tmp_path: Path) -> None:
        records.save(tmp_path, record())
        found = records.load(tmp_path, "code", "a1" * 8)
        assert found is not None
        assert found.time.endswith("Z")
        assert record() == records.Record(**{**{key: getattr(found, key) for key in record().__slots__}, "time": ""})

    def test_one_that_is_not_there_or_broken_is_none(self, tmp_path: Path) -> None:
        assert records.load(tmp_path, "code", "a1" * 8) is None
        records.save(tmp_path, record())
        (tmp_path / "releases" / "code" / f"{'a1' * 8}.json").write_text("{")
        assert records.load(tmp_path, "code", "a1" * 8) is None
        assert [] == records.known(tmp_path, "code")

    def test_platforms_do_not_know_each_others(self, tmp_path: Path) -> None:
        records.save(tmp_path, record(platform="other"))
        assert [] == records.known(tmp_path, "code")

    def test_contents_come_back_and_the_oldest_go(self, tmp_path: Path) -> None:
        held = {b"new\nline": b"f 644  sum", b"link": b"l 777 to here ", b"not-utf8-\xff": b"d 755  "}
        for number in range(4):
            records.save_content(tmp_path, "code", f"{number:064x}"[::-1], held, 2)
            path = tmp_path / "releases" / "code" / f"{f'{number:064x}'[::-1][:16]}.list"
            os.utime(path, (1_000_000 + number, 1_000_000 + number))
        assert held == records.load_content(tmp_path, "code", f"{3:064x}"[::-1][:16])
        assert records.load_content(tmp_path, "code", f"{0:064x}"[::-1][:16]) is None

    def test_a_source_is_read_as_its_digest_is_made(self, tmp_path: Path) -> None:
        source = tmp_path / "code"
        (source / "below").mkdir(parents=True)
        (source / "below" / "file").write_text("text")
        (source / "link").symlink_to("below/file")
        cache = tmp_path / "cache.json"
        digest = tree.read(source, (), ".", cache).digest
        found = records.content(source, (), ".", cache, digest)
        assert digest == tree.digest_of(found)
        assert {b"below", b"below/file", b"link"} == set(found)
        assert list(found).index(b"below") < list(found).index(b"below/file")
        assert found[b"link"].startswith(b"l 777 below/file")
        # Without what was read it is read again, and has to be the same.
        cache.unlink()
        assert list(found.items()) == list(records.content(source, (), ".", cache, digest).items())
        (source / "more").write_text("text")
        tree.read(source, (), ".", cache)
        with pytest.raises(SourceError, match="something else"):
            records.content(source, (), ".", cache, digest)

    def test_what_was_read_is_not_read_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source = tmp_path / "code"
        source.mkdir()
        (source / "file").write_text("text")
        digest = tree.read(source, (), ".", tmp_path / "cache").digest
        monkeypatch.setattr(records, "walk", None)
        assert {b"file"} == set(records.content(source, (), ".", tmp_path / "cache", digest))

    @given(old=CONTENTS, new=CONTENTS)
    def test_a_difference_makes_the_new_one_of_the_old(self, old: tree.Content, new: tree.Content) -> None:
        change = records.difference(old, new)
        made = {path: facts for path, facts in old.items() if path not in change.gone}
        made |= {path: new[path] for path in change.sent}
        assert made == new
        sums = {path for path, facts in old.items() if facts.startswith(b"f")} - set(change.dropped) | set(change.read)
        assert sums == {path for path, facts in new.items() if facts.startswith(b"f")}
        assert not set(change.read) & set(change.dropped)

    def test_what_paths_are_in_is_listed_from_the_outside(self) -> None:
        paths = (b"a/b/c", b"a/b", b"top", b"a b/\n/c")
        assert [b"a", b"a b", b"a b/\n", b"a/b"] == records.within(paths)

    def test_without_a_difference_nothing_is_sent(self) -> None:
        held = {b"a": b"f 644  a"}
        assert records.Difference((), (), (), ()) == records.difference(held, held)


class TestRollbackSetting:
    @staticmethod
    def declared(tmp_path: Path, release: str) -> settings.Settings:
        config = {
            "hub": {"address": "10.0.0.1", "root": str(tmp_path)},
            "servers": {
                "web1.example": {"address": "10.0.0.2", "services": {"web": "apache"}, "ssh": {"trust": "first-use"}}
            },
            "platforms": {"code": {"server": "web1.example", "source": "/srv/is/gone", "rollback": release}},
        }
        return settings.load(config, lambda _path: False)

    def test_a_recorded_release_needs_no_source(self, tmp_path: Path) -> None:
        records.save(tmp_path, record())
        found = resolve(self.declared(tmp_path, "a1" * 8))["code"]
        assert (found.tree.digest, found.code.version, found.code.docroot) == ("a1" * 32, "6.1", ".")
        assert found.code.profiles == ("standard",)

    def test_an_unknown_one_lists_those_that_are_known(self, tmp_path: Path) -> None:
        records.save(tmp_path, record())
        with pytest.raises(settings.SettingsError) as caught:
            resolve(self.declared(tmp_path, "b2" * 8))
        assert f'no release "{"b2" * 8}" is known on the hub; these were live: {"a1" * 8} (wordpress 6.1' in str(
            caught.value
        )

    @pytest.mark.parametrize("wrong", ["A1" * 8, "a1" * 7, "a1" * 32, "../../../../etc"])
    def test_what_names_no_release_is_a_fault(self, wrong: str, tmp_path: Path) -> None:
        with pytest.raises(settings.SettingsError, match="16 hexadecimal digits"):
            self.declared(tmp_path, wrong)


class TestReleaseSetting:
    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        made = tmp_path / "code"
        (made / "wp-includes").mkdir(parents=True)
        (made / "wp-includes" / "version.php").write_text("<?php $wp_version = '6.1';")
        return made

    @staticmethod
    def declared(tmp_path: Path, source: Path, release: str) -> settings.Settings:
        config = {
            "hub": {"address": "10.0.0.1", "root": str(tmp_path)},
            "servers": {
                "web1.example": {"address": "10.0.0.2", "services": {"web": "apache"}, "ssh": {"trust": "first-use"}}
            },
            "platforms": {
                "code": {"server": "web1.example", "source": str(source), **({"release": release} if release else {})}
            },
        }
        return settings.load(config, lambda _path: False)

    def test_the_source_makes_it(self, tmp_path: Path, source: Path) -> None:
        made = resolve(self.declared(tmp_path, source, ""))["code"]
        again = resolve(self.declared(tmp_path, source, made.tree.digest[:16]))["code"]
        assert made == again

    def test_a_known_one_stays_when_the_source_makes_another_by_now(self, tmp_path: Path, source: Path) -> None:
        records.save(tmp_path, record())
        told: list[str] = []
        found = resolve(self.declared(tmp_path, source, "a1" * 8), info=told.append)["code"]
        assert "a1" * 32 == found.tree.digest
        assert [
            f'aegir:platforms["code"].source makes another release by now; {"a1" * 8} stays, which the stack file wants'
        ] == told

    def test_one_that_nobody_knows_is_refused(self, tmp_path: Path, source: Path) -> None:
        made = resolve(self.declared(tmp_path, source, ""))["code"].tree.digest[:16]
        with pytest.raises(settings.SettingsError) as caught:
            resolve(self.declared(tmp_path, source, "b2" * 8))
        assert f'release: the source makes the release "{made}" (from {source}), and not "{"b2" * 8}"' in str(
            caught.value
        )

    def test_a_source_that_is_gone_stops_the_run_all_the_same(self, tmp_path: Path) -> None:
        records.save(tmp_path, record())
        with pytest.raises(settings.SettingsError, match="is no directory"):
            resolve(self.declared(tmp_path, tmp_path / "gone", "a1" * 8))

    def test_what_names_no_release_is_a_fault(self, tmp_path: Path, source: Path) -> None:
        with pytest.raises(settings.SettingsError, match="16 hexadecimal digits"):
            self.declared(tmp_path, source, "latest")


@pytest.mark.skipif(not possible(), reason="no GNU tar here")
class TestSpool:
    def test_every_reader_gets_all_of_it_and_may_begin_again(self, tmp_path: Path) -> None:
        names = [b"-dash", b"new\nline", b"back\\slash", b"*"]
        for name in names:
            (tmp_path / os.fsdecode(name)).write_bytes(name * 1000)
        (tmp_path / "other").touch()
        with Spool(str(tmp_path), names, compress=False) as spool:
            read = [b"".join(spool.chunks()) for _ in range(3)]
            assert "" == spool.fault
        assert 1 == len(set(read))
        with tarfile.open(fileobj=io.BytesIO(read[0]), encoding="utf-8") as archive:
            assert {os.fsdecode(name) for name in names} == set(archive.getnames())
            assert {(0o644, 0)} == {(entry.mode, entry.uid) for entry in archive.getmembers()}

    def test_what_cannot_be_packed_is_told(self, tmp_path: Path) -> None:
        with Spool(str(tmp_path), [b"missing"], compress=False) as spool:
            assert list(spool.chunks()) is not None
        assert "missing" in spool.fault


class TestSession:
    """On this machine, as for a server that is the hub itself."""

    @pytest.fixture
    def here(self) -> Connection:
        return Connection(host="hub", address="127.0.0.1", kind="local")

    @staticmethod
    def me() -> str:
        return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    def test_a_stream_follows_the_script(self, here: Connection) -> None:
        parts: Callable[[], Iterable[bytes]] = lambda: [b"one\n", b"two\0"]  # noqa: E731
        answer = session.send(here, "tr '\\n\\0' '+-'; echo", parts, what="a test", user=self.me(), timeout=20)
        assert "one+two-\n" == answer.stdout

    @pytest.mark.parametrize("go", [True, False])
    def test_a_script_waits_for_the_word(self, go: bool, here: Connection) -> None:
        text = "echo '::ready '; read -r word; echo \"<$word>\""
        answer = session.hold(here, text, lambda: go, what="a test", user=self.me(), timeout=20)
        assert f"<{'go' if go else ''}>" in answer.stdout

    def test_one_that_ends_without_being_ready_was_never_asked(self, here: Connection) -> None:
        def never() -> bool:
            pytest.fail("it was not ready")

        session.hold(here, "exit 0", never, what="a test", user=self.me(), timeout=20)

    def test_a_refusal_and_a_time_limit_are_told(self, here: Connection) -> None:
        why = "printf '::fail %s\\n' \"$(printf 'no room' | base64)\"; exit 97"
        with pytest.raises(Refused, match="a test: no room"):
            session.send(here, why, list, what="a test", user=self.me(), timeout=20)
        with pytest.raises(CommandTimeout, match="a test did not end within"):
            session.send(here, "exec sleep 20", list, what="a test", user=self.me(), timeout=0.5)


class TestTogether:
    @staticmethod
    def meet(work: dict[str, Callable[[Together], bool | None]]) -> dict[str, bool | None]:
        meeting, found = Together(work), {}

        def one(name: str) -> None:
            found[name] = work[name](meeting)

        threads = [threading.Thread(target=one, args=(name,)) for name in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        return found

    def test_all_go_when_all_are_ready_or_have_nothing_to_do(self) -> None:
        found = self.meet({
            "a": lambda meeting: meeting.ready("a"),
            "b": lambda meeting: meeting.ready("b"),
            "c": lambda meeting: meeting.ended("c", well=True),
        })  # fmt: skip
        assert {"a": True, "b": True, "c": None} == found

    def test_none_goes_when_one_failed_before(self) -> None:
        found = self.meet({
            "a": lambda meeting: meeting.ready("a"),
            "b": lambda meeting: meeting.ended("b", well=False),
        })  # fmt: skip
        assert found["a"] is False

    def test_whether_a_machine_was_told_to_go_is_known_without_its_own_words(self) -> None:
        meeting = Together(["a", "b"])
        meeting.ended("b", well=False)
        meeting.ready("a")
        assert (set(), {"a"}) == (meeting.went, meeting.stayed)

    def test_one_that_takes_too_long_stops_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("aegir_components.remote.together.PATIENCE", 0.05)
        meeting = Together(["a", "late"])
        assert meeting.ready("a") is False
        assert meeting.ready("late") is False
        assert (set(), {"a", "late"}) == (meeting.went, meeting.stayed)

    def test_those_that_were_told_to_go_are_known(self) -> None:
        meeting = Together(["a", "b"])
        meeting.ended("b", well=True)
        assert meeting.ready("a")
        assert {"a"} == meeting.went


def test_every_members_state_is_told_when_a_switch_fails() -> None:
    """Only a machine's own script says that it was not switched; one that was cut off may have been."""
    cut = errors.HostUnreachable("x", "the connection broke")
    results: dict[str, errors.HostError | None] = {
        "fails": errors.Refused("fails", "the reload failed"),
        "ready": errors.Refused("ready", "switching: the reload failed"),
        "back": None, "stuck": None, "first": None, "cut": cut, "gone": cut, "new": cut,
    }  # fmt: skip
    undone: dict[str, errors.HostError | None] = {"back": None, "stuck": cut, "cut": None, "gone": cut}
    assert (
        "fails was not switched: the reload failed; ready was ready, and was not switched; "
        "back was switched and has gone back to its former release; "
        "stuck was switched; it could not go back: x: the connection broke; "
        "first has the new release; it had none before; "
        "cut was told to switch (the connection broke) and has gone back to its former release; "
        "gone was told to switch, and which release it has is not known (the connection broke); "
        "it could not go back: x: the connection broke; "
        "new was told to switch (the connection broke); it had none before"
    ) == switching.switch_failure(results, undone, {"cut", "gone", "new"}, {"ready"})
