"""Names on real hosts: strict refuses, warn tells, manage writes a marked block on the server and on the hub.

The hub is the machine that the tests run on. Its ``/etc/hosts`` is a copy here, mounted over the real one for the commands of
Pulumi's alone: a namespace of mounts is theirs.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from lab import Host, HostSpec, Lab
from tests.integration.farm import Config, Farm, hub_settings

pytestmark = [pytest.mark.cold, pytest.mark.lab, pytest.mark.slow]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]

REAL = Path("/etc/hosts")
OTHERS = "127.0.0.1 localhost\n192.0.2.1\ttheirs.example.com   # not ours\n\n"


@pytest.fixture(scope="module")
def lab(lab_factory: LabFactory) -> Lab:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root can mount another /etc/hosts for the hub")
    return lab_factory("names", [HostSpec("web1"), HostSpec("web2")])


@pytest.fixture
def hosts_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the hub's hosts file of this test."""
    path = tmp_path / "hosts"
    path.write_text(OTHERS)
    real = shutil.which("pulumi")
    assert real is not None
    wrapper = tmp_path / "bin" / "pulumi"
    wrapper.parent.mkdir()
    inside = f'mount --bind {shlex.quote(str(path))} {REAL} && exec {shlex.quote(real)} "$@"'
    wrapper.write_text(f'#!/bin/sh\nexec unshare --mount --propagation private sh -c {shlex.quote(inside)} sh "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    before = REAL.read_bytes()
    yield path
    assert before == REAL.read_bytes(), "a test has changed the hub's own file"


@pytest.fixture
def farm(lab: Lab, hosts_file: Path, tmp_path: Path) -> Farm:
    servers: Config = {host.spec.fqdn: {"address": host.address, "services": {}} for host in lab.hosts().values()}
    return Farm(tmp_path / "farm", {"hub": hub_settings(lab), "servers": servers})


def set_mode(farm: Farm, mode: str) -> None:
    for server in farm.settings["servers"].values():
        server["dns"] = mode


def set_hosts(host: Host, *lines: str) -> str:
    """Give a host another hosts file, as a machine of somebody's has it."""
    text = "".join(f"{line}\n" for line in ("127.0.0.1 localhost", *lines))
    host.run("cat >/etc/hosts", input=text)
    return text


def hosts_of(host: Host) -> str:
    return host.run("cat /etc/hosts").stdout


def known(lab: Lab) -> list[str]:
    return [f"{host.address} {host.spec.fqdn} {host.name}" for host in lab.hosts().values()]


def block(whose: str, *lines: str) -> str:
    return "".join(
        f"{line}\n" for line in (f"# BEGIN aegir aegir/test {whose}", *lines, f"# END aegir aegir/test {whose}")
    )


def test_warn_tells_who_sees_what_and_goes_on(lab: Lab, farm: Farm, hosts_file: Path) -> None:
    web = lab.host("web1")
    name = web.spec.fqdn
    as_it_was = set_hosts(web, f"192.0.2.9 {name}")
    set_hosts(lab.host("web2"), *known(lab))
    set_mode(farm, "warn")

    done = farm.up()

    assert f"the server resolves {name} to 192.0.2.9, not to {web.address}" in done.sentence
    assert f"the server resolves {web.address} back to nothing, not to {name}" in done.sentence
    assert f"the hub does not resolve {name}: add it to your zone, or to /etc/hosts (dns: manage does)" in done.sentence
    assert as_it_was == hosts_of(web)
    assert OTHERS == hosts_file.read_text()
    farm.unchanged("--refresh")


def test_what_is_the_same_of_several_machines_is_warned_of_once(lab: Lab, farm: Farm, hosts_file: Path) -> None:
    names = sorted(host.spec.fqdn for host in lab.hosts().values())
    for host in lab.hosts().values():
        set_hosts(host)
    set_mode(farm, "warn")

    done = farm.up()

    told = [line.strip() for line in done.output.splitlines() if re.match(r" *warning: .*resolve", line)]
    assert 1 == sum("the hub does not resolve " in line for line in told)
    # Who comes when the others were told already gets a short line.
    together = f"warning: {', '.join(names)}: "
    short = re.compile(r"warning: (\S+): the same as of \S+: the server does not resolve its name.*…")
    assert told[0].startswith(together) or sorted(names) == sorted([told[0].split()[1][:-1], *short.findall(told[1])])
    assert "1 warning is above" in done.sentence


def test_strict_refuses_until_hub_and_servers_agree(lab: Lab, farm: Farm, hosts_file: Path) -> None:
    web = lab.host("web1")
    name = web.spec.fqdn
    set_hosts(web, *known(lab))
    set_hosts(lab.host("web2"), *known(lab))
    web.run("echo elsewhere.example.org >/etc/hostname")
    set_mode(farm, "strict")

    # The other server refuses as well, and may be the first to do so.
    refused = farm.up("--continue-on-error", ok=False)

    assert f"/etc/hostname of the server says elsewhere.example.org, not {name}" in refused.sentence
    assert f"hostnamectl set-hostname {name}" in refused.sentence
    assert f"the hub does not resolve {name}" in refused.sentence
    assert f"the hub resolves {web.address} back to nothing, not to {name}" in refused.sentence
    assert OTHERS == hosts_file.read_text()

    web.run(f"echo {name} >/etc/hostname")
    hosts_file.write_text(OTHERS + "".join(f"{line}\n" for line in known(lab)))
    farm.up()
    farm.unchanged("--refresh")

    hosts_file.write_text(OTHERS)
    seen = farm.drift()
    assert f"the hub does not resolve {name}" in seen.sentence


def test_manage_writes_a_marked_block_on_servers_and_hub_and_nothing_else(
    lab: Lab, farm: Farm, hosts_file: Path
) -> None:
    one, two = lab.host("web1"), lab.host("web2")
    before = {host.name: set_hosts(host, "192.0.2.1  theirs  # kept") for host in (one, two)}
    set_mode(farm, "manage")

    farm.up()

    both = sorted(known(lab))
    for host in (one, two):
        assert before[host.name] + block(host.spec.fqdn, *both) == hosts_of(host)
        assert host.address in host.run(f"getent hosts {two.spec.fqdn} {one.spec.fqdn}").stdout
    on_hub = hosts_file.read_text()
    assert on_hub.startswith(OTHERS)
    for host, line in zip((one, two), known(lab), strict=True):
        assert block(host.spec.fqdn, line) in on_hub
    assert len(on_hub) == len(OTHERS) + sum(
        len(block(host.spec.fqdn, line)) for host, line in zip((one, two), known(lab), strict=True)
    )
    farm.unchanged("--refresh")

    # Drift on either side is named and mended, and what others add is kept.
    two.run(
        f"echo '192.0.2.2 added' >>/etc/hosts; sed 's/^{one.address}/192.0.2.3/' /etc/hosts >/tmp/h; cat /tmp/h >/etc/hosts"
    )
    hosts_file.write_text(on_hub.replace(two.address, "192.0.2.4") + "192.0.2.5 added\n")
    seen = farm.drift()
    assert f"{two.spec.fqdn}: /etc/hosts: the block of aegir/test {two.spec.fqdn} differs" in seen.sentence
    assert f"the hub: /etc/hosts: the block of aegir/test {two.spec.fqdn} differs" in seen.sentence
    farm.up("--refresh")
    assert "192.0.2.2 added\n" in hosts_of(two)
    assert "192.0.2.3" not in hosts_of(two)
    assert "192.0.2.5 added\n" in hosts_file.read_text()
    assert "192.0.2.4" not in hosts_file.read_text()
    farm.unchanged("--refresh")

    # A server that leaves takes its blocks along, and leaves those of the other.
    del farm.settings["servers"][two.spec.fqdn]
    farm.up()
    assert before["web2"] + "192.0.2.2 added\n" == hosts_of(two)
    assert before["web1"] + block(one.spec.fqdn, known(lab)[0]) == hosts_of(one)
    assert two.address not in hosts_file.read_text()

    # Without management the files are as they were before it.
    set_mode(farm, "warn")
    farm.up()
    assert before["web1"] == hosts_of(one)
    assert OTHERS + "192.0.2.5 added\n" == hosts_file.read_text()
    farm.unchanged("--refresh")
