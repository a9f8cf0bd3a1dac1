"""Taking the demo down: hosts, state, stack file, hub root, connections."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from aegir_components import settings
from aegir_components.components.server import connection_of
from aegir_components.remote import multiplex
from lab.errors import LabError
from lab.laboratory import Lab
from tools.paths import ROOT

from . import stack as demo_stack

RECORD: Final = "demo.json"
"""In the lab's directory: whose demo this is, and which hosts its state speaks of."""


def read_record(lab: Lab) -> dict[str, Any]:
    """Read what the demo has noted of its lab; nothing where there is no demo in it."""
    try:
        found = json.loads((lab.directory / RECORD).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def down(lab: Lab, say: Callable[[str], None]) -> None:
    """Remove all that the demo has made; code bases and images stay in their caches.

    Raises:
        LabError: Pulumi is at work, or the hosts are another checkout's.
    """
    demo_stack.unlock()
    other = read_record(lab).get("checkout", str(ROOT))
    if other != str(ROOT) and Path(other).is_dir():
        raise LabError(f"the demo's hosts belong to {other}: run `make clean` there")
    say(f"removing the hosts of lab {lab.name}, with the hub's own files for them (about 5 s)")
    close_connections()
    lab.down()
    if demo_stack.exists():
        say(f"removing the stack {demo_stack.STACK} and its state")
        demo_stack.quiet("stack", "rm", "--force", "--yes", "--remove-backups", "--preserve-config")
    if kept := demo_stack.remove():
        say(f"the stack file was changed by hand, and is kept as {kept.relative_to(ROOT)}")
    say("nothing of the demo is left; code bases and images stay cached")


def close_connections() -> None:
    """Close the ssh connections that the last run has left open for the next one."""
    config = {key.removeprefix("aegir:"): value for key, value in demo_stack.read().items()}
    try:
        declared = settings.load(config, lambda _: False)
    except settings.SettingsError:
        # Somebody is in the middle of editing: the connections end by themselves.
        return
    for server in declared.servers.values():
        conn = connection_of(server, declared.hub)
        if conn.kind == "ssh":
            multiplex.disconnect(conn)
            (multiplex.socket_directory() / f"{conn.key}.lock").unlink(missing_ok=True)
