"""Events of a site's database: programs that the server itself runs. They stay where they are while tables are exchanged.

A locked account keeps nobody's events from running: they do not connect. What stops one is that its definer lacks the right
EVENT, which the server looks for each time (MariaDB: ``Event_job_data::execute``; tried on 10.11).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from . import statements
from .client import Session, decoded
from .databases import privileges_of

RIGHT = "EVENT"


def running(session: Session, database: str) -> dict[str, str]:
    """Give the events of a database that the server runs, each with the user name of its definer.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    rows = session.rows(
        "SELECT event_name, definer FROM information_schema.events WHERE event_schema = %s AND status = 'ENABLED' "
        "AND @@GLOBAL.event_scheduler = 'ON'",
        (database,),
    )
    return {decoded(row[0]): decoded(row[1]).rpartition("@")[0] for row in rows}


def stop(session: Session, database: str, accounts: Iterable[tuple[str, str]]) -> None:
    """Let the server run none of these accounts' events any more; one that runs has to be ended.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    for user, host in accounts:
        if RIGHT in privileges_of(session, user, host).get(database, frozenset()):
            where = f"{statements.pattern(database)}.*"
            session.rows(f"REVOKE {RIGHT} ON {where} FROM {statements.account(user, host)}")


def go_on(session: Session, database: str, accounts: Sequence[tuple[str, str]], rights: Iterable[str]) -> None:
    """Let the server run them again, where the right for it is declared.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    if RIGHT not in rights:
        return
    for user, host in accounts:
        if RIGHT not in privileges_of(session, user, host).get(database, frozenset()):
            where = f"{statements.pattern(database)}.*"
            session.rows(f"GRANT {RIGHT} ON {where} TO {statements.account(user, host)}")
