"""What loads a dump into a database on its machine, also one with a statement that is longer than the server takes."""

from __future__ import annotations

import shlex
from typing import Final

from aegir_components.messages import numbered
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused

from . import client

PACKET: Final = 8 << 20
"""Bytes of a statement that every server takes: half of the default of ``max_allowed_packet``."""

ROOMY: Final = """\
set -eu
limit=$1; shift
mkdir -p -m 700 /run/aegir/private
exec 8>>/run/aegir/private/packet.lock
flock 8
had=$("$@" --skip-column-names --batch --execute 'SELECT @@GLOBAL.max_allowed_packet' </dev/null)
if [ "$had" -lt "$limit" ]; then
    trap '"$@" --execute "SET GLOBAL max_allowed_packet = $had" </dev/null' EXIT
    trap 'exit 1' HUP INT TERM
    "$@" --execute "SET GLOBAL max_allowed_packet = $limit" </dev/null
fi
"""
"""Shell: let the server take statements of a size while a dump is loaded, one dump at a time, and not longer than that."""

NO_DEFINERS = r"LC_ALL=C sed -E '/^(\/\*!5[0-9]{4} |CREATE )/s/DEFINER=`[^`]*`@`[^`]*`( SQL SECURITY DEFINER)?//'"
"""Takes the accounts out of views, triggers and routines of a dump: the hub's own may not make any in another's name."""


def command(conn: Connection, endpoint: client.Endpoint, login: list[str], database: str, longest: int) -> list[str]:
    """Give the program that loads a dump from its input.

    Raises:
        Refused: the server is somebody else's, and takes no statement as long as the dump's longest one.
    """
    load = f"gzip -dc | {NO_DEFINERS} | {shlex.join(['mysql', *login, '--max-allowed-packet=1G', database])}"
    if longest <= PACKET:
        return ["sh", "-c", load]
    if conn.kind == "none":
        with client.connect(endpoint) as session:
            limit = int(str(session.rows("SELECT @@GLOBAL.max_allowed_packet")[0][0]))
        if longest < limit:
            return ["sh", "-c", load]
        raise Refused(
            conn.host,
            numbered(
                5061,
                f"nothing was removed: a row takes a statement of {longest >> 20} MB in a dump, and the server loads "
                f"{limit >> 20} MB at most. Let its owner raise max_allowed_packet, for as long as this takes",
            ),
        )
    # The server's own limit counts in steps of a kilobyte, and a statement has some bytes around it.
    limit = (longest + (1 << 20)) >> 10 << 10
    return ["sh", "-c", f"{ROOMY}{load}", "sh", str(limit), "mysql", *login]
