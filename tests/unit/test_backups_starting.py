"""What the front page of a site that was started from its backup says."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from aegir_components.applications import APPLICATIONS
from aegir_components.backups import starting

SCHEMA = "aegir_proof_0_1_2"
DRUPAL = {"x-generator": "Drupal 10 (https://www.drupal.org)"}


def said(status: int, headers: Mapping[str, str], body: str, database: str = SCHEMA) -> str:
    page = {
        "status": status,
        "headers": headers,
        "database": database,
        "body": base64.b64encode(body.encode()).decode(),
    }
    return f"words of a module\n::page {base64.b64encode(json.dumps(page).encode()).decode()}\n"


def judged(text: str, application: str = "drupal") -> str:
    return starting.judged(text, "0", SCHEMA, APPLICATIONS[application])


def test_a_front_page_from_the_restored_database_is_well() -> None:
    assert "" == judged(said(200, DRUPAL, "<html>"))
    assert "" == judged(said(301, {"x-redirect-by": "WordPress"}, ""), "wordpress")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            said(500, DRUPAL, "The website encountered an unexpected error."),
            "its front page answers 500: The website encountered",
        ),
        (said(200, {}, "<html>hello"), "its front page answers 200, but not from Drupal: hello (words of a module)"),
        (
            said(200, DRUPAL, "<html>", "www_example_com"),
            "comes from the database www_example_com, which its own settings name",
        ),
        (said(200, DRUPAL, "<html>", ""), "comes from the database of nobody"),
        ("PHP Fatal error: Class not found\n", "was not made, and its program ended with status 0: PHP Fatal error"),
        ("::page bm9uZQ==\n", "was not made"),
        ("", "it says nothing"),
    ],
)
def test_everything_else_is_no_start(text: str, expected: str) -> None:
    assert expected in judged(text)


def test_each_application_makes_its_front_page() -> None:
    for kind in APPLICATIONS.values():
        found: tuple[Any, ...] = kind.front
        assert "front-page.php" == found[0]
