"""A MySQL server made of dicts: it understands the statements that this project sends, and refuses every other."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import pymysql

VERSION = "10.11.6-MariaDB-0+deb12u1"

_TEXT = r"'((?:[^'\\]|\\.)*)'"
_PARTS = {"NAME": r"`((?:[^`]|``)*)`", "TEXT": _TEXT, "ACCOUNT": f"{_TEXT}@{_TEXT}"}
"""What the patterns of statements below name in angle brackets."""
_ESCAPES = {"0": "\0", "n": "\n", "r": "\r", "Z": "\x1a"}


@dataclass(slots=True)
class Account:
    """An account: its password, and what it may do where."""

    password: str = field(repr=False)
    tls: bool = False
    connections: int = 0
    """At once, at most; 0 for any number."""
    locked: bool = False
    grants: dict[str, set[str]] = field(default_factory=dict)
    """Place (``*.*``, or a database's name) to privileges."""


@dataclass(slots=True)
class FakeMySQL:
    """Databases, tables with their numbers of rows, accounts, and the registry of ``mysql.databases``."""

    databases: dict[str, dict[str, int]] = field(default_factory=dict)
    accounts: dict[tuple[str, str], Account] = field(default_factory=dict)
    """By user and host."""
    ownership: dict[str, str] = field(default_factory=dict)
    """Database to owner."""
    copies: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Databases beside sites' own, and those that a move fills: owner and record."""
    log: list[str] = field(default_factory=list, repr=False)
    """Every statement."""
    fail_with: Exception | None = None
    """Raised by the next statement."""

    def login(self, user: str, host: str, password: str) -> Account:
        """Let an account in.

        Raises:
            pymysql.err.OperationalError: there is none, or it has another password.
        """
        account = self.accounts.get((user, host))
        if account is None or account.password != password:
            raise pymysql.err.OperationalError(1045, f"Access denied for user '{user}'@'{host}' (using password: YES)")
        if account.locked:
            raise pymysql.err.OperationalError(4151, "Access denied, this account is locked")
        return account

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement as a client with all rights, and give its rows."""
        self.log.append(sql)
        if self.fail_with is not None:
            fault, self.fail_with = self.fail_with, None
            raise fault
        text = sql.strip().rstrip(";")
        for pattern, work in _STATEMENTS:
            match = pattern.fullmatch(text)
            if match is not None:
                return work(self, match) or []
        raise pymysql.err.ProgrammingError(1064, f"FakeMySQL does not know this statement: {text.split(None, 3)[:3]}")

    def account(self, user: str, host: str) -> Account:
        """Find an account.

        Raises:
            pymysql.err.OperationalError: there is none.
        """
        found = self.accounts.get((user, host))
        if found is None:
            raise pymysql.err.OperationalError(
                1141, f"There is no such grant defined for user '{user}' on host '{host}'"
            )
        return found

    def show_grants(self, user: str, host: str) -> list[str]:
        """Give an account's rights as MariaDB 10.11 writes them."""
        account = self.account(user, host)
        everywhere = account.grants.get("*.*", set())
        lines = [_grant_line(everywhere, "*.*", user, host)]
        for place, privileges in sorted(account.grants.items()):
            if place != "*.*" and privileges:
                escaped = place.replace("`", "``").replace("_", "\\_").replace("%", "\\%")
                lines.append(_grant_line(privileges, f"`{escaped}`.*", user, host))
        return lines


def _grant_line(privileges: set[str], place: str, user: str, host: str) -> str:
    listed = ", ".join(sorted(privileges - {"GRANT OPTION"})) or "USAGE"
    option = " WITH GRANT OPTION" if "GRANT OPTION" in privileges else ""
    return f"GRANT {listed} ON {place} TO `{user}`@`{host}`{option}"


def _text(quoted: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), quoted, flags=re.DOTALL)


def _place(written: str) -> str:
    if written == "*.*":
        return written
    name = written.removesuffix(".*").removeprefix("`").removesuffix("`").replace("``", "`")
    return re.sub(r"\\([_%\\])", r"\1", name)


Work = Callable[[FakeMySQL, re.Match[str]], "list[tuple[Any, ...]] | None"]
_STATEMENTS: list[tuple[re.Pattern[str], Work]] = []


def _understands(pattern: str) -> Callable[[Work], Work]:
    def keep(work: Work) -> Work:
        whole = re.sub(r"<([A-Z]+)>", lambda match: _PARTS[match[1]], pattern)
        _STATEMENTS.append((re.compile(whole, re.DOTALL), work))
        return work

    return keep


@_understands(r"SET SESSION .*|SELECT 1")
def _nothing(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    del server, match
    return [(1,)]


@_understands(r"SELECT GET_LOCK\(.*")
def _lock_by_name(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    """Nobody else is at work."""
    del server, match
    return [(1,)]


@_understands(r"SELECT SUBSTRING_INDEX\(p\.host.*IS_USED_LOCK\(.*")
def _lock_of_whom(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    """The only connection is the one that asks."""
    del server, match
    return [("hub", 1)]


@_understands(r"SELECT VERSION\(\)")
def _version(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    del server, match
    return [(VERSION,)]


@_understands(r"CREATE DATABASE (IF NOT EXISTS )?<NAME>( CHARACTER SET utf8mb4)?")
def _create_database(server: FakeMySQL, match: re.Match[str]) -> None:
    server.databases.setdefault(match[2], {})


@_understands(r"DROP DATABASE (IF EXISTS )?<NAME>")
def _drop_database(server: FakeMySQL, match: re.Match[str]) -> None:
    server.databases.pop(match[2], None)
    if match[2] == "aegir":
        server.ownership.clear()
        server.copies.clear()


@_understands(r"CREATE TABLE IF NOT EXISTS <NAME>\.<NAME> \(.*")
def _create_table(server: FakeMySQL, match: re.Match[str]) -> None:
    server.databases[match[1]].setdefault(match[2], 0)


@_understands(r"INSERT INTO `aegir`\.`ownership` \(`name`, `owner`\) VALUES \(<TEXT>, <TEXT>\)")
def _own(server: FakeMySQL, match: re.Match[str]) -> None:
    server.ownership[_text(match[1])] = _text(match[2])


@_understands(r"UPDATE `aegir`\.`ownership` SET `owner` = <TEXT> WHERE `name` = <TEXT> AND `owner` = <TEXT>")
def _hand_over(server: FakeMySQL, match: re.Match[str]) -> None:
    if server.ownership.get(_text(match[2])) == _text(match[3]):
        server.ownership[_text(match[2])] = _text(match[1])


@_understands(r"DELETE FROM `aegir`\.`ownership` WHERE `name` = <TEXT>")
def _disown(server: FakeMySQL, match: re.Match[str]) -> None:
    server.ownership.pop(_text(match[1]), None)


@_understands(r"SELECT `owner` FROM `aegir`\.`ownership` WHERE `name` = <TEXT>")
def _owner(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    if "aegir" not in server.databases:
        raise pymysql.err.ProgrammingError(1146, "Table 'aegir.ownership' doesn't exist")
    owner = server.ownership.get(_text(match[1]))
    return [] if owner is None else [(owner,)]


@_understands(r"SELECT 1 FROM information_schema\.schemata WHERE schema_name = <TEXT>")
def _has_database(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    return [(1,)] if _text(match[1]) in server.databases else []


@_understands(
    r"SELECT table_name FROM information_schema\.tables WHERE table_schema = <TEXT> AND table_type = 'BASE TABLE'"
)
def _tables(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    return [(name,) for name in server.databases.get(_text(match[1]), {})]


@_understands(
    r"SELECT COUNT\(\*\), COALESCE\(SUM\(data_length \+ index_length\), 0\) FROM information_schema\.tables "
    r"WHERE table_schema = <TEXT>"
)
def _size(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    rows = server.databases.get(_text(match[1]), {})
    return [(len(rows), 16384 * len(rows))]


@_understands(r"SELECT 1 FROM information_schema\.tables WHERE table_schema = <TEXT> AND table_name = 'copies'")
def _has_copies(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    return [(1,)] if "copies" in server.databases.get(_text(match[1]), {}) else []


@_understands(
    r"REPLACE INTO `aegir`\.`copies` \(`name`, `of`, `owner`, `record`, `made`\) "
    r"VALUES \(<TEXT>, <TEXT>, <TEXT>, <TEXT>, UNIX_TIMESTAMP\(\)\)"
)
def _note_copy(server: FakeMySQL, match: re.Match[str]) -> None:
    server.copies[_text(match[1])] = (_text(match[3]), _text(match[4]))


@_understands(r"SELECT `record`, `made` FROM `aegir`\.`copies` WHERE `name` = <TEXT> AND `owner` = <TEXT>")
def _read_copy(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    owner, record = server.copies.get(_text(match[1]), ("", ""))
    return [(record, 0)] if owner == _text(match[2]) else []


@_understands(r"SELECT `owner` FROM `aegir`\.`copies` WHERE `name` = <TEXT>")
def _owner_of_copy(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    found = server.copies.get(_text(match[1]))
    return [(found[0],)] if found else []


@_understands(r"DELETE FROM `aegir`\.`copies` WHERE `name` = <TEXT>( AND `owner` = <TEXT>)?")
def _forget_copy(server: FakeMySQL, match: re.Match[str]) -> None:
    server.copies.pop(_text(match[1]), None)


@_understands(r"ALTER USER <ACCOUNT> ACCOUNT (?P<how>LOCK|UNLOCK)")
def _lock(server: FakeMySQL, match: re.Match[str]) -> None:
    server.account(_text(match[1]), _text(match[2])).locked = match["how"] == "LOCK"


@_understands(r"SHOW CREATE USER <ACCOUNT>")
def _show_user(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    account = server.account(_text(match[1]), _text(match[2]))
    return [(f"CREATE USER … ACCOUNT {'LOCK' if account.locked else 'UNLOCK'}",)]


@_understands(r"SELECT id FROM information_schema\.processlist WHERE .*")
def _others(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    """Nobody else is ever connected to a fake server."""
    del server, match
    return []


@_understands(r"SELECT COUNT\(\*\) FROM <NAME>\.<NAME>")
def _count(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    return [(server.databases[match[1]][match[2]],)]


@_understands(r"CHECKSUM TABLE <NAME>\.<NAME>")
def _checksum(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    return [(f"{match[1]}.{match[2]}", server.databases[match[1]][match[2]])]


@_understands(r"SELECT host FROM mysql\.user WHERE user = <TEXT>")
def _hosts(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    return [(host,) for user, host in server.accounts if user == _text(match[1])]


@_understands(r"SELECT ssl_type FROM mysql\.user WHERE user = <TEXT> AND host = <TEXT>")
def _ssl_type(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    account = server.accounts.get((_text(match[1]), _text(match[2])))
    return [] if account is None else [("ANY" if account.tls else "",)]


@_understands(r"SELECT max_user_connections FROM mysql\.user WHERE user = <TEXT> AND host = <TEXT>")
def _max_connections(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    account = server.accounts.get((_text(match[1]), _text(match[2])))
    return [] if account is None else [(account.connections,)]


@_understands(r"CREATE USER IF NOT EXISTS <ACCOUNT> IDENTIFIED BY <TEXT>")
def _create_user(server: FakeMySQL, match: re.Match[str]) -> None:
    server.accounts.setdefault((_text(match[1]), _text(match[2])), Account(_text(match[3])))


@_understands(
    r"ALTER USER <ACCOUNT> IDENTIFIED BY <TEXT>( REQUIRE (?P<tls>SSL|NONE))?( WITH MAX_USER_CONNECTIONS (?P<most>[0-9]+))?"
)
def _alter_user(server: FakeMySQL, match: re.Match[str]) -> None:
    account = server.account(_text(match[1]), _text(match[2]))
    account.password = _text(match[3])
    account.tls = match["tls"] == "SSL"
    account.connections = int(match["most"] or account.connections)


@_understands(r"DROP USER (IF EXISTS )?<ACCOUNT>")
def _drop_user(server: FakeMySQL, match: re.Match[str]) -> None:
    server.accounts.pop((_text(match[2]), _text(match[3])), None)


@_understands(r"REVOKE ALL PRIVILEGES, GRANT OPTION FROM <ACCOUNT>")
def _revoke_all(server: FakeMySQL, match: re.Match[str]) -> None:
    server.account(_text(match[1]), _text(match[2])).grants.clear()


@_understands(r"REVOKE (?P<what>[A-Z ,]+) ON (?P<where>\S+) FROM <ACCOUNT>")
def _revoke(server: FakeMySQL, match: re.Match[str]) -> None:
    have = server.account(_text(match[3]), _text(match[4])).grants.get(_place(match["where"]), set())
    gone = set(match["what"].split(", "))
    kept = have & {"GRANT OPTION"} if "ALL PRIVILEGES" in gone else have - gone
    have.clear()
    have.update(kept)


@_understands(r"GRANT (?P<what>[A-Z ,]+) ON (?P<where>\S+) TO <ACCOUNT>(?P<option> WITH GRANT OPTION)?")
def _grant(server: FakeMySQL, match: re.Match[str]) -> None:
    have = server.account(_text(match[3]), _text(match[4])).grants.setdefault(_place(match["where"]), set())
    have.update(match["what"].split(", "))
    if match["option"]:
        have.add("GRANT OPTION")


@_understands(r"SHOW GRANTS FOR <ACCOUNT>")
def _show_grants(server: FakeMySQL, match: re.Match[str]) -> list[tuple[Any, ...]]:
    return [(line,) for line in server.show_grants(_text(match[1]), _text(match[2]))]


class FakeWire:
    """What ``pymysql.connect`` gives, on a ``FakeMySQL``."""

    def __init__(self, server: FakeMySQL, user: str, host: str, *, secure: bool = True) -> None:
        self._server = server
        self._account = (user, host)
        self._rows: list[tuple[Any, ...]] = []
        self._secure = secure

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, fault, trace

    def cursor(self) -> Self:
        """Give itself: one statement at a time."""
        return self

    def execute(self, sql: str, values: Sequence[object] | None = None) -> None:
        """Run one statement."""
        if values:
            sql %= tuple(f"'{pymysql.converters.escape_string(str(value))}'" for value in values)
        if sql == "SHOW GRANTS":
            sql = f"SHOW GRANTS FOR '{self._account[0]}'@'{self._account[1]}'"
        if sql == "SELECT CURRENT_USER()":
            self._rows = [("@".join(self._account),)]
            return
        self._rows = self._server.execute(sql)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Give its rows."""
        return self._rows

    def close(self) -> None:
        """End nothing."""
