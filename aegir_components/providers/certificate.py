"""aegir:Certificate: the certificate of a site's names: self-signed, given, or of an authority. Machines get it with the site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import DiffResult

from aegir_components import certificates
from aegir_components.deploy import certificate
from aegir_components.inputs.certificate import CertificateInputs, CertificateState
from aegir_components.inputs.members import connections
from aegir_components.messages import around, numbered, shown
from aegir_components.process import Process
from aegir_components.remote.errors import HostError, Refused
from aegir_components.remote.parallel import each
from aegir_components.scripts import script

from . import warned
from .lifecycle import AegirResource, Lifecycle


class CertificateProvider(Lifecycle[CertificateInputs, CertificateState]):
    """Makes, reads or asks for a certificate, and keeps it until it expires soon."""

    identity_keys = ("site",)
    secret_keys = ("key",)

    def identity(self, want: CertificateInputs) -> str:
        """A site has one certificate for all its names."""
        return want.site

    def diff(self, _id: str, olds: Any, news: Any) -> DiffResult:
        """Renew an expiring one in any run, not only in one that has inspected the machines."""
        found = super().diff(_id, olds, news)
        if _is_near_its_end(CertificateState.from_props(olds)):
            found.changes = True
        return found

    def observe(self, have: CertificateState) -> dict[str, Any]:
        """Inspect the calendar: what is on the machines is compared with the site's configuration."""
        if not _is_near_its_end(have):
            return {}
        left = certificates.facts(have.chain).days_left()
        return {"drift": [numbered(2570, f"the certificate of {have.site} ends in {left} days")]}

    def converge(self, want: CertificateInputs, was: CertificateState | None) -> dict[str, Any]:
        """Keep what is right, or get another one."""
        if want.unread:
            raise Refused(want.site, want.unread)
        pair = _renewed(self.process, want, was) if was and was.chain and _asks_for_the_same(was, want) else _made(want)
        said = certificates.facts(pair.chain)
        return {
            "chain": pair.chain,
            "key": pair.key,
            "ends": f"{said.ends:%Y-%m-%d}",
            "fingerprint": said.fingerprint,
        }

    def remove(self, have: CertificateState) -> None:
        """The state is the only place that has it; from the machines it goes with the site's configuration."""


class Certificate(AegirResource, module="aegir", name="Certificate"):
    """A site's certificate."""

    chain: pulumi.Output[str]
    """The certificate and what it is signed by, in PEM."""
    key: pulumi.Output[str]
    """Its private key, in PEM."""
    ends: pulumi.Output[str]
    """The day of its end."""
    fingerprint: pulumi.Output[str]
    """What its web servers have to show."""

    def __init__(self, name: str, inputs: CertificateInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the site's name."""
        super().__init__(CertificateProvider(), name, inputs, opts)


def _asks_for_the_same(was: CertificateInputs, want: CertificateInputs) -> bool:
    """Return whether no other certificate is asked for than before. Pure."""
    before, now = ((each.kind, each.names, each.digest, each.directory) for each in (was, want))
    return before == now


def _is_near_its_end(have: CertificateState) -> bool:
    """Tell whether a certificate has to be renewed; a given one is renewed by who gave it."""
    if have.kind == "given" or not have.chain:
        return False
    return certificates.facts(have.chain).days_left() < certificates.RENEW_DAYS


def _renewed(process: Process, want: CertificateInputs, was: CertificateState) -> certificates.Pair:
    """Keep a certificate, or renew it; one that cannot be renewed is kept with a warning until its last days.

    Raises:
        HostError: it cannot be renewed, and its end is too near for a warning.
    """
    former = certificates.Pair(chain=was.chain, key=was.key)
    if not _is_near_its_end(was):
        return former
    try:
        return _made(want)
    except HostError as fault:
        left = certificates.facts(former.chain).days_left()
        last = certificates.LAST_DAYS if want.error_days is None else want.error_days
        if left < last:
            raise
        said = f"goes on for {left} days; each run tries again, and from {last} days on this is an error"
        warned.warn(
            process,
            want.site,
            numbered(8504, f"{shown(fault)}. The former certificate of {want.site} {said}"),
            around(fault, f"{str(fault).replace(want.site, 'the site')}. The former certificate {said}"),
        )
        return former


def _made(want: CertificateInputs) -> certificates.Pair:
    names = list(want.names)
    try:
        if want.kind == "given":
            return certificates.read(want.chain_file, want.key_file, names).pair
        if want.kind == "acme":
            return _asked_for(want, names)
    except (certificates.GivenError, certificates.AuthorityError) as fault:
        raise Refused(want.site, around(fault, f"the certificate of {want.site}: {fault}")) from None
    return certificates.self_signed(names)


def _asked_for(want: CertificateInputs, names: list[str]) -> certificates.Pair:
    # Only here: see the package.
    from aegir_components.certificates import acme as authority  # noqa: PLC0415

    members = connections(want.members)
    there: dict[str, str] = {}

    def publish(answers: Mapping[str, str]) -> None:
        """Let every web server answer: the authority asks any of them."""
        lines = certificate.challenge_items(answers, there)
        what = f"answering the authority for {want.site}"
        there.update(answers)
        if there:
            each(members, lambda conn: script.execute(conn, "apply", lines, what=what, holder=want.holder))

    return authority.obtain(
        names,
        publish,
        directory=want.directory,
        mail=want.mail or "",
        authority=want.authority or "",
        accounts=Path(want.accounts),
    )


Provider = CertificateProvider
"""Its name in states."""
