"""aegir:Release: a platform's code on its web servers, switched on all of them or on none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pulumi

from aegir_components import layout
from aegir_components.applications import APPLICATIONS
from aegir_components.host import script, session, ssh
from aegir_components.host.connection import Connection
from aegir_components.host.errors import HostError, Refused
from aegir_components.host.parallel import attempt, each
from aegir_components.host.together import Together
from aegir_components.hub_records import turn
from aegir_components.services import release
from aegir_components.services.web import WebServer
from aegir_components.services.web_types import program

from . import proof, staging
from .lifecycle import AegirResource, Lifecycle, State, forgotten, without

SWITCH_TIMEOUT = 900.0
"""Seconds for a switch, with the wait for other runs on a machine and for the other members."""


class Provider(Lifecycle):
    """Stages a release on every member, proves it there, then switches all; a failing switch takes the others back."""

    identity_keys = ("platform", "publish_path")

    def identity(self, want: State) -> str:
        """A platform is known by the path that it is published at."""
        return str(want["publish_path"])

    def rejected(self, have: State, want: State) -> dict[str, str]:
        """Reject own code for a machine that sees a pack's: its mount goes after that."""
        there = without(have, forgotten()) or {}
        if "members" not in want or not (slaves := _promoted(there, want)):
            return {}
        return {"members": _TWO_RUNS.format(", ".join(slaves), want.get("platform", have.get("platform")))}

    def observe(self, want: State) -> State | None:
        """Look at every member: the links, the definition, and every file: size, time and mode, or all of its bytes."""
        full = want.get("verify") == "full"
        reports = each(
            _members(want),
            lambda conn: script.execute(
                conn,
                "check",
                [*_switch(want, conn, want["digest"], full=full), release.want_proven(_paths(want).registry)],
                what="looking at the platform",
                timeout=staging.STAGE_TIMEOUT if full else ssh.DEFAULT_TIMEOUT,
            ),
        )
        drift = [f"{name}: {text}" for name, report in reports.items() for text in report.drift]
        return {"drift": drift}

    def converge(self, want: State) -> State:
        """Stage and prove on all members, then switch; web servers that it leaves are ``Placement``'s.

        Raises:
            HostError: it is not done on any member; or the source cannot be read, and the live release stays.
        """
        if want.get("unread"):
            raise Refused(", ".join(sorted(want["members"])), str(want["unread"]))
        members = _members(want)
        owners = {name: conn for name, conn in members.items() if not _sees(want, name)}
        _refuse_leaving(want)
        before = staging.bring(owners, want, _paths(want))
        # What is live on the master was live on its slaves as well.
        live = next(iter(before.values()))
        former = {name: before.get(name, live) for name in members}
        proof.Switch(
            want=want,
            members=members,
            servers={name: _server(want, conn) for name, conn in members.items()},
            registry=_paths(want).registry,
            live=former,
            go=lambda: self._switch_all(members, want, former),
            back=lambda conn, live: self._take_back(conn, want, live),
        ).proven()
        staging.remember(owners, want)
        self._prune(owners, want)
        return {}

    def remove(self, have: State) -> None:
        """Take the platform off all members; refused while a site is on it."""
        each(
            _members(have),
            lambda conn: script.execute(
                conn,
                "apply",
                removal_items(have, conn),
                what=f"removing the platform {have['platform']}",
                holder=have["holder"],
            ),
        )

    def _switch_all(self, members: Mapping[str, Connection], want: State, before: Mapping[str, str]) -> None:
        """Let every member prepare and test the switch, then all of them take its last step at once."""
        what = f"switching the platform {want['platform']}"
        meeting = Together(members)

        def switch(conn: Connection) -> None:
            lines = _switch(want, conn, want["digest"], held=True)
            text = script.render("apply", lines, holder=want["holder"])
            well = False
            try:
                session.hold(conn, text, lambda: meeting.ready(conn.host), what=what, timeout=SWITCH_TIMEOUT)
                well = True
            finally:
                meeting.ended(conn.host, well=well)

        with turn(staging.hub_root(members), [conn.address for conn in members.values()]):
            results = attempt(members, switch)
        failed = [name for name, fault in results.items() if fault is not None]
        if failed:
            failed = [name for name in failed if not _was_ready(results[name])] or failed
            lost = {name for name in meeting.went if _is_lost(results[name])}
            back = {name: members[name] for name, fault in results.items() if fault is None or name in lost}
            back = {name: conn for name, conn in back.items() if before[name]}
            undone = attempt(back, lambda conn: self._take_back(conn, want, before[conn.host]))
            raise Refused(", ".join(sorted(failed)), switch_failure(results, undone, lost))

    def _take_back(self, conn: Connection, want: State, live: str) -> None:
        digest, was = live.rpartition("/")[2], want.get("was") or {}
        # The former release may have had its document root elsewhere.
        former = {**want, **{key: was[key] for key in ("application", "docroot")}} if _is(was, digest) else want
        lines = _switch(former, conn, digest)
        script.execute(conn, "apply", lines, what=f"switching {want['platform']} back", holder=want["holder"])

    def _prune(self, members: Mapping[str, Connection], want: State) -> None:
        lines = release.prune(_paths(want), str(want["digest"]), int(want["keep"]))
        each(
            members,
            lambda conn: script.execute(
                conn, "apply", lines, what="pruning releases", user=layout.AEGIR_USER, lock=False
            ),
        )


class Release(AegirResource, module="aegir", name="Release"):
    """A platform's live release on its web servers."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the platform's name.
            props: ``platform``, ``publish_path``, ``digest``, ``files``, ``source``, ``application``, ``docroot``, ``keep``,
                ``allow_shrink``, ``verify`` (``full`` or none), ``rollback`` (a flag), ``source_revision``,
                ``facts`` (``version`` and ``profiles``, for the hub's records), ``unread`` (why the source cannot be read),
                ``members`` (name to ``connection``, ``type``, and ``role`` where it is a slave), ``templates`` (a digest),
                ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _refuse_leaving(want: State) -> None:
    """Stop a platform from leaving every web server that has files of its sites; where one stays, they stay too.

    Raises:
        Refused: files would be left behind, or a slave of a pack would have code of its own while it still sees its master's.
    """
    was = without(want.get("was", {}), forgotten()) or {}
    had = _members(was) if was else {}
    owners = {name: conn for name, conn in had.items() if not _sees(was, name)}
    # By machine: a renamed entry of the stack file is the same one.
    if had and not any(conn.twin(_members(want)) for conn in owners.values()):
        what = f"moving the platform {want['platform']}"
        each(owners, lambda conn: script.execute(conn, "check", release.refuse_items(_paths(want)), what=what))
    if why := _promoted(was, want):
        raise Refused(", ".join(why), _TWO_RUNS.format(", ".join(why), want["platform"]))


_TWO_RUNS = (
    "{0} has the code of {1} over NFS, and would get its own while that is mounted. Nothing was changed. Take {0} out of the "
    "pack with one pulumi up, and put the platform on it with another"
)


def _promoted(was: State, want: State) -> list[str]:
    """List the slaves of a pack that would have code of their own while they still see their master's. Pure."""
    had = was.get("members") or {}
    owners = [name for name in had if not _sees(was, name)]
    now = {name for name in want["members"] if not _sees(want, name)}
    # Where two members of a pack change places, the files are where both see them.
    if any(name in want["members"] and _sees(want, name) for name in owners):
        return []
    return sorted(name for name in set(had) - set(owners) if name in now)


def switch_failure(
    results: Mapping[str, HostError | None], undone: Mapping[str, HostError | None], lost: Collection[str]
) -> str:
    """Tell the state of every member: its result, and what came of taking it back where that was tried."""
    lines = []
    for name, fault in results.items():
        if _was_ready(fault):
            lines.append(f"{name} was ready, and was not switched")
        elif fault is not None and name not in lost:
            lines.append(f"{name} was not switched: {fault.text}")
        elif name in undone and undone[name] is not None:
            what = "was told to switch, and which release it has is not known" if fault else "was switched"
            lines.append(f"{name} {what}{_because(fault)}; it could not go back: {undone[name]}")
        elif name in undone:
            what = "was told to switch" if fault else "was switched"
            lines.append(f"{name} {what}{_because(fault)} and has gone back to its former release")
        else:
            what = "was told to switch" if fault else "has the new release"
            lines.append(f"{name} {what}{_because(fault)}; it had none before")
    return "; ".join(lines)


def _because(fault: HostError | None) -> str:
    return f" ({fault.text})" if fault else ""


def _is_lost(fault: HostError | None) -> bool:
    """Tell whether a machine that was told to switch may have done it: it is not its own script that says otherwise."""
    return fault is not None and not isinstance(fault, Refused)


def _was_ready(fault: HostError | None) -> bool:
    return fault is not None and release.NO_WORD in fault.text


def _paths(props: State) -> release.Layout:
    former = str((props.get("was") or {}).get("holder") or "")
    return release.Layout(props["platform"], props["publish_path"], props["docroot"], props["holder"], former)


def _members(props: State) -> dict[str, Connection]:
    return Connection.of_members(props["members"])


def _server(props: State, conn: Connection) -> WebServer:
    return program(props["members"][conn.host]["type"])


def _switch(props: State, conn: Connection, digest: str, *, held: bool = False, full: bool = False) -> list[str]:
    if _sees(props, conn.host):
        return release.slave_items(_paths(props), digest, server=_server(props, conn), held=held)
    application = APPLICATIONS[props["application"]]
    return release.switch_items(
        _paths(props), digest, server=_server(props, conn), application=application, held=held, full=full
    )


def _sees(props: State, name: str) -> bool:
    """Tell whether a member has the code over NFS."""
    return bool(props["members"][name].get("role") == "slave")


def removal_items(have: State, conn: Connection) -> list[str]:
    """List what takes a platform off a member: never the code that it only sees."""
    paths = release.Layout(have["platform"], have["publish_path"], have["docroot"], have["holder"])
    server = program(have["members"][conn.host]["type"])
    if _sees(have, conn.host):
        return release.slave_removal_items(paths, server=server)
    shared = [file.path for application in APPLICATIONS.values() for file in application.shared]
    return release.removal_items(paths, server=server, shared=shared)


def _is(props: State, release_name: str) -> bool:
    return bool(release_name) and str(props.get("digest", "")).startswith(release_name)
