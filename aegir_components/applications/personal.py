"""Rules for what becomes of each column when a site is sanitised: what every application's own rules are made of. Pure.

A rule is a pattern of tables, a pattern of columns and an action. The first that fits holds. Names of tables are without their
prefix. A table that is to be empty needs no rule for its columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Action = Literal["keep", "empty", "mail", "name", "text", "blank", "scrub", "mask"]

ACTIONS: Final[tuple[Action, ...]] = ("keep", "empty", "mail", "name", "text", "blank", "scrub", "mask")
"""What a team's own rule may say.

``keep``: as it is. ``empty``: no rows, for a table. ``mail``, ``name``, ``text``: a substitute, the same for the same value.
``blank``: nothing. ``scrub``: mail addresses and phone numbers in a text are replaced. ``mask``: mail addresses become x of the
same length, for what is serialised.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of columns."""

    table: str
    column: str
    action: Action
    where: str = ""
    """Which rows come: a condition in SQL; empty for all."""


def emptied(names: str) -> tuple[Rule, ...]:
    """Read names of tables that are to be empty."""
    return tuple(Rule(name, "*", "empty") for name in names.split())


def columns(action: Action, names: str) -> tuple[Rule, ...]:
    """Read ``table.column`` words."""
    return tuple(Rule(*word.partition(".")[::2], action) for word in names.split())


SECRETS: Final = (
    "(smtp|sendgrid|mailgun|mailchimp|secret|token|password|passwd|api_?key|license|private_?key|cron_?key|credential|"
    "webhook)"
)
"""A regular expression of names whose values are secrets."""
DRUPAL_EMPTY: Final = (
    "cache* sessions flood watchdog history batch queue semaphore search_* comment comment_* field_data_comment* "
    "field_revision_comment* node_comment_statistics contact_message* webform_submi* commerce_order* commerce_customer* "
    "commerce_payment* commerce_line_item* commerce_log* commerce_shipment* commerce_cart* uc_order* uc_customer* profile "
    "profile_* profile2* simplenews_subscri* login_history login_security* ban_ip blocked_ips accesslog authmap old_* *_log "
    "*_logs user_expire* mail_log* maillog backup_migrate* session_limit*"
)
"""Tables of Drupal and what came of it whose rows no clone needs."""
