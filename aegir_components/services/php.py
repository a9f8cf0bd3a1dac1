"""PHP by FPM: packages, one include for the pools that sites bring, and what keeps neighbours apart in OPcache."""

from __future__ import annotations

from collections.abc import Sequence

from aegir_components import layout
from aegir_components.inputs import limits, quotas
from aegir_components.scripts import script

EXTENSIONS = ("fpm", "cli", "mysql", "gd", "xml", "mbstring", "curl", "zip", "intl", "bcmath", "apcu")
"""What Drupal's and WordPress's requirements pages ask for; OPcache comes with the CLI on Debian and Ubuntu."""

INI = """\
; Written by aegir. Pools of one master share OPcache's memory: without the first line one site's PHP reads another's
; compiled settings.php whatever its mode is; without the second it lists the other's files.
opcache.validate_permission = 1
opcache.restrict_api = /nonexistent/aegir
; Room for several releases side by side: the code of former ones stays until PHP is reloaded, which logrotate does each night.
opcache.memory_consumption = 256
opcache.max_accelerated_files = 32531
expose_php = Off
; APCu is one memory for all pools of a master, without owners: a neighbour could read and change what a site keeps there.
; Sites with a master of their own (isolation: process) have it, switched on at its start.
apc.enabled = 0
; Into the site's own log, by way of the web server: no file of this machine's php.ini takes them.
error_log =
; What all sites have. A site's uploads wait in its own temporary directory, sys_temp_dir of its pool.
upload_tmp_dir =
log_errors = On
display_errors = Off
memory_limit = 256M
; As the guides of Drupal and PHP have it; what an application says itself comes first, and so does a site's php.values.
session.use_strict_mode = 1
session.use_only_cookies = 1
session.use_trans_sid = 0
session.cookie_httponly = 1
allow_url_include = Off
zend.exception_ignore_args = On
post_max_size = 64M
upload_max_filesize = 64M
"""

RELOAD_GRACE = 60
"""Seconds that running requests get when FPM reloads; as shipped it is 0 and they fail with 502 or 503."""


def include_text(*versions: str) -> str:
    """Give the file in Debian's pool directory that brings in ours.

    Args:
        versions: whose pools; empty for those that take the usual one.
    """
    return (
        "; Written by aegir: the pools of its sites.\n"
        f"[global]\nprocess_control_timeout = {RELOAD_GRACE}s\n"
        + "".join(f"include={layout.pool_directory(version)}/*.conf\n" for version in versions or ("",))
    )


def packages(version: str) -> list[str]:
    """Name the packages of a version, or of the distribution's own where ``version`` is empty."""
    return [f"php{version}-{extension}" for extension in EXTENSIONS]


def items(version: str, chosen: Sequence[str] = (), tasks: int = 0) -> list[str]:
    """List what a web server with PHP has before any site is on it.

    Args:
        version: such as ``8.2``; empty for the distribution's own.
        chosen: all versions that sites may take by name, ``version`` among them; empty where no site has a choice.
        tasks: processes that each site may have; 0 for the default.
    """
    place = '"/etc/php/$(php_version)/fpm'
    others = [other for other in chosen if other != version]
    names = [name for each in (version, *others) for name in packages(each)]
    section = [
        script.file_at(f'{place}/conf.d/99-aegir.ini"', INI),
        script.file_at(f'{place}/pool.d/zz-aegir.conf"', include_text("", *([version] if chosen else []))),
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
        *(script.directory(layout.pool_directory(each)) for each in chosen),
        # First: two masters cannot have one socket, and another one had the usual pools until now.
        script.call("want_php_only", *others),
        script.call("want_unit_part", quotas.SLICE, script.encoded(quotas.ALL)),
        *(_limits(each, tasks) for each in ("", *others)),
        *(line for other in others for line in _beside(other)),
        script.transaction("php_fpm", section, test="fpm_test", reload="fpm_reload"),
        script.service_at('"php$(php_version)-fpm"'),
        'fact php "$(php_version)"',
    ]


def _limits(version: str, tasks: int) -> str:
    number = tasks or quotas.default_tasks(limits.USUAL.children)
    return script.call("want_fpm_limits", version, script.encoded(quotas.pools_text(number)), str(number))


def _beside(version: str) -> list[str]:
    """List what a version has that sites may take beside the usual one."""
    place = f"/etc/php/{version}/fpm"
    section = [
        script.file(f"{place}/conf.d/99-aegir.ini", INI),
        script.file(f"{place}/pool.d/zz-aegir.conf", include_text(version)),
    ]
    test, reload = f"fpm_test_of {version}", f"fpm_reload_of {version}"
    name = f"php_fpm_{version.replace('.', '_')}"
    return [script.transaction(name, section, test=test, reload=reload), script.service(f"php{version}-fpm")]


def removal_items() -> list[str]:
    """List what takes our part of PHP-FPM's configuration out."""
    place = '"/etc/php/$(php_version)/fpm'
    section = [f'want_no_file {place}/conf.d/99-aegir.ini"', f'want_no_file {place}/pool.d/zz-aegir.conf"']
    return [
        "want_php_only",
        script.transaction("php_fpm", section, test="fpm_test", reload="fpm_reload"),
        script.call("want_no_fpm_limits", quotas.SLICE),
        script.no_file(f"{layout.STATE_ROOT}/php"),
        # What `aegir run` and the like have put there.
        script.call("rm", "-rf", "--one-file-system", f"{layout.STATE_ROOT}/commands"),
    ]
