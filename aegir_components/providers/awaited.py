"""Whether a site that does not answer is updated later in its run: its update asks for it then, and decides.

A site whose database lacks updates of its code often answers nothing. Its own proof comes before the rollout of its platform,
which would update it: who is stopped by the proof would never be updated.
"""

from __future__ import annotations

from collections.abc import Mapping

from aegir_components import database_updates, layout
from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.services import functions, release

from . import holds, site_database
from .database import endpoint
from .lifecycle import State


def why(want: State) -> str:
    """Say why the platform's rollout updates a site in this run; nothing where it does not.

    Args:
        want: the inputs of the site's installation.

    Raises:
        HostError: a web server does not answer.
        DatabaseError: the database server does not answer.
    """
    site, members = str(want["site"]), Connection.of_members(want["members"])
    if not want.get("enabled", True):
        return ""
    held = holds.merged(holds.look(members, layout.platform_registry(str(want["platform"])))).get(site)
    if held is not None:
        # A rollout that has left a site behind has failed, or has not begun: it is run until it ends well.
        return "" if held.kind == "pinned" else f"it is not on its platform's release: {held.reason}"
    # The rollout of a site that it knows is run only where something has changed.
    if want.get("was") or not want.get("accounts") or not want.get("updated", True):
        return ""
    names = lacking(want, members, live_digest(want, members), site_database.of_site(want))
    return f"{len(names)} updates of its database are pending" if names else ""


def lacking(want: State, members: Mapping[str, Connection], digest: str, database: State) -> tuple[str, ...]:
    """Name the updates that a site's database lacks of a release.

    Args:
        want: the inputs of the site's configuration or installation.
        members: its web servers.
        digest: of the release; empty where there is none.
        database: the inputs of the database that has its content.

    Raises:
        DatabaseError: the database server does not answer.
    """
    if not digest:
        return ()
    name, where = str(database["database"]), endpoint(database, database["server"])
    hub_root = next(iter(members.values())).hub_root
    found = database_updates.lacking(hub_root, digest, where, str(want["application"]), [name]).get(name)
    return found.names if found else ()


def live_digest(want: State, members: Mapping[str, Connection]) -> str:
    """Give the digest of the release that is live on a site's web servers; empty where there is none.

    Raises:
        HostError: a web server does not answer.
    """
    path = str(want["publish_path"])
    lines = [functions("release"), script.call("live_facts", path, path)]
    conn = next(iter(members.values()))
    facts = script.execute(conn, "check", lines, what=f"looking for the code of {want['site']}", lock=False).facts
    live = facts.get("live1", "")
    return live.rpartition("/")[2] if release.is_release(live) else ""
