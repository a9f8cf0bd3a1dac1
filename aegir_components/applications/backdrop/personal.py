"""What becomes of the columns of Backdrop when a site is sanitised. Pure."""

from __future__ import annotations

from typing import Final

from aegir_components.applications.personal import DRUPAL_EMPTY, SECRETS, Rule, columns, emptied

BACKDROP: Final = (
    *emptied(DRUPAL_EMPTY),
    *emptied("tempstore simpletest* users_data"),
    *columns("mail", "users.mail users.init"),
    *columns("name", "users.name"),
    *columns("blank", "users.pass users.signature users.data node_revision.log"),
    *columns("keep", "users.signature_format users.timezone users.language users_roles.*"),
    Rule("state", "value", "mask", f"NOT (LOWER(`name`) REGEXP '{SECRETS}')"),
    Rule("variable", "value", "mask", f"NOT (LOWER(`name`) REGEXP '{SECRETS}')"),
    *columns("scrub", "field_data_body.* field_revision_body.*"),
    *columns("mask", "file_metadata.value"),
    *columns("keep", "state.name variable.name system.* menu_*.* node.* node_revision.title taxonomy_*.* locale*.*"),
    *columns("keep", "language.* url_alias.* redirect.* file_managed.filename file_metadata.name"),
)
