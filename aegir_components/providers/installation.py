"""aegir:Installation: the application's own installation of a site, and the proof that it answers everywhere."""

from __future__ import annotations

import json
import time
from typing import Any

import pulumi

from aegir_components import applications, layout
from aegir_components.applications import base as answers
from aegir_components.deploy import installation, site_closing
from aegir_components.health import serving
from aegir_components.inputs.site import InstallationInputs, InstallationState
from aegir_components.messages import around, number_of, numbered
from aegir_components.mysql import databases
from aegir_components.origins import definition, landing
from aegir_components.process import Process
from aegir_components.remote.errors import HostError, Refused
from aegir_components.scripts import script

from . import answered, answering, awaited, settling, site_move, warned
from .lifecycle import DRIFT, AegirResource, Lifecycle
from .raw import State

INSTALL_TIMEOUT = 900.0
"""Seconds for the application's installer; Drupal's standard profile takes about 15."""
LOOK = ("open-database.php", "look-database.php")
"""What tells whether there is anything in a database, and changes nothing."""
SETTLE = 6.0
"""Seconds for which a former password still lets somebody in. OPcache checks a file again after up to 3, and a request that has
read the settings connects at its beginning."""
EMPTY, PRESENT = "empty", "present"


class InstallationProvider(Lifecycle[InstallationInputs, InstallationState]):
    """Installs into an empty database, adopts what is installed, and never touches what is half there."""

    identity_keys = ("site",)
    waits = True
    secret_keys = ("password", "admin_password", "hub_password", "origin")
    once_keys = ("origin",)

    def identity(self, want: InstallationInputs) -> str:
        """A site is known by its name."""
        return want.site

    def observe(self, have: InstallationState) -> dict[str, Any]:
        """Ask every web server for the site."""
        if not have.health:
            return {"drift": []}
        content = _content(self.process, have, None) if have.content == EMPTY else have.content
        return {"drift": [] if content == EMPTY else list(_faults(have).values()), "content": content}

    def _seen(self, have: State) -> State | None:
        """Look for a refresh: a site that a person has closed is as that person wants it, and nothing to repair."""
        seen = super()._seen(have)
        if seen and any(map(_is_unavailable, seen[DRIFT])):
            inputs = InstallationState.from_props(have)
            if closed := _closed(inputs):
                _tell_closed(self.process, inputs, closed)
                return {**seen, DRIFT: [text for text in seen[DRIFT] if not _is_unavailable(text)]}
        return seen

    def converge(self, want: InstallationInputs, was: InstallationState | None) -> dict[str, Any]:
        """Install where nothing is installed, ask every web server for the site, and let former passwords go."""
        process = self.process
        content, loaded = PRESENT, _land(process, want, was)
        if not want.install:
            content = _content(process, want, was)
            if content == EMPTY and _is_known(process, want, was):
                raise _lost(want)
        elif _install(process, want, was) == "::present" and _password_is_news(want, was, loaded=bool(loaded)):
            password = applications.APPLICATIONS[want.application].password
            _run(process, want, was, password, "setting the administrator's password of")
        known = _known(want)
        known.forget()
        proven = want.health and _prove(process, want, was, content)
        if proven or not want.health:
            known.forget_down()
        if proven:
            if content != EMPTY and want.enabled:
                known.note(want.application, _places(want))
            site_move.kept(known).over()
        _retire(want, was)
        return {"content": content, **({"loaded": loaded} if loaded else {})}

    def remove(self, have: InstallationState) -> None:
        """What was installed is in the database and the site's files, which other resources keep and remove."""
        _known(have).forget()
        _known(have).forget_down()
        if have.accounts:
            _landing(have, {}).forget()


class Installation(AegirResource, module="aegir", name="Installation"):
    """An installed site that answers."""

    loaded: pulumi.Output[str | None]
    """Whose content was loaded from an origin, with the accounts that are in it: ``own`` or ``clone``."""

    def __init__(self, name: str, inputs: InstallationInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by what the site is known by."""
        super().__init__(InstallationProvider(), name, inputs, opts)


def _land(process: Process, want: InstallationInputs, was: InstallationState | None) -> str:
    """Load the content of a site that has none; return what was loaded, now or before: ``own``, ``clone``, or nothing."""
    if not want.accounts:
        return ""
    given = json.loads(want.origin or "{}")
    site = _landing(want, given)
    if given and not _is_known(process, want, was):
        landing.land(site, definition.load(site, given))
    if site.known == landing.LOADING:
        landing.abandon(site)
    return (was.loaded if was else "") or site.known


def _landing(want: InstallationInputs, given: dict[str, Any]) -> landing.Site:
    return landing.of(want, want.site_database, given, pulumi.log.info)


def _password_is_news(want: InstallationInputs, was: InstallationState | None, *, loaded: bool) -> bool:
    """Tell whether an installed site may have another administrator's password than the declared one.

    One that somebody changed in the application stays, as long as the stack file says what it said. So do those of a site whose
    content was loaded.
    """
    return not loaded if was is None else was.admin_password != want.admin_password


def _prove(process: Process, want: InstallationInputs, was: InstallationState | None, content: str) -> bool:
    """Ask every web server for the site; one without anything in its database cannot answer yet.

    Returns:
        Whether nothing is wrong with it. If not, it is asked again after its update, in this run.
    """
    if content == EMPTY:
        said = (
            "is empty, and it is not to be installed (install: false). Load its dump and its files, then run "
            "pulumi up --refresh"
        )
        warned.warn(
            process,
            want.site,
            numbered(8541, f"the site {want.site} was not asked for: its database {want.database.name} {said}"),
            numbered(8541, f"the site was not asked for: its database {said}"),
        )
        return True
    settling.wait(process, [want.site])
    faults = _faults(want)
    if faults:
        # Whoever has asked just before the settings changed is answered by the former ones for a while.
        time.sleep(answering.AGAIN)
        faults = _faults(want)
    if not faults:
        return True
    if all(map(_is_unavailable, faults.values())) and (closed := _closed(want)):
        _tell_closed(process, want, closed)
        return False
    _known(want).note_down()
    said, waits = "; ".join(faults.values()), awaited.why(want, was)
    if not waits:
        raise Refused(", ".join(sorted(faults)), numbered(6550, f"the site {want.site} does not work: {said}"))
    pulumi.log.info(f"the site {want.site} does not work yet: {said}. It is asked again after its update: {waits}")
    return False


def _closed(inputs: InstallationInputs) -> str:
    """Say why a person has closed the site on all its web servers; nothing where it is not closed, or nobody can tell."""
    try:
        found = site_closing.by_people(inputs.connections, inputs.site)
    except HostError:
        return ""
    return next(iter(found.values()), "") if found.keys() == inputs.members.keys() else ""


def _is_unavailable(text: str) -> bool:
    return number_of(text) == answers.UNAVAILABLE


def _tell_closed(process: Process, inputs: InstallationInputs, why: str) -> None:
    said = f"is closed, so nobody asked it for its pages ({why}). aegir open {inputs.host} opens it"
    warned.warn(
        process, inputs.site, numbered(8562, f"the site {inputs.host} {said}"), numbered(8562, f"the site {said}")
    )


def _known(inputs: InstallationInputs) -> answered.Site:
    return answered.Site(hub_root=inputs.hub_root, stack=inputs.holder, site=inputs.site)


def _places(want: InstallationInputs) -> list[answering.Place]:
    return [
        answering.Place(want.host, name, conn.address, want.members[name].port)
        for name, conn in want.connections.items()
    ]


def _retire(want: InstallationInputs, was: InstallationState | None) -> None:
    """Remove the account of a former password, when every web server has had the time to use the new one."""
    # Without another password there is none, and no reason to ask.
    if not want.accounts or (was and was.password == want.password):
        return
    where, what = want.site_database.where, want.site_database.wanted
    if databases.has_other(where, what):
        time.sleep(SETTLE)
        databases.drop_other(where, what)


def _content(process: Process, want: InstallationInputs, was: InstallationState | None) -> str:
    return _run(process, want, was, LOOK, "inspecting the database of").removeprefix("::")


def _worker(want: InstallationInputs) -> str:
    """Name the web server on which work is done."""
    return want.master or min(want.members)


def _run(
    process: Process, want: InstallationInputs, was: InstallationState | None, program: tuple[str, ...], doing: str
) -> str:
    _ask_database(want)
    database = {**want.database.to_props(), "password": want.password, "ca": ""}
    if want.authority:
        database["ca"] = layout.database_authority(want.database.host)
    values = {
        "host": want.host,
        "database": database,
        "profile": want.profile,
        "title": want.title,
        "language": want.language,
        "admin": want.admin,
        "mail": want.mail,
        "password": want.admin_password,
        "known": _is_known(process, want, was),
    }
    lines = installation.items(
        program, site=want.site, publish_path=want.publish_path, docroot=want.docroot, values=values
    )
    conn, what = want.members[_worker(want)].connection, f"{doing} the site {want.site}"
    report = script.execute(conn, "apply", lines, what=what, timeout=INSTALL_TIMEOUT, lock=False)
    return report.facts.get("result", "")


def _ask_database(want: InstallationInputs) -> None:
    """Log in to the site's database server from here: PHP waits for one that is stopped for as long as nobody ends it.

    Raises:
        DatabaseError: the server does not answer, or rejects the hub's account.
    """
    if want.accounts:
        databases.exists(want.site_database.where, want.accounts.database)


def _is_known(process: Process, want: InstallationInputs, was: InstallationState | None) -> bool:
    """Return whether the state knows the site with content, so that an empty database is an error."""
    server = want.accounts.server if want.accounts else ""
    return was is not None and was.content == PRESENT and server not in process.replaced


def _install(process: Process, want: InstallationInputs, was: InstallationState | None) -> str:
    result = _run(process, want, was, applications.APPLICATIONS[want.application].installer, "installing")
    if result == "::empty":
        raise _lost(want)
    if result.startswith("::half"):
        raise _half(process, want, was, result.split()[-1])
    if result == "::installed in English":
        application = applications.APPLICATIONS[want.application]
        said = (
            f"was installed in English: the code base has no {application.title} translation {want.language}, and "
            f"{_worker(want)} could not get it from {application.fetches}. "
            f"Add the language in the site; for further sites put the translation into the directory aegir:translations"
        )
        warned.warn(
            process, want.site, numbered(8542, f"the site {want.site} {said}"), numbered(8542, f"the site {said}")
        )
    return result


def _lost(want: InstallationInputs) -> Refused:
    base, server, site = want.database.name, want.database.host, want.site
    return Refused(
        min(want.members),
        numbered(
            8543,
            f"the database {base} of the site {site} on {server} is empty, and the state knows the site with its content. "
            f"Nothing was installed. Load the newest dump of {site} from `backups` below the hub root, then run pulumi up. If "
            f"the site is to begin again, remove it from the stack file first",
        ),
    )


def _half(process: Process, want: InstallationInputs, was: InstallationState | None, tables: str) -> Refused:
    base, site, title = want.database.name, want.site, applications.APPLICATIONS[want.application].title
    begin = (
        f"the site {site}: the database {base} has {tables} tables, and none of them says that {title} was installed"
    )
    if _is_known(process, want, was):
        # Neither installing nor removing it is right: both would take what is left for the whole.
        return Refused(
            min(want.members),
            numbered(
                8544,
                f"{begin}, and the state knows the site with its content: a part of it is missing. Nothing was changed. Load the "
                f"newest dump of {site} from `backups` below the hub root as the database {base}, then run pulumi up",
            ),
        )
    return Refused(
        min(want.members),
        numbered(
            8545,
            f"installing {begin}. Nothing was changed. A site that came from elsewhere is declared with `origin`: "
            f"docs/howto/bring-in-a-site.md. "
            f"To begin again, take {site} out of the stack file and run pulumi up, which keeps a proven dump on the hub. Then "
            f"declare it again",
        ),
    )


def _faults(want: InstallationInputs) -> dict[str, str]:
    declared = serving.Declared(
        site=want.host,
        application=applications.APPLICATIONS[want.application],
        https=want.https,
        fingerprint=want.fingerprint,
        enabled=want.enabled,
    )
    found = {}
    for name, member in sorted(want.members.items()):
        why = serving.fault(declared, member.connection.address, member.port)
        if why is not None:
            found[name] = around(why, f"{name}: {declared.site} {why}")
    return found


Provider = InstallationProvider
"""Its name in states."""
