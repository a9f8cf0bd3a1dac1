"""Drupal 8 and later."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from aegir_components.applications import php, spelling, translations
from aegir_components.applications.addresses import Addresses, core_names
from aegir_components.applications.base import (
    DOCROOTS,
    Answer,
    Application,
    CodeBase,
    Shared,
    first_words,
    server_error,
)
from aegir_components.applications.values import GLOBALS, PLACES, Values
from aegir_components.messages import numbered

from . import fields, languages, personal, updates

INFO = ".info.yml"
NO_PROFILES = frozenset({"tests", "modules", "themes", "libraries", "node_modules", "vendor"})
"""Directories inside of a profile in which no other profile is."""
LOGIN_LASTS = (
    "until it is used, at most as long as the site's links for lost passwords (a day, unless somebody has changed it)"
)
"""Of a one-time login, which is core's link for a lost password."""

KNOWN = frozenset(
    """
    allow_authorize_operations block_interest_cohort bootstrap_config_storage bootstrap_container_definition cache_ttl_4xx
    class_loader_auto_detect config_sync_directory container_base_class container_yamls entity_update_backup
    entity_update_batch_size extension_discovery_scan_tests file_additional_public_schemes file_assets_path file_cache
    file_chmod_directory file_chmod_file file_public_base_url file_sa_core_2023_005_schemes file_scan_ignore_directories
    form_cache_expiration http_client_config install_profile locale_custom_strings_en log_user_flood mail_line_endings
    maintenance_theme media_oembed_discovery_trusted_host_patterns migrate_file_private_path migrate_file_public_path
    migrate_node_migrate_type_classic migrate_source_connection migrate_source_version omit_vary_cookie php_storage
    rebuild_access sa_core_2022_012_override sa_core_2023_004_phpinfo_flags session_write_interval state_cache
    twig_sandbox_allowed_classes twig_sandbox_allowed_methods twig_sandbox_allowed_prefixes
    update_fetch_with_http_fallback update_free_access yaml_parser_class
    """.split()
)
"""What core reads of ``$settings``, in Drupal 8.9 to 10.6, beside what follows from the stack file."""

PHP = php.Known(
    file="core/lib/Drupal.php",
    pattern=r"const MINIMUM_PHP = '([\d.]+)'",
    # https://www.drupal.org/docs/getting-started/system-requirements/php-requirements: later releases say it in
    # core/composer.json, or run on any later PHP.
    below=(((9, 3, 0), (8, 2, 0)), ((9, 1, 0), (8, 1, 0)), ((8, 0, 0), (8, 0, 0))),
    until=(9, 5, 0),
    package="core/composer.json",
)
_VERSION = re.compile(r"const VERSION = '([^']+)'")


def detect(source: Path) -> CodeBase | None:
    """Find Drupal's core below one of the usual document roots."""
    for docroot in DOCROOTS:
        marker = source / docroot / "core" / "lib" / "Drupal.php"
        if not marker.is_file():
            continue
        titles = profiles(source / docroot)
        found = _VERSION.search(marker.read_text(encoding="utf-8", errors="replace"))
        version = found[1] if found else "unknown"
        return CodeBase(
            application="drupal",
            version=version,
            php=php.needs(PHP, version, source, source / docroot),
            docroot=docroot,
            profiles=tuple(titles),
            titles=titles,
            languages=translations.drupal_languages(source / docroot, version, source),
        )
    return None


def _translated(code: CodeBase, language: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Choose the files of a language, for the place that the installer takes them from."""
    return [(path, f"translations/{name}") for path, name in translations.drupal_files(code.version, language, names)]


def profiles(docroot: Path) -> dict[str, str]:
    """Find the install profiles that a person can choose, core's and others, with what they call themselves.

    As core does, a profile is named after its ``.info.yml`` file, wherever below ``profiles`` that is.
    """
    found = {}
    for directory in (docroot / "core" / "profiles", docroot / "profiles"):
        for info in sorted(_infos(directory)):
            try:
                facts = yaml.safe_load(info.read_text(encoding="utf-8", errors="replace"))
            except yaml.YAMLError:
                continue
            if isinstance(facts, dict) and facts.get("type") == "profile" and not facts.get("hidden"):
                distribution = facts.get("distribution")
                title = distribution.get("name") if isinstance(distribution, dict) else None
                name = info.name.removesuffix(INFO)
                found[name] = str(title or facts.get("name") or name)
    return dict(sorted(found.items()))


def _infos(directory: Path) -> Iterator[Path]:
    """Find what may describe a profile; a profile's own modules, which may be thousands, are not gone through."""
    for place, below, files in os.walk(directory):
        yield from (Path(place, name) for name in files if name.endswith(INFO))
        below[:] = [name for name in below if name not in NO_PROFILES]


def judge(answer: Answer) -> str | None:
    """Drupal names itself in a header of every page that it makes, which it can't without its database."""
    if answer.status >= 500:
        return server_error(answer)
    if "install.php" in answer.headers.get("location", ""):
        return numbered(2602, "answers with its installer: nothing is installed in the database that its settings name")
    if answer.status == 200 and not answer.body.strip():
        return numbered(2603, "answers 200 with an empty page")
    generator = answer.headers.get("x-generator", "") + answer.body[:20000]
    if "Drupal" not in generator and "drupal" not in generator:
        return numbered(2604, f"answers {answer.status}, but not from Drupal: {first_words(answer.body)}")
    if answer.status not in (200, 301, 302, 403):
        return numbered(2605, f"answers {answer.status}")
    return None


APPLICATION = Application(
    name="drupal",
    title="Drupal",
    by_php={
        "config": {
            "system.mail": {
                "interface": {"default": "php_mail"},
                "mailer_dsn": {
                    "scheme": "sendmail",
                    "host": "default",
                    "user": None,
                    "password": None,
                    "port": None,
                    "options": {},
                },
            },
            "mailsystem.settings": {"defaults": {"sender": "php_mail", "formatter": "php_mail"}},
        }
    },
    silent={
        "config": {
            # Mail is kept in the site's state, where its testers may inspect it.
            "system.mail": {
                "interface": {"default": "test_mail_collector"},
                "mailer_dsn": {
                    "scheme": "null",
                    "host": "null",
                    "user": None,
                    "password": None,
                    "port": None,
                    "options": {},
                },
            },
            "mailsystem.settings": {"defaults": {"sender": "test_mail_collector", "formatter": "test_mail_collector"}},
        }
    },
    detect=detect,
    exclusions=(
        "/sites/*/settings.php",
        "/sites/*/settings.local.php",
        "/sites/*/services.yml",
        "/sites/*/files",
        "/sites/*/private",
        "/sites/sites.php",
    ),
    settings_name="settings.php",
    settings_template="drupal/settings.php.j2",
    addresses=Addresses(
        names=core_names(
            r"engine|inc|install|make|module|profile|po|sh|[^/]*sql|theme|twig|tpl(?:\.php)?|xtmpl|yml",
            r"|composer\.(?:json|lock)|web\.config|yarn\.lock|package\.json",
        ),
        # Drupal 8 has an .htaccess in vendor; where it is beside the document root nothing of it is here.
        closed=r"^/(?:vendor|node_modules|private)(?:/|$)|^/sites/[^/]+/(?:private|config)(?:/|$)",
        # Statistics counts visits by its own front controller, which Drupal 11 has as a contributed module.
        runs=r"^/(?:(?:index|update)\.php(?:/|$)|(?:core/modules|modules(?:/contrib)?)/statistics/statistics\.php$)",
        former="sites/default/files",
        years=True,
        icon=True,
    ),
    installer=("open-database.php", "drupal/install.php"),
    password=("drupal/boot.php", "drupal/password.php"),
    login=("drupal/boot.php", "drupal/login.php"),
    caches=("drupal/boot.php", "drupal/caches.php"),
    front=("front-page.php", "drupal/boot.php", "drupal/front.php"),
    update=(
        ("numbered updates", {"phase": "numbered"}, ("drupal/update.php",)),
        ("post updates", {"phase": "post"}, ("drupal/update.php",)),
    ),
    ephemeral=("cache_*", "cachetags", "sessions", "watchdog", "flood", "semaphore", "batch", "history"),
    carried=("sessions", "flood", "watchdog", "history", "batch", "semaphore"),
    config=("drupal/boot.php", "drupal/config.php"),
    caching=(),
    login_lasts=LOGIN_LASTS,
    translations="translations/drupal-{version}.{language}.po",
    translated=_translated,
    means=lambda code: spelling.for_drupal(code, languages.LANGUAGES),
    language_page="under Configuration, Languages",
    fetches="https://ftp.drupal.org",
    read_updates=lambda: updates.DRUPAL,
    read_personal=lambda: personal.DRUPAL,
    read_fields=lambda: fields.DRUPAL,
    tables=("config", "key_value", "users_field_data"),
    by_hand='press "Clear all caches" at /admin/config/development/performance',
    caches_files=True,
    scaffold="Composer's scaffold makes it: let config.allow-plugins have drupal/core-composer-scaffold, or add the file",
    values=Values(
        pattern=r"[a-z_][a-z0-9_.]*",
        kind="name of one of Drupal's $settings",
        ours=PLACES
        | {
            "hash_salt",
            "file_temp_path",
            "reverse_proxy_trusted_headers",
            "deployment_identifier",
            "skip_permissions_hardening",
        },
        elsewhere=GLOBALS
        | {
            "config": "write config of the site instead, such as config: {system.site: {name: Shop}}",
            "conf": "Drupal 7 had it; write config of the site instead, such as config: {system.site: {name: Shop}}",
            "config_directories": "write config_sync_directory, such as settings: {config_sync_directory: ../config/sync}",
            "drupal_hash_salt": "the salt follows from the stack file; remove it",
            "base_url": "Drupal 8 and later have none: links follow from the site's name; remove it",
            "cookie_domain": "is a parameter of services.yml since Drupal 8 (session.storage.options); write it there",
        },
        known=KNOWN,
        config=True,
        config_ours={
            "automated_cron.settings:interval": numbered(
                1417, "the machine's timer runs cron; write cron of the site instead, such as cron: hourly"
            )
        },
    ),
    judge=judge,
    cron="drupal/cron.php",
    shared=(Shared(link="sites/sites.php", path=".drupal/sites.php", template="drupal/sites.php.j2"),),
)
