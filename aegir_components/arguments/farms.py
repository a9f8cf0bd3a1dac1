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
    """The address of its directory, with ``https://``."""
    mail: str | None = None
    """Whom it writes to. By using it you agree to its terms of service. Default: none."""
    authority: str | None = None
    """A CA bundle on the hub, for the TLS of that address. Default: the system's."""


@dataclass(frozen=True, kw_only=True)
class CertificatesArgs(Arguments):
    """What holds for the certificates of all sites."""

    error_days: int | None = None
    """0 to 30. A certificate with fewer days left that cannot be renewed or read again is an error of its site. Before
    that it is a warning, and the former certificate continues. Default: ``7``.
    """


@dataclass(frozen=True, kw_only=True)
class FarmArgs(Arguments):
    """What holds for all components of a farm."""

    environment: Literal["development", "testing", "acceptance", "production"] | None = None
    """One of ``development`` (default), ``testing``, ``acceptance``, ``production``."""
    hub: HubArgs
    """The machine that Pulumi runs on."""
    backups: BackupsArgs | Literal["off"] | None = None
    """Where backups go, and what holds for all sites."""
    sanitise: Mapping[str, str] | None = None
    """What becomes of tables and columns in [sanitised clones](docs/howto/clone-a-live-site.md) that the program has no
    rule for, or another one.
    """
    acme: AcmeArgs | None = None
    """The ACME server, for sites with ``certificate: acme`` (RFC 8555, http-01)."""
    certificates: CertificatesArgs | None = None
    """What holds for the certificates of all sites."""
    reverse_proxies: Sequence[str] | None = None
    """A list of addresses and networks (``10.0.0.0/24``) of the proxies and load balancers before the web servers."""
    translations: str | None = None
    """A directory on the hub with translations, for code bases that lack the language of one of their sites."""
    rules: str | None = None
    """The path of a Python file on the hub with your team's own rules."""
