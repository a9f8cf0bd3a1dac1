"""Pages of the documentation as what they ask for: what is written into a stack file, what is run.

Fenced blocks are done, in the order in which they stand; indented ones are only read. Of the former, `yaml` is merged into the
stack file and `sh` is run. A comment that nobody sees says what a person does beside them:

    <!-- take out: aegir:sites > www.example.com -->    a key that is removed from the stack file
    <!-- typed: a new password -->                      what is typed when the next block's command asks
    <!-- on: web1, db1 -->                              the machines on whose consoles the next block is run, in place of the hub
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_STEP = re.compile(
    r"^<!-- (?P<kind>take out|typed|on): (?P<said>[^\n]*) -->$|^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Write:
    """A part of the stack file."""

    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TakeOut:
    """A key that is removed from the stack file."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Commands, one a line."""

    script: str
    typed: str = ""
    machines: tuple[str, ...] = ()
    """Whose consoles they are typed on; none: the hub's."""


Step = Write | TakeOut | Run


def read_steps(page: Path) -> list[Step]:
    """Read the steps of a page in their order."""
    return _parse_steps(page.read_text(encoding="utf-8"))


def _parse_steps(body: str) -> list[Step]:
    found: list[Step] = []
    typed = ""
    machines: tuple[str, ...] = ()
    for match in _STEP.finditer(body):
        kind, said, language, text = match["kind"], match["said"], match["language"], match["text"]
        if kind == "take out":
            found.append(TakeOut(tuple(said.split(" > "))))
        elif kind == "typed":
            typed = said
        elif kind == "on":
            machines = tuple(said.split(", "))
        elif language == "yaml":
            written = yaml.safe_load(text)
            found.append(Write(written.get("config", written)))
        elif language == "sh":
            found.append(Run(text, typed, machines))
            typed, machines = "", ()
        else:
            raise ValueError(f"nobody knows what to do with a block of {language!r}; indent it where it is only read")
    return found
