"""Versions as Composer, Drupal and WordPress write them, compared as Composer compares them."""

from __future__ import annotations

import re
from typing import Final

_STAGES: Final = {"dev": -4, "alpha": -3, "a": -3, "beta": -2, "b": -2, "rc": -1, "": 0, "patch": 1, "p": 1, "pl": 1}
_PART: Final = re.compile(r"[._+-]?(dev|alpha|beta|rc|patch|pl|a|b|p)[.-]?(\d*)", re.IGNORECASE)
_NUMBERS: Final = re.compile(r"v?(\d+(?:\.\d+)*)", re.IGNORECASE)
_BOUND: Final = re.compile(r"\s*(>=|<=|!=|>|<|==|=)?\s*([^\s,|<>=!]+)")
_CONTRIB: Final = re.compile(r"(\d+\.x)-(\d+\.(?:\d+|x).*)")

Key = tuple[tuple[int, ...], int, int]


def key(version: str) -> Key:
    """Give what versions are sorted by: numbers, then stage (dev, alpha, beta, rc, stable), then its number.

    >>> key("8.9.0-rc1") < key("8.9") < key("8.9.1")
    True
    """
    # Drupal's contributed projects have the core that they are for in front.
    contributed = _CONTRIB.fullmatch(version)
    text = contributed[2] if contributed else version
    found = _NUMBERS.match(text)
    if not found:
        return (), _STAGES["dev"], 0
    numbers = [int(number) for number in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    rest = text[found.end() :]
    if rest.startswith((".x", "x")):
        return tuple(numbers), _STAGES["dev"], 0
    stage = _PART.match(rest)
    if not stage:
        return tuple(numbers), 0, 0
    return tuple(numbers), _STAGES[stage[1].lower()], int(stage[2] or 0)


def is_stable(version: str) -> bool:
    """Return whether a version is no development version, alpha, beta or candidate."""
    return key(version)[1] >= 0


def matches(version: str, ranges: str) -> bool:
    """Return whether a version is in one of the ranges, such as ``>=8.0,<8.9.1|>=9.0,<9.0.1``; ``*`` is all of them."""
    if not _NUMBERS.match(version.lstrip("vV")):
        # A branch, whose place nobody knows.
        return False
    return any(_within(version, part) for part in re.split(r"\|\|?", ranges) if part.strip())


def _within(version: str, bounds: str) -> bool:
    listed = [(match[1] or "=", match[2]) for match in _BOUND.finditer(bounds) if match[2]]
    return bool(listed) and all(_holds(version, sign, bound) for sign, bound in listed)


def _holds(version: str, sign: str, bound: str) -> bool:
    if bound == "*":
        return True
    ours, theirs = key(version), key(bound)
    return {
        ">=": ours >= theirs, ">": ours > theirs, "<": ours < theirs, "<=": ours <= theirs, "!=": ours != theirs,
    }.get(sign, ours == theirs)  # fmt: skip
