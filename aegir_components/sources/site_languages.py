"""What a stack file says of its sites' languages, compared with what their applications and code bases have."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from aegir_components import settings
from aegir_components.applications import APPLICATIONS, Application, CodeBase
from aegir_components.messages import numbered

Installed = Mapping[str, Mapping[str, Any]]
"""What the state has of each installed site, by the name that it was made with."""


def faults(declared: settings.Settings, found: Mapping[str, CodeBase], installed: Installed) -> list[str]:
    """Say which sites that are to be installed name a language as another application spells it."""
    return [
        numbered(1425, f"{_where(name)}: {_misspelled(application, site.language)}")
        for name, site, code, application in _sites(declared, found)
        if site.install and site.identity not in installed and _is_misspelled(application, code, site.language)
    ]


def warnings(
    declared: settings.Settings,
    found: Mapping[str, CodeBase],
    installed: Installed = {},  # noqa: B006 - it is read only
    renewed: Collection[str] = (),
) -> list[str]:
    """Say which sites stay English or in their former language, and how to bring the declared one.

    A site that is not installed yet is warned of at each preview. An installed site is warned of when its language
    changes in the stack file. A change of its code is a reason as well, if the application reads translations from the
    code.

    Args:
        declared: the stack.
        found: the platforms' code bases.
        installed: what the state has of sites.
        renewed: the platforms that get another release.
    """
    said: list[str] = []
    for name, site, code, application in _sites(declared, found):
        before = installed.get(site.identity)
        former = str((before or {}).get("language") or site.language)
        if former != site.language:
            said.append(numbered(1427, f"{_where(name)}: {_stays(application, code, site.language, former)}"))
            continue
        if site.language in application.english or site.language in code.languages:
            continue
        if site.install if before is None else not application.translates_once and site.platform in renewed:
            said.append(numbered(1426, f"{_where(name)}: {_lacks(application, code, site, is_new=before is None)}"))
    return said


def _sites(
    declared: settings.Settings, found: Mapping[str, CodeBase]
) -> Iterator[tuple[str, settings.Site, CodeBase, Application]]:
    for name, site in declared.sites.items():
        code = found.get(site.platform)
        # What is recorded of a former release says nothing of its languages.
        if code is not None and not declared.platforms[site.platform].rollback:
            yield name, site, code, APPLICATIONS[code.application]


def _where(site: str) -> str:
    return f'aegir:sites["{site}"].language'


def _is_misspelled(application: Application, code: CodeBase, language: str) -> bool:
    own = language in application.english or language in code.languages
    return not own and bool(application.means(language))


def _misspelled(application: Application, language: str) -> str:
    meant = " or ".join(f'"{each}"' for each in application.means(language))
    return f'{application.title} has no language "{language}"; did you mean {meant}?'


def _stays(application: Application, code: CodeBase, language: str, former: str) -> str:
    if _is_misspelled(application, code, language):
        return f"{_misspelled(application, language)} The site is installed, and keeps its language in any case"
    has = {*application.english, *code.languages}
    lacks = "" if language in has else f" {_bring(application, code, language)} first."
    lost = (
        ""
        if application.translates_once or former in has
        else f" Its code no longer brings {former}: until then it is in English."
    )
    return (
        f"the site is installed and does not switch by itself. This key is for the installation.{lacks} Choose {language} in the "
        f"site, {application.language_page}.{lost} After this up the change is not told again"
    )


def _lacks(application: Application, code: CodeBase, site: settings.Site, *, is_new: bool) -> str:
    have = f"; it has {', '.join(code.languages)}" if code.languages else ""
    server = f", unless a web server gets it from {application.fetches}" if application.fetches else ""
    then = f"The site is installed in English{server}" if is_new else "With this release the site is in English"
    return (
        f"platform {site.platform} brings no {application.title} translation {site.language}{have}. {then}. "
        f"{_bring(application, code, site.language)}"
    )


def _bring(application: Application, code: CodeBase, language: str) -> str:
    place = application.translations.format(language=language, version=code.version)
    return f"Put the translation into the directory aegir:translations on the hub, or into the source as {place}"
