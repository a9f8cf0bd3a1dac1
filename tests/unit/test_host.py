"""How a machine is reached: what ssh's words mean, pinned keys, connections, scripts, members side by side."""

from __future__ import annotations

import base64
import hashlib
import os
import pickle
import shlex
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aegir_components.messages.printable import printable
from aegir_components.process import Process
from aegir_components.providers import activation
from aegir_components.remote import classify, errors, hostkeys, parallel, rsync, ssh
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script

few = settings(max_examples=60, deadline=None)
CONN = Connection(host="web1.example.com", address="10.89.7.10", port=2222, user="admin", identity="/keys/id")
CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Host key for web1.example.com has changed and you have requested strict checking.
Host key verification failed.
"""
UNPROTECTED = """\
@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
Permissions 0644 for '/keys/id' are too open.
Load key "/keys/id": bad permissions
admin@10.89.7.10: Permission denied (publickey).
"""
LOGINS = [
    ("ssh: connect to host 10.89.7.10 port 2222: Connection timed out", errors.HostUnreachable, "firewall"),
    ("ssh: connect to host 10.89.7.10 port 2222: No route to host", errors.HostUnreachable, "machine is on"),
    ("ssh: connect to host 10.89.7.10 port 2222: Network is unreachable", errors.HostUnreachable, "address"),
    ("ssh: Could not resolve hostname web1.exmaple.com: Name or service not known", errors.HostUnreachable, "address"),
    ("ssh: connect to host 10.89.7.10 port 2222: Host is down", errors.HostUnreachable, "on"),
    ("Timeout, server 10.89.7.10 not responding.", errors.HostUnreachable, "no answer"),
    ("", errors.HostUnreachable, "gave no reason"),
    ("ssh: connect to host 10.89.7.10 port 2222: Connection refused", errors.ConnectionRefused, "start sshd"),
    ("kex_exchange_identification: Connection closed by remote host", errors.HostUnreachable, "MaxStartups"),
    ("kex_exchange_identification: read: Connection reset by peer", errors.HostUnreachable, "MaxStartups"),
    ("Connection reset by 10.89.7.10 port 2222", errors.HostUnreachable, "before the login"),
    ("Connection closed by 10.89.7.10 port 2222", errors.HostUnreachable, "before the login"),
    ("Connection timed out during banner exchange\r\nConnection to 10.89.7.10 timed out", errors.HostUnreachable, "2222"),
    ("Not allowed at this time", errors.HostUnreachable, "blocking"),
    (CHANGED, errors.HostKeyChanged, "not the pinned one"),
    ("No ED25519 host key is known for web1 and you have requested strict checking.", errors.HostKeyUnknown, "host_key"),
    ("Host key verification failed.", errors.HostKeyUnknown, "first-use"),
    ("admin@10.89.7.10: Permission denied (publickey).", errors.KeyNotAccepted, "authorized_keys"),
    ("admin@10.89.7.10: Permission denied (publickey,password,keyboard-interactive).", errors.KeyNotAccepted, "/keys/id"),
    ("Received disconnect from 10.89.7.10 port 2222:2: Too many authentication failures", errors.KeyNotAccepted, "/keys/id"),
    (UNPROTECTED, errors.KeyNotAccepted, "/keys/id"),
    ('Load key "/keys/id": invalid format', errors.KeyNotAccepted, "private key"),
    ("Warning: Identity file /keys/id not accessible: No such file or directory.", errors.KeyNotAccepted, "/keys/id"),
]  # fmt: skip
BEGUN = f"{classify.BEGIN}\n"
REFUSED = f"{BEGUN}::fail {base64.b64encode(b'the disk is full').decode()}\n"
COMMANDS = [
    (1, "", "sudo: a password is required", errors.SudoRefused, "NOPASSWD"),
    (1, "", "sudo: a terminal is required to read the password; either use ssh's -t", errors.SudoRefused, "NOPASSWD"),
    (1, "", "sudo: sorry, you must have a tty to run sudo", errors.SudoRefused, "Defaults:admin !requiretty"),
    (
        1,
        "",
        "WARNING: Your password has expired.\nPassword change required but no TTY available.",
        errors.LoginClosed,
        "chage -M -1 admin",
    ),
    (
        1,
        "",
        "Your account has expired; please contact your system administrator.",
        errors.LoginClosed,
        "chage -E -1 admin",
    ),
    (1, "", "mkdir: cannot create directory: No space left on device", errors.LoginClosed, "df -h"),
    (127, "", "sh: 1: exec: sudo: not found", errors.SudoRefused, "apt-get install sudo"),
    (127, "", "bash: line 1: sudo: command not found", errors.SudoRefused, "apt-get install sudo"),
    (1, "", "admin is not in the sudoers file.", errors.SudoRefused, "admin"),
    (1, "", "Sorry, user admin is not allowed to execute '/bin/sh' as root on web1.", errors.SudoRefused, "admin"),
    (1, "This account is currently not available.\n", "", errors.LoginClosed, "chsh -s /bin/sh admin"),
    (1, "", "", errors.LoginClosed, "chsh"),
    (0, "", "", errors.LoginClosed, "status 0"),
    (254, "Welcome to Debian\n", "", errors.LoginClosed, "Welcome"),
    (255, "", "Connection closed by 10.89.7.10 port 2222", errors.HostUnreachable, "before the login"),
    (255, "", "admin@10.89.7.10: Permission denied (publickey).", errors.KeyNotAccepted, "authorized_keys"),
    (255, BEGUN, "client_loop: send disconnect: Broken pipe", errors.HostUnreachable, "goes on from what it finds"),
    (97, REFUSED, "", errors.Refused, "the disk is full"),
    (97, BEGUN, "said so", errors.Refused, "said so"),
    (2, BEGUN, "sh: 7: Syntax error", errors.CommandFailed, "exited 2"),
    (1, f"{BEGUN}last words\n", "", errors.CommandFailed, "last words"),
    (1, BEGUN, "", errors.CommandFailed, "no output"),
    (137, BEGUN, "Killed", errors.CommandFailed, "137"),
]


class TestClassify:
    @pytest.mark.parametrize(("stderr", "kind", "word"), LOGINS, ids=range(len(LOGINS)))
    def test_a_login_that_failed(self, stderr: str, kind: type[errors.HostError], word: str) -> None:
        fault = classify.login_failure(CONN, stderr)
        assert kind is type(fault)
        assert word in str(fault)
        assert str(fault).startswith("web1.example.com: ")
        if kind is not errors.HostKeyChanged or "ssh" in str(fault):
            assert "10.89.7.10" in str(fault)

    @pytest.mark.parametrize(("status", "stdout", "stderr", "kind", "word"), COMMANDS, ids=range(len(COMMANDS)))
    def test_a_command_that_failed(
        self, status: int, stdout: str, stderr: str, kind: type[errors.HostError], word: str
    ) -> None:
        fault = classify.command_failure(CONN, "preparing the server", status, stdout, stderr)
        assert kind is type(fault)
        assert word in str(fault)
        assert str(fault).startswith("web1.example.com: ")

    def test_login_noise_before_our_first_line_is_not_ours(self) -> None:
        forged = f"::fail {base64.b64encode(b'forged').decode()}\n"
        fault = classify.command_failure(CONN, "x", 97, forged, "")
        assert errors.LoginClosed is type(fault)

    @pytest.mark.parametrize(
        ("stderr", "again"),
        [
            ("Connection refused", True),
            ("kex_exchange_identification: Connection closed by remote host", True),
            ("Connection reset by 10.0.0.1 port 22", True),
            ("Connection timed out", False),
            ("Permission denied (publickey).\nConnection closed by 10.0.0.1", False),
            (CHANGED + "Connection closed by 10.0.0.1", False),
            ("Host key verification failed.\nConnection closed by x", False),
            ("", False),
        ],
    )
    def test_only_what_may_pass_is_tried_again(self, stderr: str, again: bool) -> None:
        assert again == classify.worth_retrying(stderr)

    def test_the_tail_is_short_and_without_sshs_debris(self) -> None:
        text = "mux_client_request_session: read from master failed\nControlSocket /x already exists\n\n  real  \n"
        assert "real" == classify.tail(text)
        assert 600 == len(classify.tail("x" * 10_000))
        assert classify.tail("a" * 700 + "end").endswith("end")

    @pytest.mark.parametrize(
        ("said", "told"),
        [
            (
                "--------------\nINSERT INTO u VALUES ('of a person')\n--------------\n\nERROR 1114 (HY000) at line 3: full",
                "ERROR 1114 (HY000) at line 3: full",
            ),
            ("of a person" * 100 + "')\n--------------\n\nERROR 1114 (HY000) at line 3: full\nmysqldump: errno 32",
             "ERROR 1114 (HY000) at line 3: full\nmysqldump: errno 32"),
            ("ERROR 1062 (23000) at line 3: Duplicate entry 'of a person' for key 'mail'",
             "ERROR 1062 (23000) at line 3: Duplicate entry that is not shown for key 'mail'"),
            ("ERROR 1366 (22007) at line 3: Incorrect string value: 'of 'a' person' for column `s`.`t`.`c` at row 1",
             "ERROR 1366 (22007) at line 3: Incorrect string value: that is not shown for column `s`.`t`.`c` at row 1"),
            ("ERROR 1064 (42000) at line 3: You have an error near 'of a person\nand more' at line 2",
             "ERROR 1064 (42000) at line 3: You have an error near a row that is not shown"),
            ("nginx: unexpected end near '}'\n--------------", "nginx: unexpected end near '}'\n--------------"),
        ],
    )  # fmt: skip
    def test_a_row_that_a_client_of_mysql_prints_is_not_told(self, said: str, told: str) -> None:
        assert told == classify.tail(said)

    @pytest.mark.parametrize("kind", errors.HostError.__subclasses__())
    def test_errors_cross_processes_whole(self, kind: type[errors.HostError]) -> None:
        fault = pickle.loads(pickle.dumps(kind("web1", "what and why")))
        assert (kind, "web1", "what and why", "web1: what and why") == (type(fault), fault.host, fault.text, str(fault))


CONNECTIONS = st.builds(
    Connection,
    host=st.text(min_size=1, max_size=20),
    address=st.text(min_size=1, max_size=20),
    kind=st.sampled_from(["ssh", "local"]),
    port=st.integers(1, 65535),
    user=st.text(max_size=10),
    identity=st.text(max_size=10),
    host_key=st.text(max_size=10),
    known_hosts=st.text(max_size=10),
    trust=st.sampled_from(["pinned", "first-use"]),
    hub_root=st.text(max_size=10),
    patience=st.floats(0, 100),
)


class TestConnection:
    @few
    @given(conn=CONNECTIONS)
    def test_it_comes_back_as_it_was_sent(self, conn: Connection) -> None:
        assert conn == Connection.from_props(conn.to_props())

    @few
    @given(conn=CONNECTIONS)
    def test_it_comes_back_from_pulumi_too(self, conn: Connection) -> None:
        props = {key: float(value) if isinstance(value, int) else value for key, value in conn.to_props().items()}
        back = Connection.from_props({**props, "later": "a key of a later version"})
        assert conn == back
        assert int is type(back.port)

    @few
    @given(one=CONNECTIONS, other=CONNECTIONS)
    def test_its_key_tells_connections_apart(self, one: Connection, other: Connection) -> None:
        assert (one == other) == (one.key == other.key)

    def test_defaults_stay_out_of_the_state(self) -> None:
        assert {"host": "w", "address": "10.0.0.2"} == Connection(host="w", address="10.0.0.2").to_props()

    def test_a_control_socket_has_room_for_sshs_own_suffix(self) -> None:
        from aegir_components.remote import multiplex

        assert len(str(multiplex.socket_path(CONN))) + 17 < 107

    def test_control_sockets_go_elsewhere_where_somebody_else_made_their_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from aegir_components.remote import multiplex

        monkeypatch.setattr(multiplex, "LONGEST_BASE", 200)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        for name in ("common", "home"):
            (tmp_path / name).mkdir()
        taken = tmp_path / "common" / f"aegir-ssh-{os.getuid()}"
        taken.symlink_to(tmp_path)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "common"))
        monkeypatch.setenv("HOME", str(tmp_path / "home"))

        assert tmp_path / "home/.aegir-ssh" == multiplex.socket_directory()
        taken.unlink()
        taken.mkdir(mode=0o777)
        taken.chmod(0o777)
        assert tmp_path / "home/.aegir-ssh" == multiplex.socket_directory()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Give public keys by type, each with the fingerprint that ssh-keygen shows."""
    place = tmp_path_factory.mktemp("keys")
    found = {}
    for kind, bits in (("ed25519", "256"), ("ecdsa", "256")):
        path = place / kind
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-C", "a comment", "-f", str(path)], check=True
        )
        shown = subprocess.run(["ssh-keygen", "-l", "-f", f"{path}.pub"], capture_output=True, text=True, check=True)
        found[kind] = (Path(f"{path}.pub").read_text(), shown.stdout.split()[1])
    return found


class TestHostKeys:
    @pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
    def test_a_fingerprint_is_ssh_keygens(self, kind: str, keys: dict[str, tuple[str, str]]) -> None:
        line, shown = keys[kind]
        assert shown == hostkeys.fingerprint(line)
        assert shown == hostkeys.fingerprint(" ".join(line.split()[:2]))

    @pytest.mark.parametrize("line", ["", "ssh-ed25519", "ssh-ed25519 not*base64", "ssh-ed25519 AAA"])
    def test_what_is_no_key_is_a_fault(self, line: str) -> None:
        with pytest.raises(ValueError, match="public key"):
            hostkeys.fingerprint(line)

    def conn(self, place: Path, **given: object) -> Connection:
        values: dict[str, object] = {"host": "web1", "address": "10.0.0.2", "hub_root": str(place), **given}
        return Connection(**values)  # type: ignore[arg-type]

    def test_a_declared_key_is_written_under_the_declared_name(
        self, tmp_path: Path, keys: dict[str, tuple[str, str]]
    ) -> None:
        path = hostkeys.pinned_file(self.conn(tmp_path, host_key=keys["ed25519"][0]))
        assert f"web1 {' '.join(keys['ed25519'][0].split()[:2])}\n" == path.read_text()
        assert 0o600 == path.stat().st_mode & 0o777
        assert 0o700 == path.parent.stat().st_mode & 0o777

    def test_another_declared_key_replaces_it(self, tmp_path: Path, keys: dict[str, tuple[str, str]]) -> None:
        for kind in ("ed25519", "ecdsa"):
            path = hostkeys.pinned_file(self.conn(tmp_path, host_key=keys[kind][0]))
        assert "ecdsa" in path.read_text()
        assert "ed25519" not in path.read_text()
        assert [path] == list(path.parent.iterdir())

    def test_a_declared_fingerprint_is_looked_for_among_what_the_machine_shows(
        self, tmp_path: Path, keys: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shown = [" ".join(line.split()[:2]) for line, _ in keys.values()]
        monkeypatch.setattr(hostkeys, "scan", lambda conn: shown)
        path = hostkeys.pinned_file(self.conn(tmp_path, host_key=keys["ecdsa"][1]))
        assert "ecdsa" in path.read_text()
        monkeypatch.setattr(hostkeys, "scan", lambda conn: pytest.fail("the record has it already"))
        hostkeys.pinned_file(self.conn(tmp_path, host_key=keys["ecdsa"][1]))

    def test_another_fingerprint_is_refused_with_both(
        self, tmp_path: Path, keys: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hostkeys, "scan", lambda conn: [" ".join(keys["ecdsa"][0].split()[:2])])
        with pytest.raises(errors.HostKeyChanged) as caught:
            hostkeys.pinned_file(self.conn(tmp_path, host_key=keys["ed25519"][1]))
        assert keys["ed25519"][1] in str(caught.value)
        assert keys["ecdsa"][1] in str(caught.value)
        assert not hostkeys.record_path(self.conn(tmp_path)).exists()

    @pytest.mark.parametrize("written", ["10.0.0.2", "web1", "[10.0.0.2]:2222"])
    def test_a_known_hosts_file_of_the_users_is_believed(
        self, written: str, tmp_path: Path, keys: dict[str, tuple[str, str]]
    ) -> None:
        mine = tmp_path / "known_hosts"
        mine.write_text(f"# a comment\nother ssh-rsa AAAA\n{written} {keys['ed25519'][0]}")
        port = 2222 if written.startswith("[") else 22
        path = hostkeys.pinned_file(self.conn(tmp_path, known_hosts=str(mine), port=port))
        assert keys["ed25519"][1] == hostkeys.fingerprint(" ".join(path.read_text().split()[1:]))

    def test_a_hashed_known_hosts_file_as_well(self, tmp_path: Path, keys: dict[str, tuple[str, str]]) -> None:
        mine = tmp_path / "known_hosts"
        mine.write_text(f"10.0.0.2 {keys['ed25519'][0]}")
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(mine)], check=True, capture_output=True)
        assert "10.0.0.2" not in mine.read_text()
        path = hostkeys.pinned_file(self.conn(tmp_path, known_hosts=str(mine)))
        assert keys["ed25519"][1] == hostkeys.fingerprint(" ".join(path.read_text().split()[1:]))

    def test_without_any_key_it_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(errors.HostKeyUnknown, match=r"ssh_host_ed25519_key\.pub.*first-use"):
            hostkeys.pinned_file(self.conn(tmp_path))

    def test_first_use_is_recorded_and_asks_once(
        self, tmp_path: Path, keys: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hostkeys, "scan", lambda conn: [" ".join(keys["ed25519"][0].split()[:2])])
        first = hostkeys.pinned_file(self.conn(tmp_path, trust="first-use")).read_text()
        monkeypatch.setattr(hostkeys, "scan", lambda conn: [" ".join(keys["ecdsa"][0].split()[:2])])
        assert first == hostkeys.pinned_file(self.conn(tmp_path, trust="first-use")).read_text()

    def test_a_change_is_explained_with_both_fingerprints(
        self, tmp_path: Path, keys: dict[str, tuple[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conn = self.conn(tmp_path, host_key=keys["ed25519"][0])
        hostkeys.pinned_file(conn)
        monkeypatch.setattr(hostkeys, "scan", lambda _: [" ".join(keys["ecdsa"][0].split()[:2])])
        said = str(hostkeys.explain_change(conn))
        assert keys["ed25519"][1] in said
        assert keys["ecdsa"][1] in said
        assert "reinstalled" in said


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


class TestScript:
    @few
    @given(arguments=st.lists(TEXT, max_size=5))
    def test_a_call_reads_back_as_its_words(self, arguments: list[str]) -> None:
        assert ["want_it", *arguments] == shlex.split(script.call("want_it", *arguments))

    @few
    @given(name=st.from_regex(r"[a-z_]{1,10}", fullmatch=True), value=TEXT, drift=TEXT, noise=TEXT)
    def test_a_report_reads_back(self, name: str, value: str, drift: str, noise: str) -> None:
        packed = [base64.b64encode(text.encode()).decode() for text in (value, drift)]
        lines = [f"::fact {name} {packed[0]}", f"::drift {packed[1]}", f"::changed {packed[1]}"]
        quiet = "".join(character for character in noise if character not in "\r\n:")
        report = script.parse("\n".join([quiet, *lines, quiet]))
        value, drift = printable(value), printable(drift)
        assert ({name: value}, (drift,), (drift,)) == (report.facts, report.drift, report.changed)

    def test_a_deviation_has_a_kind_that_code_decides_on_whatever_its_text_says(self) -> None:
        file = (
            "::kind file =/srv/a\n::changed =the file /srv/a is another one\n::changed =file /srv/b: content differs\n"
        )
        waits = "::kind reload =apache2\n::drift =anything\n::drift =php8.2-fpm: a change waits for its reload\n"
        report = script.parse(f"{file}::kind made =/srv/d\n::changed =/srv/d is new\n{waits}")
        assert [True, False] == [report.has_changed("file", path) for path in ("/srv/a", "/srv/b")]
        assert [True, False] == [report.has_changed("made", path) for path in ("/srv/d", "/srv/a")]
        now = Process()
        other = "php8.2-fpm: a change waits for its reload"
        assert [other] == activation.handed_over(now, "web1", report.drift)
        assert {"web1": ["anything"]} == now.pending_reloads

    def test_text_of_others_does_not_drive_a_terminal_and_has_an_end(self) -> None:
        assert "a?b?c?\n\tö" == printable("a\x1bb\x9bc\u202e\n\tö")
        assert "xxx… and 7 characters more" == printable("x" * 10, longest=3)
        assert "a?b" == printable("a\nb", keep="")
        assert 9000 > len(str(errors.HostError("web1", "x" * 1_000_000)))

    def test_what_is_not_ours_is_passed_over(self) -> None:
        assert script.Report({}, (), ()) == script.parse("Welcome\n :: fact\n::begin\n::factx y\nfact a Yg==\n")

    def test_content_is_never_in_clear(self) -> None:
        text = script.render("apply", [script.file("/etc/x", "5ecret password")], holder="h")
        assert "5ecret" not in text

    def test_the_lock_is_taken_where_something_is_mended(self) -> None:
        rendered = {mode: script.render(mode, ["x"], holder="me & you") for mode in ("check", "apply")}
        assert "machine_lock 300 'me & you'" in rendered["apply"]
        assert "machine_lock 300" not in rendered["check"]
        assert "machine_lock 300" not in script.render("apply", ["x"], holder="h", lock=False)

    @pytest.mark.parametrize("mode", ["check", "apply"])
    @pytest.mark.parametrize("shell", ["dash", "bash"])
    def test_a_whole_plan_is_valid_shell(self, mode: script.Mode, shell: str) -> None:
        lines = [
            script.directory("/a b'c"),
            script.file("/f", "new\nline"),
            script.link("/l", "-t"),
            script.no_file("/n"),
            script.packages(["a", "b"]),
            script.service("x"),
            script.transaction("section", [script.file("/g", "x\ny")], test="t", reload="r"),
        ]
        text = script.render(mode, lines, holder="h")
        done = subprocess.run([shell, "-n"], input=text, text=True, capture_output=True, check=False)
        assert (0, "") == (done.returncode, done.stderr)

    def test_a_machine_that_is_the_hub_runs_the_same_script(self) -> None:
        conn = Connection(host="hub", address="localhost", kind="local")
        import os

        if os.geteuid() != 0:
            pytest.skip("without root this would need sudo")
        report = script.execute(conn, "check", [script.call("fact", "it", "ü\n'")], what="looking")
        assert {"it": "ü\n'"} == report.facts
        with pytest.raises(errors.Refused, match="hub: looking: no"):
            script.execute(conn, "check", [script.call("fail", "no")], what="looking")
        with pytest.raises(errors.CommandFailed, match="exited 3"):
            script.execute(conn, "check", ["echo words >&2", "exit 3"], what="looking")
        with pytest.raises(errors.CommandTimeout, match="looking did not end"):
            script.execute(conn, "check", ["exec sleep 5"], what="looking", timeout=0.2)

    @pytest.mark.parametrize(
        ("login", "user", "expected"),
        [
            ("root", "root", ["id"]),
            ("root", "aegir", ["runuser", "-u", "aegir", "--", "id"]),
            ("admin", "root", ["sudo", "-n", "-u", "root", "id"]),
            ("aegir", "aegir", ["id"]),
        ],
    )
    def test_a_user_is_become_in_the_least_way(self, login: str, user: str, expected: list[str]) -> None:
        assert expected == ssh.command_as(login, user, ["id"])


class TestRsync:
    def test_a_local_copy_and_its_failures(self, tmp_path: Path) -> None:
        import os
        import shutil

        if os.geteuid() != 0 or shutil.which("rsync") is None:
            pytest.skip("needs root and rsync")
        conn = Connection(host="hub", address="localhost", kind="local")
        (tmp_path / "it's a file").write_text("x")
        rsync.copy(conn, f"{tmp_path}/it's a file", f"{tmp_path}/copy of it")
        assert "x" == (tmp_path / "copy of it").read_text()
        with pytest.raises(errors.CommandFailed, match=r"hub: rsync of .* ended with 23 \(some files"):
            rsync.copy(conn, f"{tmp_path}/none", f"{tmp_path}/there")


class TestParallel:
    members = {name: Connection(host=name, address=name) for name in ("web1", "web2", "web3")}

    def test_results_come_by_name_in_order(self) -> None:
        found = parallel.each(self.members, lambda conn: conn.address.upper())
        assert [("web1", "WEB1"), ("web2", "WEB2"), ("web3", "WEB3")] == list(found.items())

    def test_they_work_side_by_side(self) -> None:
        barrier = threading.Barrier(3, timeout=5)
        parallel.each(self.members, lambda conn: barrier.wait())

    def test_nobody_is_nothing(self) -> None:
        assert {} == parallel.each({}, lambda conn: 1)
        assert {} == parallel.attempt({}, lambda conn: None)

    def fail(self, *names: str) -> object:
        def work(conn: Connection) -> None:
            if conn.host in names:
                raise errors.HostUnreachable(conn.host, f"no answer from {conn.host}")

        return work

    def test_one_failure_is_itself(self) -> None:
        with pytest.raises(errors.HostUnreachable, match="web2: no answer from web2"):
            parallel.each(self.members, self.fail("web2"))  # type: ignore[arg-type]

    def test_several_failures_are_all_told(self) -> None:
        with pytest.raises(errors.HostError) as caught:
            parallel.each(self.members, self.fail("web1", "web3"))  # type: ignore[arg-type]
        assert "web1, web3" in str(caught.value)
        assert "no answer from web1" in str(caught.value)
        assert "no answer from web3" in str(caught.value)

    def test_the_others_end_before_a_failure_is_raised(self) -> None:
        done: list[str] = []

        def work(conn: Connection) -> None:
            if conn.host == "web1":
                raise errors.Refused("web1", "no")
            done.append(conn.host)

        with pytest.raises(errors.Refused):
            parallel.each(self.members, work)
        assert ["web2", "web3"] == sorted(done)

    def test_attempt_gives_each_ones_error(self) -> None:
        found = parallel.attempt(self.members, self.fail("web2"))  # type: ignore[arg-type]
        assert [None, errors.HostUnreachable, None] == [fault and type(fault) for fault in found.values()]

    def test_a_fault_of_ours_is_not_taken_for_a_machines(self) -> None:
        def work(conn: Connection) -> None:
            raise KeyError(conn.host)

        with pytest.raises(KeyError):
            parallel.attempt(self.members, work)


def test_a_recorded_digest_is_what_openssh_means() -> None:
    body = base64.b64encode(b"key").decode()
    expected = base64.b64encode(hashlib.sha256(b"key").digest()).decode().rstrip("=")
    assert f"SHA256:{expected}" == hostkeys.fingerprint(f"ssh-ed25519 {body} comment")
