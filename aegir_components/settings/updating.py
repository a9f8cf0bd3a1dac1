"""How the sites of a platform come to another release: what an update consists of, in which order, and what is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from aegir_components.messages import numbered

from . import names
from .names import WrongForm, wanted
from .reader import Node
from .wording import quoted

Kind = Literal["database", "config", "command"]
OURS: Final[tuple[Kind, ...]] = ("database", "config")
"""Steps that the program has itself."""
SECONDS: Final = 3600
"""Seconds for a step, when nothing else is said."""
KEPT_DAYS: Final = 7
_DAYS: Final = names.matching(r"[1-9][0-9]{0,2}d|0d", 4, 'days, such as "7d"; "0d" keeps nothing')


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of an update."""

    kind: Kind
    command: str = ""
    """Shell text, run as the site's user in the code base."""
    seconds: int = SECONDS
    """After which it is ended, and has failed."""


DEFAULT: Final = (Step(kind="database"),)
"""What an update consists of where nothing is declared. Caches are rebuilt at its end in any case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """In which order the sites of a platform get a release."""

    canary: tuple[str, ...] = ()
    """Sites that get it first, by host name; the others wait for them."""
    batch: str = ""
    """How many go together after that: a number, or a share such as ``20%``; empty for all."""
    stop_on: int = 0
    """How many sites may fail before no further wave begins; 0 for any number."""

    @property
    def declared(self) -> bool:
        """Whether sites go in waves."""
        return bool(self.canary or self.batch or self.stop_on)


@wanted("a number of sites, or a share of them such as 20%, in quotes")
def _batch(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,3}|[1-9][0-9]?%|100%", text):
        raise WrongForm(numbered(1012, "must be a number of sites, or a share of them such as 20%; write it in quotes"))
    return text


def read_update(node: Node) -> tuple[Step, ...] | None:
    """Read ``update`` of a platform or a site; ``None`` where it is not given."""
    if not node.given:
        return None
    steps = [step for item in node.items() if (step := _step(item)) is not None]
    for kind in ("database", "config"):
        if sum(step.kind == kind for step in steps) > 1:
            node.fault(numbered(1014, f"has {quoted(kind)} twice; each is done once"))
    return tuple(steps)


def _step(item: Node) -> Step | None:
    if not isinstance(item.value, Mapping):
        return Step(kind=item.choice("database", OURS))
    if not item.check_keys():
        return None
    command, step = item.child("command"), item.child("step")
    if command.given == step.given:
        item.fault(
            numbered(
                1018,
                "must have a command, such as vendor/bin/drush deploy -y, or one of our steps, such as step: database; "
                "and not both",
            )
        )
    seconds = item.child("seconds").number(SECONDS, 1, 86_400)
    if command.given:
        return Step(kind="command", command=command.text("", names.free_text), seconds=seconds)
    return Step(kind=step.choice("database", OURS), seconds=seconds)


def read_rollout(node: Node) -> Rollout:
    """Read ``rollout`` of a platform."""
    if not node.check_keys():
        return Rollout()
    hosts = (item.text("", lambda text: names.host_name(text).ascii) for item in node.child("canary").items())
    return Rollout(
        canary=tuple(host for host in hosts if host),
        batch=node.child("batch").text("", _batch),
        stop_on=node.child("stop_on").number(0, 1, 10_000),
    )


_TABLE: Final = names.matching(r"[A-Za-z0-9_]{1,64}\*?|\*[A-Za-z0-9_]{1,63}", 65, 'a table, such as "stats_*"')


def read_tables(node: Node) -> tuple[str, ...]:
    """Read ``uncounted_tables`` of a site."""
    return tuple(sorted({name for item in node.items() if (name := item.text("", _TABLE))}))


def read_kept(node: Node) -> int:
    """Read for how many days the database of before an update is kept."""
    return int(node.text(f"{KEPT_DAYS}d", _DAYS).removesuffix("d"))
