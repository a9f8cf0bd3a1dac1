"""A pack whose files are on a machine beside it: what happens when that dies, and the two other ways to share."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from aegir_components import layout
from aegir_components.health import probe
from lab import HostSpec, Lab
from tests.integration import inside, packs
from tests.integration.farm import CommandEnded, Config, Farm, fetch
from tests.integration.packs import FILES, ROOT, SITE

pytestmark = [pytest.mark.machines, pytest.mark.long, pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1500)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]
Record = Callable[[str, object], None]
Declared = Callable[[Config], Farm]
LONG = 900.0
COPY = "aegir-standby-farm.service"


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    webs = [HostSpec(f"web{number}", image="web", kind="vm", memory="512m") for number in (1, 2)]
    # The first is the hub of one test as well, where the engine runs on it.
    stores = [HostSpec("nas1", kind="vm", memory="1g"), HostSpec("nas2", kind="vm", memory="256m")]
    made = lab_factory("failover", [*webs, *stores, HostSpec("db1", image="db")])
    for name in ("nas1", "nas2", "web1"):
        packs.short_grace(made.host(name))
    return made


@pytest.fixture
def declared_farm(tmp_path: Path) -> Iterator[Declared]:
    """Give what makes a farm; one that a failed test leaves is taken down, for the next test has the same machines."""
    made: list[Farm] = []

    def make(settings: Config) -> Farm:
        made.append(Farm(tmp_path, settings))
        return made[-1]

    yield make
    for farm in made:
        if farm.resources():
            with contextlib.suppress(CommandEnded):
                farm.destroy()


class Visitor(threading.Thread):
    """Asks a host for the site again and again, and notes when it got no page."""

    def __init__(self, address: str, pause: float = 0.5) -> None:
        super().__init__(daemon=True)
        self.address, self.pause, self.over = address, pause, threading.Event()
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
            self.over.wait(self.pause)


def test_a_standby_takes_over_in_one_up_and_says_what_is_lost(
    lab: Lab, wordpress: Path, declared_farm: Declared, record_property: Record
) -> None:
    one, two, first, second = (lab.host(name) for name in ("web1", "web2", "nas1", "nas2"))
    beside = {"nfs": first.spec.fqdn, "standby": second.spec.fqdn}
    farm = declared_farm(packs.declare(lab, wordpress, "web2", **beside))
    farm.up(timeout=LONG)
    assert [200, 200] == [fetch(host, SITE).status for host in (one, two)]
    source = f"{first.address}:{layout.NFS_ROOT}/farm nfs4"
    assert [source, source] == [packs.mount_of(host) for host in (one, two)]
    packs.upload(two, "copied")
    kept = f"{layout.NFS_ROOT}/farm/{FILES.removeprefix(ROOT + '/')}/copied.txt"
    # A copy that its timer has begun before the upload may have passed by.
    second.run(f"until [ -e {kept} ]; do systemctl start {COPY}; done", timeout=300)
    farm.unchanged()

    visitor = Visitor(two.address)
    # So many that workers of PHP hang in what they have open, as on a site with traffic: they have to let go of it.
    # Each waits for its answer, so all of them hang soon, and those that do not hang take no time from the machines.
    crowd = [visitor, *(Visitor(host.address, 3.0) for host in (one, two) for _ in range(10))]
    for one_of_them in crowd:
        one_of_them.start()
    packs.upload(two, "late")
    first.kill()
    farm.disconnect()
    hub = farm.settings["hub"]
    farm.settings = {**packs.declare(lab, wordpress, "web2", **beside, failover=second.spec.fqdn), "hub": hub}
    try:
        done = farm.up(timeout=LONG)
        for host in (one, two):
            packs.seconds_until(host, 200, 120)
    finally:
        for one_of_them in crowd:
            one_of_them.over.set()
        first.start()
    visitor.join(60)

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
    # What the warning advises for the server that is back takes nothing: its files stay, and nobody mounts them.
    advised = re.search(r"When it is back: (rm /etc/exports\.d/aegir-farm\.exports; exportfs -ra)", done.sentence)
    assert advised
    first.run(advised[1])
    assert "" == first.run("exportfs -s").stdout
    assert "copied\n" == first.run(f"cat {kept}").stdout
    assert ["after", "copied"] == [packs.answer(two, name) for name in ("after", "copied")]
    farm.unchanged()
    farm.destroy()


def test_shared_uploads_with_code_on_every_member(
    lab: Lab, wordpress: Path, declared_farm: Declared, record_property: Record
) -> None:
    one, two = lab.host("web1"), lab.host("web2")
    farm = declared_farm(packs.declare(lab, wordpress, "web2", share="uploads"))
    farm.up(timeout=LONG)

    for host in (one, two):
        record_property(f"page of {host.name}, share: uploads, ms", packs.page_time(host))
        assert "" == packs.mount_of(host)
        assert f"{layout.PLATFORMS_ROOT}/.releases" in host.run("readlink /var/aegir/platforms/code").stdout
    packs.upload(two, "from-two")
    assert ["from-two", "from-two"] == [packs.answer(host, "from-two") for host in (one, two)]
    assert "nfs4\n" == two.run("findmnt -n -t nfs4 -o FSTYPE --mountpoint /var/aegir/uploads/farm").stdout
    farm.unchanged("--refresh")
    farm.destroy()
    assert "" == one.run("ls -A /var/aegir/uploads/farm | grep -v '^[.]aegir' || true").stdout
    assert any("files.tar.gz" in path.name for path in (farm.hub / "backups").iterdir())


def test_a_directory_that_somebody_else_shares_is_proven(lab: Lab, wordpress: Path, declared_farm: Declared) -> None:
    one, two, filer = (lab.host(name) for name in ("web1", "web2", "nas1"))
    filer.run(
        f"mkdir -p /srv/filer; echo '/srv/filer {one.address}(rw,no_subtree_check,no_root_squash) "
        f"{two.address}(rw,no_subtree_check,root_squash)' >/etc/exports; systemctl start nfs-server; exportfs -ra"
    )
    one.run(f"mkdir -p /srv/shared; mount -t nfs4 -o lookupcache=positive {filer.address}:/srv/filer /srv/shared")
    two.run("mkdir -p /srv/shared")
    farm = declared_farm(packs.declare(lab, wordpress, "web2", share="external", path="/srv/shared"))

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
    farm.destroy()


def test_the_hub_shares_what_a_master_serves(lab: Lab, wordpress: Path) -> None:
    web, hub = lab.host("web1"), lab.host("nas1")
    web.run("umount -l /srv/shared || true")
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


def test_a_cluster_has_its_uploads_on_a_filer_by_nfs(lab: Lab, wordpress: Path, declared_farm: Declared) -> None:
    one, two, filer = (lab.host(name) for name in ("web1", "web2", "nas1"))
    options = "rw,no_subtree_check,no_root_squash"
    filer.run(
        f"mkdir -p /srv/uploads; echo '/srv/uploads {one.address}({options}) {two.address}({options})' >/etc/exports; "
        "systemctl start nfs-server; exportfs -ra"
    )
    export, place = f"{filer.address}:/srv/uploads", "/var/aegir/uploads/web"
    declared = packs.declare(lab, wordpress, "web2")
    del declared["packs"]
    members = [host.spec.fqdn for host in (one, two)]
    declared["clusters"] = {"web": {"servers": members, "uploads": {"nfs": export}}}
    declared["platforms"]["code"]["server"] = "web"
    farm = declared_farm(declared)
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
    farm.destroy()
    assert [""] * 2 == [host.run(f"grep {place} /etc/fstab || true").stdout for host in (one, two)]
    assert any("files.tar.gz" in path.name for path in (farm.hub / "backups").iterdir())
