"""What runs on a machine now: its services' units, and when the cron of each site ran last. It only looks."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aegir_components import layout
from aegir_components.deploy import cron
from aegir_components.deploy.closing import Reason
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.services.web_types import program

DATABASE_UNITS = ("mariadb", "mysql")
"""One of the two is the database server's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cron:
    """How a site's cron did."""

    last: datetime | None
    """When it was last started; ``None``: not since the machine has booted or the site was disabled."""
    fault: str = ""
    """What is wrong with it; empty for nothing."""


def web_units(kind: str, *versions: str) -> tuple[str, ...]:
    """Name the units of a web service: its type's, and PHP's of these versions; an empty one is not known."""
    return (program(kind).unit, *(f"php{version}-fpm" for version in dict.fromkeys(versions) if version))


def items(units: Iterable[str], users: Iterable[str]) -> list[str]:
    """List what asks for units, and for the cron of sites by their Linux users."""
    return [
        functions("status"),
        script.call("status_units", *units),
        script.call("status_cron", cron.DIRECTORY, *users),
    ]


def closed_items(sites: Iterable[str]) -> list[str]:
    """List what tells which sites are closed by an event, and why, for ``closed``."""
    return [script.call("status_closed", posixpath.dirname(layout.closed_file("any")), *map(layout.file_name, sites))]


def closed(facts: Mapping[str, str], site: str) -> str:
    """Say why a site is closed; empty where it is not."""
    return Reason.read(facts.get(f"closed.{layout.file_name(site)}", "")).words


@dataclass(frozen=True, kw_only=True, slots=True)
class Before:
    """A site's database of before its last update."""

    of: str
    """The name of the site's database."""
    size: int
    """Bytes."""
    made: int
    """When, in seconds of the epoch."""


def before_items() -> list[str]:
    """List what tells which databases of before an update are kept, for ``before``."""
    return [functions("mysql"), "copies_facts"]


def before(facts: Mapping[str, str]) -> list[Before]:
    """Read which databases of before an update a server keeps."""
    rows = [line.split("\t") for line in facts.get("before", "").splitlines()]
    return [Before(of=row[0], size=script.number(row[1]), made=script.number(row[2])) for row in rows if len(row) == 3]


def units_down(facts: Mapping[str, str], units: Iterable[str], databases: Iterable[str] = ()) -> list[str]:
    """Say which units do not run; of the database's two names one is enough."""
    found = [
        f"{unit} is {facts.get(f'unit.{unit}') or 'unknown'}" for unit in units if facts.get(f"unit.{unit}") != "active"
    ]
    names = list(databases)
    if names and not any(facts.get(f"unit.{unit}") == "active" for unit in names):
        found.append(f"{' or '.join(names)} does not run")
    return found


def cron_of(facts: Mapping[str, str], user: str) -> Cron:
    """Read how the cron of a site did."""
    service, timer = _properties(facts.get(f"cron.{user}", "")), _properties(facts.get(f"timer.{user}", ""))
    # systemd forgets a unit that goes, as when a site is disabled; its times were recorded then.
    known = (service, timer, _properties(facts.get(f"before.{user}", "")))
    times = [_time(each.get(key, "")) for each in known for key in ("ExecMainStartTimestamp", "LastTriggerUSec")]
    last = max((time for time in times if time), default=None)
    if timer.get("ActiveState") != "active":
        return Cron(last=last, fault="its timer does not run")
    if service.get("Result", "success") != "success":
        return Cron(last=last, fault=f"cron failed ({service['Result']})")
    return Cron(last=last)


def _properties(text: str) -> dict[str, str]:
    return {key: value for key, _, value in (line.partition("=") for line in text.splitlines())}


def _time(text: str) -> datetime | None:
    """Read a time as systemd writes it: ``Wed 2026-11-25 02:13:07 UTC``; ``n/a`` and nothing are none."""
    try:
        return datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S %Z").replace(tzinfo=UTC)
    except ValueError:
        return None
