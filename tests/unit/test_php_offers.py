"""Versions of PHP that package sources lack are told at preview, where they are new and the machine can be asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from aegir_components.preview import php_offers
from aegir_components.recorded import Recorded
from tests.unit import stacks

SAYS = (
    'aegir:servers["web1"].services.web.php: the package sources of web1 have PHP 8.2, and not {}. Write one that they have, '
    "or add a source that has it to the machine before up (https://packages.sury.org/php/ for Debian, ppa:ondrej/php for Ubuntu)"
)


@pytest.mark.parametrize(
    ("php", "recorded", "offers", "lacking"),
    [
        (["8.3", "8.2"], {}, ("8.2",), "8.3"),
        (["8.3", "8.1"], {}, ("8.2",), "8.3, 8.1"),
        ("8.3", {}, ("8.2",), "8.3"),
        ("8.2", {}, ("8.2",), ""),
        ("8.3", {}, (), ""),
        ("8.3", {}, None, ""),
        ("8.3", {"php": "8.3"}, ("8.2",), "unasked"),
        (["8.3", "8.1"], {"php": "8.3", "php_version": "8.3", "php_chosen": ["8.3", "8.1"]}, ("8.2",), "unasked"),
        (["8.3", "8.1"], {"php": "8.3"}, ("8.2",), "8.1"),
        (None, {}, ("8.2",), "unasked"),
    ],
)
def test_what_is_new_and_lacking_is_told(
    php: Any, recorded: dict[str, Any], offers: tuple[str, ...] | None, lacking: str
) -> None:
    web = {"type": "apache_ssl", "php": php} if php else "apache_ssl"
    declared = stacks.declared(servers__web1__services={"web": web})
    asked: list[str] = []

    def ask(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        asked.extend(names)
        return {} if offers is None else {"web1": offers}

    found = php_offers.warnings(Recorded({"aegir:WebService": {"web1": recorded}}), declared, ask)

    assert ([] if lacking == "unasked" else ["web1"]) == asked
    assert ([SAYS.format(lacking)] if lacking not in ("", "unasked") else []) == found
