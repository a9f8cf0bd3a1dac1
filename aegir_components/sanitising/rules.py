"""What becomes of each column of a known application, and which other columns look personal. Pure.

A rule is a pattern of tables, a pattern of columns and an action. The first that fits holds. Names of tables are without their
prefix. A table that is to be empty needs no rule for its columns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Final, Literal

Action = Literal["keep", "empty", "mail", "name", "text", "blank", "scrub", "mask"]

ACTIONS: Final[tuple[Action, ...]] = ("keep", "empty", "mail", "name", "text", "blank", "scrub", "mask")
"""What a team's own rule may say.

``keep``: as it is. ``empty``: no rows, for a table. ``mail``, ``name``, ``text``: a substitute, the same for the same value.
``blank``: nothing. ``scrub``: mail addresses and phone numbers in a text are replaced. ``mask``: mail addresses become x of the
same length, for what is serialised.
"""
PERSONAL: Final = re.compile(
    r"mail|courriel|correo|pass(wor[dt])?$|^pass|passwd|pwd|phone|mobile|(^|_)handy|mobil|telef|(^|_)tel($|_)|fax|street|stra(ss|\u00df)e|"
    r"address|adres|direcci|(^|_)city|(^|_)zip|(^|_)plz|post(al)?_?code|postleitzahl|birth|geburt|naissance|nacimiento|"
    r"(^|_)dob($|_)|gender|iban|(^|_)bic($|_)|(^|_)ssn|(^|_)vat|salut|(^|_)(nick)?name(_value)?$|"
    r"(first|last|sur|full|display|user|nice|given|family)_?name|company|organi[sz]ation|contact|login|user_?agent|hostname|(^|_)ip($|_)|session|token|secret|api_?key|"
    r"(vor|nach)name|(voor|achter)naam|(^|_)(prenom|nom|apellidos?|nombre|cognome|bsn|nif|nie|dni|ort|rue|ville|ciudad)($|_)|"
    r"sozialversicherung|anschrift|wohnort|straat|huisnummer|hausnummer|geschlecht|geslacht|"
    r"signature|latitude|longitude|comment|message|(^|_)notes?($|_)|(^|_)bio($|_)|author|customer|recipient|sender|person",
    re.IGNORECASE,
)
"""Names of columns that look personal."""
NUMBERS: Final = re.compile(
    r"phone|mobile|telef|(^|_)tel($|_)|fax|birth|geburt|naissance|nacimiento|dob|gender|iban|ssn|bsn|latitude|longitude|"
    r"(^|_)ip($|_)",
    re.IGNORECASE,
)
"""The same for columns of numbers and dates, whose names are often those of references."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of columns."""

    table: str
    column: str
    action: Action
    where: str = ""
    """Which rows come: a condition in SQL; empty for all."""


def _empty(names: str) -> tuple[Rule, ...]:
    return tuple(Rule(name, "*", "empty") for name in names.split())


def _rules(action: Action, names: str) -> tuple[Rule, ...]:
    """Read ``table.column`` words."""
    return tuple(Rule(*word.partition(".")[::2], action) for word in names.split())


_SECRETS: Final = (
    "(smtp|sendgrid|mailgun|mailchimp|secret|token|password|passwd|api_?key|license|private_?key|cron_?key|credential|"
    "webhook)"
)
_DRUPAL_EMPTY: Final = (
    "cache* sessions flood watchdog history batch queue semaphore search_* comment comment_* field_data_comment* "
    "field_revision_comment* node_comment_statistics contact_message* webform_submi* commerce_order* commerce_customer* "
    "commerce_payment* commerce_line_item* commerce_log* commerce_shipment* commerce_cart* uc_order* uc_customer* profile "
    "profile_* profile2* simplenews_subscri* login_history login_security* ban_ip blocked_ips accesslog authmap old_* *_log "
    "*_logs user_expire* mail_log* maillog backup_migrate* session_limit*"
)
DRUPAL: Final = (
    *_empty(_DRUPAL_EMPTY),
    *_empty(
        "key_value_expire users_data config_snapshot user__user_picture oauth* simple_oauth* crm_* redirect_404 entity_usage"
    ),
    *_rules("mail", "users_field_data.mail users_field_data.init"),
    *_rules("name", "users_field_data.name"),
    *_rules(
        "blank",
        "users_field_data.pass *_revision.revision_log *_revision.revision_log_message *_revision.revision_log__*",
    ),
    Rule("user__roles", "*", "keep"),
    Rule("user__*", "*_target_id", "keep"),
    Rule("user__*", "bundle", "keep"),
    Rule("user__*", "langcode", "keep"),
    Rule("user__*", "*", "text"),
    Rule("config", "data", "mask", f"NOT (LOWER(`name`) REGEXP '{_SECRETS}')"),
    Rule("key_value", "value", "mask", "NOT (LOWER(`name`) REGEXP '(private_key|cron_key)')"),
    *_rules("scrub", "node__body.* node_revision__body.* block_content__body.* block_content_revision__body.*"),
    *_rules(
        "keep", "config.name key_value.name router.name taxonomy_term_field_data.name taxonomy_term_field_revision.name"
    ),
    *_rules(
        "keep", "media_field_data.name media_field_revision.name file_managed.filename locale_file.filename menu_tree.*"
    ),
    *_rules("keep", "key_value.collection config.collection router.* locale*.* *.menu_name *.set_name *.field_name"),
)
DRUPAL7: Final = (
    *_empty(_DRUPAL_EMPTY),
    *_rules("mail", "users.mail users.init contact.recipients"),
    *_rules("name", "users.name"),
    *_rules("blank", "users.pass users.signature users.data node_revision.log"),
    *_rules("keep", "users.signature_format users.theme users.timezone users.language"),
    Rule("variable", "value", "mask", f"NOT (LOWER(`name`) REGEXP '{_SECRETS}')"),
    *_rules("mask", "actions.parameters field_config.data field_config_instance.data"),
    *_rules("scrub", "field_data_body.* field_revision_body.* block_custom.body"),
    *_rules(
        "keep",
        "variable.name system.* registry.* registry_file.* role.* role_permission.* menu_*.* field_config*.* filter*.*",
    ),
    *_rules(
        "keep",
        "date_format*.* image_*.* node_type.* node.* node_revision.title block.* rdf_mapping.* taxonomy_*.* locale*.*",
    ),
    *_rules("keep", "languages.* url_alias.* file_managed.filename shortcut_set*.* actions.*"),
)
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
    f"NOT (LOWER(`option_name`) REGEXP '{_SECRETS}')"
)
WORDPRESS: Final = (
    *_empty(
        "comments commentmeta woocommerce_sessions woocommerce_order* wc_order* wc_orders* wc_customer* woocommerce_api_keys"
    ),
    *_empty(
        "woocommerce_payment_token* woocommerce_log wc_download_log wc_webhooks woocommerce_downloadable* actionscheduler_*"
    ),
    *_empty(
        "gf_* rg_lead* rg_form_view wpforms_* frm_item* nf3_* cf7_* cf7dbplugin* db7_forms ninja_forms* fluentform_*"
    ),
    *_empty(
        "formidable_* e_submissions* wsal_* simple_history* redirection_logs redirection_404 statistics_* *_log *_logs *mail_log*"
    ),
    *_empty(
        "mailpoet_* newsletter* edd_customer* edd_order* give_donor* bp_* bbp_* itsec_* wfhits wflogins wf* signups"
    ),
    *_rules("name", "users.user_login users.user_nicename users.display_name"),
    *_rules("mail", "users.user_email"),
    *_rules("blank", "users.user_pass users.user_url users.user_activation_key posts.post_password"),
    Rule("usermeta", "meta_value", "mask", _USERMETA),
    Rule("options", "option_value", "mask", _OPTIONS),
    Rule("postmeta", "meta_value", "mask", _META),
    *(
        Rule("posts", column, "scrub", _POSTS)
        for column in ("post_content", "post_content_filtered", "post_excerpt", "post_title")
    ),
    *_rules("mask", "termmeta.meta_value term_taxonomy.description sitemeta.meta_value"),
    *_rules(
        "keep", "options.option_name usermeta.meta_key postmeta.meta_key termmeta.meta_key terms.* links.* posts.*"
    ),
    *_rules("keep", "term_taxonomy.* term_relationships.* blogs.* site.* blogmeta.* yoast_*.*"),
)
OF: Final[Mapping[str, Sequence[Rule]]] = {"drupal": DRUPAL, "drupal7": DRUPAL7, "wordpress": WORDPRESS}


@cache
def _network(table: str) -> str:
    """Give the name that a table of a WordPress network's further site has at its first one."""
    return re.sub(r"^[0-9]+_", "", table)


def rule_for(application: str, table: str, column: str, own: Mapping[str, Action]) -> Rule | None:
    """Find the rule of a column.

    Args:
        application: the site's.
        table: without prefix.
        column: the column; ``*`` for the table as a whole.
        own: the team's own rules, by ``table`` or ``table.column``; they hold before all others.
    """
    for name, action in own.items():
        place, _, of = name.partition(".")
        if fnmatchcase(table, place) and fnmatchcase(column, of or "*") and (of or column == "*" or action != "empty"):
            return Rule(place, of or "*", action)
    known = _network(table) if application == "wordpress" else table
    for rule in OF[application]:
        whole = rule.action == "empty"
        if whole is (column == "*") and fnmatchcase(known, rule.table) and (whole or fnmatchcase(column, rule.column)):
            return rule
    return None


def looks_personal(column: str, *, is_text: bool) -> bool:
    """Return whether a column's name is one of personal data."""
    return (PERSONAL if is_text else NUMBERS).search(column) is not None
