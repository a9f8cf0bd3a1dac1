"""Directories of a site whose content belongs with its database: kept before an update, and undone with it.

An update's programs work on a copy, ``<directory>.next``, whatever layers the machine has. When that becomes the directory, what
was there lies beside it as ``.kept``. When the update is proven, it is ``.before``, as the database of before is. What going back
has replaced is ``.after``.
"""

from __future__ import annotations

from typing import Literal

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

Step = Literal["keep", "prove", "drop", "back", "forward"]


def sum_items(site: str, directories: tuple[str, ...]) -> list[str]:
    """List what gives one checksum of all directories of a site; the fact ``paired`` has the checksum."""
    return [functions("rehearsal"), script.call("paired_sum", layout.system_user(site), *directories)]


def step_items(step: Step, site: str, directories: tuple[str, ...]) -> list[str]:
    """List what does a step with the directories of a site."""
    return [functions("rehearsal"), script.call(f"paired_{step}", layout.system_user(site), *directories)]
