"""Whether a platform's code runs on the PHP of its web servers: known at preview, before anything is made for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from aegir_components import settings
from aegir_components.applications import APPLICATIONS, CodeBase
from aegir_components.applications.php import DISTRIBUTIONS, parse
from aegir_components.messages import numbered
from aegir_components.recorded import Recorded
from aegir_components.remote.connection import Connection
from aegir_components.remote.parallel import attempt
from aegir_components.scripts import script
from aegir_components.sources.resolve import Resolved

Ask = Callable[[Iterable[str]], Mapping[str, str]]
"""Finds out the PHP of web servers by name, of those that answer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What does not fit."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """Of releases that are live already on that PHP."""


def judge(before: Recorded, declared: settings.Settings, sources: Mapping[str, Resolved], ask: Ask) -> Verdict:
    """Compare what each platform needs with what its web servers have.

    Args:
        before: the state of the last run.
        declared: the stack.
        sources: what the platforms' sources are.
        ask: finds out what is neither declared nor recorded; called only where the answer matters.
    """
    found, known = Verdict(), _known(before, declared)
    known |= ask(sorted({server for name in sources for server in _unknown(declared, name, sources[name].code, known)}))
    for name, source in sources.items():
        for server in declared.web_servers(name):
            for version in _taken(declared, name, server, known.get(server.name, "")):
                if not version or source.code.php.has(version):
                    continue
                recorded = before.of("aegir:Release").get(name, {})
                live = recorded.get("digest") == source.tree.digest and server.name in recorded.get("members", {})
                (found.warnings if live else found.problems).append(_sentence(name, source.code, server, version))
    return found


def _taken(declared: settings.Settings, platform: str, server: settings.Server, usual: str) -> list[str]:
    """List the versions that a platform runs on at a server: those that its sites take, or the usual one."""
    sites = declared.sites_on(platform)
    if not sites and server.web and server.web.php_more:
        # Its first site will take the one that fits.
        return []
    return sorted({site.php.version or usual for site in sites} or {usual})


def versions(before: Recorded, declared: settings.Settings) -> dict[str, str]:
    """Give the PHP of each platform's first web server that is declared or recorded: the oldest that its sites take."""
    known = _known(before, declared)
    found = {
        name: [
            min(_taken(declared, name, server, known.get(server.name, "")), key=parse, default="")
            for server in declared.web_servers(name)
        ]
        for name in declared.platforms
    }
    return {name: next((version for version in listed if version), "") for name, listed in found.items()}


def ask_machines(connections: Mapping[str, Connection]) -> dict[str, str]:
    """Ask machines which PHP their distribution has; one that does not answer, or is not known yet, is left out."""
    line = 'fact release "$(. /etc/os-release && printf %s "$VERSION_CODENAME")"'
    asked = facts(connections, line, what="asking for the distribution")
    found = {name: DISTRIBUTIONS.get(said.get("release", ""), "") for name, said in asked.items()}
    return {name: version for name, version in found.items() if version}


def facts(connections: Mapping[str, Connection], line: str, *, what: str) -> dict[str, Mapping[str, str]]:
    """Ask machines for a fact at preview; one that does not answer, or is not known yet, is left out.

    Args:
        connections: the machines.
        line: what states the fact.
        what: is being done, for error texts.
    """
    found: dict[str, Mapping[str, str]] = {}
    # The first contact with a machine is the first `up`: a preview pins no host key.
    known = {name: conn for name, conn in connections.items() if conn.host_key or conn.trust != "first-use"}

    def look(conn: Connection) -> None:
        found[conn.host] = script.execute(conn, "check", [line], what=what).facts

    attempt(known, look)
    return found


def _known(before: Recorded, declared: settings.Settings) -> dict[str, str]:
    recorded = before.of("aegir:WebService")
    known = {
        name: server.web.php or str(recorded.get(name, {}).get("php") or "")
        for name, server in declared.servers.items()
        if server.web
    }
    return {name: version for name, version in known.items() if version}


def _unknown(declared: settings.Settings, platform: str, code: CodeBase, known: Mapping[str, str]) -> Iterator[str]:
    """List the web servers whose PHP matters and is not known."""
    if all(code.php.has(version) for version in DISTRIBUTIONS.values()):
        return
    yield from (server.name for server in declared.web_servers(platform) if server.name not in known)


def _sentence(platform: str, code: CodeBase, at: settings.Server, version: str) -> str:
    server, several = at.name, at.web is not None and len(at.web.php_versions) > 1
    title = APPLICATIONS[code.application].called
    return numbered(
        1220,
        f'aegir:platforms["{platform}"].source: {title} {code.version} needs {code.php}, and {server} has {version}. '
        f'Take another release of the code, or another PHP: aegir:servers["{server}"].services.web.php'
        f"{', or php.version at its sites' if several else ''}",
    )
