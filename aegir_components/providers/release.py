"""aegir:Release: a platform's code on its web servers, switched on all of them or on none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from aegir_components import layout
from aegir_components.applications import APPLICATIONS
from aegir_components.host import rsync, script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import HostError, Refused
from aegir_components.host.parallel import attempt, each
from aegir_components.services import release
from aegir_components.services.web import WebServer
from aegir_components.services.web_types import program
from aegir_components.sources import tree

from .lifecycle import AegirResource, Lifecycle, State, forgotten, without

STAGE_TIMEOUT = 900.0
"""Seconds to prove a staged release: every byte of it is read."""
SHRINK = 2
"""A release with fewer files than the live one's divided by this stops the run unless ``allow_shrink`` is set."""


class Provider(Lifecycle):
    """Stages a release on every member, proves it there, then switches all; a failing switch takes the others back."""

    identity_keys = ("platform", "publish_path")

    def identity(self, want: State) -> str:
        """A platform is known by the path that it is published at."""
        return str(want["publish_path"])

    def observe(self, want: State) -> State | None:
        """Look at every member: the links, the definition, and a quick look (size, time, mode) at every file."""
        reports = each(
            _members(want),
            lambda conn: script.execute(
                conn, "check", _switch(want, conn, want["digest"]), what="looking at the platform"
            ),
        )
        drift = [f"{name}: {text}" for name, report in reports.items() for text in report.drift]
        return {"drift": drift}

    def converge(self, want: State) -> State:
        """Stage and prove on all members, then switch; web servers that it leaves are ``Placement``'s."""
        members = _members(want)
        _refuse_leaving(want)
        before = each(members, lambda conn: self._stage(conn, want))
        self._switch_all(members, want, before)
        return {}

    def remove(self, have: State) -> None:
        """Take the platform off all members; refused while a site is on it."""
        each(
            _members(have),
            lambda conn: script.execute(
                conn,
                "apply",
                release.removal_items(_paths(have), server=_server(have, conn)),
                what=f"removing the platform {have['platform']}",
                holder=have["holder"],
            ),
        )

    def _stage(self, conn: Connection, want: State) -> str:
        """Bring a release to one member, and give the path of the one that is live there."""
        paths, digest = _paths(want), str(want["digest"])
        what = f"staging the platform {want['platform']}"
        seen = script.execute(
            conn,
            "apply",
            release.prepare(paths, digest),
            what=what,
            holder=want["holder"],
            timeout=STAGE_TIMEOUT,
        ).facts
        live = seen.get("live", "")
        if "staged" in seen and not seen.get("faults"):
            return live
        _refuse_shrinking(conn, want, int(seen.get("files") or 0))
        options = ["--delete", "--perms", "--chmod=D755,Fu=rwX,Fgo=rX", *_exclusions(want)]
        if live:
            options.append(f"--link-dest={live}")
        if seen.get("faults"):
            options.append("--checksum")
        rsync.copy(conn, f"{want['source']}/", f"{paths.staging(digest)}/", options=options, user=layout.AEGIR_USER)
        script.execute(
            conn, "apply", release.accept(paths, digest), what=what, user=layout.AEGIR_USER, lock=False,
            timeout=STAGE_TIMEOUT,
        )  # fmt: skip
        return live

    def _switch_all(self, members: Mapping[str, Connection], want: State, before: Mapping[str, str]) -> None:
        paths = _paths(want)
        what = f"switching the platform {want['platform']}"

        def switch(conn: Connection) -> None:
            script.execute(conn, "apply", _switch(want, conn, want["digest"]), what=what, holder=want["holder"])

        results = attempt(members, switch)
        failed = {name: fault for name, fault in results.items() if fault is not None}
        if failed:
            back = {name: members[name] for name, fault in results.items() if fault is None and before[name]}
            undone = attempt(back, lambda conn: self._take_back(conn, want, before[conn.host]))
            raise Refused(", ".join(sorted(failed)), _switch_failure(results, undone, back))
        prune = release.prune(paths, str(want["digest"]), int(want["keep"]))
        each(
            members,
            lambda conn: script.execute(
                conn, "apply", prune, what="pruning releases", user=layout.AEGIR_USER, lock=False
            ),
        )

    def _take_back(self, conn: Connection, want: State, live: str) -> None:
        digest = live.rsplit("/", 1)[-1]
        lines = _switch(want, conn, digest)
        script.execute(conn, "apply", lines, what=f"switching {want['platform']} back", holder=want["holder"])


class Release(AegirResource, module="aegir", name="Release"):
    """A platform's live release on its web servers."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the platform's name.
            props: ``platform``, ``publish_path``, ``digest``, ``files``, ``source``, ``source_revision`` (none for a
                directory), ``application``, ``docroot``, ``keep``,
                ``allow_shrink``, ``members`` (name to ``connection`` and ``type``), ``templates``
                (a digest), ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _refuse_leaving(want: State) -> None:
    """Stop a platform from leaving every web server that has files of its sites; where one stays, they stay too."""
    was = without(want.get("was", {}), forgotten()) or {}
    had = _members(was) if was else {}
    if set(had) & set(want["members"]):
        return
    what = f"moving the platform {want['platform']}"
    each(had, lambda conn: script.execute(conn, "check", release.refuse_items(_paths(want)), what=what))


def _switch_failure(
    results: Mapping[str, HostError | None],
    undone: Mapping[str, HostError | None],
    back: Mapping[str, Connection],
) -> str:
    lines = []
    for name, fault in results.items():
        if fault is not None:
            lines.append(f"{name} was not switched: {fault.text}")
        elif name in back and undone[name] is None:
            lines.append(f"{name} was switched and has gone back to its former release")
        elif name in back:
            lines.append(f"{name} was switched and could not go back: {undone[name]}")
        else:
            lines.append(f"{name} has the new release; it had none before")
    return "; ".join(lines)


def _refuse_shrinking(conn: Connection, want: State, live: int) -> None:
    new = int(want["files"])
    if live and new * SHRINK < live and not want.get("allow_shrink"):
        raise Refused(
            conn.host,
            f"the source {want['source']} of {want['platform']} has {new} files, and the live release about {live}: it "
            f"may be half there. Nothing was changed. If that is meant, set allow_shrink: true for this platform",
        )


def _paths(props: State) -> release.Layout:
    return release.Layout(props["platform"], props["publish_path"], props["docroot"])


def _members(props: State) -> dict[str, Connection]:
    return {name: Connection.from_props(member["connection"]) for name, member in sorted(props["members"].items())}


def _server(props: State, conn: Connection) -> WebServer:
    return program(props["members"][conn.host]["type"])


def _switch(props: State, conn: Connection, digest: str) -> list[str]:
    application = APPLICATIONS[props["application"]]
    return release.switch_items(_paths(props), digest, server=_server(props, conn), application=application)


def _exclusions(props: State) -> list[str]:
    return tree.anchored(APPLICATIONS[props["application"]].exclusions, props["docroot"])
