"""`python -m tools.every_python pytest ...`: the same command on every other supported Python of this machine.

The checkout's own Python is left out, since `make unit` has it. On a machine with one Python nothing happens. With `--farthest`
as the first word only the version that is farthest from the checkout's own is tried: the others lie between the two.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.environments import ensure_environment
from tools.errors import SetupError
from tools.process import say
from tools.pythons import find_pythons, write_version


def main(command: Sequence[str]) -> int:
    """Run a program of the virtual environment for each further Python; return 1 if it failed on one of them."""
    if not command:
        print("usage: python -m tools.every_python [--farthest] PROGRAM [ARGUMENT...]", file=sys.stderr)
        return 2
    own = sys.version_info[:2]
    others = {version: python for version, python in find_pythons().items() if version != own}
    if command[0] == "--farthest":
        command = command[1:]
        others = dict(sorted(others.items(), key=lambda one: abs(one[0][1] - own[1]))[-1:])
    failed = []
    for version, python in others.items():
        name = f"Python {write_version(version)} ({python})"
        try:
            place = ensure_environment(version, python)
        except SetupError as error:
            say(f"{name} is skipped: {error.in_one_line()}")
            continue
        say(f"{command[0]} on {name}")
        if run_in(place, command):
            failed.append(name)
    for name in failed:
        print(f"every_python: {command[0]} failed on {name}", file=sys.stderr)
    return 1 if failed else 0


def run_in(place: Path, command: Sequence[str]) -> int:
    """Run a program of a virtual environment, which comes first on PATH; return the exit status.

    What it says is shown at its end: `make test` runs the tests on hosts beside it, which speak meanwhile.
    """
    programs = place / "bin"
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(place)}
    done = subprocess.run(
        [programs / command[0], *command[1:]],
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    sys.stdout.buffer.write(done.stdout)
    sys.stdout.flush()
    return done.returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
