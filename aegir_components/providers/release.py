"""aegir:Release: a platform's code on its web servers, switched on all of them or on none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pulumi

from aegir_components import applications, layout
from aegir_components.deploy import release
from aegir_components.inputs.members import CodeMember, connections
from aegir_components.inputs.platform import Code, ReleaseInputs
from aegir_components.inputs.props import Known
from aegir_components.messages import around, numbered
from aegir_components.remote import ssh
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.remote.parallel import each
from aegir_components.scripts import script
from aegir_components.services import web_types

from . import answering, holds, proof, staging, switching
from .lifecycle import AegirResource, Lifecycle, remaining


class ReleaseProvider(Lifecycle[ReleaseInputs, ReleaseInputs]):
    """Stages a release on every member, proves it there, then switches all; a failing switch takes the others back."""

    identity_keys = ("platform", "publish_path")

    def identity(self, want: ReleaseInputs) -> str:
        """A platform is known by the path that it is published at."""
        return want.publish_path

    def rejected(self, have: ReleaseInputs, want: Known[ReleaseInputs]) -> dict[str, str]:
        """Reject own code for a machine that sees a pack's: its mount goes after that."""
        there, members = remaining(have, self.process.abandoned), want.ask(lambda inputs: inputs.members, None)
        if there is None or members is None or not (slaves := _promoted(there.members, members)):
            return {}
        platform = want.ask(lambda inputs: inputs.platform, have.platform)
        return {"members": _TWO_RUNS.format(", ".join(slaves), platform)}

    def observe(self, have: ReleaseInputs) -> dict[str, Any]:
        """Inspect every member: the links, the definition, and every file: size, time and mode, or all of its bytes."""
        members, registry = connections(have.members), switching.paths_of(have).registry
        full = have.verify == "full"
        # Which sites are held back is known to the machines alone.
        held = holds.look(members, registry)

        def looks(conn: Connection) -> script.Report:
            behind = release.Behind(now=held[conn.host], before=held[conn.host].keys())
            return script.execute(
                conn,
                "check",
                [
                    *switching.lines_of(have, conn, have.digest, full=full, behind=behind),
                    release.want_proven(registry),
                ],
                what="inspecting the platform",
                timeout=staging.STAGE_TIMEOUT if full else ssh.DEFAULT_TIMEOUT,
            )

        reports = each(members, looks)
        target = switching.paths_of(have).release(have.digest)
        return {
            "drift": [
                f"{name}: {text}"
                for name, report in reports.items()
                for text in (*report.drift, *release.drift(report.facts, target))
            ]
        }

    def converge(self, want: ReleaseInputs, was: ReleaseInputs | None) -> dict[str, Any]:
        """Stage and prove on all members, then switch; web servers that it leaves are ``Placement``'s.

        Raises:
            HostError: it is not done on any member; or the source cannot be read, and the live release stays.
        """
        if want.unread:
            raise Refused(", ".join(sorted(want.members)), want.unread)
        members, paths = connections(want.members), switching.paths_of(want, was)
        owners = {name: conn for name, conn in members.items() if not want.members[name].is_slave}
        _refuse_leaving(want, was, self.process.abandoned)
        before = staging.bring(owners, want, was, paths)
        # What is live on the master was live on its slaves as well.
        live = next(iter(before.values()))
        former = {name: before.get(name, live) for name in members}
        servers = {name: switching.server_of(want.members, conn) for name, conn in members.items()}
        had = {name: conn for name, conn in members.items() if former[name]}
        seen = answering.look(had, paths.registry, servers)
        _refuse_pins(want, owners)
        switch = switching.Switching(want=want, was=was, members=members, live=former, held=seen.held)
        proof.Switch(want=want, seen=seen, switching=switch, registry=paths.registry).proven()
        staging.remember(owners, want)

        def prune(conn: Connection) -> script.Report:
            gone = release.spare(switch.told.get(conn.host, {}), want.digest, want.keep)
            lines = release.prune(paths, want.digest, gone)
            return script.execute(
                conn, "apply", lines, what="pruning releases", user=layout.AEGIR_USER, lock=False
            )  # fmt: skip

        each(owners, prune)
        return {}

    def remove(self, have: ReleaseInputs) -> None:
        """Take the platform off all members; refused while a site is on it."""
        what = f"removing the platform {have.platform}"
        each(connections(have.members), lambda conn: take_off(have, conn, what))


class Release(AegirResource, module="aegir", name="Release"):
    """A platform's live release on its web servers."""

    def __init__(self, name: str, inputs: ReleaseInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the platform's name."""
        super().__init__(ReleaseProvider(), name, inputs, opts)


def _refuse_pins(want: ReleaseInputs, owners: Mapping[str, Connection]) -> None:
    """Stop where a site is pinned to a release that a web server does not have.

    Raises:
        Refused: says which releases there are.
    """
    if not want.pins:
        return
    place = layout.releases_directory(want.publish_path)
    reports = each(
        owners,
        lambda conn: script.execute(
            conn, "check", release.listing_items(place), what="looking which releases there are"
        ),
    )
    for name, report in reports.items():
        there = report.facts.get("releases", "").split()
        for site, wanted in sorted(want.pins.items()):
            if wanted not in there:
                raise Refused(
                    name,
                    numbered(
                        8521,
                        f"the site {site} is pinned to the release {wanted} of {want.platform}, which is not on this machine. "
                        f"Nothing was switched. Write one that is there: {', '.join(there)}",
                    ),
                )


def _refuse_leaving(want: ReleaseInputs, recorded: ReleaseInputs | None, abandoned: Collection[str]) -> None:
    """Stop a platform from leaving every web server that has files of its sites while it stays on one without.

    Raises:
        Refused: files would be left behind, or a slave of a pack would have code of its own while it still sees its master's.
    """
    was = remaining(recorded, abandoned)
    if was is None:
        return
    had = connections(was.members)
    owners = {name: conn for name, conn in had.items() if not was.members[name].is_slave}
    # By machine: a renamed entry of the stack file is the same one. Sites that leave all of their web servers are carried.
    now = connections(want.members)
    stays = any(conn.twin(now) for conn in had.values())
    if stays and not any(conn.twin(now) for conn in owners.values()):
        lines, what = release.refuse_items(switching.paths_of(want, recorded)), f"moving the platform {want.platform}"
        each(owners, lambda conn: _without_sites(want, conn, "check", lines, what))
    if why := _promoted(was.members, want.members):
        raise Refused(", ".join(why), _TWO_RUNS.format(", ".join(why), want.platform))


_TWO_RUNS = (
    "{0} has the code of {1} over NFS, and would get its own while that is mounted. Nothing was changed. Take {0} out of the "
    "pack with one pulumi up, and put the platform on it with another"
)


def _promoted(had: Mapping[str, CodeMember], want: Mapping[str, CodeMember]) -> list[str]:
    """List the slaves of a pack that would have code of their own while they still see their master's. Pure."""
    owners = {name for name, member in had.items() if not member.is_slave}
    now = {name for name, member in want.items() if not member.is_slave}
    # Where two members of a pack change places, the files are where both see them.
    if owners & (want.keys() - now):
        return []
    return sorted((had.keys() - owners) & now)


def take_off(have: Code, conn: Connection, what: str) -> None:
    """Take a platform off a member: never the code that it only sees.

    Args:
        have: the platform.
        conn: the member.
        what: what is being done, for error texts.

    Raises:
        Refused: a site is on it there.
    """
    _without_sites(have, conn, "apply", _removal_items(have, conn), what)


def _without_sites(have: Code, conn: Connection, mode: script.Mode, lines: list[str], what: str) -> None:
    report = script.execute(conn, mode, lines, what=what, holder=have.holder)
    if (why := release.refusal(report.facts, have.platform)) is not None:
        raise Refused(conn.host, around(why, f"{what}: {why}"))


def _removal_items(have: Code, conn: Connection) -> list[str]:
    member, paths = have.members[conn.host], switching.paths_of(have)
    server = web_types.program(member.type)
    if member.is_slave:
        return release.slave_removal_items(paths, server=server)
    shared = [file.path for application in applications.APPLICATIONS.values() for file in application.shared]
    return release.removal_items(paths, server=server, shared=shared)


Provider = ReleaseProvider
"""Its name in states."""
