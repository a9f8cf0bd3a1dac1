"""What an application keeps of its pages is of the former configuration after a change: it is emptied, once a site.

A record on the hub says so from before the change until the cache is emptied. So a killed run leaves the work to the
next one. The last of the site's web servers that reloads empties it: until then pages may be made with the former
configuration, and kept.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from aegir_components import layout
from aegir_components.applications import APPLICATIONS
from aegir_components.deploy import installation
from aegir_components.hub.records import Records
from aegir_components.inputs.site import SiteConfigurationInputs
from aegir_components.messages import numbered, telling
from aegir_components.process import Process
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from . import warned

KIND: Final = "caches"
SECONDS: Final = 300
"""For which an application may work at it."""
PATIENCE: Final = 60
"""Seconds to wait for another program that works on the site."""
AT_ONCE: Final = 3
"""Sites of a web server at a time."""
_turn = threading.Lock()


def are_touched(want: SiteConfigurationInputs, was: SiteConfigurationInputs | None) -> bool:
    """Return whether pages may show a change of a site's inputs. Pure."""
    return was is not None and _shown(was) != _shown(want)


def _shown(inputs: SiteConfigurationInputs) -> tuple[object, ...]:
    """Give what a site's pages may show; of php.ini a time zone is shown, a limit is not."""
    php = {name: given.values for name, given in inputs.php.items() if given.values}
    code = (inputs.application, inputs.platform, inputs.publish_path, inputs.docroot)
    names = (inputs.name, inputs.aliases, inputs.https, inputs.redirect_aliases)
    return (*code, *names, inputs.proxies, inputs.values, php)


def expect(want: SiteConfigurationInputs, hub_root: str, url: str, *, touched: bool) -> None:
    """Note that a site's caches are to be emptied when all its web servers have reloaded.

    Args:
        want: the inputs of its configuration.
        hub_root: where the hub has its records.
        url: its address.
        touched: whether pages show a change; otherwise only what an earlier run has not done is noted anew.
    """
    records, key = Records(hub_root, KIND), (want.holder, want.site)
    if not touched and records.get(*key) is None:
        return
    record = {
        "waiting": sorted(want.members),
        "enabled": want.enabled,
        "process": want.isolation == "process",
        "host": want.host,
        "url": url,
        "application": want.application,
        "publish_path": want.publish_path,
        "docroot": want.docroot,
    }
    with _turn:
        records.put(record, *key)


def forget(hub_root: str, stack: str, site: str) -> None:
    """Expect nothing any more, since the site goes."""
    Records(hub_root, KIND).drop(stack, site)


def left(conn: Connection, stack: str) -> list[str]:
    """Say which sites have caches that could not be emptied on a web server."""
    return [
        numbered(6557, f"site {record['host']}: its caches are of before its configuration changed")
        for record in Records(conn.hub_root, KIND).all()
        if record["key"][0] == stack and record.get("failed") == conn.host
    ]


def reloaded(process: Process, conn: Connection, stack: str, sites: Iterable[str]) -> None:
    """Empty the caches of sites whose last web server has reloaded now; what fails is a warning, since the sites work.

    Args:
        process: what this process remembers.
        conn: the web server that has reloaded.
        stack: ``<project>/<stack>``.
        sites: what its sites are known by.
    """
    records = Records(conn.hub_root, KIND)
    due: list[tuple[str, Mapping[str, Any]]] = []
    for site in sites:
        with _turn:
            record = records.get(stack, site)
            if record is None or not record.get("enabled"):
                continue
            here = conn.host in record["waiting"]
            waiting = [name for name in record["waiting"] if name != conn.host]
            if here and waiting:
                records.put({**record, "waiting": waiting}, stack, site)
        if here and record.get("process"):
            _forget_in_memory(conn, site, str(record["host"]))
        if not waiting and (here or record.get("failed") == conn.host):
            due.append((site, record))
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for (site, done), why in zip(due, pool.map(lambda each: _empty(conn, *each), due), strict=True):
            if why is None:
                records.drop(stack, site)
                continue
            records.put({**done, "waiting": [], "failed": conn.host}, stack, site)
            host, application = str(done["host"]), str(done["application"])
            several = warning("", application, why.replace(host, "the site"))
            warned.warn(process, host, f"{conn.host}: {warning(host, application, why)}", f"{conn.host}: {several}")


def warning(host: str, application: str, why: str) -> str:
    """Say that pages may be of the former configuration, and what to do.

    Args:
        host: the site's name; empty where it stands before.
        application: the site's.
        why: the caches could not be emptied.
    """
    by_hand = APPLICATIONS[application].by_hand
    site = f"the site {host}" if host else "the site"
    return numbered(
        8502,
        f"{site} has its new configuration and answers, and its caches could not be emptied: visitors may see pages of "
        f"before. {why}. Run pulumi up --refresh, which tries it again, or {by_hand}",
    )


def _empty(conn: Connection, site: str, record: Mapping[str, Any]) -> str | None:
    """Let the application empty its caches; say why it could not."""
    lines = installation.items(
        APPLICATIONS[str(record["application"])].caches,
        site=site,
        publish_path=str(record["publish_path"]),
        docroot=str(record["docroot"]),
        values={"host": record["host"], "url": record["url"]},
        patience=PATIENCE,
        seconds=SECONDS,
    )
    return _tried(conn, lines, f"emptying the caches of {record['host']}")


def _forget_in_memory(conn: Connection, site: str, host: str) -> None:
    """Let a PHP master of the site's own start with an empty memory, which only its own processes reach (APCu)."""
    lines = [functions("web"), functions("isolation"), script.call("forget_in_memory", layout.system_user(site))]
    if why := _tried(conn, lines, f"reloading the PHP of {host}"):
        telling.warn(
            numbered(
                8503,
                f"{why}. Its APCu may have what is of before the configuration changed: restart it with systemctl",
            )
        )


def _tried(conn: Connection, lines: Sequence[str], what: str) -> str | None:
    try:
        script.execute(conn, "apply", lines, what=what, timeout=SECONDS + PATIENCE + 30, lock=False)
    except HostError as fault:
        return str(fault)
    return None
