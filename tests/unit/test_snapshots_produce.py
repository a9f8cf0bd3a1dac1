"""What becomes of a file that tar could not save: noted where it was removed meanwhile, missing where it is still there."""

from __future__ import annotations

import pytest

from aegir_components.snapshots.produce import Findings, judge


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
