"""An NFS mount on a machine: what state it is in, and what is done next. Pure.

A machine tells facts (``mount_facts`` in ``nfs.sh``). From them follows the state, from the state the next step, and the step's
script tells facts again. A step is done once at most, so the steps end: with the mount, or with the message that says what
is wrong. Nothing here blocks on a server that hangs, because each touch of the mount has a limit of its own in the script.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from aegir_components.messages import Message, numbered
from aegir_components.messages.printable import printable
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from . import nfs_operations as operations

PATIENCE: Final = 35
"""Seconds until a server counts as hung."""
IMPATIENCE: Final = 10
"""The same where the mount is replaced or removed, whatever its server says."""
PAUSE: Final = 10
"""Seconds that a server gets which did not answer. Often it is only slow to come back."""
HUNG: Final = frozenset({"124", "137"})
"""How a question ends that ran out of time."""
KILLED: Final = "137"
NEEDED: Final = ("rw", "hard", "noatime", "nosuid", "nodev", "vers=4.2", "lookupcache=pos")
"""Options that every mount needs, as the kernel shows them."""
OURS: Final = frozenset({"nfs4", "autofs"})
"""The kinds of file systems that our mounts have."""

Kind = Literal["fine", "hung", "missing", "other", "stale", "options"]


class Step(enum.Enum):
    """What is done in one script; Python decides again after each."""

    CLEAR = "what is mounted goes, and the directory below is emptied of our own directories"
    WRITE = "the line in fstab is written, and its automount starts"
    LIMIT = "the automount may fail as often as it has to"
    WAIT = "the server gets time to come back"
    AGAIN = "the mount goes, and its automount starts again"
    OFF = "the mount and its automount go"
    TRY = "the export is mounted elsewhere, to hear why it cannot be"
    FREE = "what waits for a server that is gone is ended, and starts again"
    FORGET = "the line in fstab goes, and the directory is an ordinary one"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A mount as it is declared."""

    path: str
    source: str
    """The export, ``address:/path``."""
    options: str
    mark: str = ""
    """The file in it that our own exports have; empty for somebody else's."""

    @property
    def line(self) -> str:
        """The line in fstab."""
        return f"{self.source} {self.path} nfs4 {self.options} 0 0"

    @property
    def server(self) -> str:
        """The address of the NFS server."""
        return self.source.partition(":/")[0].removeprefix("[").removesuffix("]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mounted:
    """A file system at the path."""

    kind: str
    source: str
    options: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a machine told of a mount; later facts replace earlier ones."""

    status: str = ""
    """How the question to the server ended."""
    said: str = ""
    line: str = ""
    """What fstab has for the path."""
    endless: str = ""
    """The file that keeps the automount from ending after some failures; empty where it is there."""
    table: tuple[Mounted, ...] = ()
    """What is mounted at the path, from below to above."""
    there: str = ""
    """What is in the bare directory."""
    keeper: str = ""
    """The process that holds on to a hung mount which was taken off; ``none`` where it could not start."""
    automount: str = ""
    """What systemd said of an automount that did not start."""
    tried: str = ""
    """What mount said at the last try."""
    port: str = ""
    """Says ``closed`` where the server's port does not answer."""
    words: str = ""
    stuck: str = ""
    """A unit that did not start again."""
    stuck_said: str = ""

    @classmethod
    def of(cls, facts: Mapping[str, str]) -> Seen:
        """Read the facts of all scripts so far."""
        return cls(
            status=facts.get("mount-status", ""), said=facts.get("mount-said", ""), line=facts.get("mount-line", ""),
            endless=facts.get("mount-endless", ""), table=tuple(_table(facts.get("mount-table", ""))),
            there=facts.get("mount-there", ""), keeper=facts.get("keeper", ""), automount=facts.get("automount", ""),
            tried=facts.get("try", ""), port=facts.get("try-port", ""), words=facts.get("mount-words", ""),
            stuck=facts.get("stuck", ""), stuck_said=facts.get("stuck-said", ""),
        )  # fmt: skip

    @property
    def nfs(self) -> Mounted | None:
        """The NFS mount at the path, the uppermost one."""
        return next((mounted for mounted in reversed(self.table) if mounted.kind == "nfs4"), None)

    @property
    def hangs(self) -> bool:
        """Whether a mount is there whose server does not answer."""
        return self.nfs is not None and self.status == KILLED


@dataclass(frozen=True, slots=True)
class State:
    """The state of a mount, and why it is no other."""

    kind: Kind
    why: str = ""


def _table(text: str) -> list[Mounted]:
    rows = [line.split(" ") for line in text.splitlines()]
    return [
        Mounted(kind=row[0], source=_unescaped(row[1]), options=row[2]) for row in rows if len(row) == 3
    ]  # fmt: skip


def _unescaped(text: str) -> str:
    """Read what findmnt writes for a space and the like."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text)


def state_of(want: Wanted, seen: Seen) -> State:
    """Tell the state of a mount, whatever fstab has."""
    mounted = seen.nfs
    if seen.status in HUNG:
        return State("hung", f"{want.source} does not answer")
    if mounted is None:
        return State("missing", f"{want.source} is not mounted")
    if mounted.source != want.source:
        return State("other", f"{mounted.source} is mounted, not {want.source}")
    if seen.status != "0":
        return State("stale", f"it cannot be read: {seen.said}")
    lacking = [option for option in NEEDED if option not in mounted.options.split(",")]
    if lacking:
        return State("options", f"is mounted without {lacking[0]}")
    return State("fine")


def drift(want: Wanted, seen: Seen) -> list[str]:
    """List what is not as it is declared."""
    found = []
    if seen.line != want.line:
        found.append("its line in /etc/fstab is missing or differs")
    elif seen.endless:
        found.append(f"may end for good after some failures, since {seen.endless} is missing")
    if why := state_of(want, seen).why:
        found.append(why)
    return [printable(f"mount {want.path}: {text}", keep="") for text in found]


def next_step(want: Wanted, seen: Seen, done: Collection[Step]) -> Step | Message | None:
    """Decide what is done now: a step, nothing more, or no more than to say what is wrong.

    Args:
        want: the mount.
        seen: what the machine told so far.
        done: the steps so far.
    """
    if seen.automount:
        return numbered(4610, f"the automount of {want.path} does not start: {seen.automount.removeprefix('failed: ')}")
    if seen.stuck:
        return _stuck(seen)
    if seen.line != want.line and Step.WRITE not in done:
        return _replacing(want, seen, done)
    if seen.endless and Step.LIMIT not in done:
        return Step.LIMIT
    state = state_of(want, seen)
    if state.kind == "fine":
        return _freeing(seen, done)
    if state.kind == "hung":
        # One that was mounted again just now had its time.
        return Step.WAIT if not {Step.WAIT, Step.AGAIN} & set(done) else _unanswered(want)
    if Step.AGAIN not in done:
        return Step.AGAIN
    return Step.TRY if Step.TRY not in done else _unmountable(want, seen, state)


def next_removal(path: str, seen: Seen, done: Collection[Step]) -> Step | Message | None:
    """Decide what is done now to take a mount away, as ``next_step`` does."""
    if seen.stuck:
        return _stuck(seen)
    if Step.FORGET in done:
        return _freeing(seen, done)
    if not seen.line:
        return None
    if Step.OFF not in done:
        return Step.OFF
    return numbered(4615, f"{path} could not be unmounted") if seen.table else Step.FORGET


def _replacing(want: Wanted, seen: Seen, done: Collection[Step]) -> Step | Message:
    """Decide for a mount that is another one, has other options, or is there for the first time."""
    foreign = [mounted for mounted in seen.table if mounted.kind not in OURS]
    if foreign and Step.CLEAR not in done:
        what = f"{seen.table[-1].source} {seen.table[-1].kind}"
        return numbered(4611, f"something else is mounted on {want.path}: {what}. Unmount it first")
    if Step.CLEAR not in done:
        return Step.CLEAR
    if seen.there:
        return numbered(
            4612, f"{want.path} is not empty: a mount would hide what is in it ({seen.there}). Move that away first"
        )
    return Step.WRITE


def _freeing(seen: Seen, done: Collection[Step]) -> Step | None:
    return Step.FREE if seen.keeper and Step.FREE not in done else None


def _unanswered(want: Wanted) -> Message:
    return numbered(
        4613,
        f"{want.path} does not answer: the NFS server {want.server} is down or cannot be reached. What waits for it goes on by "
        f"itself when it is back, and nothing is lost. If it is up, check its port 2049 from here. If it is gone for good, "
        f"declare where its files are now (a pack's failover) and run pulumi up, which frees what waits here",
    )


def _unmountable(want: Wanted, seen: Seen, state: State) -> Message:
    said = seen.tried
    if seen.port == "closed":
        said = (
            f"port 2049 of {want.server} does not answer from here: is nfs-server running there, and does a firewall let "
            f"this machine in? {said}"
        )
    return numbered(
        4614,
        f"{want.source} could not be mounted on {want.path} ({state.why}): {said or seen.words} On the NFS server, "
        f"exportfs -v shows to whom it exports",
    )


def _stuck(seen: Seen) -> Message:
    return numbered(
        4616,
        f"{seen.stuck} does not start again after a mount that hung: {seen.stuck_said}. If a process of the former one is in "
        f"its way, it waits for the NFS server that is gone: restart this machine",
    )


def look(want: Wanted, patience: int = PATIENCE) -> list[str]:
    """List what tells the facts of a mount.

    Args:
        want: the mount.
        patience: seconds until its server counts as hung.
    """
    return [
        functions("nfs"),
        operations.MountFacts(path=want.path, mark=want.mark, patience=str(patience)).line,
    ]  # fmt: skip


def removal_look(path: str) -> list[str]:
    """List what tells the facts of a mount that is to go."""
    return [functions("nfs"), operations.MountFacts(path=path, mark="", patience=str(IMPATIENCE)).line]


def lines(step: Step, want: Wanted, seen: Seen) -> list[str]:
    """List what a step does on the machine."""
    path = want.path
    begun = {
        Step.CLEAR: [*_off(path, seen), script.call("mount_bare", path)],
        Step.WRITE: [
            *(script.call(name, path) for name in ("mount_close", "mount_limit")),
            script.call("mount_line", path, want.line),
            "mount_reload",
            script.call("mount_start", path),
        ],
        Step.LIMIT: [script.call("mount_limit", path), "mount_reload"],
        Step.WAIT: [script.call("sleep", str(PAUSE))],
        # By force only what is hung, which such a mount is not.
        Step.AGAIN: [script.call("mount_off", path), script.call("mount_start", path)],
        Step.TRY: [operations.MountTry(path=path, source=want.source, server=want.server).line],
        Step.FREE: [script.call("mount_free", path, seen.keeper.removeprefix("none"))],
    }
    again = step in {Step.WRITE, Step.LIMIT, Step.WAIT, Step.AGAIN}
    return [functions("nfs"), *begun[step], *(look(want)[1:] if again else [])]


def removal_lines(step: Step, path: str, seen: Seen) -> list[str]:
    """List what a step of a removal does on the machine."""
    begun = {
        Step.OFF: [*_off(path, seen), *removal_look(path)[1:]],
        Step.FORGET: [script.call("mount_line", path), script.call("mount_open", path), "mount_reload"],
        Step.FREE: [script.call("mount_free", path, seen.keeper.removeprefix("none"))],
    }
    return [functions("nfs"), *begun[step]]


def _off(path: str, seen: Seen) -> list[str]:
    """Take a mount off: one that hangs by force, and only while another process holds on to it."""
    if not seen.hangs:
        return [script.call("mount_off", path)]
    return [script.call("mount_keep", path), script.call("mount_off", path, "-f")]
