"""PHP of a site: a pool of the machine's FPM, or an FPM master of the site's own.

Pools of one master share OPcache's memory and its reloads; a master of its own shares nothing and costs 6.5 MB a site
(measured) instead of 0.3.
"""

from __future__ import annotations

from aegir_components import layout
from aegir_components.host import script

from . import functions, sandbox
from .web import WebServer

DIRECTORY = f"{layout.CONFIG_ROOT}/php-fpm/process.d"


def unit_path(user: str) -> str:
    """Name the unit file of a site's own master."""
    return f"/etc/systemd/system/aegir-php@{user}.service"


def main_path(user: str) -> str:
    """Name the configuration of a site's own master."""
    return f"{DIRECTORY}/{user}.conf"


def pool_items(site: str, pool: str) -> list[str]:
    """List the site's pool in the machine's own master.

    Args:
        site: its name.
        pool: the pool's configuration.
    """
    path = layout.pool_path(site)
    # All pools together are tested once, before the reload that comes after all sites.
    return [script.transaction("php_pool", [script.file(path, pool)], test=f"fpm_pool_test {path}", reload="fpm_later")]


def process_items(site: str, pool: str) -> list[str]:
    """List the site's own master."""
    user = layout.system_user(site)
    main = f"; Written by aegir for {site}.\n[global]\nerror_log = syslog\nprocess_control_timeout = 60s\n{pool}"
    return [
        functions("isolation"),
        script.directory(DIRECTORY, mode=0o711),
        script.call("want_fpm_process", user, main_path(user), script.encoded(main), unit_path(user), sandbox.MASTER),
    ]


def after_vhost(site: str, server: WebServer, *, process: bool) -> list[str]:
    """List what takes away the other kind, once the web server sends its requests to this one."""
    user, path = layout.system_user(site), layout.pool_path(site)
    lines = [functions("isolation")]
    if process:
        gone = script.transaction("php_pool", [script.no_file(path)], test="fpm_test", reload="fpm_later")
        # The reload that waits for all sites would come too late: the old pool's socket is gone by then.
        return [*lines, script.call("sites_active_before", path, server.test, server.reload, server.unit), gone]
    before = script.call("sites_active_before", unit_path(user), server.test, server.reload, server.unit)
    return [*lines, before, script.call("want_no_fpm_process", user, main_path(user), unit_path(user))]


def ended_items(site: str, server: WebServer) -> list[str]:
    """List what ends the PHP and all processes of a disabled site, once the web server asks it for nothing any more."""
    user = layout.system_user(site)
    places = (layout.pool_path(site), unit_path(user))
    reloads = [script.call("sites_active_before", path, server.test, server.reload, server.unit) for path in places]
    return [functions("isolation"), *reloads, *removal_items(site), script.call("want_no_processes", user)]


def removal_items(site: str) -> list[str]:
    """List what ends a site's PHP, of either kind, when no vhost names it any more."""
    user = layout.system_user(site)
    pool = script.no_file(layout.pool_path(site))
    return [
        functions("isolation"),
        script.transaction("php_pool", [pool], test="fpm_test", reload="fpm_reload"),
        script.call("want_no_fpm_process", user, main_path(user), unit_path(user)),
    ]
