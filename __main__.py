"""Aegir's multiserver hosting: the stack file's settings, as resources."""

import pulumi

from aegir_components import declaring
from aegir_components.farm import Farm


async def program() -> None:
    """Declare what the stack file says."""
    (await Farm().declare()).export()


declaring.say_less()
pulumi.run(program)
