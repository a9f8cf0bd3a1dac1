"""Cron of a site: a systemd timer on one of its web servers, at a time of its own.

Aegir asks each site for ``/cron.php`` from the hub. Here the application's own function runs as the site's own user. No
visitor can start it, and no time limit of the web server ends it. Its output and last result are in the journal.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Mapping
from importlib import resources
from types import MappingProxyType

from aegir_components import layout
from aegir_components.inputs import quotas
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from . import sandbox

_NOTHING: Mapping[str, str] = MappingProxyType({})
DIRECTORY = f"{layout.CONFIG_ROOT}/cron"
SERVICE = "/etc/systemd/system/aegir-cron@.service"
RECORDED = 'date -u "+ExecMainStartTimestamp=%%a %%Y-%%m-%%d %%H:%%M:%%S UTC"'
"""Says when a run began, as systemd says it of a unit that it knows; in a unit a percent sign is written twice."""
UNIT = f"""\
# Written by aegir. Instances are called as the sites' own users are.
[Unit]
Description=Cron of the site %i
After=network-online.target

[Service]
Type=oneshot
User=%i
Group=%i
EnvironmentFile={DIRECTORY}/%i.env
EnvironmentFile=-{posixpath.dirname(layout.held_file("any"))}/%i.env
# systemd forgets this time when the machine restarts. A full disk keeps no cron from its work.
ExecStartPre=-+/bin/sh -c 'LC_ALL=C {RECORDED} >{DIRECTORY}/%i.last'
ExecStart=/usr/bin/env ${{AEGIR_PHP}} -d memory_limit=512M -d sys_temp_dir=${{TMPDIR}} {DIRECTORY}/${{AEGIR_APPLICATION}}.php
TimeoutStartSec=1h
Nice=5
PrivateTmp=yes
NoNewPrivileges=yes
{sandbox.LIMITS}
CapabilityBoundingSet=
{quotas.cron_lines()}
"""


def keeper(site: str, members: Iterable[str]) -> str:
    """Choose the one web server that runs a site's cron, so that each of a cluster has its share of the sites."""
    names = sorted(members)
    return names[_number(site, "member") % len(names)]


def calendar(site: str, often: str) -> str:
    """Give the times at which a site's cron runs, as systemd writes them: minute and second are the site's own.

    Args:
        site: its name.
        often: ``hourly``; ``daily`` for an hour of the night, 0 to 5; minutes (``5min``); or systemd's own expression.
    """
    if often.endswith("min"):
        minutes = int(often.removesuffix("min"))
        first = _number(site, "hour") % (minutes * 60)
        return f"*-*-* *:{first // 60:02}/{minutes}:{first % 60:02}"
    if often not in ("hourly", "daily"):
        return often
    within = _number(site, "hour") % 3600
    hour = str(_number(site, "night") % 6) if often == "daily" else "*"
    return f"*-*-* {hour}:{within // 60:02}:{within % 60:02}"


def items(
    site: str,
    *,
    host: str,
    url: str,
    application: str,
    program: str,
    document_root: str,
    tmp: str,
    often: str,
    version: str = "",
    declared: quotas.Quotas = quotas.USUAL,
    also: Mapping[str, str] = _NOTHING,
) -> list[str]:
    """List what runs a site's cron on this machine.

    Args:
        site: what it is known by.
        host: its host name.
        url: its address, with scheme and port: links that its cron makes begin with it.
        application: the application's name.
        program: the application's PHP file in this package's ``applications``.
        document_root: the document root, by way of the publish path, so that each run takes the live release.
        tmp: the site's directory of temporary files.
        often: as ``calendar`` takes it.
        version: of PHP; empty for the machine's usual one.
        declared: what it may take of the machine.
        also: further variables of its environment.
    """
    user = layout.system_user(site)
    php = resources.files("aegir_components.applications").joinpath(program).read_text(encoding="utf-8")
    timer = f"[Unit]\nDescription=Cron of the site {site}\n\n[Timer]\nOnCalendar={calendar(site, often)}\nAccuracySec=10s\n\n"
    known = {
        "AEGIR_SITE": site,
        "AEGIR_HOST": host,
        "AEGIR_URL": url,
        "AEGIR_DOCROOT": document_root,
        "AEGIR_APPLICATION": application,
        "TMPDIR": tmp,
        "HOME": tmp,
        **also,
    }
    environment = "".join(f"{key}={value}\n" for key, value in known.items())
    units = [
        script.file(SERVICE, UNIT),
        *_limits(user, declared),
        script.file(timer_path(user), f"{timer}[Install]\nWantedBy=timers.target\n"),
    ]
    return [
        functions("cron"),
        script.directory(DIRECTORY),
        script.file(f"{DIRECTORY}/{application}.php", php),
        script.call("want_cron_environment", f"{DIRECTORY}/{user}.env", environment, version),
        script.transaction("cron", units, test=f"timer_test {timer_path(user)} {host}", reload=f"timer_reload {user}"),
        script.service(f"aegir-cron@{user}.timer"),
        script.call("want_declared_limits", f"aegir-cron@{user}.service"),
    ]


def _limits(user: str, declared: quotas.Quotas) -> list[str]:
    path = limits_path(user)
    if declared == quotas.USUAL:
        return [script.no_file(path)]
    text = f"# Written by aegir.\n[Service]\n{quotas.cron_lines(declared)}\n"
    return [script.directory(posixpath.dirname(path)), script.file(path, text)]


def end_items(site: str) -> list[str]:
    """List what ends a site's cron on this machine, and records its last run: the site stays, and may have cron again."""
    return [functions("cron"), script.call("want_no_cron", *_made(site), "keep")]


def removal_items(site: str) -> list[str]:
    """List what ends the cron of a site that leaves this machine."""
    return [functions("cron"), script.call("want_no_cron", *_made(site))]


def _made(site: str) -> tuple[str, ...]:
    user = layout.system_user(site)
    return user, f"{DIRECTORY}/{user}.env", timer_path(user), limits_path(user), f"{DIRECTORY}/{user}.last"


def timer_path(user: str) -> str:
    """Name the unit file of a site's timer."""
    return f"/etc/systemd/system/aegir-cron@{user}.timer"


def limits_path(user: str) -> str:
    """Name the part of the unit of a site's cron that has its declared limits."""
    return f"/etc/systemd/system/aegir-cron@{user}.service.d/limits.conf"


def _number(site: str, salt: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{salt}\0{site}".encode()).digest()[:8], "big")
