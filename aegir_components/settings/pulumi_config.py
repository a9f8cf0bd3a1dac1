"""The settings of the stack that a Pulumi program runs for.

The package does not import this module: the operator's command line reads settings as well, and ``import pulumi`` takes longer
than most of its commands.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pulumi.runtime
from pulumi.runtime import config as runtime_config

from . import model
from .platforms import NameOf, no_name
from .reader import SettingsError
from .stack import load_values

if TYPE_CHECKING:
    from .added import Added


class StackFileRefused(SettingsError, pulumi.RunError):
    """A :class:`SettingsError` that ends a Pulumi program without a traceback."""


def load_from_pulumi(name_of: NameOf = no_name, added: Added | None = None) -> model.Settings:
    """Read the settings of the stack that this program runs for.

    Args:
        name_of: Gives a platform of a list its conventional name, from its server and its source.
        added: what the program declares beside the stack file.

    Raises:
        StackFileRefused: Something is wrong; the error lists all of it.
    """
    # pulumi.Config gives secrets as outputs only, or complains; ours stay plain until a resource gets them.
    values = runtime_config.CONFIG.get() or runtime_config.get_config_env()
    # The SDK knows them from the engine's environment, or from whoever has set all configuration (mocks).
    secret_keys = {key for key in values if pulumi.runtime.is_config_secret(key)}
    secret_keys |= set(values) & set(runtime_config.get_config_secret_keys_env())
    project = Path(pulumi.runtime.get_root_directory() or ".")
    try:
        return load_values(values, secret_keys, project, pulumi.get_stack(), name_of, added)
    except SettingsError as error:
        raise StackFileRefused(error.faults, error.read) from None
