"""PHP by FPM: packages, one include for the pools that sites bring, and what keeps neighbours apart in OPcache."""

from __future__ import annotations

from aegir_components import layout
from aegir_components.host import script

EXTENSIONS = ("fpm", "cli", "mysql", "gd", "xml", "mbstring", "curl", "zip", "intl", "bcmath")
"""What Drupal's and WordPress's requirements pages ask for; OPcache comes with the CLI on Debian and Ubuntu."""

INI = """\
; Written by aegir. Pools of one master share OPcache's memory: without the first line one site's PHP reads another's
; compiled settings.php whatever its mode is; without the second it lists the other's files.
opcache.validate_permission = 1
opcache.restrict_api = /nonexistent/aegir
expose_php = Off
; What all sites have. A site's uploads wait in its own temporary directory, sys_temp_dir of its pool.
upload_tmp_dir =
log_errors = On
display_errors = Off
memory_limit = 256M
post_max_size = 64M
upload_max_filesize = 64M
"""

RELOAD_GRACE = 60
"""Seconds that running requests get when FPM reloads; as shipped it is 0 and they fail with 502 or 503."""


def include_text() -> str:
    """Give the file in Debian's pool directory that brings in ours."""
    return (
        "; Written by aegir: the pools of its sites.\n"
        f"[global]\nprocess_control_timeout = {RELOAD_GRACE}s\n"
        f"include={layout.POOL_DIRECTORY}/*.conf\n"
    )


def packages(version: str) -> list[str]:
    """Name the packages of a version, or of the distribution's own where ``version`` is empty."""
    return [f"php{version}-{extension}" for extension in EXTENSIONS]


def items(version: str) -> list[str]:
    """List what a web server with PHP has before any site is on it.

    Args:
        version: such as ``8.2``; empty for the distribution's own.
    """
    place = '"/etc/php/$(php_version)/fpm'
    names = packages(version)
    section = [
        script.file_at(f'{place}/conf.d/99-aegir.ini"', INI),
        script.file_at(f'{place}/pool.d/zz-aegir.conf"', include_text()),
    ]
    return [
        script.directory(layout.STATE_ROOT),
        script.Item(
            script.call("want_php", version, *names),
            ("know_php", ""),
            *(("know_packages", name) for name in names),
        ),
        script.directory(f"{layout.CONFIG_ROOT}/php-fpm"),
        script.directory(layout.POOL_DIRECTORY),
        script.transaction("php_fpm", section, test="fpm_test", reload="fpm_reload"),
        script.service_at('"php$(php_version)-fpm"'),
        'fact php "$(php_version)"',
    ]


def removal_items() -> list[str]:
    """List what takes our part of PHP-FPM's configuration out."""
    place = '"/etc/php/$(php_version)/fpm'
    section = [f'want_no_file {place}/conf.d/99-aegir.ini"', f'want_no_file {place}/pool.d/zz-aegir.conf"']
    return [
        script.transaction("php_fpm", section, test="fpm_test", reload="fpm_reload"),
        script.no_file(f"{layout.STATE_ROOT}/php"),
    ]
