"""The machine below a directory: nothing of a script of ours reaches the machine that the tests run on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.provider import commands
from tests.provider.directory import DirectoryMachine, run


@pytest.mark.parametrize("missing", sorted(commands.COMMANDS))
def test_it_is_not_made_without_each_program_that_stands_in_for_a_real_one(missing: str, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    commands.write(programs)
    (programs / missing).unlink()
    # The commands after it must not run: their programs would be the real ones.
    text = f"{DirectoryMachine(tmp_path / 'machine').setup(programs)}\n: >{tmp_path}/ran"
    with pytest.raises(subprocess.CalledProcessError):
        run(text)
    assert not (tmp_path / "ran").exists()
