"""aegir:Activation: the one graceful reload of a web server after all its sites are configured."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import pulumi

from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.inputs.untyped import Untyped
from aegir_components.services import forwarding, functions, web, web_types

from . import answered, caches, forwards, restoring, settling, site_move
from .lifecycle import AegirResource, Lifecycle, State, forgotten
from .raw import without

WAITS: Final = ": a change waits for its reload"
"""How ``activate`` in ``shell/web.sh`` ends what it says of a unit."""
waiting: dict[str, list[str]] = {}
"""By machine, the reloads that its web service's look has just seen: of this process, since a provider's instance has no data."""


def handed_over(host: str, drift: Iterable[str]) -> list[str]:
    """Keep the reloads that wait on a machine for its ``Activation``, and give what else deviates there."""
    found = list(drift)
    waiting[host] = [text for text in found if text.endswith(WAITS)]
    return [text for text in found if not text.endswith(WAITS)]


class Provider(Lifecycle[Untyped, Untyped]):
    """Reloads what waits for it; what nobody comes back for is reloaded by the machine itself after a while."""

    identity_keys = ("host",)
    secret_keys = ("forward_keys",)

    def identity(self, want: State) -> str:
        """A machine has one web server."""
        return str(want["host"])

    def observe(self, want: State) -> State:
        """See a change that waits for its reload: in the look that ``WebService`` has just taken, or in one of its own.

        It is mended here and not there, because what stops a reload may be a site's vhost, and that is mended in between.
        """
        found = waiting.pop(str(want["host"]), None)
        if found is None:
            report = script.execute(_connection(want), "check", _items(want), what="looking for reloads that wait")
            found = list(report.drift)
        if want.get("forwards"):
            lines, what = _forwards(want, {}), "looking at what forwards visitors"
            found += script.execute(_connection(want), "check", lines, what=what).drift
        return {"drift": [*found, *caches.left(_connection(want), str(want["holder"]))]}

    def converge(self, want: State, _was: State) -> State:
        """Test and reload, where something waits; then each site that was configured answers as it did before.

        One that does not gets its former configuration back, where that is possible. What the others keep of their pages is
        emptied.

        Raises:
            Refused: sites that answered before do not answer after the change.
        """
        what, conn = "reloading the web server", _connection(want)
        lines = [*_forwards(want, without(want.get("was", {}), forgotten()) or {}), *_items(want)]
        script.execute(conn, "apply", lines, what=what, holder=want["holder"])
        sites = [
            answered.Site(hub_root=conn.hub_root, stack=str(want["holder"]), site=_known_as(want, name))
            for name in sorted(touched(want))
        ]
        asked = {site: here for site in sites if (here := site.places(conn.host))}
        settling.wait(site.site for site in sites)
        well, restored, failed = restoring.refuse_broken(
            conn, web_types.program(want["type"]), asked, str(want["holder"])
        )
        done = [site for site in sites if site not in asked or site in well]
        # Of the others it is kept, with what has changed: the next run may try the same once more.
        restoring.proven(conn, [site.site for site in done], str(want["holder"]))
        for site in [*done, *restored]:
            site_move.kept(site).over()
        broken = {site.site for site in asked if site not in well + restored}
        known = [_known_as(want, name) for name in sorted(want["sites"])]
        caches.reloaded(conn, str(want["holder"]), [name for name in known if name not in broken])
        if failed is not None:
            raise failed
        return {}

    def remove(self, have: State) -> None:
        """Nothing of it is on the machine but what forwards visitors."""
        if have.get("forwards"):
            lines = _forwards({**have, "forwards": {}}, have)
            script.execute(_connection(have), "apply", lines, what="forwarding no visitors", holder=have["holder"])


class Activation(AegirResource, module="aegir", name="Activation"):
    """A web server that serves all its sites as they are configured."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the server's name.
            props: ``host``, ``connection``, ``type``, ``sites`` (name to what its configuration was last made as),
                ``known_as`` (of renamed sites: name to what it was made with), ``holder``, ``forwards`` (of sites that left:
                ``names``, ``address``, ``port``), ``port`` (its own), ``forward_keys`` (secret; JSON).
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)

    @property
    def _direct_computed_dependencies(self) -> set[pulumi.Resource]:
        """End the SDK's search for cycles here; what depends on what is registered all the same.

        It walks all that a resource depends on whenever another one is made to depend on it
        (``pulumi.runtime.resource_cycle_breaker``). Each site depends on the reloads of its web servers, and these on
        all sites. The walk takes a million steps for 140 sites on four servers, and twelve million for 500. There is no
        cycle, because a reload is declared after all that it waits for.
        """
        return set()

    @_direct_computed_dependencies.setter
    def _direct_computed_dependencies(self, found: set[pulumi.Resource]) -> None:
        del found


def _forwards(want: State, was: State) -> list[str]:
    found = forwards.of_props(want)
    gone = sorted((was.get("forwards") or {}).keys() - {forward.site for forward in found})
    given = json.loads(str(want.get("forward_keys") or "{}"))
    keys = {site: (str(pair["chain"]), str(pair["key"])) for site, pair in given.items()}
    port = int(want.get("port") or was.get("port") or 80)
    return forwarding.items(found, keys, gone, web_types.program(want["type"]), port)


def touched(want: State) -> set[str]:
    """Name the sites that were configured since the last reload that is recorded; new ones are their installation's to prove."""
    was = want.get("was", {})
    before = was.get("sites") or {}
    # A name may be another site's by now: that one is its installation's to prove, too.
    return {
        name
        for name, made in want["sites"].items()
        if name in before and before[name] != made and _known_as(was, name) == _known_as(want, name)
    }


def _known_as(props: State, name: str) -> str:
    return str((props.get("known_as") or {}).get(name, name))


def _connection(props: State) -> Connection:
    return Connection.from_props(props["connection"])


def _items(props: State) -> list[str]:
    return [functions("web"), *web.activation_items(web_types.program(props["type"]))]
