"""Values as an application stores them: text, or what PHP's ``serialize`` writes, with texts of either kind inside. Pure.

What PHP writes has the length of each text in bytes before it. A text that changes gets its new length. A value whose lengths are
wrong before is nothing that PHP reads: it stays as it is, and is reported. So is text around such a value, as in a log or JSON
in which it is quoted.

Sources: php-src, ext/standard/var_unserializer.re; the format of objects that write themselves (``C``) is their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from .addresses import Rewriter

_LOOKS: Final = re.compile(rb"(?:[aOC]:[0-9]+:|s:[0-9]+:\"|E:[0-9]+:\").*[;}]\Z", re.DOTALL)
_COUNTED: Final = re.compile(rb":[0-9]+:")
"""Stands in each serialised text or array. It is found two hundred times as fast as ``_QUOTED``, and most texts have none."""
_QUOTED: Final = re.compile(
    rb"(?:^|[^a-zA-Z0-9])(?:s:[0-9]+:(?:\\{0,9}\"|&quot;|%22)|[aO]:[0-9]+:(?:\{|%7b|\\{0,9}\"))", re.IGNORECASE
)
_TOKEN: Final = re.compile(
    rb"N;|b:[01];|i:[+-]?[0-9]+;|d:(?:[+-]?(?:[0-9.]+(?:[eE][+-]?[0-9]+)?|INF)|NAN);|[rR]:[0-9]+;"
    rb"|(?P<text>s):(?P<length>[0-9]+):\"|a:(?P<count>[0-9]+):\{|O:(?P<class>[0-9]+):\"|(?P<own>C):(?P<named>[0-9]+):\""
    rb"|E:(?P<case>[0-9]+):\"|(?P<end>\})"
)
_COUNT: Final = re.compile(rb"\":([0-9]+):\{")
_SPACE: Final = b" \t\n\r\0\x0b"
"""What PHP's ``trim`` takes off."""
_DEEPEST: Final = 50
"""How many serialised values may be inside of each other as texts."""


class _BrokenError(Exception):
    """What looks like PHP's own cannot be read."""


@dataclass(slots=True)
class _Frame:
    """An array or an object that is being read."""

    left: int
    """How many keys and values are still to come."""
    keys: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    """Its keys that are texts: their place in what is written, as they were, and rewritten."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """A serialised value that is being read."""

    data: bytes
    rewriter: Rewriter
    depth: int
    out: list[bytes]
    frames: list[_Frame]


@dataclass(frozen=True, slots=True)
class Value:
    """A rewritten value."""

    data: bytes
    is_broken: bool = False
    """Whether a part of it has a former address still, since it cannot be read."""


def rewrite(data: bytes, rewriter: Rewriter, depth: int = 0) -> Value:
    """Replace former addresses in a value of a column, whatever it is.

    Args:
        data: the value, as the application reads it.
        rewriter: knows the addresses.
        depth: in how many serialised values it is a text.
    """
    if not rewriter.concerns(data):
        return Value(data)
    core = data.strip(_SPACE)
    if _LOOKS.match(core):
        begin = data.find(core[:1]) if core else 0
        try:
            inner = _serialised(core, rewriter, depth)
        except _BrokenError:
            return Value(data, is_broken=rewriter.has(data))
        return Value(data[:begin] + inner.data + data[begin + len(core) :], inner.is_broken)
    if _COUNTED.search(data) and _QUOTED.search(data) and rewriter.has(data):
        return Value(data, is_broken=True)
    return Value(rewriter.text(data))


def _serialised(data: bytes, rewriter: Rewriter, depth: int) -> Value:
    """Rewrite the texts of a serialised value.

    Raises:
        _BrokenError: it is none as a whole, or too deep.
    """
    if depth > _DEEPEST:
        raise _BrokenError
    out: list[bytes] = []
    frames: list[_Frame] = []
    reading = _Reading(data, rewriter, depth, out, frames)
    at, is_broken = 0, False
    while True:
        token = _TOKEN.match(data, at)
        if token is None:
            raise _BrokenError
        if token["end"]:
            if not frames or frames[-1].left:
                raise _BrokenError
            _finish(frames.pop(), out)
            out.append(b"}")
            at = token.end()
        else:
            is_key = bool(frames) and frames[-1].left % 2 == 0
            if frames:
                if not frames[-1].left:
                    raise _BrokenError
                frames[-1].left -= 1
            at, broken = _item(reading, token, is_key=is_key)
            is_broken = is_broken or broken
        if not frames:
            break
    if at != len(data):
        raise _BrokenError
    return Value(b"".join(out), is_broken)


def _item(reading: _Reading, token: re.Match[bytes], *, is_key: bool) -> tuple[int, bool]:
    """Take one value, or the head of an array; give where the next one begins, and whether a part of it is broken."""
    data, out, frames = reading.data, reading.out, reading.frames
    if token["text"]:
        text, at = _quoted(data, token.end(), int(token["length"]), b'";')
        if not is_key and not reading.rewriter.concerns(text):
            out.append(data[token.start() : at])
            return at, False
        new = rewrite(text, reading.rewriter, reading.depth + 1)
        if is_key:
            frames[-1].keys.append((len(out), text, new.data))
        out.append(_text(new.data))
        return at, new.is_broken
    if is_key and token[0][:1] != b"i":
        raise _BrokenError
    if token["count"]:
        frames.append(_Frame(2 * int(token["count"])))
        out.append(token[0])
        return token.end(), False
    if token["class"]:
        _, at = _quoted(data, token.end(), int(token["class"]), b'"')
        head = _COUNT.match(data, at - 1)
        if head is None:
            raise _BrokenError
        frames.append(_Frame(2 * int(head[1])))
        out.append(data[token.start() : head.end()])
        return head.end(), False
    if token["own"]:
        return _own(reading, token)
    at = token.end()
    if token["case"]:
        _, at = _quoted(data, at, int(token["case"]), b'";')
    out.append(data[token.start() : at])
    return at, False


def _own(reading: _Reading, token: re.Match[bytes]) -> tuple[int, bool]:
    """Take an object that writes itself as it is: only its class knows what is inside."""
    data = reading.data
    _, at = _quoted(data, token.end(), int(token["named"]), b'"')
    head = _COUNT.match(data, at - 1)
    if head is None:
        raise _BrokenError
    inside, at = _quoted(data, head.end(), int(head[1]), b"}")
    reading.out.append(data[token.start() : at])
    return at, reading.rewriter.has(inside)


def _quoted(data: bytes, at: int, length: int, end: bytes) -> tuple[bytes, int]:
    stop = at + length
    if data[stop : stop + len(end)] != end:
        raise _BrokenError
    return data[at:stop], stop + len(end)


def _text(text: bytes) -> bytes:
    return b's:%d:"%s";' % (len(text), text)


def _finish(frame: _Frame, out: list[bytes]) -> None:
    """Leave the keys of an array as they are where two of them would become one."""
    if len({new for _, _, new in frame.keys}) < len({old for _, old, _ in frame.keys}):
        for place, old, _ in frame.keys:
            out[place] = _text(old)
