"""Sites as the state of a stack has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aegir_components.cli.outputs import Outputs


def outputs(values: Mapping[str, Any], kind: str = "Installation") -> Outputs:
    """Give values as the outputs of a resource."""
    return Outputs(values, resource=f"{kind} www", stack="test")


def members(*servers: str) -> dict[str, dict[str, Any]]:
    """Give web servers as a site has them."""
    return {
        name: {"connection": {"host": name, "address": f"192.0.2.{number}"}, "type": "apache", "port": 80}
        for number, name in enumerate(servers, 1)
    }


def accounts(server: str) -> dict[str, Any]:
    """Give a site's database on a server."""
    return {
        "connection": {"host": server, "address": "192.0.2.9"}, "address": "192.0.2.9", "port": 3306, "user": "hub",
        "server": server, "database": "www", "account": "www", "clients": ["192.0.2.1"], "owner": "aegir/prod/www",
    }  # fmt: skip
