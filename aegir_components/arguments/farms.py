"""Arguments of a whole farm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .backups import BackupsArgs
from .base import Arguments
from .servers import HubArgs


@dataclass(frozen=True, kw_only=True)
class AcmeArgs(Arguments):
    """The ACME server that certificates are asked of."""

    directory: str
    mail: str | None = None
    authority: str | None = None
    """A CA bundle on the hub, for an ACME server of your own."""


@dataclass(frozen=True, kw_only=True)
class CertificatesArgs(Arguments):
    """What holds for the certificates of all sites."""

    error_days: int | None = None
    """A certificate with fewer days left that cannot be renewed is an error."""


@dataclass(frozen=True, kw_only=True)
class FarmArgs(Arguments):
    """What holds for all components of a farm."""

    hub: HubArgs
    environment: Literal["development", "testing", "acceptance", "production"] | None = None
    backups: BackupsArgs | Literal["off"] | None = None
    sanitise: Mapping[str, str] | None = None
    """What becomes of tables and columns in sanitised clones."""
    acme: AcmeArgs | None = None
    certificates: CertificatesArgs | None = None
    reverse_proxies: Sequence[str] | None = None
    """Addresses and networks of the proxies before the web servers."""
    translations: str | None = None
    """A directory on the hub with translations."""
    rules: str | None = None
    """A Python file on the hub with rules of your team."""
