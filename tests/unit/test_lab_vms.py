"""What belongs to a virtual machine of the lab, and what does not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lab import registers, vms


def test_no_two_machines_have_one_name_or_tap() -> None:
    places = [vms.Place(lab, host, Path("/x") / lab) for lab in ("a", "a-b", "b") for host in ("one", "b-one", "two")]

    assert len(places) == len({place.name for place in places}) == len({place.tap for place in places})
    assert all(len(place.tap) <= 15 for place in places), "Linux takes no longer names"


def test_a_machine_that_was_not_made_to_the_end_is_not_taken_for_one(tmp_path: Path) -> None:
    place = vms.Place("lab", "one", tmp_path)
    assert ("absent", "") == (place.state(), place.digest())

    place.home.mkdir(parents=True)
    assert "created" == place.state()

    place.record.write_text('{"digest": "abc"}')
    assert ("exited", "abc") == (place.state(), place.digest())
    assert [place] == list(vms.places("lab", tmp_path))


def test_a_processor_with_amx_needs_the_library_that_writes_all_registers() -> None:
    assert registers.is_needed("processor\t: 0\nflags\t\t: fpu sse avx512f amx_bf16 amx_tile amx_int8\n")
    assert not registers.is_needed("processor\t: 0\nflags\t\t: fpu sse avx512f\nbugs\t\t: amx_tile\n")
    assert not registers.is_needed("")


def test_it_is_compiled_once_and_loaded_from_then_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("this machine has no C compiler")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags : fpu\n")
    registers.ensure(print, cpuinfo)
    assert {} == registers.environment()

    cpuinfo.write_text("flags : fpu amx_tile\n")
    registers.ensure(print, cpuinfo)
    variables = registers.environment()
    made = Path(variables["LD_PRELOAD"]).stat()
    # A program that asks for nothing of it runs as before.
    done = subprocess.run(["true"], env=variables, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    registers.ensure(print, cpuinfo)
    assert made.st_ino == Path(variables["LD_PRELOAD"]).stat().st_ino
