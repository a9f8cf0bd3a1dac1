"""The languages that Drupal 8 and later know."""

from __future__ import annotations

from typing import Final

LANGUAGES: Final = frozenset(
    """
    af am ar ast az be bg bn bo br bs ca cs cy da de dz el en en-gb en-x-simple eo es et eu fa fi fil fo fr fy ga gd gl
    gsw-berne gu haw he hi hr ht hu hy id is it ja jv ka kk km kn ko ku ky lo lt lv mg mk ml mn mr ms mt my nb ne nl nn oc
    or os pa pl prs ps pt pt-br pt-pt rhg rm-rumgr ro ru rw sco se si sk sl sq sr sv sw ta ta-lk te th tr tyv ug uk ur vi
    xx-lolspeak zh-hans zh-hant
    """.split()
)
"""``LanguageManager::getStandardLanguageList()`` of Drupal 8.9 to 10.6."""
