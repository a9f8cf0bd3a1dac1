"""Languages as each application spells them, and what is said of those that a code base lacks or that change later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aegir_components import settings
from aegir_components.applications import APPLICATIONS, CodeBase, spelling
from aegir_components.applications.backdrop.languages import LANGUAGES as BACKDROP
from aegir_components.applications.drupal.languages import LANGUAGES as DRUPAL
from aegir_components.applications.drupal7.languages import LANGUAGES as DRUPAL7
from aegir_components.applications.wordpress.languages import LANGUAGES as WORDPRESS
from aegir_components.applications.wordpress.languages import means
from aegir_components.sources import site_languages

SITE = "a.example"
SPELLED = {
    "wordpress": """
        de=de_DE de-DE=de_DE de_de=de_DE de_DE= de_DE_formal= de-de-formal=de_DE_formal nl_NL_formal=
        pt=pt_BR,pt_PT pt-br=pt_BR pt_PT_ao90= zh-hans=zh_CN zh_cn=zh_CN zh-hant=zh_TW no=nb_NO ja_JP=ja ja= uk=
        be=bel ky=kir en_US= en-us=en_US en-gb=en_GB fr_CH=fr_FR xx= sv=sv_SE ca_valencia= en_FR=en_US,en_GB
    """,
    "drupal": """
        pt_BR=pt-br en-GB=en-gb en-gb= zh_CN=zh-hans zh_TW=zh-hant zh=zh-hans de_DE=de de= no=nb en_US=en
        de_DE_formal=de xx= pt-pt= de-at=de
    """,
    "drupal7": """
        en_GB=en-gb pt_BR=pt-br zh_CN=zh-hans co=
    """,
    "backdrop": """
        pt_BR=pt-br en-GB=en-gb zh_CN=zh-hans de_DE=de de= no=nb xx= mfe=
    """,
}
"""A code, and what it means; nothing where it is the application's own, or like none."""
WHERE = f'aegir:sites["{SITE}"].language: '


def said(
    of: Callable[..., list[str]],
    application: str,
    language: str,
    have: tuple[str, ...],
    *more: Any,
    install: bool = True,
) -> list[str]:
    site = settings.Site(
        name=SITE, display_name="a", platform="p", database="db", title="a", install=install,
        admin=settings.SiteAdmin(mail="a@b.example"), language=language,
    )  # fmt: skip
    platform = settings.Platform(name="p", server="w", source=settings.PlatformSource(path="/x"), publish_path="/x")
    declared = settings.Settings(hub=settings.Hub(address="10.0.0.1"), sites={SITE: site}, platforms={"p": platform})
    found = {"p": CodeBase(application=application, version="1", docroot=".", languages=have)}
    texts = of(declared, found, *more)
    assert all(text.startswith(WHERE) for text in texts)
    return [text.removeprefix(WHERE) for text in texts]


@pytest.mark.parametrize(
    ("application", "code", "meant"),
    [(application, *pair.split("=")) for application, pairs in SPELLED.items() for pair in pairs.split()],
)
def test_another_spelling_is_told_as_the_applications_own(application: str, code: str, meant: str) -> None:
    assert tuple(meant.split(",") if meant else ()) == APPLICATIONS[application].means(code)


@pytest.mark.parametrize("known", [DRUPAL, DRUPAL7, BACKDROP])
def test_every_language_of_wordpress_leads_to_one_of_drupal_or_to_none_and_none_of_its_own_to_another(
    known: frozenset[str],
) -> None:
    assert [()] * len(known) == [spelling.for_drupal(code, known) for code in known]
    assert all(set(spelling.for_drupal(code, known)) <= known for code in WORDPRESS)


def test_every_language_of_drupal_leads_to_one_of_wordpress_or_to_none() -> None:
    assert [()] * len(WORDPRESS) == [means(code) for code in WORDPRESS]
    lost = {code for code in DRUPAL - WORDPRESS if not means(code)}
    assert {"gsw-berne", "prs", "rm-rumgr", "sco", "se", "tyv", "xx-lolspeak"} >= lost
    assert all(set(means(code)) <= WORDPRESS for code in DRUPAL)


@pytest.mark.parametrize(
    ("application", "language", "have", "says"),
    [
        ("wordpress", "de", (), 'WordPress has no language "de"; did you mean "de_DE"?'),
        ("wordpress", "pt", (), 'WordPress has no language "pt"; did you mean "pt_BR" or "pt_PT"?'),
        ("drupal", "pt_BR", (), 'Drupal has no language "pt_BR"; did you mean "pt-br"?'),
        ("drupal7", "zh_CN", (), 'Drupal 7 has no language "zh_CN"; did you mean "zh-hans"?'),
        ("drupal", "de-at", ("de-at",), ""), ("wordpress", "en_US", (), ""), ("wordpress", "xx", (), ""),
        ("drupal", "en", (), ""),
    ],
)  # fmt: skip
def test_a_new_site_is_rejected_with_another_applications_spelling(
    application: str, language: str, have: tuple[str, ...], says: str
) -> None:
    assert ([says] if says else []) == said(site_languages.faults, application, language, have, {})
    assert [] == said(site_languages.faults, application, language, have, {SITE: {"language": "en"}}), (
        "an installed one stays"
    )
    assert [] == said(site_languages.faults, application, language, have, {}, install=False)


@pytest.mark.parametrize(
    ("application", "language", "have", "says"),
    [
        ("wordpress", "de_DE", ("fr_FR",), "wp-content/languages/de_DE.mo"),
        ("wordpress", "de_DE", ("de_DE",), ""),
        ("wordpress", "en", (), ""),
        ("wordpress", "en_US", (), ""),
        ("drupal7", "de", (), "profiles/<profile>/translations/de.po"),
        ("drupal", "de", (), "translations/drupal-1.de.po"),
        ("drupal", "de", ("de",), ""),
    ],
)
def test_a_language_that_the_code_base_lacks_is_a_warning_that_says_how_to_bring_it(
    application: str, language: str, have: tuple[str, ...], says: str
) -> None:
    new = said(site_languages.warnings, application, language, have)
    known = {SITE: {"language": language}}
    assert [] == said(site_languages.warnings, application, language, have, known), (
        "it is told once, as it is installed"
    )
    renewed = said(site_languages.warnings, application, language, have, known, ["p"])

    assert bool(says) is bool(new)
    assert all(text.endswith(f"as {says}") and "is installed in English" in text for text in new)
    # What its installer has read stays in a Drupal's database.
    assert (bool(says) and application == "wordpress") is bool(renewed)
    assert all("With this release the site is in English." in text for text in renewed)


@pytest.mark.parametrize(
    ("application", "language", "have", "says"),
    [
        ("wordpress", "de_DE", ("de_DE",), "Choose de_DE in the site, under Settings, General. After this up"),
        (
            "wordpress",
            "de_DE",
            (),
            "the source as wp-content/languages/de_DE.mo first. Choose de_DE in the site,",
        ),
        ("drupal", "de", (), "Choose de in the site, under Configuration, Languages. After this up"),
        ("wordpress", "de", (), 'did you mean "de_DE"? The site is installed, and keeps its language in any case'),
    ],
)
def test_another_language_of_an_installed_site_is_told_as_the_change_is_made(
    application: str, language: str, have: tuple[str, ...], says: str
) -> None:
    (text,) = said(site_languages.warnings, application, language, have, {SITE: {"language": "en"}})
    assert says in text
    assert [] == said(site_languages.warnings, application, language, have, {SITE: {"language": language}})


def test_a_translation_that_leaves_the_code_with_the_change_is_told() -> None:
    def told(application: str, *have: str) -> str:
        return said(site_languages.warnings, application, have[0], have, {SITE: {"language": "fr_FR"}})[0]

    lost = "Its code no longer brings fr_FR: until then it is in English."
    assert [True, False, False] == [
        lost in text for text in (told("wordpress", "de_DE"), told("wordpress", "de_DE", "fr_FR"), told("drupal", "de"))
    ]
