"""Aegir's multiserver hosting: the stack file's settings, as resources."""

import pulumi

from aegir_components.farm import Farm
from aegir_components.pulumi_workarounds import declaring


async def program() -> None:
    """Declare what the stack file says."""
    (await Farm().declare()).export()


declaring.say_less()
pulumi.run(program)
