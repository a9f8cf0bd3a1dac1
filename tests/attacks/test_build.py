"""A program of a source while the hub builds it: what it reaches of the hub, of other builds, and after its end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aegir_components.hub import wait
from aegir_components.sources import room, tree
from aegir_components.sources.builds import Workshop
from aegir_components.sources.faults import SourceError

pytestmark = pytest.mark.skipif(not room.possible(), reason="bubblewrap is missing here, or may make no namespaces")

SECRET = "the key that opens all machines"
READS = {
    "the hub's key": 'cat "{hub}/.ssh/id_ed25519"',
    "the key by a link of its own": 'ln -s "{hub}/.ssh/id_ed25519" k; cat k',
    "the key by its home": "cat ~/.ssh/id_ed25519 ~root/.ssh/id_ed25519",
    "the key by the number of its file": "find / -name id_ed25519 -exec cat {{}} + 2>/dev/null; false",
    "the environment of the run": 'cat "/proc/{run}/environ"',
    "the environment of every process": "cat /proc/[0-9]*/environ",
    "the memory of the run": 'cat "/proc/{run}/maps"',
    "the run by a new /proc": 'unshare -Urmpf --mount-proc cat "/proc/{run}/environ"',
    "what is below a mount of ours": 'unshare -Urm sh -c "umount -l {hub}; cat {hub}/.ssh/id_ed25519"',
    "the machine's passwords": "cat /etc/shadow",
    "the machine's disk": "for d in /dev/vda /dev/sda /dev/mem /dev/kmsg; do head -c 1 $d && echo '{secret}'; done",
    "another build": 'cat "{hub}/builds/other/code/settings.php"',
    "another platform's downloads": 'cat "{hub}/cache/composer/other/package"',
    "the hub by the root of another process": 'cat "/proc/1/root{hub}/.ssh/id_ed25519" "/proc/self/root{hub}/.ssh/id_ed25519"',
    "the hub by the open lock": "for f in /proc/self/fd/*; do cat $f/../.ssh/id_ed25519 2>/dev/null; done; false",
    "its own environment": "env; false",
    "a debugger's look": "gdb -p {run} -batch || strace -p {run} -e read",
}
WRITES = {
    "the hub's directory": 'echo x >"{hub}/touched"',
    "the hub's directory, made anew": 'mkdir -p "{hub}"; echo x >"{hub}/touched"',
    "the machine's programs": "echo x >/usr/local/bin/touched; echo x >/etc/cron.d/touched",
    "the machine's programs after a remount": "mount -o remount,rw /usr; mount -o remount,rw,bind /etc; echo x >/etc/touched",
    "a directory of all": "echo x >/tmp/aegir-touched; echo x >/var/tmp/aegir-touched; echo x >/dev/shm/aegir-touched",
    "a process of the hub": "kill -9 {run}; kill -9 -1",
    "another build": 'echo x >"{hub}/builds/other/code/settings.php"',
    "the lock": 'for f in 3 4 5 6 7 8 9; do eval "echo touched >&$f" 2>/dev/null; done; rm -f {hub}/lock',
}


@dataclass(frozen=True)
class Hub:
    path: Path
    shop: Workshop
    run: subprocess.Popen[bytes]

    def build(self, command: str) -> str:
        """Run a shell command as a build does, and give what its log has."""
        text = command.format(hub=self.path, run=self.run.pid, secret=SECRET)
        inside = room.Room(home=self.shop.scratch / "home", writable=(self.shop.code,))
        try:
            self.shop.run("sh", "-c", text, cwd=self.shop.code, room=inside, timeout=30)
        except SourceError as fault:
            self.shop.say(str(fault))
        return Path(self.shop.log.name).read_text(errors="replace").partition("\n")[2]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    path = tmp_path / "hub"
    for name in (".ssh/id_ed25519", "builds/other/code/settings.php", "cache/composer/other/package"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(SECRET)
    (path / ".ssh/id_ed25519").chmod(0o600)
    code = path / "builds" / "one" / "code"
    code.mkdir(parents=True)
    (code / "composer.json").write_text("{}")
    environment = {**os.environ, "PULUMI_CONFIG_PASSPHRASE": SECRET}
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], env=environment, stdin=subprocess.PIPE) as run,
        (path / "one.log").open("wb") as log,
        (path / "lock").open("wb") as lock,
    ):
        yield Hub(path, Workshop(code=code, scratch=code.parent, log=log, lock=lock.fileno()), run)
        run.communicate(b"\n")


def tree_of(path: Path) -> dict[str, bytes]:
    return {str(found): found.read_bytes() for found in path.rglob("*") if found.is_file() and "one" not in found.parts}


@pytest.mark.parametrize("command", READS.values(), ids=READS)
def test_a_build_reads_nothing_of_the_hubs(hub: Hub, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", SECRET)
    monkeypatch.setenv("SSH_AUTH_SOCK", f"/{SECRET}")
    assert SECRET not in hub.build(command)


@pytest.mark.parametrize("command", WRITES.values(), ids=WRITES)
def test_a_build_changes_nothing_of_the_hubs(hub: Hub, command: str) -> None:
    before = {name: content for name, content in tree_of(hub.path).items() if not name.endswith(".log")}
    hub.build(command)
    assert before == {name: content for name, content in tree_of(hub.path).items() if not name.endswith(".log")}
    assert hub.run.poll() is None
    left = ["/etc/touched", "/etc/cron.d/touched", "/usr/local/bin/touched", "/tmp/aegir-touched", "/var/tmp/aegir-touched",
            "/dev/shm/aegir-touched"]  # fmt: skip
    assert [] == [path for path in left if Path(path).exists()]


def test_nothing_of_a_build_goes_on_after_its_end(hub: Hub) -> None:
    hub.build("echo begun; for n in 1 2 3; do (setsid nohup sleep 98765 >/dev/null 2>&1 &) ; done; sleep 0.2")

    def is_over() -> bool:
        return "" == subprocess.run(["pgrep", "-fx", "sleep 98765"], capture_output=True, text=True, check=False).stdout

    # The kernel has ended them, and a busy machine takes a moment until they are gone.
    assert wait.until(is_over, seconds=10, pause=0.05)


def test_a_build_hands_over_a_tree_that_is_the_hubs_own(hub: Hub) -> None:
    hub.build(
        "mkdir -p deep/er; echo made >deep/er/file; cp /bin/sh deep/shell; chmod 6755 deep/shell; ln -s /etc/passwd up"
    )
    code = hub.shop.code
    assert {os.geteuid()} == {path.lstat().st_uid for path in (code, *code.rglob("*"))}
    assert Path("/etc/passwd").stat().st_uid == 0, "nothing is given to anybody through a link"
    # What no code base may hold is found before anything of it is used.
    with pytest.raises(SourceError):
        tree.check(code)


def test_a_build_has_the_room_that_composer_needs(hub: Hub) -> None:
    said = hub.build(
        "php -r 'echo PHP_MAJOR_VERSION;' && git --version && id -un && echo $HOME && touch $HOME/x $COMPOSER_HOME/y /tmp/z && "
        "git init -q . && git add -A && git commit -qm x && getent hosts localhost && echo whole"
    )
    assert "whole" in said, said
