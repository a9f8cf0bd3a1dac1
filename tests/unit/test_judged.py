"""Every place where another program's output or status is judged: it names the true reason and machine, and what to type."""

from __future__ import annotations

import errno
import gzip
import subprocess
import tarfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from aegir_components.archives import keeping
from aegir_components.deploy import access
from aegir_components.mysql.client import Endpoint
from aegir_components.providers.lifecycle import Lifecycle
from aegir_components.remote import classify, multiplex, noise, rsync
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import CommandFailed, HostError, Refused

CONN = Connection(host="web1", address="192.0.2.11", user="deploy", identity="/k")
END = "a test"

LOGINS: dict[str, tuple[str, str]] = {
    # What ssh and sudo said on Debian 12, with OpenSSH 9.2 and sudo 1.9.13; then a part of what is told.
    "no such name": (
        "ssh: Could not resolve hostname web9: Name or service not known",
        "the hub cannot resolve 192.0.2.11: there is no such name",
    ),
    "no name server": (
        "ssh: Could not resolve hostname web9: Temporary failure in name resolution",
        "the hub's name servers do not answer (/etc/resolv.conf)",
    ),
    "nobody listens": ("ssh: connect to host 192.0.2.11 port 22: Connection refused", "no sshd listens there"),
    "nobody answers": ("ssh: connect to host 192.0.2.11 port 22: Connection timed out", "Check that the machine is on"),
    "no way": ("ssh: connect to host 192.0.2.11 port 22: No route to host", "Check that the machine is on"),
    "too many": (
        "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 192.0.2.11 port 22",
        "MaxStartups",
    ),
    "not accepted": ("deploy@192.0.2.11: Permission denied (publickey).", "Put the public key into"),
    "expired": (
        "WARNING: Your password has expired.\nPassword change required but no TTY available.",
        "its password has expired. As root: chage -M -1 deploy",
    ),
    "ended": (
        "Your account has expired; please contact your system administrator.\nConnection closed by 192.0.2.11 port 22",
        "the account has ended. As root: chage -E -1 deploy",
    ),
}


@pytest.mark.parametrize("name", LOGINS)
def test_a_login_that_fails(name: str) -> None:
    said, told = LOGINS[name]
    text = str(classify.login_failure(CONN, said))
    assert text.startswith("web1: ssh deploy@192.0.2.11 port 22")
    assert told in text
    assert "chsh" not in text


COMMANDS: dict[str, tuple[int, str, str, str]] = {
    # Status, output and error before our first line, and what is told.
    "requiretty": (1, "", "sudo: sorry, you must have a tty to run sudo", "Defaults:deploy !requiretty"),
    "a password for sudo": (1, "", "sudo: a password is required", "NOPASSWD: ALL"),
    "no sudo": (127, "", "bash: line 1: exec: sudo: not found", "apt-get install sudo"),
    "a login shell that says so": (1, "This account is currently not available.\n", "", "chsh -s /bin/sh deploy"),
    "a full disk": (
        1,
        "",
        "bash: cannot create temp file for here-document: No space left on device",
        "a file system of the machine is full. Look there: df -h; df -i",
    ),
    "a quota": (1, "", "mktemp: failed to create file: Disk quota exceeded", "the quota of deploy is used up"),
    "read-only": (1, "", "mktemp: failed to create file: Read-only file system", "findmnt -O ro"),
    "an ended account": (
        255,
        "",
        "Your account has expired; please contact your system administrator.",
        "chage -E -1 deploy",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_session_that_ends_before_our_first_line(name: str) -> None:
    status, printed, said, told = COMMANDS[name]
    text = str(classify.command_failure(CONN, END, status, printed, said))
    assert text.startswith("web1: ")
    assert told in text
    assert ("chsh" in text) == ("chsh" in told)


def test_locales_and_greetings_are_no_reason() -> None:
    noise_ = (
        "bash: warning: setlocale: LC_ALL: cannot change locale (en_US.UTF-8)\n"
        "perl: warning: Setting locale failed.\nlocale: Cannot set LC_CTYPE to default locale: No such file or directory\n"
    )
    said = classify.command_failure(CONN, END, 3, f"Welcome!\n{classify.BEGIN}\n", f"{noise_}tar: it broke\n")
    assert str(said) == f"web1: {END} exited 3: tar: it broke"


RSYNC: dict[str, tuple[int, str, str, str]] = {
    "a shell that prints": (
        2,
        "protocol version mismatch -- is your shell clean?\n(see the rsync manpage for an explanation)",
        "web1: rsync of /a to /b could not begin: the login shell of deploy prints something",
        "case $- in *i*)",
    ),
    "the hub's disk": (
        23,
        'rsync: [sender] read errors mapping "/a/x": Input/output error (5)',
        "the hub: rsync of /a to /b ended, since the hub's own disk has a problem",
        "Input/output error",
    ),
    "the machine's disk": (
        11,
        'rsync: [receiver] write failed on "/b/x": No space left on device (28)',
        "web1: rsync of /a to /b ended with 11",
        "No space left on device",
    ),
    "not installed": (127, "bash: line 1: rsync: command not found", "web1: ", "rsync is not installed there"),
}


@pytest.mark.parametrize("name", RSYNC)
def test_a_copy_that_fails(name: str) -> None:
    status, said, begins, told = RSYNC[name]
    with pytest.raises(HostError) as failed:
        rsync._judge(CONN, subprocess.CompletedProcess([], status, "", said), "/a", "/b")
    assert str(failed.value).startswith(begins)
    assert told in str(failed.value)


DATABASE: dict[str, str] = {
    "ERROR 2003 (HY000): Can't connect to MySQL server on '192.0.2.12:3306' (111)": "Check bind-address under [mysqld]",
    "ERROR 1045 (28000): Access denied for user 'x'@'192.0.2.99'": "It connects from another address",
    "ERROR 2026 (HY000): TLS/SSL error: self-signed certificate": "another server, or has lost its certificate",
    "sh: 1: mysql: not found": "apt-get install default-mysql-client",
}


@pytest.mark.parametrize("said", DATABASE)
def test_a_login_to_a_database_that_fails(said: str) -> None:
    where = Endpoint(server="db1", address="192.0.2.12", port=3306, user="x", password="x")
    assert DATABASE[said] in access.explain(where, "192.0.2.11", said)


APT: dict[str, str] = {
    "E: Release file for http://x/InRelease is not valid yet (invalid for another 3h 2min). Updates": "timedatectl set-ntp true",
    "E: You don't have enough free space in /var/cache/apt/archives/.": "Make room: ",
    "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 12 (apt)": "wait for its end",
    "Err:1 http://x bookworm InRelease Temporary failure resolving 'x'": "/etc/resolv.conf",
    "E: Unable to locate package php8.9-fpm": "Its package sources do not have it",
    "W: GPG error: http://x NO_PUBKEY 0E98404D386FA1D9": "renew that key",
    "E: Failed to fetch http://x  Connection refused": "Check the machine's network",
    "W: Failed to fetch http://x  Could not connect to 127.0.0.1:9\nE: Unable to locate package rsync": "Check the machine's",
    "W: Failed to fetch http://x  Temporary failure resolving 'x'\nE: Unable to locate package rsync": "/etc/resolv.conf",
    "W: GPG error: http://x NO_PUBKEY 1\nW: Failed to fetch http://x": "is signed by a key",
}


@pytest.mark.parametrize("said", APT)
def test_what_apt_says(said: str) -> None:
    prelude = resources.files("aegir_components.scripts").joinpath("prelude.sh").read_text()
    script = f'MODE=check\n{prelude}\napt_advice "$1"'
    done = subprocess.run(["sh", "-c", script, "sh", said], capture_output=True, text=True, timeout=20, check=True)
    assert APT[said] in done.stdout


def packed(tmp_path: Path) -> bytes:
    (tmp_path / "in").write_text("a page")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "in", "in")
    return (tmp_path / "x.tar.gz").read_bytes()


def test_what_a_shell_prints_before_an_archive_is_cut_off(tmp_path: Path) -> None:
    whole = packed(tmp_path)
    came = tmp_path / "came"
    for before in (b"", b"Welcome to web1!\n\x1b[0m"):
        came.write_bytes(before + whole)
        noise.cut(CONN, came)
        assert whole == came.read_bytes()
    came.write_bytes(b"Welcome to web1!\n")
    with pytest.raises(CommandFailed, match="the login shell of deploy prints something"):
        noise.cut(CONN, came)


def fails(told: str) -> Callable[..., Any]:
    def go(_conn: Connection, _work: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess([], 255, b"", told.encode())

    return go


def test_a_full_hub_is_not_the_web_servers_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiplex, "in_session", fails("write: No space left on device"))
    with pytest.raises(CommandFailed, match=r"^web1: tar exited 255"):
        keeping._stream(CONN, ["tar"], tmp_path / "a")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CommandFailed, match=r"^the hub: .* cannot be written \(No space left on device\).*df -h"):
        keeping._stream(CONN, ["tar"], tmp_path / "b")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("number", "told"), [(errno.ENOSPC, "df -i"), (errno.EDQUOT, "quota"), (errno.EROFS, "findmnt -T")]
)
def test_an_error_of_the_hubs_disk_names_the_hub(number: int, told: str, tmp_path: Path) -> None:
    def work() -> None:
        raise OSError(number, "it cannot be", str(tmp_path / "none" / "x"))

    with pytest.raises(RuntimeError, match=r"^the hub: ") as failed:
        Lifecycle[Any, Any]()._guarded({}, work)
    assert told in str(failed.value)
    assert str(tmp_path) in str(failed.value)


def test_a_dump_that_breaks_off_is_named_as_that(tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.write_bytes(gzip.compress(b"-- a dump\n" * 1000)[:-20])
    with pytest.raises(Refused, match=r"arrived damaged .*nothing was removed"):
        keeping._check_end(CONN, "x", dump)


def test_the_reason_of_a_dump_is_not_lost_behind_a_pipe() -> None:
    command = keeping._both("sh -c 'echo mysqldump: Error 1356: View references invalid >&2; exit 2'")
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=20, check=False)
    assert 2 == done.returncode
    assert b"Error 1356" in done.stderr
