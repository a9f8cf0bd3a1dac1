"""Plans for a machine: items that say how something has to be, rendered as one script, and what it reports.

A plan is text made by pure functions, so it is tested without a machine. The same plan looks (``check``: every
deviation is reported by name, nothing is changed) and repairs (``apply``): drift and repair cannot disagree.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from aegir_components.hub.person import person
from aegir_components.messages.printable import printable
from aegir_components.remote import ssh
from aegir_components.remote.classify import decoded
from aegir_components.remote.connection import Connection

from . import named

Mode = Literal["check", "apply"]

LOCK_TIMEOUT = 300
"""Seconds to wait for another run on the same machine."""


class Deviation(str):
    """A text for people that says what is not as declared, with the kind that code decides on."""

    __slots__ = ("kind", "subject")
    kind: str
    """``file``: its content, owner or mode; ``made``: a directory that is missing; ``reload``: a pending one; or empty."""
    subject: str
    """The path of the file or directory, or the unit."""

    def __new__(cls, text: str, kind: str = "", subject: str = "") -> Deviation:
        """Make it of a text, a kind, and what it is of."""
        made = super().__new__(cls, text)
        made.kind, made.subject = kind, subject
        return made


@dataclass(frozen=True, slots=True)
class Report:
    """What a script reported."""

    facts: dict[str, str]
    drift: tuple[Deviation, ...]
    """Deviations seen; in apply mode there is none left."""
    changed: tuple[Deviation, ...]
    """Deviations that were repaired."""

    def has_changed(self, kind: Literal["file", "made"], path: str) -> bool:
        """Return whether a file was written, or a directory was made."""
        return any((each.kind, each.subject) == (kind, path) for each in self.changed)

    def number(self, name: str, default: int = 0) -> int:
        """Read a fact that is a number, from 0 to a million billions; the default for everything else."""
        return number(self.facts.get(name, ""), default)


def encoded(content: str) -> str:
    """Give ``content`` as base64, the form in which the prelude takes it."""
    return base64.b64encode(content.encode()).decode()


class Item(str):
    """A line of a plan that names what it inspects, so that a look asks the machine for all of that at once.

    The answers only confirm: what they do not show to be right, the item itself inspects again.
    """

    __slots__ = ("asks",)

    asks: tuple[tuple[str, str], ...]
    """Function of the prelude (``know_paths``, ``know_sums``, ``know_units``, ``know_packages``, ``know_php``) and shell word."""

    def __new__(cls, text: str, *asks: tuple[str, str]) -> Item:
        """Make it."""
        made = super().__new__(cls, text)
        made.asks = asks
        return made


KNOW = ("know_php", "know_paths", "know_sums", "know_units", "know_packages")
"""In the order in which they are asked: paths may hold PHP's version."""


def asked(lines: Iterable[str]) -> list[tuple[str, str]]:
    """List what the lines inspect, each once."""
    return list(dict.fromkeys(ask for line in lines if isinstance(line, Item) for ask in line.asks))


def call(function: str, *arguments: str) -> str:
    """Render a call of a shell function; arguments are quoted."""
    return " ".join([function, *(shlex.quote(argument) for argument in arguments)])


def directory(path: str, *, owner: str = "root", group: str = "root", mode: int = 0o755) -> str:
    """Item: a directory with this owner and mode; its parent exists."""
    return Item(call("want_dir", path, owner, group, f"{mode:o}"), ("know_paths", shlex.quote(path)))


def file(path: str, content: str, *, owner: str = "root", group: str = "root", mode: int = 0o644) -> str:
    """Item: a file with exactly this content, replaced as a whole."""
    return file_at(shlex.quote(path), content, owner=owner, group=group, mode=mode)


def file_at(word: str, content: str, *, owner: str = "root", group: str = "root", mode: int = 0o644) -> str:
    """Item: the same, at a path that the shell expands from ``word``."""
    rest = call("", owner, group, f"{mode:o}", encoded(content), _sum(content))
    return Item(f"want_file {word}{rest}", ("know_paths", word), ("know_sums", word))


def sudoers(name: str, content: str) -> str:
    """Item: a file of sudo's rules, in place only when visudo accepts it."""
    word = shlex.quote(f"/etc/sudoers.d/{name}")
    text = call("want_sudoers", name, encoded(content), _sum(content))
    return Item(text, ("know_paths", word), ("know_sums", word))


def _sum(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def link(path: str, target: str) -> str:
    """Item: a symbolic link, replaced as a whole."""
    return Item(call("want_link", path, target), ("know_paths", shlex.quote(path)))


def declare_entry(holder: str, name: str) -> str:
    """Item: the machine knows by which entry a stack declares it; ``only_entry`` reads that before a removal."""
    return call("declare_entry", holder, name)


def entry_facts(holder: str) -> str:
    """Give the facts ``entry``, ``prepared`` and ``others``.

    That is: by which entry a stack declares the machine, whether it has the account aegir, and which other stacks have it.
    """
    return call("entry_facts", holder)


def forget_entry(holder: str) -> str:
    """Item: the machine belongs to no entry of a stack any more."""
    return call("forget_entry", holder)


def own_stack(holder: str, identity: str, key: str) -> str:
    """Item: the machine knows this stack, and no other one of the same name.

    Args:
        holder: ``<project>/<stack>``.
        identity: what tells it from another stack of this name.
        key: type and key of the hub, by which it is known when state and records were lost; empty for the machine itself.
    """
    return call("want_own_stack", holder, identity, key)


def hub_key(holder: str, path: str, group: str, line: str) -> str:
    """Item: the hub of this stack is let in, beside those of the other stacks that have the machine.

    Args:
        holder: ``<project>/<stack>``.
        path: the file that sshd reads.
        group: the account's, which reads it too.
        line: the key with its options.
    """
    return call("want_hub_key", holder, path, group, encoded(f"{line}\n"))


def same_service(kind: str, holder: str, value: str) -> str:
    """Item: no other stack that has the machine declares one of its services otherwise.

    Args:
        kind: what the service is called in messages.
        holder: ``<project>/<stack>``.
        value: what is declared of it.
    """
    return call("want_same_service", kind, holder, value)


def leave_service(kind: str, holder: str) -> str:
    """Item: what follows is done only if no other stack has the machine: what they share goes with the last one."""
    return call("leave_service", kind, holder)


def end_service(kind: str, holder: str) -> str:
    """Item: the machine does not know any more what this stack declares of a service; after all that may refuse its removal."""
    return call("end_service", kind, holder)


def only_entry(holder: str, name: str) -> str:
    """Item: what follows is done only if the machine is not another entry of the same stack by now.

    Args:
        holder: ``<project>/<stack>``.
        name: the entry that is removed.
    """
    return call("only_entry", holder, name)


def only_stack(holder: str) -> str:
    """Item: what follows is done only if no other stack declares the machine; otherwise this one is forgotten.

    Args:
        holder: ``<project>/<stack>``.
    """
    return call("only_stack", holder)


def no_file(path: str) -> str:
    """Item: no file or link is there."""
    return call("want_no_file", path)


def packages(names: Iterable[str]) -> str:
    """Item: these Debian packages are installed."""
    listed = list(names)
    return Item(call("want_packages", *listed), *(("know_packages", shlex.quote(name)) for name in listed))


def service(unit: str) -> str:
    """Item: the systemd unit is enabled and running."""
    return service_at(shlex.quote(unit))


def service_at(word: str) -> str:
    """Item: the same, for a unit that the shell expands from ``word``."""
    return Item(f"want_service {word}", ("know_units", word))


def function(name: str, lines: Iterable[str]) -> str:
    """Define a shell function of these lines."""
    # Not indented: an argument may have lines of its own.
    listed = list(lines)
    return Item("\n".join([f"{name}() {{", *listed, ":", "}"]), *asked(listed))


def transaction(section: str, lines: Iterable[str], *, test: str, reload: str) -> str:
    """Items that change a daemon's configuration: kept only if ``test`` passes, then ``reload`` runs once.

    Args:
        section: a name for the shell function and the record of what can be undone.
        lines: the items.
        test: the shell function or command that prints what is wrong and exits non-zero.
        reload: the same, to make the daemon read its configuration.
    """
    lines = list(lines)
    asks = asked(lines)
    ahead = function(f"{section}_ahead", _questions(asks))
    return Item(f"{function(section, lines)}\n{ahead}\n{call('transaction', section, test, reload)}", *asks)


def render(mode: Mode, lines: Iterable[str], *, holder: str, lock: bool = True) -> str:
    """Put a whole script together: prelude, lock or questions asked ahead, body."""
    lines = list(lines)
    head = [f"MODE={mode}", named.reader(), _prelude()]
    if lock and mode == "apply":
        head.append(call("machine_lock", str(LOCK_TIMEOUT), holder, person()))
    if mode == "check":
        # Only a look: while something is repaired, an answer of before may be wrong.
        head += _questions(asked(lines))
    return "\n".join([*head, *lines, "exit 0"])


@functools.cache
def _prelude() -> str:
    """Read the functions that every script begins with."""
    return resources.files(__package__).joinpath("prelude.sh").read_text(encoding="utf-8")


def _questions(asks: list[tuple[str, str]]) -> list[str]:
    words = {know: [word for kind, word in asks if kind == know] for know in KNOW}
    return [" ".join([know, *words[know]]) for know in KNOW if words[know]]


def number(text: str, default: int = 0) -> int:
    """Read a number that a machine says; the default where it says something else."""
    return int(text) if re.fullmatch("[0-9]{1,15}", text) else default


def parse(stdout: str) -> Report:
    """Read a script's report; lines that are not ours are passed over.

    Facts are data, and may have any length; what drives a terminal is replaced in them too, since messages quote them.
    """
    facts: dict[str, str] = {}
    drift: list[Deviation] = []
    changed: list[Deviation] = []
    of = ("", "")
    for line in stdout.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "::fact":
            name, _, value = rest.partition(" ")
            facts[name] = printable(decoded(value), longest=sys.maxsize)
        elif kind == "::kind":
            name, _, value = rest.partition(" ")
            of = name, decoded(value)
        elif kind in {"::drift", "::changed"}:
            told = Deviation(printable(decoded(rest)), *of)
            (drift if kind == "::drift" else changed).append(told)
            of = "", ""
    return Report(facts, tuple(drift), tuple(changed))


def execute(
    conn: Connection,
    mode: Mode,
    lines: Iterable[str],
    *,
    what: str,
    holder: str = "aegir",
    timeout: float = ssh.DEFAULT_TIMEOUT,
    lock: bool = True,
    user: str = "root",
) -> Report:
    """Inspect a machine, or repair it, in one round trip.

    Args:
        conn: the machine.
        mode: ``check`` reports deviations, ``apply`` mends them.
        lines: the plan.
        what: what is being done, for error texts.
        holder: who works on the machine, told to others that wait for it.
        timeout: seconds for the work itself; waiting for another run's lock comes on top.
        lock: off for what may run beside other work on the machine, and for other users than root.
        user: whose rights it runs with.

    Raises:
        HostError: which of its kinds says what went wrong; nothing is lost, the next run goes on.
    """
    waiting = LOCK_TIMEOUT if lock and mode == "apply" else 0
    text = render(mode, lines, holder=holder, lock=lock)
    answer = ssh.run(conn, text, what=what, user=user, timeout=timeout + waiting)
    return parse(answer.stdout)
