"""What a failed login from a web server to a database means."""

from __future__ import annotations

import pytest

from aegir_components.deploy.access import explain
from aegir_components.mysql.client import Endpoint

WHERE = Endpoint(server="db1", address="10.0.0.2", port=3307, user="aegir_root", password="secret of the hub")


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        pytest.param(
            "ERROR 2003 (HY000): Can't connect to MySQL server on '10.0.0.2' (110)",
            ("cannot connect", "10.0.0.2 port 3307", "bind-address", "firewall", "10.0.0.9"),
            id="filtered",
        ),
        pytest.param(
            "ERROR 2002 (HY000): Can't connect to server on '10.0.0.2' (111)",
            ("cannot connect", "bind-address"),
            id="refused",
        ),
        pytest.param(
            "ERROR 1045 (28000): Access denied for user 'x'@'10.0.0.77'",
            ("does not know this web server as 10.0.0.9", "10.0.0.77", "correct the server's address"),
            id="other-address",
        ),
        pytest.param(
            "ERROR 1130 (HY000): Host '10.0.0.77' is not allowed",
            ("does not know this web server",),
            id="host-not-allowed",
        ),
        pytest.param("sh: 1: mysql: not found", ("default-mysql-client",), id="no-client"),
        pytest.param("ERROR 9999: odd", ("failed: ERROR 9999: odd",), id="anything-else"),
        pytest.param("", ("no reason given",), id="nothing"),
    ],
)
def test_a_failed_login_says_what_to_look_at(said: str, parts: tuple[str, ...]) -> None:
    text = explain(WHERE, "10.0.0.9", said)

    for part in parts:
        assert part in text
    assert "secret of the hub" not in text
