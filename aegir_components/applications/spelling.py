"""Which language of an application another spelling means."""

from __future__ import annotations

from typing import Final

_DRUPAL_ALSO: Final = {
    **dict.fromkeys(("zh", "zh-cn", "zh-sg"), "zh-hans"),
    **dict.fromkeys(("zh-tw", "zh-hk", "zh-mo"), "zh-hant"),
    "no": "nb",
    "iw": "he",
    "in": "id",
    "tl": "fil",
    "rm": "rm-rumgr",
    "gsw": "gsw-berne",
    "lolspeak": "xx-lolspeak",
}


def for_drupal(code: str, known: frozenset[str]) -> tuple[str, ...]:
    """Give the languages of a Drupal that a code may mean; none where it is Drupal's own, or nothing is like it."""
    plain = code.lower().replace("_", "-")
    if code in known:
        return ()
    base = plain.partition("-")[0]
    found = [each for each in (plain, _DRUPAL_ALSO.get(plain), base, _DRUPAL_ALSO.get(base)) if each in known]
    return tuple(each for each in found[:1] if each != code)
