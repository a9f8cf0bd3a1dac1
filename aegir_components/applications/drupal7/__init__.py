"""Drupal 7."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from aegir_components.applications import php, spelling, translations
from aegir_components.applications.addresses import Addresses, core_names
from aegir_components.applications.base import DOCROOTS, Application, CodeBase, Shared
from aegir_components.applications.drupal import LOGIN_LASTS, NO_PROFILES, judge
from aegir_components.applications.values import GLOBALS, PLACES, Values

from . import fields, languages, personal, updates

ALWAYS = frozenset({"minimal", "standard"})
"""Core's own profiles: distributions hide them from the installer's page, and the installer takes them all the same."""
PHP = php.Known(
    file="includes/bootstrap.inc",
    pattern=r"define\('DRUPAL_MINIMUM_PHP', '([\d.]+)'\)",
    # Drupal 7's release notes; 7.105 has support for PHP 8.4.
    below=(((7, 105, 0), php.ENDLESS), ((7, 0, 0), (8, 4, 0))),
)
_VERSION = re.compile(r"define\('VERSION', '(7\.[^']+)'\)")
_FACT = re.compile(r"^\s*(?P<key>name|hidden|distribution_name)\s*=\s*(?P<value>.*?)\s*$", re.MULTILINE)


def detect(source: Path) -> CodeBase | None:
    """Find Drupal 7's bootstrap below one of the usual document roots."""
    for docroot in DOCROOTS:
        marker = source / docroot / "includes" / "bootstrap.inc"
        if not marker.is_file():
            continue
        found = _VERSION.search(marker.read_text(encoding="utf-8", errors="replace"))
        if found is None:
            continue
        titles = profiles(source / docroot, "profiles")
        # As core's installer looks for them: drupal-7.105.de.po, or de.po.
        packed = (source / docroot / "profiles").glob("*/translations/*.po")
        return CodeBase(
            application="drupal7",
            languages=tuple(sorted({path.stem.rpartition(".")[2] for path in packed})),
            version=found[1],
            docroot=docroot,
            profiles=tuple(titles),
            titles=titles,
            php=php.needs(PHP, found[1], source, source / docroot),
        )
    return None


def _translated(code: CodeBase, language: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Choose core's file of a language, for each profile that a site may be installed with."""
    plain = [name for name in names if PurePosixPath(name).name == f"{language}.po"]
    found = [
        path for path, name in translations.drupal_files(code.version, language, names) if name.startswith("drupal-")
    ]
    return [
        (path, f"profiles/{profile}/translations/{language}.po")
        for path in (found or plain)[:1]
        for profile in code.profiles
    ]


def profiles(docroot: Path, *places: str) -> dict[str, str]:
    """Find the install profiles that a person can choose, with what they call themselves.

    Args:
        docroot: the document root.
        places: directories with profiles, from there.
    """
    found = {}
    for info in sorted(info for place in places for info in _infos(docroot / place)):
        name = info.stem
        facts = {
            match["key"]: match["value"].strip("\"'")
            for match in _FACT.finditer(info.read_text(encoding="utf-8", errors="replace"))
        }
        hidden = facts.get("hidden", "").lower() in {"true", "1", "yes", "on"}
        if name in ALWAYS or not hidden:
            found[name] = facts.get("distribution_name") or facts.get("name") or name
    return dict(sorted(found.items()))


def _infos(directory: Path) -> Iterator[Path]:
    """Find what describes a profile: core looks for ``<name>.profile`` at any depth."""
    for place, below, files in os.walk(directory):
        for name in files:
            info = Path(place, name).with_suffix(".info")
            if name.endswith(".profile") and info.is_file():
                yield info
        below[:] = [name for name in below if name not in NO_PROFILES]


APPLICATION = Application(
    name="drupal7",
    title="Drupal 7",
    silent={"settings": {"mail_system": {"default-system": "TestingMailSystem"}}},
    by_php={"settings": {"mail_system": {"default-system": "DefaultMailSystem"}}},
    detect=detect,
    exclusions=(
        "/sites/*/settings.php",
        "/sites/*/settings.local.php",
        "/sites/*/local.settings.php",
        "/sites/*/files",
        "/sites/*/private",
        "/sites/sites.php",
    ),
    settings_name="settings.php",
    settings_template="drupal7/settings.php.j2",
    addresses=Addresses(
        names=core_names(r"engine|inc|info|install|make|module|profile|test|po|sh|[^/]*sql|theme|tpl(?:\.php)?|xtmpl"),
        # The texts name the exact release to whoever looks for one with a hole.
        closed=r"^/(?:vendor|node_modules|private|scripts)(?:/|$)|^/sites/[^/]+/(?:private|config)(?:/|$)"
        r"|^/(?:CHANGELOG|COPYRIGHT|INSTALL|INSTALL\.[a-z]+|LICENSE|MAINTAINERS|UPGRADE|README|D7ES_CHANGELOG)\.txt$",
        # cron.php asks for the site's key; statistics.php counts visits. install.php would install over a site, and
        # authorize.php puts code where only releases put it.
        runs=r"^/(?:index|update|cron|xmlrpc|modules/statistics/statistics)\.php(?:/|$)",
        former="sites/default/files",
        weeks=2,
    ),
    translations="profiles/<profile>/translations/{language}.po",
    translated=_translated,
    means=lambda code: spelling.for_drupal(code, languages.LANGUAGES),
    language_page="under Configuration, Languages",
    installer=("open-database.php", "drupal7/install.php"),
    password=("drupal7/boot.php", "drupal7/password.php"),
    login=("drupal7/boot.php", "drupal7/login.php"),
    caches=("drupal7/boot.php", "drupal7/caches.php"),
    front=("front-page.php", "drupal7/boot.php", "drupal7/front.php"),
    update=(("updates", {}, ("drupal7/boot.php", "numbered-updates.php", "drupal7/update.php")),),
    ephemeral=("cache", "cache_*", "sessions", "watchdog", "flood", "semaphore", "batch", "history"),
    carried=("cache_form", "sessions", "flood", "watchdog", "history", "batch", "semaphore"),
    caching=(),
    login_lasts=LOGIN_LASTS,
    read_updates=lambda: updates.DRUPAL7,
    read_personal=lambda: personal.DRUPAL7,
    read_fields=lambda: fields.DRUPAL7,
    tables=("variable", "system", "users", "registry"),
    by_hand='press "Clear all caches" at /admin/config/development/performance',
    family="Drupal",
    values=Values(
        pattern=r"[A-Za-z_][A-Za-z0-9_.:-]*",
        kind="name of a variable of Drupal 7",
        ours=PLACES | {"file_temporary_path", "allow_authorize_operations"},
        elsewhere=GLOBALS
        | {
            "conf": "names stand right below settings, such as settings: {cache: 1}",
            "drupal_hash_salt": "the salt follows from the stack file; remove it",
            "base_url": "links follow from the site's name; remove it",
            "cookie_domain": "is a variable of settings.php and not of $conf: write it into the site's local.settings.php",
            "update_free_access": "is a variable of settings.php and not of $conf: write it into the site's local.settings.php",
        },
    ),
    judge=judge,
    cron="drupal7/cron.php",
    shared=(Shared(link="sites/sites.php", path=".drupal/sites.php", template="drupal/sites.php.j2"),),
)
