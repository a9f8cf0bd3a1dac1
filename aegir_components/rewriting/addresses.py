r"""Addresses of a site in text: found in every spelling that content has, and nothing that only looks like one. Pure.

A spelling is plain (``https://www.example.com/x``), in JSON (``https:\/\/``), in an address (``https%3A%2F%2F``), in
HTML (``&#47;``), without a scheme, or a host name alone. A host name counts only between characters that no host name
has. An address of a person, a longer name, another port and another scheme's address are somebody else's.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

_COLON: Final = rb"(?::|%(?:25){0,4}3a|\\{1,9}u003a|&#58;|&#x3a;|&colon;)"
_SLASH: Final = rb"(?:\\{0,9}/|%(?:25){0,4}2f|\\{1,9}u002f|&#47;|&#x2f;|&sol;)"
_ESCAPE: Final = rb"\\{1,9}u[0-9a-f]{4}|%(?:25){0,4}[0-9a-f]{2}|&#?[0-9a-z]{1,8};"
_BEFORE: Final = re.compile(rb"(?:" + _ESCAPE + rb"|\\[nrtbf]|[\xc0-\xff][\x80-\xbf]+|.)\Z", re.IGNORECASE | re.DOTALL)
_AFTER: Final = re.compile(rb"(?:" + _ESCAPE + rb"|[\xc0-\xff][\x80-\xbf]+|.)", re.IGNORECASE | re.DOTALL)
_LEAD: Final = re.compile(
    rb"(?:(?P<scheme>https?|wss?)(?P<colon>" + _COLON + rb"))?(?P<slashes>" + _SLASH + _SLASH + rb")\Z", re.IGNORECASE
)
_SCHEME: Final = re.compile(rb"[a-z]" + _COLON + _SLASH + _SLASH + rb"\Z", re.IGNORECASE)
_PORT: Final = re.compile(_COLON + rb"([0-9]{1,5})(?![0-9])", re.IGNORECASE)
_PERSON: Final = re.compile(
    rb"(?:" + _COLON + rb"[^\s/\\\"'<>@%&]{0,64})?(?:@|%(?:25){0,4}40|&#64;|&#x40;|&commat;)", re.IGNORECASE
)
_LONGEST: Final = 64
"""Bytes before a name in which the character before it is found, whatever its spelling."""
_PORTS: Final = {b"http": b"80", b"ws": b"80", b"https": b"443", b"wss": b"443"}


@dataclass(frozen=True, slots=True)
class Move:
    """A former address of a site, and what it becomes."""

    host: str
    """The former host name."""
    port: str
    """The former port; empty where the address has none."""
    path: str
    """The former directory, such as ``/blog``; empty for none."""
    netloc: str
    """The new host name, with its port where that is to be written."""
    scheme: str
    """The new scheme; empty where it stays as it is."""


def move(former: str, new: str) -> Move | None:
    """Compare two addresses; ``None`` where nothing changes, or where the former one is no address.

    At the same host schemes stay: whether links are by TLS is nothing that a move decides.

    Args:
        former: such as ``https://old.example.com/blog``, or a host name alone.
        new: likewise, without a directory.
    """
    try:
        was, now = (urlsplit(text if "//" in text else f"//{text}") for text in (former.strip(), new.strip()))
        was_port, host = was.port, was.hostname
    except ValueError:
        return None
    if not host or "." not in host or not now.hostname or re.search(r"[^\w.-]", host):
        return None
    port = "" if was_port is None or was_port in {80, 443} else str(was_port)
    path = was.path.rstrip("/")
    same = host == now.hostname and (port or None) == (str(now.port) if now.port not in {None, 80, 443} else None)
    if same and not path:
        return None
    return Move(host=host, port=port, path=path, netloc=now.netloc, scheme="" if same else now.scheme)


class Rewriter:
    """Replaces former addresses of one site in text."""

    def __init__(self, moves: Iterable[Move]) -> None:
        """Compile the moves.

        Args:
            moves: of each former address; of several at one host the one with the longest directory holds.
        """
        self._moves: dict[bytes, list[Move]] = {}
        for one in sorted(set(moves), key=lambda one: (-len(one.path), one.host, one.port)):
            self._moves.setdefault(one.host.lower().encode(), []).append(one)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The former host names."""
        return tuple(name.decode() for name in self._moves)

    def concerns(self, text: bytes) -> bool:
        """Return whether a former host name is in a text, as a part of whatever."""
        low = text.lower()
        return any(name in low for name in self._moves)

    def has(self, text: bytes) -> bool:
        """Return whether a former address is in a text."""
        return self.concerns(text) and self.text(text) != text

    def text(self, text: bytes) -> bytes:
        """Replace the addresses in a text.

        Args:
            text: in UTF-8.
        """
        pieces: list[bytes] = []
        at = 0
        for place, name in self._places(text):
            if place < at:
                continue
            lead = _LEAD.search(text, max(at, place - _LONGEST), place)
            made = self._made(text, place, name, lead)
            if made is None:
                continue
            new, end = made
            pieces += [text[at : lead.start() if lead else place], new]
            at = end
        return b"".join([*pieces, text[at:]]) if pieces else text

    def _places(self, text: bytes) -> list[tuple[int, bytes]]:
        """Find the former host names, whatever is around them: this is all that most of a text is read for."""
        low, found = text.lower(), []
        for name in self._moves:
            place = low.find(name)
            while place >= 0:
                found.append((place, name))
                place = low.find(name, place + 1)
        return sorted(found)

    def _made(self, text: bytes, place: int, name: bytes, lead: re.Match[bytes] | None) -> tuple[bytes, int] | None:
        """Give what becomes of one place, and where that ends; ``None`` where it is no address of the site."""
        scheme, slashes = (lead["scheme"], lead["slashes"]) if lead else (None, b"")
        begin = lead.start() if lead else place
        if scheme is None and not _is_free_before(text[max(0, begin - _LONGEST) : begin], slashes):
            return None
        moves = self._moves[name]
        end = place + len(name)
        port = _PORT.match(text, end)
        if _PERSON.match(text, end):
            return None
        usual = (_PORTS[scheme.lower()],) if scheme is not None else (b"80", b"443")
        for one in moves:
            after = end
            if port is not None and (port[1] == one.port.encode() or (not one.port and port[1] in usual)):
                after = port.end()
            elif port is not None or one.port:
                continue
            path = _path(text, after, one.path)
            if path is not None and _is_free_after(text[path : path + _LONGEST], directory=bool(one.path)):
                return _spelled(one, scheme, lead["colon"] if lead else None, slashes), path
        return None


def _spelled(one: Move, scheme: bytes | None, colon: bytes | None, slashes: bytes) -> bytes:
    host, has_port, port = one.netloc.partition(":")
    new = b""
    if scheme is not None and colon is not None:
        secure = b"s" if (one.scheme == "https" if one.scheme else scheme.lower() in {b"https", b"wss"}) else b""
        new = (b"ws" if scheme.lower().startswith(b"ws") else b"http") + secure + colon
    return new + slashes + host.encode() + ((colon or b":") + port.encode() if has_port else b"")


def _path(text: bytes, at: int, path: str) -> int | None:
    """Find the end of a former directory behind a name; ``None`` where the address is outside of it."""
    for part in filter(None, path.split("/")):
        found = re.compile(_SLASH + re.escape(part.encode()), re.IGNORECASE).match(text, at)
        if found is None:
            return None
        at = found.end()
    return at


def _is_free_before(before: bytes, slashes: bytes) -> bool:
    """Return whether a name without a known scheme may begin here."""
    if slashes:
        # With a colon it has another scheme than those of the web.
        return _SCHEME.search(before + slashes) is None
    last = _BEFORE.search(before)
    # Behind one slash it is a directory of that name.
    return last is None or _is_boundary(_plain(last[0]), "@._-~/\\")


def _is_free_after(after: bytes, *, directory: bool) -> bool:
    """Return whether a name or a directory may end here."""
    first = _AFTER.match(after)
    if first is None:
        return True
    plain = _plain(first[0])
    if plain == "." and not directory:
        # The end of a sentence, or a longer name.
        second = _AFTER.match(after, first.end())
        return second is None or _is_boundary(_plain(second[0]), "_-")
    return _is_boundary(plain, "_-~." if directory else "_-")


def _is_boundary(character: str, inside: str) -> bool:
    return bool(character) and not character.isalnum() and character not in inside and character != "\ufffd"


def _plain(spelled: bytes) -> str:
    """Give the character that a spelling stands for; a replacement character where that cannot be told."""
    low = spelled.lower()
    if low.startswith(b"%") and len(low) > 1:
        return unquote_to_bytes(b"%" + low[-2:]).decode("utf-8", "replace")
    if low.startswith(b"\\") and b"u" in low:
        return chr(int(low[-4:], 16))
    if low.startswith(b"\\") and len(low) > 1:
        return "\n"
    if low.startswith(b"&") and low.endswith(b";"):
        return html.unescape(low.decode("ascii"))[:1]
    return spelled.decode("utf-8", "replace")[-1:]


def listed(moves: Sequence[Move]) -> str:
    """Name the former addresses for people."""
    names = [f"{one.host}{':' if one.port else ''}{one.port}{one.path}" for one in moves]
    return ", ".join(dict.fromkeys(names))
