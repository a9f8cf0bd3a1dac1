"""Contexts of an Aegir 3 farm, written as provision writes them: `var_export` of the properties."""

from __future__ import annotations

from typing import Any

SECRET = "root-password-of-the-former-farm"


def exported(value: Any, depth: int = 0) -> str:
    """Write a value as PHP's var_export does."""
    blank = "  " * depth
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case str():
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case list():
            return exported(dict(enumerate(value)), depth)
        case dict():
            inner = "".join(f"{blank}  {exported(key)} => {_item(each, depth)},\n" for key, each in value.items())
            return f"array (\n{inner}{blank})"
        case _:
            return str(value)


def _item(value: Any, depth: int) -> str:
    text = exported(value, depth + 1)
    return f"\n{'  ' * (depth + 1)}{text}" if text.startswith("array") else text


def alias(name: str, options: dict[str, Any]) -> tuple[str, str]:
    """Give a context's file: name and text."""
    return f"{name}.alias.drushrc.php", f"<?php \n$aliases['{name}'] = {exported(options)};\n"


def server(name: str, host: str, **given: Any) -> tuple[str, str]:
    """Write a server."""
    options = {"context_type": "server", "remote_host": host, "script_user": "aegir", "aegir_root": "/var/aegir",
               "http_service_type": None, "db_service_type": None, **given}  # fmt: skip
    return alias(name, options)


def platform(name: str, web_server: str, root: str = "") -> tuple[str, str]:
    """Write a platform."""
    options = {"context_type": "platform", "server": "@server_master", "web_server": f"@{web_server}",
               "root": root or f"/var/aegir/platforms/{name.removeprefix('platform_')}", "makefile": ""}  # fmt: skip
    return alias(name, options)


def site(uri: str, on: str, database: str = "server_db", **given: Any) -> tuple[str, str]:
    """Write a site."""
    options = {"context_type": "site", "platform": f"@{on}", "server": "@server_master", "db_server": f"@{database}", "uri": uri,
               "root": f"/var/aegir/platforms/{on.removeprefix('platform_')}", "site_enabled": True, "language": "en",
               "client_name": "admin", "aliases": [], "redirection": False, "cron_key": "abc", "drush_aliases": [],
               "profile": "standard", "install_method": "profile", **given}  # fmt: skip
    return alias(uri, options)


def farm() -> dict[str, str]:
    """Write a farm: a hub, web servers, a cluster, a pack and a database server, Drupal 7 and 10, and the front end."""
    root = f"mysql://root:{SECRET}@db.old.example.com"
    return dict(
        [
            server("server_master", "hub.old.example.com", http_service_type="apache", http_port="80"),
            server("server_web1", "web1.old.example.com", http_service_type="apache_ssl", http_port="80"),
            server("server_web2", "web2.old.example.com", http_service_type="nginx", http_port="80"),
            server("server_web3", "web3.old.example.com", http_service_type="apache", http_port="80"),
            server("server_web4", "web4.old.example.com", http_service_type="apache", http_port="80"),
            server("server_db", "db.old.example.com", db_service_type="mysql", master_db=root),
            server("server_Front", "localhost", http_service_type="cluster",
                   cluster_web_servers=["@server_web1", "@server_web2"]),
            server("server_shared", "localhost", http_service_type="pack", master_web_servers=["@server_web3"],
                   slave_web_servers=["@server_web4"]),
            platform("platform_hostmaster", "server_master"),
            platform("platform_drupal7", "server_web1"),
            platform("platform_Drupal10", "server_Front", "/var/aegir/platforms/Drupal 10/web"),
            platform("platform_packed", "server_shared"),
            site("aegir.old.example.com", "platform_hostmaster", profile="hostmaster"),
            site("www.example.com", "platform_drupal7", aliases=["example.com", "o-hara.example.com"],
                 redirection="www.example.com", client_name="O'Hara \\ sons", ssl_enabled="2", ssl_key="www"),
            site("shop.example.com", "platform_Drupal10", aliases={1: "store.example.com"}, redirection="store.example.com"),
            site("off.example.com", "platform_packed", site_enabled=False),
            alias("somebody", {"root": "/srv/else", "uri": "else.example.com"}),
        ]
    )  # fmt: skip
