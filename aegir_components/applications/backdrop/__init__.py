"""Backdrop CMS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from aegir_components.applications import php, spelling
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
from aegir_components.applications.drupal import LOGIN_LASTS
from aegir_components.applications.drupal7 import profiles
from aegir_components.applications.values import GLOBALS, PLACES, Values
from aegir_components.messages import numbered

from . import languages, personal, updates

PHP = php.Known(
    file="core/includes/bootstrap.inc",
    pattern=r"define\('BACKDROP_MINIMUM_PHP', '([\d.]+)'\)",
    # The first release for PHP 8. What later versions of PHP deprecate does not keep a site from running.
    below=(((1, 18, 0), php.ENDLESS), ((1, 0, 0), (8, 0, 0))),
)
KNOWN = frozenset(
    """
    404_fast_html 404_fast_paths 404_fast_paths_exclude allow_insecure_uploads backdrop_drupal_compatibility cache_backends
    cache_default_class config_active_class config_staging_class css_gzip_compression disable_multiple_modules_warnings
    file_chmod_directory file_chmod_file filter_allowed_protocols form_cache_expiration http_system https
    locale_custom_strings_en locale_js_directory locale_translate_file_directory lock_inc maintenance_theme
    maximum_replication_lag menu_inc omit_vary_cookie page_cache_invoke_hooks path_inc proxy_exceptions proxy_password
    proxy_port proxy_server proxy_user_agent proxy_username reverse_proxy_header sanitize_input_allowlist
    sanitize_input_logging session_inc session_write_interval stale_file_threshold update_free_access
    """.split()
)
"""What core reads of ``$settings``, beside what follows from the stack file."""
_VERSION = re.compile(r"define\('BACKDROP_VERSION', '([^']+)'\)")
_MAINTENANCE = re.compile(r"<(?:html|body)[^>]*\bclass=\"[^\"]*\b(?:maintenance-page-wrapper|in-maintenance)\b")
"""How pages begin that core makes without a layout: of the installer, of updates, and of a site in maintenance."""


def detect(source: Path) -> CodeBase | None:
    """Find Backdrop's bootstrap below one of the usual document roots."""
    for docroot in DOCROOTS:
        marker = source / docroot / "core" / "includes" / "bootstrap.inc"
        if not marker.is_file():
            continue
        found = _VERSION.search(marker.read_text(encoding="utf-8", errors="replace"))
        if found is None:
            continue
        titles = profiles(source / docroot, "core/profiles", "profiles")
        packed = (source / docroot / "translations").glob("backdrop*.po")
        return CodeBase(
            application="backdrop",
            languages=tuple(sorted({path.stem.rpartition(".")[2] for path in packed})),
            version=found[1],
            docroot=docroot,
            profiles=tuple(titles),
            titles=titles,
            php=php.needs(PHP, found[1], source, source / docroot),
        )
    return None


def _translated(_code: CodeBase, language: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Choose core's file of a language, for the place that the installer's program takes it from."""
    pattern = re.compile(rf"backdrop(?:cms)?(?:-[\d.]+)?\.{re.escape(language)}\.po")
    fitting = [name for name in names if pattern.fullmatch(PurePosixPath(name).name)]
    best = max(fitting, key=lambda name: php.parse(PurePosixPath(name).name), default="")
    return [(best, f"translations/{PurePosixPath(best).name}")] if best else []


def judge(answer: Answer) -> str | None:
    """Backdrop names itself in a header of every page that it makes, which it can't without its database."""
    if answer.status >= 500:
        return server_error(answer)
    if "install.php" in answer.headers.get("location", ""):
        return numbered(2602, "answers with its installer: nothing is installed in the database that its settings name")
    if answer.status == 200 and not answer.body.strip():
        return numbered(2603, "answers 200 with an empty page")
    page = answer.body[:20000]
    if answer.status == 200 and _MAINTENANCE.search(page):
        return numbered(2606, f"answers with a page of its maintenance or installation: {first_words(answer.body)}")
    if "backdrop" not in (answer.headers.get("x-generator", "") + page).lower():
        return numbered(2604, f"answers {answer.status}, but not from Backdrop: {first_words(answer.body)}")
    if answer.status not in (200, 301, 302, 403):
        return numbered(2605, f"answers {answer.status}")
    return None


APPLICATION = Application(
    name="backdrop",
    title="Backdrop CMS",
    family="Backdrop",
    silent={"config": {"system.mail": {"default-system": "TestingMailSystem"}}},
    by_php={"config": {"system.mail": {"default-system": "DefaultMailSystem"}}},
    detect=detect,
    exclusions=(
        "/settings.php",
        "/settings.local.php",
        "/files",
        "/sites/*/settings.php",
        "/sites/*/settings.local.php",
        "/sites/*/local.settings.php",
        "/sites/*/files",
        "/sites/*/private",
        "/sites/sites.php",
    ),
    settings_name="settings.php",
    settings_template="backdrop/settings.php.j2",
    addresses=Addresses(
        names=core_names(
            r"engine|inc|info|install|make|module|profile|test|po|sh|[^/]*sql|theme|tpl(?:\.php)?|xtmpl", ""
        ),
        # Configuration in a code base is that of another site. README.md names the exact release.
        closed=r"^/(?:vendor|node_modules|private|config|core/scripts)(?:/|$)|^/sites/[^/]+/(?:private|config)(?:/|$)"
        r"|^/(?:README\.md|LICENSE\.txt)$",
        # core/cron.php asks for the site's key. core/install.php would install over a site, and core/authorize.php puts code
        # where only releases put it.
        runs=r"^/(?:index|core/(?:update|cron))\.php(?:/|$)",
        former="files",
        weeks=2,
        icon=True,
    ),
    translations="translations/backdropcms-{version}.{language}.po",
    translated=_translated,
    means=lambda code: spelling.for_drupal(code, languages.LANGUAGES),
    language_page="under Configuration, Regional and language, Languages",
    installer=("open-database.php", "backdrop/install.php"),
    password=("backdrop/boot.php", "backdrop/password.php"),
    login=("backdrop/boot.php", "backdrop/login.php"),
    caches=("backdrop/boot.php", "backdrop/caches.php"),
    front=("front-page.php", "backdrop/boot.php", "backdrop/front.php"),
    update=(("updates", {}, ("backdrop/boot.php", "numbered-updates.php", "backdrop/update.php")),),
    ephemeral=("cache", "cache_*", "sessions", "watchdog", "flood", "semaphore", "batch", "history", "tempstore"),
    carried=("sessions", "flood", "watchdog", "history", "batch", "semaphore", "tempstore"),
    caching=(),
    paired="config/active",
    login_lasts=LOGIN_LASTS,
    read_updates=lambda: updates.BACKDROP,
    read_personal=lambda: personal.BACKDROP,
    tables=("state", "system", "users", "menu_router"),
    by_hand='press "Flush all caches" in its administration bar',
    core_part=("backdrop", "backdrop"),
    extensions=frozenset({"backdrop"}),
    values=Values(
        pattern=r"[a-z0-9_][a-z0-9_.]*",
        kind="name of one of Backdrop's $settings",
        ours=PLACES | {"hash_salt", "allow_authorize_operations"},
        elsewhere=GLOBALS
        | {
            "database": GLOBALS["databases"],
            "database_prefix": GLOBALS["db_prefix"],
            "config": "write config of the site instead, such as config: {system.core: {site_name: Shop}}",
            "config_directories": "the configuration is in the site's own directory config; remove it",
            "base_url": "links follow from the site's name; remove it",
            "cookie_domain": "is a variable of settings.php and not of $settings: write it into the site's local.settings.php",
        },
        known=KNOWN,
        config=True,
        config_ours={
            **{
                f"system.core:{name}": numbered(1412, "follows from the stack file and cannot be changed; remove it")
                for name in ("file_public_path", "file_private_path", "file_temporary_path")
            },
            "system.core:cron_safe_threshold": numbered(
                1417, "the machine's timer runs cron; write cron of the site instead, such as cron: hourly"
            ),
        },
    ),
    judge=judge,
    cron="backdrop/cron.php",
    # Core's own .htaccess and settings.php: large forms lose what is beyond max_input_vars, and who logs in stays so for weeks.
    ini={"max_input_vars": "10007", "session.gc_maxlifetime": "200000", "session.cookie_lifetime": "2000000"},
    shared=(Shared(link="sites/sites.php", path=".backdrop/sites.php", template="backdrop/sites.php.j2"),),
)
