"""aegir:WebService: the web server of a machine, with PHP, ready for platforms and sites."""

from __future__ import annotations

from typing import Any

import pulumi

from aegir_components.host import script
from aegir_components.host.connection import Connection
from aegir_components.services import web_types

from . import activation, answered, entries
from .lifecycle import AegirResource, Lifecycle, State, Untyped
from .machine import PREPARE_TIMEOUT
from .raw import normal

SERVICE = "web-service"


class Provider(Lifecycle[Untyped, Untyped]):
    """Apache or nginx with PHP-FPM, Aegir's configuration directories, and the link that brings them in."""

    identity_keys = ("host",)
    computed_keys = ("php",)
    revision = 2
    """2: PHP's errors go to the web server whatever php.ini says; nginx knows further types, and the port that was asked."""

    def identity(self, want: State) -> str:
        """A machine has one web service."""
        return str(want["host"])

    def observe(self, want: State) -> State:
        """Look at every item; a reload that waits is mended after the sites, by ``Activation``."""
        report = script.execute(_connection(want), "check", _items(want), what="looking at the web server")
        drift = activation.handed_over(str(want["host"]), report.drift)
        return {"drift": drift, "php": report.facts.get("php", "")}

    def converge(self, want: State, _was: State) -> State:
        """Install and configure it; its own test decides whether a change stays.

        Raises:
            Refused: sites that answered before do not answer any more.
        """
        conn, was = _connection(want), want.get("was") or {}
        # With another port, program or address each site is configured anew, and is asked after that.
        same = all(normal(was.get(key)) == normal(want[key]) for key in ("type", "port", "connection"))
        # The sites of a machine that leaves a pack go with the code, which it sees no more: they are asked on the other machines.
        same = same and not (was.get("mounted") and not want.get("mounted"))
        asked = answered.Before(conn.hub_root, str(want["holder"]), "web_service", conn.host)
        before = asked.of(answered.on(conn, str(want["holder"]))) if same else {}
        report = script.execute(
            conn, "apply", _items(want), what="preparing the web server", holder=want["holder"],
            timeout=PREPARE_TIMEOUT,
        )  # fmt: skip
        here = {site: [place for place in places if place.server == conn.host] for site, places in before.items()}
        answered.refuse_broken(conn.host, here, "the web server or of PHP")
        asked.over()
        return {"php": report.facts.get("php", "")}

    def remove(self, have: State) -> None:
        """Take our configuration out; packages stay. Refused while a site's vhost is there."""
        if entries.other(have, "web"):
            return
        leave, end = (
            script.leave_service(SERVICE, str(have["holder"])),
            script.end_service(SERVICE, str(have["holder"])),
        )
        lines = [*entries.guard(have), leave, *web_types.service_removal(str(have["type"])), end]
        script.execute(_connection(have), "apply", lines, what="leaving the web server", holder=have["holder"])


class WebService(AegirResource, module="aegir", name="WebService"):
    """A machine's web server."""

    php: pulumi.Output[str]
    """The version of PHP that it runs, such as ``8.2``."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the server's name.
            props: ``host``, ``connection``, ``type``, ``port``, ``php_version``, ``php_chosen`` (versions that
                sites may take by name), ``mounted`` (platforms come from another machine), ``tasks`` (of
                each site, where that is declared), ``holder``.
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def _connection(props: State) -> Connection:
    return Connection.from_props(props["connection"])


def _items(props: State) -> list[str]:
    version = str(props.get("php_version", ""))
    # A machine that leaves a pack is unmounted after this, and gets its own directories by that (`nfs.mount_removal`).
    mounted = bool(props.get("mounted") or props.get("was", {}).get("mounted"))
    chosen = [str(each) for each in props.get("php_chosen") or ()]
    lines = web_types.service_items(
        props["type"], port=int(props["port"]), php_version=version, php_chosen=chosen, mounted=mounted,
        tasks=int(props.get("tasks") or 0),
    )  # fmt: skip
    declared = " ".join(
        filter(None, (f"{props['type']} on port {int(props['port'])}", version and f"with PHP {version}"))
    )
    return ["debian_only", script.same_service(SERVICE, str(props["holder"]), declared), *lines]
