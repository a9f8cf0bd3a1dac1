"""Certificates of sites, from what the stack file says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from aegir_components import certificates, settings
from aegir_components.inputs.certificate import CertificateInputs
from aegir_components.messages import around, text_of
from aegir_components.providers import certificate
from aegir_components.providers.warned import Warned

from .platform import Member, code_members


def given(
    declared: settings.Settings,
    faults: list[str],
    live: Mapping[str, Mapping[str, Any]] | None = None,
    unread: dict[str, str] | None = None,
) -> dict[str, str]:
    """Check the certificates that are given, before any machine is touched, and digest them by site.

    Args:
        declared: the stack.
        faults: takes what is wrong: a file that cannot be read, or is not a certificate for the site.
        live: what the state has of each certificate. Files that were right in the last run and are not now, since a day has
            come or they are gone, hold up their own site alone: with a warning while the former certificate is valid.
        unread: takes the sites whose former certificate is too near its end for a warning, with the reason.
    """
    # Many sites may have one certificate.
    digests, warned = {}, Warned()
    for name, site in declared.sites.items():
        if site.https == "none" or site.certificate.kind != "given":
            continue
        where = f'aegir:sites["{site.display_name}"].certificate'
        try:
            found = certificates.read(site.certificate.chain, site.certificate.key, (name, *site.aliases))
        except certificates.GivenError as fault:
            former = (live or {}).get(site.identity, {})
            if unread is None or not _is_of(former, site):
                faults.append(around(text_of(fault), f"{where}: {fault}"))
                continue
            digests[name] = str(former["digest"])
            left = certificates.facts(former["chain"]).days_left()
            if left < declared.certificate_error_days:
                later = f"{where}: {fault}. Bring the right files, then run pulumi up; everything else is done"
                unread[name] = around(text_of(fault), later)
            said = (
                f"The former certificate goes on for {left} days" if left >= 0 else "The former certificate has expired"
            )
            told = f"{fault}. {said}. Bring the right files"
            warned.add(where, around(text_of(fault), f"{where}: {told}"), told)
            continue
        digests[name] = found.digest
        for warning in found.warnings:
            warned.add(where, around(warning, f"{where}: {warning}"), warning)
    warned.tell()
    return digests


def _is_of(former: Mapping[str, Any], site: settings.Site) -> bool:
    """Tell whether a recorded certificate is from the files that the site declares, and for all of its names."""
    if not isinstance(former.get("chain"), str) or not former.get("digest"):
        return False
    said = certificates.facts(former["chain"])
    files = (former.get("chain_file"), former.get("key_file")) == (site.certificate.chain, site.certificate.key)
    return files and all(said.covers(name) for name in (site.name, *site.aliases))


def declare(
    site: settings.Site,
    *,
    digest: str,
    unread: str,
    error_days: int,
    acme: settings.Acme | None,
    hub_root: str,
    members: Mapping[str, Member],
    holder: str,
    opts: pulumi.ResourceOptions,
) -> certificate.Certificate | None:
    """Declare a site's certificate; ``None`` where it is not served over TLS.

    Args:
        site: the site.
        digest: of the files that are given.
        unread: why these cannot be used any more; empty for nothing.
        error_days: before the end of a certificate, from which on it is an error that there is no other one.
        acme: the authority that certificates are asked of.
        hub_root: where the hub keeps its accounts with authorities.
        members: the web servers, which answer the authority.
        holder: who is at work, for others that wait for a machine.
        opts: Pulumi's options.
    """
    if site.https == "none":
        return None
    given, by = site.certificate.kind == "given", acme if site.certificate.kind == "acme" else None
    inputs = CertificateInputs(
        site=site.identity,
        names=(site.name, *site.aliases),
        kind=site.certificate.kind,
        holder=holder,
        chain_file=site.certificate.chain if given else "",
        key_file=site.certificate.key if given else "",
        digest=digest if given else "",
        unread=unread if given else "",
        directory=by.directory if by else "",
        mail=by.mail if by else None,
        authority=by.authority if by else None,
        accounts=f"{hub_root}/acme" if by else "",
        error_days=error_days if by and error_days != certificates.LAST_DAYS else None,
        members=code_members(members) if by else {},
    )
    return certificate.Certificate(site.identity, inputs, opts)
