"""A site's certificate and key on a web server, and what the server answers to an authority that asks for proof."""

from __future__ import annotations

from collections.abc import Mapping

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

CHALLENGES = f"{layout.ACME_ROOT}/.well-known/acme-challenge"


def directory_items(chain: str, site: str) -> list[str]:
    """List the directory of a site's certificate; nothing where it has none."""
    return [script.directory(layout.certificate_directory(site), mode=0o700)] if chain else []


def items(chain: str, key: str, site: str) -> list[str]:
    """List certificate and key, for the transaction of the vhost that names them: both are kept, or neither."""
    if not chain:
        return []
    place = layout.certificate_directory(site)
    return [
        script.file(f"{place}/openssl.crt", chain, mode=0o600),
        script.file(f"{place}/openssl.key", key, mode=0o600),
    ]


def removal_items(site: str) -> list[str]:
    """List what takes a site's certificate and key away, when no vhost names them any more."""
    return [script.call("want_no_certificate", layout.certificate_directory(site))]


def challenge_items(answers: Mapping[str, str], gone: Mapping[str, str]) -> list[str]:
    """List what a web server answers below ``/.well-known/acme-challenge/`` for every name, and what no longer."""
    return [
        functions("site"),
        script.directory(f"{layout.ACME_ROOT}/.well-known"),
        script.directory(CHALLENGES),
        *(script.file(f"{CHALLENGES}/{token}", text) for token, text in sorted(answers.items())),
        *(script.no_file(f"{CHALLENGES}/{token}") for token in sorted(set(gone) - set(answers))),
    ]
