"""What a run says at its end: sites in plain words, and what to do next."""

from __future__ import annotations

import pytest

from aegir_components import summary
from aegir_components.recorded import Recorded
from aegir_components.summary import Done
from tests.unit.stacks import SITE, declared

NEW = "new.example.com"


def test_what_was_worked_on_becomes_sites_platforms_and_servers() -> None:
    have = declared(**{f"sites__{NEW}": {"platform": "code", "https": "required"}})
    before = Recorded({"aegir:SiteConfiguration": {SITE: {}, "gone.example.com": {}}})
    worked = [
        ("site_config", SITE), ("installation", SITE), ("site_config", NEW), ("release", "code"), ("machine", "web1"),
        ("activation", "web1"), ("site_config", "unknown"),
    ]  # fmt: skip
    done = summary.of(have, before, worked, [])
    assert (
        Done(made=(NEW,), changed=(SITE,), removed=("gone.example.com",), releases=("code",), servers=("web1",)) == done
    )
    path = have.platforms["code"].publish_path
    assert ("code",) == summary.of(have, before, [("release", path), ("rollout", path)], []).releases
    failed = [("aegir:Installation", NEW), ("aegir:Rollout", "code"), ("aegir:WebService", "web1")]
    done = summary.of(have, before, worked, failed)
    assert ((NEW,), ("code",), ("web1",)) == (done.failed, done.held, done.others)
    assert NEW not in done.made


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (Done(), ""),
        (Done(made=("a",)), "Summary: 1 site was made (a)."),
        (
            Done(changed=("a", "b"), releases=("code",)),
            "Summary: 2 sites were changed (a, b); 1 platform got another release (code).",
        ),
        (
            Done(changed=tuple(f"s{number:04}" for number in range(1000))),
            "Summary: 1000 sites were changed (s0000, s0001, s0002, s0003, s0004, s0005, s0006, s0007 and 992 more).",
        ),
    ],
)  # fmt: skip
def test_it_is_said_in_sentences(done: Done, said: str) -> None:
    assert said == summary.words(done)


def test_what_failed_comes_with_what_to_do_next() -> None:
    said = summary.words(Done(failed=("a.example.com",), made=("b",)))
    assert "1 site was made (b); 1 site failed (a.example.com)." in said
    assert "run pulumi up again" in said
    assert "aegir check a.example.com" in said


def test_sites_that_are_held_back_and_warnings_are_in_the_summary() -> None:
    have = declared(**{f"sites__{NEW}": {"platform": "code", "https": "required"}})
    worked = [("warned", "a"), ("warned", "b"), ("held", SITE), ("release", "code"), ("held", "unknown")]
    done = summary.of(have, Recorded({}), worked, [("aegir:Rollout", "code")])
    assert ((SITE,), ("code",), 2) == (done.staying, done.held, done.warnings)
    said = summary.words(done)
    assert f"1 site is held back on its former release ({SITE}); 2 warnings are above." in said
    assert f"aegir check {SITE}" in said
    assert "platform has sites that are held back" not in said
    back = summary.of(have, Recorded({}), [("restored", SITE)], [])
    assert f"Summary: 1 site has its database of before its update again ({SITE})." == summary.words(back)
    assert "Summary: 1 warning is above." == summary.words(Done(warnings=1))
