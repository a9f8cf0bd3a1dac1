"""The files of a site on the web servers that have them: which of these still do, and how another one gets them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from aegir_components import layout
from aegir_components.archives import keeping
from aegir_components.facts import site_content
from aegir_components.inputs.site import SiteConfigurationInputs, SitePlace
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.remote.parallel import attempt
from aegir_components.scripts import script

from . import archived, content


def directories(inputs: SitePlace) -> tuple[str, ...]:
    """Name the directories that have a site's files."""
    return site_content.content_directories(inputs.publish_root, inputs.site, inputs.uploads)


def with_files(want: SiteConfigurationInputs, staying: dict[str, Connection]) -> dict[str, Connection]:
    """Choose the web servers that still have a site's files, of those that had them.

    Raises:
        Refused: none of them has the files any more.
    """
    what, shared = f"looking for the files of {want.site}", bool(want.uploads)
    wanted = directories(want)
    facts: dict[str, Mapping[str, str]] = {}

    def look(conn: Connection) -> None:
        facts[conn.host] = script.execute(conn, "check", site_content.content_items(wanted), what=what).facts

    # One that does not answer holds up no other; its own configuration fails and names it.
    attempt(staying, look)
    lost = {name: content.of_files(want, staying[name]).lost(content.counted(seen)) for name, seen in facts.items()}
    there = [name for name in staying if name not in facts or ("known" in facts[name] and not lost[name])]
    # The fullest one first: it is what others are copied from.
    amounts = {name: content.counted(facts.get(name, {})) for name in there}
    there.sort(key=lambda name: -(amount.number if (amount := amounts[name]) else 0))
    if not shared and any(amount and amount.number for amount in amounts.values()):
        # Directories alone: a run that did not end made them, and the files are still to come.
        there = [name for name in there if (amount := amounts[name]) is None or amount.number]
    found = {name: staying[name] for name in there}
    if staying and not found:
        home = posixpath.commonpath(wanted)
        had = next(filter(None, lost.values()), "")
        raise Refused(", ".join(staying), site_content.missing(want.site, home, list(staying), shared=shared, had=had))
    return found


def seed(want: SiteConfigurationInputs, staying: list[Connection], joining: list[Connection]) -> None:
    """Bring the uploads that are there to web servers that join, where each has its own."""
    if want.uploads or not staying:
        return
    home = layout.site_directory(want.publish_root, want.site)
    for conn in joining:
        keeping.copy_files(staying[0], conn, home, layout.system_user(want.site), archived.PARTS)
