"""aegir:Certificate: the certificate of a site's names: self-signed, given, or of an authority. Machines get it with the site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import DiffResult

from aegir_components import certificates
from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.host.errors import HostError, Refused
from aegir_components.host.parallel import each
from aegir_components.inputs.untyped import Untyped
from aegir_components.services import certificate

from . import warned
from .lifecycle import AegirResource, Lifecycle, State

DECIDING = ("kind", "names", "digest", "directory")
"""Inputs of which another one asks for another certificate."""


class Provider(Lifecycle[Untyped, Untyped]):
    """Makes, reads or asks for a certificate, and keeps it until it is near its end."""

    identity_keys = ("site",)
    secret_keys = ("key",)
    computed_keys = ("chain", "key", "ends", "fingerprint")

    def identity(self, want: State) -> str:
        """A site has one certificate for all its names."""
        return str(want["site"])

    def diff(self, _id: str, olds: Any, news: Any) -> DiffResult:
        """Renew one that is near its end in any run, not only in one that has looked at the machines."""
        found = super().diff(_id, olds, news)
        if _near_its_end(olds):
            found.changes = True
        return found

    def observe(self, want: State) -> State:
        """Look at the calendar: what is on the machines is compared with the site's configuration."""
        if not _near_its_end(want):
            return {}
        left = certificates.facts(want["chain"]).days_left()
        return {"drift": [f"the certificate of {want['site']} ends in {left} days"]}

    def converge(self, want: State, _was: State) -> State:
        """Keep what is right, or get another one."""
        if want.get("unread"):
            raise Refused(str(want["site"]), str(want["unread"]))
        was = want.get("was", {})
        same = was.get("chain") and all(was.get(key) == want.get(key) for key in DECIDING)
        pair = _renewed(want, certificates.Pair(chain=was["chain"], key=was["key"])) if same else _made(want)
        said = certificates.facts(pair.chain)
        return {
            "chain": pair.chain,
            "key": pair.key,
            "ends": f"{said.ends:%Y-%m-%d}",
            "fingerprint": said.fingerprint,
        }

    def remove(self, have: State) -> None:
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

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the site's name.
            props: ``site``, ``names``, ``kind``, ``holder``; for a given one ``chain_file``, ``key_file``, ``digest`` and
                ``unread`` (why it cannot be used any more); for one of an authority ``error_days``, ``directory``,
                ``mail``, ``authority``, ``accounts`` and ``members`` (name to ``connection``).
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _near_its_end(props: Mapping[str, Any]) -> bool:
    """Tell whether a certificate has to be renewed; a given one is renewed by who gave it."""
    if props.get("kind") == "given" or not isinstance(props.get("chain"), str):
        return False
    return certificates.facts(props["chain"]).days_left() < certificates.RENEW_DAYS


def _renewed(want: State, former: certificates.Pair) -> certificates.Pair:
    """Keep a certificate, or renew it; one that cannot be renewed is kept with a warning until its last days.

    Raises:
        HostError: it cannot be renewed, and its end is too near for a warning.
    """
    if not _near_its_end({**want, "chain": former.chain}):
        return former
    try:
        return _made(want)
    except HostError as fault:
        left = certificates.facts(former.chain).days_left()
        last = int(want.get("error_days", certificates.LAST_DAYS))
        if left < last:
            raise
        site = str(want["site"])
        said = f"goes on for {left} days; each run tries again, and from {last} days on this is an error"
        warned.warn(
            site,
            f"{fault}. The former certificate of {site} {said}",
            f"{str(fault).replace(site, 'the site')}. The former certificate {said}",
        )
        return former


def _made(want: State) -> certificates.Pair:
    names = [str(name) for name in want["names"]]
    try:
        if want["kind"] == "given":
            return certificates.read(str(want["chain_file"]), str(want["key_file"]), names).pair
        if want["kind"] == "acme":
            return _asked_for(want, names)
    except (certificates.GivenError, certificates.AuthorityError) as fault:
        raise Refused(str(want["site"]), f"the certificate of {want['site']}: {fault}") from None
    return certificates.self_signed(names)


def _asked_for(want: State, names: list[str]) -> certificates.Pair:
    # Only here: see the package.
    from aegir_components.certificates import authority  # noqa: PLC0415

    members = Connection.of_members(want["members"])
    there: dict[str, str] = {}

    def publish(answers: Mapping[str, str]) -> None:
        """Let every web server answer: the authority asks any of them."""
        lines = certificate.challenge_items(answers, there)
        what = f"answering the authority for {want['site']}"
        there.update(answers)
        if there:
            each(members, lambda conn: script.execute(conn, "apply", lines, what=what, holder=want["holder"]))

    return authority.obtain(
        names,
        publish,
        directory=str(want["directory"]),
        mail=str(want.get("mail", "")),
        authority=str(want.get("authority", "")),
        accounts=Path(want["accounts"]),
    )
