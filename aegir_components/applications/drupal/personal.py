"""What becomes of the columns of Drupal 8 and later when a site is sanitised. Pure."""

from __future__ import annotations

from typing import Final

from aegir_components.applications.personal import DRUPAL_EMPTY, SECRETS, Rule, columns, emptied

DRUPAL: Final = (
    *emptied(DRUPAL_EMPTY),
    *emptied(
        "key_value_expire users_data config_snapshot user__user_picture oauth* simple_oauth* crm_* redirect_404 entity_usage"
    ),
    *columns("mail", "users_field_data.mail users_field_data.init"),
    *columns("name", "users_field_data.name"),
    *columns(
        "blank",
        "users_field_data.pass *_revision.revision_log *_revision.revision_log_message *_revision.revision_log__*",
    ),
    Rule("user__roles", "*", "keep"),
    Rule("user__*", "*_target_id", "keep"),
    Rule("user__*", "bundle", "keep"),
    Rule("user__*", "langcode", "keep"),
    Rule("user__*", "*", "text"),
    Rule("config", "data", "mask", f"NOT (LOWER(`name`) REGEXP '{SECRETS}')"),
    Rule("key_value", "value", "mask", "NOT (LOWER(`name`) REGEXP '(private_key|cron_key)')"),
    *columns("scrub", "node__body.* node_revision__body.* block_content__body.* block_content_revision__body.*"),
    *columns(
        "keep", "config.name key_value.name router.name taxonomy_term_field_data.name taxonomy_term_field_revision.name"
    ),
    *columns(
        "keep", "media_field_data.name media_field_revision.name file_managed.filename locale_file.filename menu_tree.*"
    ),
    *columns("keep", "key_value.collection config.collection router.* locale*.* *.menu_name *.set_name *.field_name"),
)
