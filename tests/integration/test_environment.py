"""A stack knows which environment it is: another one's stack file is refused before any machine is touched."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.farm import Config, Farm

pytestmark = [pytest.mark.cold, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """Give what stands for a machine's sshd: whether somebody knocked is all that is asked."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


def knocked(door: socket.socket) -> bool:
    try:
        door.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def machine(door: socket.socket) -> Config:
    """Declare a server behind a door."""
    ssh = {"port": door.getsockname()[1], "trust": "first-use"}
    return {"web1.example.com": {"address": "127.0.0.1", "ssh": ssh, "services": {"web": "apache"}}}


def recorded(farm: Farm) -> list[str]:
    return [each["outputs"]["environment"] for each in farm.resources() if each["type"].endswith("aegir:Environment")]


def test_another_environments_stack_file_is_refused_and_a_deliberate_change_is_not(
    door: socket.socket, tmp_path: Path
) -> None:
    farm = Farm(tmp_path, {"environment": "acceptance", "hub": {"address": "192.0.2.1"}})
    farm.up()
    assert ["acceptance"] == recorded(farm)
    assert {"platforms": {}, "sites": {}} == farm.outputs(), "they are sent also where nothing else is outstanding"
    farm.unchanged("--refresh")

    # The stack file of testing, with a machine that is not acceptance's.
    farm.settings |= {"environment": "testing", "servers": machine(door)}
    said = "aegir:environment: this stack is acceptance, and the stack file says testing; nothing was touched."
    refused = farm.preview(ok=False)
    assert said in refused.sentence
    assert (
        "write aegir:environment_formerly: acceptance beside aegir:environment for one `pulumi up`" in refused.sentence
    )
    assert "Traceback" not in refused.output
    assert said in farm.up(ok=False).sentence, "without the preview before it as well"
    assert not knocked(door)
    assert ["acceptance"] == recorded(farm)

    # With leave to change from another environment it is none.
    farm.settings["environment_formerly"] = "production"
    assert said in farm.preview(ok=False).sentence

    # Other words of the stack file are no reason, and it may become another one on purpose.
    del farm.settings["servers"]
    farm.settings["environment_formerly"] = "acceptance"
    farm.up()
    assert ["testing"] == recorded(farm)
    left = farm.unchanged()
    assert "this stack is testing already; take the key out of the stack file" in left.sentence
    del farm.settings["environment_formerly"]
    assert "take the key out" not in farm.unchanged("--refresh").sentence


def test_machines_come_after_the_environment_so_that_a_door_is_knocked_at_when_it_is_right(
    door: socket.socket, tmp_path: Path
) -> None:
    """The other half of the test above: it would hear of a machine that was touched."""
    farm = Farm(tmp_path, {"hub": {"address": "192.0.2.1"}, "servers": machine(door)})
    running = farm.start("up", "--yes", "--skip-preview")
    try:
        door.settimeout(200)
        door.accept()[0].close()
    finally:
        running.kill()
    farm.cancel()
    assert ["development"] == recorded(farm), "it was recorded first"
