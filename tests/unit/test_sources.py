"""What a source tree is on the hub: its digest, its cache, what it may not hold, and which application it is."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from aegir_components.applications import APPLICATIONS, Answer, detect
from aegir_components.applications.base import first_words, program
from aegir_components.sources import tree
from aegir_components.sources.faults import SourceError


def fill(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    return root


def read(root: Path, patterns: tuple[str, ...] = (), docroot: str = ".") -> tree.Tree:
    return tree.read(root, patterns, docroot, root.parent / "cache" / "sums")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return fill(tmp_path / "code", "index.php", "core/a.php", "core/b.php")


class TestTree:
    def test_it_counts_files_and_bytes(self, code: Path) -> None:
        found = read(code)
        assert 3 == found.files
        assert sum(path.stat().st_size for path in code.rglob("*.php")) == found.bytes
        assert 64 == len(found.digest)

    def test_it_depends_on_content_alone(self, code: Path, tmp_path: Path) -> None:
        before = read(code).digest
        for path in code.rglob("*"):
            os.utime(path, (1, 1))
        (code / "index.php").chmod(0o600)
        code.rename(tmp_path / "elsewhere")
        assert before == read(tmp_path / "elsewhere").digest

    def test_a_second_read_opens_no_file(self, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = read(code)
        monkeypatch.setattr("builtins.open", lambda *given, **named: pytest.fail("a file was read"))
        assert before == read(code)

    @pytest.mark.parametrize("keep_time", [False, True])
    def test_a_changed_file_is_read_again(self, keep_time: bool, code: Path) -> None:
        before, facts = read(code).digest, (code / "index.php").stat()
        (code / "index.php").write_text("CONTENT of index.php")
        if keep_time:
            # Same size and mtime: ctime tells.
            os.utime(code / "index.php", ns=(facts.st_atime_ns, facts.st_mtime_ns))
        assert before != read(code).digest

    @pytest.mark.parametrize(
        "rubbish",
        ["", "{", "null", "[]", "{}\n5", '{"seen": "", "tree": {}}', '{"tree": 5}\nindex.php\0f 644  index.php\0\0'],
    )
    def test_a_broken_cache_is_no_cache(self, rubbish: str, code: Path) -> None:
        before = read(code).digest
        (code.parent / "cache" / "sums").write_text(rubbish)
        assert before == read(code).digest

    def test_files_that_went_leave_the_cache(self, code: Path) -> None:
        read(code)
        (code / "core" / "a.php").unlink()
        read(code)
        entries = (code.parent / "cache" / "sums").read_bytes().partition(b"\n")[2].split(b"\0")
        assert {b"index.php", b"core", b"core/b.php"} == set(entries[:-1:3])

    def test_of_many_files_only_the_changed_one_is_read(self, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        read(code)
        (code / "index.php").write_text("another")
        opened: list[bytes] = []

        def noting(path: bytes, *given: object, **named: object) -> object:
            opened.append(path)
            return os.fdopen(os.open(path, os.O_RDONLY), "rb", buffering=0)

        monkeypatch.setattr("builtins.open", noting)
        read(code)
        assert [os.fsencode(code / "index.php")] == opened

    @pytest.mark.parametrize("change", ["mode", "name", "link", "directory"])
    def test_what_a_tree_is_made_of_is_more_than_bytes(self, change: str, code: Path) -> None:
        (code / "link").symlink_to("index.php")
        before = read(code).digest
        if change == "mode":
            (code / "index.php").chmod(0o755)
        elif change == "name":
            (code / "index.php").rename(code / "other.php")
        elif change == "link":
            (code / "link").unlink()
            (code / "link").symlink_to("core")
        else:
            (code / "empty").mkdir()
        assert before != read(code).digest

    @pytest.mark.parametrize("name", [".git", ".svn", ".hg", "CVS", "core/.git"])
    def test_version_controls_own_data_are_no_part_of_it(self, name: str, code: Path) -> None:
        before = read(code)
        fill(code, f"{name}/config")
        assert before == read(code)

    def test_a_directory_that_is_not_there_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"is no directory.*mount it; nothing is deleted"):
            read(tmp_path / "none")

    def test_an_empty_one_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "code" / "only" / "directories").mkdir(parents=True)
        with pytest.raises(SourceError, match="holds no file; nothing is deleted"):
            read(tmp_path / "code")

    def test_a_source_with_only_what_is_left_out_is_empty(self, tmp_path: Path) -> None:
        fill(tmp_path / "code", "wp-config.php")
        with pytest.raises(SourceError, match="holds no file"):
            read(tmp_path / "code", ("/wp-config.php",))


class TestRefusals:
    @pytest.mark.parametrize("kind", ["pipe", "socket"])
    def test_a_pipe_or_socket(self, kind: str, code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        if kind == "pipe":
            os.mkfifo(code / "it")
        else:
            monkeypatch.chdir(code)
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind("it")
        with pytest.raises(SourceError, match="it' is a device, pipe or socket"):
            read(code)

    @pytest.mark.parametrize("bit", [0o4000, 0o2000])
    def test_a_program_with_anothers_rights(self, bit: int, code: Path) -> None:
        (code / "it").touch()
        (code / "it").chmod(0o755 | bit)
        with pytest.raises(SourceError, match=r"it' is set-user-id.*chmod ug-s"):
            read(code)

    @pytest.mark.parametrize("target", ["/etc/passwd", "..", "../", "../../etc", "core/../../x", "/", "core/../.."])
    def test_a_link_that_leaves_the_tree(self, target: str, code: Path) -> None:
        (code / "it").symlink_to(target)
        with pytest.raises(SourceError, match=r"it' is a link to .*outside of the source"):
            read(code)

    @pytest.mark.parametrize("target", ["index.php", "core", "core/../index.php", "no such file", "core/..", "..."])
    def test_a_link_inside_is_fine(self, target: str, code: Path) -> None:
        (code / "it").symlink_to(target)
        assert 3 == read(code).files

    def test_a_link_below_may_go_up_to_the_root(self, code: Path) -> None:
        (code / "core" / "it").symlink_to("../index.php")
        read(code)
        (code / "core" / "out").symlink_to("../../x")
        with pytest.raises(SourceError, match="core/out"):
            read(code)

    def test_links_are_never_followed(self, code: Path) -> None:
        (code / "loop").symlink_to(".")
        assert 3 == read(code).files

    def test_what_is_left_out_is_not_judged(self, code: Path) -> None:
        (code / "sites" / "default").mkdir(parents=True)
        (code / "sites" / "default" / "files").symlink_to("/srv/files")
        assert 3 == read(code, ("/sites/*/files",)).files


class TestExclusions:
    @pytest.mark.parametrize(
        ("path", "left_out"),
        [
            ("sites/default/settings.php", True),
            ("sites/www.example.com/settings.php", True),
            ("sites/default/files/a.png", True),
            ("sites/default/private/a", True),
            ("sites/sites.php", True),
            ("sites/default/default.settings.php", False),
            ("sites/settings.php", False),
            ("sites/a/b/settings.php", False),
            ("core/sites/default/settings.php", False),
            ("modules/sites/default/files/a", False),
            ("sites/development.services.yml", False),
            ("sites/default/services.yml", True),
        ],
    )
    @pytest.mark.parametrize("docroot", [".", "web"])
    def test_drupals_are_anchored_at_the_document_root(
        self, path: str, left_out: bool, docroot: str, tmp_path: Path
    ) -> None:
        root = tmp_path / "code"
        fill(root / docroot, "index.php")
        before = read(root, APPLICATIONS["drupal"].exclusions, docroot).files
        fill(root / docroot, path)
        assert before + (0 if left_out else 1) == read(root, APPLICATIONS["drupal"].exclusions, docroot).files

    def test_the_same_are_given_to_rsync(self) -> None:
        options = tree.anchored(("/sites/*/files",), "web")
        assert "--exclude=/web/sites/*/files" == options[0]
        assert "--exclude=/sites/*/files" == tree.anchored(("/sites/*/files",), ".")[0]
        assert "--exclude=.git" in options

    def test_no_exclusion_is_unanchored(self) -> None:
        for application in APPLICATIONS.values():
            assert all(pattern.startswith("/") and "**" not in pattern for pattern in application.exclusions)

    def test_a_dot_is_a_dot(self, tmp_path: Path) -> None:
        fill(tmp_path / "code", "wp-configXphp", "wp-config.php", "index.php")
        assert 2 == read(tmp_path / "code", ("/wp-config.php",)).files


INFO = "name: Standard\ntype: profile\n"


@pytest.fixture
def drupal(tmp_path: Path) -> Path:
    root = tmp_path / "drupal"
    core = root / "web" / "core"
    fill(core, "lib/Drupal.php")
    (core / "lib" / "Drupal.php").write_text("<?php\nclass Drupal {\n  const VERSION = '10.3.6';\n}\n")
    for name, text in {
        "core/profiles/standard/standard.info.yml": INFO,
        "core/profiles/minimal/minimal.info.yml": INFO,
        "core/profiles/demo_umami/demo_umami.info.yml": INFO,
        "core/profiles/nightwatch/nightwatch.info.yml": INFO + "hidden: true\n",
        "core/profiles/testing/testing.info.yml": INFO + "hidden: TRUE\n",
        "core/profiles/demo_umami/modules/demo/demo.info.yml": "type: module\n",
        "core/profiles/minimal/tests/profile/profile.info.yml": INFO,
        "profiles/ours/ours.info.yml": INFO,
        "profiles/contrib/deep/deep.info.yml": INFO,
        "profiles/broken/broken.info.yml": "type: [profile\n",
        "profiles/contrib/open_social/social.info.yml": INFO + "base profile: standard\n",
        "profiles/list/list.info.yml": "- profile\n",
        "profiles/ours/modules/custom/custom.info.yml": INFO,
    }.items():
        path = root / "web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


class TestDetection:
    def test_drupal_with_version_document_root_and_profiles(self, drupal: Path) -> None:
        found = detect(drupal)
        assert found is not None
        assert ("drupal", "10.3.6", "web") == (found.application, found.version, found.docroot)
        assert ("deep", "demo_umami", "minimal", "ours", "social", "standard") == found.profiles

    def test_profiles_and_distributions_with_what_they_call_themselves(self, drupal: Path) -> None:
        shop = drupal / "web/profiles/shop"
        shop.mkdir()
        (shop / "shop.info.yml").write_text("name: Shop\ntype: profile\ndistribution:\n  name: Commerce Kickstart\n")
        (drupal / "web/profiles/ours/ours.info.yml").write_text("type: profile\n")
        found = detect(drupal)
        assert found is not None
        assert ("Commerce Kickstart", "Standard", "ours") == tuple(
            found.titles[x] for x in ("shop", "standard", "ours")
        )
        assert set(found.profiles) == set(found.titles)

    @pytest.mark.parametrize("docroot", [".", "web", "docroot", "html"])
    @pytest.mark.parametrize("application", ["drupal", "wordpress"])
    def test_every_usual_document_root(self, application: str, docroot: str, tmp_path: Path) -> None:
        marker = {"drupal": "core/lib/Drupal.php", "wordpress": "wp-includes/version.php"}[application]
        text = {"drupal": "const VERSION = '11.0.1';", "wordpress": "$wp_version = '6.6.2';"}[application]
        fill(tmp_path / docroot, marker)
        (tmp_path / docroot / marker).write_text(text)
        found = detect(tmp_path)
        assert found is not None
        assert (application, docroot) == (found.application, found.docroot)
        assert found.version in text

    def test_drupal_7_with_the_profiles_that_a_person_can_choose(self, tmp_path: Path) -> None:
        fill(tmp_path, "web/includes/bootstrap.inc")
        (tmp_path / "web/includes/bootstrap.inc").write_text("<?php\ndefine('VERSION', '7.105');\n")
        for name, text in {
            "minimal": "name = Minimal\nhidden = TRUE\n",
            "testing": "name = Testing\nhidden = TRUE\n",
            "shop": 'name = Shop\ndistribution_name = "Commerce Kickstart"\n',
            "plain": "core = 7.x\n",
        }.items():
            fill(tmp_path, f"web/profiles/{name}/{name}.profile")
            (tmp_path / f"web/profiles/{name}/{name}.info").write_text(text)
        fill(tmp_path, "web/profiles/half/half.info", "web/profiles/shop/other.info")
        fill(tmp_path, "web/profiles/contrib/open/social.info", "web/profiles/contrib/open/social.profile")
        found = detect(tmp_path)
        assert found is not None
        assert ("drupal7", "7.105", "web") == (found.application, found.version, found.docroot)
        assert {
            "minimal": "Minimal",
            "plain": "plain",
            "shop": "Commerce Kickstart",
            "social": "social",
        } == found.titles
        assert ("minimal", "plain", "shop", "social") == found.profiles

    def test_backdrop_with_the_profiles_and_translations_that_it_brings(self, tmp_path: Path) -> None:
        fill(tmp_path, "core/includes/bootstrap.inc", "translations/backdropcms-1.28.de.po")
        (tmp_path / "core/includes/bootstrap.inc").write_text("<?php\ndefine('BACKDROP_VERSION', '1.28.2');\n")
        for place, text in (
            ("core/profiles/minimal", "name = Minimal\nhidden = TRUE\n"),
            ("profiles/shop", "name = Shop\n"),
        ):
            name = place.rpartition("/")[2]
            fill(tmp_path, f"{place}/{name}.profile")
            (tmp_path / f"{place}/{name}.info").write_text(text)
        found = detect(tmp_path)
        assert found is not None
        assert ("backdrop", "1.28.2", ".") == (found.application, found.version, found.docroot)
        assert ({"minimal": "Minimal", "shop": "Shop"}, ("de",)) == (found.titles, found.languages)

    def test_drupal_6_is_none_of_them(self, tmp_path: Path) -> None:
        fill(tmp_path, "includes/bootstrap.inc")
        (tmp_path / "includes/bootstrap.inc").write_text("<?php\ndefine('VERSION', '6.38');\n")
        assert detect(tmp_path) is None

    def test_translations_that_a_code_base_brings(self, tmp_path: Path) -> None:
        languages = "wp/wp-content/languages"
        fill(
            tmp_path,
            "wp/wp-includes/version.php",
            *(f"{languages}/{name}" for name in ("de_DE.mo", "admin-de_DE.mo", "pt_BR.mo")),
        )
        found = detect(tmp_path / "wp")
        assert found is not None
        assert ("de_DE", "pt_BR") == found.languages
        fill(tmp_path, "d7/includes/bootstrap.inc", "d7/profiles/standard/translations/drupal-7.105.de.po")
        (tmp_path / "d7/includes/bootstrap.inc").write_text("<?php\ndefine('VERSION', '7.105');\n")
        found = detect(tmp_path / "d7")
        assert found is not None
        assert ("de",) == found.languages

    def test_wordpress_has_no_profiles(self, tmp_path: Path) -> None:
        fill(tmp_path, "wp-includes/version.php")
        found = detect(tmp_path)
        assert found is not None
        assert ((), "unknown") == (found.profiles, found.version)

    @pytest.mark.parametrize("names", [(), ("index.php",), ("sub/web/core/lib/Drupal.php",), ("wp-config.php",)])
    def test_anything_else_is_none_of_them(self, names: tuple[str, ...], tmp_path: Path) -> None:
        assert detect(fill(tmp_path, *names)) is None

    def test_a_link_into_nowhere_is_none(self, tmp_path: Path) -> None:
        assert detect(tmp_path / "none") is None


def answer(status: int = 200, body: str = "", **headers: str) -> Answer:
    return Answer(status=status, headers={key.replace("_", "-"): value for key, value in headers.items()}, body=body)


class TestJudging:
    @pytest.mark.parametrize(
        "said",
        [
            answer(body="<p>", x_generator="Drupal 10 (https://www.drupal.org)"),
            answer(403, x_generator="Drupal 10"),
            answer(302, x_generator="Drupal 10"),
            answer(body='<meta name="Generator" content="Drupal 10">'),
            answer(body='<script data-drupal-selector="x">'),
        ],
    )
    def test_drupal(self, said: Answer) -> None:
        assert APPLICATIONS["drupal"].judge(said) is None

    @pytest.mark.parametrize(
        "said",
        [
            answer(body='<link href="/wp-includes/x.css">'),
            answer(301, x_redirect_by="WordPress"),
            answer(body="<p>", link='<http://x/wp-json/>; rel="https://api.w.org/"'),
        ],
    )
    def test_wordpress(self, said: Answer) -> None:
        assert APPLICATIONS["wordpress"].judge(said) is None

    @pytest.mark.parametrize(
        "said",
        [
            answer(body="<p>", x_generator="Backdrop CMS 1 (https://backdropcms.org)"),
            answer(403, x_generator="Backdrop CMS 1"),
            answer(body='<meta name="Generator" content="Backdrop CMS 1">'),
        ],
    )
    def test_backdrop(self, said: Answer) -> None:
        assert APPLICATIONS["backdrop"].judge(said) is None

    @pytest.mark.parametrize(
        ("said", "words"),
        [
            (answer(302, location="http://x/core/install.php"), "its installer"),
            (answer(503, "<p>under maintenance", x_generator="Backdrop CMS 1"), "answers 503"),
            (answer(502, "<h1>Bad Gateway</h1>"), "answers 502: its web server got no answer of PHP"),
            (answer(504, ""), "Check it: aegir status --live"),
            (answer(body='<html lang="en" class="maintenance-page-wrapper"><p>Choose language', x_generator="Backdrop CMS 1"),
             "a page of its maintenance or installation: Choose language"),
            (answer(body='<html><body class="in-maintenance">', x_generator="Backdrop CMS 1"), "a page of its maintenance"),
            (answer(x_generator="Drupal 10"), "an empty page"),
            (answer(body="<p>x", x_generator="Drupal 7"), "not from Backdrop"),
        ],
    )  # fmt: skip
    def test_what_backdrop_answers_without_a_site_is_no_health(self, said: Answer, words: str) -> None:
        assert words in (APPLICATIONS["backdrop"].judge(said) or "")

    @pytest.mark.parametrize("application", ["drupal", "wordpress", "backdrop"])
    @pytest.mark.parametrize(
        ("said", "words"),
        [
            (answer(500, "<h1>The website encountered an <b>unexpected</b> error</h1>"), "unexpected error"),
            (answer(503, ""), "an empty page"),
            (answer(200, "<h1>Apache2 Debian Default Page</h1>"), "Apache2 Debian Default Page"),
            (answer(404, "<h1>Not Found</h1>"), "404"),
            (answer(200, "nginx"), "nginx"),
            (answer(200, " ", x_generator="Drupal 10, Backdrop", link="https://api.w.org/"), "an empty page"),
        ],
    )
    def test_everything_else_says_what_came(self, application: str, said: Answer, words: str) -> None:
        why = APPLICATIONS[application].judge(said)
        assert why is not None
        assert why.startswith(f"answers {said.status}")
        assert words in why

    def test_the_other_application_is_not_taken_for_it(self) -> None:
        assert APPLICATIONS["drupal"].judge(answer(body='<link href="/wp-includes/x.css">'))
        assert APPLICATIONS["wordpress"].judge(answer(x_generator="Drupal 10"))

    def test_a_status_that_is_no_page_is_a_fault(self) -> None:
        assert APPLICATIONS["drupal"].judge(answer(404, x_generator="Drupal 10"))

    def test_the_first_words_of_a_page_are_short(self) -> None:
        assert 160 == len(first_words("<p>" + "word " * 500))


class TestInstallers:
    @pytest.mark.parametrize("names", [each for app in APPLICATIONS.values() for each in (app.installer, app.password)])
    def test_its_input_is_data_and_no_code(self, names: tuple[str, ...]) -> None:
        hostile = "'; system('id'); //\n<?php ?> \\ ü"
        text = program({"title": hostile}, *names)
        assert text.startswith("<?php\n")
        assert 1 == text.count("<?php")
        assert "system(" not in text

    def test_its_input_reads_back(self) -> None:
        import base64
        import re

        packed = re.search(r"base64_decode\('([^']+)'\)", program({"a": "ü'\n", "n": 3306}, "drupal/install.php"))
        assert packed is not None
        assert {"a": "ü'\n", "n": 3306} == json.loads(base64.b64decode(packed[1]))
