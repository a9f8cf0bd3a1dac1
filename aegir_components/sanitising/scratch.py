"""A sanitised copy of a database, made by its own server beside it: no row of the source is read by anybody else.

It fails closed. A column that looks personal by its name and has no rule stops the copy. A mail address that is left in
any column of the copy stops it as well. The key of the substitutes is of this copy alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from aegir_components.applications import APPLICATIONS, fields
from aegir_components.messages import AegirError, numbered
from aegir_components.messages.printable import first_of, printable
from aegir_components.mysql import client, databases, statements
from aegir_components.mysql.client import Session

from . import rules
from .rules import NOBODY, PHONE, Action

MAIL: Final = "[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\\\\.[A-Za-z0-9-]+)*\\\\.[A-Za-z]{2,}"
"""As SQL's text has it. Bounded, so that no long word without an end takes the server's time."""
LEFT: Final = "[A-WYZa-wyz0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]+(\\\\.[A-Za-z0-9-]+)*\\\\.[A-Za-z]{2,}"
"""An address that is not masked."""
LOOKS: Final = {
    "phone numbers": (
        "(:text LIKE '%+%' AND :text REGEXP '" + PHONE + "' OR LENGTH(:text) BETWEEN 8 AND 24 AND :text REGEXP "
        "'^(?![0-9]{1,2}[-/ ][0-9]{1,2}[-/ ][0-9]{2,4}$)"
        "([(]?0[0-9]{1,4}[)]?[ /-]{1,2}[0-9][0-9 /-]{4,}[0-9]|0[1-9][0-9]{7,11})$')"
    ),
    "numbers of bank accounts": (
        "(LENGTH(:text) BETWEEN 15 AND 42 AND "
        ":text REGEXP '(?-i)^[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){2,7} ?[A-Z0-9]{1,4}$')"
    ),
    "addresses of machines": (
        "(LENGTH(:text) BETWEEN 8 AND 15 AND "
        ":text REGEXP '^(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9])([.](25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}$')"
    ),
}
"""What no value of a column without a rule may be, each with its condition in SQL: no date, and no version such as 1.2.3.4."""
TEXTS: Final = ("char", "text", "blob", "binary", "json", "inet6", "inet4", "uuid")
SHOWN: Final = 20


class UnsafeError(AegirError):
    """Something looks personal and has no rule; the text names it, with what to write."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of the source."""

    name: str
    kind: str
    longest: int
    """Characters; 0 where it has no such limit."""
    nullable: bool
    generated: bool

    @property
    def is_text(self) -> bool:
        """Whether it may hold any text."""
        return any(word in self.kind for word in TEXTS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is done with one table."""

    table: str
    columns: tuple[Column, ...]
    actions: Mapping[str, Action]
    """By column."""
    is_empty: bool
    where: tuple[str, ...]


def plans(session: Session, database: str, application: str, prefix: str, own: Mapping[str, Action]) -> list[Plan]:
    """Decide what becomes of each table.

    Args:
        session: of the hub's account.
        database: the source.
        application: the site's.
        prefix: of its tables; others are not copied.
        own: the team's own rules.

    Raises:
        UnsafeError: columns look personal and have no rule.
    """
    found, unknown = [], []
    tables = sorted(databases.tables_of(session, database))
    personal = _fields(session, database, application, prefix, tables)
    for table in tables:
        if not table.startswith(prefix):
            continue
        name = table.removeprefix(prefix)
        columns = _columns(session, database, table)
        if rules.rule_for(application, name, "*", own) is not None and _is_empty(application, name, own):
            found.append(Plan(table=table, columns=columns, actions={}, is_empty=True, where=()))
            continue
        actions: dict[str, Action] = {}
        where: list[str] = []
        for column in columns:
            rule = rules.rule_for(application, name, column.name, own)
            action = rule.action if rule else fields.action_of(personal, name, column.name)
            if action is not None:
                actions[column.name] = action if column.is_text or action == "blank" else "keep"
                where += [rule.where] if rule and rule.where and rule.where not in where else []
            elif rules.looks_personal(column.name, is_text=column.is_text):
                unknown.append(f"{name}.{column.name}")
        found.append(Plan(table=table, columns=columns, actions=actions, is_empty=False, where=tuple(where)))
    if unknown:
        raise UnsafeError(_advice("columns look personal and have no rule", unknown))
    return found


def _fields(
    session: Session, database: str, application: str, prefix: str, tables: Collection[str]
) -> list[fields.Field]:
    """Read which fields the site has, and find the personal ones."""
    kind = APPLICATIONS[application].fields
    if kind is None or f"{prefix}{kind.table}" not in tables:
        return []
    where = f" WHERE {kind.where}" if kind.where else ""
    place = _place(database, f"{prefix}{kind.table}")
    return kind.find(session.rows(f"SELECT {kind.columns} FROM {place}{where}"))  # noqa: S608 - the application's own words


def _is_empty(application: str, table: str, own: Mapping[str, Action]) -> bool:
    rule = rules.rule_for(application, table, "*", own)
    return rule is not None and rule.action == "empty"


def _advice(why: str, columns: list[str]) -> str:
    shown = first_of([*map(printable, columns)], SHOWN)
    first = printable(columns[0])
    table = first.partition(".")[0]
    return numbered(
        3050,
        f"{why}: {shown}. Nothing has left the source. Say what becomes of each, in the stack file: aegir:sanitise: "
        f'{{"{first}": text}}, or mail, name, blank, scrub, mask, keep; {{"{table}": empty}} leaves out all rows',
    )


def fill(session: Session, source: str, scratch: str, plan: list[Plan], key: str) -> None:
    """Fill an empty schema with what the rules make of the source's rows. Rows are read without locks.

    Raises:
        DatabaseError: the server refuses.
    """
    session.be_patient()
    session.rows("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    session.rows("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
    session.rows("SET SESSION foreign_key_checks = 0")
    for one in plan:
        session.rows(f"CREATE TABLE {_place(scratch, one.table)} LIKE {_place(source, one.table)}")
        if one.is_empty:
            continue
        columns = [column for column in one.columns if not column.generated]
        names = ", ".join(statements.name(column.name) for column in columns)
        values = ", ".join(expression(column, one.actions.get(column.name, "keep"), key) for column in columns)
        where = f" WHERE {' AND '.join(one.where)}" if one.where else ""
        into = f"INSERT INTO {_place(scratch, one.table)} ({names})"
        session.rows(f"{into} SELECT {values} FROM {_place(source, one.table)}{where}")  # noqa: S608 - names are quoted


def check(session: Session, scratch: str, plan: list[Plan], prefix: str, own: Mapping[str, Action]) -> None:
    """See that no mail address is left in the copy, whatever the rules say, and nothing else that looks personal without a rule.

    A phone number looks personal. A whole value that is a number of a phone, of a bank account or of a machine looks
    personal as well. What the team keeps by name is left alone.

    Raises:
        UnsafeError: there are some.
    """
    left: list[str] = []
    others: dict[str, list[str]] = {}
    for one in plan:
        for column in one.columns:
            name = f"{one.table.removeprefix(prefix)}.{column.name}"
            if one.is_empty or not column.is_text or own.get(name) == "keep":
                continue
            text = _text(column)
            rest = f"REGEXP_REPLACE({text}, '[a-z0-9-]+@{NOBODY}', '')"
            if _is_there(session, scratch, one, f"{text} LIKE '%@%' AND {rest} REGEXP '{LEFT}'"):
                left.append(name)
            elif column.name not in one.actions:
                looks = {what: condition.replace(":text", text) for what, condition in LOOKS.items()}
                # One inspect all rows, where nearly always nothing is found.
                if _is_there(session, scratch, one, " OR ".join(looks.values())):
                    what = next(
                        what for what, condition in looks.items() if _is_there(session, scratch, one, condition)
                    )
                    others.setdefault(what, []).append(name)
    if left:
        raise UnsafeError(_advice("columns have mail addresses", left))
    for what, names in others.items():
        raise UnsafeError(_advice(f"columns have {what}", names))


def _is_there(session: Session, scratch: str, plan: Plan, condition: str) -> bool:
    where = f"{_place(scratch, plan.table)} WHERE {condition}"
    return bool(session.rows(f"SELECT 1 FROM {where} LIMIT 1"))  # noqa: S608 - names are quoted


def expression(column: Column, action: Action, key: str) -> str:
    """Give what a column becomes, in SQL."""
    name = statements.name(column.name)
    if action == "keep":
        return name
    if action == "blank":
        return "NULL" if column.nullable else "''" if column.is_text else "0"
    text = _text(column)
    # The key stands before and after, so that nobody who knows values and substitutes can go on from one of them.
    digest = f"SHA2(CONCAT('{key}', LOWER(TRIM({text})), '{key}'), 256)"
    made = {
        "mail": f"CONCAT('user-', LEFT({digest}, 20), '@{NOBODY}')",
        "name": f"CONCAT('Person ', LEFT({digest}, 16))",
        "text": f"CONCAT('Text ', LEFT({digest}, 16))",
        "scrub": f"REGEXP_REPLACE(REGEXP_REPLACE({text}, '{MAIL}', 'somebody@{NOBODY}'), '{PHONE}', '+00 000 0000')",
        "mask": (
            f"REGEXP_REPLACE(REGEXP_REPLACE({text}, "
            "'[A-Za-z0-9_%+.-](?=[A-Za-z0-9._%+-]{0,64}@[A-Za-z0-9-]{1,63}[.])', 'x'), "
            r"'(x@|\\G(?!\\A))[A-Za-z0-9-]', '\\1x')"
        ),
    }[action]
    short = f"LEFT({made}, {column.longest})" if column.longest and action not in {"mask", "scrub"} else made
    return f"IF({name} IS NULL OR {name} = '', {name}, {short})"


def _text(column: Column) -> str:
    """Give a column as text: what is binary is mostly text that an application has put together."""
    name = statements.name(column.name)
    return f"CONVERT({name} USING latin1)" if any(word in column.kind for word in ("blob", "binary")) else name


def _columns(session: Session, database: str, table: str) -> tuple[Column, ...]:
    listed = session.rows(
        "SELECT column_name, data_type, COALESCE(character_maximum_length, 0), is_nullable, extra "
        "FROM information_schema.columns WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
        (database, table),
    )
    return tuple(
        Column(
            name=client.decoded(row[0]), kind=client.decoded(row[1]).lower(), longest=int(row[2]) if int(row[2]) < 65535 else 0,
            nullable=client.decoded(row[3]) == "YES", generated="GENERATED" in client.decoded(row[4]).upper(),
        )
        for row in listed
    )  # fmt: skip


def _place(database: str, table: str) -> str:
    return f"{statements.name(database)}.{statements.name(table)}"
