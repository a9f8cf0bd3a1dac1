"""Hosts of the lab that have a kernel of their own, with NFS on both sides of a real network."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lab import HostSpec, Lab, SpecError, vms

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
SPECS = [
    HostSpec("one", kind="vm", memory="256m"),
    HostSpec("two", kind="vm", memory="256m"),
    HostSpec("box"),
]


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    return lab_factory("vm", SPECS)


def test_machines_and_containers_are_on_one_network_and_know_each_other(lab: Lab) -> None:
    done = lab.host("one").run(
        "id -un; hostname; systemctl is-system-running; uname -r | cut -d. -f1; cat /proc/cmdline"
    )

    assert ["root", "one.lab.test", "running"] == done.stdout.split()[:3]
    for source, target in (("one", "two"), ("one", "box"), ("box", "two")):
        host, other = lab.host(source), lab.host(target)
        reach = f"getent hosts {target} && timeout 60 bash -c 'exec 3<>/dev/tcp/{target}/22; head -c 4 <&3'"
        assert f"{other.address}" in (said := host.run(reach).stdout), said
        assert said.endswith("SSH-")
    assert {"one": "running", "two": "running", "box": "running"} == lab.states()
    assert lab.host("one").host_key in lab.known_hosts.read_text()


def test_a_machine_serves_nfs_and_another_mounts_it(lab: Lab) -> None:
    one, two = lab.host("one"), lab.host("two")
    one.run(
        "mkdir -p /srv/x; chmod 1777 /srv/x; echo here >/srv/x/file;"
        f"echo '/srv/x {two.address}(rw,sync,no_subtree_check,root_squash)' >/etc/exports; systemctl start nfs-server"
    )
    two.run(f"timeout 60 mount -t nfs4 {one.address}:/srv/x /mnt", timeout=90)

    assert "here\n" == two.run("cat /mnt/file").stdout
    assert "nfs4\n" == two.run("findmnt -n -o FSTYPE --mountpoint /mnt").stdout
    two.run("umount /mnt")


def test_a_second_up_leaves_machines_alone(lab: Lab) -> None:
    before = lab.host("one").run("cat /proc/sys/kernel/random/boot_id").stdout

    lab.up(SPECS)

    assert before == lab.host("one").run("cat /proc/sys/kernel/random/boot_id").stdout


def test_a_machine_stops_is_killed_and_comes_back_with_its_files(lab: Lab) -> None:
    host = lab.host("two")
    host.run("echo kept >/root/kept; sync")
    host.kill()
    assert "exited" == host.state()
    lab.up([host.spec])
    assert "kept\n" == host.run("cat /root/kept").stdout

    host.restart()
    assert "kept\n" == host.run("cat /root/kept").stdout


def test_a_paused_machine_answers_nothing_and_goes_on(lab: Lab) -> None:
    host = lab.host("two")
    before = host.run("cat /proc/sys/kernel/random/boot_id").stdout
    host.pause()
    assert "paused" == host.state()
    with pytest.raises(TimeoutError):
        socket.create_connection((host.address, 22), timeout=2)
    host.unpause()

    assert before == host.run("cat /proc/sys/kernel/random/boot_id").stdout


def test_a_machine_has_no_other_login_than_roots() -> None:
    with pytest.raises(SpecError, match="a vm has root's login only"):
        HostSpec("one", kind="vm", admin="debian")


def test_down_leaves_no_process_tap_bridge_or_file_of_its_own_and_touches_no_others(
    lab: Lab, lab_factory: LabFactory
) -> None:
    gone = lab_factory("vmgone", [HostSpec("one", kind="vm", memory="256m")])
    place = vms.Place(gone.name, "one", gone.directory)
    bridge = vms.bridge_of(gone.engine, gone.network)
    pid = place.process()
    assert pid is not None
    assert Path("/sys/class/net", place.tap).exists()

    gone.down()

    assert place.process() is None
    # One that has ended is this process's child, and stands in the list until somebody asks for its status.
    listed = subprocess.run(["ps", "-eo", "sess=,stat="], capture_output=True, text=True, check=True).stdout
    assert [] == [line for line in listed.splitlines() if line.split()[0] == str(pid) and "Z" not in line]
    assert not Path("/sys/class/net", place.tap).exists()
    assert not Path("/sys/class/net", bridge).exists()
    assert not gone.directory.exists()
    assert gone.name not in Lab.all()
    assert "running" == lab.host("one").state()


def test_how_long_a_machine_takes_to_start(lab: Lab, record_property: Callable[[str, object], None]) -> None:
    host = lab.host("one")
    host.stop()
    begun = time.monotonic()
    host.start()
    record_property("start of a virtual machine until it can be worked with, s", round(time.monotonic() - begun, 1))
    assert "running" == host.state()
