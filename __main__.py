"""Aegir's multiserver hosting: the stack file's settings, as resources."""

import pulumi

from aegir_components import estate, settings

try:
    declared = settings.load_from_pulumi()
    for warning in declared.warnings:
        pulumi.log.warn(warning)
    estate.build(declared).export()
except settings.SettingsError as fault:
    # A RunError ends the program with its text and without a traceback.
    raise pulumi.RunError(str(fault)) from None
