"""Whether a web server serves a site as declared: the application answers, over TLS with the site's own certificate."""

from __future__ import annotations

from dataclasses import dataclass

from aegir_components.applications.base import Answer, Application
from aegir_components.messages import numbered, text_of

from . import probe


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """What a web server has to answer for a site."""

    site: str
    application: Application
    https: str = "none"
    """``none``, ``enabled`` or ``required``."""
    fingerprint: str = ""
    """Of the certificate that it has to show."""
    enabled: bool = True


def fault(declared: Declared, address: str, port: int, path: str = "/") -> str | None:
    """Ask a web server for a site, and say what is wrong with its answer; ``None`` when it is right.

    Args:
        declared: the site.
        address: the web server's.
        port: its port of plain HTTP.
        path: path and query; one that nobody has asked for before is answered by no cache.
    """
    tls = declared.https != "none"
    try:
        answer = probe.get(address, port, declared.site, path, tls=tls)
        why = judged(declared, answer)
        if why is None and declared.https == "required":
            why = _redirects(declared.site, probe.get(address, port, declared.site, path))
    except probe.NoAnswer as silence:
        return text_of(silence)
    return why


def answers(application: Application, address: str, port: int, site: str, path: str, *, door: str = "") -> str | None:
    """Ask a web server for a page of a site, over TLS where it redirects there, and say what is wrong with the answer.

    Args:
        application: the site's.
        address: the web server's.
        port: its port of plain HTTP.
        site: the site's host name.
        path: path and query.
        door: the key of the door of a site that is closed.

    Raises:
        NoAnswer: nothing listens there, or it does not speak HTTP.
    """

    def ask(*, tls: bool = False) -> Answer:
        if door:
            return probe.get(address, port, site, path, tls=tls, headers={probe.DOOR: door})
        return probe.get(address, port, site, path, tls=True) if tls else probe.get(address, port, site, path)

    answer = ask()
    if answer.status in (301, 302, 307, 308) and answer.headers.get("location", "").startswith(f"https://{site}/"):
        answer = ask(tls=True)
    return application.judge(answer)


def judged(declared: Declared, answer: Answer) -> str | None:
    """Say what is wrong with the answer for the front page."""
    if declared.fingerprint and answer.fingerprint != declared.fingerprint:
        return numbered(2607, "is answered with another certificate than the declared one")
    if declared.enabled:
        return declared.application.judge(answer)
    if answer.status != 503 or "retry-after" not in answer.headers:
        return numbered(2608, f"answers {answer.status}, and a disabled site answers 503 with Retry-After")
    return None


def _redirects(site: str, answer: Answer) -> str | None:
    if answer.status == 503 or (
        answer.status == 301 and answer.headers.get("location", "").startswith(f"https://{site}/")
    ):
        return None
    return numbered(2609, f"answers {answer.status} over plain HTTP, and https is required")
