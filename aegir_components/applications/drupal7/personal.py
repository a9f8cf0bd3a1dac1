"""What becomes of the columns of Drupal 7 when a site is sanitised. Pure."""

from __future__ import annotations

from typing import Final

from aegir_components.applications.personal import DRUPAL_EMPTY, SECRETS, Rule, columns, emptied

DRUPAL7: Final = (
    *emptied(DRUPAL_EMPTY),
    *columns("mail", "users.mail users.init contact.recipients"),
    *columns("name", "users.name"),
    *columns("blank", "users.pass users.signature users.data node_revision.log"),
    *columns("keep", "users.signature_format users.theme users.timezone users.language"),
    Rule("variable", "value", "mask", f"NOT (LOWER(`name`) REGEXP '{SECRETS}')"),
    *columns("mask", "actions.parameters field_config.data field_config_instance.data"),
    *columns("scrub", "field_data_body.* field_revision_body.* block_custom.body"),
    *columns(
        "keep",
        "variable.name system.* registry.* registry_file.* role.* role_permission.* menu_*.* field_config*.* filter*.*",
    ),
    *columns(
        "keep",
        "date_format*.* image_*.* node_type.* node.* node_revision.title block.* rdf_mapping.* taxonomy_*.* locale*.*",
    ),
    *columns("keep", "languages.* url_alias.* file_managed.filename shortcut_set*.* actions.*"),
)
