"""The demo's pure parts: which code it takes, and the stack file that it writes."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import os
import re
import socket
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from aegir_components import settings
from demo import codebase, removals
from demo import fetch as demo_fetch
from demo import stack as demo_stack
from demo import wordpress as demo_wordpress
from demo.fetch import NotReachable
from lab.errors import LabError
from tools.paths import ROOT

FACTS = demo_stack.Facts(
    hub_address="10.89.64.1",
    hub_root="/root/.local/state/aegir-lab/demo/hub",
    identity="/root/.local/state/aegir-lab/demo/id_ed25519",
    known_hosts="/root/.local/state/aegir-lab/demo/known_hosts",
    web_name="web1.lab.test",
    web_address="10.89.64.11",
    database_name="db1.lab.test",
    database_address="10.89.64.12",
    platform="drupal-10",
    source=f"/root/.cache/aegir-pulumi/platforms/drupal-{codebase.DRUPAL}",
    profile="standard",
)
WORDPRESS = dataclasses.replace(FACTS, platform="wordpress-6", source="/srv/my code/wp", profile=None)


def silent(text: str) -> None:
    """Nobody listens."""


def loaded(text: str) -> settings.Settings:
    config = yaml.safe_load(text)["config"]
    return settings.load({key.removeprefix("aegir:"): value for key, value in config.items()}, lambda _: False)


def wordpress(root: Path) -> Path:
    (root / "wp-includes").mkdir(parents=True)
    (root / "wp-includes" / "version.php").write_text("<?php\n$wp_version = '6.1.9';\n")
    return root


def packed(root: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(root, arcname="wordpress-6.1.9")
    return archive


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return demo_fetch.cache()


@pytest.fixture
def stack_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "Pulumi.lab.yaml"
    monkeypatch.setattr(demo_stack, "FILE", path)
    monkeypatch.setattr(demo_stack, "FORMER", tmp_path / "Pulumi.lab.yaml.old")
    return path


# The stack file.


@pytest.mark.parametrize("facts", [FACTS, WORDPRESS])
def test_the_stack_file_has_no_fault_and_no_warning(facts: demo_stack.Facts) -> None:
    found = loaded(demo_stack.render(facts))

    assert () == found.warnings
    assert [demo_stack.SITE] == list(found.sites)
    assert facts.source == found.platforms[facts.platform].source.path
    assert (demo_stack.ALIAS,) == found.sites[demo_stack.SITE].aliases
    assert facts.database_name == found.database_server(demo_stack.SITE).name


@pytest.mark.parametrize("facts", [FACTS, WORDPRESS])
def test_the_stack_file_of_a_pack_has_no_fault_and_no_warning(
    facts: demo_stack.Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_stack, "FILE", tmp_path / "Pulumi.pack.yaml")
    slaves = {"first_slave_name": "web2.lab.test", "first_slave_address": "10.89.64.13"}
    slaves |= {"second_slave_name": "web3.lab.test", "second_slave_address": "10.89.64.14"}
    facts = dataclasses.replace(facts, **slaves)

    found = loaded(demo_stack.render(facts))

    assert () == found.warnings
    assert ("web1.lab.test", ("web2.lab.test", "web3.lab.test")) == (
        found.packs["farm"].master,
        found.packs["farm"].slaves,
    )
    assert 3 == len(found.site_servers(demo_stack.SITE))
    assert demo_stack.write(facts)
    assert not demo_stack.write(facts), "it fits"


def test_each_line_has_a_comment_above_it_or_is_below_one_that_has() -> None:
    lines = demo_stack.render(FACTS).splitlines()
    bare = [line for above, line in itertools.pairwise(lines) if "#" not in line and "#" not in above]

    assert ["ssh:", "services:", "admin:"] == list(dict.fromkeys(line.strip() for line in bare))


def test_the_page_of_the_demo_says_what_differs_with_wordpress() -> None:
    shown, written = loaded(demo_stack.render(FACTS)), loaded(demo_stack.render(WORDPRESS))
    page = (ROOT / "docs" / "tutorial" / "demo.md").read_text()
    (platform,) = written.platforms
    assert f"called `{platform}`" in page
    assert "The site has no `profile`" in page
    (drupal,), (wordpress,) = shown.sites.values(), written.sites.values()
    assert ("standard", "") == (drupal.profile, wordpress.profile)
    assert dataclasses.replace(drupal, platform=platform, profile="") == wordpress


def test_the_page_of_the_demo_shows_the_stack_file_as_it_is_written() -> None:
    assert f"```yaml\n{demo_stack.render(FACTS)}```\n" in (ROOT / "docs" / "tutorial" / "demo.md").read_text()


def first_block(page: Path) -> str:
    """Return the first stack file of a page, in an indented block or a fenced one."""
    lines = page.read_text().splitlines()
    begin = next(number for number, line in enumerate(lines) if line.strip() == "config:")
    depth = len(lines[begin]) - len("config:")
    return "\n".join(
        itertools.takewhile(lambda line: line.startswith(" " * depth) and "```" not in line, lines[begin:])
    )


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial/first-site.md"])
def test_the_short_stack_file_of_a_page_is_a_whole_one(page: str) -> None:
    found = loaded(re.sub(r"FINGERPRINT-OF-\w+", "A" * 43, first_block(ROOT / page)))

    assert {"www.example.com"} == set(found.sites)
    assert {"web1.example.com", "db1.example.com"} == set(found.servers)
    assert () == found.warnings


def test_a_stack_file_that_fits_is_kept_with_all_that_somebody_has_added(stack_file: Path) -> None:
    assert demo_stack.write(FACTS)
    edited = stack_file.read_text().replace("aliases: [demo.test]", "aliases: [demo.test, shop.demo.test]")
    stack_file.write_text(edited)

    assert not demo_stack.write(FACTS)
    assert edited == stack_file.read_text()


def test_a_stack_file_of_other_hosts_is_written_anew_with_its_salt_and_kept_beside(stack_file: Path) -> None:
    demo_stack.write(FACTS)
    former = stack_file.read_text() + "encryptionsalt: v1:abc\n"
    stack_file.write_text(former)

    assert demo_stack.write(dataclasses.replace(FACTS, web_address="10.89.65.11"))
    assert stack_file.read_text().endswith("encryptionsalt: v1:abc\n")
    assert former == demo_stack.FORMER.read_text()


def test_a_file_with_nothing_but_the_salt_of_a_new_stack_is_no_former_one(stack_file: Path) -> None:
    stack_file.write_text("encryptionsalt: v1:abc\n")

    assert demo_stack.write(FACTS)
    assert "encryptionsalt: v1:abc" in stack_file.read_text()
    assert not demo_stack.FORMER.exists()


RENAMED = """
    shop.demo.test:
      platform: drupal-10
      formerly: www.demo.test
      aliases: [demo.test]
    second.demo.test:
      platform: drupal-10
"""


def renamed_and_one_more() -> str:
    """What somebody makes of the demo's file: its site has another name, and there is a second one."""
    head, site, _ = demo_stack.render(FACTS).partition("    # It gets a database")
    assert site
    return head.rstrip("\n") + RENAMED


def test_a_stack_file_that_somebody_changed_is_kept_whatever_it_says(stack_file: Path) -> None:
    demo_stack.write(FACTS)
    assert not demo_stack.is_changed()
    edited = renamed_and_one_more()
    stack_file.write_text(edited)

    assert demo_stack.is_changed()
    for facts in (FACTS, dataclasses.replace(FACTS, web_address="10.89.65.11")):
        assert not demo_stack.write(facts)
        assert edited == stack_file.read_text()
    assert not demo_stack.FORMER.exists()


@pytest.mark.parametrize("text", ["config: [", "- 1", "# mine", "config: {}"])
def test_a_stack_file_of_which_nothing_is_recorded_is_kept(stack_file: Path, text: str) -> None:
    stack_file.write_text(text)

    assert not demo_stack.write(FACTS)
    assert text == stack_file.read_text()


def test_the_salt_that_pulumi_adds_is_no_change(stack_file: Path) -> None:
    demo_stack.write(FACTS)
    stack_file.write_text(stack_file.read_text() + "encryptionsalt: v1:abc\n")

    assert not demo_stack.is_changed()


def test_with_the_demo_everything_goes_that_it_has_written(stack_file: Path) -> None:
    demo_stack.write(FACTS)
    demo_stack.write(dataclasses.replace(FACTS, web_address="10.89.65.11"))

    assert demo_stack.remove() is None
    assert [] == list(stack_file.parent.iterdir())


def test_a_stack_file_that_somebody_changed_outlives_the_demo(stack_file: Path) -> None:
    kept = [stack_file.with_name(f"{stack_file.name}.kept{number}") for number in ("", "1")]
    for path in kept:
        demo_stack.write(FACTS)
        stack_file.write_text(edited := f"{renamed_and_one_more()}# {path.name}\n")
        assert path == demo_stack.remove()
        assert edited == path.read_text()
    assert sorted(kept) == sorted(stack_file.parent.iterdir())


def test_a_stack_file_that_is_no_yaml_is_named_and_kept(stack_file: Path) -> None:
    demo_stack.check_syntax()
    stack_file.write_text("config: [")

    with pytest.raises(LabError, match="cannot be read, and is kept as it is"):
        demo_stack.check_syntax()
    assert "config: [" == stack_file.read_text()


def test_a_kept_stack_file_for_other_hosts_is_described() -> None:
    config = yaml.safe_load(renamed_and_one_more())["config"]
    moved = dataclasses.replace(FACTS, web_address="10.89.65.11", hub_root="/srv/hub")

    assert [] == demo_stack.other_hosts(config, FACTS)
    assert [] == demo_stack.other_hosts({}, FACTS), "an included file may have them"
    assert [
        f"the hub's root is /srv/hub, and not {FACTS.hub_root}",
        "web1.lab.test is 10.89.65.11, and not 10.89.64.11",
    ] == demo_stack.other_hosts(config, moved)


def test_the_site_of_the_demo_is_known_by_its_new_name() -> None:
    config = yaml.safe_load(renamed_and_one_more())["config"]

    assert "shop.demo.test" == demo_stack.shown_site(config)
    assert FACTS.source == demo_stack.site_source(config)
    assert ["demo.test"] == demo_stack.aliases(config, "shop.demo.test")
    assert demo_stack.SITE == demo_stack.shown_site(yaml.safe_load(demo_stack.render(FACTS))["config"])
    for other in ({}, {"aegir:sites": None}, {"aegir:sites": {"a.test": None}, "aegir:platforms": {"b": None}}):
        assert ("", "", []) == (demo_stack.shown_site(other), demo_stack.site_source(other), demo_stack.sources(other))


# What `pulumi up` would remove.


def state(*sites: str, **names: str) -> dict[str, object]:
    urn = "urn:pulumi:lab::aegir::aegir:index:Site$pulumi-python:dynamic/aegir:{}::{}"
    outputs = {key.replace("_", "."): {"name": name} for key, name in names.items()}
    found = [
        {"urn": urn.format(kind, site), "outputs": outputs.get(site, {}) if kind == "SiteConfiguration" else {}}
        for site in sites
        for kind in ("SiteDatabase", "SiteConfiguration", "SiteInstallation")
    ]
    return {"deployment": {"resources": [{"urn": "urn:pulumi:lab::aegir::pulumi:pulumi:Stack::aegir-lab"}, *found]}}


def test_a_site_that_was_renamed_is_declared_and_one_that_is_left_out_is_not() -> None:
    made = removals.made_sites(state("www.demo.test", "second.demo.test", www_demo_test="shop.demo.test"))
    assert {"www.demo.test": "shop.demo.test", "second.demo.test": "second.demo.test"} == made
    edited, written = (yaml.safe_load(text)["config"] for text in (renamed_and_one_more(), demo_stack.render(FACTS)))

    assert [] == removals.undeclared(made, edited)
    assert ["second.demo.test"] == removals.undeclared(made, written)
    assert [] == removals.undeclared(made, {**written, "aegir:confirm_removals": ["second.demo.test"]})


def test_names_are_read_of_a_stack_file_with_errors_too() -> None:
    made = {"www.demo.test": "www.demo.test", "second.demo.test": "second.demo.test"}
    config = {"aegir:sites": {"shop.demo.test": {"formerly": "www.demo.test"}}, "aegir:nothing": 1}

    assert ["second.demo.test"] == removals.undeclared(made, config)
    assert sorted(made) == removals.undeclared(made, {})
    assert {} == removals.made_sites({"deployment": {}})


def test_up_is_not_run_where_it_would_remove_a_site(stack_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo_stack.write(FACTS)
    export = subprocess.CompletedProcess([], 0, json.dumps(state("www.demo.test", "second.demo.test")), "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: export)

    with pytest.raises(LabError, match=r"`pulumi up` was not run, because it would remove second\.demo\.test"):
        removals.check()
    stack_file.write_text(renamed_and_one_more())
    removals.check()


@pytest.mark.parametrize("text", ["", "config:", "config: [", "- 1", "config: {aegir:hub: 1, aegir:servers: []}"])
def test_a_stack_file_that_makes_no_sense_does_not_fit(stack_file: Path, text: str) -> None:
    stack_file.write_text(text)

    assert not demo_stack.fits(demo_stack.read(), FACTS)


# The lock of a run of Pulumi's.


def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: int) -> list[str]:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}?metadata=skip")
    place = tmp_path / ".pulumi" / "locks" / "organization" / "aegir" / "lab"
    place.mkdir(parents=True)
    facts = {"pid": pid, "hostname": socket.gethostname(), "timestamp": "now"}
    (place / "x.json").write_text(json.dumps(facts))
    ran: list[str] = []
    monkeypatch.setattr(demo_stack, "quiet", lambda *words: ran.extend(words))
    return ran


def test_the_lock_of_a_killed_run_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = locked(tmp_path, monkeypatch, 2**22 + 1)

    assert demo_stack.unlock()
    assert ["cancel", "--yes"] == ran


def test_the_lock_of_a_run_that_lives_stops_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = locked(tmp_path, monkeypatch, os.getpid())
    monkeypatch.setattr(demo_stack, "_is_pulumi", lambda pid: pid == os.getpid())

    with pytest.raises(LabError, match="at work on the stack lab already"):
        demo_stack.unlock()
    assert [] == ran


# The code base.


def test_a_directory_that_somebody_gives_is_taken_as_it_is(tmp_path: Path) -> None:
    choice = codebase.choose(str(wordpress(tmp_path / "wp")), silent)

    assert tmp_path / "wp" == choice.path
    assert ("wordpress-6", None, "WordPress 6.1.9") == (choice.platform, choice.profile, choice.title)


def test_an_archive_is_unpacked_once_without_its_one_directory(tmp_path: Path, cache: Path) -> None:
    archive = packed(wordpress(tmp_path / "wp"), tmp_path / "my wp.tar.gz")
    said: list[str] = []

    first = codebase.choose(str(archive), said.append)
    second = codebase.choose(str(archive), said.append)

    assert (first.path / "wp-includes" / "version.php").is_file()
    assert first.path == second.path
    assert cache == first.path.parent
    assert 1 == len(said)
    assert [first.path] == list(cache.iterdir())


def test_a_url_is_fetched_once(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(wordpress(tmp_path / "wp"), tmp_path / "wp.tar.gz")
    fetched: list[str] = []

    def download(url: str, target: Path, say: object) -> None:
        fetched.append(url)
        target.write_bytes(archive.read_bytes())

    monkeypatch.setattr(demo_fetch, "download", download)
    for _ in range(2):
        assert "wordpress" == codebase.choose("https://example.com/wp.tar.gz", silent).code.application
    assert ["https://example.com/wp.tar.gz"] == fetched


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("/nonexistent", "/nonexistent is no directory"),
        ("ftp://example.com/x.tar.gz", "only http and https are fetched"),
        ("/proc/self", "is no code base that is known here"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_one_sentence(given: str, message: str) -> None:
    with pytest.raises(LabError) as refusal:
        codebase.choose(given, silent)
    assert message in str(refusal.value)


def test_without_drupal_org_it_is_debians_wordpress_and_it_says_why(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(url: str, target: Path, say: object) -> None:
        raise NotReachable("ftp.drupal.org does not answer within 10 s")

    monkeypatch.setattr(demo_fetch, "download", download)
    monkeypatch.setattr(demo_wordpress, "code_base", lambda say: wordpress(tmp_path / "wp"))
    said: list[str] = []

    choice = codebase.choose("", said.append)

    assert "Debian's own package, since ftp.drupal.org does not answer within 10 s" == choice.why
    assert any("taking Debian's WordPress" in text for text in said)
    assert [] == list(cache.iterdir())


def test_a_drupal_with_another_sum_is_not_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_fetch, "download", lambda url, target, say: target.write_bytes(b"something else"))

    with pytest.raises(LabError, match="was expected: it is not used"):
        codebase.choose("", silent)
    assert [] == list(cache.iterdir())


def test_an_archive_that_points_outside_is_not_unpacked(tmp_path: Path, cache: Path) -> None:
    archive = tmp_path / "bad.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        entry = tarfile.TarInfo("../outside")
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))

    with pytest.raises(LabError, match="cannot be unpacked"):
        codebase.choose(str(archive), silent)
    assert [] == list(cache.iterdir())
    assert not (cache.parent / "outside").exists()


# Debian's WordPress.


def test_the_packages_are_those_that_hold_a_part_of_the_code() -> None:
    record = (
        "Version: 6.1.9+dfsg1-0+deb12u1\n"
        "Depends: apache2 | httpd, php-gd, libjs-cropper (>= 1.2.2), libjs-underscore (>= 1.13.4~dfsg), "
        "php-getid3 (>= 1.9.22+dfsg)\nRecommends: wordpress-l10n, wordpress-theme-twentytwentythree\n"
    )

    expected = ["libjs-cropper", "libjs-underscore", "php-getid3", "wordpress-theme-twentytwentythree"]
    assert expected == demo_wordpress.needed(record)


def test_links_into_other_packages_become_files_and_debians_own_settings_go(tmp_path: Path) -> None:
    root = tmp_path / demo_wordpress.ROOT
    (root / "wp-includes" / "js").mkdir(parents=True)
    library = tmp_path / "usr" / "share" / "javascript" / "x.js"
    library.parent.mkdir(parents=True)
    library.write_text("x")
    (root / "wp-includes" / "js" / "x.js").symlink_to("../../../javascript/x.js")
    (root / "wp-config.php").write_text("<?php")
    (root / ".htaccess").symlink_to("/etc/wordpress/htaccess")

    demo_wordpress.free(root, tmp_path)

    copied = root / "wp-includes" / "js" / "x.js"
    assert "x" == copied.read_text()
    assert [copied] == [path for path in root.rglob("*") if not path.is_dir()]
    assert not copied.is_symlink()


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    root = tmp_path / demo_wordpress.ROOT
    root.mkdir(parents=True)
    (root / "gone.js").symlink_to("../gone.js")

    with pytest.raises(LabError, match="which is not there"):
        demo_wordpress.free(root, tmp_path)
