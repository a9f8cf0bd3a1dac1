"""Certificates of sites, from what the stack file says of them."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from aegir_components import certificates, settings
from aegir_components.providers.certificate import Certificate

from .platform import Member, members_props


def given(declared: settings.Settings, faults: list[str]) -> dict[str, str]:
    """Check the certificates that are given, before any machine is touched, and digest them by site.

    Args:
        declared: the stack.
        faults: takes what is wrong: a file that cannot be read, or is not a certificate for the site.
    """
    digests = {}
    for name, site in declared.sites.items():
        if site.https == "none" or site.certificate.kind != "given":
            continue
        where = f'aegir:sites["{site.display_name}"].certificate'
        try:
            found = certificates.read(site.certificate.chain, site.certificate.key, (name, *site.aliases))
        except certificates.GivenError as fault:
            faults.append(f"{where}: {fault}")
            continue
        digests[name] = found.digest
        for warning in found.warnings:
            pulumi.log.warn(f"{where}: {warning}")
    return digests


def declare(
    site: settings.Site,
    *,
    digest: str,
    acme: settings.Acme | None,
    hub_root: str,
    members: Mapping[str, Member],
    holder: str,
    opts: pulumi.ResourceOptions,
) -> Certificate | None:
    """Declare a site's certificate; ``None`` where it is not served over TLS.

    Args:
        site: the site.
        digest: of the files that are given.
        acme: the authority that certificates are asked of.
        hub_root: where the hub keeps its accounts with authorities.
        members: the web servers, which answer the authority.
        holder: who is at work, for others that wait for a machine.
        opts: Pulumi's options.
    """
    if site.https == "none":
        return None
    props: dict[str, object] = {
        "site": site.identity,
        "names": [site.name, *site.aliases],
        "kind": site.certificate.kind,
        "holder": holder,
    }
    if site.certificate.kind == "given":
        props |= {"chain_file": site.certificate.chain, "key_file": site.certificate.key, "digest": digest}
    if site.certificate.kind == "acme":
        assert acme is not None
        props |= {
            "directory": acme.directory,
            "mail": acme.mail,
            "authority": acme.authority,
            "accounts": f"{hub_root}/acme",
            "members": members_props(members, ports=False),
        }
    return Certificate(site.identity, props, opts)
