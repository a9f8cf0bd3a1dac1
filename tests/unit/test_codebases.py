"""How tests find real code bases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import codebases


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in codebases.NAMES:
        monkeypatch.delenv(codebases.variable(name), raising=False)
    return tmp_path / "aegir-pulumi" / "code"


def drupal(where: Path, version: str) -> Path:
    (where / "core/lib").mkdir(parents=True)
    (where / "core/lib/Drupal.php").write_text(f"<?php class Drupal {{ const VERSION = '{version}'; }}")
    return where


def test_a_code_base_is_found_in_the_cache_by_its_name(cache: Path) -> None:
    assert codebases.locate("drupal10-next") is None
    assert drupal(cache / "drupal10-next", "10.6.12") == codebases.locate("drupal10-next")


def test_its_variable_comes_first_and_a_directory_that_is_not_there_is_an_error(cache: Path, tmp_path: Path) -> None:
    drupal(cache / "drupal10-next", "10.6.12")
    mine = drupal(tmp_path / "mine", "10.1.0")
    assert mine == codebases.locate("drupal10-next", {"AEGIR_TEST_DRUPAL10_NEXT": str(mine)})
    with pytest.raises(FileNotFoundError, match="AEGIR_TEST_DRUPAL10_NEXT: /nowhere is not a directory"):
        codebases.locate("drupal10-next", {"AEGIR_TEST_DRUPAL10_NEXT": "/nowhere"})


def test_one_line_says_what_a_run_had_and_what_it_skipped(cache: Path) -> None:
    drupal(cache / "drupal10", "10.1.6")
    (cache / "backdrop").mkdir()
    account = codebases.Account()
    for name in ("drupal7", "drupal7", "drupal9"):
        with pytest.raises(pytest.skip.Exception) as skipped:
            codebases.ask(name)
        account.skip(f"Skipped: {skipped.value}")
    account.skip("Skipped: no archive of Ubuntu 22.04")

    assert (
        "code bases: drupal10 (drupal 10.1.6), backdrop (not supported); skipped tests: 2 without drupal7, 1 without drupal9"
    ) == account.line(codebases.present())
    assert codebases.Account().line([]) == "code bases: none; skipped tests: 0"
