"""A mount on a machine: checked in one script, and made or taken away by one script for each step that is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from aegir_components.messages import Message, around
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import Refused
from aegir_components.scripts import script
from aegir_components.services import mounts
from aegir_components.services.mounts import Seen, Step, Wanted


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A machine with a mount, and with what belongs to it."""

    conn: Connection
    what: str
    """What is being done, for error texts."""
    holder: str
    timeout: float
    """Seconds for each script."""
    mount: Wanted | None
    """Nothing where the machine mounts nothing."""
    before: list[str] = field(default_factory=list)
    """What the mount needs."""
    after: list[str] = field(default_factory=list)
    """What needs the mount."""

    def checked(self, patience: int = mounts.PATIENCE) -> script.Report:
        """Inspect all of it, in one script; its drift has that of the mount.

        Args:
            patience: seconds until the mount's server counts as hung.
        """
        report = self._run("check", self._all(patience))
        if self.mount is None:
            return report
        return replace(
            report, drift=(*report.drift, *map(script.Deviation, mounts.drift(self.mount, Seen.of(report.facts))))
        )

    def converged(self, patience: int = mounts.PATIENCE) -> None:
        """Make all of it as it is declared. Where it is already, that is one script.

        Args:
            patience: seconds until the server of what is mounted now counts as hung.

        Raises:
            Refused: the mount cannot be made; says why.
        """
        want = self.mount
        if want is None:
            if self.after:
                self._run("apply", self.after)
            return
        report = self._run("check", self._all(patience))
        ahead = self.before if report.drift else []
        done = self._follow(
            dict(report.facts),
            lambda seen, done: mounts.next_step(want, seen, done),
            lambda step, seen: mounts.lines(step, want, seen),
            ahead,
        )
        # What needs the mount was inspected without it.
        if rest := [*(ahead if not done else []), *(self.after if done or report.drift else [])]:
            self._run("apply", rest)

    def removed(self) -> None:
        """Take the mount away, then do what comes after it; nothing of what is on the server is touched.

        Raises:
            Refused: it cannot be unmounted.
        """
        if (want := self.mount) is None:
            return
        report = self._run("check", mounts.removal_look(want.path))
        self._follow(
            dict(report.facts),
            lambda seen, done: mounts.next_removal(want.path, seen, done),
            lambda step, seen: mounts.removal_lines(step, want.path, seen),
        )
        self._run("apply", self.after)

    def _all(self, patience: int) -> list[str]:
        look = mounts.look(self.mount, patience) if self.mount else []
        return [*self.before, *look, *self.after]

    def _follow(
        self,
        facts: dict[str, str],
        decide: Callable[[Seen, list[Step]], Step | Message | None],
        lines: Callable[[Step, Seen], list[str]],
        ahead: list[str] | None = None,
    ) -> list[Step]:
        """Do step after step, each in a script that holds the machine's lock; give the steps."""
        done: list[Step] = []
        while (decided := decide(Seen.of(facts), done)) is not None:
            if isinstance(decided, Message):
                raise Refused(self.conn.host, around(decided, f"{self.what}: {decided}"))
            first = [] if done else ahead or []
            facts |= self._run("apply", [*first, *lines(decided, Seen.of(facts))]).facts
            done.append(decided)
        return done

    def _run(self, mode: script.Mode, lines: list[str]) -> script.Report:
        return script.execute(self.conn, mode, lines, what=self.what, holder=self.holder, timeout=self.timeout)


def patience(was: str | None, source: str) -> int:
    """Give the seconds for the first question: few where another export is mounted, whose server may be gone."""
    replaced = was is not None and was != source
    return mounts.IMPATIENCE if replaced else mounts.PATIENCE
