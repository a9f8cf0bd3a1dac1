"""Which PHP a code base needs, and what is said when a web server has another one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from aegir_components import applications, settings
from aegir_components.applications import CodeBase, php
from aegir_components.preview import php_fit
from aegir_components.recorded import Recorded
from aegir_components.sources.resolve import Resolved
from aegir_components.sources.tree import Tree
from tests import codebases


def php_of(application: str) -> php.Known:
    found: php.Known = import_module(f"aegir_components.applications.{application}").PHP
    return found


@pytest.mark.parametrize(
    ("text", "low", "below"),
    [
        (">=8.1.0", (8, 1, 0), (99, 0, 0)),
        ("^7.0.8", (7, 0, 8), (8, 0, 0)),
        ("^7.2.5 || ^8.0", (7, 2, 5), (9, 0, 0)),
        ("^5.5.9|>=7.0.8", (5, 5, 9), (99, 0, 0)),
        ("~7.4.0 || ~8.0.0 || ~8.1.0", (7, 4, 0), (8, 2, 0)),
        ("~7.1", (7, 1, 0), (8, 0, 0)),
        (">=7.3 <8.2", (7, 3, 0), (8, 2, 0)),
        (">=7.3,<=8.1", (7, 3, 0), (8, 2, 0)),
        ("8.1 - 8.4", (8, 1, 0), (8, 5, 0)),
        ("7.4.*", (7, 4, 0), (7, 5, 0)),
        ("8.*", (8, 0, 0), (9, 0, 0)),
        ("8.2.3", (8, 2, 3), (8, 3, 0)),
        ("*", (0, 0, 0), (99, 0, 0)),
        ("", (0, 0, 0), (99, 0, 0)),
    ],
)
def test_a_constraint_of_composers(text: str, low: php.Version, below: php.Version) -> None:
    assert php.Range(low=low, below=below) == php.constraint(text)


@pytest.mark.parametrize(
    ("name", "fits", "others"),
    [
        ("drupal7", ("5.6", "7.4", "8.2", "8.4"), ("5.2",)),
        ("drupal8", ("7.1", "7.4"), ("5.6", "8.0", "8.2")),
        ("drupal9", ("7.3", "8.0"), ("7.2", "8.1", "8.2", "8.4")),
        ("drupal10", ("8.1", "8.2", "8.3", "8.4"), ("7.4", "8.0")),
        ("drupal10-next", ("8.2", "8.3", "8.4"), ("7.4", "8.1")),
        ("wordpress", ("7.2", "7.4", "8.2", "8.4"), ("7.1", "5.6")),
        ("backdrop", ("5.6", "7.4", "8.2", "8.3"), ("5.5",)),
    ],
)
def test_real_code_bases(name: str, fits: Iterable[str], others: Iterable[str]) -> None:
    code = applications.detect(codebases.ask(name))
    assert code is not None
    assert [] == [version for version in fits if not code.php.has(version)]
    assert [] == [version for version in others if code.php.has(version)]


@pytest.mark.parametrize(
    ("application", "version", "needed"),
    [
        ("drupal7", "7.103", "PHP 8.3 or older"),
        ("drupal7", "7.105", "PHP 0.0 or later"),
        ("drupal", "8.9.20", "PHP 7.4 or older"),
        ("drupal", "9.0.14", "PHP 7.4 or older"),
        ("drupal", "9.2.7", "PHP 8.0 or older"),
        ("drupal", "9.4.1", "PHP 8.1 or older"),
        ("drupal", "9.5.11", "PHP 0.0 or later"),
        ("drupal", "11.1.0", "PHP 0.0 or later"),
        ("drupal", "unknown", "PHP 0.0 or later"),
        ("wordpress", "5.5.3", "PHP 7.4 or older"),
        ("wordpress", "6.9.1", "PHP 0.0 or later"),
        ("backdrop", "1.17.5", "PHP 7.4 or older"),
        ("backdrop", "1.30.0", "PHP 0.0 or later"),
    ],
)
def test_cores_that_do_not_say_it_themselves(application: str, version: str, needed: str, tmp_path: Path) -> None:
    assert needed == str(php.needs(php_of(application), version, tmp_path, tmp_path))


def test_what_composer_checks_counts_where_vendor_is(tmp_path: Path) -> None:
    check = tmp_path / "vendor/composer/platform_check.php"
    check.parent.mkdir(parents=True)
    check.write_text("if (!(PHP_VERSION_ID >= 80205)) {")
    (tmp_path / "web/core").mkdir(parents=True)
    (tmp_path / "web/core/composer.json").write_text(json.dumps({"require": {"php": ">=8.1 <8.4"}}))
    assert "PHP 8.2.5 to 8.3" == str(php.needs(php_of("drupal"), "12.0.0", tmp_path, tmp_path / "web"))


SETTINGS: dict[str, Any] = {
    "hub": {"address": "10.0.0.1", "ssh": {"known_hosts": "/srv/known_hosts"}},
    "servers": {
        "web1": {"address": "10.0.0.2", "services": {"web": "apache"}},
        "web2": {"address": "10.0.0.3", "services": {"web": {"type": "nginx", "php": "8.3"}}},
        "db1": {"address": "10.0.0.8", "services": {"database": "mysql"}},
    },
    "clusters": {"web": {"servers": ["web1", "web2"], "uploads": "separate"}},
    "platforms": {"old": {"server": "web", "source": "/srv/old"}},
    "sites": {},
}
NEEDED = php.Range(low=(7, 0, 8), below=(8, 0, 0))


def judged(before: Recorded, needed: php.Range, found: Mapping[str, str]) -> tuple[php_fit.Verdict, list[str]]:
    declared = settings.load(SETTINGS, lambda _path: False)
    code = CodeBase(application="drupal", version="8.9.20", docroot=".", php=needed)
    source = Resolved(code=code, tree=Tree(digest="d" * 64, files=1, bytes=1), directory=Path("/srv/old"))
    asked: list[str] = []

    def ask(names: Iterable[str]) -> Mapping[str, str]:
        asked.extend(names)
        return found

    return php_fit.judge(before, declared, {"old": source}, ask), asked


def test_a_web_server_that_nobody_knows_yet_is_asked_and_each_is_named() -> None:
    verdict, asked = judged(Recorded({}), NEEDED, {"web1": "8.2"})
    assert ["web1"] == asked
    assert [
        f'aegir:platforms["old"].source: Drupal 8.9.20 needs PHP 7.0.8 to 7.4, and {server} has {version}. Take another '
        f'release of the code, or another PHP: aegir:servers["{server}"].services.web.php'
        for server, version in (("web1", "8.2"), ("web2", "8.3"))
    ] == verdict.problems
    assert [] == verdict.warnings


def test_a_site_that_takes_another_version_is_judged_by_that() -> None:
    several = {"type": "nginx", "php": ["8.3", "7.4"]}
    servers = {name: SETTINGS["servers"][name] for name in ("web2", "db1")}
    servers["web1"] = {"address": "10.0.0.2", "services": {"web": several}}
    platforms = {"old": {"server": "web1", "source": "/srv/old"}}
    code = CodeBase(application="drupal", version="8.9.20", docroot=".", php=NEEDED)
    source = Resolved(code=code, tree=Tree(digest="d" * 64, files=1, bytes=1), directory=Path("/srv/old"))

    def say(sites: dict[str, object]) -> tuple[list[str], str]:
        given = {**SETTINGS, "servers": servers, "platforms": platforms, "clusters": {}, "sites": sites}
        declared = settings.load(given, lambda _path: False)
        verdict = php_fit.judge(Recorded({}), declared, {"old": source}, lambda _names: {})
        return verdict.problems, php_fit.versions(Recorded({}), declared)["old"]

    assert ([], "") == say({})
    fits = {"platform": "old", "php": {"version": "7.4"}}
    assert ([], "7.4") == say({"a.example.com": fits})
    (problem,), oldest = say({"a.example.com": fits, "b.example.com": {"platform": "old"}})
    assert problem.endswith('or another PHP: aegir:servers["web1"].services.web.php, or php.version at its sites')
    assert "web1 has 8.3" in problem
    assert "7.4" == oldest


def test_nobody_is_asked_when_every_distribution_fits() -> None:
    verdict, asked = judged(Recorded({}), php.Range(low=(7, 2, 0)), {})
    assert ([], [], []) == (asked, verdict.problems, verdict.warnings)


def test_what_is_recorded_is_not_asked_for_and_a_release_that_is_live_is_warned_of() -> None:
    members: dict[str, dict[str, str]] = {"web1": {}, "web2": {}}
    before = Recorded(
        {
            "aegir:WebService": {"web1": {"php": "7.4"}},
            "aegir:Release": {"old": {"digest": "d" * 64, "members": members}},
        }
    )
    verdict, asked = judged(before, NEEDED, {})
    assert [] == asked
    assert [] == verdict.problems
    assert ["web2 has 8.3"] == [text.partition(", and ")[2].partition(". ")[0] for text in verdict.warnings]


def test_a_machine_that_does_not_answer_is_no_reason_to_stop() -> None:
    verdict, _ = judged(Recorded({}), php.Range(low=(8, 1, 0)), {})
    assert [] == verdict.problems


def test_composer_builds_for_what_is_declared_or_recorded() -> None:
    declared = settings.load(SETTINGS, lambda _path: False)
    assert {"old": "8.3"} == php_fit.versions(Recorded({}), declared)
    assert {"old": "7.4"} == php_fit.versions(Recorded({"aegir:WebService": {"web1": {"php": "7.4"}}}), declared)
