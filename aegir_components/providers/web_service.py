"""aegir:WebService: the web server of a machine, with PHP, ready for platforms and sites."""

from __future__ import annotations

from typing import Any

import pulumi

from aegir_components.inputs.web_service import WebServiceInputs, WebServiceState
from aegir_components.scripts import script
from aegir_components.services import web_types

from . import activation, answered, entries
from .lifecycle import AegirResource, Lifecycle
from .machine import PREPARE_TIMEOUT

SERVICE = "web-service"


class WebServiceProvider(Lifecycle[WebServiceInputs, WebServiceState]):
    """Apache or nginx with PHP-FPM, Aegir's configuration directories, and the link that brings them in."""

    identity_keys = ("host",)
    revision = 2
    """2: PHP's errors go to the web server whatever php.ini says; nginx knows further types, and the port that was asked."""

    def identity(self, want: WebServiceInputs) -> str:
        """A machine has one web service."""
        return want.host

    def observe(self, have: WebServiceState) -> dict[str, Any]:
        """Inspect every item; a pending reload is done after the sites, by ``Activation``."""
        lines = _items(have, mounted=have.mounted)
        report = script.execute(have.connection, "check", lines, what="inspecting the web server")
        drift = activation.handed_over(self.process, have.host, report.drift)
        return {"drift": drift, "php": report.facts.get("php", "")}

    def converge(self, want: WebServiceInputs, was: WebServiceState | None) -> dict[str, Any]:
        """Install and configure it; its own test decides whether a change stays.

        Raises:
            Refused: sites that answered before do not answer any more.
        """
        conn = want.connection
        # A machine that leaves a pack is unmounted after this, and gets its own directories by that (`nfs.mount_removal`).
        mounted = want.mounted or bool(was and was.mounted)
        asked = answered.Before(conn.hub_root, want.holder, "web_service", conn.host)
        before = asked.of(answered.on(conn, want.holder)) if was and _keeps_sites(was, want) else {}
        report = script.execute(
            conn, "apply", _items(want, mounted=mounted), what="preparing the web server", holder=want.holder,
            timeout=PREPARE_TIMEOUT,
        )  # fmt: skip
        here = {site: [place for place in places if place.server == conn.host] for site, places in before.items()}
        answered.refuse_broken(conn.host, here, "the web server or of PHP")
        asked.over()
        return {"php": report.facts.get("php", "")}

    def remove(self, have: WebServiceState) -> None:
        """Take our configuration out; packages stay. Refused while a site's vhost is there."""
        if entries.other(have.holder, have.connection, "web"):
            return
        guard = entries.guard(have.holder, have.connection)
        leave, end = script.leave_service(SERVICE, have.holder), script.end_service(SERVICE, have.holder)
        lines = [*guard, leave, *web_types.service_removal(have.type), end]
        script.execute(have.connection, "apply", lines, what="leaving the web server", holder=have.holder)


class WebService(AegirResource, module="aegir", name="WebService"):
    """A machine's web server."""

    php: pulumi.Output[str]
    """The version of PHP that it runs, such as ``8.2``."""

    def __init__(self, name: str, inputs: WebServiceInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by the server's name."""
        super().__init__(WebServiceProvider(), name, inputs, opts)


def _keeps_sites(was: WebServiceState, want: WebServiceInputs) -> bool:
    """Return whether sites that answered before have to answer right after the change. Pure."""
    # With another port, program or address each site is configured again, and is asked after that.
    same = (was.type, was.port, was.connection) == (want.type, want.port, want.connection)
    # The sites of a machine that leaves a pack go with the code, which it sees no more: they are asked on the other machines.
    return same and not (was.mounted and not want.mounted)


def _items(inputs: WebServiceInputs, *, mounted: bool) -> list[str]:
    version = inputs.php_version
    lines = web_types.service_items(
        inputs.type, port=inputs.port, php_version=version, php_chosen=list(inputs.php_chosen), mounted=mounted,
        tasks=inputs.tasks,
    )  # fmt: skip
    declared = " ".join(filter(None, (f"{inputs.type} on port {inputs.port}", version and f"with PHP {version}")))
    return ["debian_only", script.same_service(SERVICE, inputs.holder, declared), *lines]


Provider = WebServiceProvider
"""Its name in states."""
