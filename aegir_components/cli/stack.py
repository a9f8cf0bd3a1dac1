"""A stack, as the command line has it: its file, its settings and its state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from aegir_components import settings
from aegir_components.sources.naming import conventional_name

from .ends import Refusal
from .engine import Engine, find_project
from .state import State


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """One stack of a project."""

    name: str
    engine: Engine

    @property
    def file(self) -> Path:
        """The stack file.

        Raises:
            Refusal: there is none.
        """
        found = settings.find_stack_file(self.engine.project, self.name)
        if found is None:
            known = ", ".join(names(self.engine.project)) or "none"
            raise Refusal(f"no stack file of {self.name} is in {self.engine.project}; there are: {known}")
        return found

    def settings(self) -> settings.Settings:
        """Read and check the stack file, as ``pulumi preview`` does first.

        Raises:
            Refusal: something in it is wrong.
        """
        path = self.file
        values, secret_keys = self.engine.configuration(self.name)
        try:
            return settings.load_values(values, secret_keys, self.engine.project, self.name, conventional_name)
        except settings.SettingsError as fault:
            raise Refusal(f"{path}: {fault}") from None

    def state(self) -> State:
        """Read what was last made."""
        return State.read(self.name, self.engine.state(self.name))


def here() -> Engine:
    """Give Pulumi's program on the project that the command line is about.

    Raises:
        Refusal: there is none.
    """
    return Engine(project=find_project(Path(click.get_current_context().find_root().params["cwd"])))


def names(project: Path) -> list[str]:
    """List the stacks that have a file."""
    files = settings.directory_of(project).glob("Pulumi.*.y*ml")
    return sorted({path.stem.removeprefix("Pulumi.") for path in files})
