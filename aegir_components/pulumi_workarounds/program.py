"""The loop and the end of a program, for which the SDK has no hook.

Upstream: not reported.
Versions: pulumi 3.259, ``pulumi.runtime.stack`` and ``pulumi.runtime.settings``.
Switch: none; a program that declares its farm ends as the SDK ends it.
Test: tests/unit/test_python_program.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pulumi.runtime.settings import SETTINGS


async def said() -> None:
    """Let the SDK tell the engine of what has been declared until now.

    It does so in tasks of the program's own loop, which a program that goes on declaring holds up. The engine then
    waits for the first resource. Thousands of tasks that wait at once cost a quarter of the time of a command on a
    hundred sites.
    """
    await asyncio.sleep(0)


def at_end(root: Any, checked: Callable[[Callable[[], None]], None]) -> None:
    """Have a function called at the end of a program, with what the SDK does there.

    Args:
        root: the stack's own resource.
        checked: gets the SDK's function, and calls it or not.
    """
    finish = root._finish  # noqa: SLF001 - the SDK calls it at the end of the program
    root._finish = lambda: checked(finish)  # noqa: SLF001


def leave_waiting() -> None:
    """Let the SDK end without resources and outputs that still wait."""
    SETTINGS.rpc_manager.clear()
    SETTINGS.outputs.clear()
