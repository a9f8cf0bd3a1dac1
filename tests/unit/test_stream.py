"""Scripts whose output is read while they run, on this machine's own shell: what comes through, and how it ends."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from aegir_components.remote import stream
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import CommandTimeout, HostError, Refused

HERE = Connection(host="here", address="localhost", kind="local")
BEGIN = "printf '::started %s\\n' \"$NONCE\"\n"
END = "\nprintf '\\n::ended %s %s\\n' \"$NONCE\" $? >&2"


@pytest.fixture(autouse=True)
def no_other_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "command_as", lambda _login, _user, argv: argv)


def run(body: str, **options: object) -> tuple[int, bytes, bytes]:
    said: dict[str, bytes] = {"out": b"", "err": b""}

    def line(channel: stream.Channel, piece: bytes) -> None:
        said[channel] += piece

    status = stream.run(HERE, body, line, what="trying", timeout=20, **options)  # type: ignore[arg-type]
    return status, said["out"], said["err"]


@pytest.mark.parametrize(
    ("body", "status", "out", "err"),
    [
        ("printf 'a\\nb\\n'", 0, b"a\nb\n", b""),
        ("printf 'no end'", 0, b"no end", b""),
        ("printf '\\377\\000\\033[31m\\n\\n'", 0, b"\xff\x00\x1b[31m\n\n", b""),
        ("printf 'x\\n\\n' >&2", 0, b"", b"x\n\n"),
        ("printf 'x' >&2; (exit 255)", 255, b"", b"x\n"),
        ("(exit 97)", 97, b"", b""),
        ("head -c 200000 /dev/zero | tr '\\0' x", 0, b"x" * 200_000, b""),
    ],
)
def test_output_comes_byte_by_byte_and_the_status_with_it(body: str, status: int, out: bytes, err: bytes) -> None:
    assert (status, out, err) == run(BEGIN + body + END)


def test_a_command_cannot_forge_its_own_end() -> None:
    status, out, err = run(
        BEGIN + "printf '\\n::ended 0 0\\n::started x\\n' >&2; printf '::fail =lies\\n'; (exit 3)" + END
    )
    assert (3, b"::fail =lies\n") == (status, out)
    assert b"::ended 0 0" in err


def test_what_fails_before_the_command_is_the_scripts_own_error() -> None:
    with pytest.raises(Refused, match="trying: no such site"):
        run("printf '::fail =no such site\\n'; exit 97")


def test_a_connection_that_breaks_leaves_the_result_unknown() -> None:
    with pytest.raises(HostError, match="Its result is not known"):
        run(BEGIN + "exit 0")


def test_more_output_than_may_be_ends_it() -> None:
    begun = time.monotonic()
    with pytest.raises(stream.OutputTooLong, match="more than 1 MB"):
        run(BEGIN + "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done" + END, longest=1_000_000)
    assert time.monotonic() - begun < 15


def test_the_script_learns_that_nobody_listens_when_it_is_stopped(tmp_path: Path) -> None:
    told, stop = tmp_path / "told", threading.Event()
    threading.Timer(0.5, stop.set).start()
    body = f"(cat >/dev/null; echo over >{told}) <&0 >/dev/null 2>&1 & exec </dev/null; {BEGIN} sleep 30"
    with pytest.raises(stream.Stopped):
        run(f"exec 7<&0; {body.replace('<&0', '<&7')}", stop=stop)
    deadline = time.monotonic() + 5
    while not told.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_does_not_keep_its_own_time_limit_is_ended_by_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "GRACE", 0.3)
    with pytest.raises(CommandTimeout, match=r"did not end within 0\.2 s"):
        stream.run(HERE, f"{BEGIN}sleep 30{END}", lambda *_: None, what="trying", timeout=0.2)


def test_pulumis_secrets_are_in_no_commands_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "a secret")
    assert b"a secret" not in run(BEGIN + "env" + END)[1]
    assert "a secret" in os.environ.values()
