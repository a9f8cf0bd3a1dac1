"""What becomes of a file that tar could not save: noted where it was removed meanwhile, missing where it is still there."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from aegir_components.backups.book import Backup
from aegir_components.backups.produce import Findings, judge


@pytest.mark.parametrize(
    "said",
    [
        "File removed before we read it",
        "Cannot stat: No such file or directory",
        "Cannot open: No such file or directory",
        "Cannot readlink: No such file or directory",
        "Warning: Cannot file_has_acl_at: No such file or directory",
        "Warning: Cannot acl_get_file_at: No such file or directory",
    ],
)
def test_a_file_that_its_site_removes_meanwhile_is_noted(said: str) -> None:
    found = Findings()
    judge("web1", f"tar: css/one.css: {said}", found)
    assert ([], ["web1: removed while they were read: css/one.css"]) == (found.not_saved, found.notes)


@pytest.mark.parametrize(
    "said",
    [
        "Cannot open: Permission denied",
        "Cannot stat: Stale file handle",
        "Read error at byte 0, while reading 512 bytes: Input/output error",
    ],
)
def test_a_file_that_cannot_be_read_is_missing(said: str) -> None:
    found = Findings()
    judge("web1", f"tar: css/one.css: {said}", found)
    assert ([f"web1: css/one.css ({said})"], []) == (found.not_saved, found.notes)


def test_what_is_lost_to_nobody_is_told_by_its_kind_and_survives_the_book() -> None:
    """A restore goes on where a backup lacks only such things; words that look like theirs do not count."""
    found = Findings()
    found.lacks_harmlessly("db1: the database shop is not there")
    found.not_saved.append("web1: a file whose name is not there")
    assert found.harmless == ["db1: the database shop is not there"]
    assert len(found.not_saved) == 2
    made = Backup(id="aaaa1111", begun=1, not_saved=tuple(found.not_saved), harmless=tuple(found.harmless))
    known = Backup.from_props(json.loads(json.dumps(asdict(made))))
    assert known == made
    assert [text for text in known.not_saved if text not in known.harmless] == ["web1: a file whose name is not there"]
