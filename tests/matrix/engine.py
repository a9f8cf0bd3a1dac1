"""A stack file over fake machines, and the commands that operators type."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aegir_components import settings
from aegir_components.estate import wiring
from aegir_components.settings.stack import load_values
from aegir_components.sources.naming import conventional_name
from aegir_components.testing import FakeFarm
from aegir_components.testing.engine import Engine, Row, Run

Config = dict[str, Any]


class Stopped(Exception):
    """A command ended with an error."""


@dataclass(slots=True)
class Stack:
    """A stack file over fake machines, and the commands that operators type."""

    farm: FakeFarm
    config: Config
    state: dict[str, Row] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    """Warnings of the last command."""
    quick: bool = True
    """Whether programs declare resources without the SDK's own way."""

    def preview(self) -> None:
        """Run ``pulumi preview``.

        Raises:
            Stopped: something is rejected.
        """
        read = self._settings()
        with self._world() as engine:
            self._ended(engine.preview(lambda: wiring.build(read), forget=read.forget, replaced=read.replaced))

    def up(self) -> list[str]:
        """Run ``pulumi up``, and say what it did.

        Raises:
            Stopped: it ended with an error; what was done until then is in the state.
        """
        read = self._settings()
        with self._world() as engine:
            return self._ended(engine.up(lambda: wiring.build(read), forget=read.forget, replaced=read.replaced))

    def refresh(self) -> dict[str, list[str]]:
        """Look at every resource, and give the deviations of those that have some."""
        with self._world() as engine:
            self._ended(engine.refresh())
        return {key: list(each.outputs["drift"]) for key, each in self.state.items() if each.outputs.get("drift")}

    def destroy(self) -> list[str]:
        """Run ``pulumi destroy``.

        Raises:
            Stopped: something could not be removed.
        """
        with self._world() as engine:
            return self._ended(engine.destroy())

    def _ended(self, run: Run) -> list[str]:
        self.told[:] = run.warnings
        if not run.ok:
            raise Stopped("; ".join(run.faults))
        return run.steps

    def _settings(self) -> settings.Settings:
        try:
            return self._read()
        except settings.SettingsError as fault:
            raise Stopped(str(fault)) from fault

    def _read(self) -> settings.Settings:
        config = copy.deepcopy(self.config)
        if not {"include", "rules"} & config.keys():
            return settings.load(config, is_secret, conventional_name)
        values = {
            f"aegir:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in config.items()
        }
        return load_values(values, set(), Path(config["hub"]["root"]), "test", conventional_name)

    @contextmanager
    def _world(self) -> Iterator[Engine]:
        with self.farm.installed():
            yield Engine(self.state, quick=self.quick)


def is_secret(path: str) -> bool:
    """Take passwords for what a stack file encrypts."""
    return path.endswith(("password", "secret_key", "hash_salt"))
