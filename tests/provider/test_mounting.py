"""A mount is checked in one script; where something deviates, each script does one step and holds the machine's lock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from aegir_components.providers import mounting
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.scripts import script
from aegir_components.services import mounts, nfs
from aegir_components.testing import FakeHost
from aegir_components.testing.plan import read

PATH, SOURCE = "/srv/share", "10.0.0.9:/export"
CONN = Connection(host="web2", address="10.0.0.3")
HUNG = {"mount-status": "137", "mount-table": f"nfs4 {SOURCE} rw,hard", "mount-line": nfs.mount(PATH, SOURCE).line}
GONE = {**HUNG, "mount-table": "nfs4 10.0.0.8:/export rw,hard", "mount-line": "another"}
FINE = {**HUNG, "mount-status": "0", "mount-table": f"nfs4 {SOURCE} {','.join(mounts.NEEDED)}"}


class Machine:
    """Answers each script with the next facts, or as a fake machine would."""

    def __init__(self, *facts: dict[str, str], host: FakeHost | None = None) -> None:
        self.facts, self.host = list(facts), host
        self.asked: list[tuple[script.Mode, list[str]]] = []

    def execute(self, _conn: Connection, mode: script.Mode, lines: Iterable[str], **_given: Any) -> script.Report:
        listed = list(lines)
        self.asked.append((mode, [line for line in listed if "\n" not in line]))
        if self.host is None:
            return script.Report(self.facts.pop(0), (), ())
        text = script.render(mode, listed, holder="a test", lock=False)
        return script.parse(self.host.run(read(text), user="root", text=text))

    @property
    def modes(self) -> list[str]:
        return [mode for mode, _ in self.asked]

    def calls(self, number: int) -> list[str]:
        return [line.split(" ")[0] for line in self.asked[number][1]]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    def made(*facts: dict[str, str], host: FakeHost | None = None) -> Machine:
        machine = Machine(*facts, host=host)
        monkeypatch.setattr(script, "execute", machine.execute)
        return machine

    return made


def place(after: Iterable[str] = ()) -> mounting.Place:
    return mounting.Place(
        conn=CONN, what="looking", holder="a test", timeout=1, mount=nfs.mount(PATH, SOURCE, mark=""),
        before=nfs.client_items(PATH), after=list(after),
    )  # fmt: skip


def test_where_all_is_right_there_is_one_script_that_changes_nothing(machine: Any) -> None:
    asked = machine(FINE)
    place().converged()
    assert ["check"] == asked.modes
    assert [] == list(machine(FINE) and place().checked().drift)


def test_a_new_mount_is_made_with_what_it_needs_before_and_what_needs_it_after(machine: Any) -> None:
    host = FakeHost("web2", "10.0.0.3", lambda *_: pytest.fail("nobody logs in"))
    host.make_directories("/srv")
    asked = machine(host=host)
    share = place(nfs.external_items(PATH))

    assert [
        "packages missing: nfs-common",
        f"share {PATH}: no directory",
        f"mount {PATH}: its line in /etc/fstab is missing or differs",
        f"mount {PATH}: {SOURCE} is not mounted",
    ] == list(share.checked().drift)
    share.converged()
    assert ["check", "check", "apply", "apply", "apply"] == asked.modes
    assert ["want_packages", "want_dir", "mount_off", "mount_bare"] == asked.calls(2)
    assert ["mount_close", "mount_limit", "mount_line", "mount_reload", "mount_start", "mount_facts"] == asked.calls(3)
    assert ["want_shared_place"] == asked.calls(4)
    assert [] == list(share.checked().drift)
    share.removed()
    assert ("mount", PATH) not in host.items


def test_a_server_that_hangs_gets_time_once_and_is_named(machine: Any) -> None:
    asked = machine(HUNG, HUNG)
    with pytest.raises(
        Refused, match=r"^web2: looking: /srv/share does not answer: the NFS server 10\.0\.0\.9 is down"
    ):
        place(["want_shared /srv/share"]).converged()
    assert ["check", "apply"] == asked.modes
    assert ["sleep", "mount_facts"] == asked.calls(1)


def test_another_server_takes_over_from_one_that_is_gone(machine: Any) -> None:
    asked = machine(GONE, {"keeper": "4711", "mount-there": ""}, FINE, {}, {})
    place(["want_shared /srv/share"]).converged(mounting.patience("10.0.0.8:/export", SOURCE))

    assert "patience=10" in asked.asked[0][1][-2]
    assert ["mount_keep", "mount_off", "mount_bare"] == asked.calls(1)
    assert [f"mount_free {PATH} 4711"] == asked.asked[3][1]
    assert ["want_shared"] == asked.calls(4)


def test_what_cannot_be_mounted_is_tried_elsewhere_for_its_reason(machine: Any) -> None:
    missing = {**FINE, "mount-table": ""}
    asked = machine(missing, missing, {"try": "access denied by server"})
    with pytest.raises(
        Refused, match=r"could not be mounted on /srv/share .*: access denied by server On the NFS server"
    ):
        place().converged()
    assert ["mount_off", "mount_start", "mount_facts"] == asked.calls(1)
    assert [f"mount_try path={PATH} source={SOURCE} server=10.0.0.9"] == asked.asked[2][1]


def test_a_mount_that_cannot_be_taken_away_is_named(machine: Any) -> None:
    machine(FINE, FINE)
    with pytest.raises(Refused, match="looking: /srv/share could not be unmounted"):
        place().removed()


@pytest.mark.parametrize(("was", "seconds"), [(None, 35), (SOURCE, 35), ("10.0.0.8:/export", 10)])
def test_only_where_another_export_was_mounted_its_server_gets_little_time(was: str | None, seconds: int) -> None:
    assert seconds == mounting.patience(was, SOURCE)
