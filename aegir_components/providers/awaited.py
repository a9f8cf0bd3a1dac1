"""Whether a site that does not answer is updated later in its run: its update asks for it then, and decides.

A site whose database lacks updates of its code often answers nothing. Its own proof comes before the rollout of its platform,
which would update it: who is stopped by the proof would never be updated.
"""

from __future__ import annotations

from aegir_components import layout
from aegir_components.deploy import release
from aegir_components.inputs.database import SiteDatabaseInputs
from aegir_components.inputs.site import InstallationInputs, InstallationState, ServedSite
from aegir_components.messages.printable import count
from aegir_components.rollout import database_updates
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from . import holds


def why(want: InstallationInputs, was: InstallationState | None) -> str:
    """Say why the platform's rollout updates a site in this run; nothing where it does not.

    Args:
        want: the inputs of the site's installation.
        was: what the state has of it.

    Raises:
        HostError: a web server does not answer.
        DatabaseError: the database server does not answer.
    """
    if not want.enabled:
        return ""
    held = holds.merged(holds.look(want.connections, layout.platform_registry(want.platform))).get(want.site)
    if held is not None:
        # A rollout that has left a site behind has failed, or has not begun: it is run until it ends well.
        return "" if held.kind == "pinned" else f"it is not on its platform's release: {held.reason}"
    # The rollout of a site that it knows is run only where something has changed.
    if was or not want.accounts or not want.updated:
        return ""
    names = lacking(want, live_digest(want), want.site_database)
    return f"{count(len(names), 'update of its database is', 'updates of its database are')} pending" if names else ""


def lacking(want: ServedSite, digest: str, database: SiteDatabaseInputs) -> tuple[str, ...]:
    """Name the updates that a site's database lacks of a release.

    Args:
        want: the site with its application.
        digest: of the release; empty where there is none.
        database: the inputs of the database that has its content.

    Raises:
        DatabaseError: the database server does not answer.
    """
    if not digest:
        return ()
    name = database.database
    found = database_updates.lacking(want.hub_root, digest, database.where, want.application, [name]).get(name)
    return found.names if found else ()


def live_digest(inputs: ServedSite) -> str:
    """Give the digest of the release that is live on a site's web servers; empty where there is none.

    Raises:
        HostError: a web server does not answer.
    """
    lines = [functions("release"), script.call("live_facts", inputs.publish_path, inputs.publish_path)]
    conn = next(iter(inputs.connections.values()))
    facts = script.execute(conn, "check", lines, what=f"looking for the code of {inputs.site}", lock=False).facts
    live = facts.get("live1", "")
    return live.rpartition("/")[2] if release.is_release(live) else ""
