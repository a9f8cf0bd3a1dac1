"""Translations: which files of a directory a code base needs, and that they reach its copy on the hub and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from aegir_components.applications import APPLICATIONS, CodeBase, detect
from aegir_components.applications.translations import drupal_languages
from aegir_components.sources import translations
from aegir_components.sources.builds import Store
from aegir_components.sources.faults import SourceError

HUB = (
    "drupal-10.1.2.de.po", "drupal-10.1.6.de.po", "old/drupal-10.2.0.de.po", "drupal-7.100.de.po", "drupal-9.5.0.de.po",
    "webform-6.1.8.de.po", "drupal-10.1.6.pt-br.po", "de_DE.mo", "de_DE.po", "admin-de_DE.mo",
    "plugins/akismet-de_DE.mo", "de_DE-0123456789abcdef0123456789abcdef.json", "fr_FR.po", "de_DE_formal.mo",
)  # fmt: skip


@pytest.mark.parametrize(
    ("application", "version", "language", "wanted"),
    [
        ("drupal", "10.1.6", "de", {"drupal-10.1.6.de.po", "webform-6.1.8.de.po"}),
        ("drupal", "10.1.5", "de", {"drupal-10.1.2.de.po", "webform-6.1.8.de.po"}),
        ("drupal", "10.0.9", "de", {"drupal-10.1.2.de.po", "webform-6.1.8.de.po"}),
        ("drupal", "10.3.0", "de", {"old/drupal-10.2.0.de.po", "webform-6.1.8.de.po"}),
        ("drupal", "10.1.6", "pt-br", {"drupal-10.1.6.pt-br.po"}),
        ("drupal", "11.0.0", "de", set()),
        ("drupal7", "7.105", "de", {"drupal-7.100.de.po"}),
        ("drupal7", "7.105", "fr", set()),
        (
            "wordpress", "6.9", "de_DE",
            {"de_DE.mo", "de_DE.po", "admin-de_DE.mo", "plugins/akismet-de_DE.mo", "de_DE-0123456789abcdef0123456789abcdef.json"},
        ),
        ("wordpress", "6.9", "fr_FR", set()),
    ],
)  # fmt: skip
def test_the_files_of_a_language_are_those_nearest_to_the_release(
    application: str, version: str, language: str, wanted: set[str]
) -> None:
    code = CodeBase(application=application, version=version, docroot="web", profiles=("minimal", "standard"))
    found = APPLICATIONS[application].translated(code, language, HUB)
    assert wanted == {path for path, _ in found}


def test_each_application_has_its_own_place() -> None:
    def places(application: str, language: str, names: Sequence[str] = HUB) -> list[str]:
        code = CodeBase(application=application, version="7.105", docroot=".", profiles=("minimal", "standard"))
        return sorted(place for _, place in APPLICATIONS[application].translated(code, language, names))

    assert ["profiles/minimal/translations/de.po", "profiles/standard/translations/de.po"] == places("drupal7", "de")
    assert places("drupal7", "de", ["de.po"]) == places("drupal7", "de")
    assert "wp-content/languages/plugins/akismet-de_DE.mo" in places("wordpress", "de_DE")


def test_a_code_base_that_lacks_a_language_is_copied_with_it_once(tmp_path: Path) -> None:
    source, hub = tmp_path / "source", tmp_path / "hub"
    for path, text in (
        (source / "web/core/lib/Drupal.php", "<?php const VERSION = '10.1.6';"),
        (source / "web/translations/drupal-10.1.6.fr.po", "x"),
        (hub / "drupal-10.1.6.de.po", "msgid"),
        (hub / "drupal-10.1.6.fr.po", "another"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    code = detect(source)
    assert code is not None
    assert ("fr",) == code.languages
    said: list[str] = []
    store = Store(root=tmp_path / "builds", keep=3, info=said.append)
    added = translations.wanted(code, str(hub), ["en", "fr", "de", "it"])
    assert ["web/translations/drupal-10.1.6.de.po"] == [each.place for each in added]
    made = translations.add(source, "digest", added, store, "p")
    assert made == translations.add(source, "digest", added, store, "p")
    assert 1 == len(said)
    now = detect(made)
    assert now is not None
    assert ("de", "fr") == now.languages
    assert "x" == (made / "web/translations/drupal-10.1.6.fr.po").read_text()
    assert not (source / "web/translations/drupal-10.1.6.de.po").exists()
    (hub / "drupal-10.1.6.de.po").write_text("another msgid")
    assert made != translations.add(source, "digest", added, store, "p")


def test_no_file_is_written_through_a_link_of_the_code_base(tmp_path: Path) -> None:
    source, hub, outside = tmp_path / "source", tmp_path / "hub", tmp_path / "outside"
    outside.mkdir()
    (source / "core/lib").mkdir(parents=True)
    (source / "core/lib/Drupal.php").write_text("<?php const VERSION = '10.1.6';")
    (source / "translations").symlink_to(outside)
    hub.mkdir()
    (hub / "drupal-10.1.6.de.po").write_text("msgid")
    code = detect(source)
    assert code is not None
    store = Store(root=tmp_path / "builds", keep=3, info=lambda _: None)
    with pytest.raises(SourceError, match="leads out of the code base"):
        translations.add(source, "d", translations.wanted(code, str(hub), ["de"]), store, "p")
    assert [] == list(outside.iterdir())


def test_a_directory_that_is_not_there_is_a_fault_where_somebody_needs_it(tmp_path: Path) -> None:
    code = CodeBase(application="drupal", version="10.1.6", docroot=".", languages=("fr",))
    missing = str(tmp_path / "none")
    assert [] == translations.wanted(code, missing, ["en", "fr"])
    with pytest.raises(SourceError, match=r"aegir:translations: .* is no directory on the hub"):
        translations.wanted(code, missing, ["de"])


def test_what_core_cannot_take_is_no_language(tmp_path: Path) -> None:
    (tmp_path / "translations").mkdir()
    for name in ("drupal-9.5.0.de.po", "drupal-10.1.6.de.po.txt", "drupal-10.1.6..po", "webform-6.1.8.it.po"):
        (tmp_path / "translations" / name).write_text("x")
    assert () == drupal_languages(tmp_path, "10.1.6", tmp_path)
