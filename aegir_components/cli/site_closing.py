"""A site as commands close it, ask it and open it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aegir_components.applications import APPLICATIONS
from aegir_components.deploy.closing import HEADER
from aegir_components.deploy.site_closing import Closable
from aegir_components.health import probe, serving
from aegir_components.remote.connection import Connection

from .state import Site


def closable_of(site: Site) -> Closable:
    """Give a site as it is closed and opened on its web servers."""
    made: Any = site.configuration or {}
    return Closable(
        site=site.identity,
        name=site.name,
        holder=str(made["holder"]),
        members=Connection.of_members(made["members"]),
        ports={name: int(member["port"]) for name, member in made["members"].items()},
    )


def asked(site: Site, closable: Closable) -> Callable[[], str]:
    """Give what asks a closed site for its front page, on each web server."""
    made: Any = site.installation or {}
    declared = serving.Declared(
        site=site.name, application=APPLICATIONS[str(made["application"])], https=str(made.get("https", "none")),
        fingerprint=str(made.get("fingerprint") or ""), enabled=site.enabled,
    )  # fmt: skip

    def ask() -> str:
        if not site.asked_for or not site.enabled:
            return ""
        wrong = []
        for name, conn in closable.members.items():
            try:
                answer = probe.get(
                    conn.address, closable.ports[name], site.name, tls=declared.https != "none",
                    headers={HEADER: closable.door},
                )  # fmt: skip
                why = serving.judged(declared, answer)
            except probe.NoAnswer as silence:
                why = str(silence)
            wrong += [f"{name}: {why}"] if why else []
        return "; ".join(wrong)

    return ask
