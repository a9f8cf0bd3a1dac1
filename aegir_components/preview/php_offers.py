"""Whether web servers can get the versions of PHP that they declare: told at preview, before apt fails to find them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from aegir_components import settings
from aegir_components.messages import numbered
from aegir_components.recorded import Recorded
from aegir_components.remote.connection import Connection

from . import php_fit

Ask = Callable[[Iterable[str]], Mapping[str, tuple[str, ...]]]
"""Finds out the versions in the package sources of web servers by name, of those that answer."""

VERSIONS = r"sed -n 's/^php\([0-9.]*\)-fpm$/\1/p' | sort -uV | tr '\n' ' '"
OFFERS = f'fact offers "$(apt-cache pkgnames php 2>/dev/null | {VERSIONS})"'


def warnings(before: Recorded, declared: settings.Settings, ask: Ask) -> list[str]:
    """Say which declared versions a machine's package sources lack.

    Args:
        before: the state of the last run; what it has is installed, and nobody is asked.
        declared: the stack.
        ask: finds out what package sources have.
    """
    new = _new(before, declared)
    said: list[str] = []
    for name, offers in (ask(sorted(new)) if new else {}).items():
        # A machine whose lists were never read offers nothing; up reads them first.
        lacking = [version for version in new[name] if offers and version not in offers]
        if lacking:
            said.append(
                numbered(
                    1221,
                    f'aegir:servers["{name}"].services.web.php: the package sources of {name} have PHP '
                    f"{', '.join(offers)}, and not {', '.join(lacking)}. Write one that they have, or add a source "
                    "that has it to the machine before up (https://packages.sury.org/php/ for Debian, ppa:ondrej/php "
                    "for Ubuntu)",
                )
            )
    return said


def ask_machines(connections: Mapping[str, Connection]) -> dict[str, tuple[str, ...]]:
    """Ask machines which versions of PHP-FPM their package sources have; one that does not answer is left out."""
    asked = php_fit.facts(connections, OFFERS, what="asking for versions of PHP")
    return {name: tuple(said.get("offers", "").split()) for name, said in asked.items()}


def _new(before: Recorded, declared: settings.Settings) -> dict[str, list[str]]:
    """List the declared versions that the state does not have, by server."""
    found = {}
    for name, server in declared.servers.items():
        recorded = before.of("aegir:WebService").get(name, {})
        have = {recorded.get("php"), recorded.get("php_version"), *(recorded.get("php_chosen") or ())}
        if server.web and (new := [version for version in server.web.php_versions if version not in have]):
            found[name] = new
    return found
