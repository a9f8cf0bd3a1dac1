"""A site goes back to the release and the database of before its last update, together.

What was written since the update is not lost. A proven dump of the database as it is lies on the hub before the
database is exchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aegir_components.archives import encrypting, keeping
from aegir_components.deploy.site_closing import By, Closable, Reason
from aegir_components.mysql import copies, databases
from aegir_components.mysql.client import Session

from . import ephemeral, exchange, paired, update
from .site import Updated
from .update import Change, Outcome


def record(site: Updated) -> Mapping[str, Any] | None:
    """Give what is known of the database of before; ``None`` where none is kept.

    Raises:
        DatabaseError: the server does not answer.
    """
    found = copies.record(site.endpoint, site.database, site.databases.before)
    return None if found is None or found.get(exchange.RUNNING) else found


def bring_back(site: Updated, change: Change) -> Outcome:
    """Put a site on its former release with the database of before.

    Raises:
        NotUpdated: it does not answer with these; it is as it was.
        HostError: a machine did not answer; likewise.
        DatabaseError: the database server did not answer; likewise.
    """
    outcome, closable = Outcome(), site.closable
    answered = update.answering_now(site)
    update.want_floor(site)
    with update.alone(site), _quiet(site, change, closable, outcome) as own:
        if not outcome.closed_at:
            update.close(site, closable, outcome, Reason.of(By.UPDATE, f": it goes back to {change.root}"))
        keys = encrypting.Keys.of(site.machine.hub_root, site.holder)
        dump = keeping.save_database(site.machine, site.endpoint, site.database.name, site.site, keys)
        outcome.warnings.append(f"{written_since(site)}; the database as it was until now is {dump} on the hub")
        change.say(f"{site.name}: {outcome.warnings[-1]}")
        what = site.databases
        former = record(site) or {}
        paired.step(site, "drop")
        # First: a run that is killed from here on is brought to its end by the next one, configuration and database alike.
        exchange.doubt(what)
        paired.step(site, "back")
        exchange.back(what, own)
        try:
            change.go()
            copies.open_again(site.endpoint, site.database, with_events=False)
            update.prove(site, answered, closable.door)
        except BaseException:
            copies.shut(site.endpoint, site.database, own)
            # The exchange has left what was live until now as the copy.
            about = {key: former[key] for key in ("release", "docroot", "updates") if key in former}
            exchange.swap(what, own, (), about)
            # Before it is proven: a run that is killed in between goes back with both.
            paired.step(site, "forward")
            exchange.proven(what)
            change.back()
            raise
    outcome.restored = True
    copies.drop(site.endpoint, site.database, what.copy)
    return outcome


@contextmanager
def _quiet(site: Updated, change: Change, closable: Closable, outcome: Outcome) -> Iterator[Session]:
    """Back a site up while it serves, and let nobody write to its database for a block of work."""
    outcome.backup = update.save(site, change)
    with update.quiet(site, closable, outcome) as own:
        yield own


def written_since(site: Updated) -> str:
    """Say how much was written since the update, as far as rows tell.

    Raises:
        DatabaseError: the server does not answer.
    """
    now = databases.tables(site.endpoint, site.database.name)
    then = databases.tables(site.endpoint, site.databases.before)
    rows = sum(
        max(0, count - then.get(name, 0)) for name, count in now.items() if not ephemeral.is_ephemeral(site, name)
    )
    return f"its database has {rows} rows more than before its update, which do not come along"
