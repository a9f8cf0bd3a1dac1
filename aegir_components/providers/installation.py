"""aegir:Installation: the application's own installation of a site, and the proof that it answers everywhere."""

from __future__ import annotations

import json
import time
from typing import Any

import pulumi

from aegir_components import applications, layout
from aegir_components.applications import health
from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import Refused
from aegir_components.inputs.untyped import Untyped
from aegir_components.mysql import databases
from aegir_components.origins import definition, landing
from aegir_components.services import installation

from . import answered, answering, awaited, settling, site_database, site_move, warned
from .database import endpoint
from .lifecycle import AegirResource, Lifecycle, State, replaced

INSTALL_TIMEOUT = 900.0
"""Seconds for the application's installer; Drupal's standard profile takes about 15."""
LOOK = ("open-database.php", "look-database.php")
"""What tells whether there is anything in a database, and changes nothing."""
SETTLE = 6.0
"""Seconds for which a former password goes on letting in: OPcache looks at a file again after up to 3, and a request that has
read the settings connects at its beginning."""
EMPTY, PRESENT = "empty", "present"


class Provider(Lifecycle[Untyped, Untyped]):
    """Installs into an empty database, adopts what is installed, and never touches what is half there."""

    identity_keys = ("site",)
    waits = True
    secret_keys = ("password", "admin_password", "hub_password", "origin")
    computed_keys = ("content", "loaded")
    once_keys = ("origin",)

    def identity(self, want: State) -> str:
        """A site is known by its name."""
        return str(want["site"])

    def observe(self, want: State) -> State:
        """Ask every web server for the site."""
        if not want.get("health", True):
            return {"drift": []}
        content = want.get("content", PRESENT)
        if content == EMPTY:
            content = _content(want)
        return {"drift": [] if content == EMPTY else list(_faults(want).values()), "content": content}

    def converge(self, want: State, _was: State) -> State:
        """Install where nothing is installed, ask every web server for the site, and let former passwords go."""
        content, loaded = PRESENT, _land(want)
        if not want.get("install", True):
            content = _content(want)
            if content == EMPTY and _is_known(want):
                raise _lost(want)
        elif _install(want) == "::present" and _password_is_news(want, loaded=bool(loaded)):
            _run(
                want, applications.APPLICATIONS[want["application"]].password, "setting the administrator's password of"
            )
        known = _known(want)
        known.forget()
        asked = want.get("health", True)
        proven = asked and _prove(want, content)
        if proven or not asked:
            known.forget_down()
        if proven:
            if content != EMPTY and want.get("enabled", True):
                known.note(want["application"], _places(want))
            site_move.kept(known).over()
        _retire(want)
        return {"content": content, **({"loaded": loaded} if loaded else {})}

    def remove(self, have: State) -> None:
        """What was installed is in the database and the site's files, which other resources keep and remove."""
        _known(have).forget()
        _known(have).forget_down()
        if have.get("accounts"):
            _landing(have, {}).forget()


class Installation(AegirResource, module="aegir", name="Installation"):
    """An installed site that answers."""

    loaded: pulumi.Output[str | None]
    """Whose content was loaded from an origin, with the accounts that are in it: ``own`` or ``clone``."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the site's name.
            props: ``site``, ``name`` (its host name, where that is another), ``application``, ``publish_path``, ``docroot``,
                ``profile``, ``title``, ``language``, ``admin``, ``mail``, ``admin_password`` (secret), ``database``,
                ``password`` (secret), ``members``, ``master`` (of a pack), ``holder``, ``install``, ``health``, ``https``,
                ``fingerprint`` (of the certificate), ``enabled``, ``accounts`` (the database's server and accounts, as
                ``SiteDatabase`` has them without secrets), ``hub_password`` (secret, of the hub's account there), ``updated``
                (``False`` where its database is not updated by its platform's rollout), ``origin``
                (secret, as ``origins.definition`` packs it; it counts only while the site has no content).
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _land(want: State) -> str:
    """Load the content of a site that has none; return what was loaded, now or before: ``own``, ``clone``, or nothing."""
    if not want.get("accounts"):
        return ""
    given = json.loads(want.get("origin") or "{}")
    site = _landing(want, given)
    if given and not _is_known(want):
        landing.land(site, definition.load(site, given))
    if site.known == landing.LOADING:
        landing.abandon(site)
    return str(want.get("was", {}).get("loaded") or site.known)


def _landing(want: State, given: State) -> landing.Site:
    database = site_database.wanted(site_database.of_site(want))
    return landing.of(want, database, given, pulumi.log.info)


def _password_is_news(want: State, *, loaded: bool) -> bool:
    """Tell whether an installed site may have another administrator's password than the declared one.

    One that somebody changed in the application stays, as long as the stack file says what it said. So do those of a site whose
    content was loaded.
    """
    before = want.get("was")
    return not loaded if before is None else before.get("admin_password") != want["admin_password"]


def _prove(want: State, content: str) -> bool:
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
            str(want["site"]),
            f"the site {want['site']} was not asked for: its database {want['database']['name']} {said}",
            f"the site was not asked for: its database {said}",
        )
        return True
    settling.wait([str(want["site"])])
    faults = _faults(want)
    if faults:
        # Whoever has asked just before the settings changed is answered by the former ones for a while.
        time.sleep(answering.AGAIN)
        faults = _faults(want)
    if not faults:
        return True
    _known(want).note_down()
    said, waits = "; ".join(faults.values()), awaited.why(want)
    if not waits:
        raise Refused(", ".join(sorted(faults)), f"the site {want['site']} does not work: {said}")
    pulumi.log.info(f"the site {want['site']} does not work yet: {said}. It is asked again after its update: {waits}")
    return False


def _known(props: State) -> answered.Site:
    conn = next(iter(Connection.of_members(props["members"]).values()))
    return answered.Site(hub_root=conn.hub_root, stack=str(props["holder"]), site=str(props["site"]))


def _places(want: State) -> list[answering.Place]:
    name = str(want.get("name") or want["site"])
    members = Connection.of_members(want["members"])
    return [
        answering.Place(name, host, conn.address, int(want["members"][host]["port"])) for host, conn in members.items()
    ]


def _retire(want: State) -> None:
    """Remove the account of a former password, when every web server has had the time to use the new one."""
    if not want.get("accounts"):
        return
    known = site_database.of_site(want)
    where, what = endpoint(known, known["server"]), site_database.wanted(known)
    was = want.get("was", {})
    # Without another password there is none, and no reason to ask.
    if was and was.get("password") == want["password"]:
        return
    if databases.has_other(where, what):
        time.sleep(SETTLE)
        databases.drop_other(where, what)


def _content(want: State) -> str:
    return _run(want, LOOK, "looking at the database of").removeprefix("::")


def _run(want: State, program: tuple[str, ...], doing: str) -> str:
    _ask_database(want)
    name = want.get("master") or min(want["members"])
    conn = Connection.from_props(want["members"][name]["connection"])
    database = {**want["database"], "port": int(want["database"]["port"]), "password": want["password"], "ca": ""}
    if want.get("authority"):
        database["ca"] = layout.database_authority(str(database["host"]))
    values = {
        "host": want.get("name") or want["site"],
        "database": database,
        "profile": want["profile"],
        "title": want["title"],
        "language": want["language"],
        "admin": want["admin"],
        "mail": want["mail"],
        "password": want["admin_password"],
        "known": _is_known(want),
    }
    lines = installation.items(
        program, site=want["site"], publish_path=want["publish_path"], docroot=want["docroot"], values=values
    )
    what = f"{doing} the site {want['site']}"
    report = script.execute(conn, "apply", lines, what=what, timeout=INSTALL_TIMEOUT, lock=False)
    return report.facts.get("result", "")


def _ask_database(want: State) -> None:
    """Log in to the site's database server from here: PHP waits for one that is stopped for as long as nobody ends it.

    Raises:
        DatabaseError: the server does not answer, or rejects the hub's account.
    """
    if want.get("accounts"):
        known = site_database.of_site(want)
        databases.exists(endpoint(known, known["server"]), str(known["database"]))


def _is_known(want: State) -> bool:
    """Return whether the state knows the site with content, so that an empty database is an error."""
    was = want.get("was", {})
    return bool(was) and was.get("content", PRESENT) == PRESENT and _server(want) not in replaced()


def _server(want: State) -> str:
    return str((want.get("accounts") or {}).get("server", ""))


def _install(want: State) -> str:
    result = _run(want, applications.APPLICATIONS[want["application"]].installer, "installing")
    if result == "::empty":
        raise _lost(want)
    if result.startswith("::half"):
        raise _half(want, result.split()[-1])
    if result == "::installed in English":
        application = applications.APPLICATIONS[want["application"]]
        said = (
            f"was installed in English: the code base has no {application.title} translation {want['language']}, and "
            f"{want.get('master') or min(want['members'])} could not get it from {application.fetches}. "
            f"Add the language in the site; for further sites put the translation into the directory aegir:translations"
        )
        warned.warn(str(want["site"]), f"the site {want['site']} {said}", f"the site {said}")
    return result


def _lost(want: State) -> Refused:
    base, server, site = want["database"]["name"], want["database"]["host"], want["site"]
    return Refused(
        min(want["members"]),
        f"the database {base} of the site {site} on {server} is empty, and the state knows the site with its content. "
        f"Nothing was installed. Load the newest dump of {site} from `backups` below the hub root, then run pulumi up. If "
        f"the site is to begin again, remove it from the stack file first",
    )


def _half(want: State, tables: str) -> Refused:
    base, site, title = want["database"]["name"], want["site"], applications.APPLICATIONS[want["application"]].title
    begin = (
        f"the site {site}: the database {base} has {tables} tables, and none of them says that {title} was installed"
    )
    if _is_known(want):
        # Neither installing nor removing it is right: both would take what is left for the whole.
        return Refused(
            min(want["members"]),
            f"{begin}, and the state knows the site with its content: a part of it is missing. Nothing was changed. Load the "
            f"newest dump of {site} from `backups` below the hub root as the database {base}, then run pulumi up",
        )
    return Refused(
        min(want["members"]),
        f"installing {begin}. Nothing was changed. A site that came from elsewhere is declared with `origin`: "
        f"docs/howto/bring-in-a-site.md. "
        f"To begin again, take {site} out of the stack file and run pulumi up, which keeps a proven dump on the hub. Then "
        f"declare it again",
    )


def _faults(want: State) -> dict[str, str]:
    declared = health.Declared(
        site=str(want.get("name") or want["site"]),
        application=applications.APPLICATIONS[want["application"]],
        https=str(want.get("https", "none")),
        fingerprint=str(want.get("fingerprint") or ""),
        enabled=bool(want.get("enabled", True)),
    )
    found = {}
    for name, member in sorted(want["members"].items()):
        why = health.fault(declared, str(member["connection"]["address"]), int(member["port"]))
        if why is not None:
            found[name] = f"{name}: {declared.site} {why}"
    return found
