"""Configuration in files of JSON without personal data and secrets. Pure.

It fails closed: a file that is no JSON, or whose name says that it has secrets, does not come along.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from aegir_components.applications.personal import SECRETS

from .rules import NOBODY, PHONE

_MAIL: Final = re.compile(r"[\w.%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_PHONE: Final = re.compile(PHONE)
_SECRET: Final = re.compile(SECRETS, re.IGNORECASE)
_MAIL_OF_NOBODY: Final = f"nobody@{NOBODY}"


def masked(name: str, content: bytes) -> bytes | None:
    """Give a file without mail addresses, phone numbers and values whose key is a secret's.

    Args:
        name: the file's path.
        content: the file.

    Returns:
        The file; ``None`` where it does not come along.
    """
    if not name.endswith(".json") or _SECRET.search(name.rpartition("/")[2]):
        return None
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return json.dumps(_masked(found), indent=4).encode() + b"\n"


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {_text(key): _blank(each) if _SECRET.search(key) else _masked(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_masked(each) for each in value]
    return _text(value) if isinstance(value, str) else value


def _blank(value: Any) -> Any:
    """Empty a secret; a number or a switch whose name looks like one stays, since code relies on its kind."""
    if isinstance(value, dict):
        return {_text(key): _blank(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_blank(each) for each in value]
    return "" if isinstance(value, str) else value


def _text(text: str) -> str:
    return _PHONE.sub("000", _MAIL.sub(_MAIL_OF_NOBODY, text))
