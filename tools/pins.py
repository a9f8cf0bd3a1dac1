"""`python -m tools.pins`: bring every pin to its newest version, with the hashes of all of its files, and say what changed.

A requirements file has what is asked for first, each with its reason, and then what those need in turn. uv resolves them for all
supported Pythons (https://docs.astral.sh/uv/pip/compile/). `--keep` keeps the versions, and writes hashes only.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tools.errors import SetupError
from tools.paths import REQUIREMENTS
from tools.process import run, say
from tools.pythons import SUPPORTED, write_version

UV: Final = "uv==0.13.9"
IN_TURN: Final = "# What those need in turn."
_PIN = re.compile(
    r"(?m)^(?P<reasons>(?:# .*\n)*)(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^\]]*\])?"
    r"==(?P<version>[^\s;\\]+)(?P<marker> ?;[^\\\n]*)?"
    r"(?P<hashes>(?:[ \t]*\\\n[ \t]+--hash=\S+)*)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """A package with its version."""

    name: str
    version: str
    extras: str = ""
    marker: str = ""
    """Where it is needed, such as ``python_version < "3.13"``."""
    reason: str = ""
    """Why it is asked for; empty for what others need."""
    hashes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name as registries compare it."""
        return re.sub(r"[-_.]+", "-", self.name).lower()

    def text(self) -> str:
        """Write the pin for a requirements file."""
        marker = f" ; {self.marker}" if self.marker else ""
        lines = [f"# {self.reason}"] if self.reason else []
        first = f"{self.name}{self.extras}=={self.version}{marker}"
        return "\n".join([*lines, " \\\n".join([first, *(f"    --hash={each}" for each in self.hashes)])])


@dataclass(frozen=True, slots=True)
class Requirements:
    """A requirements file."""

    head: str
    asked: tuple[Pin, ...]
    needed: tuple[Pin, ...]

    def text(self) -> str:
        """Write the file."""
        asked, needed = ("\n".join(pin.text() for pin in pins) for pins in (self.asked, self.needed))
        return f"{self.head}\n\n{asked}\n\n{IN_TURN}\n{needed}\n"

    def pins(self) -> dict[str, Pin]:
        """Give all pins by the names that registries compare."""
        return {pin.key: pin for pin in (*self.asked, *self.needed)}


Resolve = Callable[[Sequence[str], Sequence[str]], Mapping[str, Pin]]
"""Give the pins for requirements, within constraints."""


def read(text: str) -> Requirements:
    """Read a requirements file."""
    head, _, rest = text.partition("\n\n")
    asked, _, needed = rest.partition(IN_TURN)
    return Requirements(head, tuple(_pins(asked)), tuple(_pins(needed)))


def _pins(text: str) -> Iterator[Pin]:
    for match in _PIN.finditer(text):
        yield Pin(
            name=match["name"], version=match["version"], extras=match["extras"] or "",
            marker=(match["marker"] or "").strip(" ;"), reason=match["reasons"].strip().removeprefix("# "),
            hashes=tuple(re.findall(r"--hash=(\S+)", match["hashes"])),
        )  # fmt: skip


def update(files: Sequence[Requirements], resolve: Resolve, *, keep: bool = False) -> list[Requirements]:
    """Give the files with other pins; each later file needs what the earlier ones do not have.

    Args:
        files: as they are.
        resolve: asks the registry.
        keep: whether the versions stay, so that only hashes are new.
    """
    found: list[Requirements] = []
    known: dict[str, Pin] = {}
    for file in files:
        pins = (*file.asked, *file.needed) if keep else file.asked
        wanted = [f"{pin.name}{pin.extras}{f'=={pin.version}' if keep else ''}" for pin in pins]
        made = resolve(wanted, [f"{pin.name}=={pin.version}" for pin in known.values()])
        asked = tuple(replace(made[pin.key], name=pin.name, extras=pin.extras, reason=pin.reason) for pin in file.asked)
        others = made.keys() - known.keys() - {pin.key for pin in asked}
        found.append(Requirements(file.head, asked, tuple(made[key] for key in sorted(others))))
        known |= found[-1].pins()
    return found


def changes(before: Sequence[Requirements], after: Sequence[Requirements]) -> list[str]:
    """Say what is different, a line for each package."""
    old = {key: pin for file in before for key, pin in file.pins().items()}
    new = {key: pin for file in after for key, pin in file.pins().items()}
    lines = []
    for key in sorted(old.keys() | new.keys()):
        had, has = old.get(key), new.get(key)
        if had is None and has is not None:
            lines.append(f"{has.name}: new, {has.version}")
        elif has is None and had is not None:
            lines.append(f"{had.name}: not needed any more, was {had.version}")
        elif had and has and had.version != has.version:
            lines.append(f"{has.name}: {had.version} -> {has.version}")
    return lines


def ask_registry(wanted: Sequence[str], constraints: Sequence[str]) -> Mapping[str, Pin]:
    """Resolve requirements by uv, for every supported Python on Linux.

    Raises:
        SetupError: uv cannot be had, or finds no versions that fit each other.
    """
    with tempfile.TemporaryDirectory() as place:
        room = Path(place)
        run("making a virtual environment for uv", [sys.executable, "-m", "venv", room / "venv"])
        run("installing uv", [room / "venv" / "bin" / "pip", "install", "--quiet", UV])
        (room / "constraints").write_text("".join(f"{line}\n" for line in constraints))
        # One version for all Pythons: Debian 12's 3.11.2 is older than some newest versions want.
        done = subprocess.run(
            [room / "venv" / "bin" / "uv", "pip", "compile", "--quiet", "--universal", "--fork-strategy", "fewest",
             "--generate-hashes", "--no-header", "--no-annotate", "--python-version", write_version(SUPPORTED[0]),
             "--constraint", room / "constraints", "-"],
            input="".join(f"{line}\n" for line in wanted), capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
    if done.returncode:
        raise SetupError(f"uv found no versions that fit each other: {done.stderr.strip()}")
    return {pin.key: pin for pin in _pins(done.stdout) if "win32" not in pin.marker}


def main(words: Sequence[str]) -> int:
    """Rewrite the requirements files; return 1 where that is not possible."""
    before = [read(path.read_text()) for path in REQUIREMENTS]
    try:
        after = update(before, ask_registry, keep="--keep" in words)
    except SetupError as error:
        say(error.in_one_line())
        return 1
    for path, file in zip(REQUIREMENTS, after, strict=True):
        path.write_text(file.text())
    for line in changes(before, after) or ["every version is the same"]:
        say(line)
    say("to install and check them, run: make setup && make test")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
