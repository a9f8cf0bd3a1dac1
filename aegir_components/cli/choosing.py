"""Which backup of a site is restored: by name, by time, or the last proven one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from aegir_components.backups.book import Backup, begun, is_ahead, local
from aegir_components.messages import numbered

from .backups import find
from .ends import Refusal

REPLACED: Final = ("before a restore", "before a sync")
"""Why backups were made of content that somebody did not want: only a name or a time brings it back."""
FORMS: Final = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


def choose(known: Sequence[Backup], at: str | None, wanted: str | None, site: str) -> Backup:
    """Choose a backup: by name, by time, or the last one that may come back.

    Raises:
        Refusal: there is none.
    """
    if wanted:
        return find(known, wanted, site)
    fitting = list(known)
    if at:
        moment = read_time(at)
        fitting = [one for one in known if local(one) <= moment]
        if not fitting:
            first = f"; the first one is of {begun(known[0])}" if known else ""
            raise Refusal(numbered(7013, f"{site} has no backup from before {at}{first}"))
    # One that its site does not start from comes back only by name, and so does one of a clock that was ahead.
    now = datetime.now().astimezone()
    good = [one for one in fitting if one.may_come_back and not is_ahead(one, now)]
    if not known:
        raise Refusal(
            numbered(
                7011,
                f"this hub knows of no backup of {site}. `aegir backup {site}` makes one where the stack file declares "
                f"aegir:backups (docs/howto/back-up-sites.md). A hub that lost its records finds backups by `aegir "
                f"backups --ask`. --archive restores what a removal of the site has left",
            )
        )
    if not good:
        raise Refusal(
            numbered(
                7012,
                f"{site} has no proven backup{f' from before {at}' if at else ''}. `aegir backups prove {site}` proves "
                f"those that there are; --backup restores one that is not proven",
            )
        )
    wished = [one for one in good if at or one.why not in REPLACED]
    return (wished or good)[-1]


def read_time(text: str) -> datetime:
    """Read a time as an operator writes it, in the hub's local time where it names no zone.

    Raises:
        Refusal: it is no time.
    """
    for form in FORMS:
        try:
            return datetime.strptime(text, form).astimezone()
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise Refusal(numbered(9030, f"{text!r} is no time; write it like 2026-11-01T02:00")) from None
