"""What a team does beside us on its servers: entries of ``commands:`` as resources of pulumi-command."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi
import pytest

from aegir_components import settings
from aegir_components.components import commands
from aegir_components.components.server import connection_of
from aegir_components.estate import wiring
from aegir_components.remote import hostkeys
from aegir_components.remote.errors import HostKeyUnknown
from aegir_components.testing import RecordingMocks, is_secret, opened

ROOT = Path(__file__).resolve().parents[2]
SITE = "www.example.com"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFlhcnJvd1lhcnJvd1lhcnJvd1lhcnJvd1lhcnJv"
KIND = "command:remote:Command"
AGENT = settings.OwnCommand(
    name="agent",
    create="install-agent",
    update="update-agent",
    delete="remove-agent",
    triggers=("1.2", "x"),
)
BEFORE = settings.OwnCommand(name="mount", create="mount /srv/shared", before="sites")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hub")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / "id")], check=True)
    (root / "wordpress" / "wp-includes").mkdir(parents=True)
    (root / "wordpress" / "wp-includes" / "version.php").write_text("<?php $wp_version = '6.4.3';\n")
    (root / "wordpress" / "wp-settings.php").write_text("<?php\n")
    return root


def stack(
    hub: Path, web: Sequence[settings.OwnCommand] = (), database: Sequence[settings.OwnCommand] = ()
) -> settings.Settings:
    ssh = settings.ServerSsh(identity=str(hub / "id"), host_key=f"{KEY} comment", user="debian", port=2222)
    platform = settings.Platform(
        name="code", server="web1", source=settings.PlatformSource(path=str(hub / "wordpress")),
        publish_path="/var/aegir/platforms/code",
    )  # fmt: skip
    site = settings.Site(
        name=SITE, display_name=SITE, platform="code", database="db1", title=SITE,
        admin=settings.SiteAdmin(mail="admin@example.com"),
    )  # fmt: skip
    servers = [
        settings.Server(
            name="db1", address="10.0.0.3", ssh=dataclasses.replace(ssh, port=22), commands=tuple(database),
            database=settings.DatabaseService(address="10.0.0.3"),
        ),
        settings.Server(name="web1", address="10.0.0.2", ssh=ssh, commands=tuple(web), web=settings.WebService()),
    ]  # fmt: skip
    return settings.Settings(
        hub=settings.Hub(address="10.0.0.1", root=str(hub), ssh=settings.HubSsh(identity=str(hub / "id"))),
        servers={each.name: each for each in servers},
        platforms={"code": platform},
        sites={SITE: site},
    )


Options = dict[tuple[str, str], set[str]]


def declare(declared: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> tuple[RecordingMocks, Options]:
    """Declare a stack; gives what was recorded, and what each resource was told to wait for."""
    computed: dict[str, dict[str, Any]] = {
        "aegir:Credentials": {name: f"generated-{name}" for name in ("administrator", "database", "salt")}
    }
    mocks = RecordingMocks(computed=computed)
    waits: Options = {}
    original = pulumi.Resource.__init__

    def keep(self: Any, kind: str, name: str, custom: bool, *rest: Any, **more: Any) -> None:
        original(self, kind, name, custom, *rest, **more)
        opts = more.get("opts") or next((each for each in rest if isinstance(each, pulumi.ResourceOptions)), None)
        listed = opts.depends_on if opts is not None and isinstance(opts.depends_on, list) else []
        waits[kind.removeprefix("pulumi-python:dynamic/"), name] = {each._name for each in listed}

    monkeypatch.setattr(pulumi.Resource, "__init__", keep)
    pulumi.runtime.set_mocks(mocks, project="aegir", stack="test", preview=False)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    async def program() -> None:
        await wiring.build(declared)

    program()
    return mocks, waits


def test_an_entry_becomes_a_command_with_all_that_was_written(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded, _ = declare(stack(hub, web=[AGENT]), monkeypatch)

    assert ["web1-agent"] == list(recorded.of(KIND))
    inputs = recorded.of(KIND)["web1-agent"]
    assert ("install-agent", "update-agent", "remove-agent") == (inputs["create"], inputs["update"], inputs["delete"])
    assert ["1.2", "x"] == inputs["triggers"]


def test_what_was_not_written_is_not_there(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded, _ = declare(stack(hub, web=[BEFORE]), monkeypatch)

    inputs = recorded.of(KIND)["web1-mount"]
    assert "mount /srv/shared" == inputs["create"]
    assert not [key for key in ("update", "delete", "triggers") if inputs.get(key)]


def test_its_connection_is_the_servers_with_the_pinned_host_key_and_a_secret_private_key(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded, _ = declare(stack(hub, web=[AGENT]), monkeypatch)

    found = opened(recorded.of(KIND)["web1-agent"]["connection"])
    assert ("10.0.0.2", 2222, "debian", KEY) == (found["host"], found["port"], found["user"], found["hostKey"])
    assert (hub / "id").read_text() == opened(found["privateKey"])
    assert is_secret(recorded.of(KIND)["web1-agent"]["connection"]) or is_secret(found["privateKey"])


def test_a_key_that_is_pinned_nowhere_is_an_error_and_never_trust(hub: Path, tmp_path: Path) -> None:
    server = stack(hub).servers["web1"]
    assert server.ssh is not None
    bare = dataclasses.replace(server, ssh=dataclasses.replace(server.ssh, host_key=None))

    with pytest.raises(HostKeyUnknown, match="no host key is pinned"):
        commands.connection_args(connection_of(bare, settings.Hub(address="10.0.0.1", root=str(tmp_path))))


def test_the_host_key_is_the_one_that_our_own_connections_demand(hub: Path) -> None:
    conn = connection_of(stack(hub).servers["web1"], stack(hub).hub)

    assert hostkeys.pinned_file(conn).read_text() == f"web1 {KEY}\n"
    assert KEY == commands.connection_args(conn).host_key


def test_commands_run_after_their_server_is_ready_whatever_they_are_before(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = dataclasses.replace(stack(hub, web=[AGENT, BEFORE], database=[AGENT]), sites={}, platforms={})
    types: dict[tuple[str, str], set[str]] = {}
    original = commands.declare

    def keep(server: str, command: Any, conn: Any, opts: pulumi.ResourceOptions) -> Any:
        assert isinstance(opts.depends_on, list)
        types[server, command.name] = {type(each).__name__ for each in opts.depends_on}
        return original(server, command, conn, opts)

    monkeypatch.setattr(commands, "declare", keep)
    declare(declared, monkeypatch)

    assert {"Machine", "WebService"} == types["web1", "agent"] == types["web1", "mount"]
    assert {"Machine", "DatabaseService"} == types["db1", "agent"]


@pytest.mark.parametrize("where", ["web", "database"])
def test_sites_wait_for_commands_before_sites_and_for_no_others(
    hub: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    name = "web1" if where == "web" else "db1"
    given = {"web": [AGENT, BEFORE]} if where == "web" else {"database": [AGENT, BEFORE]}
    _, waits = declare(stack(hub, **given), monkeypatch)

    assert f"{name}-mount" in waits["aegir:index:Site", SITE]
    assert f"{name}-agent" not in waits["aegir:index:Site", SITE]


PROGRAM = """
import json, sys
import pulumi
from aegir_components import estate, settings
from aegir_components.testing import RecordingMocks

pulumi.runtime.set_mocks(RecordingMocks(), project="aegir", stack="test", preview=False)

@pulumi.runtime.test
async def program():
    await estate.build(settings.load(json.loads(sys.argv[1]), lambda path: False))

program()
print(*sorted({name.split(".")[0] for name in sys.modules} & {"pulumi_command", "acme"}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "said"), [("without", ""), ("with", "pulumi_command")])
def test_only_what_a_stack_uses_is_loaded_and_only_that_is_waited_for(hub: Path, kind: str, said: str) -> None:
    server: dict[str, Any] = {"address": "10.0.0.2", "ssh": {"host_key": KEY}, "services": {"web": "apache"}}
    if kind == "with":
        server["commands"] = {"agent": {"create": "install-agent"}}
    config = {
        "hub": {"address": "10.0.0.1", "root": str(hub), "ssh": {"identity": str(hub / "id")}},
        "servers": {"web1": server},
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(config)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (0, said) == (done.returncode, done.stdout.strip()), done.stderr[-2000:]


def plugin_installed() -> str:
    """Say why the plugin cannot be used here; empty when it can."""
    if shutil.which("pulumi") is None:
        return "there is no pulumi on PATH; run this through tools/env"
    done = subprocess.run(
        ["pulumi", "plugin", "ls", "--json"], capture_output=True, text=True, timeout=30, check=False
    ).stdout
    names = [each.get("name") for each in json.loads(done or "[]")]
    return (
        ""
        if "command" in names
        else "the plugin of pulumi-command is not installed (pulumi plugin install resource command)"
    )


@pytest.mark.lab
@pytest.mark.slow
def test_a_command_runs_on_a_real_server_when_it_is_made_changed_and_removed(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    why = plugin_installed()
    if why:
        pytest.skip(why)
    from lab import HostSpec, Lab
    from tests.integration.farm import Farm, hub_settings

    lab = Lab("test-commands")
    request.addfinalizer(lab.down)
    lab.up([HostSpec("web1")])
    host = lab.host("web1")
    entry = {"create": "echo made >>/root/log", "update": "echo changed >>/root/log", "delete": "echo gone >>/root/log"}
    server: dict[str, Any] = {"address": host.address, "services": {}, "commands": {"note": entry}}
    farm = Farm(tmp_path, {"hub": hub_settings(lab), "servers": {host.spec.fqdn: server}})

    farm.up()
    farm.unchanged()
    entry["update"] = "echo changed again >>/root/log"
    farm.up()
    entry["triggers"] = ["2"]  # type: ignore[assignment]
    farm.up()
    del server["commands"]
    farm.up()

    said = host.run("cat /root/log").stdout.split("\n")
    assert "made" == said[0]
    assert "gone" == said[-2]
    assert "changed again" in said
