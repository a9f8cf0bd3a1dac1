"""The virtual environment at `.venv`, made anew only when what goes into it has changed."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from tools.errors import SetupError
from tools.packages import need
from tools.paths import REQUIREMENTS, ROOT, VENV
from tools.process import answer, run, say
from tools.pythons import SUPPORTED

OLDEST = SUPPORTED[0]
_STAMP = VENV / "made-from"

#: A `.pth` file: a line with a path goes on Python's path, and a line with an import is executed at each start. A checkout of
#: a version without the module starts as usual.
PATH_FILE = r"""{root}
import sys; exec("try:\n from aegir_components.pulumi_workarounds import startup\nexcept ImportError: pass\nelse: startup.begin()")
"""  # noqa: E501 - one line is what Python reads


def stamp(python: Path) -> str:
    """Digest of all that decides what a virtual environment holds: the requirements and its interpreter."""
    # The interpreter is the file behind all links. When the system's python3 becomes another version, the old
    # environment's packages are out of its reach, and this path has changed.
    whole = hashlib.sha256(str(python.resolve()).encode())
    for file in REQUIREMENTS:
        whole.update(b"\0" + file.read_bytes())
    return whole.hexdigest()


def is_current() -> bool:
    """Tell whether the environment is there and made from the present requirements."""
    python = VENV / "bin" / "python"
    return python.exists() and _STAMP.exists() and _STAMP.read_text() == stamp(python)


def interpreter() -> Path:
    """Find a Python that is new enough: this one, or another one on PATH."""
    if sys.version_info >= OLDEST:
        # Inside an environment, the one it was made from: one that makes itself anew saws off its own branch.
        return Path(sys._base_executable)  # type: ignore[attr-defined]  # noqa: SLF001 -- as venv itself does
    for minor in range(20, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return Path(found)
    have = ".".join(map(str, sys.version_info[:2]))
    raise SetupError(f"Python 3.11 or newer is missing (python3 is {have}): on Debian 12: apt-get install python3")


def ensure() -> bool:
    """Make the environment if it is missing or out of date; tell whether it had to be made."""
    if is_current():
        # An environment behind a link belongs to another checkout, whose modules it finds.
        if not VENV.is_symlink():
            _make_importable()
        return False
    python = interpreter()
    # Debian packs what venv needs for pip separately.
    if answer([python, "-c", "import ensurepip, venv"]) is None:
        need("Python's venv module", "python3-venv")
    say("making the virtual environment (about half a minute)")
    install(python, VENV)
    _make_importable()
    _STAMP.write_text(stamp(VENV / "bin" / "python"))
    return True


def install(python: Path, place: Path) -> None:
    """Make a virtual environment with exactly the packages of the requirements.

    Raises:
        SetupError: venv or pip failed; the text has the end of its output.
    """
    run("making the virtual environment", [python, "-m", "venv", "--clear", place])
    pip: list[str | Path] = [
        place / "bin" / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
    ]
    # pip would otherwise install into the user's own site as well where PIP_USER is set.
    run(
        "installing Python packages",
        [
            *pip,
            "install",
            "--quiet",
            "--require-hashes",
            *[word for file in REQUIREMENTS for word in ("-r", str(file))],
        ],
        env={"PIP_USER": "0"},
    )
    run("checking Python packages", [*pip, "check"])


def _make_importable() -> None:
    """Let `python -m lab` and the users' own stacks find the checkout from anywhere, and Pulumi's processes start quickly."""
    for packages in (VENV / "lib").glob("python3.*/site-packages"):
        file, text = packages / "aegir-checkout.pth", PATH_FILE.format(root=ROOT)
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
