"""Aegir's multiserver hosting: the stack file's settings, as resources."""

import pulumi

from aegir_components import declaring, estate, hub_faults, settings
from aegir_components.settings import pulumi_config
from aegir_components.sources.naming import conventional_name


async def program() -> None:
    """Declare what the stack file says."""
    try:
        try:
            declared = pulumi_config.load_from_pulumi(conventional_name)
        except settings.SettingsError as fault:
            raise hub_faults.with_others(fault) from None
        for warning in declared.warnings:
            pulumi.log.warn(warning)
        (await estate.build(declared)).export()
    except settings.SettingsError as fault:
        # A RunError ends the program with its text and without a traceback.
        raise pulumi.RunError(str(fault)) from None


declaring.say_less()
pulumi.run(program)
