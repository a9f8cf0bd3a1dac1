"""What a site may have beside its place: TLS, isolation, cron; and what the stack says of the way to all sites."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence

from aegir_components.messages import numbered

from . import calendars, certificates, model, names
from .names import Wrong, WrongForm, wanted
from .reader import Node
from .wording import listed, quoted

PLACED_BY = ("server", "servers", "cluster", "web", "web_server", "web_servers")
"""Keys by which somebody might say on which web servers a site is."""

_FORWARD = names.matching(r"[1-9][0-9]{0,2}d|off", 4, 'days, such as "7d"; "off" forwards nobody')

LAST_DAYS = 7
"""Days before the end of a certificate from which on it is an error that there is no other one, unless others are declared."""
RENEW_DAYS = 30
"""Days before its end from which on a certificate is renewed."""


def refuse_placement(node: Node, platform: str, servers: Sequence[str]) -> None:
    """Hold the handbook's rule: a site's web servers are those of its platform."""
    for key in PLACED_BY:
        if node.peek(key).given:
            where = f" ({listed(servers)})" if servers else ""
            node.child(key).fault(
                numbered(
                    1400,
                    f"a site is on the web servers of its platform{where} and is not put on others: remove this key, "
                    f"or choose another platform than {quoted(platform)}",
                )
            )


def read_https(node: Node, kinds: Mapping[str, model.WebType]) -> model.Https:
    """Read whether a site is served over TLS, which its web servers have to be able to.

    Args:
        node: the setting.
        kinds: the site's web servers, and the type of each.
    """
    https = node.choice("none", model.HTTPS)
    plain = [name for name, kind in kinds.items() if not kind.endswith("_ssl")]
    if https != "none" and plain:
        node.fault(
            numbered(
                1401,
                f"{quoted(https)} needs web services with TLS; without it: {listed(plain)}. Write apache_ssl or nginx_ssl there",
            )
        )
    return https


def read_certificate(node: Node, https: model.Https, acme: certificates.Acme | None) -> certificates.Certificate:
    """Read where a site's certificate comes from."""
    node.also("acme", "self-signed")
    if not node.given:
        return certificates.Certificate()
    if https == "none":
        node.fault(numbered(1016, "is for sites with https: enabled or https: required"))
    if isinstance(node.value, Mapping):
        if not node.check_keys():
            return certificates.Certificate()
        for key in ("chain", "key"):
            if not node.child(key).given:
                node.child(key).fault(numbered(1013, "missing; write the path of a PEM file on the hub"))
        return certificates.Certificate(
            kind="given",
            chain=node.child("chain").text("", names.absolute_path),
            key=node.child("key").text("", names.absolute_path),
        )
    kind: certificates.CertificateKind = "acme" if node.value == "acme" else "self-signed"
    if node.value not in ("acme", "self-signed"):
        node.fault(
            numbered(1005, f'must be "self-signed", "acme" or a mapping with chain and key, not {node.describe()}')
        )
    if kind == "acme" and acme is None:
        node.fault(numbered(1402, '"acme" needs aegir:acme, which names the authority that is asked'))
    return certificates.Certificate(kind=kind)


def read_cron(node: Node) -> str:
    """Read how often cron runs; YAML reads a bare ``off`` as false."""
    node.also("off", False)
    often = "off" if node.value is False else node.text("", calendars.often)
    if often and calendars.has_ended(often):
        node.warn(numbered(1053, f"{node.describe()} names days that have passed, so that cron does not run any more"))
    return often


def read_switch(node: Node) -> model.Switch | None:
    """Read ``on`` or ``off``, which YAML reads as true and false; ``None`` where nothing is said."""
    if isinstance(node.value, bool):
        return "on" if node.value else "off"
    options: tuple[model.Switch, ...] = ("on", "off")
    return node.choice(options[0], options) if node.given else None


def read_mail(node: Node) -> str:
    """Read ``on``, ``off`` or ``{redirect: address}``; empty where nothing is said."""
    if not isinstance(node.value, Mapping):
        return read_switch(node) or ""
    if not node.check_keys():
        return ""
    if not node.child("redirect").given:
        node.child("redirect").fault(numbered(1013, "missing; write the address that gets all mail of the site"))
    return node.child("redirect").text("", names.mail_address)


def read_error_days(node: Node) -> int:
    """Read ``aegir:certificates.error_days``."""
    if not node.given or not node.check_keys():
        return LAST_DAYS
    return node.child("error_days").number(LAST_DAYS, 0, RENEW_DAYS)


def read_acme(node: Node) -> certificates.Acme | None:
    """Read ``aegir:acme``."""
    if not node.given or not node.check_keys():
        return None
    if not node.child("directory").given:
        node.child("directory").fault(
            numbered(
                1013, "missing; write the address of the authority's directory, such as https://acme.example/directory"
            )
        )
    return certificates.Acme(
        directory=node.child("directory").text("", _directory),
        mail=node.child("mail").text("", names.mail_address),
        authority=node.child("authority").text("", names.absolute_path),
    )


def read_proxies(node: Node) -> tuple[str, ...]:
    """Read ``aegir:reverse_proxies``: addresses, or networks like ``10.0.0.0/24``."""
    return tuple(sorted({text for item in node.items() if (text := item.text("", _network))}))


@wanted("an address that begins with https://, such as https://acme.example/directory")
def _directory(text: str) -> str:
    if not re.fullmatch(r"https://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/?=&%-]*)?", text):
        raise WrongForm(numbered(1012, "must be an address that begins with https://"), f", not {quoted(text)}")
    return text


@wanted("an IP address or a network such as 10.0.0.0/24")
def _network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=True)
    except ValueError:
        raise WrongForm(
            numbered(1042, "must be an IP address or a network such as 10.0.0.0/24"), f", not {quoted(text)}"
        ) from None
    if network.prefixlen == 0:
        raise Wrong(
            numbered(1408, "must not be every address there is: anybody could then pretend to be another visitor")
        )
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def read_forward(node: Node) -> int:
    """Read for how many days web servers that a site has left forward its visitors; 0 for none."""
    text = node.text("7d", _FORWARD)
    return 0 if text == "off" else int(text.removesuffix("d"))
