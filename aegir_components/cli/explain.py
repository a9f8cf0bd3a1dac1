"""``explain``: which machine, vhost, rule and file answer an address, and what the web servers say to it now."""

from __future__ import annotations

import json
import re
import socket
import string
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

import click

from aegir_components.applications import APPLICATIONS, explaining
from aegir_components.applications.explaining import Explanation
from aegir_components.deploy import closing
from aegir_components.facts import addresses
from aegir_components.health import probe
from aegir_components.messages import catalogue, numbered
from aegir_components.messages.printable import printable
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script
from aegir_components.settings import names as host_names

from . import completion, machines, message, selecting
from .ends import UNHEALTHY, Refusal
from .machines import tell_faults
from .made import Site
from .stack import Stack, here, made
from .state import State

TIMEOUT: Final = 30.0
OUTSIDE: Final = Explanation(outcome="rejected", why="it leads above the document root, and belongs to no site then")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answerer:
    """One web server of the site, and what it does with the address."""

    server: str
    address: str
    docroot: str
    vhost: str
    """The file; empty where there is none."""
    custom: str
    """The file with custom directives, which may change all that is said here; empty where there is none."""
    closed: str
    """Who has closed the site, and what for."""
    explanation: Explanation
    answer: str
    """What it says now: status, and where it redirects to."""
    status: int
    """Of the answer; 0 where there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """What there is to say of an address."""

    address: str
    stack: str
    site: str
    alias: bool
    path: str
    platform: str
    dns: tuple[str, ...]
    """What the name leads to, as the hub resolves it: addresses with the servers that have them."""
    before: str
    """What happens before any file is looked for: a redirect, a closed site; empty for nothing."""
    answerers: tuple[Answerer, ...] = field(default=())

    def plain(self) -> dict[str, Any]:
        """Give it for JSON."""
        return asdict(self)


@click.command()
@click.argument("address", metavar="ADDRESS|AEGIR-NNNN", shell_complete=completion.sites)
@click.option("--stack", default="", metavar="STACK", shell_complete=completion.stacks, help="Look in this stack only.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def explain(address: str, stack: str, *, as_json: bool) -> None:
    """Tell what the message AEGIR-NNNN means, or what answers ADDRESS.

    For a message: what happened, why it matters, and what to do. Its number stands at its end.

    For an address: which machine, vhost, rule and file answer it, and what Apache or nginx denies.

    The exit status is 3 when the address is denied, or when web servers answer differently.

    \b
    aegir explain https://www.example.com/sites/default/files/report.pdf
    aegir explain www.example.com/.env
    aegir explain AEGIR-1001
    """  # noqa: D301  click keeps such lines as they are
    if number := catalogue.number_in(address):
        click.echo(message.as_json(number) if as_json else message.text(number))
        return
    scheme, host = _read(address)
    state, site = _find(stack, host)
    found, faults = _explain(state, site, address, host, secure=scheme == "https")
    if as_json:
        click.echo(json.dumps(found.plain(), indent=2))
    else:
        for line in _text(found):
            click.echo(line)
    tell_faults(faults)
    if faults or any(each.explanation.outcome in {"denied", "rejected"} for each in found.answerers) or _differ(found):
        raise click.exceptions.Exit(UNHEALTHY)


def _read(address: str) -> tuple[str, str]:
    """Give scheme and host of an address; the host in ASCII, as visitors' programs and web servers have it.

    Raises:
        Refusal: no web server is asked for such an address.
    """
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
    except ValueError:
        parts = urlsplit("")
    if not parts.hostname or parts.scheme not in {"http", "https"} or len(address) > explaining.LONGEST:
        raise Refusal(
            numbered(
                9092,
                f"{printable(address, keep='', longest=80)} is no address of a site; write one such as www.example.com/path",
            )
        )
    return parts.scheme, host_names.in_ascii(parts.hostname.removesuffix("."))


def _find(stack: str, host: str) -> tuple[State, Site]:
    known = [selecting.the_stack(stack)] if stack else [Stack(name=name, engine=here()) for name in made(here())]
    asked = []
    for each in known:
        state = each.state()
        asked.append(state.stack)
        for site in state.sites.values():
            if host in {site.name, site.identity, *site.aliases}:
                return state, site
    raise Refusal(
        numbered(
            9091,
            f"no site of {', '.join(asked) or 'any stack'} has the name {host}: each web server answers 404 for it. "
            f"Add it to a site's aliases, or check its DNS",
        )
    )


def _explain(state: State, site: Site, address: str, host: str, *, secure: bool) -> tuple[Explained, Mapping[str, str]]:
    path = explaining.path_of(address if "://" in address else f"http://{address}")
    members = site.connections
    found, faults = machines.ask(
        members, lambda name, conn: _look(site, name, conn, path, address, host, secure=secure)
    )
    return Explained(
        address=address, stack=state.stack, site=site.name, alias=host in site.aliases, path=path,
        platform=site.platform, dns=tuple(_dns(state, host)), before=_before(site, host, path, secure=secure),
        answerers=tuple(found.values()),
    ), faults  # fmt: skip


def _look(site: Site, name: str, conn: Connection, path: str, address: str, host: str, *, secure: bool) -> Answerer:
    member = site.members[name]
    rules = APPLICATIONS[site.application].addresses
    others = [each for each in site.names if each != site.identity]
    former = "|".join([re.escape(rules.former), *(re.escape(f"sites/{each}/files") for each in others)])
    paths = explaining.candidates(path, site.identity, former)
    lines = [
        *addresses.items(site.identity, site.name, web=member.type, publish_path=site.publish_path,
                         docroot=site.docroot, paths=paths),
        *closing.look_items(site.identity),
    ]  # fmt: skip
    facts = script.execute(conn, "check", lines, what=f"inspecting {site.name}", timeout=TIMEOUT).facts
    kinds = addresses.kinds(facts, paths)
    status, answer = _asked(member.connection.address, member.port, host, address, secure=secure)
    return Answerer(
        server=name, address=member.connection.address, docroot=facts.get("docroot", ""), vhost=facts.get("vhost", ""),
        custom=facts.get("custom", ""), closed=closing.Reason.read(facts.get("closed", "")).words,
        explanation=OUTSIDE if explaining.leads_out(address if "://" in address else f"http://{address}")
        else explaining.explain(path, rules, site.identity, former, lambda each: kinds.get(each, "")),
        answer=answer, status=status,
    )  # fmt: skip


def _asked(machine: str, port: int, host: str, address: str, *, secure: bool) -> tuple[int, str]:
    """Ask a web server; give the status, or 0, and what there is to say of the answer."""
    parts = urlsplit(address if "://" in address else f"http://{address}")
    # As a browser sends them: what is encoded stays, and everything that no request may have is encoded.
    target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=string.punctuation)
    try:
        answer = probe.get(machine, port, host, target, patience=0.0, tls=secure)
    except (probe.NoAnswer, UnicodeError) as silence:
        return 0, printable(f"no answer: {silence}", keep="")
    where = answer.headers.get("location", "")
    return answer.status, printable(f"{answer.status}{f', to {where}' if where else ''}", keep="", longest=300)


def _before(site: Site, host: str, path: str, *, secure: bool) -> str:
    if host not in {site.name, *site.aliases}:
        return f"{host} is a former name of {site.name}, and each web server answers 404 for it; add it to the site's aliases"
    https = site.configured(lambda made: made.https, "none")
    if not site.enabled:
        return "the site is disabled (state: disabled), so all its names answer 503"
    if path.startswith("/.well-known/acme-challenge/"):
        return ""
    if https == "required" and not secure:
        return "https: required redirects plain HTTP to https, but for declared proxies whose visitor came over TLS"
    if secure and https == "none":
        return "the site has no TLS (https: none): over https the default server answers 404"
    if site.configured(lambda made: made.redirect_aliases, False) and host != site.name:
        return f"redirect_aliases redirects {host} to {site.name}"
    return ""


def _dns(state: State, host: str) -> Iterator[str]:
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        yield f"the hub does not resolve {host}"
        return
    known = {server.address: server.name for server in state.servers.values()}
    for address in sorted(found):
        yield f"{address} ({known.get(address, 'no server of the stack')})"


def _differ(found: Explained) -> bool:
    return len({each.status for each in found.answerers}) > 1


_OUTCOMES: Final = {
    "served": "sent as a file",
    "runs": "PHP runs",
    "application": "the application answers",
    "denied": "denied (403)",
    "rejected": "rejected (400)",
    "redirect": "redirected (301)",
    "missing": "not found (404)",
    "challenge": "the challenge of a certificate",
}


def _text(found: Explained) -> Iterator[str]:
    yield f"site      {found.site} of stack {found.stack}, on platform {found.platform}{' (by an alias)' if found.alias else ''}"
    yield f"DNS       {', '.join(found.dns)}"
    if found.before:
        yield f"first     {found.before}"
    for each in found.answerers:
        verb = "answers" if each.status else "gives"
        yield f"server    {each.server} ({each.address}) {verb} {each.answer}"
        if each.closed:
            yield f"closed    by {each.closed}; aegir open {found.site} opens it"
        yield f"vhost     {each.vhost or 'none: the site is not configured there; run pulumi up'}"
        if each.custom:
            yield f"custom    {each.custom}, whose directives may change what follows"
        yield f"path      {printable(found.path, keep='')}"
        yield f"rule      {_OUTCOMES[each.explanation.outcome]}: {each.explanation.why}"
        if each.explanation.file:
            yield f"file      {each.docroot}{printable(each.explanation.file, keep='')}"
