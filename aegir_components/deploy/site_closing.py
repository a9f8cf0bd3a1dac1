"""Closing a site on all its web servers, with the proof that it is closed, and opening it again.

A site is closed when each of its web servers answers 503 for it. That keeps out visitors and not the site's own processes: these
lose the right to write to the database in ``rollout/update.py`` and ``backups/quiet.py``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aegir_components.health import probe
from aegir_components.messages import numbered
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError, Refused
from aegir_components.remote.parallel import each
from aegir_components.scripts import script

from . import closing
from .closing import By, Reason

__all__ = ["By", "Closable", "Reason", "by_people", "seen"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Closable:
    """A site on its web servers."""

    site: str
    """What it is known by."""
    name: str
    """Its host name."""
    holder: str
    """The stack that declares it."""
    members: Mapping[str, Connection]
    ports: Mapping[str, int]
    """Of plain HTTP, by web server."""
    door: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    """The key for requests that are let in meanwhile."""

    def close(self, why: Reason) -> None:
        """Close it on every web server, and see that each answers 503.

        Args:
            why: who closes it and what for.

        Raises:
            Refused: a web server does not answer 503; the site is open again where it could be opened.
            HostError: a web server is not reached; likewise.
        """
        lines = closing.close_items(self.site, why, door=self.door)
        self._all(lines, f"closing {self.name}", self.open)
        answers = {name: self._answer(name) for name in self.members}
        wrong = [f"{name} {why}" for name, why in answers.items() if why]
        if wrong:
            self.open()
            raise Refused(
                ", ".join(name for name, why in answers.items() if why),
                numbered(
                    6560,
                    f"closing {self.name}: {'; '.join(wrong)}. It is open again. A vhost of an earlier version does not know of "
                    f"closing: run pulumi up, then try it again",
                ),
            )

    def open(self) -> None:
        """Open it on every web server that is reached.

        Raises:
            HostError: a web server is not reached, and is closed still.
        """
        self._each([*closing.go_items(self.site), *closing.open_items(self.site)], f"opening {self.name}")

    def reasons(self) -> tuple[Reason, ...]:
        """Say why it is closed, by web server; nothing where it is open on all of them.

        Raises:
            HostError: a web server is not reached.
        """
        return tuple(seen(self.members, self.site).values())

    def stay(self, why: Reason, *, door: bool) -> None:
        """Keep it closed on every web server, also when one is not reached.

        Args:
            why: who has closed it and what for.
            door: whether requests with the key are let in meanwhile; otherwise no key is good any more.

        Raises:
            HostError: a web server is not reached; nothing was opened.
        """
        lines = closing.close_items(self.site, why, door=self.door if door else "")
        self._each([*lines, *([] if door else closing.go_items(self.site))], f"keeping {self.name} closed")

    def hold(self) -> None:
        """Let its visitors wait on every web server.

        Raises:
            HostError: a web server is not reached; nobody waits.
        """
        self._all(closing.wait_items(self.site, self.door), f"letting visitors of {self.name} wait", self.open)

    def go(self) -> None:
        """Let visitors who wait go on; who is closed out stays so.

        Raises:
            HostError: a web server is not reached.
        """
        self._each(closing.go_items(self.site), f"letting visitors of {self.name} go on")

    def _all(self, lines: list[str], what: str, back: Callable[[], None]) -> None:
        try:
            self._each(lines, what)
        except HostError:
            back()
            raise

    def _each(self, lines: list[str], what: str) -> None:
        each(self.members, lambda conn: script.execute(conn, "apply", lines, what=what, holder=self.holder))

    def _answer(self, name: str) -> str:
        """Say what is wrong with a web server's answer for a closed site; nothing when it is right."""
        conn = self.members[name]
        try:
            answer = probe.get(conn.address, self.ports[name], self.name)
            if answer.status in (301, 302, 307, 308):
                answer = probe.get(conn.address, self.ports[name], self.name, tls=True)
        except probe.NoAnswer as silence:
            return f"does not say that it is closed ({silence})"
        if answer.status != 503:
            return f"answers {answer.status}, and a closed site answers 503"
        return ""


def seen(members: Mapping[str, Connection], site: str) -> dict[str, Reason]:
    """Say on which web servers a site is closed by an event, and why.

    Raises:
        HostError: a web server is not reached.
    """
    reports = each(
        members,
        lambda conn: script.execute(conn, "check", closing.look_items(site), what="looking whether it is closed"),
    )
    return {name: Reason.read(report.facts["closed"]) for name, report in reports.items() if "closed" in report.facts}


def by_people(members: Mapping[str, Connection], site: str) -> dict[str, str]:
    """Say on which web servers a person has closed a site, and why; `aegir open` opens it, and no run does.

    Raises:
        HostError: a web server is not reached.
    """
    return {name: why for name, reason in seen(members, site).items() if (why := reason.of_a_person)}
