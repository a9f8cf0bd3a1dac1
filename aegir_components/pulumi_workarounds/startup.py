"""The start of a Python process that belongs to a ``pulumi`` command, or is one of the operator's command line.

Python runs this in every process of the virtual environment (``site`` executes the lines of ``.pth`` files). So this
module imports nothing before it knows that the process is one of these.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN = "AEGIR_PULUMI_PLAIN_START"
"""The variable that leaves all processes as Pulumi and Python start them."""

OBJECTS = 200_000
"""New objects between two searches for garbage, in place of Python's 700. An import makes many objects and no garbage."""


def begin(argv: Sequence[str] | None = None) -> str:
    """Prepare this process, if it is one of a ``pulumi`` command or of the operator's command line.

    Args:
        argv: the command line with the interpreter and its options; this process's own if it is left out.

    Returns:
        What the process is: ``program``, ``provider``, ``packages``, ``command``, or nothing.
    """
    kind = "" if os.environ.get(PLAIN) else recognize(sys.orig_argv if argv is None else argv)
    if not kind:
        return ""
    if kind == "packages":
        from aegir_components.pulumi_workarounds import packages  # noqa: PLC0415 - see above

        sys.meta_path.insert(0, packages.Finder())
        return kind
    import atexit  # noqa: PLC0415 - see above
    import gc  # noqa: PLC0415 - see above

    from aegir_components.pulumi_workarounds import dataclass_methods, deferred, tracing  # noqa: PLC0415 - see above

    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
    # Python searches all modules for garbage as it ends; the system undoes the memory in any case.
    atexit.register(gc.freeze)
    dataclass_methods.install()
    sys.meta_path[:0] = [deferred.Finder(deferred.MODULES, deferred.OURS), *tracing.finders(os.environ)]
    return kind


def recognize(argv: Sequence[str]) -> str:
    """Name what a command line starts: ``program``, ``provider``, ``packages``, ``command``, or nothing."""
    words = [word for word in argv[1:] if word != "-u"]
    if words[:2] == ["-m", "pulumi.dynamic"]:
        return "provider"
    if words[:2] == ["-m", "aegir_components"]:
        return "command"
    if words == ["-m", "pip", "list", "-v", "--format", "json"]:
        return "packages"
    if words and words[0].rpartition("/")[2] == "pulumi-language-python-exec":
        return "program"
    return ""
