"""A certificate authority of the farm's own for its database servers, so that web servers can tell them from others."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aegir_components.certificates import building
from aegir_components.hub import files

AUTHORITY_DAYS = 3650
SERVER_DAYS = 825
"""Days of a server's certificate; it is renewed when ``RENEW_DAYS`` are left."""
RENEW_DAYS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str = field(repr=False)


def authority(hub_root: str) -> Issued:
    """Give the authority of the hub's files; it is made when it is not there.

    Raises:
        OSError: the hub root cannot be written.
    """
    certificate, key = _paths(hub_root)
    if certificate.exists() and key.exists():
        return Issued(certificate=certificate.read_text(), key=key.read_text())
    certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = building.new_key()
    built = building.sign("aegir database authority", made, days=AUTHORITY_DAYS, ca=True, path_length=0)
    files.replace(key, building.key_text(made), mode=0o600, durable=True)
    files.replace(certificate, building.certificate_text(built), mode=0o600, durable=True)
    return Issued(certificate=certificate.read_text(), key=key.read_text())


def issue(by: Issued, names: list[str]) -> Issued:
    """Let an authority issue a certificate for a database server under the names and addresses that it is reached by."""
    ca = x509.load_pem_x509_certificate(by.certificate.encode())
    signer = serialization.load_pem_private_key(by.key.encode(), password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    made = building.new_key()
    alternative = x509.SubjectAlternativeName([_general(name) for name in names])
    built = building.sign(names[0], made, days=SERVER_DAYS, names=alternative, by=(ca.subject, signer))
    return Issued(certificate=building.certificate_text(built), key=building.key_text(made))


def _paths(hub_root: str) -> tuple[Path, Path]:
    directory = Path(hub_root) / "tls"
    return directory / "database-ca.crt", directory / "database-ca.key"


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
