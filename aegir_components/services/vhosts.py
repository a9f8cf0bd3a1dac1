"""Which virtual hosts a site has: one for each scheme, and for names that redirect. Pure decisions; templates write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from aegir_components.inputs.site import SiteConfigurationInputs

MAINTENANCE = "/aegir-maintenance/page.html"
"""The address of the page that a disabled site shows; no site has one of this name."""
RETRY_AFTER = 3600
"""Seconds after which a visitor of a disabled site may come again."""
TLS_PORT = 443

Does = Literal["serve", "redirect", "closed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Virtual:
    """A virtual host."""

    names: tuple[str, ...]
    tls: bool
    does: Does
    target: str = ""
    """Where it redirects to: scheme, name and port."""
    guard: str = ""
    """Where requests are redirected to that are not a declared proxy's for a visitor over TLS; empty serves all."""


def address(site: str, port: int, *, tls: bool) -> str:
    """Give the address of a name without a path."""
    if tls:
        return f"https://{site}"
    return f"http://{site}" if port == 80 else f"http://{site}:{port}"


def other_uploads(site: str, names: Iterable[str]) -> list[str]:
    """List the patterns of the addresses that a site's uploads have under other names than the one that it is known by."""
    return [re.escape(f"sites/{name}/files") for name in dict.fromkeys(names) if name != site]


def virtuals(inputs: SiteConfigurationInputs, port: int) -> list[Virtual]:
    """List the virtual hosts of a site.

    Args:
        inputs: the site. Where reverse proxies are declared, they may end TLS for it.
        port: the web server's port of plain HTTP.
    """
    site, aliases = inputs.host, inputs.aliases
    names = (site, *aliases)
    found = []
    for tls in (False, True):
        if tls and inputs.https == "none":
            continue
        if not inputs.enabled:
            found.append(Virtual(names=names, tls=tls, does="closed"))
        elif inputs.https == "required" and not tls:
            # Straight to where the visitor ends up.
            for name in names:
                target = address(site if inputs.redirect_aliases else name, port, tls=True)
                if inputs.proxies and (name == site or not inputs.redirect_aliases):
                    found.append(Virtual(names=(name,), tls=tls, does="serve", guard=target))
                else:
                    found.append(Virtual(names=(name,), tls=tls, does="redirect", target=target))
        elif inputs.redirect_aliases and aliases:
            found.append(Virtual(names=(site,), tls=tls, does="serve"))
            target = address(site, port, tls=tls)
            found.append(Virtual(names=aliases, tls=tls, does="redirect", target=target))
        else:
            found.append(Virtual(names=names, tls=tls, does="serve"))
    return found
