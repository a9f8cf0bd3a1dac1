"""A site that runs elsewhere in words, and as the part of a stack file that brings it here. Pure."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from aegir_components.applications.base import DOCROOTS
from aegir_components.messages import shown
from aegir_components.messages.printable import size
from aegir_components.settings import names

from .found import Directory, Site, listed
from .judging import Verdict, rights, title_of

WEB, DATABASE = "WEB_SERVER", "DATABASE_SERVER"
"""What stands in the stack file for machines that a person has to name."""
_PLATFORM: Final = re.compile(r"[^a-z0-9-]+")


def words(site: Site, verdict: Verdict) -> list[str]:
    """Tell it, a line each."""
    base = site.database
    rows = {
        "site": f"{site.names[0] if site.names else '(no name known)'}{f' ({site.title})' if site.title else ''}",
        "names": ", ".join(site.names[1:]),
        "application": title_of(site) + (f", profile {site.profile}" if site.profile else ""),
        "docroot": site.docroot + (f", sites/{site.site}" if site.site else ""),
        "PHP": site.php,
        "database": f"{base.version}, {base.tables} tables, {size(base.size)}" if base.version else "",
        "prefix": base.prefix,
        **{kind: _directory(one) for kind, one in site.directories.items()},
        "modules": f"{len(site.modules)}: {listed(site.modules)}" if site.modules else "",
        "crontab": f"{site.cron} lines" if site.cron else "",
    }
    lines = [f"{name:<13}{value}" for name, value in rows.items() if value]
    for title, told in (("does not fit", verdict.misfits), ("to decide", verdict.notes)):
        lines += [f"{title}: {shown(text)}" for text in told]
    return lines


def stack_part(site: Site, place: str) -> str:
    """Write the part of a stack file that brings the site, from what ``--fetch`` puts into a place."""
    name = site.names[0] if site.names else "www.example.com"
    platform = _platform(name)
    origin: dict[str, Any] = {"database": f"{place}/database.sql.gz"}
    origin |= {key: f"{place}/{key}" for kind, key in KINDS.items() if kind in site.directories}
    if site.database.prefix not in ("", "wp_"):
        origin["prefix"] = site.database.prefix
    if site.site and site.site != "default":
        origin["former"] = [site.site]
    declared: dict[str, Any] = {"platform": platform}
    if len(site.names) > 1:
        declared["aliases"] = list(site.names[1:])
    if site.profile:
        declared["profile"] = site.profile
    if needed := rights(site):
        declared["database"] = {"server": DATABASE, "rights": needed}
    part = {
        "aegir:platforms": {platform: {"server": WEB, "source": _source(site, place)}},
        "aegir:sites": {name: {**declared, "origin": origin}},
    }
    return yaml.safe_dump(part, sort_keys=False, default_flow_style=False, allow_unicode=True, width=120)


KINDS: Final = {"public": "files", "private": "private", "config": "config"}
"""Directories of a site, and the key of an origin that each goes under."""


def _platform(name: str) -> str:
    try:
        name = names.site_name(name.lower())
    except names.Wrong:
        name = name.lower()
    return _PLATFORM.sub("-", name).strip("-")[:40].strip("-") or "site"


def _source(site: Site, place: str) -> str:
    """Give the directory of the code; of a document root that platforms do not know, the document root itself."""
    known = site.below in ("", *DOCROOTS)
    return f"{place}/code" if known else f"{place}/code/{site.below}"


def _directory(one: Directory) -> str:
    return f"{one.path}, {'' if one.whole else 'more than '}{one.files} files, {size(one.size)}"
