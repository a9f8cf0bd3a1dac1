"""What becomes of each column of a known application, and which other columns look personal. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

from aegir_components.applications import APPLICATIONS
from aegir_components.applications.personal import ACTIONS, Action, Rule

NOBODY: Final = "example.invalid"
"""The domain of all substitutes of mail addresses (RFC 2606)."""
PHONE: Final = "[+][0-9][0-9 ()/.-]{6,}[0-9]"
"""A phone number with its country, as a regular expression of SQL and of Python."""
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
__all__ = ["ACTIONS", "NOBODY", "NUMBERS", "PERSONAL", "PHONE", "Action", "Rule", "looks_personal", "rule_for"]


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
    kind = APPLICATIONS[application]
    known = kind.main_table(table)
    for rule in kind.personal:
        whole = rule.action == "empty"
        if whole is (column == "*") and fnmatchcase(known, rule.table) and (whole or fnmatchcase(column, rule.column)):
            return rule
    return None


def looks_personal(column: str, *, is_text: bool) -> bool:
    """Return whether a column's name is one of personal data."""
    return (PERSONAL if is_text else NUMBERS).search(column) is not None
