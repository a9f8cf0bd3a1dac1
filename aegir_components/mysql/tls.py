"""A certificate authority of the farm's own for its database servers, so that web servers can tell them from others."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aegir_components import files

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
    made = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "aegir database authority")])
    built = (
        _builder(name, name, made.public_key(), AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(made, hashes.SHA256())
    )
    files.replace(key, _key_text(made), mode=0o600)
    files.replace(certificate, built.public_bytes(serialization.Encoding.PEM), mode=0o600)
    return Issued(certificate=certificate.read_text(), key=key.read_text())


def issue(by: Issued, names: list[str]) -> Issued:
    """Let an authority issue a certificate for a database server under the names and addresses that it is reached by."""
    ca = x509.load_pem_x509_certificate(by.certificate.encode())
    signer = serialization.load_pem_private_key(by.key.encode(), password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    made = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, names[0][:64])])
    built = (
        _builder(subject, ca.subject, made.public_key(), SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    return Issued(certificate=built.public_bytes(serialization.Encoding.PEM).decode(), key=_key_text(made))


def _paths(hub_root: str) -> tuple[Path, Path]:
    directory = Path(hub_root) / "tls"
    return directory / "database-ca.crt", directory / "database-ca.key"


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # Clocks of two machines differ.
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_text(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
