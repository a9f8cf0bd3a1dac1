"""What belongs with a site's database on its web servers: it goes with the database to an update, and back with it."""

from __future__ import annotations

from typing import Final

from aegir_components.deploy import pairing
from aegir_components.deploy.pairing import Step
from aegir_components.scripts import script

from .site import Updated

WHAT: Final = "the directories that belong with the database of"


def sums(site: Updated) -> dict[str, str]:
    """Sum up what belongs with the database, by its name; nothing where the application has no such directories.

    Raises:
        HostError: the web server did not answer.
    """
    if not site.paired:
        return {}
    lines = pairing.sum_items(site.site, site.paired)
    facts = script.execute(site.worker, "check", lines, what=f"reading {WHAT} {site.name}").facts
    return {"": facts.get("paired", "")}


def step(site: Updated, name: Step) -> None:
    """Do a step.

    ``keep``: what the programs have written takes effect. ``prove``: going back later is to what was there until then.
    ``drop``: what was begun is undone. ``back``: to what was before. ``forward``: that is undone.

    Raises:
        HostError: it could not be done.
    """
    if site.paired:
        lines = pairing.step_items(name, site.site, site.paired)
        script.execute(site.worker, "apply", lines, what=f"keeping {WHAT} {site.name}", holder=site.holder)
