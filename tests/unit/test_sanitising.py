"""Sanitising: which rule a column has, what looks personal, and what each action is in SQL."""

from __future__ import annotations

import hashlib

import pytest

from aegir_components.applications import APPLICATIONS
from aegir_components.applications import fields as field_types
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
        ("backdrop", "users", "mail", "mail"),
        ("backdrop", "users", "pass", "blank"),
        ("backdrop", "sessions", "*", "empty"),
        ("backdrop", "tempstore", "*", "empty"),
        ("backdrop", "state", "value", "mask"),
        ("backdrop", "field_data_field_city", "field_city_value", ""),
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
        ("body_value", True, False), ("field_tel_value", True, True), ("vorname", True, True), ("achternaam", True, True),
        ("telefono", True, True), ("field_ort_value", True, True), ("strasse", True, True), ("geburtsdatum", False, True),
        ("field_nieuws_value", True, False), ("sort", True, False), ("field_hotel_value", True, False), ("nominal", True, False),
    ],
)  # fmt: skip
def test_a_name_looks_personal_or_not(column: str, *, is_text: bool, personal: bool) -> None:
    assert personal is rules.looks_personal(column, is_text=is_text)


STORAGE = 'a:15:{s:4:"uuid";s:36:"%s";s:8:"langcode";s:2:"en";s:2:"id";s:9:"node.%s";s:4:"type";s:%d:"%s";s:8:"settings";a:0:{}}'
UUID = "5c9c1a0e-1d0f-4a7e-9d0b-0a1b2c3d4e5f"


def personal_fields(application: str, rows: list[tuple[object, ...]]) -> list[field_types.Field]:
    kind = APPLICATIONS[application].fields
    assert kind is not None
    return kind.find(rows)


def _stored(field: str, kind: str, entity: str = "node") -> tuple[str, bytes]:
    return f"field.storage.{entity}.{field}", (STORAGE % (UUID, field, len(kind), kind)).encode()


def test_the_type_of_a_field_says_what_it_holds_whatever_its_name_is() -> None:
    fields = personal_fields("drupal", [
        _stored("field_hotline", "telephone"), _stored("field_reach", "email"), _stored("field_where", "address"),
        _stored("field_text", "string"), _stored("field_spot", "geofield"), ("system.site", b"a:0:{}"),
        _stored("field_a_name_that_is_longer_than_thirty", "telephone", "commerce_product_variation"),
    ])  # fmt: skip

    def action(table: str, column: str) -> str | None:
        return field_types.action_of(fields, table, column)

    assert "text" == action("node__field_hotline", "field_hotline_value")
    assert "text" == action("node_revision__field_hotline", "field_hotline_value")
    assert "mail" == action("node__field_reach", "field_reach_value")
    assert "text" == action("node__field_where", "field_where_given_name")
    assert "keep" == action("node__field_where", "field_where_country_code")
    assert "blank" == action("node__field_spot", "field_spot_lat")
    for table, column in (
        ("node__field_text", "field_text_value"), ("node__field_hotline", "langcode"), ("users", "field_hotline_value"),
    ):  # fmt: skip
        assert action(table, column) is None
    # As core names it: hash('sha256', uuid) cut to ten characters.
    digest = hashlib.sha256(UUID.encode()).hexdigest()[:10]
    for table in (f"commerce_product_variation__{digest}", f"commerce_product_variation_r__{digest}"):
        assert "text" == action(table, "field_a_name_that_is_longer_than_thirty_value")


def test_the_type_of_a_field_of_drupal_7_says_what_it_holds() -> None:
    fields = personal_fields(
        "drupal7", [("field_hotline", "phone"), ("field_plain", "text"), ("field_home", "addressfield")]
    )

    assert "text" == field_types.action_of(fields, "field_revision_field_hotline", "field_hotline_value")
    assert "text" == field_types.action_of(fields, "field_data_field_home", "field_home_thoroughfare")
    assert "keep" == field_types.action_of(fields, "field_data_field_home", "field_home_country")
    assert field_types.action_of(fields, "field_data_field_plain", "field_plain_value") is None


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
