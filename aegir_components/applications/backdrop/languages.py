"""The languages that Backdrop knows."""

from __future__ import annotations

from typing import Final

LANGUAGES: Final = frozenset(
    """
    af am ar ast az be bg bn bo bs ca cs cy da de dz el en en-gb eo es et eu fa fi fil fo fr fy ga gd gl gsw-berne gu he hi
    hr ht hu hy id is it ja jv ka kk km kn ko ku ky lo lt lv mfe mg mi mk ml mn mr ms mt my nb ne nl nn oc or os pa pl prs ps
    pt pt-br pt-pt ro ru sco se si sk sl sq sr sv sw ta ta-lk te th ti tr tyv ug uk ur vi xx-lolspeak zh-hans zh-hant
    """.split()
)
"""``standard_language_list()`` of Backdrop 1.28."""
