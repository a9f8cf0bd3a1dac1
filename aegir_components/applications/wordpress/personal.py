"""What becomes of the columns of WordPress when a site is sanitised. Pure."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from aegir_components.applications.personal import SECRETS, Rule, columns, emptied

_POSTS: Final = (
    "`post_type` NOT REGEXP '^(shop_order|shop_subscription|flamingo|feedback|nf_sub|wpforms|customize_changeset|user_request|"
    "oembed_cache|revision|wpcf7s|edd_payment|give_payment|ticket|jp_)'"
)
_META: Final = "`meta_key` NOT REGEXP '^_?(billing|shipping|customer|payment|transaction|wp_old|wpcf7_mail|mail)'"
_USERMETA: Final = (
    "`meta_key` REGEXP '(capabilities|user_level|rich_editing|syntax_highlighting|comment_shortcuts|admin_color|use_ssl|"
    "show_admin_bar_front|locale)$'"
)
_OPTIONS: Final = (
    "NOT (LOWER(`option_name`) REGEXP '(transient|session|new_admin_email|recently_edited|auth_key|salt|nonce)') AND "
    f"NOT (LOWER(`option_name`) REGEXP '{SECRETS}')"
)
WORDPRESS: Final = (
    *emptied(
        "comments commentmeta woocommerce_sessions woocommerce_order* wc_order* wc_orders* wc_customer* woocommerce_api_keys"
    ),
    *emptied(
        "woocommerce_payment_token* woocommerce_log wc_download_log wc_webhooks woocommerce_downloadable* actionscheduler_*"
    ),
    *emptied(
        "gf_* rg_lead* rg_form_view wpforms_* frm_item* nf3_* cf7_* cf7dbplugin* db7_forms ninja_forms* fluentform_*"
    ),
    *emptied(
        "formidable_* e_submissions* wsal_* simple_history* redirection_logs redirection_404 statistics_* *_log *_logs *mail_log*"
    ),
    *emptied(
        "mailpoet_* newsletter* edd_customer* edd_order* give_donor* bp_* bbp_* itsec_* wfhits wflogins wf* signups"
    ),
    *columns("name", "users.user_login users.user_nicename users.display_name"),
    *columns("mail", "users.user_email"),
    *columns("blank", "users.user_pass users.user_url users.user_activation_key posts.post_password"),
    Rule("usermeta", "meta_value", "mask", _USERMETA),
    Rule("options", "option_value", "mask", _OPTIONS),
    Rule("postmeta", "meta_value", "mask", _META),
    *(
        Rule("posts", column, "scrub", _POSTS)
        for column in ("post_content", "post_content_filtered", "post_excerpt", "post_title")
    ),
    *columns("mask", "termmeta.meta_value term_taxonomy.description sitemeta.meta_value"),
    *columns(
        "keep", "options.option_name usermeta.meta_key postmeta.meta_key termmeta.meta_key terms.* links.* posts.*"
    ),
    *columns("keep", "term_taxonomy.* term_relationships.* blogs.* site.* blogmeta.* yoast_*.*"),
)


@cache
def main_table(table: str) -> str:
    """Give the name that a table of a network's further site has at its first one."""
    return re.sub(r"^[0-9]+_", "", table)
