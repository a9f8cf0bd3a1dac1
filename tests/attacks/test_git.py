"""git that a hostile server has taken over while it fetches: what it reaches of the hub, and by the way to its host."""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from aegir_components.sources import address, git, git_room, relay, room
from aegir_components.sources.builds import Workshop
from aegir_components.sources.faults import SourceError
from tools.paths import ROOT

SECRET = "the key that opens all machines"
FROM = relay.way_of(address.parse("ssh://git@git.example.com:2222/team/site.git"))
PORT = ("-o", "SendEnv=GIT_PROTOCOL", "-p", "2222")
ASKED = {
    "a shell": (*PORT, "git@git.example.com", "sh"),
    "a command behind it": (*PORT, "git@git.example.com", "git-upload-pack '/x'; id"),
    "a command in it": (*PORT, "git@git.example.com", "git-upload-pack $(id)x y"),
    "writing": (*PORT, "git@git.example.com", "git-receive-pack '/x'"),
    "an option for it": (*PORT, "git@git.example.com", "git-upload-pack '--upload-pack=id'"),
    "no command": (*PORT, "git@git.example.com"),
    "another host": (*PORT, "git@web1.example.com", "git-upload-pack '/x'"),
    "another account": (*PORT, "root@git.example.com", "git-upload-pack '/x'"),
    "another port": ("-p", "22", "git@git.example.com", "git-upload-pack '/x'"),
    "no port": ("git@git.example.com", "git-upload-pack '/x'"),
    "the hub itself": (*PORT, "hub", "git-upload-pack '/root/private.git'"),
    "an option for ssh": ("-o", "ProxyCommand=id", *PORT, "git@git.example.com", "git-upload-pack '/x'"),
    "another option for ssh": ("-F", "/tmp/x", *PORT, "git@git.example.com", "git-upload-pack '/x'"),
    "a host that is an option": (*PORT, "-oProxyCommand=id", "git-upload-pack '/x'"),
    "uploads of large files": (*PORT, "git@git.example.com", "git-lfs-authenticate '/x' upload"),
    "nothing": (),
}
ROOM = pytest.mark.skipif(not room.possible(), reason="bubblewrap is missing here, or may make no namespaces")


@pytest.mark.parametrize("words", ASKED.values(), ids=ASKED)
def test_the_way_leads_to_nothing_but_reading_what_the_source_names(words: tuple[str, ...]) -> None:
    with pytest.raises(relay.Rejected):
        relay.command(FROM, words)


def test_a_source_without_ssh_has_no_way_and_one_on_the_hub_none_out_of_its_directory(tmp_path: Path) -> None:
    with pytest.raises(relay.Rejected, match="its own address is none of ssh"):
        relay.command(relay.way_of(address.parse("https://example.com/x.git")), ["web1", "git-upload-pack '/x'"])
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "link").symlink_to(tmp_path)
    here = relay.way_of(address.parse(f"{tmp_path}/sources/x.git"))
    assert ["git", "upload-pack", f"{tmp_path}/sources/y.git"] == relay.command(
        here, ["hub", f"git-upload-pack '{tmp_path}/sources/y.git'"]
    )
    for path in (f"{tmp_path}/other.git", f"{tmp_path}/sources/../other.git", f"{tmp_path}/sources/link/other.git"):
        with pytest.raises(relay.Rejected, match="which is not in"):
            relay.command(here, ["hub", f"git-upload-pack '{path}'"])


def test_the_way_gives_ssh_what_was_judged_and_nothing_else() -> None:
    given = relay.command(FROM, [*PORT, "git@git.example.com", "git-upload-pack 'team/$(id) x.git'"])
    assert ["--", "git@git.example.com", "git-upload-pack 'team/$(id) x.git'"] == given[-3:]
    assert {"BatchMode=yes", "ClearAllForwardings=yes"} <= set(given)
    large = ["git@git.example.com", "git-lfs-authenticate team/site.git download"]
    assert large == relay.command(FROM, [*PORT, *large])[-2:]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub with a key, whose ssh notes what it is asked for, and does it here."""
    for name in ("home/.ssh/id_ed25519", "home/.git-credentials"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"https://u:{SECRET.replace(' ', '')}@other.example.com\n{SECRET}\n")
    (tmp_path / "home/.ssh/id_ed25519").chmod(0o600)
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\neval "last=\\${{$#}}"\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", SECRET)
    return tmp_path


def shop(place: Path) -> Workshop:
    scratch = place / "scratch"
    scratch.mkdir()
    log = (place / "log").open("wb")
    return Workshop(code=scratch / "code", scratch=scratch, log=log, lock=log.fileno())


def repository(path: Path) -> str:
    git_ = ["git", "-C", str(path), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(path)], check=True)
    (path / "index.php").write_text("<?php\n")
    for words in (["add", "-A"], ["commit", "-qm", "code"]):
        subprocess.run([*git_, *words], check=True)
    return subprocess.run([*git_, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


@ROOM
def test_git_fetches_by_ssh_without_a_key_in_its_room(hub: Path) -> None:
    commit = repository(hub / "site.git")
    place = address.parse(f"ssh://git@git.example.com:2222{hub}/site.git")
    assert commit == git.commit_of(place, "main")
    made = shop(hub)
    git.check_out(made, place, commit, hub / "mirrors")
    assert (made.code / "index.php").is_file()
    assert {os.geteuid()} == {path.lstat().st_uid for path in (made.code, *made.code.rglob("*"))}
    asked = (hub / "asked").read_text()
    assert f"-p 2222 -- git@git.example.com git-upload-pack {hub}/site.git" in asked
    assert [] == [path.name for path in made.scratch.iterdir() if path.name != "code"]


@ROOM
def test_a_submodule_on_another_host_gets_no_way_and_is_told(hub: Path) -> None:
    commit = repository(hub / "site.git")
    modules = hub / "site.git" / ".gitmodules"
    modules.write_text('[submodule "m"]\n\tpath = m\n\turl = ssh://root@web1.example.com/srv/private.git\n')
    git_ = ["git", "-C", str(hub / "site.git"), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    link = f"160000,{commit},m"
    for words in (["add", "-A"], ["update-index", "--add", "--cacheinfo", link], ["commit", "-qm", "module"]):
        subprocess.run([*git_, *words], check=True)
    made = shop(hub)
    place = address.parse(f"ssh://git@git.example.com{hub}/site.git")
    with pytest.raises(SourceError):
        git.check_out(made, place, git.commit_of(place, "main"), hub / "mirrors")
    assert "root@web1.example.com; only git@git.example.com is named by the stack file" in (hub / "log").read_text()
    assert "web1" not in (hub / "asked").read_text()


@ROOM
@pytest.mark.parametrize("file", [".gitconfig", ".config/git/config"])
def test_addresses_that_stand_for_others_hold_in_the_room_and_open_no_other_way(hub: Path, file: str) -> None:
    """By the hub user's ``insteadOf``: https by ssh, and a mirror on the hub."""
    commit = repository(hub / "site.git")
    (hub / "home" / file).parent.mkdir(parents=True, exist_ok=True)
    (hub / "home" / file).write_text(
        f'[url "ssh://git@git.example.com:2222{hub}/"]\n\tinsteadOf = https://code.example.com/\n'
        f'[url "{hub}/"]\n\tinsteadOf = https://mirror.example.com/\n\tinsteadOf = /srv/git/\n'
    )
    for name in ("https://code.example.com/site.git", "https://mirror.example.com/site.git", "/srv/git/site.git"):
        place = address.parse(name)
        assert commit == git.commit_of(place, "main"), name
    made = shop(hub)
    git.check_out(made, address.parse("/srv/git/site.git"), commit, hub / "mirrors")
    assert (made.code / "index.php").is_file()
    with pytest.raises(SourceError):
        git.commit_of(address.parse("https://other.example.invalid/site.git"), "main")


TAKEN_OVER = {
    "the hub's key": "cat {hub}/home/.ssh/id_ed25519",
    "other passwords": "cat {hub}/home/.git-credentials ~/credentials",
    "its environment": "env",
    "the environment of all processes": "cat /proc/[0-9]*/environ",
    "an agent": "ssh-add -L; ls /tmp/ssh-*",
    "a command on the host": '/usr/bin/python3 "${{GIT_SSH_COMMAND##* }}" git@git.example.com "cat {hub}/home/.ssh/id_ed25519"',
    "a path on the hub": '/usr/bin/python3 "${{GIT_SSH_COMMAND##* }}" hub "git-upload-pack {hub}/site.git" </dev/null',
}


@ROOM
@pytest.mark.parametrize("attack", TAKEN_OVER.values(), ids=TAKEN_OVER)
def test_git_that_was_taken_over_gets_nothing_of_the_hubs(
    hub: Path, attack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = repository(hub / "site.git")
    (hub / "bin").mkdir()
    shim = hub / "bin" / "git"
    shim.write_text(f"#!/bin/sh\n{attack.format(hub=hub)} 2>&1\necho ran\n")
    shim.chmod(0o755)
    place = address.parse(f"ssh://git@git.example.com{hub}/site.git")
    monkeypatch.setenv("PATH", f"{hub}/bin:{os.environ['PATH']}")
    scratch = hub / "scratch"
    scratch.mkdir()
    with git_room.opened(place, scratch) as opened:
        said = opened.ask("ls-remote", timeout=30)
    whole = said.output + said.errors
    assert "ran" in whole
    assert SECRET not in whole
    assert SECRET.replace(" ", "") not in whole
    assert commit not in whole


@ROOM
def test_the_way_is_closed_with_the_room_and_is_nobody_elses(tmp_path: Path) -> None:
    with relay.opened(FROM, room.owner()) as way:
        facts = way.directory.stat()
        assert (0o700, room.owner() or os.geteuid()) == (facts.st_mode & 0o777, facts.st_uid)
        wire = socket.socket(socket.AF_UNIX)
        wire.connect(str(way.place))
        wire.sendall(b'{"arguments": ["x"]' + b" " * 20000 + b"}\n")
        with contextlib.suppress(ConnectionResetError):
            assert b"" == wire.recv(100)
        wire.close()
    assert not way.directory.exists()


def test_no_program_is_started_on_the_hub_with_pulumis_secrets() -> None:
    """Every place that starts one says what its environment is; `test_secrets.py` looks into those of a whole run."""
    silent = []
    for path in (ROOT / "aegir_components").rglob("*.py"):
        # The engine's own command needs them.
        if path.name == "engine.py" or "testing" in path.parts:
            continue
        text = path.read_text()
        # Most modules start none, and need not be parsed.
        for node in ast.walk(ast.parse(text)) if "subprocess" in text else ():
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("run", "Popen")
            ):
                whose = node.func.value
                if (
                    isinstance(whose, ast.Name)
                    and whose.id == "subprocess"
                    and "env" not in {k.arg for k in node.keywords}
                ):
                    silent.append(f"{path.name}:{node.lineno}")
    assert [] == silent


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed here")
def test_what_runs_on_a_machine_or_for_it_has_none_of_pulumis_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from aegir_components.remote import bounded

    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", SECRET)
    assert SECRET.encode() not in bounded.run(["cat", "/proc/self/environ"], timeout=20).stdout
