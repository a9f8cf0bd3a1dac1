"""How each application spells languages, and which of its languages another spelling means."""

from __future__ import annotations

from typing import Final

DRUPAL: Final = frozenset(
    """
    af am ar ast az be bg bn bo br bs ca cs cy da de dz el en en-gb en-x-simple eo es et eu fa fi fil fo fr fy ga gd gl
    gsw-berne gu haw he hi hr ht hu hy id is it ja jv ka kk km kn ko ku ky lo lt lv mg mk ml mn mr ms mt my nb ne nl nn oc
    or os pa pl prs ps pt pt-br pt-pt rhg rm-rumgr ro ru rw sco se si sk sl sq sr sv sw ta ta-lk te th tr tyv ug uk ur vi
    xx-lolspeak zh-hans zh-hant
    """.split()
)
"""``LanguageManager::getStandardLanguageList()`` of Drupal 8.9 to 10.6."""
DRUPAL7: Final = frozenset(
    """
    aa ab ae af ak am ar as ast av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
    en-gb eo es et eu fa ff fi fil fj fo fr fy ga gd gl gn gsw-berne gu gv ha he hi ho hr ht hu hy hz ia id ie ig ik is it
    iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg ln lo lt lv mg mh mi mk ml mn mo mr ms mt my na nb nd
    ne ng nl nn nr nv ny oc om or os pa pi pl ps pt pt-br pt-pt qu rm rn ro ru rw sa sc sco sd se sg sh si sk sl sm sn so
    sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi wo xh xx-lolspeak yi yo za zh-hans
    zh-hant zu
    """.split()
)
"""``_locale_get_predefined_list()`` of Drupal 7.105."""
WORDPRESS: Final = frozenset(
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
_WORDPRESS_ALSO: Final[dict[str, tuple[str, ...]]] = {
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


def for_drupal(code: str, known: frozenset[str]) -> tuple[str, ...]:
    """Give the languages of a Drupal that a code may mean; none where it is Drupal's own, or nothing is like it."""
    plain = code.lower().replace("_", "-")
    if code in known:
        return ()
    base = plain.partition("-")[0]
    found = [each for each in (plain, _DRUPAL_ALSO.get(plain), base, _DRUPAL_ALSO.get(base)) if each in known]
    return tuple(each for each in found[:1] if each != code)


def for_wordpress(code: str) -> tuple[str, ...]:
    """Give the locales of WordPress that a code may mean; none where it is WordPress's own, or nothing is like it."""
    variant = next((each for each in VARIANTS if code.endswith(each)), "")
    if code.removesuffix(variant) in WORDPRESS:
        return ()
    plain = code.replace("-", "_").lower()
    variant = next((each for each in VARIANTS if plain.endswith(each)), "")
    plain = plain.removesuffix(variant)
    spelled = {each.lower(): each for each in WORDPRESS}
    if plain in spelled:
        return (spelled[plain] + variant,)
    base = plain.partition("_")[0]
    also = _WORDPRESS_ALSO.get(plain) or _WORDPRESS_ALSO.get(base)
    if also:
        return also
    usual = [each for each in (base, f"{base}_{base}", _THREE_LETTERS.get(base, "").lower()) if each in spelled]
    others = sorted(each for each in WORDPRESS if each.partition("_")[0] == base)
    return (spelled[usual[0]],) if usual else tuple(others[:3])
