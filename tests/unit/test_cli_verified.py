"""What may be promoted, and where to."""

from __future__ import annotations

from typing import Any

import pytest

from aegir_components.cli import pins, verified
from aegir_components.cli.edit import StackText
from aegir_components.cli.ends import Refusal
from aegir_components.cli.engine import Lock
from aegir_components.cli.state import State
from aegir_components.sources import builders
from tests.unit.stacks import COMMIT, RELEASE, SITE, declared, exported, state

BUILD = f"/hub/builds/code/{builders.key(declared().platforms['code'].source, COMMIT)}"
FAILED = {"kind": "update", "result": "failed", "endTime": "2026-01-31", "resourceChanges": {"same": 3, "update": 1}}


def test_what_is_live_as_declared_with_a_site_on_it_may_be_promoted() -> None:
    assert [] == verified.never_well("code", state(BUILD), declared())


@pytest.mark.parametrize(
    ("have", "changes", "why"),
    [
        pytest.param({"pending": ("Release code",)}, {}, "ended in the middle of creating Release code", id="half done"),
        pytest.param({"without": ("Release code",)}, {}, "platform code never came up in testing", id="never live"),
        pytest.param(
            {"without": (f"Installation {SITE}",)}, {}, f"site {SITE} on platform code never came up", id="never installed"
        ),
        pytest.param({"Installation": {"health": False}}, {}, "nobody has seen it work", id="a site that nobody asks for"),
        pytest.param({"Installation": {"enabled": False}}, {}, "nobody has seen it work", id="a site that is disabled"),
        pytest.param({"Installation": {"content": "empty"}}, {}, "nobody has seen it work", id="a site without a dump"),
        pytest.param(
            {}, {"platforms__code__source": {"git": "https://git.example.com/other.git", "ref": "main"}},
            "names another source for platform code", id="another repository in the file",
        ),
        pytest.param(
            {}, {"platforms__code__source": {"git": "https://git.example.com/x.git", "ref": "main", "composer": True}},
            "names another source for platform code", id="another way to build in the file",
        ),
        pytest.param(
            {}, {"platforms__code__source": "/srv/code"}, "names another source for platform code", id="a directory in the file",
        ),
        pytest.param(
            {}, {"platforms__code__rollback": "f" * 16}, "names another source for platform code", id="a rollback in the file",
        ),
    ],
)  # fmt: skip
def test_what_was_not_seen_to_work_is_refused(have: dict[str, Any], changes: dict[str, Any], why: str) -> None:
    (fault,) = verified.never_well("code", state(BUILD, **have), declared(**changes))
    assert why in fault
    assert "pulumi up --stack testing" in fault


def test_what_a_later_run_has_made_is_no_longer_half_done() -> None:
    """Pulumi itself keeps a creation that was killed in its list."""
    export = exported(BUILD, pending=("Installation x",))
    (installation,) = [one for one in export["deployment"]["resources"] if one["urn"].endswith(f"Installation::{SITE}")]
    export["deployment"]["pending_operations"] = [{"type": "creating", "resource": installation}]
    assert () == State.read("testing", export).pending
    export["deployment"]["pending_operations"] = [{"type": "updating", "resource": installation}]
    assert (f"updating Installation {SITE}",) == State.read("testing", export).pending
    installation["delete"] = True
    export["deployment"]["pending_operations"] = [{"type": "creating", "resource": dict(installation)}]
    assert (f"creating Installation {SITE}",) == State.read("testing", export).pending


def test_a_release_that_was_brought_back_may_be_promoted() -> None:
    assert [] == verified.never_well("code", state("/gone"), declared(platforms__code__rollback=RELEASE))


@pytest.mark.parametrize(
    ("have", "last", "why"),
    [
        pytest.param({"pending": ("Installation x",)}, {}, "in the middle of creating Installation x", id="killed"),
        pytest.param({}, FAILED, "the last pulumi up of testing failed (2026-01-31) after 1 changes", id="failed"),
        pytest.param(
            {}, {**FAILED, "kind": "destroy"}, "the last pulumi destroy of testing failed", id="destroy failed"
        ),
        pytest.param(
            {"without": (f"Installation {SITE}",)},
            {},
            f"has not made yet: site {SITE}",
            id="a site that is not installed",
        ),
        pytest.param(
            {"without": ("Release code",)}, {}, "has not made yet: platform code", id="a platform that is missing"
        ),
        pytest.param({"without": ("Server web1",)}, {}, "has not made yet: server web1", id="a server that is missing"),
        pytest.param({"without": ("Machine web1",)}, {}, "has not made yet: server web1", id="a server that was begun"),
        pytest.param(
            {"without": ("WebService web1",)}, {}, "has not made yet: server web1", id="a service that is missing"
        ),
    ],
)
def test_a_stack_that_is_half_done_takes_no_promotion(have: dict[str, Any], last: dict[str, Any], why: str) -> None:
    (fault,) = verified.half_done(state(**have), declared(), last)
    assert why in fault
    assert "pulumi up --stack testing until it succeeds" in fault


@pytest.mark.parametrize(
    "last",
    [
        pytest.param({}, id="no history"),
        pytest.param({**FAILED, "result": "succeeded"}, id="all well"),
        # A directory that has moved on, say: the promotion is what mends it.
        pytest.param({**FAILED, "resourceChanges": {"same": 9}}, id="refused before anything was done"),
        pytest.param({**FAILED, "kind": "refresh"}, id="a refresh that failed"),
    ],
)
def test_a_stack_that_is_whole_takes_a_promotion(last: dict[str, Any]) -> None:
    assert [] == verified.half_done(state(), declared(), last)


def test_a_stack_that_was_never_begun_takes_a_promotion() -> None:
    empty = type(state()).read("new", {"deployment": {}})
    assert [] == verified.half_done(empty, declared(), {})


def test_who_holds_a_stack_is_told() -> None:
    (fault,) = verified.at_work("testing", Lock(holder="ann@hub, process 7", since="2026-01-31 12:00:00"))
    assert "testing is locked by ann@hub, process 7, since 2026-01-31 12:00:00 UTC" in fault
    assert [] == verified.at_work("testing", None)


# What is written.

HEAD = "config:\n  aegir:platforms:\n    code:\n      server: web1\n"
DIRECTORY = {"source": "/srv/code", "source_revision": None}
ARCHIVE = {"archive": "https://example.com/x.tar.gz", "checksum": f"sha256:{'a' * 64}"}


def pinned(source: Any, target: Any, text: str, release: dict[str, Any] | None = None, **also: Any) -> str:
    """Pin a platform into a text whose platform has `target` as its source."""
    before = declared(platforms__code__source=source).platforms["code"]
    if "release:" in text:
        also["platforms__code__release"] = "f" * 16
    after = declared(**{"platforms__code__source": target, **also}).platforms["code"]
    changed = StackText(HEAD + text)
    pins.pin_platform(changed, before, state(Release=release or {}).releases["code"], after)
    return changed.text.removeprefix(HEAD)


GIT = {"git": "https://git.example.com/x.git", "ref": "main"}


@pytest.mark.parametrize(
    ("source", "target", "release", "text", "after"),
    [
        pytest.param(
            GIT, GIT, {}, "      source: {git: https://git.example.com/x.git, ref: main}\n",
            f'      source: {{git: https://git.example.com/x.git, ref: "{COMMIT}"}}\n', id="a commit",
        ),
        pytest.param(
            {**GIT, "composer": True}, {**GIT, "directory": "web"}, {},
            "      source:\n        git: https://git.example.com/x.git\n        directory: web\n        ref: v1 # now\n",
            '      source:\n        git: https://git.example.com/x.git\n        composer: true\n'
            f'        ref: "{COMMIT}" # now\n', id="and how it is built",
        ),
        pytest.param(
            GIT, "/srv/code", {}, '      source: /srv/code\n      release: "ffffffffffffffff"\n',
            f'      source: {{git: "https://git.example.com/x.git", ref: "{COMMIT}"}}\n', id="a commit instead of a directory",
        ),
        pytest.param(
            ARCHIVE, GIT, {"source_revision": f"sha256:{'a' * 64}"},
            "      source:\n        git: https://git.example.com/x.git\n        ref: v1\n",
            '      source:\n        archive: "https://example.com/x.tar.gz"\n'
            f'        checksum: "sha256:{"a" * 64}"\n', id="an archive with its checksum",
        ),
        pytest.param(
            "/srv/code", "/srv/code", DIRECTORY, "      source: /srv/code # here\n",
            f'      source: /srv/code # here\n      release: "{RELEASE}"\n', id="a directory with its release",
        ),
        pytest.param(
            "/srv/code", "/srv/other", DIRECTORY, '      source: {path: /srv/other}\n      release: "ffffffffffffffff"\n',
            f'      source: {{path: /srv/other}}\n      release: "{RELEASE}"\n', id="a directory of the target's own",
        ),
        pytest.param(
            {"makefile": "/srv/x.make"}, GIT, DIRECTORY, "      source: {git: https://git.example.com/x.git, ref: v1}\n",
            f'      source: {{makefile: "/srv/x.make"}}\n      release: "{RELEASE}"\n', id="a makefile with its release",
        ),
    ],
)  # fmt: skip
def test_what_leads_to_the_verified_release_is_pinned(
    source: Any, target: Any, release: dict[str, Any], text: str, after: str
) -> None:
    assert after == pinned(source, target, text, release)


def test_a_rollback_in_the_target_ends_with_a_promotion() -> None:
    text = f'      source: /srv/code\n      rollback: "{"f" * 16}"\n'
    after = pinned("/srv/code", "/srv/code", text, DIRECTORY, platforms__code__rollback="f" * 16)
    assert f'      source: /srv/code\n      release: "{RELEASE}"\n' == after


def test_an_address_with_a_password_stays_where_it_is_the_same_and_is_not_copied_otherwise() -> None:
    secret = {"git": "https://me:secret-word@git.example.com/x.git", "ref": "main"}
    text = "      source:\n        git: {secure: v1:abc}\n        ref: main\n"
    assert text.replace("ref: main", f'ref: "{COMMIT}"') == pinned_secretly(secret, secret, text)
    with pytest.raises(Refusal, match="pulumi config set --secret --path") as refused:
        pinned_secretly(secret, GIT, text)
    assert "secret-word" not in str(refused.value)


def pinned_secretly(source: Any, target: Any, text: str) -> str:
    from aegir_components import settings
    from tests.unit.stacks import config

    before, after = (
        settings.load(config(platforms__code__source=each), lambda path: path.endswith(".git")).platforms["code"]
        for each in (source, target)
    )
    changed = StackText(HEAD + text)
    pins.pin_platform(changed, before, state().releases["code"], after)
    return changed.text.removeprefix(HEAD)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        pytest.param(
            "config:\n  aegir:hub: {}\n",
            f'config:\n  aegir:hub: {{}}\n  aegir:platforms: {{code: {{source: {{ref: "{COMMIT}"}}}}}}\n', id="all of it",
        ),
        pytest.param(
            "config:\n  aegir:platforms:\n    code:\n      server: web1 # ours\n",
            f'config:\n  aegir:platforms:\n    code:\n      server: web1 # ours\n      source: {{ref: "{COMMIT}"}}\n',
            id="its source",
        ),
    ],
)  # fmt: skip
def test_what_comes_from_another_file_is_overridden_in_the_stacks_own(text: str, after: str) -> None:
    platform = declared().platforms["code"]
    changed = StackText(text)
    pins.pin_platform(changed, platform, state().releases["code"], platform)
    assert after == changed.text


def test_what_comes_from_another_file_and_would_have_to_go_is_refused() -> None:
    before, after = (
        declared(platforms__code__source={**GIT, **more}).platforms["code"] for more in ({}, {"directory": "web"})
    )
    with pytest.raises(
        Refusal,
        match=r"aegir:platforms\[.code.\]\.source\.directory comes from another file, .* Write it by hand: commit c0ffee",
    ):
        pins.pin_platform(StackText("config: {}"), before, state().releases["code"], after)


def test_a_site_goes_to_the_platform_of_the_same_name_or_of_the_same_release() -> None:
    there = state()
    assert "code" == pins.counterpart("code", there, there, declared())
    other = declared(
        platforms={"shop": {"server": "web1", "source": "/srv/a"}},
        sites={SITE: {"platform": "shop", "https": "required"}},
    )
    have = type(there)(stack="acceptance", releases={"shop": there.releases["code"]})
    assert "shop" == pins.counterpart("code", there, have, other)
    with pytest.raises(Refusal, match=f"none of its platforms has the release {RELEASE}"):
        pins.counterpart("code", there, type(there)(stack="acceptance"), other)


def test_a_site_is_put_on_its_platform() -> None:
    text = StackText(f"config:\n  aegir:sites:\n    {SITE}: {{platform: old}} # mine\n")
    pins.pin_site(text, declared().sites[SITE], "code")
    assert f'    {SITE}: {{platform: "code"}} # mine\n' in text.text
