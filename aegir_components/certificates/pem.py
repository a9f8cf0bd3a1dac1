"""Keys and certificates as text: a self-signed one, and what one says of itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from . import building

SELF_SIGNED_DAYS = 397
"""What browsers accept of a certificate at most."""
RENEW_DAYS = 30
"""Days before its end from which on a certificate is renewed, or its owner warned."""
LAST_DAYS = 7
"""Days before its end from which on it is an error that a certificate cannot be renewed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A certificate with what it is signed by, and its key, in PEM."""

    chain: str
    key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the first certificate of a chain says."""

    names: frozenset[str]
    begins: dt.datetime
    ends: dt.datetime
    fingerprint: str
    """SHA-256 of the certificate, in hexadecimal digits."""

    def days_left(self, now: dt.datetime | None = None) -> int:
        """Count the whole days until it ends; negative when it has ended."""
        return (self.ends - (now or dt.datetime.now(dt.UTC))).days

    def covers(self, name: str) -> bool:
        """Tell whether a host name is one of its names, or below a wildcard of it."""
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names


def new_key() -> str:
    """Make a private key, in PEM."""
    return building.key_text(building.new_key())


def self_signed(names: Sequence[str], *, days: int = SELF_SIGNED_DAYS) -> Pair:
    """Make a certificate for these host names that nobody but itself vouches for."""
    key = building.new_key()
    alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    made = building.sign(names[0], key, days=days, names=alternative)
    return Pair(chain=building.certificate_text(made), key=building.key_text(key))


def facts(chain: str) -> Facts:
    """Read the first certificate of a chain.

    Raises:
        ValueError: there is none in the text.
    """
    first = x509.load_pem_x509_certificates(chain.encode())[0]
    try:
        listed = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = frozenset(name.lower() for name in listed.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = frozenset()
    return Facts(
        names=names,
        begins=first.not_valid_before_utc,
        ends=first.not_valid_after_utc,
        fingerprint=first.fingerprint(hashes.SHA256()).hex(),
    )
