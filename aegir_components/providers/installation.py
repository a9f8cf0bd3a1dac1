"""aegir:Installation: the application's own installation of a site, and the proof that it answers everywhere."""

from __future__ import annotations

from typing import Any

import pulumi

from aegir_components import layout
from aegir_components.applications import APPLICATIONS, Application, probe
from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import Refused
from aegir_components.services import installation

from .lifecycle import AegirResource, Lifecycle, State

INSTALL_TIMEOUT = 900.0
"""Seconds for the application's installer; Drupal's standard profile takes about 15."""


class Provider(Lifecycle):
    """Installs into an empty database, adopts what is installed, and never touches what is half there."""

    identity_keys = ("site",)
    secret_keys = ("password", "admin_password")

    def identity(self, want: State) -> str:
        """A site is known by its name."""
        return str(want["site"])

    def observe(self, want: State) -> State:
        """Ask every web server for the site."""
        return {"drift": list(_faults(want).values())}

    def converge(self, want: State) -> State:
        """Install where nothing is installed, then ask every web server for the site."""
        if _install(want) == "::present" and _password_is_news(want):
            _run(want, APPLICATIONS[want["application"]].password, "setting the administrator's password of")
        faults = _faults(want)
        if faults:
            raise Refused(
                ", ".join(sorted(faults)),
                f"the site {want['site']} does not work: {'; '.join(faults.values())}",
            )
        return {}

    def remove(self, have: State) -> None:
        """What was installed is in the database and the site's files, which other resources keep and remove."""


class Installation(AegirResource, module="aegir", name="Installation"):
    """An installed site that answers."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the site's name.
            props: ``site``, ``application``, ``publish_path``, ``docroot``, ``profile``, ``title``, ``language``, ``admin``,
                ``mail``, ``admin_password`` (secret), ``database``, ``password`` (secret), ``members``, ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _password_is_news(want: State) -> bool:
    """Tell whether an installed site may have another administrator's password than the declared one.

    One that somebody changed in the application stays, as long as the stack file says what it said.
    """
    before = want.get("was")
    return before is None or before.get("admin_password") != want["admin_password"]


def _run(want: State, program: tuple[str, ...], doing: str) -> str:
    name = min(want["members"])
    conn = Connection.from_props(want["members"][name]["connection"])
    database = {**want["database"], "port": int(want["database"]["port"]), "password": want["password"], "ca": ""}
    if want.get("authority"):
        database["ca"] = layout.database_authority(str(database["host"]))
    values = {
        "host": want["site"],
        "database": database,
        "profile": want["profile"],
        "title": want["title"],
        "language": want["language"],
        "admin": want["admin"],
        "mail": want["mail"],
        "password": want["admin_password"],
    }
    lines = installation.items(
        program, site=want["site"], publish_path=want["publish_path"], docroot=want["docroot"], values=values
    )
    what = f"{doing} the site {want['site']}"
    report = script.execute(conn, "apply", lines, what=what, timeout=INSTALL_TIMEOUT, lock=False)
    return report.facts.get("result", "")


def _install(want: State) -> str:
    result = _run(want, APPLICATIONS[want["application"]].installer, "installing")
    if result.startswith("::half"):
        tables, base = result.split()[-1], want["database"]["name"]
        raise Refused(
            min(want["members"]),
            f"installing the site {want['site']}: the database {base} has {tables} tables, but an installation in it did "
            f"not finish. Nothing was changed. If nothing in it is needed, empty it on the database server, "
            f"then run pulumi up again: mysql -e 'DROP DATABASE {base}; CREATE DATABASE {base} CHARACTER SET utf8mb4'",
        )
    return result


def _faults(want: State) -> dict[str, str]:
    application: Application = APPLICATIONS[want["application"]]
    found = {}
    for name, member in sorted(want["members"].items()):
        address, port = str(member["connection"]["address"]), int(member["port"])
        try:
            why = application.judge(probe.get(address, port, str(want["site"])))
        except probe.NoAnswer as fault:
            why = str(fault)
        if why is not None:
            found[name] = f"{name}: {want['site']} {why}"
    return found
