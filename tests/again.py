"""Files of tests on hosts that failed, run again, whole and two at a time: what fails twice fails.

Three workers and their hosts share the cores of one machine, and a host that is slow at the wrong moment fails a test that
waits for it. Which files needed it is printed, so that nobody takes them for sound. `make test` calls this after a failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
MOST = 4
"""Files; when more have failed, something is wrong with what they test."""


def failed(record: Path) -> list[str]:
    """List the files with tests that failed; none where that is not known."""
    try:
        names = json.loads(record.read_text())
    except (OSError, ValueError):
        return []
    return sorted({name.partition("::")[0] for name in names})


def main() -> int:
    """Run them again, and give the exit status."""
    files = failed(RECORD)
    if not files or len(files) > MOST:
        return 1
    sys.stdout.write(f"again: failures in {', '.join(files)}: each of these files is run once more, two at a time\n")
    sys.stdout.flush()
    return subprocess.run(
        [sys.executable, "-m", "pytest", *files, "-m", "lab or slow", "-n", "2", "--dist", "loadfile"],
        cwd=ROOT,
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
