"""What else is wrong with a stack file that has problems: what certificates and code on the hub say of it, without a build.

So all that can be known comes in one message, and nobody corrects one value to be told of the next.
"""

from __future__ import annotations

from pathlib import Path

from aegir_components import settings
from aegir_components.applications import CodeBase, detect
from aegir_components.components import certificates
from aegir_components.settings.rules import beside
from aegir_components.sources.resolve import profile_faults, value_faults


def with_others(error: settings.SettingsError) -> settings.SettingsError:
    """Give an error with the problems that its settings have besides."""
    if not isinstance(error.read, settings.Settings):
        return error
    more: list[str] = []
    certificates.given(error.read, more)
    code = _code(error.read)
    more += [*profile_faults(error.read, code), *value_faults(error.read, code)]
    return settings.SettingsError([*error.faults, *beside(more, error.faults)])


def _code(declared: settings.Settings) -> dict[str, CodeBase]:
    """Find what lies on the hub as it is; a source that is built first, or cannot be read, waits for the next run."""
    found = {}
    for name, platform in declared.platforms.items():
        path = platform.source.path
        try:
            code = detect(Path(path)) if path and not platform.source.composer and not platform.rollback else None
        except OSError:
            code = None
        if code is not None:
            found[name] = code
    return found
