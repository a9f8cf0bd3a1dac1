"""Names of machines: where they disagree, and the marked block of ``/etc/hosts``, written by real shells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from aegir_components.providers import names as provider
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.services import names

if TYPE_CHECKING:
    from .conftest import Shell
else:
    Shell = Any

NAME, ADDRESS = "web1.example.com", "10.0.0.2"
SERVER = {"hostname": NAME, "forward": ADDRESS, "reverse": f"{NAME} web1"}
HUB = {"forward": ADDRESS, "reverse": NAME}


@pytest.mark.parametrize(
    ("server", "hub", "sentences"),
    [
        pytest.param({}, {}, [], id="all-agree"),
        pytest.param({"hostname": "web1"}, {}, [], id="a-short-hostname-is-one"),
        pytest.param({"forward": "127.0.1.1"}, {}, [], id="debians-own-entry-for-itself"),
        pytest.param({"forward": f"{ADDRESS} fd00::2"}, {"forward": f"fd00::2 {ADDRESS}"}, [], id="two-families"),
        pytest.param(
            {"hostname": "localhost"}, {},
            [f"/etc/hostname of the server says localhost, not {NAME}: hostnamectl set-hostname {NAME}"],
            id="another-hostname",
        ),
        pytest.param(
            {"hostname": ""}, {},
            [f"/etc/hostname of the server says nothing, not {NAME}: hostnamectl set-hostname {NAME}"],
            id="no-hostname",
        ),
        pytest.param(
            {"hostname": "web1.example.org"}, {},
            [f"/etc/hostname of the server says web1.example.org, not {NAME}: hostnamectl set-hostname {NAME}"],
            id="the-same-label-in-another-domain",
        ),
        pytest.param(
            {"forward": ""}, {},
            [f"the server does not resolve {NAME}: add it to your zone, or to /etc/hosts (dns: manage does)"],
            id="unknown-to-the-server",
        ),
        pytest.param(
            {}, {"forward": ""},
            [f"the hub does not resolve {NAME}: add it to your zone, or to /etc/hosts (dns: manage does)"],
            id="unknown-to-the-hub",
        ),
        pytest.param(
            {"forward": "10.0.0.9"}, {},
            [f"the server resolves {NAME} to 10.0.0.9, not to {ADDRESS}"],
            id="another-address-on-the-server",
        ),
        pytest.param(
            {}, {"forward": "10.0.0.8 10.0.0.9"},
            [f"the hub resolves {NAME} to 10.0.0.8, 10.0.0.9, not to {ADDRESS}"],
            id="other-addresses-on-the-hub",
        ),
        pytest.param(
            {}, {"forward": "127.0.1.1"},
            [f"the hub resolves {NAME} to 127.0.1.1, not to {ADDRESS}"],
            id="loopback-on-the-hub-is-wrong",
        ),
        pytest.param(
            {"reverse": "old.example.com"}, {"reverse": ""},
            [
                f"the server resolves {ADDRESS} back to old.example.com, not to {NAME}",
                f"the hub resolves {ADDRESS} back to nothing, not to {NAME}",
            ],
            id="reverse",
        ),
    ],
)  # fmt: skip
def test_each_disagreement_says_who_sees_what(
    server: Mapping[str, str], hub: Mapping[str, str], sentences: list[str]
) -> None:
    assert sentences == names.faults(NAME, ADDRESS, {**SERVER, **server}, {**HUB, **hub})


def test_without_a_declared_address_only_names_are_compared() -> None:
    assert [] == names.faults(NAME, "", {"hostname": NAME, "forward": "10.0.0.9"}, {"forward": "10.0.0.8"})


def test_lines_of_a_hosts_file_are_sorted_and_have_the_short_name() -> None:
    assert "10.0.0.2 web1.example.com web1\n10.0.0.3 db1\n" == names.hosts_text({"10.0.0.3": "db1", "10.0.0.2": NAME})


def block(path: Path, whose: str, text: str) -> list[str]:
    return [functions("names"), script.call("want_hosts_block", str(path), whose, script.encoded(text))]


ORIGINAL = "127.0.0.1\tlocalhost\n\n# mine: é \\n 'quoted' \"$(id)\" `id`\r\n  10.0.0.7   spaced  \n::1 localhost ip6-localhost\n"


class TestBlock:
    def test_it_is_added_changed_and_removed_and_no_other_byte_is(self, shell: Shell, tmp_path: Path) -> None:
        path = tmp_path / "hosts"
        path.write_bytes(ORIGINAL.encode())
        path.chmod(0o640)

        assert (f"{path}: the block of a/b web1 differs",) == shell.check(
            *block(path, "a/b web1", "1.2.3.4 x\n")
        ).report.drift
        assert ORIGINAL.encode() == path.read_bytes(), "a look writes nothing"
        for text in ("1.2.3.4 x\n", "1.2.3.4 x\n1.2.3.5 y\n", "1.2.3.5 y\n"):
            assert shell.apply(*block(path, "a/b web1", text)).report.changed
            assert f"{ORIGINAL}# BEGIN aegir a/b web1\n{text}# END aegir a/b web1\n".encode() == path.read_bytes()
            assert () == shell.check(*block(path, "a/b web1", text)).report.drift
            assert 0o640 == path.stat().st_mode & 0o777
        shell.apply(*block(path, "a/b web1", ""))
        assert ORIGINAL.encode() == path.read_bytes()
        assert ["hosts"] == [entry.name for entry in tmp_path.iterdir() if entry.is_file()]

    def test_those_of_two_stacks_stand_side_by_side(self, shell: Shell, tmp_path: Path) -> None:
        path = tmp_path / "hosts"
        path.write_text(ORIGINAL)
        for whose in ("a/one web1", "a/two web1", "a/one web10"):
            shell.apply(*block(path, whose, f"1.2.3.4 {whose.replace(' ', '.').replace('/', '.')}\n"))
        after = f"{ORIGINAL}# BEGIN aegir a/two web1\n1.2.3.4 a.two.web1\n# END aegir a/two web1\n"
        shell.apply(*block(path, "a/one web1", ""))
        shell.apply(*block(path, "a/one web10", ""))
        assert after.encode() == path.read_bytes()

    def test_it_stays_where_it_stands(self, shell: Shell, tmp_path: Path) -> None:
        path = tmp_path / "hosts"
        path.write_text("1.1.1.1 a\n# BEGIN aegir a/b c\n1.2.3.4 x\n# END aegir a/b c\n2.2.2.2 z\n")
        assert () == shell.check(*block(path, "a/b c", "1.2.3.4 x\n")).report.drift
        shell.apply(*block(path, "a/b c", "1.2.3.5 y\n"))
        assert "1.1.1.1 a\n# BEGIN aegir a/b c\n1.2.3.5 y\n# END aegir a/b c\n2.2.2.2 z\n" == path.read_text()

    def test_lines_behind_it_keep_their_place(self, shell: Shell, tmp_path: Path) -> None:
        path = tmp_path / "hosts"
        path.write_text("1.1.1.1 a\n# BEGIN aegir a/b c\nold\n# END aegir a/b c\n2.2.2.2 z\n")
        shell.apply(*block(path, "a/b c", ""))
        assert "1.1.1.1 a\n2.2.2.2 z\n" == path.read_text()

    @pytest.mark.parametrize("content", ["", "127.0.0.1 localhost", "127.0.0.1 localhost\n"])
    def test_without_one_there_and_none_wanted_not_a_byte_changes(
        self, shell: Shell, tmp_path: Path, content: str
    ) -> None:
        path = tmp_path / "hosts"
        path.write_text(content)
        assert () == shell.apply(*block(path, "a/b c", "")).report.changed
        assert content == path.read_text()

    def test_a_last_line_without_its_end_does_not_run_into_the_block(self, shell: Shell, tmp_path: Path) -> None:
        path = tmp_path / "hosts"
        path.write_text("127.0.0.1 localhost")
        shell.apply(*block(path, "a/b c", "1.2.3.4 x\n"))
        assert "127.0.0.1 localhost\n# BEGIN aegir a/b c\n1.2.3.4 x\n# END aegir a/b c\n" == path.read_text()
        assert () == shell.check(*block(path, "a/b c", "1.2.3.4 x\n")).report.drift

    @pytest.mark.parametrize("text", ["", "1.2.3.4 x\n"])
    @pytest.mark.parametrize(
        "content",
        [
            pytest.param("# BEGIN aegir a/b c\n1.2.3.4 x\n9.9.9.9 theirs\n", id="no-end"),
            pytest.param("9.9.9.9 theirs\n# END aegir a/b c\n", id="no-begin"),
            pytest.param("# END aegir a/b c\n9.9.9.9 theirs\n# BEGIN aegir a/b c\n", id="the-other-way-round"),
            pytest.param("# BEGIN aegir a/b c\n# END aegir a/b c\n" * 2, id="twice"),
        ],
    )
    def test_with_broken_marks_the_file_is_left_as_it_is(
        self, shell: Shell, tmp_path: Path, content: str, text: str
    ) -> None:
        path = tmp_path / "hosts"
        path.write_text(content)
        done = shell.apply(*block(path, "a/b c", text))
        assert "it was left as it is. Correct it by hand" in done.failure
        assert content == path.read_text()
        assert shell.check(*block(path, "a/b c", text)).report.drift

    def test_a_link_stays_a_link(self, shell: Shell, tmp_path: Path) -> None:
        (tmp_path / "real").write_text("127.0.0.1 localhost\n")
        path = tmp_path / "hosts"
        path.symlink_to("real")
        shell.apply(*block(path, "a/b c", "1.2.3.4 x\n"))
        assert path.is_symlink()
        assert "1.2.3.4 x" in (tmp_path / "real").read_text()


class TestPlaces:
    INPUTS = provider.NamesInputs(
        host=NAME, holder="aegir/test", mode="manage", address=ADDRESS, entries={ADDRESS: NAME},
        connection=Connection(host=NAME, address=ADDRESS),
    )  # fmt: skip

    def test_a_managed_name_is_written_on_the_server_and_on_the_hub(self) -> None:
        assert [NAME, "the hub"] == [conn.host for conn, _ in provider._places(self.INPUTS)]

    def test_the_hub_itself_has_one_block(self) -> None:
        local = replace(self.INPUTS, connection=Connection(host=NAME, address=ADDRESS, kind="local"))
        assert [NAME] == [conn.host for conn, _ in provider._places(local)]

    @pytest.mark.parametrize("mode", ["warn", "strict"])
    def test_nothing_is_looked_at_on_the_hub_by_a_script_where_nothing_is_managed(
        self, mode: Literal["warn", "strict"]
    ) -> None:
        places = provider._places(replace(self.INPUTS, mode=mode))
        assert [NAME] == [conn.host for conn, _ in places]
        assert not [line for line in places[0][1] if line.startswith("want_hosts_block")]

    def test_without_a_declared_address_the_hub_gets_no_line(self) -> None:
        _, (_, lines) = provider._places(replace(self.INPUTS, address=""))
        assert script.call("want_hosts_block", "/etc/hosts", f"aegir/test {NAME}", "") in lines
