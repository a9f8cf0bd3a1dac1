"""``aegir keys rotate``: whatever it is killed at, no machine locks the hub out, and the next run ends it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aegir_components.cli import keys
from aegir_components.cli.ends import Refusal
from aegir_components.hub import keypair
from aegir_components.hub.keypair import KeyPair
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.services import keys as on_machine
from tests.unit.conftest import Shell

NAMES = ("web1", "web2", "db1")


_ask_keygen = keypair.public_of
_known: dict[bytes, str] = {}


def public_of(path: Path) -> str:
    """Return the public key of a private one, for which ``ssh-keygen`` runs only once: a rotation asks 13 times."""
    content = path.read_bytes() if path.exists() else b""
    if content not in _known:
        _known[content] = _ask_keygen(path)
    return _known[content]


class Killed(BaseException):
    """The run ends here, with nothing tidied."""


@dataclass
class Machines:
    """Machines that let keys in, and a run that may be killed before any of its steps."""

    let_in: dict[str, set[str]]
    away: set[str] = field(default_factory=set)
    steps_left: int = 10**6

    @property
    def connections(self) -> dict[str, Connection]:
        return {name: Connection(host=name, address=name, identity="old") for name in self.let_in}

    def step(self) -> None:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise Killed

    def login(self, conn: Connection, identity: Path) -> set[str]:
        self.step()
        if conn.host in self.away:
            raise HostError(conn.host, "it does not answer")
        if public_of(identity) not in self.let_in[conn.host]:
            raise HostError(conn.host, "Permission denied (publickey)")
        return self.let_in[conn.host]

    def add(self, conn: Connection, _accounts: Iterable[str], *, old: str, new: str) -> None:
        known = self.login(conn, Path(conn.identity))
        if old in known:
            known.add(new)

    def prove(self, conn: Connection, identity: Path) -> None:
        self.login(conn, identity)

    def drop(self, conn: Connection, _accounts: Iterable[str], *, old: str, new: str) -> None:
        known = self.login(conn, Path(conn.identity))
        if new in known:
            known.discard(old)


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "id")], check=True)
    return KeyPair(tmp_path / "id")


@pytest.fixture
def machines(pair: KeyPair, monkeypatch: pytest.MonkeyPatch) -> Machines:
    for module in (keypair, keys):
        monkeypatch.setattr(module, "public_of", public_of)
    made = Machines({name: {public_of(pair.identity)} for name in NAMES})
    for name in ("add", "prove", "drop"):
        monkeypatch.setattr(on_machine, name, getattr(made, name))
    for name in ("make_new", "switch", "forget_former"):
        _between(made, monkeypatch, name)
    rename = Path.replace

    def renaming(path: Path, target: Path) -> Path:
        made.step()
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", renaming)
    return made


def _between(made: Machines, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real = getattr(keypair.KeyPair, name)

    def stepping(self: KeyPair) -> None:
        made.step()
        real(self)

    monkeypatch.setattr(keypair.KeyPair, name, stepping)


def left_of(pair: KeyPair) -> list[str]:
    return sorted(path.name for path in pair.identity.parent.glob("id*"))


def test_one_run_changes_the_key_everywhere(pair: KeyPair, machines: Machines) -> None:
    old = public_of(pair.identity)
    assert [] == keys.rotate_key(pair, machines.connections, [])
    assert old != public_of(pair.identity)
    assert [{public_of(pair.identity)}] * 3 == list(machines.let_in.values())
    assert ["id", "id.lock", "id.pub"] == left_of(pair)
    assert public_of(pair.identity) in (pair.identity.parent / "id.pub").read_text()


def test_killed_before_any_step_it_locks_nobody_out_and_the_next_run_ends_it(pair: KeyPair, machines: Machines) -> None:
    for steps in range(60):
        old = public_of(pair.identity)
        machines.steps_left = steps
        try:
            keys.rotate_key(pair, machines.connections, [])
        except Killed:
            machines.steps_left = 10**6
        else:
            assert steps > 15, "every step was one that it was killed at"
            return
        held = {public_of(path) for path in (pair.identity, pair.new, pair.former) if path.exists()}
        assert all(known & held for known in machines.let_in.values()), f"locked out at step {steps}"
        assert all(public_of(pair.identity) in known for known in machines.let_in.values()), f"hub at step {steps}"

        assert [] == keys.rotate_key(pair, machines.connections, [])
        assert [{public_of(pair.identity)}] * 3 == list(machines.let_in.values())
        assert ["id", "id.lock", "id.pub"] == left_of(pair)
        if steps:
            assert old != public_of(pair.identity)
    pytest.fail("it never came to its end")


def test_a_machine_that_is_away_keeps_the_old_key_until_it_is_back(
    pair: KeyPair, machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    old = public_of(pair.identity)
    machines.away = {"web2"}
    assert ["web2"] == keys.rotate_key(pair, machines.connections, [])
    new = public_of(pair.identity)
    assert {"web1": {new}, "web2": {old}, "db1": {new}} == machines.let_in
    said = capsys.readouterr().err
    assert f"web2: it does not answer. The old key stays valid there, and on the hub as {pair.former}" in said
    assert "run the same command again" in said

    # Asked again while it is away nothing is rotated a second time.
    assert ["web2"] == keys.rotate_key(pair, machines.connections, [])
    assert new == public_of(pair.identity)
    machines.away = set()
    assert [] == keys.rotate_key(pair, machines.connections, [])
    assert [{new}] * 3 == list(machines.let_in.values())
    assert not pair.former.exists()


def test_where_no_machine_answers_the_hub_keeps_its_key(pair: KeyPair, machines: Machines) -> None:
    old, machines.away = public_of(pair.identity), set(NAMES)
    with pytest.raises(Refusal, match="no machine has proved the new key"):
        keys.rotate_key(pair, machines.connections, [])
    assert old == public_of(pair.identity)
    machines.away = set()
    assert [] == keys.rotate_key(pair, machines.connections, [])


def test_a_machine_of_no_stack_keeps_the_old_key_on_the_hub(
    pair: KeyPair, machines: Machines, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [] == keys.rotate_key(pair, machines.connections, ["other.example.com"])
    assert pair.former.exists()
    assert "the hub also knows other.example.com, which no stack here has" in capsys.readouterr().err


def test_one_key_of_several_stacks_is_not_changed_for_one_of_them() -> None:
    conns = {name: Connection(host=name, address=name, identity="/k") for name in NAMES}
    with pytest.raises(Refusal, match="/k opens db1, web2 of other stacks as well"):
        keys._refuse_others("/k", {"web1": conns["web1"]}, conns)
    keys._refuse_others("/k", conns, {"other name": Connection(host="other name", address="web1", identity="/k")})


OLD, NEW = "ssh-ed25519 AAAAold", "ssh-ed25519 AAAAnew"
FILE = f"""\
# {OLD} was here
from="192.0.2.1",restrict {OLD} aegir hub
ssh-rsa AAAAother somebody
"""


def ask(shell: Shell, path: Path, function: str) -> dict[str, str]:
    whole = (
        functions("keys").replace('$(key_files "$ak_user")', str(path)).replace('$(key_files "$dk_user")', str(path))
    )
    ran = shell.apply(whole, script.call(function, OLD, NEW, "root"))
    assert ran.status == 0, ran.stderr
    return dict(ran.report.facts)


def test_the_new_line_has_what_stood_around_the_old_key(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "authorized_keys"
    path.write_text(FILE)
    path.chmod(0o640)
    assert {"keys": "1"} == ask(shell, path, "add_key")
    both = FILE.replace("aegir hub\n", f'aegir hub\nfrom="192.0.2.1",restrict {NEW} aegir hub\n')
    assert both == path.read_text()
    assert {"keys": "1"} == ask(shell, path, "add_key"), "once, however often"
    assert both == path.read_text()
    ask(shell, path, "drop_key")
    assert f'from="192.0.2.1",restrict {NEW} aegir hub\nssh-rsa AAAAother somebody\n' == path.read_text()[-len(both) :]
    assert 0o640 == path.stat().st_mode & 0o777


def test_the_old_key_stays_where_the_new_one_is_not(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "authorized_keys"
    path.write_text(FILE)
    ask(shell, path, "drop_key")
    assert FILE == path.read_text()
    path.write_text("ssh-rsa AAAAother somebody\n")
    assert {"keys": "0"} == ask(shell, path, "add_key")
