"""A certificate that the operator brings: read from the hub's files, and checked before any machine is touched."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from aegir_components.messages import numbered

from .faults import GivenError
from .pem import RENEW_DAYS, Pair, facts

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
"""The root certificates of Debian's package ca-certificates."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A certificate that can be used."""

    pair: Pair
    digest: str
    """Of the certificates and the public key: another one when a file has changed."""
    warnings: tuple[str, ...] = ()


def read(chain: str, key: str, names: Sequence[str], *, now: dt.datetime | None = None) -> Given:
    """Read a certificate with its chain and its key, and check that they belong together and are the site's.

    Args:
        chain: a file with the certificate and what it is signed by, in PEM.
        key: a file with the private key, in PEM.
        names: the host names that it has to cover.
        now: the moment that counts.

    Raises:
        GivenError: one of both cannot be read, they do not match, a name is missing, or it has ended.
    """
    now = now or dt.datetime.now(dt.UTC)
    chain_text, key_text = _text(chain), _text(key)
    try:
        certificates = x509.load_pem_x509_certificates(chain_text.encode())
    except ValueError:
        raise GivenError(numbered(2500, f"{chain} has no certificate in PEM")) from None
    try:
        loaded = serialization.load_pem_private_key(key_text.encode(), password=None)
    except TypeError:
        raise GivenError(
            numbered(2501, f"{key} is locked by a passphrase, which a web server would ask for at each start")
        ) from None
    except Exception:  # noqa: BLE001 - whatever a parser says of a private key stays unsaid
        raise GivenError(numbered(2500, f"{key} has no private key in PEM")) from None
    public = _spki(loaded.public_key())
    if public != _spki(certificates[0].public_key()):
        raise GivenError(numbered(2502, f"the key in {key} is not that of the first certificate in {chain}"))
    for lower, upper in pairwise(certificates):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature):
            raise GivenError(
                numbered(
                    2503,
                    f"{chain}: each certificate has to be followed by the one that signed it, and "
                    f'"{lower.subject.rfc4514_string()}" is not signed by "{upper.subject.rfc4514_string()}"',
                )
            ) from None
    _need_issuer(chain, certificates, now)
    said = facts(chain_text)
    if missing := [name for name in names if not said.covers(name)]:
        raise GivenError(
            numbered(
                2504, f"{chain} is not for {', '.join(missing)}; it has: {', '.join(sorted(said.names)) or 'no names'}"
            )
        )
    if said.ends <= now:
        raise GivenError(numbered(2505, f"{chain} has ended on {said.ends:%Y-%m-%d}"))
    if said.begins > now:
        raise GivenError(numbered(2505, f"{chain} is valid from {said.begins:%Y-%m-%d} on only"))
    left = said.days_left(now)
    soon = (numbered(2508, f"{chain} ends in {left} days, on {said.ends:%Y-%m-%d}"),) if left < RENEW_DAYS else ()
    digest = hashlib.sha256(chain_text.encode() + b"\0" + public).hexdigest()
    return Given(pair=Pair(chain=chain_text, key=key_text), digest=digest[:16], warnings=soon)


def _need_issuer(chain: str, given: Sequence[x509.Certificate], now: dt.datetime) -> None:
    """Reject a chain that ends before a root: browsers that have not met the intermediate elsewhere do not trust it.

    Clients stop at the first certificate that a root of theirs has signed. What follows it may be for old devices
    alone: a cross-signed root that has ended, or whose own issuer nobody trusts any more.

    Raises:
        GivenError: no certificate is signed by a root that this machine trusts, and the last one is not signed by itself;
            or one that clients need on their way has ended.
    """
    roots = trusted_roots()
    for place, certificate in enumerate(given):
        # The first one is the site's own: its end has a message of its own.
        if place and certificate.not_valid_after_utc <= now:
            raise GivenError(
                numbered(
                    2506,
                    f'{chain}: "{certificate.subject.rfc4514_string()}" has ended on '
                    f"{certificate.not_valid_after_utc:%Y-%m-%d}, "
                    "so that browsers reject what it signed. Put the CA's present intermediate certificate in its "
                    "place",
                )
            )
        if any(_is_issued_by(certificate, root) for root in roots if root.subject == certificate.issuer):
            return
    last = given[-1]
    # Without any root on the hub nothing can be said.
    if not roots or last.subject == last.issuer:
        return
    raise GivenError(
        numbered(
            2507,
            f'{chain} ends with "{last.subject.rfc4514_string()}", whose issuer "{last.issuer.rfc4514_string()}" is '
            "missing, "
            "and no root of this machine. Browsers would reject it. Append the CA's intermediate certificate to the "
            "file; for a CA of your own, append its certificate or install it on the hub (update-ca-certificates)",
        )
    )


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def trusted_roots() -> list[x509.Certificate]:
    """Give the root certificates that the hub trusts; none where it has no bundle."""
    paths = (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, BUNDLE)
    for path in filter(None, paths):
        try:
            return x509.load_pem_x509_certificates(Path(path).read_bytes())
        except (OSError, ValueError):
            continue
    return []


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError as fault:
        raise GivenError(numbered(2500, f"{path} cannot be read: {fault.strerror}")) from None
    except UnicodeDecodeError:
        raise GivenError(numbered(2500, f"{path} is not in PEM, which is text")) from None


def _spki(public: object) -> bytes:
    assert hasattr(public, "public_bytes")
    found: bytes = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return found
