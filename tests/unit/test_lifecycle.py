"""The few functions under every provider, the names of backups, and the doubles that tests rely on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aegir_components.archives import keeping
from aegir_components.archives import names as archive_names
from aegir_components.inputs.props import Known, Props
from aegir_components.providers import lifecycle, raw
from aegir_components.remote import errors
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script
from aegir_components.testing import FakeFarm
from aegir_components.testing.plan import read, unquoted

few = settings(max_examples=80, deadline=None)
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


class TestNormal:
    @few
    @given(value=VALUES)
    def test_it_is_stable(self, value: Any) -> None:
        assert raw.normal(value) == raw.normal(raw.normal(value))

    @pytest.mark.parametrize(
        ("one", "other"),
        [(4, 4.0), ({"a": None, "b": 1}, {"b": 1.0}), ((1, 2), [1.0, 2.0]), ({"a": {"b": None}}, {"a": {}})],
    )
    def test_alike(self, one: object, other: object) -> None:
        assert raw.normal(one) == raw.normal(other)

    @pytest.mark.parametrize(
        ("one", "other"), [(True, False), ("1", 1), ([1, 2], [2, 1]), ({"a": ""}, {}), ("", None), ([None], [])]
    )
    def test_not_alike(self, one: object, other: object) -> None:
        assert raw.normal(one) != raw.normal(other)


class TestChangedKeys:
    @few
    @given(props=st.dictionaries(st.text(min_size=1, max_size=5), VALUES, max_size=5))
    def test_nothing_differs_from_itself(self, props: dict[str, Any]) -> None:
        assert [] == raw.changed_keys(props, props)

    def test_only_inputs_count(self) -> None:
        assert [] == raw.changed_keys(
            {"a": 1, "computed": "x", "__provider": "old"}, {"a": 1, "__provider": "new"}, ("computed",)
        )

    def test_an_input_that_is_no_longer_given_is_a_change(self) -> None:
        assert ["name"] == raw.changed_keys({"site": "a", "name": "b"}, {"site": "a"})
        assert [] == raw.changed_keys({"site": "a", "name": None}, {"site": "a"})

    def test_they_are_sorted(self) -> None:
        assert ["a", "b", "c"] == raw.changed_keys({"b": 1}, {"c": 1, "b": 2, "a": 3})

    @pytest.mark.parametrize("new", [pulumi.UNKNOWN, [pulumi.UNKNOWN], {"deep": {"er": [pulumi.UNKNOWN]}}])
    def test_what_is_unknown_differs(self, new: Any) -> None:
        assert ["a"] == raw.changed_keys({"a": new}, {"a": new})


class TestRedacted:
    def test_the_longest_goes_first(self) -> None:
        assert "x [secret] y" == raw.redacted("x password-long y", ["password", "password-long"])

    def test_all_of_them_everywhere(self) -> None:
        assert "[secret][secret] [secret]" == raw.redacted("oneXtwoX oneX", ["oneX", "twoX"])

    def test_a_short_one_would_match_at_random(self) -> None:
        assert "the cat" == raw.redacted("the cat", ["th", ""])

    @few
    @given(secret=st.text(min_size=4, max_size=20), before=st.text(max_size=10), after=st.text(max_size=10))
    def test_none_is_left(self, secret: str, before: str, after: str) -> None:
        shown = raw.redacted(f"{before}\0{secret}\0{after}", [secret])
        assert secret not in shown.replace("[secret]", "") or secret in f"{before}\0{after}"


def test_the_base_class_promises_nothing_by_itself() -> None:
    base = lifecycle.Lifecycle[Props, Props]()
    for call in (base.identity, base.observe, base.remove, lambda inputs: base.converge(inputs, None)):
        with pytest.raises(NotImplementedError):
            call(Props())
    known = Known(Props())
    assert ({}, {}) == (base.problems(known), base.rejected(Props(), known))


class TestBackups:
    @pytest.fixture
    def conn(self, tmp_path: Path) -> Connection:
        return Connection(host="web1", address="10.0.0.2", hub_root=str(tmp_path))

    def test_the_directory_is_private(self, conn: Connection) -> None:
        assert 0o700 == archive_names.directory(conn).stat().st_mode & 0o777

    def test_a_directory_that_is_not_there_needs_no_backup(self, conn: Connection) -> None:
        farm = FakeFarm()
        farm.host("web1", "10.0.0.2")
        with farm.installed():
            assert keeping.save_files(conn, "/var/aegir/none", "www.example.com") is None

    def test_files_are_kept_under_site_time_and_machine(self, conn: Connection) -> None:
        farm = FakeFarm()
        host = farm.host("web1", "10.0.0.2")
        host.items["directory", "/srv/site"] = ()
        host.items["file", "/srv/site/a"] = ("root", "root", "644", "")
        with farm.installed():
            kept = keeping.save_files(conn, "/srv/site", "www.example.com")
        assert kept is not None
        assert re.fullmatch(r"www\.example\.com-\d{8}T\d{6}Z-web1-files\.tar\.gz", kept.name)
        assert [kept] == archive_names.kept(conn, "www.example.com")

    def test_a_sites_backups_are_its_own_and_no_part_of_one(self, conn: Connection) -> None:
        place = archive_names.directory(conn)
        for name in (
            "www.example.com-20260101T000000Z.sql.gz",
            "www.example.com-20250101T000000Z-web1-files.tar.gz",
            "www.example.com.au-20260101T000000Z.sql.gz",
            "wwwXexample.com-20260101T000000Z.sql.gz",
            "example.com-20260101T000000Z.sql.gz",
            "www.example.com-notes.txt",
        ):
            (place / name).touch()
        assert ["www.example.com-20250101T000000Z-web1-files.tar.gz", "www.example.com-20260101T000000Z.sql.gz"] == [
            path.name for path in archive_names.kept(conn, "www.example.com")
        ]


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


class TestDoubles:
    @few
    @given(arguments=st.lists(TEXT, min_size=1, max_size=4))
    def test_a_plan_reads_back_whatever_its_arguments_are(self, arguments: list[str]) -> None:
        section = [script.call("want_other", *arguments)]
        text = script.render(
            "apply",
            [script.call("want_it", *arguments), script.transaction("part", section, test="t", reload="r")],
            holder="h",
            lock=False,
        )
        plan = read(text)
        assert "apply" == plan.mode
        assert ("want_it", *arguments) in plan.calls
        assert ("transaction", "part", "t", "r") in plan.calls
        assert ("want_other", *arguments) in plan.functions["part"]

    @pytest.mark.parametrize(
        ("word", "expected"), [("a'b c'd", "ab cd"), ("\"$(x 'y')\"/z", "$(x 'y')/z"), ("a\\ b", "a b"), ("''", "")]
    )
    def test_quotes_are_a_shells(self, word: str, expected: str) -> None:
        assert expected == unquoted(word)

    def test_a_machine_that_nobody_added_does_not_answer(self) -> None:
        with FakeFarm().installed(), pytest.raises(errors.HostUnreachable, match="web9"):
            script.execute(Connection(host="web9", address="10.0.0.9"), "check", [], what="looking")

    def test_nothing_stays_replaced_after_its_block(self) -> None:
        from aegir_components.remote import ssh

        before = ssh.run
        with FakeFarm().installed():
            assert ssh.run != before
        assert ssh.run is before

    def test_a_transaction_reloads_once_and_only_after_a_change(self) -> None:
        farm = FakeFarm()
        host = farm.host("web1", "10.0.0.2")
        conn = Connection(host="web1", address="10.0.0.2")
        lines = [
            script.transaction("web", [script.file("/etc/x", "a"), script.file("/etc/y", "b")], test="t", reload="r")
        ]
        with farm.installed():
            assert 2 == len(script.execute(conn, "check", lines, what="x").drift)
            for _ in range(2):
                script.execute(conn, "apply", lines, what="x")
        assert ["r"] == host.reloads
        assert {"/etc/x": "a", "/etc/y": "b"} == host.files
