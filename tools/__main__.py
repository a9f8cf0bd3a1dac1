"""`tools/setup [--checks]`: the hub's programs, the virtual environment and the engine, each made only where it is missing."""

from __future__ import annotations

import os
import sys

from tools import onpath, programs, venv
from tools.errors import SetupError
from tools.lock import only_one
from tools.paths import ROOT


def main() -> int:
    """Set the checkout up; with `--checks` also what only the tests use. Return the exit status."""
    # It let this process find its modules; pip and Go's programs have nothing to find there.
    os.environ.pop("PYTHONPATH", None)
    # One set-up a checkout: two that make `.venv` at once would make a broken one.
    with only_one(ROOT / "tools" / "setup", "at work on this checkout"):
        try:
            programs.ensure(checks="--checks" in sys.argv[1:])
            venv.ensure()
            from tools import restic, ways  # noqa: PLC0415 -- the network's modules take longer to load than all the rest

            # Side by side: each has to wait for downloads, or to compile for minutes.
            with restic.beside():
                ways.ensure()
            onpath.ensure()
        except SetupError as fault:
            print(f"tools/setup: {fault}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
