"""A site as commands close it, ask it and open it."""

from __future__ import annotations

from collections.abc import Callable

from aegir_components.applications import APPLICATIONS
from aegir_components.deploy.closing import HEADER
from aegir_components.deploy.site_closing import Closable
from aegir_components.health import probe, serving

from .made import Site


def closable_of(site: Site) -> Closable:
    """Give a site as it is closed and opened on its web servers."""
    return Closable(
        site=site.identity,
        name=site.name,
        holder=site.holder,
        members=site.connections,
        ports=site.ports,
    )


def declared(site: Site) -> serving.Declared:
    """Give how a site is to be served, for who asks its web servers."""
    return serving.Declared(
        site=site.name, application=APPLICATIONS[site.application], https=site.installed(lambda made: made.https, "none"),
        fingerprint=site.installed(lambda made: made.fingerprint, ""), enabled=site.enabled,
    )  # fmt: skip


def asked(site: Site, closable: Closable) -> Callable[[], str]:
    """Give what asks a closed site for its front page, on each web server."""
    how = declared(site)

    def ask() -> str:
        if not site.asked_for or not site.enabled:
            return ""
        wrong = []
        for name, conn in closable.members.items():
            try:
                answer = probe.get(
                    conn.address, closable.ports[name], site.name, tls=how.https != "none",
                    headers={HEADER: closable.door},
                )  # fmt: skip
                why = serving.judged(how, answer)
            except probe.NoAnswer as silence:
                why = str(silence)
            wrong += [f"{name}: {why}"] if why else []
        return "; ".join(wrong)

    return ask
