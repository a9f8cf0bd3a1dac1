"""Pebble, an authority for tests that speaks ACME, on a host of the lab."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509

from aegir_components.certificates import building
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
    key = building.new_key()
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    made = building.sign("the authority", key, days=30, names=names, ca=True)
    return building.certificate_text(made), building.key_text(key)
