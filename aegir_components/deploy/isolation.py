"""PHP of a site: a pool of the machine's FPM, or an FPM master of the site's own.

Pools of one master share OPcache's memory and its reloads. A master of its own shares nothing and costs 6.5 MB a site
(measured) instead of 0.3.
"""

from __future__ import annotations

from aegir_components import layout
from aegir_components.inputs import limits, quotas
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.services.web import WebServer

from . import sandbox

DIRECTORY = f"{layout.CONFIG_ROOT}/php-fpm/process.d"


def unit_path(user: str) -> str:
    """Name the unit file of a site's own master."""
    return f"/etc/systemd/system/aegir-php@{user}.service"


def main_path(user: str) -> str:
    """Name the configuration of a site's own master."""
    return f"{DIRECTORY}/{user}.conf"


def pool_items(site: str, pool: str, version: str = "") -> list[str]:
    """List the site's pool in the machine's own master.

    Args:
        site: its name.
        pool: the pool's configuration.
        version: of PHP; empty for the machine's usual one.
    """
    path, later = layout.pool_path(site, version), f"fpm_later_of {version}" if version else "fpm_later"
    test = f"fpm_pool_test {path} {version}".rstrip()
    # All pools together are tested once, before the reload that comes after all sites.
    return [
        *version_items(site, version),
        script.transaction("php_pool", [script.file(path, pool)], test=test, reload=later),
    ]


def version_items(site: str, version: str) -> list[str]:
    """List what tells our programs which PHP a site takes, where it is not the machine's usual one."""
    record = layout.php_record(site)
    if not version:
        return [script.no_file(record)]
    return [script.directory(layout.PHP_RECORDS), script.file(record, version)]


def process_items(
    site: str, pool: str, php: limits.Limits = limits.USUAL, declared: quotas.Quotas = quotas.USUAL
) -> list[str]:
    """List the site's own master, with what it may take of the machine."""
    user = layout.system_user(site)
    main = f"; Written by aegir for {site}.\n[global]\nerror_log = syslog\nprocess_control_timeout = 60s\n{pool}"
    return [
        *version_items(site, php.version),
        functions("isolation"),
        script.directory(DIRECTORY, mode=0o711),
        script.call(
            "want_fpm_process",
            user,
            main_path(user),
            script.encoded(main),
            unit_path(user),
            f"{sandbox.MASTER}\n{quotas.master_lines(declared, php)}",
            php.version,
        ),
        script.call("want_declared_limits", f"aegir-php@{user}.service"),
    ]


def after_vhost(site: str, server: WebServer, *, process: bool, version: str = "") -> list[str]:
    """List what takes away the other kinds, once the web server sends its requests to this one."""
    user, name = layout.system_user(site), f"{layout.file_name(site)}.conf"
    serving = (server.test, server.reload, server.unit)
    # The pending reload of all sites would come too late: the old pool's socket is gone by then.
    pools = script.call("want_only_pool", name, "" if process else layout.pool_path(site, version), *serving)
    if process:
        return [functions("isolation"), pools]
    before = script.call("sites_active_before", unit_path(user), *serving)
    gone = script.call("want_no_fpm_process", user, main_path(user), unit_path(user))
    return [functions("isolation"), before, gone, pools]


def ended_items(site: str, server: WebServer, *, version: str = "") -> list[str]:
    """List what ends the PHP and all processes of a disabled site, once the web server asks it for nothing any more."""
    user = layout.system_user(site)
    places = (layout.pool_path(site, version), unit_path(user))
    reloads = [script.call("sites_active_before", path, server.test, server.reload, server.unit) for path in places]
    ended = [*reloads, *_ended(site), script.call("want_no_processes", user)]
    return [*version_items(site, version), functions("isolation"), *ended]


def removal_items(site: str) -> list[str]:
    """List what ends a site's PHP, of either kind, when no vhost names it any more."""
    return [functions("isolation"), *_ended(site), script.no_file(layout.php_record(site))]


def _ended(site: str) -> list[str]:
    user = layout.system_user(site)
    pool = script.no_file(layout.pool_path(site))
    return [
        script.transaction("php_pool", [pool], test="fpm_test", reload="fpm_reload"),
        script.call("want_only_pool", f"{layout.file_name(site)}.conf", ""),
        script.call("want_no_fpm_process", user, main_path(user), unit_path(user)),
    ]
