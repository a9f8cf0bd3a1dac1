"""Pebble, an authority for tests that speaks ACME, on a host of the lab."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab import Host
from tests.integration.farm import Config


def serve(host: Host, names: Mapping[str, str], directory: Path) -> Config:
    """Install and start it; give `aegir:acme`.

    Args:
        host: where it runs.
        names: the addresses that it finds each name at.
        directory: for the certificate that its own address is trusted by.
    """
    host.run(
        "apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends pebble",
        timeout=240,
    )
    certificate, key = _for_address(host.address)
    host.run("mkdir -p /srv/pebble && cat >/srv/pebble/cert.pem", input=certificate)
    host.run("cat >/srv/pebble/key.pem", input=key)
    host.run(
        "cat >/srv/pebble/config.json",
        input='{"pebble": {"listenAddress": "0.0.0.0:14000", "managementListenAddress": "0.0.0.0:15000", '
        '"certificate": "/srv/pebble/cert.pem", "privateKey": "/srv/pebble/key.pem", "httpPort": 80, "tlsPort": 443}}',
    )
    host.run("cat >>/etc/hosts", input="".join(f"{address} {name}\n" for name, address in names.items()))
    host.run("systemd-run --unit=pebble -E PEBBLE_VA_NOSLEEP=1 pebble -config /srv/pebble/config.json")
    host.run("until bash -c 'exec 3<>/dev/tcp/127.0.0.1/14000' 2>/dev/null; do sleep 0.1; done")
    path = directory / "authority.pem"
    path.write_text(certificate)
    return {"directory": f"https://{host.address}:14000/dir", "mail": "hub@example.com", "authority": str(path)}


def _for_address(address: str) -> tuple[str, str]:
    """Make a certificate for an IP address, for the authority's own server."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the authority")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return made.public_bytes(serialization.Encoding.PEM).decode(), text
