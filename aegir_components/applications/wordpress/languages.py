"""WordPress's languages: how it spells them, which another spelling means, and the files of a translation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

LANGUAGES: Final = frozenset(
    """
    af am ar arg arq art_xemoji art_xpirate ary as ast az az_TR azb ba bal bcc bel bg_BG bgn bho bn_BD bn_IN bo bre brx
    bs_BA ca ca_valencia ceb ckb co cor cs_CZ cy da_DK de_AT de_CH de_DE dsb dv dzo el en_AU en_CA en_GB en_NZ en_US en_ZA
    eo es_AN es_AR es_CL es_CO es_CR es_DO es_EC es_ES es_GT es_HN es_MX es_PE es_PR es_UY es_VE et eu ewe fa_AF fa_IR fi
    fo fon fr_BE fr_CA fr_FR frp fuc fur fy ga gax gd gl_ES gu hat hau haw_US haz he_IL hi_IN hr hsb hu_HU hy ibo id_ID
    ido is_IS it_IT ja jv_ID ka_GE kaa kab kal kin kir kk km kmr kn ko_KR lb_LU li lij lin lmo lo lt_LT lug lv mai me_ME
    mfe mg_MG mk_MK ml_IN mlt mn mr mri ms_MY my_MM nb_NO ne_NP nl_BE nl_NL nn_NO nqo oci ory os pa_IN pa_PK pap_AW pap_CW
    pcd pcm pl_PL ps pt_AO pt_BR pt_PT pt_PT_ao90 rhg ro_RO roh ru_RU sa_IN sah scn si_LK sk_SK skr sl_SI sna snd so_SO sq
    sq_XK sr_RS srd ssw su_ID sv_SE sw syr szl ta_IN ta_LK tah te tg th tir tl tr_TR tt_RU tuk twd tzm ug_CN uk ur uz_UZ
    vec vi wol xho yor zgh zh_CN zh_HK zh_SG zh_TW zul
    """.split()
)
"""WordPress's locales, as GlotPress has them (https://translate.wordpress.org/), without variants of politeness."""
VARIANTS: Final = ("_formal", "_informal")
"""What WordPress has for ``de_DE_formal`` and others."""

_ALSO: Final[dict[str, tuple[str, ...]]] = {
    "pt": ("pt_BR", "pt_PT"),
    "en": ("en_US", "en_GB"),
    **dict.fromkeys(("zh", "zh_hans", "zh_sg"), ("zh_CN",)),
    **dict.fromkeys(("zh_hant", "zh_mo"), ("zh_TW",)),
    "no": ("nb_NO",),
    "iw": ("he_IL",),
    "in": ("id_ID",),
    "fil": ("tl",),
    "bn": ("bn_BD",),
    "fa": ("fa_IR",),
    "pa": ("pa_IN",),
    "ta": ("ta_IN",),
}
_THREE_LETTERS: Final = dict(
    pair.split(":")
    for pair in """
    an:arg be:bel br:bre dz:dzo ee:ewe ff:fuc ha:hau ht:hat ig:ibo io:ido kl:kal ku:kmr kw:cor ky:kir lg:lug ln:lin mi:mri
    mt:mlt oc:oci or:ory rm:roh rw:kin sc:srd sd:snd sn:sna ss:ssw ti:tir tk:tuk ty:tah wo:wol xh:xho yo:yor zu:zul
    """.split()
)
"""WordPress has some languages by three letters that others have by two (ISO 639-1)."""


def means(code: str) -> tuple[str, ...]:
    """Give the locales of WordPress that a code may mean; none where it is WordPress's own, or nothing is like it."""
    variant = next((each for each in VARIANTS if code.endswith(each)), "")
    if code.removesuffix(variant) in LANGUAGES:
        return ()
    plain = code.replace("-", "_").lower()
    variant = next((each for each in VARIANTS if plain.endswith(each)), "")
    plain = plain.removesuffix(variant)
    spelled = {each.lower(): each for each in LANGUAGES}
    if plain in spelled:
        return (spelled[plain] + variant,)
    base = plain.partition("_")[0]
    also = _ALSO.get(plain) or _ALSO.get(base)
    if also:
        return also
    usual = [each for each in (base, f"{base}_{base}", _THREE_LETTERS.get(base, "").lower()) if each in spelled]
    others = sorted(each for each in LANGUAGES if each.partition("_")[0] == base)
    return (spelled[usual[0]],) if usual else tuple(others[:3])


def files(language: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Choose WordPress's files of a language: core's, and those of plugins and themes in directories of these names.

    Yields:
        A path, and where it belongs below ``wp-content/languages``.
    """
    pattern = re.compile(rf"(?:[a-z0-9_-]+-)?{re.escape(language)}(?:-[0-9a-f]{{32}})?\.(?:mo|po|json|l10n\.php)")
    found = [name for name in names if pattern.fullmatch(PurePosixPath(name).name)]
    if any(PurePosixPath(name).name == f"{language}.mo" for name in found):
        for name in found:
            path = PurePosixPath(name)
            kind = f"{path.parent.name}/" if path.parent.name in ("plugins", "themes") else ""
            yield name, f"{kind}{path.name}"
