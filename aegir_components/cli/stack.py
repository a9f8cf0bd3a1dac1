"""A stack, as the command line has it: its file, its settings and its state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from aegir_components import settings
from aegir_components.messages import numbered
from aegir_components.settings.added import HIDDEN, Added
from aegir_components.sources import naming

from .ends import Refusal
from .engine import Engine, find_project, project_name
from .state import State

if TYPE_CHECKING:
    # Not imported by that name: the package's modules are executed when a command reads a stack file.
    from aegir_components.settings import Settings


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
            raise Refusal(
                numbered(9010, f"no stack file of {self.name} is in {self.engine.project}; there are: {known}")
            )
        return found

    def settings(self, state: State) -> settings.Settings:
        """Read and check the stack file and what a program adds to it, as ``pulumi preview`` does first.

        Args:
            state: the stack's state, which has what the program added when it last ran.

        Raises:
            Refusal: something in it is wrong.
        """
        path = self.file
        values, secret_keys = self.engine.configuration(self.name)
        try:
            return settings.load_values(
                values, secret_keys, self.engine.project, self.name, naming.conventional_name, state.added
            )
        except settings.SettingsError as fault:
            raise Refusal(f"{path}: {fault}") from None

    def drawn(self, state: State | None = None) -> Settings:
        """Read and check the same for what needs no secret: nobody has to have Pulumi's passphrase.

        Without a state that can be read it is the stack file alone.

        Args:
            state: the stack's state, where it was read already.

        Raises:
            Refusal: something in it is wrong.
        """
        path = self.file
        try:
            read = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as fault:
            raise Refusal(numbered(9011, f"{path} cannot be read: {fault}")) from None
        config = (read.get("config") if isinstance(read, dict) else None) or {}
        if not isinstance(config, dict):
            raise Refusal(numbered(9012, f"{path}: config: must hold keys such as aegir:servers"))
        values = {str(key): _without_secrets(value) for key, value in config.items()}
        hidden = {key for key, value in values.items() if value != config[key]}
        try:
            return settings.load_values(
                values, hidden, self.engine.project, self.name, naming.conventional_name, self._added(state)
            )
        except settings.SettingsError as fault:
            raise Refusal(f"{path}: {fault}") from None

    def _added(self, state: State | None) -> Added | None:
        if state is not None:
            return state.added
        try:
            return self.state().added
        except Refusal:
            return None

    def state(self) -> State:
        """Read what was last made."""
        return State.read(self.name, self.engine.state(self.name))


def _without_secrets(value: Any) -> Any:
    """Put a word in the place of what Pulumi has encrypted."""
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            return HIDDEN
        return {key: _without_secrets(each) for key, each in value.items()}
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value


def here() -> Engine:
    """Give Pulumi's program on the project that the command line is about.

    Raises:
        Refusal: there is none.
    """
    return Engine(project=find_project(Path(click.get_current_context().find_root().params["cwd"])))


def holder_of(stack: Stack) -> str:
    """Give the name by which machines know a stack: ``<project>/<stack>``."""
    return f"{project_name(stack.engine.project)}/{stack.name.rpartition('/')[2]}"


def names(project: Path) -> list[str]:
    """List the stacks that have a file."""
    files = settings.directory_of(project).glob("Pulumi.*.y*ml")
    return sorted({path.stem.removeprefix("Pulumi.") for path in files})


def made(engine: Engine) -> list[str]:
    """List the stacks that have a file and were begun; a file alone, such as an example, is passed over.

    Raises:
        Refusal: Pulumi does not tell.
    """
    known = names(engine.project)
    if len(known) < 2:
        # Whoever asks for it is told that it is missing.
        return known
    there = engine.stacks()
    return [name for name in known if name in there]
