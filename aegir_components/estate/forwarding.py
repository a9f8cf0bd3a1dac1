"""Which web servers forward the visitors of sites that have left them, by the hub's records and by what this run moves."""

from __future__ import annotations

from aegir_components import settings
from aegir_components.preview.addresses import address_of
from aegir_components.preview.moves import leaving
from aegir_components.providers import forwards
from aegir_components.providers.activation import ForwardTo
from aegir_components.recorded import Recorded


def of_servers(before: Recorded, declared: settings.Settings, stack: str) -> dict[str, dict[str, ForwardTo]]:
    """Give the inputs of each web server's forwards, by site.

    Args:
        before: the state of the last run.
        declared: the stack.
        stack: ``<project>/<stack>``.
    """
    found: dict[str, dict[str, ForwardTo]] = {}
    here = {(server.address, server.ssh_port): server for server in declared.servers.values() if server.web}
    for site in declared.sites.values():
        if not site.forward:
            continue
        now = declared.web_servers(site.platform)
        gone = leaving(before, declared, site) | forwards.left(declared.hub.root, stack, site.identity, site.forward)
        target = next(iter(sorted(now, key=lambda server: server.name)))
        assert target.web is not None
        for place in sorted(gone & here.keys()):
            if here[place] not in now:
                found.setdefault(here[place].name, {})[site.identity] = ForwardTo(
                    names=(site.name, *site.aliases),
                    address=address_of(target, declared.hub.root),
                    port=target.web.port,
                )
    return found
