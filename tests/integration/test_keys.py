"""``aegir keys rotate`` on hosts of two stacks: root's login and an administrator's, one of them away meanwhile."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from aegir_components.hub.keypair import public_of
from lab import Host, HostSpec, Lab
from tests.integration.project import Project

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

LabFactory = Callable[[str, Iterable[HostSpec]], Lab]


def login(host: Host, identity: Path, user: str, *command: str) -> int:
    known = ["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no"]
    known += ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-F", "none"]
    argv = ["ssh", *known, "-i", str(identity), "-l", user, host.address, *(command or ("true",))]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False).returncode


def test_the_hubs_key_changes_on_all_machines_without_locking_it_out(lab_factory: LabFactory, tmp_path: Path) -> None:
    lab = lab_factory("keys", [HostSpec("web1", image="web"), HostSpec("web2", image="web", admin="ops")])
    one, two = lab.host("web1"), lab.host("web2")
    project, identity, before = Project(tmp_path), tmp_path / "hub-key", tmp_path / "key-of-before"
    for path in (identity, before):
        shutil.copyfile(lab.identity, path)
        path.chmod(0o600)
    hub = {
        "address": lab.hub_address,
        "root": str(project.hub),
        "ssh": {"identity": str(identity), "known_hosts": str(lab.known_hosts)},
    }
    for name, host in (("one", one), ("two", two)):
        user = {"ssh": {"user": host.spec.login}}
        server = {host.spec.fqdn: {"address": host.address, "services": {"web": "apache"}, **user}}
        project.add(name, json.dumps({"config": {"aegir:hub": hub, "aegir:servers": server}}))
        project.up(name)
    # Commands and copies from the hub, and neither a terminal nor a way to somewhere else.
    (line,) = one.run("cat /var/aegir/.ssh/authorized_keys").stdout.splitlines()
    assert line.startswith(f'restrict,from="{lab.hub_address}" ssh-ed25519 ')
    assert 0 == login(one, identity, "aegir", "id")
    copied = ["rsync", "-e", f"ssh -i {identity} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -F none"]
    subprocess.run([*copied, str(lab.known_hosts), f"aegir@{one.address}:/tmp/copied"], check=True, timeout=60)
    forwarded = ["-o", "ExitOnForwardFailure=yes", "-W", "127.0.0.1:22"]
    assert 0 != login(one, identity, "aegir", *forwarded)

    refused = project.aegir("keys", "rotate", "--stack", "one", status=1).output
    assert f"opens {two.spec.fqdn} of other stacks as well, which would be locked out" in refused

    two.pause()
    try:
        said = project.aegir("keys", "rotate", status=3).output
    finally:
        two.unpause()
    assert f"{two.spec.fqdn}: " in said
    assert "The old key stays valid there" in said
    assert public_of(identity) != public_of(before)
    assert [0, 255] == [login(one, key, "root") for key in (identity, before)]
    assert [255, 0] == [login(two, key, "ops") for key in (identity, before)]

    project.aegir("keys", "rotate")
    assert [0, 255] == [login(two, key, "ops") for key in (identity, before)]
    assert [0, 255] == [login(two, key, "aegir") for key in (identity, before)]
    assert not identity.with_name("hub-key.former").exists()
    for name in ("one", "two"):
        project.up(name)
        assert "unchanged" in project.pulumi("preview", "--refresh", "--expect-no-changes", "--stack", name).output
