"""The way to a machine: each thing that can be wrong with it is told apart, and one login is enough for all."""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from aegir_components.archives import keeping
from aegir_components.messages.printable import printable
from aegir_components.remote import forward, hostkeys, multiplex, rsync, ssh
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import (
    CommandFailed,
    CommandTimeout,
    ConnectionRefused,
    HostKeyChanged,
    HostKeyUnknown,
    HostUnreachable,
    KeyNotAccepted,
    LoginClosed,
    Refused,
    SudoRefused,
)
from aegir_components.scripts import script
from lab import Host, HostSpec, Lab
from tests.integration import firewall
from tests.integration.farm import logins, now

pytestmark = [pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]

RESTART = "systemctl reset-failed ssh; systemctl restart ssh"
"""Shell: a reload returns before sshd has read anything. systemd refuses a service that starts too often, as here."""
USERS = ("nobodyhome", "nologin", "plain", "asks", "noisy", "noshell", "expired", "ended", "terminal")


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    made = lab_factory("transport", [HostSpec("one", users=USERS), HostSpec("two", admin="debian")])
    made.host("one").run("""
        usermod -s /bin/false nobodyhome
        usermod -s /usr/sbin/nologin nologin
        usermod -s /no/such/shell noshell
        for user in expired ended terminal; do echo "$user ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/$user; done
        echo 'Defaults:terminal requiretty' >>/etc/sudoers.d/terminal
        chage -d 0 expired; chage -E 1 ended
        echo 'asks ALL=(ALL) ALL' >/etc/sudoers.d/asks
        echo 'noisy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/noisy
        echo 'Welcome to the machine; it is watched' >/etc/issue.net
        echo 'Banner /etc/issue.net' >/etc/ssh/sshd_config.d/20-banner.conf
        systemctl restart ssh
        printf 'echo a line from .profile; echo another >&2\\n' | tee /home/noisy/.profile /home/noisy/.bash_profile >/dev/null
        printf 'echo a line from .bashrc; echo another >&2\\\n' >/home/noisy/.bashrc
        printf '#!/bin/sh\\necho motd\\n' >/etc/update-motd.d/99-noise; chmod 755 /etc/update-motd.d/99-noise
    """)  # fmt: skip
    return made


@pytest.fixture
def conn(lab: Lab, tmp_path: Path) -> Iterator[Connection]:
    """A connection to `one` that no other test uses."""
    host = lab.host("one")
    made = to(host, tmp_path, lab)
    host.run("systemctl reset-failed ssh; systemctl is-active -q ssh || systemctl restart ssh")
    yield made
    multiplex.disconnect(made)


def to(host: Host, hub: Path, lab: Lab, user: str = "") -> Connection:
    return Connection(
        host=host.spec.fqdn,
        address=host.address,
        user=user or host.spec.login,
        identity=str(lab.identity),
        known_hosts=str(lab.known_hosts),
        hub_root=str(hub),
        patience=2.0,
    )


def hello(conn: Connection, text: str = "echo hello; id -un", timeout: float = 30.0, user: str = "root") -> str:
    return ssh.run(conn, text, what="saying hello", timeout=timeout, user=user).stdout


def test_a_machine_answers_as_root(conn: Connection) -> None:
    assert "hello\nroot\n" == hello(conn)


def test_a_login_with_sudo_becomes_root(lab: Lab, tmp_path: Path) -> None:
    conn = to(lab.host("two"), tmp_path, lab)

    assert "hello\nroot\n" == hello(conn)
    multiplex.disconnect(conn)


def test_an_address_that_nobody_has_is_unreachable(conn: Connection, lab: Lab) -> None:
    nobody = replace(conn, address=lab.hub_address.rpartition(".")[0] + ".250")

    begun = time.monotonic()
    with pytest.raises(HostUnreachable) as caught:
        hello(nobody)

    assert 60 > time.monotonic() - begun
    assert nobody.address in str(caught.value)
    assert "one.lab.test" in str(caught.value)
    assert "firewall" in str(caught.value)


def test_a_name_that_does_not_resolve_is_unreachable(conn: Connection) -> None:
    with pytest.raises(HostUnreachable, match=r"no-such-host\.invalid"):
        hello(replace(conn, address="no-such-host.invalid"))


def test_a_stopped_sshd_is_a_refused_connection(conn: Connection, lab: Lab) -> None:
    host = lab.host("one")
    host.run("systemctl stop ssh ssh.socket 2>/dev/null; systemctl stop ssh")
    try:
        with pytest.raises(ConnectionRefused, match="no sshd listens there"):
            hello(conn)
    finally:
        host.run("systemctl start ssh")


def test_a_machine_that_boots_is_waited_for(conn: Connection, lab: Lab) -> None:
    host = lab.host("one")
    host.run("systemctl stop ssh; systemd-run -q --on-active=3 --timer-property=AccuracySec=100ms systemctl start ssh")

    assert "hello\nroot\n" == hello(replace(conn, patience=60.0))


def test_a_frozen_machine_ends_at_a_time_limit(conn: Connection, lab: Lab) -> None:
    host = lab.host("one")
    host.pause()
    try:
        begun = time.monotonic()
        with pytest.raises(HostUnreachable):
            hello(conn)
        assert 90 > time.monotonic() - begun
    finally:
        host.unpause()


def test_fact_02_another_host_key_is_refused_with_both_fingerprints_before_any_command(
    conn: Connection, lab: Lab
) -> None:
    since = now(lab.host("one"))
    pinned, shown = lab.host("two").host_key, lab.host("one").host_key
    wrong = replace(conn, host_key=pinned, known_hosts="")

    with pytest.raises(HostKeyChanged) as caught:
        hello(wrong)

    assert hostkeys.fingerprint(pinned) in str(caught.value)
    assert hostkeys.fingerprint(shown) in str(caught.value)
    assert 0 == logins(lab.host("one"), since)


def test_another_fingerprint_is_refused_with_both(conn: Connection, lab: Lab) -> None:
    pinned, shown = lab.host("two").host_key, lab.host("one").host_key
    wrong = replace(conn, host_key=hostkeys.fingerprint(pinned), known_hosts="")

    with pytest.raises(HostKeyChanged) as caught:
        hello(wrong)

    assert hostkeys.fingerprint(pinned) in str(caught.value)
    assert hostkeys.fingerprint(shown) in str(caught.value)


def test_the_right_fingerprint_is_enough(conn: Connection, lab: Lab) -> None:
    right = replace(conn, host_key=hostkeys.fingerprint(lab.host("one").host_key), known_hosts="")

    assert "hello\nroot\n" == hello(right)
    multiplex.disconnect(right)


def test_a_machine_without_a_pinned_key_is_not_talked_to(conn: Connection, lab: Lab) -> None:
    since = now(lab.host("one"))

    with pytest.raises(HostKeyUnknown, match=r"ssh\.host_key"):
        hello(replace(conn, known_hosts=""))

    assert 0 == logins(lab.host("one"), since)


def test_trust_on_first_use_is_recorded_and_a_later_change_refused(conn: Connection, lab: Lab) -> None:
    trusting = replace(conn, known_hosts="", trust="first-use")
    assert "hello\nroot\n" == hello(trusting)
    multiplex.disconnect(trusting)
    record = hostkeys.record_path(trusting)
    record.write_text(f"{trusting.host} {lab.host('two').host_key}\n")

    with pytest.raises(HostKeyChanged):
        hello(trusting)

    assert lab.host("two").host_key in record.read_text(), "the record stays as it was"


@pytest.mark.parametrize("user", ["nobodyhome", "nologin"])
def test_a_login_that_is_closed_at_once_is_told_with_chsh(lab: Lab, tmp_path: Path, user: str) -> None:
    conn = to(lab.host("one"), tmp_path, lab, user)

    with pytest.raises(LoginClosed, match=f"chsh -s /bin/sh {user}"):
        hello(conn)
    multiplex.disconnect(conn)


@pytest.mark.parametrize(
    ("user", "kind", "way"),
    [
        ("expired", LoginClosed, "its password has expired. As root: chage -M -1 expired"),
        ("ended", LoginClosed, "the account has ended. As root: chage -E -1 ended"),
        ("terminal", SudoRefused, r"Defaults:terminal !requiretty"),
    ],
)
def test_an_account_that_may_not_work_is_told_by_its_reason(
    lab: Lab, tmp_path: Path, user: str, kind: type[Exception], way: str
) -> None:
    conn = to(lab.host("one"), tmp_path, lab, user)

    with pytest.raises(kind, match=way) as told:
        hello(conn)
    assert "chsh" not in str(told.value)
    multiplex.disconnect(conn)


def test_a_shell_that_is_not_there_is_named_among_the_reasons(lab: Lab, tmp_path: Path) -> None:
    conn = to(lab.host("one"), tmp_path, lab, "noshell")

    with pytest.raises((KeyNotAccepted, LoginClosed), match="shell"):
        hello(conn)
    multiplex.disconnect(conn)


def test_a_login_that_sudo_asks_for_a_password_is_told_how_to_allow_it(lab: Lab, tmp_path: Path) -> None:
    conn = to(lab.host("one"), tmp_path, lab, "asks")

    with pytest.raises(SudoRefused, match="NOPASSWD"):
        hello(conn)
    multiplex.disconnect(conn)


def test_a_login_that_may_not_use_sudo_is_told_so(lab: Lab, tmp_path: Path) -> None:
    conn = to(lab.host("one"), tmp_path, lab, "plain")

    with pytest.raises(SudoRefused, match="plain"):
        hello(conn)
    multiplex.disconnect(conn)


def test_a_machine_without_sudo_is_told_so(lab: Lab, tmp_path: Path) -> None:
    host, conn = lab.host("two"), to(lab.host("two"), tmp_path, lab)
    host.run("mv /usr/bin/sudo /usr/bin/sudo.away")
    try:
        with pytest.raises(SudoRefused, match="apt-get install sudo"):
            hello(conn)
    finally:
        host.run("mv /usr/bin/sudo.away /usr/bin/sudo")
        multiplex.disconnect(conn)


def test_a_key_that_is_not_accepted_is_told_so(conn: Connection, tmp_path: Path) -> None:
    identity = tmp_path / "another"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(identity)], check=True, timeout=20)

    with pytest.raises(KeyNotAccepted, match="authorized_keys"):
        hello(replace(conn, identity=str(identity)))


def test_a_failing_command_says_machine_what_status_and_last_words(conn: Connection) -> None:
    with pytest.raises(CommandFailed) as caught:
        hello(conn, "echo on the way; echo 'no such thing' >&2; exit 3")

    assert "one.lab.test" in str(caught.value)
    assert "saying hello" in str(caught.value)
    assert "exited 3" in str(caught.value)
    assert "no such thing" in str(caught.value)


def test_our_own_refusal_is_told_as_a_sentence(conn: Connection) -> None:
    with pytest.raises(Refused, match=r"^one\.lab\.test: looking: it rains: \$HOME \"'`$"):
        script.execute(conn, "check", [script.call("fail", "it rains: $HOME \"'`")], what="looking")


def test_a_command_that_hangs_ends_at_its_time_limit(conn: Connection) -> None:
    begun = time.monotonic()
    with pytest.raises(CommandTimeout, match="did not end within 2 s"):
        hello(conn, "sleep 60", timeout=2)
    assert 45 > time.monotonic() - begun
    assert "hello\nroot\n" == hello(conn), "the connection works on"


def test_a_connection_that_is_cut_in_a_command_is_told_so(conn: Connection, lab: Lab) -> None:
    with pytest.raises(HostUnreachable, match="connection broke"):
        hello(conn, "pkill -f 'sshd: root@notty'; sleep 60", timeout=60)
    assert "hello\nroot\n" == hello(conn), "the next command logs in anew"


def test_a_restarted_machine_is_logged_in_to_anew(conn: Connection, lab: Lab) -> None:
    hello(conn)
    lab.host("one").restart()

    assert "hello\nroot\n" == hello(replace(conn, patience=60.0))


def test_noise_of_login_files_and_banner_does_no_harm(lab: Lab, tmp_path: Path) -> None:
    conn = to(lab.host("one"), tmp_path, lab, "noisy")

    report = script.execute(conn, "check", ['fact who "$(id -un)"', "echo noise", 'fact path "$PATH"'], what="looking")

    assert "root" == report.facts["who"]
    assert "/usr/sbin" in report.facts["path"]
    multiplex.disconnect(conn)


def test_odd_bytes_come_through_whole(conn: Connection) -> None:
    text = "".join(chr(number) for number in range(1, 0x250) if chr(number) != "\r") + "\n::fact forged eA==\n€ 日本"

    report = script.execute(
        conn, "check",
        [f'text=$(printf %s {script.encoded(text)} | base64 -d); fact text "$text"; '
         'fact sum "$(printf %s "$text" | sha256sum | cut -c1-64)"'],
        what="looking",
    )  # fmt: skip

    # Whole there; in a report what drives a terminal is replaced.
    assert hashlib.sha256(text.encode()).hexdigest() == report.facts["sum"]
    assert printable(text) == report.facts["text"]
    assert ["text", "sum"] == list(report.facts)


def test_a_large_script_and_a_large_answer_come_through(conn: Connection) -> None:
    lines = [f": {'x' * 1000}"] * 4000

    said = hello(conn, "\n".join([*lines, "head -c 8000000 /dev/zero | tr '\\0' y"]), timeout=60)

    assert 8_000_000 == said.count("y")


def test_a_secret_is_in_no_process_list_of_the_host_nor_of_the_hub(conn: Connection, lab: Lab) -> None:
    secret = "sentinel-7Gq2-hidden"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            hello, conn, f'password={secret}; printf %s "$password" | sha256sum >/dev/null; sleep 200 || true',
            timeout=200,
        )  # fmt: skip
        lab.host("one").run("until pgrep -x sleep >/dev/null; do sleep 0.02; done")
        there = lab.host("one").run("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'").stdout
        environments = lab.host("one").run("cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'").stdout
        here = subprocess.run(["ps", "axeww", "-o", "args"], capture_output=True, text=True, check=True).stdout
        # Only now does it end: on a busy machine each look takes a second.
        lab.host("one").run("pkill -x sleep")
        running.result()

    assert 'eval "$(cat)"' in there, "it was looked at while it ran"
    assert secret not in there
    assert secret not in environments
    assert secret not in here


EIGHT_THREADS = """
import concurrent.futures, json, sys
from aegir_components.remote import ssh
from aegir_components.remote.connection import Connection
conn = Connection(**json.loads(sys.argv[1]))
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    said = list(pool.map(lambda n: ssh.run(conn, f"sleep 0.2; echo {n}", what="counting").stdout.strip(), range(12)))
assert [str(n) for n in range(12)] == said, said
"""


def eight_threads_in_two_processes(conn: Connection) -> None:
    argv = [sys.executable, "-c", EIGHT_THREADS, json.dumps(asdict(conn))]
    running = [subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in running:
        _, said = process.communicate(timeout=150)
        assert 0 == process.returncode, said


def test_eight_threads_in_two_processes_share_one_login(conn: Connection, lab: Lab) -> None:
    since = now(lab.host("one"))

    eight_threads_in_two_processes(conn)

    assert 1 == logins(lab.host("one"), since)


@pytest.mark.parametrize(
    "limit", ["MaxSessions 1", "MaxSessions 3", "MaxStartups 1:100:1", "MaxSessions 2\nMaxStartups 1"]
)
def test_tight_limits_of_sshd_do_no_harm(conn: Connection, lab: Lab, limit: str) -> None:
    host = lab.host("one")
    host.run(f"printf '{limit}\\n' >/etc/ssh/sshd_config.d/05-limit.conf; {RESTART}".replace("\n", "\\n"))
    since = now(host)
    try:
        eight_threads_in_two_processes(replace(conn, patience=60.0))
        assert 1 == logins(host, since)
    finally:
        host.run(f"rm /etc/ssh/sshd_config.d/05-limit.conf; {RESTART}")
        multiplex.disconnect(replace(conn, patience=60.0))


def test_a_machine_that_is_not_debian_is_told_so_and_left_alone(conn: Connection, lab: Lab) -> None:
    host = lab.host("one")
    host.run("""
        cp -a --remove-destination "$(readlink -f /etc/os-release)" /etc/os-release
        cp -a /etc/os-release /etc/os-release.debian
        printf 'NAME="Fedora Linux"\\nID=fedora\\nVERSION_ID=40\\nPRETTY_NAME="Fedora Linux 40"\\n' >/etc/os-release
    """)
    try:
        with pytest.raises(Refused, match="this machine runs Fedora Linux 40; Debian 11 to 13 or Ubuntu"):
            script.execute(conn, "apply", ["debian_only", "touch /root/changed"], what="preparing the server")
        assert "no" == host.run("test -e /root/changed && echo yes || echo no").stdout.strip()
    finally:
        host.run("mv /etc/os-release.debian /etc/os-release")


def test_a_login_shell_that_prints_holds_up_no_backup_and_is_named_where_it_does(lab: Lab, tmp_path: Path) -> None:
    host = lab.host("one")
    host.run(
        "usermod -s /bin/bash noisy; mkdir -p /home/noisy /srv/kept; echo 'echo Welcome to one' >/home/noisy/.bashrc"
    )
    host.run("chown -R noisy /home/noisy; echo a page >/srv/kept/page")
    conn = to(host, tmp_path, lab, "noisy")
    try:
        assert "hello\nroot\n" == hello(conn)
        kept = keeping.save_files(conn, "/srv/kept", "www.example.com")
        assert kept is not None
        with tarfile.open(kept) as archive:
            assert "./page" in archive.getnames()
        (tmp_path / "file").write_text("x")
        with pytest.raises(CommandFailed, match="the login shell of noisy prints something before a program's output"):
            rsync.copy(conn, str(tmp_path / "file"), "/srv/file")
    finally:
        host.run("rm -f /home/noisy/.bashrc")
        multiplex.disconnect(conn)


def test_a_machine_behind_another_one_is_reached_through_it_with_both_keys_pinned(lab: Lab, tmp_path: Path) -> None:
    one, two = lab.host("one"), lab.host("two")
    jump = to(one, tmp_path, lab)
    conn = replace(to(two, tmp_path, lab), jump=jump)
    assert conn == Connection.from_props(conn.to_props())
    (tmp_path / "file").write_text("through\n")
    try:
        with firewall.filtered(two, 22, lab.hub_address):
            assert "hello\nroot\n" == hello(conn)
            # It gets as far as the machine, which has no rsync yet.
            with pytest.raises(CommandFailed, match="rsync: command not found"):
                rsync.copy(conn, str(tmp_path / "file"), "/srv/through")
            with forward.to_local(conn, "127.0.0.1", 22) as path, socket.socket(socket.AF_UNIX) as asked:
                asked.connect(str(path))
                assert asked.recv(4) == b"SSH-"
        multiplex.disconnect(conn)

        stranger = replace(jump, host_key=one_other_key(tmp_path))
        multiplex.disconnect(jump)
        with pytest.raises(HostKeyChanged, match=one.spec.fqdn):
            hello(replace(conn, jump=stranger))
        with pytest.raises(HostKeyChanged, match=two.spec.fqdn):
            hello(replace(conn, host_key=one_other_key(tmp_path)))
        with pytest.raises(
            HostUnreachable, match=f"through {one.spec.fqdn}: {one.spec.fqdn} leads to nobody at {two.address}"
        ):
            hello(replace(conn, port=2222, host_key=two.host_key))
        one.run(f"echo 'AllowTcpForwarding no' >/etc/ssh/sshd_config.d/00-no.conf; {RESTART}")
        multiplex.disconnect(jump)
        with pytest.raises(HostUnreachable, match="AllowTcpForwarding yes"):
            hello(replace(conn, patience=1.9))
    finally:
        one.run(f"rm -f /etc/ssh/sshd_config.d/00-no.conf; {RESTART}")
        for each in (conn, jump):
            multiplex.disconnect(each)


def one_other_key(tmp_path: Path) -> str:
    """Give a host key that no machine has."""
    path = tmp_path / "strange"
    if not path.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, timeout=20)
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])
