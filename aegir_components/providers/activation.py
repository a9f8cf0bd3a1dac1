"""aegir:Activation: the one graceful reload of a web server after all its sites are configured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from aegir_components.deploy import forwarding
from aegir_components.inputs.props import Props, left_out
from aegir_components.process import Process
from aegir_components.pulumi_workarounds import cycles
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions
from aegir_components.services import web, web_types

from . import answered, caches, restoring, settling, site_move
from .lifecycle import AegirResource, Lifecycle, remaining


def handed_over(process: Process, host: str, drift: Iterable[script.Deviation]) -> list[str]:
    """Keep the pending reloads of a machine for its ``Activation``, and give what else deviates there."""
    found = list(drift)
    process.pending_reloads[host] = [str(each) for each in found if each.kind == "reload"]
    return [str(each) for each in found if each.kind != "reload"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ForwardTo(Props):
    """Where the visitors of a site go that has left a web server."""

    names: tuple[str, ...]
    """Of the site."""
    address: str
    """Of a web server that it has now."""
    port: int
    """Of plain HTTP there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActivationInputs(Props):
    """A web server that serves all its sites as they are configured."""

    host: str
    """The declared name of the machine."""
    connection: Connection
    type: str
    """``apache``, ``apache_ssl``, ``nginx`` or ``nginx_ssl``."""
    sites: Mapping[str, str]
    """Name to what its configuration was last made as."""
    known_as: Mapping[str, str] = left_out({})
    """Of renamed sites: name to what it was made with."""
    holder: str
    """``<project>/<stack>``."""
    forwards: Mapping[str, ForwardTo] = left_out({})
    """Of sites that left, by what each is known by."""
    port: int = left_out(0)
    """Of plain HTTP, where visitors are forwarded."""
    forward_keys: str = left_out("", secret=True)
    """Certificates of sites that left, with their keys: JSON."""


class ActivationProvider(Lifecycle[ActivationInputs, ActivationInputs]):
    """Reloads what waits for it; what nobody comes back for is reloaded by the machine itself after a while."""

    identity_keys = ("host",)
    secret_keys = ("forward_keys",)

    def identity(self, want: ActivationInputs) -> str:
        """A machine has one web server."""
        return want.host

    def observe(self, have: ActivationInputs) -> dict[str, Any]:
        """See a change that waits for its reload: in the look that ``WebService`` has just taken, or in one of its own.

        It is repaired here and not there, because what stops a reload may be a site's vhost, and that is repaired in between.
        """
        found = self.process.pending_reloads.pop(have.host, None)
        if found is None:
            report = script.execute(have.connection, "check", _items(have), what="looking for reloads that wait")
            found = list(report.drift)
        if have.forwards:
            lines, what = _forwards(have, None), "inspecting what forwards visitors"
            found += script.execute(have.connection, "check", lines, what=what).drift
        return {"drift": [*found, *caches.left(have.connection, have.holder)]}

    def converge(self, want: ActivationInputs, was: ActivationInputs | None) -> dict[str, Any]:
        """Test and reload, where something waits; then each site that was configured answers as it did before.

        One that does not gets its former configuration back, where that is possible. What the others keep of their pages is
        emptied.

        Raises:
            Refused: sites that answered before do not answer after the change.
        """
        what, conn, process = "reloading the web server", want.connection, self.process
        lines = [*_forwards(want, remaining(was, process.abandoned)), *_items(want)]
        script.execute(conn, "apply", lines, what=what, holder=want.holder)
        sites = [
            answered.Site(hub_root=conn.hub_root, stack=want.holder, site=_known_as(want, name))
            for name in sorted(touched(want, was))
        ]
        asked = {site: here for site in sites if (here := site.places(conn.host))}
        settling.wait(process, [site.site for site in sites])
        well, restored, failed = restoring.refuse_broken(
            process, conn, web_types.program(want.type), asked, want.holder
        )
        done = [site for site in sites if site not in asked or site in well]
        # Of the others it is kept, with what has changed: the next run may try the same once more.
        restoring.proven(conn, [site.site for site in done], want.holder)
        for site in [*done, *restored]:
            site_move.kept(site).over()
        broken = {site.site for site in asked if site not in well + restored}
        known = [_known_as(want, name) for name in sorted(want.sites)]
        caches.reloaded(process, conn, want.holder, [name for name in known if name not in broken])
        if failed is not None:
            raise failed
        return {}

    def remove(self, have: ActivationInputs) -> None:
        """Nothing of it is on the machine but what forwards visitors."""
        if have.forwards:
            lines = _forwards(replace(have, forwards={}), have)
            script.execute(have.connection, "apply", lines, what="forwarding no visitors", holder=have.holder)


class Activation(cycles.EndsSearch, AegirResource, module="aegir", name="Activation"):
    """A web server that serves all its sites as they are configured."""

    def __init__(self, name: str, inputs: ActivationInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the server's name."""
        super().__init__(ActivationProvider(), name, inputs, opts)


def _forwards(want: ActivationInputs, was: ActivationInputs | None) -> list[str]:
    found = [
        forwarding.Forward(site=site, names=to.names, address=to.address, port=to.port)
        for site, to in sorted(want.forwards.items())
    ]
    gone = sorted(was.forwards.keys() - want.forwards.keys()) if was else []
    given = json.loads(want.forward_keys or "{}")
    keys = {site: (str(pair["chain"]), str(pair["key"])) for site, pair in given.items()}
    port = want.port or (was.port if was else 0) or 80
    return forwarding.items(found, keys, gone, web_types.program(want.type), port)


def touched(want: ActivationInputs, was: ActivationInputs | None) -> set[str]:
    """Name the sites that were configured since the last reload that is recorded; new ones are their installation's to prove."""
    if was is None:
        return set()
    # A name may be another site's by now: that one is its installation's to prove, too.
    return {
        name
        for name, made in want.sites.items()
        if name in was.sites and was.sites[name] != made and _known_as(was, name) == _known_as(want, name)
    }


def _known_as(inputs: ActivationInputs, name: str) -> str:
    return inputs.known_as.get(name, name)


def _items(inputs: ActivationInputs) -> list[str]:
    return [functions("web"), *web.activation_items(web_types.program(inputs.type))]


Provider = ActivationProvider
"""Its name in states."""
