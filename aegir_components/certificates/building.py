"""What all certificates have in common that are made here: on the hub for sites and databases, and in tests."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a private key."""
    return ec.generate_private_key(ec.SECP256R1())


def sign(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    *,
    days: int,
    names: x509.SubjectAlternativeName | None = None,
    ca: bool = False,
    path_length: int | None = None,
    by: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None = None,
    since: int = 1,
) -> x509.Certificate:
    """Make a certificate.

    Args:
        name: its common name, of which 64 characters have room. Clients read the alternative names.
        key: its own key.
        days: how long it is valid from now on.
        names: its alternative names, if it has some.
        ca: whether it may sign others.
        path_length: how many others may stand between it and the last one; ``None`` for any number.
        by: the subject and the key of what signs it; ``None`` for itself.
        since: for how many days it has been valid. Clocks of two machines differ.
    """
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name[:64])])
    issuer, signer = by or (subject, key)
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=since))
        .not_valid_after(now + dt.timedelta(days=days))
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return builder.add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True).sign(
        signer, hashes.SHA256()
    )


def certificate_text(certificate: x509.Certificate) -> str:
    """Give a certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_text(key: ec.EllipticCurvePrivateKey) -> str:
    """Give a private key in PEM, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
