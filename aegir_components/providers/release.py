"""aegir:Release: a platform's code on its web servers, switched on all of them or on none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from aegir_components import applications, layout
from aegir_components.host import script, ssh
from aegir_components.host.connection import Connection
from aegir_components.host.errors import Refused
from aegir_components.host.parallel import each
from aegir_components.inputs.untyped import Untyped
from aegir_components.services import release, web_types

from . import answering, holds, proof, staging, switching
from .lifecycle import AegirResource, Lifecycle, State, forgotten
from .raw import without


class Provider(Lifecycle[Untyped, Untyped]):
    """Stages a release on every member, proves it there, then switches all; a failing switch takes the others back."""

    identity_keys = ("platform", "publish_path")

    def identity(self, want: State) -> str:
        """A platform is known by the path that it is published at."""
        return str(want["publish_path"])

    def rejected(self, have: State, want: State) -> dict[str, str]:
        """Reject own code for a machine that sees a pack's: its mount goes after that."""
        want = want.ask(dict, None)
        there = without(have, forgotten()) or {}
        if "members" not in want or not (slaves := _promoted(there, want)):
            return {}
        return {"members": _TWO_RUNS.format(", ".join(slaves), want.get("platform", have.get("platform")))}

    def observe(self, want: State) -> State | None:
        """Look at every member: the links, the definition, and every file: size, time and mode, or all of its bytes."""
        full, members, registry = want.get("verify") == "full", _members(want), switching.paths_of(want).registry
        # Which sites are held back is known to the machines alone.
        held = holds.look(members, registry)

        def looks(conn: Connection) -> script.Report:
            behind = release.Behind(now=held[conn.host], before=held[conn.host].keys())
            return script.execute(
                conn,
                "check",
                [
                    *switching.lines_of(want, conn, want["digest"], full=full, behind=behind),
                    release.want_proven(registry),
                ],
                what="looking at the platform",
                timeout=staging.STAGE_TIMEOUT if full else ssh.DEFAULT_TIMEOUT,
            )

        reports = each(members, looks)
        drift = [f"{name}: {text}" for name, report in reports.items() for text in report.drift]
        return {"drift": drift}

    def converge(self, want: State, _was: State) -> State:
        """Stage and prove on all members, then switch; web servers that it leaves are ``Placement``'s.

        Raises:
            HostError: it is not done on any member; or the source cannot be read, and the live release stays.
        """
        if want.get("unread"):
            raise Refused(", ".join(sorted(want["members"])), str(want["unread"]))
        members = _members(want)
        owners = {name: conn for name, conn in members.items() if not switching.sees(want, name)}
        _refuse_leaving(want)
        before = staging.bring(owners, want, switching.paths_of(want))
        # What is live on the master was live on its slaves as well.
        live = next(iter(before.values()))
        former = {name: before.get(name, live) for name in members}
        servers = {name: switching.server_of(want, conn) for name, conn in members.items()}
        had = {name: conn for name, conn in members.items() if former[name]}
        seen = answering.look(had, switching.paths_of(want).registry, servers)
        _refuse_pins(want, owners)
        proof.Switch(
            seen=seen,
            switching=switching.Switching(want=want, members=members, live=former, held=seen.held),
            registry=switching.paths_of(want).registry,
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

    def _prune(self, members: Mapping[str, Connection], want: State) -> None:
        lines = release.prune(switching.paths_of(want), str(want["digest"]), int(want["keep"]))
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


def _refuse_pins(want: State, owners: Mapping[str, Connection]) -> None:
    """Stop where a site is pinned to a release that a web server does not have.

    Raises:
        Refused: says which releases there are.
    """
    pins = want.get("pins") or {}
    if not pins:
        return
    place = layout.releases_directory(str(want["publish_path"]))
    reports = each(
        owners,
        lambda conn: script.execute(
            conn, "check", release.listing_items(place), what="looking which releases there are"
        ),
    )
    for name, report in reports.items():
        there = report.facts.get("releases", "").split()
        for site, wanted in sorted(pins.items()):
            if wanted not in there:
                raise Refused(
                    name,
                    f"the site {site} is pinned to the release {wanted} of {want['platform']}, which is not on this machine. "
                    f"Nothing was switched. Write one that is there: {', '.join(there)}",
                )


def _refuse_leaving(want: State) -> None:
    """Stop a platform from leaving every web server that has files of its sites while it stays on one without.

    Raises:
        Refused: files would be left behind, or a slave of a pack would have code of its own while it still sees its master's.
    """
    was = without(want.get("was", {}), forgotten()) or {}
    had = _members(was) if was else {}
    owners = {name: conn for name, conn in had.items() if not switching.sees(was, name)}
    # By machine: a renamed entry of the stack file is the same one. Sites that leave all of their web servers are carried.
    now = _members(want)
    stays = any(conn.twin(now) for conn in had.values())
    if stays and not any(conn.twin(now) for conn in owners.values()):
        what = f"moving the platform {want['platform']}"
        each(
            owners,
            lambda conn: script.execute(conn, "check", release.refuse_items(switching.paths_of(want)), what=what),
        )
    if why := _promoted(was, want):
        raise Refused(", ".join(why), _TWO_RUNS.format(", ".join(why), want["platform"]))


_TWO_RUNS = (
    "{0} has the code of {1} over NFS, and would get its own while that is mounted. Nothing was changed. Take {0} out of the "
    "pack with one pulumi up, and put the platform on it with another"
)


def _promoted(was: State, want: State) -> list[str]:
    """List the slaves of a pack that would have code of their own while they still see their master's. Pure."""
    had = was.get("members") or {}
    owners = [name for name in had if not switching.sees(was, name)]
    now = {name for name in want["members"] if not switching.sees(want, name)}
    # Where two members of a pack change places, the files are where both see them.
    if any(name in want["members"] and switching.sees(want, name) for name in owners):
        return []
    return sorted(name for name in set(had) - set(owners) if name in now)


def _members(props: State) -> dict[str, Connection]:
    return Connection.of_members(props["members"])


def removal_items(have: State, conn: Connection) -> list[str]:
    """List what takes a platform off a member: never the code that it only sees."""
    paths = release.Layout(have["platform"], have["publish_path"], have["docroot"], have["holder"])
    server = web_types.program(have["members"][conn.host]["type"])
    if switching.sees(have, conn.host):
        return release.slave_removal_items(paths, server=server)
    shared = [file.path for application in applications.APPLICATIONS.values() for file in application.shared]
    return release.removal_items(paths, server=server, shared=shared)
