"""The switch of a platform's web servers to a release, or of some of its sites: on all of them or on none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from aegir_components import applications
from aegir_components.deploy import holding, release
from aegir_components.hub.records import turn
from aegir_components.inputs.members import CodeMember
from aegir_components.inputs.platform import Code, CodeRelease
from aegir_components.messages import numbered
from aegir_components.remote import session
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError, Refused
from aegir_components.remote.parallel import attempt
from aegir_components.remote.together import Together
from aegir_components.scripts import script
from aegir_components.services import web, web_types

SWITCH_TIMEOUT: Final = 900.0
"""Seconds for a switch, with the wait for other runs on a machine and for the other members."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Switching:
    """The web servers of a platform, and what they have until now."""

    want: CodeRelease
    was: CodeRelease | None = None
    """What the state has of it."""
    members: Mapping[str, Connection]
    live: Mapping[str, str]
    """The directory of the release that is live on each, or nothing."""
    held: Mapping[str, holding.Held]
    """The sites that are held back until now."""
    told: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """What each member told at its last switch."""

    def go(self, held: Mapping[str, holding.Held]) -> None:
        """Let every member prepare and test the switch, then all of them take its last step at once.

        Args:
            held: the sites that are held back from now on.

        Raises:
            Refused: a member could not; the others are as they were.
        """
        what = f"switching the platform {self.want.platform}"
        meeting = Together(self.members)
        behind = release.Behind(now=held, before=self.held.keys())

        def switch(conn: Connection) -> None:
            lines = lines_of(self.want, conn, self.want.digest, was=self.was, waits=True, behind=behind)
            text = script.render("apply", lines, holder=self.want.holder)
            well = False
            try:
                answer = session.hold(
                    conn, text, lambda: meeting.ready(conn.host), what=what, timeout=SWITCH_TIMEOUT
                )  # fmt: skip
                self.told[conn.host] = script.parse(answer.stdout).facts
                well = True
            finally:
                meeting.ended(conn.host, well=well)

        root = next(iter(self.members.values())).hub_root
        with turn(root, [conn.address for conn in self.members.values()]):
            results = attempt(self.members, switch)
        failed = [name for name, fault in results.items() if fault is not None]
        if failed:
            # A machine whose connection broke meanwhile does not say that it is as it was.
            ready = {name for name in meeting.stayed if isinstance(results[name], Refused)}
            failed = [name for name in failed if name not in ready] or failed
            lost = {name for name in meeting.went if _is_lost(results[name])}
            back = {name: self.members[name] for name, fault in results.items() if fault is None or name in lost}
            back = {name: conn for name, conn in back.items() if self.live[name]}
            undone = attempt(back, lambda conn: self.back(conn, self.live[conn.host], held))
            raise Refused(", ".join(sorted(failed)), switch_failure(results, undone, lost, ready))

    def back(self, conn: Connection, live: str, since: Mapping[str, holding.Held]) -> None:
        """Make a release the live one again on one member, with the sites held back that were.

        Args:
            conn: the member.
            live: the directory of the release.
            since: the sites that may have been held back since.
        """
        digest, former = live.rpartition("/")[2], self.want
        # The former release may have had its document root elsewhere.
        if self.was and is_release(self.was, digest):
            former = replace(self.want, application=self.was.application, docroot=self.was.docroot)
        behind = release.Behind(now=self.held, before=since.keys())
        lines = lines_of(former, conn, digest, was=self.was, behind=behind)
        what = f"switching {self.want.platform} back"
        script.execute(conn, "apply", lines, what=what, holder=self.want.holder)


def docroot_of(want: CodeRelease, was: CodeRelease | None, live: str) -> str:
    """Give the document root in a release that is live: another one than the new release's, where that has moved."""
    return was.docroot if was and is_release(was, live.rpartition("/")[2]) else want.docroot


def switch_failure(
    results: Mapping[str, HostError | None],
    undone: Mapping[str, HostError | None],
    lost: Collection[str],
    ready: Collection[str],
) -> str:
    """Tell the state of every member.

    Args:
        results: what came of the switch, by member.
        undone: what came of undoing it, by each member where that was tried.
        lost: members that were told to switch and may have done it.
        ready: members that were ready and were told not to switch.
    """
    lines = []
    for name, fault in results.items():
        if name in ready:
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
    return numbered(8529, "; ".join(lines))


def _because(fault: HostError | None) -> str:
    return f" ({fault.text})" if fault else ""


def _is_lost(fault: HostError | None) -> bool:
    """Tell whether a machine that was told to switch may have done it: it is not its own script that says otherwise."""
    return fault is not None and not isinstance(fault, Refused)


def paths_of(want: Code, was: Code | None = None) -> release.Layout:
    """Give the paths of a platform on its machines.

    Args:
        want: the platform.
        was: what the state has of it.
    """
    former = was.holder if was else ""
    return release.Layout(want.platform, want.publish_path, want.docroot, want.holder, former)


def server_of(members: Mapping[str, CodeMember], conn: Connection) -> web.WebServer:
    """Give the program of a member."""
    return web_types.program(members[conn.host].type)


def lines_of(
    want: CodeRelease,
    conn: Connection,
    digest: str,
    *,
    was: Code | None = None,
    waits: bool = False,
    full: bool = False,
    behind: release.Behind = release.ALL_LIVE,
) -> list[str]:
    """List what makes a release the live one on a member, or looks whether it is.

    Args:
        want: the platform's release.
        conn: the member.
        digest: of the release that is meant.
        was: what the state has of it.
        waits: whether the last step waits for the hub's word.
        full: whether every byte is inspected.
        behind: the sites that are not on it.
    """
    paths, server = paths_of(want, was), server_of(want.members, conn)
    if want.members[conn.host].is_slave:
        return release.slave_items(paths, digest, server=server, held=waits, behind=behind)
    return release.switch_items(
        paths,
        digest,
        server=server,
        application=applications.APPLICATIONS[want.application],
        held=waits,
        full=full,
        behind=behind,
    )


def is_release(was: CodeRelease, name: str) -> bool:
    """Tell whether a release's directory name is that of recorded inputs."""
    return bool(name) and was.digest.startswith(name)
