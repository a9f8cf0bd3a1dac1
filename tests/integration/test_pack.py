"""A pack on real NFS: a master and two slaves with kernels of their own; what it serves, survives and refuses."""

from __future__ import annotations

import shlex
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from lab import Host, HostSpec, Lab
from tests.integration import packs
from tests.integration.farm import Farm, fetch
from tests.integration.packs import ROOT, SITE

pytestmark = [pytest.mark.machines, pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1500)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
Record = Callable[[str, object], None]
LONG = 900.0
"""Seconds for one command: a virtual machine takes 26 ms for each process, and others may be at work beside."""


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    webs = [HostSpec(f"web{number}", image="web", kind="vm", memory="512m") for number in (1, 2, 3)]
    made = lab_factory("pack", [*webs, HostSpec("db1", image="db")])
    packs.short_grace(made.host("web1"))
    # So that a machine's own choice of numbers would not be the same on all.
    made.host("web1").run("useradd --system --no-create-home somebody")
    return made


@pytest.fixture(scope="module")
def farm(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    made = Farm(tmp_path_factory.mktemp("pack"), packs.declare(lab, wordpress, "web2"))
    made.up(timeout=LONG)
    return made


def redeclare(farm: Farm, lab: Lab, *slaves: str) -> None:
    hub, source = farm.settings["hub"], Path(farm.settings["platforms"]["code"]["source"])
    farm.settings = {**packs.declare(lab, source, *slaves), "hub": hub}


def test_code_is_the_masters_and_configuration_is_on_all(farm: Farm, lab: Lab) -> None:
    master, slave = lab.host("web1"), lab.host("web2")

    assert [200, 200] == [fetch(host, SITE).status for host in (master, slave)]
    assert "" == packs.mount_of(master)
    assert f"{master.address}:{ROOT} nfs4" == packs.mount_of(slave)
    vhosts = [host.run("ls /var/aegir/config/*/vhost.d").stdout.split() for host in (master, slave)]
    assert [[f"{SITE}.conf"], [f"{SITE}.conf"]] == vhosts
    same = {host.run("readlink /var/aegir/platforms/code").stdout for host in (master, slave)}
    assert 1 == len(same)
    timers = [
        host.run("ls /etc/systemd/system | grep -c 'aegir-cron@site.*timer' || true").stdout for host in (master, slave)
    ]
    assert ["1\n", "0\n"] == timers, "cron runs on the master"
    options = slave.run(f"findmnt -n -t nfs4 -o OPTIONS --mountpoint {ROOT}").stdout
    assert {"hard", "nosuid", "nodev", "noatime", "vers=4.2", "lookupcache=pos"} <= set(options.strip().split(","))
    versions = master.run("cat /proc/fs/nfsd/versions").stdout.split()
    assert {"-3", "+4.1", "+4.2"} <= set(versions)
    assert "-4.0" in versions
    farm.unchanged("--refresh")


def test_the_site_has_an_account_for_master_slave_and_hub_and_none_else(farm: Farm, lab: Lab) -> None:
    master, slave = lab.host("web1"), lab.host("web2")

    assert {master.address, slave.address, lab.hub_address} == packs.accounts(lab)
    for host in (master, slave):
        assert packs.connects_from(host).startswith("www_example_com_")


def test_the_slave_has_the_numbers_of_the_masters_account(farm: Farm, lab: Lab) -> None:
    del farm
    numbers = {host.run("id -u aegir; id -g aegir").stdout for host in (lab.host("web1"), lab.host("web2"))}
    assert 1 == len(numbers)
    assert "somebody" not in lab.host("web2").run("getent passwd").stdout


def test_a_slave_that_joins_gets_all_in_one_up_and_what_is_in_its_way_is_refused(
    farm: Farm, lab: Lab, record_property: Record
) -> None:
    new, slave = lab.host("web3"), lab.host("web2")
    redeclare(farm, lab, "web2", "web3")
    # The number of the master's account is somebody else's.
    number = lab.host("web1").run("id -u aegir").stdout.strip()
    new.run(f"useradd --system --no-create-home -u {number} -g nogroup clerk")
    refused = farm.up(ok=False, timeout=LONG).sentence
    assert f"{new.spec.fqdn}: " in refused
    assert f"the uid {number} wanted for aegir is taken by clerk" in refused
    new.run("userdel clerk")

    # Something of somebody else's is where the mount goes.
    new.run(f"mkdir -p {ROOT}/own; echo mine >{ROOT}/own/file")
    refused = farm.up(ok=False, timeout=LONG).sentence
    assert f"{ROOT} is not empty: a mount would hide what is in it (own )" in refused
    assert f"{new.spec.fqdn}: " in refused
    assert "mine\n" == new.run(f"cat {ROOT}/own/file").stdout
    assert 200 == fetch(slave, SITE).status
    new.run(f"rm -rf {ROOT}/own")

    with packs.filtered(new):
        refused = farm.up(ok=False, timeout=LONG).sentence
    assert f"port 2049 of {lab.host('web1').address} does not answer from here" in refused
    assert "" == new.run(f"findmnt -n -t nfs4 {ROOT} || true").stdout

    # It comes from another address than the one that the master exports to.
    master = lab.host("web1").address
    device = new.run(f"ip -o route get {master} | grep -o 'dev [^ ]*'").stdout.strip()
    new.run(f"ip address add {master}9/32 {device} && ip route add {master} {device} src {master}9")
    refused = farm.up(ok=False, timeout=LONG).sentence
    new.run(f"ip route del {master}; ip address del {master}9/32 {device}")
    assert f"{master}:{ROOT} could not be mounted on {ROOT}" in refused
    assert "access denied by server" in refused
    assert "exportfs -v shows to whom it exports" in refused

    done = farm.up(timeout=LONG)
    record_property("a slave that joins, its machine prepared before, s", round(done.seconds, 1))
    assert 200 == fetch(new, SITE).status
    assert f"{lab.host('web1').address}:{ROOT} nfs4" == packs.mount_of(new)
    assert new.address in packs.accounts(lab)
    farm.unchanged()


def test_an_upload_through_one_slave_is_served_by_the_other(farm: Farm, lab: Lab, record_property: Record) -> None:
    packs.upload(lab.host("web2"), "from-two")

    assert ["from-two", "from-two"] == [packs.answer(lab.host(name), "from-two") for name in ("web3", "web1")]
    owner = lab.host("web1").run(f"stat -c %U {packs.FILES}/from-two.txt").stdout.strip()
    assert layout.system_user(SITE) == owner
    for name in ("web1", "web2", "web3"):
        record_property(f"page of {name}, code over NFS but on web1, ms", packs.page_time(lab.host(name)))


def test_the_masters_nfs_stops_for_half_a_minute_and_nothing_is_lost(
    farm: Farm, lab: Lab, record_property: Record
) -> None:
    master, slave = lab.host("web1"), lab.host("web2")
    master.run("systemctl stop nfs-server")
    begun, done = time.monotonic(), []

    def write() -> None:
        packs.upload(slave, "patient")
        done.append(time.monotonic() - begun)

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(30)
    assert [] == done, "it waits, and does not fail"
    master.run("systemctl start nfs-server")
    writer.join(60)
    record_property("a write that met a stop of 30 s ended after, s", [round(seconds, 1) for seconds in done])
    assert 1 == len(done)
    assert "patient" == packs.answer(lab.host("web3"), "patient")
    packs.seconds_until(slave, 200, 60)
    farm.unchanged()


@pytest.mark.usefixtures("farm")
def test_a_slave_that_boots_serves_again_without_help(lab: Lab) -> None:
    slave = lab.host("web2")
    slave.restart()

    packs.seconds_until(slave, 200, 90)
    assert packs.mount_of(slave).endswith("nfs4")
    assert "from-two" == packs.answer(slave, "from-two")


def test_a_change_by_hand_is_named_and_mended(farm: Farm, lab: Lab) -> None:
    master, two, three = (lab.host(f"web{number}") for number in (1, 2, 3))
    master.run("exportfs -u " + f"{two.address}:{ROOT}")
    master.run("sed -i 's/root_squash/no_root_squash/' /etc/exports.d/aegir-farm.exports")
    two.run("sed -i 's/nosuid,//' /etc/fstab")
    three.run(f"systemctl stop $(systemd-escape --path --suffix=automount {ROOT}); umount -l {ROOT} || true")

    named = " ".join(farm.drift().drift)
    assert "file /etc/exports.d/aegir-farm.exports: content differs" in named
    assert f"export {ROOT}: is to {three.address}:rw , not to" in named
    assert f"{two.spec.fqdn}: mount {ROOT}: its line in /etc/fstab is missing or differs" in named
    assert f"{three.spec.fqdn}: mount {ROOT}:" in named
    farm.up("--refresh", timeout=LONG)

    assert "no_root_squash" not in master.run("exportfs -v").stdout
    # Mounted anew, so that what PHP and the kernel knew of the files has to be read again.
    for host in (two, three):
        packs.seconds_until(host, 200, 120)
    assert 0 == two.run("grep -q nosuid /etc/fstab").returncode
    farm.unchanged("--refresh")


def test_other_numbers_of_an_account_are_refused_with_both(farm: Farm, lab: Lab) -> None:
    slave = lab.host("web2")
    right = slave.run("id -u aegir").stdout.strip()
    slave.run("usermod -u 4321 aegir")
    try:
        refused = farm.up("--refresh", ok=False, timeout=LONG).sentence
    finally:
        slave.run(f"usermod -u {right} aegir")
    group = slave.run("id -g aegir").stdout.strip()
    assert f"{slave.spec.fqdn}: " in refused
    assert f"the user aegir exists with uid:gid 4321:{group} and not {right}:{group}" in refused
    assert f"usermod -u {right} aegir" in refused
    # That it is done now shows the end of the next test: in virtual machines an `up` takes half a minute.


def test_a_server_that_hangs_holds_up_nothing_and_the_error_says_what_to_do(farm: Farm, lab: Lab) -> None:
    master, slave = lab.host("web1"), lab.host("web2")
    with packs.filtered(slave):
        done = farm.up("--refresh", ok=False, timeout=280)
    assert f"{ROOT} does not answer: the NFS server {master.address} is down or cannot be reached" in done.sentence
    assert "declare where its files are now (a pack's failover) and run pulumi up" in done.sentence
    packs.seconds_until(slave, 200, 120)
    farm.up("--refresh", timeout=LONG)


def test_drupal_10_is_installed_on_the_master_and_its_slaves_serve_it(
    farm: Farm, lab: Lab, drupal10: Path, record_property: Record
) -> None:
    name = "drupal.example.com"
    before = {key: dict(farm.settings[key]) for key in ("platforms", "sites")}
    farm.settings["platforms"]["ten"] = {"server": "farm", "source": str(drupal10)}
    farm.settings["sites"][name] = {"platform": "ten", "profile": "minimal"}
    done = farm.up(timeout=LONG)
    record_property("Drupal 10 on a pack of three, s", round(done.seconds, 1))

    for number in (1, 2, 3):
        answer = fetch(lab.host(f"web{number}"), name)
        assert (200, "Drupal 10") == (answer.status, answer.headers["x-generator"][:9])
        record_property(f"page of Drupal 10 on web{number}, ms", packs.page_time(lab.host(f"web{number}"), name=name))
    farm.unchanged()
    # It goes with the slave, in the next test's `up`.
    farm.settings |= before


def test_a_database_update_runs_once_and_all_members_have_the_release(farm: Farm, lab: Lab, tmp_path: Path) -> None:
    webs = [lab.host(f"web{number}") for number in (1, 2, 3)]
    platform = farm.settings["platforms"]["code"]
    source = Path(shutil.copytree(platform["source"], tmp_path / "code", symlinks=True))
    (source / "RELEASE.txt").write_text("another release\n")
    client = f"mariadb -N {layout.database_name(SITE)}"
    version = "SELECT option_value FROM wp_options WHERE option_name = 'db_version'"
    new = lab.host("db1").run(client, input=version).stdout
    lab.host("db1").run(client, input="UPDATE wp_options SET option_value = '51917' WHERE option_name = 'db_version'")
    kept = platform["source"]
    platform["source"] = str(source)
    said = farm.up(timeout=LONG).sentence
    assert f"{SITE}: 1 updates, rehearsed in" in said
    assert new == lab.host("db1").run(client, input=version).stdout
    assert [200] * 3 == [fetch(host, SITE).status for host in webs]
    for host in webs:
        assert "another release\n" == fetch(host, SITE, "/RELEASE.txt").body
    farm.unchanged("--refresh")
    platform["source"] = kept


def test_a_slave_that_leaves_loses_mount_configuration_and_account_and_no_file(farm: Farm, lab: Lab) -> None:
    gone = lab.host("web3")
    redeclare(farm, lab, "web2")
    farm.settings["servers"] |= packs.declare(lab, Path("/"), "web3")["servers"]
    farm.up(timeout=LONG)

    assert ["0"] == packs.configured(gone)
    assert "" == packs.mount_of(gone)
    assert gone.address not in packs.accounts(lab)
    assert gone.address not in lab.host("web1").run("exportfs -s").stdout
    assert "from-two" == packs.answer(lab.host("web2"), "from-two")
    # The other site, which went with it, left nothing of itself on those that stay.
    for name in ("web1", "web2"):
        assert "" == lab.host(name).run("ls -d /var/aegir/config/*/*/*drupal.example.com* 2>/dev/null || true").stdout
    farm.unchanged("--refresh")


def test_a_site_moves_out_of_the_pack_to_a_server_alone_and_back(farm: Farm, lab: Lab, record_property: Record) -> None:
    master, slave, alone = (lab.host(f"web{number}") for number in (1, 2, 3))
    home = layout.site_directory(ROOT, SITE)
    farm.settings["servers"] |= packs.declare(lab, Path("/"), "web3")["servers"]
    packs.upload(slave, "from-two")
    _as_site(slave, (
        f"echo secret >{layout.site_private(ROOT, SITE)}/two.txt; cd {packs.FILES}; mkdir deep; echo dear >deep/one.txt; "
        "ln -s one.txt deep/link.txt"
    ))  # fmt: skip
    posts = f"mariadb -N {layout.database_name(SITE)}"
    lab.host("db1").run(posts, input="UPDATE wp_posts SET post_title = 'Hello from the pack' WHERE ID = 1")
    site = farm.settings["sites"][SITE]
    source = farm.settings["platforms"]["code"]["source"]
    farm.settings["platforms"]["alone"] = {"server": alone.spec.fqdn, "source": source}

    site["platform"] = "alone"
    done = farm.up(timeout=LONG)

    record_property("a site moves out of a pack, s", round(done.seconds, 1))
    _has_all(alone)
    for host in (master, slave):
        assert "" == host.run(f"ls -d {home} /var/aegir/config/*/vhost.d/{SITE}.conf 2>/dev/null || true").stdout
        assert "Hello from the pack" in fetch(host, SITE).body, "who still comes here is served from there"
    assert packs.accounts(lab) == {alone.address, lab.hub_address}
    farm.unchanged("--refresh")

    # What is written there comes back, and every member of the pack shows it.
    packs.upload(alone, "later")
    site["platform"] = "code"
    done = farm.up(timeout=LONG)

    record_property("a site moves into a pack, s", round(done.seconds, 1))
    for host in (master, slave):
        _has_all(host)
        assert "later" == packs.answer(host, "later")
    assert "" == alone.run(f"ls -d {home} /var/aegir/config/*/vhost.d/{SITE}.conf 2>/dev/null || true").stdout
    assert packs.accounts(lab) == {master.address, slave.address, lab.hub_address}
    del farm.settings["platforms"]["alone"]
    farm.up(timeout=LONG)
    farm.unchanged("--refresh")


def _as_site(host: Host, script: str) -> str:
    return host.run(f"runuser -u {layout.system_user(SITE)} -- sh -ec {shlex.quote(script)}").stdout


def _has_all(host: Host) -> None:
    page = fetch(host, SITE)
    assert (200, True) == (page.status, "Hello from the pack" in page.body)
    assert "from-two" == packs.answer(host, "from-two")
    assert "dear\n" == fetch(host, SITE, f"/{packs.files_path()}/deep/one.txt").body
    # Root of a slave is nobody to the master.
    said = _as_site(host, f"readlink {packs.FILES}/deep/link.txt; cat {layout.site_private(ROOT, SITE)}/two.txt")
    assert "one.txt\nsecret\n" == said


def test_a_destroyed_pack_leaves_no_configuration_and_its_uploads_on_the_hub(farm: Farm, lab: Lab) -> None:
    farm.destroy()
    assert [["0"], ["0"]] == [packs.configured(lab.host(name)) for name in ("web1", "web2")]
    assert any("web1" in path.name for path in (farm.hub / "backups").iterdir()), "its uploads are kept on the hub"
