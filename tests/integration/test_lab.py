"""The lab itself, on a real container engine."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from lab import HostFailed, HostSpec, Lab, LabError, SpecError
from lab.hosts import container_name
from tests.integration.processes import wait_for

pytestmark = pytest.mark.lab

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
ROOT = pathlib.Path(__file__).resolve().parents[2]


def over_ssh(lab: Lab, host: str, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command the way the program under test reaches a host."""
    argv = [*lab.host(host).ssh_command(), command]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    """Two hosts: one that root logs in to, one with an administrator."""
    return lab_factory("lab", [HostSpec("one", users=("deploy",)), HostSpec("two", admin="debian")])


@pytest.fixture
def gone(lab_factory: LabFactory) -> Iterator[Lab]:
    """A lab that a test makes and takes away by itself."""
    lab = lab_factory("gone", [])
    yield lab
    lab.down()


def test_a_host_answers_over_ssh_with_its_pinned_key(lab: Lab) -> None:
    done = over_ssh(lab, "one", "id -un; hostname; systemctl is-system-running")

    assert ["root", "one.lab.test", "running"] == done.stdout.split(), done.stderr
    assert lab.host("one").host_key in lab.known_hosts.read_text()


def test_a_host_with_another_key_is_refused(lab: Lab, tmp_path: pathlib.Path) -> None:
    wrong = tmp_path / "known_hosts"
    wrong.write_text(f"{lab.host('one').address} {lab.host('two').host_key}\n")
    command = lab.host("one").ssh_command()
    argv = [word.replace(str(lab.known_hosts), str(wrong)) for word in command]

    done = subprocess.run([*argv, "true"], capture_output=True, text=True, timeout=60, check=False)

    assert 255 == done.returncode
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in done.stderr


def test_hosts_know_each_other_by_name_and_the_hub_by_address(lab: Lab) -> None:
    seen = lab.host("one").run("getent hosts two two.lab.test; ip -4 route show default").stdout

    assert 2 == seen.count(lab.host("two").address)
    assert f"via {lab.hub_address} " in seen


def test_an_administrator_has_sudo_and_root_cannot_log_in(lab: Lab) -> None:
    as_admin = over_ssh(lab, "two", "id -un; sudo -n id -un")
    argv = [word.replace("debian@", "root@") for word in lab.host("two").ssh_command()]
    as_root = subprocess.run([*argv, "true"], capture_output=True, text=True, timeout=60, check=False)

    assert ["debian", "root"] == as_admin.stdout.split(), as_admin.stderr
    assert "Permission denied" in as_root.stderr


def test_a_further_account_has_no_privilege(lab: Lab) -> None:
    argv = [word.replace("root@", "deploy@") for word in lab.host("one").ssh_command()]

    done = subprocess.run([*argv, "id -un; sudo -n id -un"], capture_output=True, text=True, timeout=60, check=False)

    assert ["deploy"] == done.stdout.split()


def test_apt_installs_over_the_lab_s_network(lab: Lab) -> None:
    lab.host("one").run("apt-get -q update && apt-get -q -y install --no-install-recommends rsync", timeout=120)

    assert "rsync  version" in lab.host("one").run("rsync --version").stdout


def test_a_second_up_changes_nothing_and_is_fast(lab: Lab) -> None:
    host = lab.host("one")
    before = host.run("cut -d' ' -f22 /proc/1/stat; stat -c %Y.%i /etc/hosts /etc/ssh/ssh_host_ed25519_key").stdout
    started = time.monotonic()

    lab.up([HostSpec("one", users=("deploy",)), HostSpec("two", admin="debian")])

    # Half a second on an idle machine; making one of the hosts anew is told by the lines below.
    assert 15 > time.monotonic() - started
    assert (
        before == host.run("cut -d' ' -f22 /proc/1/stat; stat -c %Y.%i /etc/hosts /etc/ssh/ssh_host_ed25519_key").stdout
    )


def test_a_killed_host_comes_back_with_its_files(lab: Lab) -> None:
    host = lab.host("one")
    host.run("echo kept >/root/kept")
    host.kill()
    assert "exited" == host.state()

    lab.up([host.spec])

    assert "kept\n" == over_ssh(lab, "one", "cat /root/kept").stdout


def test_what_is_run_past_the_engine_is_as_the_engine_would_run_it(lab: Lab) -> None:
    host = lab.host("one")
    script = (
        "env | sort; pwd; umask; id; grep Cap /proc/self/status; sed 's,/init.scope$,,' /proc/self/cgroup; tty; echo >&2 $PPID; "
        "systemctl is-active ssh; runuser -u nobody -- id; cat; kill -9 $$"
    )
    engine = [host.engine.program, *host.engine.runtime, "exec", "-i", host.container, "sh", "-c", script]
    wanted = subprocess.run(engine, input="a word\n", capture_output=True, text=True, check=False)

    done = host.run(script, input="a word\n", check=False)

    assert (137, wanted.stdout, wanted.stderr) == (done.returncode, done.stdout, done.stderr)
    assert "a word" in wanted.stdout


def test_what_a_script_leaves_at_work_is_not_waited_for(lab: Lab) -> None:
    begun = time.monotonic()

    assert "done\n" == lab.host("one").run("sleep 100 & echo done").stdout

    assert time.monotonic() - begun < 50


def test_a_paused_or_stopped_host_runs_nothing_and_says_so(lab: Lab) -> None:
    host = lab.host("one")
    host.pause()
    paused = host.run("true", check=False)
    host.unpause()
    host.stop()
    stopped = host.run("true", check=False)
    host.start()

    assert [True, True] == ["running" in said.stderr for said in (paused, stopped)]
    assert "back\n" == host.run("echo back").stdout


def test_a_stopped_host_starts_and_a_paused_one_goes_on(lab: Lab) -> None:
    host = lab.host("two")
    host.restart()
    host.pause()
    assert "paused" == host.state()
    host.unpause()

    assert "debian\n" == over_ssh(lab, "two", "id -un").stdout


def test_a_removed_host_is_made_anew_with_the_same_key(lab: Lab) -> None:
    host = lab.host("two")
    host.run("touch /root/old")
    host.remove()
    assert "absent" == host.state()
    assert ["one"] == list(lab.hosts())

    lab.up([host.spec])

    assert host.host_key == lab.host("two").host_key
    assert 0 == over_ssh(lab, "two", "sudo test ! -e /root/old").returncode


def test_a_later_host_is_made_known_to_the_earlier_ones(lab: Lab) -> None:
    lab.up([HostSpec("three")])

    assert lab.host("three").address in lab.host("one").run("getent hosts three").stdout


def test_a_script_gets_input_and_its_failure_names_host_and_status(lab: Lab) -> None:
    host = lab.host("one")

    assert "through\n" == host.run("cat", input="through\n").stdout
    assert 3 == host.run("exit 3", check=False).returncode
    with pytest.raises(HostFailed, match=r"one: `echo no >&2; exit 3` exited 3: no"):
        host.run("echo no >&2; exit 3")


def test_other_settings_for_an_existing_host_are_refused(lab: Lab) -> None:
    with pytest.raises(SpecError, match="one is there as bare with other settings"):
        lab.up([HostSpec("one", image="db")])


def test_an_unknown_host_is_answered_with_the_known_ones(lab: Lab) -> None:
    with pytest.raises(LabError, match="no host 'nine'; it has one"):
        lab.host("nine")


def test_labs_lie_side_by_side_and_down_leaves_nothing_of_its_own_only(lab: Lab, gone: Lab) -> None:
    gone.up([HostSpec("one")])
    assert gone.hub_address != lab.hub_address
    assert {lab.name, gone.name} <= set(Lab.all())
    socket = gone.directory / "master"
    master = [
        *gone.host("one").ssh_command()[:-1],
        "-o",
        "ControlMaster=yes",
        "-o",
        f"ControlPath={socket}",
        "-N",
        "-f",
    ]
    subprocess.run([*master, gone.host("one").ssh_command()[-1]], check=True, timeout=60, stderr=subprocess.DEVNULL)
    assert socket.is_socket()
    # A stranger's container, called like one of the lab's but without its label.
    image = lab.engine.call("inspect", "--format", "{{.Image}}", lab.host("one").container).strip()
    foreign = container_name(gone.name, "foreign")
    options = [*lab.engine.run_options(), "--network", "none"]
    lab.engine.call("run", "-d", "--name", foreign, *options, image, "/bin/sleep", "600")

    try:
        gone.down()
        listed = lab.engine.call("ps", "--format", "{{.Names}}").split()
    finally:
        lab.engine.call("rm", "-f", "-t", "0", foreign)

    assert foreign in listed
    assert container_name(gone.name, "one") not in listed
    assert container_name(lab.name, "one") in listed
    assert gone.network not in lab.engine.call("network", "ls", "--format", "{{.Name}}").split()
    assert not gone.directory.exists()
    assert gone.name not in Lab.all()
    # It says that it ends, and does so a moment later.
    processes = ["ps", "-eo", "args"]
    wait_for(lambda: str(socket) not in subprocess.run(processes, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("patience", [0.5, 1.0, 1.6])
def test_a_lab_killed_while_it_comes_up_is_completed_by_the_next_up(gone: Lab, patience: float) -> None:
    specs = ["one", "two:bare:admin=debian", "three"]
    argv = [sys.executable, "-m", "lab", "up", "--name", gone.name, *specs]
    process = subprocess.Popen(argv, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
    time.sleep(patience)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    gone.up([HostSpec("one"), HostSpec("two", admin="debian"), HostSpec("three")])

    assert [0, 0, 0] == [over_ssh(gone, name, "getent hosts one two three").returncode for name in gone.hosts()]


def test_a_lab_whose_directory_was_deleted_is_made_anew(gone: Lab) -> None:
    gone.up([HostSpec("one")])
    gone.keys.remove()

    gone.up([HostSpec("one")])

    assert 0 == over_ssh(gone, "one", "true").returncode


def test_images_for_work_have_it_installed_and_nothing_of_it_running(lab_factory: LabFactory) -> None:
    lab = lab_factory("images", [HostSpec("web1", image="web"), HostSpec("db1", image="db")])
    units = "systemctl is-active apache2 nginx php8.2-fpm mariadb; systemctl is-enabled apache2 nginx mariadb"
    for host in lab.hosts().values():
        answers = host.run(units, check=False).stdout.split()
        assert not {"active", "enabled"} & set(answers)

    lab.host("web1").run("systemctl start apache2; systemctl stop apache2; systemctl start nginx; ls /run/php")
    lab.host("db1").run("systemctl start mariadb; mariadb -e 'select 1'")


def test_the_command_line_shows_and_reaches_the_hosts(lab: Lab) -> None:
    def command(*words: str) -> str:
        argv = [sys.executable, "-m", "lab", *words]
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout

    assert f"{lab.host('one').address} one.lab.test one\n" in command("hosts", "--name", lab.name)
    assert " running\n" in command("status", "--name", lab.name)
    assert "one.lab.test\n" == command("ssh", "--name", lab.name, "one", "hostname", "-f")
