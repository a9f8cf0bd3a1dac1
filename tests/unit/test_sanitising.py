"""Sanitising: which rule a column has, what looks personal, and what each action is in SQL."""

from __future__ import annotations

import pytest

from aegir_components.sanitising import rules, scratch


@pytest.mark.parametrize(
    ("application", "table", "column", "action"),
    [
        ("drupal", "users_field_data", "mail", "mail"),
        ("drupal", "users_field_data", "pass", "blank"),
        ("drupal", "cache_render", "*", "empty"),
        ("drupal", "webform_submission_data", "*", "empty"),
        ("drupal", "commerce_order__shipments", "*", "empty"),
        ("drupal", "config", "data", "mask"),
        ("drupal", "user__field_city", "field_city_value", "text"),
        ("drupal", "user__roles", "roles_target_id", "keep"),
        ("drupal", "node__field_city", "field_city_value", ""),
        ("drupal7", "users", "name", "name"),
        ("drupal7", "variable", "value", "mask"),
        ("drupal7", "sessions", "*", "empty"),
        ("wordpress", "users", "user_email", "mail"),
        ("wordpress", "2_comments", "*", "empty"),
        ("wordpress", "2_posts", "post_content", "scrub"),
        ("wordpress", "gf_entry_meta", "*", "empty"),
        ("wordpress", "wc_orders", "*", "empty"),
        ("wordpress", "custom_people", "full_name", ""),
    ],
)
def test_a_known_column_has_a_rule(application: str, table: str, column: str, action: str) -> None:
    found = rules.rule_for(application, table, column, {})
    assert action == (found.action if found else "")


def test_the_teams_own_rule_holds_before_all_others() -> None:
    own: dict[str, rules.Action] = {
        "users_field_data.mail": "keep",
        "people": "empty",
        "node__field_*.field_*_value": "text",
    }
    assert "keep" == _action("users_field_data", "mail", own)
    assert "empty" == _action("people", "*", own)
    assert "text" == _action("node__field_tel", "field_tel_value", own)


def _action(table: str, column: str, own: dict[str, rules.Action]) -> str:
    found = rules.rule_for("drupal", table, column, own)
    return found.action if found else ""


@pytest.mark.parametrize(
    ("column", "is_text", "personal"),
    [
        ("field_email_value", True, True), ("customer_mail", True, True), ("full_name", True, True), ("phone", True, True),
        ("field_name_value", True, True), ("ip_address", True, True), ("date_of_birth", False, True), ("iban", True, True),
        ("title", True, False), ("langcode", True, False), ("entity_id", False, False), ("author_id", False, False),
        ("body_value", True, False),
    ],
)  # fmt: skip
def test_a_name_looks_personal_or_not(column: str, *, is_text: bool, personal: bool) -> None:
    assert personal is rules.looks_personal(column, is_text=is_text)


def test_every_action_is_an_expression_that_keeps_null_and_length() -> None:
    column = scratch.Column(name="a`b", kind="varchar", longest=10, nullable=True, generated=False)
    for action in rules.ACTIONS:
        if action in {"empty", "keep", "blank"}:
            continue
        text = scratch.expression(column, action, "k" * 48)
        assert text.startswith("IF(`a``b` IS NULL OR `a``b` = '', `a``b`, ")
        assert ("LEFT(" in text) is (action in {"mail", "name", "text"})
    assert "NULL" == scratch.expression(column, "blank", "k")
    assert "`a``b`" == scratch.expression(column, "keep", "k")
