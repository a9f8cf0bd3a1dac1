"""Which database updates the sites of a platform lack with another release: told at preview, by one query a database.

Code and database belong together. Whoever gives a site other code learns here what its database will lack. The change
is rejected where no update leads from the former code to the new code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from aegir_components import settings
from aegir_components.applications import APPLICATIONS
from aegir_components.applications.updates import Available, Extension, Had, Pending
from aegir_components.hub.records import Records
from aegir_components.inputs.database import SiteDatabaseInputs
from aegir_components.layout import RELEASE_DIGEST_LENGTH
from aegir_components.messages import numbered, text_of
from aegir_components.messages.printable import count, first_of
from aegir_components.mysql import client, databases, statements
from aegir_components.recorded import Outputs, Recorded
from aegir_components.settings import updating
from aegir_components.sources.resolve import Resolved

KIND: Final = "updates"
NAMED: Final = 3
"""Updates, sites and modules that are named before "and 40 more"."""
AT_ONCE: Final = 8
"""Database servers that are asked at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changing:
    """A site that gets other code."""

    site: settings.Site
    database: SiteDatabaseInputs = field(repr=False)
    """What the state has of its database, with the hub's password."""
    application: str


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be told, and what stops the run."""

    warnings: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    waits: dict[str, dict[str, str]] = field(default_factory=dict)
    """By platform: the sites that wait for an update when its release goes live, with the reason."""
    unknown: dict[str, dict[str, str]] = field(default_factory=dict)
    """By platform: the sites of which nobody knows what their databases lack, with the reason."""
    lacks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By site: the modules that are installed in it, and that its other code has not."""


Answers = Mapping[str, "Had | str | None"]
"""By database: what it has had, why nobody knows, or ``None`` where no such application is in it."""
Ask = Callable[[Iterable[Changing]], Answers]


def judge(
    before: Recorded,
    declared: settings.Settings,
    sources: Mapping[str, Resolved],
    code: Mapping[str, Available],
    ask: Ask,
) -> Found:
    """Compare the databases of all sites that get other code with that code.

    Args:
        before: the state of the last run.
        declared: the stack.
        sources: the platforms' code.
        code: what each release brings, of those that are known.
        ask: asks databases.
    """
    found = Found()
    going = {name: list(_changing(before, declared, name, source)) for name, source in sources.items() if name in code}
    answers = ask([site for sites in going.values() for site in sites]) if any(going.values()) else {}
    for name, sites in going.items():
        lacking: dict[Pending, list[str]] = {}
        unknown: dict[str, list[str]] = {}
        where = f'aegir:platforms["{name}"]'
        for changing in sites:
            answer, site = answers.get(_name(changing)), changing.site.display_name
            waits = found.waits.setdefault(name, {})
            steps = steps_of(declared, changing.site)
            if steps not in (updating.DEFAULT, ()) or declared.platforms[name].rollout.declared:
                waits[changing.site.identity] = "its turn has not come"
            if isinstance(answer, str):
                unknown.setdefault(answer, []).append(site)
                not_known = f"its pending updates are not known: {answer}"
                found.unknown.setdefault(name, {})[changing.site.identity] = not_known
            elif answer is not None:
                pending = APPLICATIONS[changing.application].updates.compare(code[name], answer)
                lacking.setdefault(pending, []).append(site)
                if pending.newer and declared.platforms[name].database == "restore":
                    waits[changing.site.identity] = "the database of before its update comes first"
                if pending.missing:
                    found.lacks[changing.site.identity] = tuple(pending.missing)
                if pending.names and steps:
                    waits[changing.site.identity] = _come_first(len(pending.names))
        for why, on in unknown.items():
            found.warnings.append(
                numbered(
                    2840, f"{where}: pending updates with the other code are not known of {first_of(on, NAMED)}: {why}"
                )
            )
        title = APPLICATIONS[sources[name].code.application].title
        step = _step(title, _former(before, sites), code[name].version) if sites else ""
        for pending, on in lacking.items():
            found.warnings.extend(_told(where, step, pending, first_of(on, NAMED)))
            if declared.platforms[name].database == "check":
                found.problems.extend(_stopped(where, step, pending, first_of(on, NAMED)))
    return found


def steps_of(declared: settings.Settings, site: settings.Site) -> tuple[updating.Step, ...]:
    """Give what an update of a site consists of."""
    return site.update if site.update is not None else declared.platforms[site.platform].update


def of_sources(
    before: Recorded, declared: settings.Settings, sources: Mapping[str, Resolved], *, keep: bool
) -> dict[str, Available]:
    """Read what each release brings that is not live yet, or gets a site from another platform.

    Args:
        before: the state of the last run.
        declared: the stack.
        sources: the platforms' code.
        keep: whether what was read is written down: on the way back to a release its code may not be on the hub any more.
    """
    records, found = Records(declared.hub.root, KIND), {}
    for name, source in sources.items():
        digest = source.tree.digest
        if digest == _live(before, name) and not any(_changing(before, declared, name, source)):
            continue
        known, application = records.get(digest[:RELEASE_DIGEST_LENGTH]), APPLICATIONS[source.code.application]
        if known is not None:
            found[name] = _from_record(known)
        # Of a source that is gone only what was recorded is known.
        elif not declared.platforms[name].rollback and application.detect(source.directory):
            found[name] = application.updates.available(source.directory, source.code.docroot)
            if keep:
                records.put(_to_record(found[name]), digest[:RELEASE_DIGEST_LENGTH])
    return found


def ask_databases(sites: Iterable[Changing]) -> dict[str, Had | str | None]:
    """Ask the databases of sites, each server over one connection."""
    servers: dict[client.Endpoint, list[Changing]] = {}
    for site in sites:
        servers.setdefault(site.database.where, []).append(site)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        asked = pool.map(_ask_server, servers, servers.values())
        return {name: answer for answers in asked for name, answer in answers.items()}


def lacking(
    hub_root: str, digest: str, server: client.Endpoint, application: str, names: Iterable[str]
) -> dict[str, Pending]:
    """Compare databases of a server with a release; nothing of those in which there is no such application.

    Args:
        hub_root: where the hub has its records; without one of the release nothing is known.
        digest: of the release.
        server: the database server, which is asked over one connection.
        application: what is in the databases.
        names: of the databases.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    known = Records(hub_root, KIND).get(digest[:RELEASE_DIGEST_LENGTH])
    if known is None:
        return {}
    code, compare = _from_record(known), APPLICATIONS[application].updates.compare
    with client.connect(server) as session:
        had = {name: _ask(session, application, name) for name in names}
    return {name: compare(code, found) for name, found in had.items() if found is not None}


def _ask_server(server: client.Endpoint, sites: list[Changing]) -> dict[str, Had | str | None]:
    try:
        with client.connect(server) as session:
            return {_name(site): _ask(session, site.application, _name(site)) for site in sites}
    except client.DatabaseError as fault:
        return {_name(site): text_of(fault) for site in sites}


def _ask(session: client.Session, application: str, database: str) -> Had | None:
    updates = APPLICATIONS[application].updates
    tables = databases.tables_of(session, database)
    if not set(updates.tables) <= tables.keys():
        return None
    session.rows(f"USE {statements.name(database)}")
    return updates.had(session.rows(updates.query(tables)))


def _changing(before: Recorded, declared: settings.Settings, platform: str, source: Resolved) -> Iterator[Changing]:
    """List the sites that get the code of a platform in place of other code of the same application."""
    for site in declared.sites_on(platform):
        configured, database = _configured(before, site), before.of("aegir:SiteDatabase").get(site.identity)
        was_on = str(configured.get("platform", ""))
        if not configured or not database or configured.get("application") != source.code.application:
            continue
        if source.tree.digest != _live(before, was_on):
            yield Changing(
                site=site, database=SiteDatabaseInputs.from_props(database), application=source.code.application
            )


def _configured(before: Recorded, site: settings.Site) -> Outputs:
    return before.of("aegir:SiteConfiguration").get(site.identity, {})


def _live(before: Recorded, platform: str) -> str:
    return str(before.of("aegir:Release").get(platform, {}).get("digest", ""))


def _former(before: Recorded, sites: Iterable[Changing]) -> str:
    """Name the versions that sites have now."""
    on = {str(_configured(before, changing.site).get("platform", "")) for changing in sites}
    facts = [before.of("aegir:Release").get(name, {}).get("facts") or {} for name in on]
    return (
        " and ".join(sorted({str(known["version"]) for known in facts if known.get("version")})) or "an unknown version"
    )


def _step(title: str, former: str, version: str) -> str:
    """Say what happens to a platform's sites: other code may be of the same version."""
    if former == version:
        return f"its sites get other code of {title} {version}"
    return f"its sites go from {title} {former} to {version}"


def _come_first(number: int) -> str:
    return f"{count(number, 'update of its database comes', 'updates of its database come')} first"


def _told(where: str, step: str, pending: Pending, sites: str) -> Iterator[str]:
    if pending.names:
        count = f"{len(pending.names)} ({first_of(pending.names, NAMED)})"
        yield numbered(
            2841, f"{where}: {step}, and their databases are updated with it. Pending updates of {sites}: {count}"
        )
    if pending.missing:
        yield numbered(
            2842, f"{where}: {step}, and lacks modules that are installed in {sites}: {first_of(pending.missing, 20)}"
        )


def _stopped(where: str, step: str, pending: Pending, sites: str) -> Iterator[str]:
    if pending.newer:
        yield numbered(
            2843,
            f"{where}: {step}, and {sites} has a database of newer code ({'; '.join(pending.newer)}). Write "
            "database: restore at the platform for the database of before its update, which is kept for "
            "keep_before. Or write database: keep, if you know that this code works with the newer one",
        )
    if pending.too_old:
        yield numbered(
            2844,
            f"{where}: {step}, and no update leads there from the database of {sites}: "
            f"{'; '.join(pending.too_old)}. Release a version between first, and run its updates; database: keep "
            "at the platform releases it all the same",
        )


def _name(site: Changing) -> str:
    return site.database.database


def _to_record(code: Available) -> dict[str, Any]:
    return dataclasses.asdict(code)


def _from_record(record: Mapping[str, Any]) -> Available:
    found = {
        name: Extension(
            numbered=tuple(known["numbered"]),
            last_removed=int(known["last_removed"]),
            posts=tuple(known["posts"]),
            removed_posts=dict(known["removed_posts"]),
        )
        for name, known in record["extensions"].items()
    }
    return Available(version=str(record["version"]), extensions=found, themes_too=bool(record["themes_too"]))
