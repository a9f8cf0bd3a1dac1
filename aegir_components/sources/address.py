"""Where something is got from: a path on the hub, or an address whose password stands apart from it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

WITH_PASSWORD: Final = ("https", "http")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """An address as programs and messages may have it, and its password for those who need it."""

    plain: str
    """Without the password; the user's name stays where git needs it."""
    shown: str
    """For messages: without user, password and query."""
    user: str = ""
    password: str = field(default="", repr=False)
    bare: str = ""
    """Without user and password, for programs that are told them otherwise."""
    host: str = ""
    scheme: str = ""

    @property
    def local(self) -> bool:
        """Whether it is a path on the hub."""
        return self.scheme in ("", "file")

    @property
    def secrets(self) -> tuple[str, ...]:
        """List what must not stand in a message, in each form that a program may have written."""
        return tuple({self.password, quote(self.password, safe="")} - {""})

    @property
    def credentials(self) -> str:
        """The line of git's credential store that has the password; empty without one."""
        if not self.password or self.scheme not in WITH_PASSWORD:
            return ""
        return f"{self.scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self.host}\n"

    @property
    def digest(self) -> str:
        """Tell addresses apart in names of files."""
        return hashlib.sha256(self.plain.encode()).hexdigest()[:16]


def parse(text: str) -> Address:
    """Take an address apart; the settings have checked its form."""
    if text.startswith("/"):
        return Address(plain=text, shown=text, bare=text)
    if "://" not in text:
        # user@host:path, which has no place for a password.
        return Address(plain=text, shown=text.partition("@")[2], bare=text, scheme="ssh")
    parts = urlsplit(text)
    host = parts.netloc.rpartition("@")[2]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    netloc = f"{quote(user, safe='')}@{host}" if user else host
    return Address(
        plain=parts._replace(netloc=netloc).geturl(),
        shown=SplitResult(parts.scheme, host, parts.path, "", "").geturl(),
        bare=parts._replace(netloc=host).geturl(), user=user, password=password, host=host, scheme=parts.scheme,
    )  # fmt: skip
