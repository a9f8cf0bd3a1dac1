"""wp-cli for WordPress: downloaded once by the hub, verified by its checksum, brought to machines that need it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from aegir_components.deploy import wp_cli
from aegir_components.messages import numbered
from aegir_components.process import Turns
from aegir_components.remote import session
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script
from aegir_components.sources import address, downloads
from aegir_components.sources.faults import SourceError

from .ends import tell

PLACE: Final = "AEGIR_WP_CLI"
"""The environment variable with another address, or with a file on the hub; the checksum stays the pinned one."""
SUM: Final = "AEGIR_WP_CLI_SHA256"
"""The environment variable with the checksum of another version."""
TIMEOUT: Final = 120.0


def ensure(conn: Connection, root: Path, turns: Turns) -> None:
    """Make sure that a machine has wp-cli.

    Args:
        conn: the machine.
        root: the hub root, below which the hub keeps the file.
        turns: those of the machines, which have several sites.

    Raises:
        HostError: it can neither be got nor brought there; says what to do.
    """
    checksum = os.environ.get(SUM) or wp_cli.SHA256
    with turns.of(conn.host):
        facts = script.execute(conn, "check", wp_cli.look(checksum), what="looking for wp-cli", timeout=TIMEOUT).facts
        if "there" in facts:
            return
        path = _on_hub(root, checksum, conn.host)
        tell(f"{conn.host}: bringing wp-cli there")
        session.send(
            conn, wp_cli.receive(checksum), lambda: [path.read_bytes()],
            what="bringing wp-cli there", user="root", timeout=TIMEOUT,
        )  # fmt: skip


def _on_hub(root: Path, checksum: str, host: str) -> Path:
    given = os.environ.get(PLACE) or wp_cli.ADDRESS
    try:
        if "://" not in given:
            return _verified(Path(given), checksum)
        return downloads.download(address.parse(given), checksum, root / "tools")
    except SourceError as fault:
        raise HostError(
            host,
            numbered(
                9161,
                f"wp-cli is not there, and the hub cannot get it: {fault}. Where the hub reaches no other network, bring "
                f"the file of {wp_cli.ADDRESS} to it, and name it: {PLACE}=/path/to/wp-cli.phar",
            ),
        ) from None


def _verified(path: Path, checksum: str) -> Path:
    if downloads.sum_of(path) != checksum:
        raise SourceError(numbered(9160, f"{path} has another checksum than sha256:{checksum}"))
    return path
