"""WordPress."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from aegir_components.applications import php
from aegir_components.applications.addresses import Addresses
from aegir_components.applications.base import (
    DOCROOTS,
    Answer,
    Application,
    CodeBase,
    Prefixed,
    Shared,
    first_words,
    server_error,
)
from aegir_components.applications.values import Values, flag, size
from aegir_components.messages import numbered

from . import languages, personal, updates

PHP = php.Known(
    file="wp-includes/version.php",
    pattern=r"\$required_php_version\s*=\s*'([\d.]+)'",
    # https://make.wordpress.org/core/handbook/references/php-compatibility-and-wordpress-versions/
    below=(((5, 6, 0), php.ENDLESS), ((0, 0, 0), (8, 0, 0))),
)
_VERSION = re.compile(r"\$wp_version\s*=\s*'([^']+)'")

# https://developer.wordpress.org/advanced-administration/wordpress/wp-config/ and core's own calls of defined().
FLAGS = frozenset(
    """
    ALLOW_UNFILTERED_UPLOADS ALTERNATE_WP_CRON AUTOMATIC_UPDATER_DISABLED COMPRESS_CSS COMPRESS_SCRIPTS
    CONCATENATE_SCRIPTS CORE_UPGRADE_SKIP_NEW_BUNDLED DIEONDBERROR DISALLOW_FILE_EDIT DISALLOW_FILE_MODS
    DISALLOW_UNFILTERED_HTML DO_NOT_UPGRADE_GLOBAL_TABLES ENFORCE_GZIP FORCE_SSL_ADMIN IMAGE_EDIT_OVERWRITE MEDIA_TRASH
    MULTISITE SAVEQUERIES SCRIPT_DEBUG SHORTINIT SUBDOMAIN_INSTALL WP_ALLOW_MULTISITE WP_ALLOW_REPAIR WP_CACHE WP_DEBUG
    WP_DISABLE_FATAL_ERROR_HANDLER WP_HTTP_BLOCK_EXTERNAL WP_SCRIPT_DEBUG
    """.split()
)
"""Constants that are true or false."""
SIZES = frozenset({"WP_MEMORY_LIMIT", "WP_MAX_MEMORY_LIMIT"})
"""Constants that PHP takes for its own memory_limit."""
KNOWN = frozenset(
    """
    ADMIN_COOKIE_PATH AUTH_COOKIE AUTOSAVE_INTERVAL BLOG_ID_CURRENT_SITE COOKIEHASH COOKIEPATH COOKIE_DOMAIN
    CUSTOM_USER_META_TABLE CUSTOM_USER_TABLE DOMAIN_CURRENT_SITE EMPTY_TRASH_DAYS FS_CHMOD_DIR FS_CHMOD_FILE FS_METHOD
    FS_TIMEOUT LOGGED_IN_COOKIE MYSQL_CLIENT_FLAGS NOBLOGREDIRECT PATH_CURRENT_SITE PLUGINS_COOKIE_PATH PRIMARY_NETWORK_ID
    RECOVERY_MODE_EMAIL SECURE_AUTH_COOKIE SITECOOKIEPATH SITE_ID_CURRENT_SITE SUNRISE TEST_COOKIE WPLANG
    WPMU_ACCEL_REDIRECT WPMU_PLUGIN_DIR WPMU_PLUGIN_URL WPMU_SENDFILE WP_ACCESSIBLE_HOSTS WP_AUTO_UPDATE_CORE
    WP_CONTENT_DIR WP_CONTENT_URL WP_CRON_LOCK_TIMEOUT WP_DEBUG_DISPLAY WP_DEBUG_LOG WP_DEFAULT_THEME WP_DEVELOPMENT_MODE
    WP_ENVIRONMENT_TYPE WP_LANG_DIR WP_MAIL_INTERVAL WP_PLUGIN_DIR WP_PLUGIN_URL WP_POST_REVISIONS WP_PROXY_BYPASS_HOSTS
    WP_PROXY_HOST WP_PROXY_PASSWORD WP_PROXY_PORT WP_PROXY_USERNAME
    """.split()
)
"""Further ones."""


def detect(source: Path) -> CodeBase | None:
    """Find WordPress below one of the usual document roots."""
    for docroot in DOCROOTS:
        marker = source / docroot / "wp-includes" / "version.php"
        if marker.is_file():
            found = _VERSION.search(marker.read_text(encoding="utf-8", errors="replace"))
            version = found[1] if found else "unknown"
            needed = php.needs(PHP, version, source, source / docroot)
            # Core's own; themes and plugins have theirs in directories beside.
            packed = sorted((source / docroot / "wp-content" / "languages").glob("*.mo"))
            brought = tuple(path.stem for path in packed if re.fullmatch(r"[a-z]{2,3}(_[A-Za-z]+)*", path.stem))
            return CodeBase(application="wordpress", version=version, docroot=docroot, php=needed, languages=brought)
    return None


def _translated(_code: CodeBase, language: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Choose the files of a language, for the place that WordPress reads them from at each request."""
    return [(path, f"wp-content/languages/{place}") for path, place in languages.files(language, names)]


def _means(code: str) -> tuple[str, ...]:
    return languages.means(code)


def _main_table(table: str) -> str:
    return personal.main_table(table)


def judge(answer: Answer) -> str | None:
    """WordPress links its own files from every page, and says so when it has no database."""
    if answer.status >= 500:
        return server_error(answer)
    if re.search(r"/wp-admin/(?:install|setup-config)\.php", answer.headers.get("location", "")):
        return numbered(2602, "answers with its installer: nothing is installed in the database that its settings name")
    if answer.status == 200 and not answer.body.strip():
        return numbered(2603, "answers 200 with an empty page")
    own = answer.headers.get("link", "") + answer.headers.get("x-redirect-by", "") + answer.body
    if not re.search(r"api\.w\.org|wp-(?:includes|content)/|WordPress", own):
        return numbered(2604, f"answers {answer.status}, but not from WordPress: {first_words(answer.body)}")
    if answer.status not in (200, 301, 302):
        return numbered(2605, f"answers {answer.status}")
    return None


APPLICATION = Application(
    name="wordpress",
    title="WordPress",
    detect=detect,
    exclusions=("/wp-config.php", "/wp-content/uploads", "/sites"),
    settings_name="wp-config.php",
    settings_template="wordpress/config.php.j2",
    addresses=Addresses(
        # Dumps and logs in uploads, too: plugins leave them there, and WordPress itself takes no such uploads.
        names=r"[^/]*\.(?:inc|sh|log|[^./]*sql)(?:\.(?:gz|bz2|xz|zip|zst))?|(?:local\.)?wp-config(?:-sample)?\.php|readme\.html|license\.txt",
        closed=r"^/(?:vendor|node_modules|private)(?:/|$)|^/wp-admin/(?:install|setup-config|includes/)|^/wp-includes/[^/]+\.php$",
        # Themes and plugins bring pages of their own; uploads lie below sites/ and wp-content/uploads.
        runs=r"^/(?:[a-z-]+\.php|wp-admin/.*\.php|wp-includes/js/tinymce/wp-tinymce\.php"
        r"|wp-content/(?:plugins|themes|mu-plugins)/.*\.php)(?:/|$)",
        former="wp-content/uploads",
        network=r"wp-(?:content|admin|includes)(?:/.*)?|[a-z-]+\.php",
    ),
    installer=("open-database.php", "wordpress/install.php"),
    password=("wordpress/boot.php", "wordpress/password.php"),
    login=("wordpress/boot.php", "wordpress/login.php"),
    caches=("wordpress/boot.php", "wordpress/caches.php"),
    front=("front-page.php", "wordpress/boot.php", "wordpress/front.php"),
    update=(("updates", {}, ("wordpress/update.php",)),),
    ephemeral=(),
    carried=(),
    caching=("wp-content/object-cache.php", "wp-content/advanced-cache.php"),
    login_lasts="once, for 15 minutes",
    read_updates=lambda: updates.WORDPRESS,
    read_personal=lambda: personal.WORDPRESS,
    main_table=_main_table,
    tables=("options", "usermeta", "posts", "users"),
    prefix="wp_",
    # The names of rights and roles.
    prefixed=(
        Prefixed("usermeta", "meta_key"),
        Prefixed("*options", "option_name", "AND `option_name` LIKE '%%user_roles'"),
    ),
    by_hand="empty the cache in the plugin that keeps one",
    has_address=True,
    core_part=("wordpress-core", "wordpress"),
    extensions=frozenset({"wordpress-plugin", "wordpress-theme"}),
    values=Values(
        pattern=r"[A-Za-z_][A-Za-z0-9_]*",
        kind="name of a constant of PHP",
        ours=frozenset(
            {
                *(
                    "DB_NAME",
                    "DB_USER",
                    "DB_PASSWORD",
                    "DB_HOST",
                    "DB_CHARSET",
                    "DB_COLLATE",
                    "ABSPATH",
                    "AEGIR_CONFIG",
                ),
                *("WP_HOME", "WP_SITEURL", "UPLOADS", "WP_TEMP_DIR", "DISABLE_WP_CRON"),
                *(
                    f"{kind}_{what}"
                    for kind in ("AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE")
                    for what in ("KEY", "SALT")
                ),
            }
        ),
        of_tls=frozenset({"MYSQL_CLIENT_FLAGS"}),
        elsewhere={
            "table_prefix": numbered(
                1417,
                "is a variable and no constant: each site has a database of its own, with the prefix wp_; remove it",
            ),
        },
        known=FLAGS | SIZES | KNOWN,
        judges=dict.fromkeys(FLAGS, flag) | dict.fromkeys(SIZES, size),
    ),
    judge=judge,
    translations="wp-content/languages/{language}.mo",
    translated=_translated,
    means=_means,
    language_page="under Settings, General",
    english=frozenset({"en", "en_US"}),
    translates_once=False,
    profiles=False,
    copies_modes=True,
    cron="wordpress/cron.php",
    # Posts are published at a minute that somebody chose, and wp-cron.php is meant to be asked at each visit.
    often="5min",
    shared=(Shared(link="wp-config.php", path=".wordpress/wp-config.php", template="wordpress/chooser.php.j2"),),
)
