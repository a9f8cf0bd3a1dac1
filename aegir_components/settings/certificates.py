"""Where certificates come from, as declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CertificateKind = Literal["self-signed", "acme", "given"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """Where a site's certificate comes from."""

    kind: CertificateKind = "self-signed"
    chain: str = ""
    """A file on the hub with a given certificate and what it is signed by, in PEM."""
    key: str = ""
    """A file on the hub with its private key, in PEM."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Acme:
    """The authority that certificates are asked of (RFC 8555)."""

    directory: str
    """The address of its directory."""
    mail: str = ""
    """Whom it writes to."""
    authority: str = ""
    """A file on the hub with the authority that its own address is trusted by, where that is not the system's."""
