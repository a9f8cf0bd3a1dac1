"""What a site's application said last of its errors, from the web server's log: the reason that an answer does not give."""

from __future__ import annotations

from aegir_components import layout
from aegir_components.messages.printable import printable
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

LONGEST = 300
"""Characters of an error."""


def items(site: str) -> list[str]:
    """List what gives a site's last error of the last minute, as the fact ``error``."""
    return [functions("site"), script.call("site_last_error", f"{layout.site_log(site)}.error.log")]


def last(conn: Connection, site: str) -> str:
    """Give the last error of a site on one of its web servers; empty where there is none, or nobody can look.

    Args:
        conn: the web server.
        site: what it is known by.
    """
    try:
        what = f"looking for the last error of {site}"
        facts = script.execute(conn, "check", items(site), what=what, lock=False).facts
    except HostError:
        return ""
    return printable(" ".join(facts.get("error", "").split()), longest=LONGEST)
