"""A site's database and its accounts: made, inspected, removed, and never taken from somebody else.

The record of our databases is on the server itself, in the database ``aegir``. It is written before a site's database
is made, so a run that was killed in between finds its own half-done work and adopts it. A database that has no record
is somebody else's and stays untouched.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from aegir_components.messages import numbered

from . import statements
from .client import DatabaseForeign, Endpoint, Session, connect, lets_in

REGISTRY = "aegir"
"""The database that holds our record."""

_REGISTRY = (
    f"CREATE DATABASE IF NOT EXISTS `{REGISTRY}` CHARACTER SET utf8mb4",
    f"CREATE TABLE IF NOT EXISTS `{REGISTRY}`.`ownership` (`name` VARCHAR(64) CHARACTER SET ascii PRIMARY KEY, "
    "`owner` VARCHAR(512) NOT NULL, `made` TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteDatabase:
    """A database, and one account for each address that may connect."""

    name: str
    user: str
    password: str = field(repr=False)
    clients: tuple[str, ...]
    """Addresses; never ``%``."""
    other: str = ""
    """The standby account; it is there while a password changes."""
    owner: str
    """Which stack and site it belongs to: ``<project>/<stack>/<site>``."""
    tls: bool = False
    """Whether its accounts must use TLS."""
    rights: tuple[str, ...] = ()
    """What its accounts may do on it besides what every site's may."""
    connections: int = 0
    """How many each account may have at once; 0 for any number."""

    @property
    def privileges(self) -> frozenset[str]:
        """All that its accounts may do on it."""
        return statements.SITE_PRIVILEGES | frozenset(self.rights)


def ensure(endpoint: Endpoint, want: SiteDatabase, *, former: str = "") -> None:
    """Make the database and its accounts as declared; our accounts for other addresses go.

    Args:
        endpoint: the server.
        want: the database.
        former: the owner that the stack was until now; a renamed stack keeps its databases.

    Raises:
        DatabaseForeign: a database or account of that name is there and is not this site's.
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        session.run(_REGISTRY)
        owner = _owner(session, want.name)
        known = hosts(session, want.user)
        if owner is None:
            foreign = known | (hosts(session, want.other) if want.other else set())
            _refuse_foreign(endpoint, want, is_there(session, want.name), foreign)
            session.rows(
                f"INSERT INTO `{REGISTRY}`.`ownership` (`name`, `owner`) VALUES (%s, %s)",
                (want.name, want.owner),
            )
        elif owner == former and owner != want.owner:
            session.rows(
                f"UPDATE `{REGISTRY}`.`ownership` SET `owner` = %s WHERE `name` = %s AND `owner` = %s",
                (want.owner, want.name, former),
            )
        elif owner != want.owner:
            raise DatabaseForeign(
                numbered(
                    5042,
                    f"{endpoint.server}: the database {want.name} belongs to {owner} and not to {want.owner}; nothing was "
                    f"changed. Two stacks declare the same site on one database server: remove it from one of them",
                )
            )
        session.rows(f"CREATE DATABASE IF NOT EXISTS {statements.name(want.name)} CHARACTER SET utf8mb4")
        for host in sorted(known - set(want.clients)):
            session.rows(f"DROP USER IF EXISTS {statements.account(want.user, host)}")
        for host in want.clients:
            if host in known and _has_more(session, want, host):
                # It may be more than the hub's account can revoke; an account that is made again has none of it.
                session.rows(f"DROP USER IF EXISTS {statements.account(want.user, host)}")
            session.run(
                statements.ensure_account(want.user, host, want.password, tls=want.tls, connections=want.connections)
            )
            have = privileges_of(session, want.user, host)
            on_database = have.get(want.name, frozenset())
            session.run(statements.site_grants(want.name, want.user, host, on_database, want.privileges))


def drift(endpoint: Endpoint, want: SiteDatabase) -> list[str] | None:
    """Say what differs from what is declared; ``None`` when the database is not there.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    found: list[str] = []
    with connect(endpoint) as session:
        if not is_there(session, want.name):
            return None
        if not is_there(session, REGISTRY) or _owner(session, want.name) != want.owner:
            found.append(numbered(5081, f"database {want.name}: the record of whose it is is gone"))
        known = hosts(session, want.user)
        found += [
            numbered(5080, f"account {want.user}@{host}: not declared") for host in sorted(known - set(want.clients))
        ]
        for host in want.clients:
            texts = _differences(session, want, host) if host in known else ["missing"]
            found += [numbered(5080, f"account {want.user}@{host}: {text}") for text in texts]
        # From where the hub itself is let in, as the server sees it.
        ours = hosts(session, endpoint.user) & known & set(want.clients)
    # A state of yesterday knows yesterday's password.
    if ours and not lets_in(dataclasses.replace(endpoint, user=want.user, password=want.password)):
        found.append(numbered(5080, f"account {want.user}: has another password"))
    return found


def _differences(session: Session, want: SiteDatabase, host: str) -> Iterator[str]:
    """Say what differs at an account that is there."""
    have = privileges_of(session, want.user, host)
    on_database = have.pop(want.name, frozenset())
    yield from (f"lacks {privilege}" for privilege in sorted(want.privileges - on_database))
    yield from (f"has {privilege}, which is not declared" for privilege in sorted(on_database - want.privileges))
    yield from (f"has rights on {place}" for place in sorted(have) if have[place])
    yield from (f"has the role {role}" for role in _roles(session, want.user, host))
    if (now := _connections(session, want.user, host)) != want.connections:
        many = f"{now} connections" if now else "any number of connections"
        yield f"may have {many} at once, not {want.connections}"
    if want.tls and not _demands_tls(session, want.user, host):
        yield "may connect without TLS"


def exists(endpoint: Endpoint, database: str) -> bool:
    """Return whether a database is on the server.

    Raises:
        DatabaseError: the server does not answer, or rejects the hub's account.
    """
    with connect(endpoint) as session:
        return is_there(session, database)


def size(endpoint: Endpoint, database: str) -> tuple[int, int]:
    """Count a database's tables and their bytes, as the server estimates them; nothing where it is not there.

    Raises:
        DatabaseError: the server does not answer, or rejects the hub's account.
    """
    with connect(endpoint) as session:
        rows = session.rows(
            "SELECT COUNT(*), COALESCE(SUM(data_length + index_length), 0) FROM information_schema.tables "
            "WHERE table_schema = %s",
            (database,),
        )
    return int(rows[0][0]), int(rows[0][1])


def is_ours(endpoint: Endpoint, want: SiteDatabase) -> bool:
    """Tell whether the server's record says that the database is this site's, and it is there.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        if not is_there(session, REGISTRY) or not is_there(session, want.name):
            return False
        return _owner(session, want.name) == want.owner


def drop(endpoint: Endpoint, want: SiteDatabase) -> None:
    """Remove the accounts, the database and its record; only when the record says that they are this site's.

    Raises:
        DatabaseForeign: the record names another owner.
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        if not is_there(session, REGISTRY):
            return
        owner = _owner(session, want.name)
        if owner is None:
            return
        if owner != want.owner:
            raise DatabaseForeign(
                numbered(5042, f"{endpoint.server}: the database {want.name} belongs to {owner}; it was left as it is")
            )
        for user in filter(None, (want.user, want.other)):
            _drop_accounts(session, user)
        session.rows(f"DROP DATABASE IF EXISTS {statements.name(want.name)}")
        session.rows(f"DELETE FROM `{REGISTRY}`.`ownership` WHERE `name` = %s", (want.name,))


def has_other(endpoint: Endpoint, want: SiteDatabase) -> bool:
    """Return whether the standby account exists: a password has changed, or is about to.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        return bool(want.other and hosts(session, want.other))


def drop_other(endpoint: Endpoint, want: SiteDatabase) -> None:
    """Remove the standby account; only when the record says that the database is this site's.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        if want.other and _owner(session, want.name) == want.owner:
            _drop_accounts(session, want.other)


def drop_clients(endpoint: Endpoint, want: SiteDatabase, clients: Collection[str]) -> None:
    """Remove the accounts that a site's database has for addresses of before.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    if not clients:
        return
    with connect(endpoint) as session:
        if _owner(session, want.name) != want.owner:
            return
        for user in filter(None, (want.user, want.other)):
            for host in sorted(hosts(session, user) & set(clients)):
                session.rows(f"DROP USER IF EXISTS {statements.account(user, host)}")


def tables(endpoint: Endpoint, database: str) -> dict[str, int]:
    """Count the rows of every table."""
    with connect(endpoint) as session:
        session.be_patient()
        return {
            name: int(session.rows(f"SELECT COUNT(*) FROM {place}")[0][0])
            for name, place in tables_of(session, database).items()
        }


def checksums(endpoint: Endpoint, database: str) -> dict[str, str]:
    """Sum the content of every table, by MySQL's own ``CHECKSUM TABLE``.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    with connect(endpoint) as session:
        session.be_patient()
        return {
            name: str(session.rows(f"CHECKSUM TABLE {place}")[0][1])
            for name, place in tables_of(session, database).items()
        }


def tables_of(session: Session, database: str) -> dict[str, str]:
    """List the tables of a database, each with how a statement names it."""
    listed = session.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE'",
        (database,),
    )
    return {str(row[0]): f"{statements.name(database)}.{statements.name(str(row[0]))}" for row in listed}


def _drop_accounts(session: Session, user: str) -> None:
    for host in sorted(hosts(session, user)):
        session.rows(f"DROP USER IF EXISTS {statements.account(user, host)}")


def _owner(session: Session, database: str) -> str | None:
    rows = session.rows(f"SELECT `owner` FROM `{REGISTRY}`.`ownership` WHERE `name` = %s", (database,))
    return str(rows[0][0]) if rows else None


def is_there(session: Session, database: str) -> bool:
    """Return whether a database is on the server that a session is connected to."""
    found = session.rows("SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (database,))
    return bool(found)


def hosts(session: Session, user: str) -> set[str]:
    """List from where an account may connect."""
    return {str(row[0]) for row in session.rows("SELECT host FROM mysql.user WHERE user = %s", (user,))}


def _demands_tls(session: Session, user: str, host: str) -> bool:
    rows = session.rows("SELECT ssl_type FROM mysql.user WHERE user = %s AND host = %s", (user, host))
    return bool(rows) and rows[0][0] not in {"", None, b""}


def _connections(session: Session, user: str, host: str) -> int:
    rows = session.rows("SELECT max_user_connections FROM mysql.user WHERE user = %s AND host = %s", (user, host))
    return int(rows[0][0]) if rows else 0


def privileges_of(session: Session, user: str, host: str) -> dict[str, frozenset[str]]:
    """Read what an account may do, by place: a database's name, or ``*.*``."""
    rows = session.rows(statements.show_grants(user, host).rstrip(";"))
    return statements.parse_grants([str(row[0]) for row in rows])


def _roles(session: Session, user: str, host: str) -> list[str]:
    rows = session.rows(statements.show_grants(user, host).rstrip(";"))
    return statements.granted_roles([str(row[0]) for row in rows])


def _has_more(session: Session, want: SiteDatabase, host: str) -> bool:
    """Return whether an account has rights that are not declared, on the database or elsewhere."""
    have = privileges_of(session, want.user, host)
    elsewhere = any(privileges for place, privileges in have.items() if place != want.name)
    return elsewhere or bool(have.get(want.name, frozenset()) - want.privileges or _roles(session, want.user, host))


def _refuse_foreign(endpoint: Endpoint, want: SiteDatabase, exists: bool, known: Sequence[str] | set[str]) -> None:
    if exists:
        raise DatabaseForeign(
            numbered(
                5040,
                f"{endpoint.server}: a database named {want.name} is there already and is not of our making; it was "
                f"left as it is. Rename or remove it, or give the site another name",
            )
        )
    if known:
        raise DatabaseForeign(
            numbered(
                5041,
                f"{endpoint.server}: an account named {want.user} is there already (for {', '.join(sorted(known))}) and "
                f"is not of our making; it was left as it is. Rename or remove it, or give the site another name",
            )
        )
