"""What can be wrong with a source, and how the words of another program are quoted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from aegir_components.messages import AegirError

LAST_LINES: Final = 6
LONGEST_QUOTE: Final = 700
"""Characters of another program's words in a message."""

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class SourceError(AegirError, ValueError):
    """A source that no release can be made of; says what is at problem and what to do."""


class Unreachable(SourceError):
    """Where a source comes from could not be asked; what was got from there before may still do."""


def last_words(text: str, secrets: Iterable[str] = ()) -> str:
    """Quote the end of what a program said: on one line, of bearable length, without secrets."""
    lines = [" ".join(line.split()) for line in _ESCAPES.sub("", text.replace("\r", "\n")).splitlines()]
    quoted = " | ".join([line for line in lines if line][-LAST_LINES:])
    for secret in sorted(secrets, key=len, reverse=True):
        quoted = quoted.replace(secret, "[secret]")
    # By hand: what the rest of the package has does not come along into the room where archives are unpacked.
    shown = "".join(character if character.isprintable() else "?" for character in quoted)
    return shown if len(shown) <= LONGEST_QUOTE else f"…{shown[-LONGEST_QUOTE:]}"
