"""aegir:SiteConfiguration: a site's user, directories, settings, PHP pool and vhost, on every web server that has it."""

from __future__ import annotations

from typing import Any

import pulumi

from aegir_components import backups, layout
from aegir_components.applications import APPLICATIONS
from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.parallel import each
from aegir_components.services import site
from aegir_components.services.web import WebServer
from aegir_components.services.web_types import program

from .lifecycle import AegirResource, Lifecycle, State


class Provider(Lifecycle):
    """Makes a site servable; the web server's own test decides whether its vhost stays."""

    identity_keys = ("site", "publish_root")
    secret_keys = ("password", "salt")

    def identity(self, want: State) -> str:
        """A site is known by its name."""
        return str(want["site"])

    def observe(self, want: State) -> State:
        """Look at every item on every web server."""
        plan = _plan(want)
        reports = each(
            _members(want),
            lambda conn: script.execute(
                conn,
                "check",
                site.items(plan, _server(want, conn), _port(want, conn)),
                what=f"looking at the site {plan.site}",
            ),
        )
        return {"drift": [f"{name}: {text}" for name, report in reports.items() for text in report.drift]}

    def converge(self, want: State) -> State:
        """Make it so on every web server, side by side."""
        plan = _plan(want)
        each(
            _members(want),
            lambda conn: script.execute(
                conn, "apply", site.items(plan, _server(want, conn), _port(want, conn)), what=f"configuring the site {plan.site}",
                holder=want["holder"],
            ),
        )  # fmt: skip
        return {}

    def remove(self, have: State) -> None:
        """Stop serving the site, keep its files on the hub, then remove them."""

        def stop(conn: Connection) -> None:
            server = _server(have, conn)
            lines = site.removal_items(have["site"], server, have["platform"], have["publish_path"], have["docroot"])
            script.execute(conn, "apply", lines, what=what, holder=have["holder"])

        what = f"removing the site {have['site']}"
        members = _members(have)
        each(members, stop)
        root = str(have["publish_root"])
        for conn in members.values():
            backups.save_files(conn, layout.site_directory(root, have["site"]), str(have["site"]))
        gone = site.data_removal(have["site"], root)
        each(members, lambda conn: script.execute(conn, "apply", gone, what=what, holder=have["holder"]))


class SiteConfiguration(AegirResource, module="aegir", name="SiteConfiguration"):
    """A site on its web servers."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the site's name.
            props: ``site``, ``aliases``, ``platform``, ``publish_path``, ``publish_root``, ``docroot``, ``application``,
                ``database`` (``name``, ``user``, ``host``, ``port``), ``password`` (secret), ``salt`` (secret),
                ``authority``, ``templates``
                (a digest), ``members`` (name to ``connection``, ``type``, ``port``), ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _members(props: State) -> dict[str, Connection]:
    return {name: Connection.from_props(member["connection"]) for name, member in sorted(props["members"].items())}


def _port(props: State, conn: Connection) -> int:
    return int(props["members"][conn.host]["port"])


def _server(props: State, conn: Connection) -> WebServer:
    return program(props["members"][conn.host]["type"])


def _plan(props: State) -> site.SitePlan:
    database = props["database"]
    return site.SitePlan(
        site=props["site"],
        aliases=tuple(props.get("aliases", ())),
        platform=props["platform"],
        publish_path=props["publish_path"],
        docroot=props["docroot"],
        application=APPLICATIONS[props["application"]],
        database={
            "name": database["name"],
            "user": database["user"],
            "password": props["password"],
            "host": database["host"],
            "port": int(database["port"]),
        },
        salt=props["salt"],
        authority=str(props.get("authority", "")),
    )
