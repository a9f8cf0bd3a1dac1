"""SQL for databases, accounts and their rights, for MySQL 5.7 to 8.4 and MariaDB 10.3 to 11. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pymysql

from aegir_components.messages import numbered

SITE_PRIVILEGES = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "INDEX", "ALTER", "CREATE TEMPORARY TABLES"}
)
"""What Drupal asks for (core/INSTALL.mysql.txt), and enough for WordPress."""

ADMINISTRATOR_PRIVILEGES = SITE_PRIVILEGES | {
    "CREATE USER",
    "LOCK TABLES",
    "SHOW VIEW",
    "TRIGGER",
    "EVENT",
    "PROCESS",
}
"""What the hub needs to make databases and accounts and to dump; it can only grant what it has itself."""


FURTHER_PRIVILEGES = frozenset(
    {"LOCK TABLES", "TRIGGER", "EVENT", "REFERENCES", "CREATE VIEW", "SHOW VIEW"}
    | {"CREATE ROUTINE", "ALTER ROUTINE", "EXECUTE"}
)
"""What a site can have besides, on its own database: CiviCRM asks for most of them, ``wp db export`` for LOCK TABLES."""

MANAGED_PRIVILEGES = SITE_PRIVILEGES | {"CREATE USER"}
"""The least that an account on somebody else's server needs; providers withhold some of the others."""


def text(value: str) -> str:
    """Quote a string; for sessions without NO_BACKSLASH_ESCAPES, which ``PREAMBLE`` sees to."""
    return f"'{pymysql.converters.escape_string(value)}'"


def name(value: str) -> str:
    """Quote an identifier."""
    return "`" + value.replace("`", "``") + "`"


def pattern(database: str) -> str:
    """Quote a database's name in GRANT, where ``_`` and ``%`` are wildcards unless escaped."""
    escaped = database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
    return name(escaped)


def account(user: str, host: str) -> str:
    """Quote an account."""
    return f"{text(user)}@{text(host)}"


PREAMBLE = "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'"
"""Backslashes escape in what follows, whatever the server's own default is."""


def ensure_account(user: str, host: str, password: str, *, tls: bool, connections: int = 0) -> list[str]:
    """Make an account and give it this password, whether it was there or not.

    Args:
        user: its name.
        host: where it connects from.
        password: its password.
        tls: whether it must use TLS.
        connections: how many it may have at once; 0 for any number.
    """
    who, secret = account(user, host), text(password)
    return [
        f"CREATE USER IF NOT EXISTS {who} IDENTIFIED BY {secret}",
        f"ALTER USER {who} IDENTIFIED BY {secret} REQUIRE {'SSL' if tls else 'NONE'} "
        f"WITH MAX_USER_CONNECTIONS {connections}",
    ]


def administrator(user: str, host: str, password: str, *, tls: bool, rights: Iterable[str] = ()) -> list[str]:
    """Make the hub's account with exactly what it needs, and the right to hand it on.

    Args:
        user: its name.
        host: the hub's address.
        password: its password.
        tls: whether it must use TLS.
        rights: what sites are to have besides, since an account can grant only what it has.
    """
    privileges = ", ".join(sorted(ADMINISTRATOR_PRIVILEGES | set(rights)))
    who = account(user, host)
    lines = [
        PREAMBLE,
        *ensure_account(user, host, password, tls=tls),
        f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {who}",
        f"GRANT {privileges} ON *.* TO {who} WITH GRANT OPTION",
    ]
    return [f"{line};" for line in lines]


def show_grants(user: str, host: str) -> str:
    """Ask for an account's rights."""
    return f"SHOW GRANTS FOR {account(user, host)};"


_NAMED = r"(?:`(?:[^`]|``)*`|\*)"
_GRANT = re.compile(
    rf"^GRANT (?P<what>.+?) ON (?P<where>(?:(?:PROCEDURE|FUNCTION) )?(?:{_NAMED}\.{_NAMED}|\S+)) TO .*?"
    r"(?P<option> WITH GRANT OPTION)?$"
)


def parse_grants(lines: list[str]) -> dict[str, frozenset[str]]:
    """Read SHOW GRANTS: place (``*.*``, a database without quotes, else as written) to privileges.

    ``GRANT OPTION`` is listed as a privilege; ``USAGE`` means none and is left out.
    """
    found: dict[str, frozenset[str]] = {}
    for line in lines:
        match = _GRANT.match(line.strip().rstrip(";"))
        if match is None:
            continue
        privileges = {part.strip().upper() for part in match["what"].split(",")} - {"USAGE"}
        if match["option"]:
            privileges.add("GRANT OPTION")
        place = _place(match["where"])
        found[place] = found.get(place, frozenset()) | privileges
    return found


def _place(where: str) -> str:
    if where == "*.*" or not where.endswith(".*"):
        # One table or routine is a place of its own: its rights are none on the whole database.
        return where
    database = where.removesuffix(".*").removeprefix("`").removesuffix("`")
    if re.search(r"(?<!\\)(?:\\\\)*[_%]", database):
        # A wildcard: it is for other databases, too, and a grant of its own beside the one for the name.
        return where
    return re.sub(r"\\([_%\\])", r"\1", database.replace("``", "`"))


_ROLE = re.compile(r"^GRANT (?P<roles>[`'][^,]+?(?:,\s*[`'].+?)*) TO [`']", re.IGNORECASE)


def granted_roles(lines: list[str]) -> list[str]:
    """List the roles that SHOW GRANTS names: rights that stand elsewhere."""
    found = (_ROLE.match(line.strip()) for line in lines)
    return sorted(match["roles"] for match in found if match and " ON " not in match["roles"])


def administrator_faults(lines: list[str], rights: Iterable[str] = ()) -> list[str]:
    """Say what the hub's account lacks or has too much of, from SHOW GRANTS; empty when it is as declared."""
    if not lines:
        return [numbered(5082, "there is no such account")]
    everywhere = parse_grants(lines).get("*.*", frozenset())
    # MariaDB from 10.5 and MySQL 8 split and add privileges of their own names; only what we ask for is compared.
    if "ALL PRIVILEGES" in everywhere:
        return [numbered(5082, "has ALL PRIVILEGES, which is more than declared")]
    wanted = ADMINISTRATOR_PRIVILEGES | {"GRANT OPTION"} | set(rights)
    faults: list[str] = [numbered(5082, f"lacks {privilege}") for privilege in sorted(wanted - everywhere)]
    # What it had for a site that has just gone stays until it is made again: the proof of that site's dump needs it.
    extra = everywhere - wanted - FURTHER_PRIVILEGES
    return faults + [numbered(5082, f"has {privilege}, which is not declared") for privilege in sorted(extra)]


def site_grants(
    database: str, user: str, host: str, have: frozenset[str], wanted: frozenset[str] = SITE_PRIVILEGES
) -> list[str]:
    """Name the statements that turn what an account has on a database into what a site needs."""
    who, where = account(user, host), f"{pattern(database)}.*"
    extra = have - wanted
    missing = wanted - have
    lines = []
    if "ALL PRIVILEGES" in extra or extra:
        revoked = "ALL PRIVILEGES" if "ALL PRIVILEGES" in extra else ", ".join(sorted(extra - {"GRANT OPTION"}))
        if revoked:
            lines.append(f"REVOKE {revoked} ON {where} FROM {who}")
        if "GRANT OPTION" in extra:
            lines.append(f"REVOKE GRANT OPTION ON {where} FROM {who}")
        if "ALL PRIVILEGES" in extra:
            missing = wanted
    if missing:
        lines.append(f"GRANT {', '.join(sorted(missing))} ON {where} TO {who}")
    return lines
