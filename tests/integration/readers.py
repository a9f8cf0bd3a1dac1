"""Somebody who does what a page of the documentation says, with hosts of the lab in place of its machines."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lab import Lab
from tests.integration import pages
from tests.integration.checkout import Checkout


class Reader:
    """Follows the steps of pages for the stack ``prod``."""

    def __init__(self, lab: Lab, place: Path, words: Mapping[str, str]) -> None:
        """Make a checkout.

        Args:
            lab: has the hosts.
            place: a directory for the checkout, its state and its cache.
            words: what the pages' examples say, and what it is here.
        """
        self.lab, self.checkout, self.words = lab, Checkout(place), dict(words)

    @property
    def stack_file(self) -> Path:
        """The stack file that the pages' YAML is merged into."""
        return self.checkout.root / "stacks" / "Pulumi.prod.yaml"

    def follow(self, steps: Iterable[pages.Step]) -> Iterator[str]:
        """Do steps; after each block of commands, yield what it printed."""
        for step in steps:
            match step:
                case pages.Write(config):
                    self.edit(functools.partial(merge, part=config))
                case pages.TakeOut(path):
                    self.edit(functools.partial(take_out, path=path))
                case pages.Run(script, typed, ()):
                    yield self.run(script, typed)
                case pages.Run(script, typed, machines):
                    yield "".join(self.type_on(name, script, typed) for name in machines)

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the settings below ``config`` of the stack file."""
        document = yaml.safe_load(self.stack_file.read_text()) if self.stack_file.exists() else {}
        change(document.setdefault("config", {}))
        self.stack_file.write_text(self.here(yaml.safe_dump(document, sort_keys=False)))

    def run(self, script: str, typed: str = "") -> str:
        """Run commands as they stand, with what a person would answer."""
        done = self.checkout.run(
            "sh", "-eu", "-c", self.here(script), timeout=400, typed=self.here(typed),
            variables={"PULUMI_SKIP_CONFIRMATIONS": "true", "NO_COLOR": "1"},
        )  # fmt: skip
        assert 0 == done.returncode, f"{script}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def type_on(self, name: str, script: str, typed: str) -> str:
        """Run commands on the console of a host."""
        return self.lab.host(name).run(self.here(script), input=self.here(typed) + "\n").stdout

    def here(self, text: str) -> str:
        """Put this lab's addresses and directories in the place of the page's; the longest first."""
        for word in sorted(self.words, key=len, reverse=True):
            text = text.replace(word, self.words[word])
        return text

    def outputs(self) -> dict[str, Any]:
        """Read the stack's outputs, passwords included."""
        found: dict[str, Any] = json.loads(
            self.run("tools/env pulumi stack output --stack prod --show-secrets --json 2>/dev/null")
        )
        return found


def merge(whole: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Write a part of a stack file into it."""
    for key, value in part.items():
        if isinstance(value, dict) and isinstance(whole.get(key), dict):
            merge(whole[key], value)
        else:
            whole[key] = value


def take_out(whole: dict[str, Any], path: tuple[str, ...]) -> None:
    """Remove a key of a stack file."""
    *steps, last = path
    for step in steps:
        whole = whole[step]
    del whole[last]
