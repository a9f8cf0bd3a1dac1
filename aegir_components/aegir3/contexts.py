"""Servers, platforms and sites of an Aegir 3 farm, as its hub keeps them in ``.drush/*.alias.drushrc.php``.

Sources: ``Provision/Context/*.php`` and ``Provision/Config/Drushrc/Alias.php`` of provision 7.x-3.x. The files have the root
passwords of the database servers in clear: they are read past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aegir_components.messages import around, text_of

from .php_export import ExportError, assigned

ENDING: Final = ".alias.drushrc.php"
HUB: Final = "@server_master"
WEB: Final = ("apache", "apache_ssl", "nginx", "nginx_ssl")


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A machine, or a group of web servers."""

    name: str
    """Its context, such as ``@server_web1``."""
    host: str
    web: str = ""
    """``apache``, ``nginx``, with ``_ssl``; ``cluster`` or ``pack``; empty for none."""
    port: int = 80
    database: bool = False
    members: tuple[str, ...] = ()
    """Contexts: the web servers of a cluster, or the masters of a pack."""
    slaves: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """A code base."""

    name: str
    root: str
    web_server: str
    makefile: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A site."""

    uri: str
    platform: str
    database: str
    aliases: tuple[str, ...] = ()
    redirection: str = ""
    """Where its other names lead; empty for nowhere."""
    client: str = ""
    profile: str = ""
    enabled: bool = True
    tls: int = 0
    """0 for none, 1 for both, 2 for TLS alone."""
    key: str = ""
    """The name of its certificate's directory."""


@dataclass(slots=True)
class Contexts:
    """A farm."""

    servers: dict[str, Server] = field(default_factory=dict)
    platforms: dict[str, Platform] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    """What could not be read, by file."""


def read(files: Mapping[str, str]) -> Contexts:
    """Read a farm.

    Args:
        files: texts by the names of their files.
    """
    found = Contexts()
    for name, text in sorted(files.items()):
        try:
            for key, given in assigned(text, "aliases").items():
                if isinstance(given, Mapping):
                    _take(found, f"@{key.lstrip('@')}", given)
        except ExportError as fault:
            found.faults.append(around(text_of(fault), f"{name}: {fault}"))
    return found


def _take(found: Contexts, name: str, given: Mapping[str, Any]) -> None:
    match given.get("context_type"):
        case "server":
            found.servers[name] = _server(name, given)
        case "platform":
            found.platforms[name] = Platform(
                name=name, root=str(given.get("root") or ""), web_server=str(given.get("web_server") or HUB),
                makefile=str(given.get("makefile") or ""),
            )  # fmt: skip
        case "site" if given.get("uri"):
            # A site has a file for each of its further aliases of drush's, all with the same content.
            found.sites[str(given["uri"])] = _site(given)
        case _:
            # Drush's own aliases of other programs.
            return


def _server(name: str, given: Mapping[str, Any]) -> Server:
    web = str(given.get("http_service_type") or "")
    members = given.get("cluster_web_servers") if web == "cluster" else given.get("master_web_servers")
    return Server(
        name=name,
        host=str(given.get("remote_host") or "localhost"),
        web=_web(web),
        port=int(given.get("http_port") or 80),
        database=str(given.get("db_service_type") or "") not in {"", "null"},
        members=_names(members),
        slaves=_names(given.get("slave_web_servers")) if web == "pack" else (),
    )


def _web(word: str) -> str:
    # Names of later packages: https_apache, https_nginx.
    other = {"https_apache": "apache_ssl", "https_nginx": "nginx_ssl"}.get(word, word)
    return other if other in {*WEB, "cluster", "pack"} else ""


def _site(given: Mapping[str, Any]) -> Site:
    uri = str(given["uri"])
    redirection = given.get("redirection")
    leads = (
        uri
        if redirection in (True, 1, "1")
        else str(redirection)
        if redirection not in (False, None, 0, "0", "")
        else ""
    )
    tls = given.get("ssl_enabled") or given.get("https_enabled") or 0
    return Site(
        uri=uri,
        platform=str(given.get("platform") or ""),
        database=str(given.get("db_server") or ""),
        aliases=tuple(sorted(name for name in _names(given.get("aliases")) if name != uri)),
        redirection=leads,
        client=str(given.get("client_name") or ""),
        profile=str(given.get("profile") or ""),
        enabled=given.get("site_enabled") not in (False, 0, "0"),
        tls=int(tls),
        key=str(given.get("ssl_key") or given.get("https_key") or ""),
    )


def _names(given: object) -> tuple[str, ...]:
    if isinstance(given, str):
        given = given.split(",")
    if isinstance(given, Mapping):
        given = list(given.values())
    return tuple(dict.fromkeys(str(each).strip() for each in given if each)) if isinstance(given, list) else ()
