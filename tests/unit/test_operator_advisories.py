"""Updates that are pending for a release: 215 known advisories, histories as Drupal writes them, mirrors with gaps."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aegir_components.advisories import composer, drupal, mirror, versions, wordpress
from aegir_components.advisories.findings import Finding, Part
from aegir_components.advisories.mirror import Mirror, Places
from aegir_components.cli import updates
from aegir_components.cli.main import aegir
from aegir_components.facts import code
from aegir_components.scripts import script

DATA = Path(__file__).parents[1] / "data" / "advisories.tsv"
"""Facts from the public domain (FriendsOfPHP/security-advisories): package, number, affected versions."""
KNOWN = [line.split("\t") for line in DATA.read_text().splitlines()]


def before(version: str) -> str:
    """Give the version before one that fixes something, of the same branch."""
    numbers = version.split("-", maxsplit=1)[0].split(".")
    while numbers and numbers[-1] == "0":
        numbers.pop()
    return ".".join([*numbers[:-1], str(int(numbers[-1]) - 1)])


def spans(ranges: str) -> Iterator[tuple[str, str]]:
    """Give the versions that each range ends before, with one that is in it."""
    for part in ranges.split("|"):
        low = next((each[2:] for each in part.split(",") if each.startswith(">=")), "0")
        for each in part.split(","):
            if (
                each.startswith("<")
                and not each.startswith("<=")
                and versions.key(before(each[1:])) >= versions.key(low)
            ):
                yield each[1:], before(each[1:])


def test_more_than_a_hundred_known_advisories_hit_what_they_affect_and_not_what_fixes_it() -> None:
    assert len(KNOWN) > 200
    compared = 0
    for package, number, ranges in KNOWN:
        known: dict[str, list[dict[str, Any]]] = {package: [{"advisoryId": number, "affectedVersions": ranges}]}
        for fixed, affected in spans(ranges):
            [finding] = composer.judge(Part(kind="composer", name=package, version=affected), known)
            assert (number, fixed, "security") == (finding.what, finding.to, finding.level), (ranges, affected)
            later = [bound for bound in ranges.split("|") if versions.matches(fixed, bound)]
            assert later or not list(composer.judge(Part(kind="composer", name=package, version=fixed), known))
            compared += 1
    assert compared > 300


def history(*rows: tuple[str, str, str], supported: str = "", status: str = "published", name: str = "drupal") -> str:
    """Write a history as updates.drupal.org does: version, day and types of each release."""
    days = {day: str(1_500_000_000 + number * 86_400) for number, day in enumerate(sorted({row[1] for row in rows}))}
    releases = "".join(
        f"<release><name>{name} {version}</name><version>{version}</version><status>published</status><date>{days[day]}</date>"
        f"<terms>{''.join(f'<term><name>Release type</name><value>{kind}</value></term>' for kind in kinds.split(',') if kind)}"
        f"</terms><security covered='1'>Covered</security></release>"
        for version, day, kinds in rows
    )
    return (
        f"<?xml version='1.0' encoding='utf-8'?><project><title>X</title><short_name>{name}</short_name>"
        f"<supported_branches>{supported}</supported_branches><project_status>{status}</project_status>"
        f"<releases>{releases}</releases></project>"
    )


def of_core() -> list[tuple[str, str, str]]:
    """Make the history of core that the known advisories tell: fixes are security updates, what they replace is insecure."""
    fixed = {end for package, _, ranges in KNOWN if package == "drupal/core" for end, _ in spans(ranges)}
    fixed = {end for end in fixed if len(end.split(".")) == (2 if end.startswith("7.") else 3)}
    affected = {each for each in map(before, fixed) if len(each.split(".")) == (2 if each.startswith("7.") else 3)}
    listed = sorted(fixed | affected, key=versions.key)
    return [
        (version, f"{number:04}", ",".join(
            [*(["Security update"] if version in fixed else []), *(["Insecure"] if version in affected else [])]))
        for number, version in enumerate(listed)
    ]  # fmt: skip


def test_each_known_hole_of_drupals_core_is_pending_before_its_fix_and_its_branch_is_kept() -> None:
    rows = of_core()
    known = drupal.read(history(*rows))
    assert len(rows) > 100
    for version, _, kinds in rows:
        finding = drupal.judge(Part(kind="drupal", name="drupal", version=version), known)
        branch = ".".join(version.split(".")[: 1 if version.startswith("7.") else 2]) + "."
        later = [each for each, _, types in rows if each.startswith(branch) and "Security" in types
                 and versions.key(each) > versions.key(version)]  # fmt: skip
        if later or "Insecure" in kinds:
            assert finding is not None, version
            assert "security" == finding.level
            assert max(later, key=versions.key, default=finding.to) == finding.to
        else:
            assert finding is None or finding.level == "update", version


@pytest.mark.parametrize(
    ("version", "supported", "level", "to"),
    [
        ("8.x-1.3", "8.x-1.,2.0.", "security", "8.x-1.5"),
        ("8.x-1.5", "8.x-1.,2.0.", "", ""),
        ("8.x-1.5", "2.0.", "unsupported", "2.0.1"),
        ("8.x-1.6-beta1", "8.x-1.,2.0.", "", ""),
        ("8.x-1.x-dev", "8.x-1.,2.0.", "security", "8.x-1.5"),
        ("2.0.0", "8.x-1.,2.0.", "update", "2.0.1"),
        ("2.0.1", "2.0.", "", ""),
    ],
)
def test_a_contributed_project_has_its_branches(version: str, supported: str, level: str, to: str) -> None:
    rows = [
        ("8.x-1.3", "1", "Insecure"), ("8.x-1.4", "2", "Security update"), ("8.x-1.5", "3", "Bug fixes"), ("2.0.0", "4", ""),
        ("2.0.1", "5", "Bug fixes"),
    ]  # fmt: skip
    known = drupal.read(history(*rows, supported=supported, name="token"))
    finding = drupal.judge(Part(kind="drupal", name="token", version=version), known)
    assert (level, to) == ((finding.level, finding.to) if finding else ("", ""))


def test_a_project_that_was_given_up_is_said() -> None:
    known = drupal.read(history(("1.0.0", "1", ""), status="unsupported", name="gone"))
    finding = drupal.judge(Part(kind="drupal", name="gone", version="1.0.0"), known)
    assert finding is not None
    assert ("unsupported", "the project is unsupported") == (finding.level, finding.what)


@pytest.mark.parametrize(
    "text",
    ["", "<error>No release history</error>", "<project", "<!DOCTYPE x [<!ENTITY a 'b'>]><project>&a;</project>"],
)
def test_what_is_no_history_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="no release history"):
        drupal.read(text)


# WordPress.

STABLE = {"6.1": "insecure", "6.1.8": "insecure", "6.1.9": "outdated", "6.9": "insecure", "6.9.1": "latest"}
HOLE = {
    "id": "1", "cve": "CVE-2026-1", "published": "2026-01-02 03:04:05",
    "software": [{"type": "plugin", "slug": "shop", "patched_versions": ["2.0.1", "1.9.5"], "affected_versions": {
        "a": {"from_version": "*", "to_version": "1.9.4", "to_inclusive": True},
        "b": {"from_version": "2.0", "from_inclusive": True, "to_version": "2.0.1", "to_inclusive": False}}}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (("wordpress-core", "wordpress", "6.1.8"), [("security", "6.1.9")]),
        (("wordpress-core", "wordpress", "6.1.9"), [("update", "6.9.1")]),
        (("wordpress-core", "wordpress", "6.9.1"), []),
        (("wordpress-core", "wordpress", "6.9"), [("security", "6.9.1")]),
        (("wordpress-core", "wordpress", "9.9"), []),
        (("wordpress-plugin", "shop", "1.9.4"), [("security", "1.9.5")]),
        (("wordpress-plugin", "shop", "2.0"), [("security", "2.0.1")]),
        (("wordpress-plugin", "shop", "2.0.1"), [("update", "2.1")]),
        (("wordpress-theme", "shop", "1.0"), []),
    ],
)
def test_wordpress_and_its_plugins(part: tuple[str, str, str], found: list[tuple[str, str]]) -> None:
    known = wordpress.Known(core=STABLE, newest={"plugin/shop": ("2.1", "2026-02-01")}, holes=(HOLE,))
    kind, name, version = part
    assert found == [
        (each.level, each.to) for each in wordpress.judge(Part(kind=kind, name=name, version=version), known)
    ]


# The mirror.


@pytest.fixture
def network(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    root = tmp_path / "network"
    root.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, directory=str(root), **options)

        def translate_path(self, path: str) -> str:
            slug = path.partition("slug=")[2].partition("&")[0]
            return super().translate_path(f"{path.partition('?')[0].rstrip('/')}{f'/{slug}' if slug else ''}")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", root
    server.shutdown()
    server.server_close()


PARTS = [
    Part(kind="drupal", name="drupal", version="10.1.0"), Part(kind="drupal", name="token", version="8.x-1.3"),
    Part(kind="drupal", name="views", version="7.x-3.1"), Part(kind="drupal", name="custom", version="1.0"),
    Part(kind="wordpress-core", name="wordpress", version="6.1.8"), Part(kind="wordpress-plugin", name="shop", version="1.9.4"),
    Part(kind="composer", name="twig/twig", version="3.0.0"), Part(kind="drupal", name="../../etc", version="1.0"),
]  # fmt: skip


def serve(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_one_command_fills_a_mirror_and_what_cannot_be_got_stays_as_it_was(
    network: tuple[str, Path], tmp_path: Path
) -> None:
    url, root = network
    serve(root, "drupal/drupal/current", history(("10.1.0", "1", "Insecure"), ("10.1.1", "2", "Security update")))
    serve(root, "drupal/token/current", history(("8.x-1.3", "1", ""), name="token"))
    serve(root, "drupal/views/7.x", history(("7.x-3.1", "1", ""), ("7.x-3.2", "2", "Security update"), name="views"))
    serve(root, "drupal/custom/current", "<error>No release history was found</error>")
    serve(root, "wp/core/stable-check/1.0", json.dumps(STABLE))
    serve(root, "wp/plugins/info/1.2/shop", json.dumps({"version": "2.1", "last_updated": "2026-02-01 1:00am GMT"}))
    serve(root, "holes", json.dumps({"1": HOLE}))
    serve(
        root,
        "packages",
        json.dumps({"advisories": {"Twig/Twig": [{"cve": "CVE-1", "affectedVersions": ">=3.0.0,<3.0.1"}]}}),
    )
    places = Places(
        drupal=f"{url}/drupal", wordpress=f"{url}/wp", vulnerabilities=f"{url}/holes", composer=f"{url}/packages"
    )
    made = tmp_path / "mirror"
    done = mirror.fetch(made, PARTS, places, lambda _text: None)
    assert 7 == done.got
    assert ["drupal/custom.xml"] == list(done.failed)
    known = Mirror(directory=made)
    found = {part.name: [(each.level, each.to) for each in known.judge(part)] for part in PARTS}
    assert {
        "drupal": [("security", "10.1.1")], "token": [], "views": [("security", "7.x-3.2")], "custom": [],
        "wordpress": [("security", "6.1.9")], "shop": [("security", "1.9.5")], "twig/twig": [("security", "3.0.1")],
        "../../etc": [],
    } == found  # fmt: skip
    assert [False] * 2 == [known.knows(PARTS[3]), known.knows(PARTS[7])]
    assert all(known.knows(part) for part in PARTS[:3])

    # The network gives nonsense, or nothing: what was known is known still.
    serve(root, "drupal/drupal/current", "<html>log in to the hotel's network</html>")
    (root / "wp/core/stable-check/1.0").unlink()
    again = mirror.fetch(made, PARTS, places, lambda _text: None)
    assert {"drupal/drupal.xml", "wordpress/core.json", "drupal/custom.xml"} == set(again.failed)
    assert [("security", "10.1.1")] == [(each.level, each.to) for each in Mirror(directory=made).judge(PARTS[0])]
    assert not list(made.rglob(".*"))


def test_an_empty_mirror_knows_nothing(tmp_path: Path) -> None:
    known = Mirror(directory=tmp_path / "none")
    assert known.oldest is None
    assert not any(known.judge(part) or known.knows(part) for part in PARTS)


# What a release has.


def test_a_releases_parts_are_read_on_the_machine_and_nothing_of_it_runs(tmp_path: Path) -> None:
    files = {
        "web/core/modules/node/node.info.yml": "name: Node\nversion: '10.1.6'\nproject: 'drupal'\n",
        "web/modules/contrib/token/token.info.yml": "name: Token\r\nversion: '8.x-1.3'\r\nproject: 'token'\r\n",
        "web/modules/contrib/token/tests/x/x.info.yml": "version: '9.9'\nproject: 'test_only'\n",
        "web/modules/custom/own/own.info.yml": "name: Own\nversion: VERSION\n",
        "web/sites/all/modules/views/views.info": 'name = Views\nversion = "7.x-3.1"\nproject = "views"\n',
        "web/modules/evil/evil.info.yml": "version: '1;rm'\nproject: '$(id)'\n",
        "composer.lock": json.dumps({"packages": [{"name": "Twig/Twig", "version": "v3.0.0"}], "packages-dev": [
            {"name": "phpunit/phpunit", "version": "9.0"}]}),
        "wp/wp-content/plugins/shop/shop.php": "<?php\n/**\n * Plugin Name: Shop\n * Version: 1.9.4\n */\nexit(1);",
        "wp/wp-content/plugins/hello.php": "<?php\n/*\nPlugin Name: Hello\nVersion: 1.7\n*/",
        "wp/wp-content/plugins/shop/other.php": "<?php // Version: 8",
        "wp/wp-content/themes/x/style.css": "/*\nTheme Name: X\nVersion: 2.5\n*/",
    }  # fmt: skip
    for name, text in files.items():
        serve(tmp_path, name, text)

    def read(application: str, docroot: str, version: str) -> list[tuple[str, str, str]]:
        text = script.render("check", code.items(application, str(tmp_path), docroot), holder="a test")
        done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=20, check=True)
        found = code.parts(script.parse(done.stdout).facts, application, version)
        return [(part.kind, part.name, part.version) for part in found]

    twig = ("composer", "twig/twig", "3.0.0")
    assert [
        twig, ("drupal", "drupal", "10.1.6"), ("drupal", "token", "8.x-1.3"), ("drupal", "views", "7.x-3.1")
    ] == read("drupal", "web", "10.1.6")  # fmt: skip
    assert [
        twig, ("wordpress-core", "wordpress", "6.1"), ("wordpress-plugin", "hello", "1.7"), ("wordpress-plugin", "shop", "1.9.4"),
        ("wordpress-theme", "x", "2.5"),
    ] == read("wordpress", "wp", "6.1")  # fmt: skip


@pytest.mark.parametrize("lock", ["", "no base64", "bm8gZ3ppcA=="])
def test_a_lock_that_is_none_has_no_packages(lock: str) -> None:
    assert [Part(kind="drupal", name="drupal", version="1.0")] == code.parts({"lock": lock}, "drupal", "1.0")


@pytest.mark.parametrize(
    "name", ["facts/logs.sh", "deploy/command.sh", "facts/code.sh", "facts/disk.sh", "facts/explain.sh"]
)
def test_the_shell_is_clean(name: str) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed here")
    path = str(resources.files("aegir_components").joinpath(name))
    assert (
        0
        == subprocess.run(
            ["shellcheck", "--shell=sh", "--severity=warning", "--exclude=SC2010", path], timeout=30, check=False
        ).returncode
    )


def test_what_the_mirror_says_drives_no_terminal() -> None:
    part = Part(kind="composer", name="a/b", version="1")
    finding = Finding(part=part, level="security", to="\x1b[31m2", what="CVE\n" + "x" * 500)
    pending = updates.Pending(
        platform="shop",
        application="drupal",
        version="10",
        release="r",
        sites=1,
        parts=1,
        unknown=0,
        findings=(finding,),
    )
    text = "\n".join(updates._text([pending], everything=False))
    assert "\x1b" not in text
    assert "?[31m2" in text
    assert max(map(len, text.splitlines())) < 300


def test_one_cause_is_told_once_for_all_lists_that_it_keeps_away() -> None:
    dead = "cannot be got ([Errno -2] Name or service not known)"
    failed = {f"drupal/{name}.xml": f"https://updates.example.org/{name}/current {dead}" for name in ("a", "b", "c")}
    failed["composer.json"] = "https://composer.example.org/advisories?all answers 404"
    assert [
        (["drupal/a.xml", "drupal/b.xml", "drupal/c.xml"], f"https://updates.example.org {dead}"),
        (["composer.json"], failed["composer.json"]),
    ] == list(updates._together(failed))


def test_a_hub_without_a_way_out_is_told_how_a_mirror_is_carried_to_it(tmp_path: Path) -> None:
    projects = tmp_path / "projects.txt"
    projects.write_text("wordpress-core\twordpress\t6.1.9\n")
    words = ["advisories", "fetch", "--projects", str(projects), "--directory", str(tmp_path / "mirror")]
    # Nobody listens on port 9, so each list is refused at once.
    done = CliRunner().invoke(aegir, [*words, "--wordpress", "http://127.0.0.1:9", "--drupal", "http://127.0.0.1:9"])
    assert 3 == done.exit_code, done.output
    assert "aegir advisories fetch --projects projects.txt --directory mirror" in done.output
