"""A stack for the tests of the command line: its settings, and its state as `pulumi stack export` prints it."""

from __future__ import annotations

import copy
from typing import Any

from aegir_components import settings
from aegir_components.cli.state import State

SITE = "www.example.com"
RELEASE = "0123456789abcdef"
COMMIT = "c0ffee" * 6 + "c0ff"

CONFIG: dict[str, Any] = {
    "hub": {"address": "10.0.0.1"},
    "servers": {
        "web1": {"address": "10.0.0.2", "ssh": {"trust": "first-use"}, "services": {"web": "apache_ssl"}},
        "db1": {"address": "10.0.0.3", "ssh": {"trust": "first-use"}, "services": {"database": "mysql"}},
    },
    "platforms": {"code": {"server": "web1", "source": {"git": "https://git.example.com/x.git", "ref": "main"}}},
    "sites": {SITE: {"platform": "code", "https": "required"}},
}


def config(**changes: Any) -> dict[str, Any]:
    """Give the configuration with values at paths (`platforms__code__source`) changed; `None` takes one out."""
    made = copy.deepcopy(CONFIG)
    for path, value in changes.items():
        *steps, last = path.split("__")
        place = made
        for step in steps:
            place = place[{"site": SITE}.get(step, step)]
        if value is None:
            del place[last]
        else:
            place[{"site": SITE}.get(last, last)] = value
    return made


def declared(**changes: Any) -> settings.Settings:
    """Read that configuration."""
    return settings.load(config(**changes), lambda _path: False)


def connection(name: str) -> dict[str, Any]:
    return {"host": name, "address": {"web1": "10.0.0.2", "db1": "10.0.0.3"}[name], "patience": 0.0}


def resources(build: str) -> dict[str, dict[str, Any]]:
    """List what `up` has made of the stack, by type and name."""
    members = {"web1": {"connection": connection("web1"), "type": "apache_ssl", "port": 80}}
    site = {"site": SITE, "platform": "code", "publish_path": "/var/aegir/platforms/code", "docroot": ".",
            "application": "wordpress", "members": members}  # fmt: skip
    ours = "pulumi-python:dynamic/aegir:"
    return {
        "aegir:index:Server web1": {"address": "10.0.0.2"},
        "aegir:index:Server db1": {"address": "10.0.0.3"},
        f"{ours}Machine web1": {"connection": connection("web1")},
        f"{ours}Machine db1": {"connection": connection("db1")},
        f"{ours}WebService web1": {"type": "apache_ssl", "php": "8.2"},
        f"{ours}DatabaseService db1": {"version": "10.11.6-MariaDB", "address": "10.0.0.3", "port": 3306},
        "aegir:index:Platform code": {},
        f"{ours}Release code": {
            "platform": "code", "publish_path": "/var/aegir/platforms/code", "digest": RELEASE * 4, "source": build,
            "source_revision": COMMIT, "application": "wordpress", "facts": {"version": "6.1"}, "members": members,
            "docroot": ".", "holder": "aegir/testing", "files": 3000, "keep": 3,
        },
        f"aegir:index:Site {SITE}": {"url": f"https://{SITE}"},
        f"{ours}Certificate {SITE}": {"ends": "2099-03-01", "kind": "self-signed"},
        f"{ours}SiteConfiguration {SITE}": {**site, "cron": "hourly"},
        f"{ours}Installation {SITE}": {**site, "admin": "admin", "health": True, "enabled": True, "https": "required",
                                       "fingerprint": "f" * 64, "content": "present", "holder": "aegir/testing",
                                       "profile": "", "title": SITE, "language": "en", "mail": "admin@example.com",
                                       "admin_password": "x", "password": "y",
                                       "database": {"name": "d", "user": "u", "host": "10.0.0.3", "port": 3306}},
    }  # fmt: skip


def exported(
    build: str = "/hub/builds/code/key", *, without: tuple[str, ...] = (), pending: tuple[str, ...] = (), **changes: Any
) -> dict[str, Any]:
    """Give the state.

    Args:
        build: where the platform's code was built.
        without: types and names that were not made.
        pending: types and names of what was being made when the run ended.
        changes: outputs of the resource whose type is the name, `Installation={"health": False}`.
    """
    listed = []
    for which, outputs in resources(build).items():
        kind, name = which.split(" ")
        if f"{kind.rpartition(':')[2]} {name}" in without:
            continue
        also = changes.get(kind.rpartition(":")[2], {}) if kind.startswith("pulumi-python") else {}
        listed.append(
            {"urn": f"urn:pulumi:testing::aegir::{kind}::{name}", "type": kind, "outputs": {**outputs, **also}}
        )
    operations = [
        {"type": "creating", "resource": {"type": f"pulumi-python:dynamic/aegir:{which.split(' ')[0]}",
                                          "urn": f"urn:pulumi:testing::aegir::x::{which.split(' ')[1]}"}}
        for which in pending
    ]  # fmt: skip
    return {"version": 3, "deployment": {"resources": listed, "pending_operations": operations}}


def state(*arguments: Any, **changes: Any) -> State:
    """Read that state."""
    return State.read("testing", exported(*arguments, **changes))
