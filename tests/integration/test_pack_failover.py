"""A pack whose files are on a machine beside it: what happens when that dies, and the two other ways to share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.applications import probe
from lab import HostSpec, Lab
from tests.integration import inside, packs
from tests.integration.farm import Config, Farm, fetch
from tests.integration.packs import FILES, ROOT, SITE

pytestmark = [pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1500)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
Record = Callable[[str, object], None]
LONG = 900.0
COPY = "aegir-standby-farm.service"


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    webs = [HostSpec(f"web{number}", image="web", kind="vm", memory="512m") for number in (1, 2)]
    # The first is the hub of one test as well, where the engine runs on it. A bare machine would get rsync by apt, which takes
    # 50 s in a virtual machine: that packages are installed is the matter of other files.
    stores = [
        HostSpec("nas1", image="hub", kind="vm", memory="1g"),
        HostSpec("nas2", image="hub", kind="vm", memory="256m"),
    ]
    made = lab_factory("failover", [*webs, *stores, HostSpec("db1", image="db")])
    for name in ("nas1", "nas2", "web1"):
        packs.short_grace(made.host(name))
    return made


@pytest.fixture(scope="module")
def farm(lab: Lab, wordpress: Path, tmp_path_factory: pytest.TempPathFactory) -> Farm:
    """Give a stack whose machines are prepared once; each test declares its pack or cluster on them, and takes it away."""
    return Farm(tmp_path_factory.mktemp("failover"), without_sites(packs.declare(lab, wordpress)))


def declare(farm: Farm, lab: Lab, source: Path, **pack: object) -> None:
    """Declare a pack of both web servers with a site, on the machines that are there."""
    farm.settings = {**packs.declare(lab, source, "web2", **pack), "hub": farm.settings["hub"]}


def without_sites(declared: Config) -> Config:
    """Leave only the machines."""
    return {key: value for key, value in declared.items() if key in ("hub", "servers")}


def backups(farm: Farm) -> set[Path]:
    """List the archives of uploads that the hub has."""
    return set((farm.hub / "backups").glob("*files.tar.gz"))


def clear(farm: Farm) -> None:
    """Remove all but the machines, which takes half of the time that destroying and preparing them takes."""
    farm.settings = without_sites(farm.settings)
    farm.up(timeout=LONG)


class Visitor(threading.Thread):
    """Asks a host for the site again and again, and notes when it got no page."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address, self.over = address, threading.Event()
        self.answered, self.failed = 0, 0
        self.gap = 0.0

    def run(self) -> None:
        last = time.monotonic()
        while not self.over.is_set():
            try:
                well = 200 == probe.get(self.address, 80, SITE, patience=0.0).status
            except probe.NoAnswer:
                well = False
            now = time.monotonic()
            if well:
                self.answered += 1
                self.gap = max(self.gap, now - last)
                last = now
            else:
                self.failed += 1
            time.sleep(0.5)


def test_a_standby_takes_over_in_one_up_and_says_what_is_lost(
    farm: Farm, lab: Lab, wordpress: Path, record_property: Record
) -> None:
    one, two, first, second = (lab.host(name) for name in ("web1", "web2", "nas1", "nas2"))
    beside = {"nfs": first.spec.fqdn, "standby": second.spec.fqdn}
    declare(farm, lab, wordpress, **beside)
    farm.up(timeout=LONG)
    assert [200, 200] == [fetch(host, SITE).status for host in (one, two)]
    source = f"{first.address}:{layout.NFS_ROOT}/farm nfs4"
    assert [source, source] == [packs.mount_of(host) for host in (one, two)]
    packs.upload(two, "copied")
    second.run(f"systemctl start {COPY}", timeout=300)
    farm.unchanged()

    visitor = Visitor(two.address)
    visitor.start()
    packs.upload(two, "late")
    first.kill()
    farm.disconnect()
    declare(farm, lab, wordpress, **beside, failover=second.spec.fqdn)
    try:
        done = farm.up(timeout=LONG)
        for host in (one, two):
            packs.seconds_until(host, 200, 120)
        visitor.over.set()
        visitor.join(60)
    finally:
        visitor.over.set()
        first.start()

    record_property("failover, s of pulumi up", round(done.seconds, 1))
    record_property(
        "requests that failed meanwhile, of all", f"{visitor.failed} of {visitor.failed + visitor.answered}"
    )
    record_property("longest time without a page, s", round(visitor.gap, 1))
    assert f"{second.spec.fqdn} takes over what the pack farm shares" in done.sentence
    assert "what was written on the former server after that is not in it" in done.sentence
    taken = f"{second.address}:{layout.NFS_ROOT}/farm nfs4"
    assert [taken, taken] == [packs.mount_of(host) for host in (one, two)]
    assert ["copied", "copied"] == [packs.answer(host, "copied") for host in (one, two)]
    assert 200 != fetch(one, SITE, f"/{packs.files_path()}/late.txt").status, "written after the last copy"
    assert "" == second.run("systemctl list-timers --all --no-legend 'aegir-standby*'").stdout
    packs.upload(two, "after")
    assert "after" == packs.answer(one, "after")
    farm.unchanged()
    clear(farm)


def test_shared_uploads_with_code_on_every_member(
    farm: Farm, lab: Lab, wordpress: Path, record_property: Record
) -> None:
    one, two = lab.host("web1"), lab.host("web2")
    declare(farm, lab, wordpress, share="uploads")
    kept = backups(farm)
    farm.up(timeout=LONG)

    for host in (one, two):
        record_property(f"page of {host.name}, share: uploads, ms", packs.page_time(host))
        assert "" == packs.mount_of(host)
        assert f"{layout.PLATFORMS_ROOT}/.releases" in host.run("readlink /var/aegir/platforms/code").stdout
    packs.upload(two, "from-two")
    assert ["from-two", "from-two"] == [packs.answer(host, "from-two") for host in (one, two)]
    assert "nfs4\n" == two.run("findmnt -n -t nfs4 -o FSTYPE --mountpoint /var/aegir/uploads/farm").stdout
    farm.unchanged("--refresh")
    clear(farm)
    assert "" == one.run("ls -A /var/aegir/uploads/farm | grep -v '^[.]aegir' || true").stdout
    assert backups(farm) - kept


def test_a_directory_that_somebody_else_shares_is_proven(farm: Farm, lab: Lab, wordpress: Path) -> None:
    one, two, filer = (lab.host(name) for name in ("web1", "web2", "nas1"))
    filer.run(
        f"mkdir -p /srv/filer; echo '/srv/filer {one.address}(rw,no_subtree_check,no_root_squash) "
        f"{two.address}(rw,no_subtree_check,root_squash)' >/etc/exports; systemctl start nfs-server; exportfs -ra"
    )
    one.run(f"mkdir -p /srv/shared; mount -t nfs4 -o lookupcache=positive {filer.address}:/srv/filer /srv/shared")
    two.run("mkdir -p /srv/shared")
    declare(farm, lab, wordpress, share="external", path="/srv/shared")

    refused = farm.up(ok=False, timeout=LONG).sentence
    assert f"{two.spec.fqdn}: " in refused
    assert (
        "/srv/shared/.aegir-proof is not there, which the pack's master has made: this is another directory" in refused
    )

    two.run(f"mount -t nfs4 -o ro,lookupcache=positive {filer.address}:/srv/filer /srv/shared")
    refused = farm.up(ok=False, timeout=LONG).sentence
    assert "aegir cannot write into /srv/shared/.aegir-proof: the export is read-only" in refused

    two.run(f"umount /srv/shared; mount -t nfs4 -o rw,lookupcache=positive {filer.address}:/srv/filer /srv/shared")
    farm.up(timeout=LONG)
    assert [200, 200] == [fetch(host, SITE).status for host in (one, two)]
    assert ROOT not in two.run("grep nfs4 /etc/fstab || true").stdout
    farm.unchanged()
    clear(farm)
    for host in (one, two):
        host.run("umount -l /srv/shared")


def test_a_cluster_has_its_uploads_on_a_filer_by_nfs(farm: Farm, lab: Lab, wordpress: Path) -> None:
    one, two, filer = (lab.host(name) for name in ("web1", "web2", "nas1"))
    options = "rw,no_subtree_check,no_root_squash"
    filer.run(
        f"mkdir -p /srv/uploads; echo '/srv/uploads {one.address}({options}) {two.address}({options})' >/etc/exports; "
        "systemctl start nfs-server; exportfs -ra"
    )
    export, place = f"{filer.address}:/srv/uploads", "/var/aegir/uploads/web"
    declare(farm, lab, wordpress)
    declared, kept = farm.settings, backups(farm)
    del declared["packs"]
    members = [host.spec.fqdn for host in (one, two)]
    declared["clusters"] = {"web": {"servers": members, "uploads": {"nfs": export}}}
    declared["platforms"]["code"]["server"] = "web"
    farm.up(timeout=LONG)

    assert [200, 200] == [fetch(host, SITE).status for host in (one, two)]
    for host in (one, two):
        assert f"{export}\n" == host.run(f"findmnt -n -t nfs4 -o SOURCE --mountpoint {place}").stdout
    packs.upload(two, "on-the-filer")
    assert ["on-the-filer", "on-the-filer"] == [packs.answer(host, "on-the-filer") for host in (one, two)]

    two.run(f"sed -i '\\|{place}|d' /etc/fstab; umount -l {place}")
    assert f"{two.spec.fqdn}: mount {place}" in " ".join(farm.drift().drift)
    farm.up("--refresh", timeout=LONG)
    assert "on-the-filer" == packs.answer(two, "on-the-filer")
    farm.unchanged("--refresh")
    clear(farm)
    assert [""] * 2 == [host.run(f"grep {place} /etc/fstab || true").stdout for host in (one, two)]
    assert backups(farm) - kept
    # The next test's stack is another one, which takes these machines.
    farm.destroy()
    assert [["0"], ["0"]] == [packs.configured(host) for host in (one, two)]


def test_the_hub_shares_what_a_master_serves(lab: Lab, wordpress: Path) -> None:
    web, hub = lab.host("web1"), lab.host("nas1")
    declared = packs.declare(lab, wordpress, nfs="hub")
    declared["servers"] = {
        name: {**server, "connection": "local"} if name == hub.spec.fqdn else server
        for name, server in declared["servers"].items()
        if name != lab.host("nas2").spec.fqdn
    }
    declared["hub"] = {"address": hub.address, "ssh": {"known_hosts": "/opt/known_hosts", "identity": "/opt/identity"}}
    declared["platforms"]["code"]["source"] = "/opt/code"
    inside.become_hub(hub, {f"aegir:{key}": value for key, value in declared.items()}, wordpress)
    hub.run("cat >/opt/known_hosts", input=lab.known_hosts.read_text())
    hub.run("umask 077; cat >/opt/identity", input=lab.identity.read_text())

    inside.up(hub, timeout=LONG)

    assert f"{hub.address}:{layout.NFS_ROOT}/farm nfs4" == packs.mount_of(web)
    assert 200 == fetch(web, SITE).status
    packs.upload(web, "kept-by-the-hub")
    kept = f"{layout.NFS_ROOT}/farm/{FILES.removeprefix(ROOT + '/')}/kept-by-the-hub.txt"
    assert "kept-by-the-hub\n" == hub.run(f"cat {kept}").stdout
    inside.unchanged(hub, timeout=LONG)
    inside.destroy(hub, timeout=LONG)
