"""``check``: everything that `up` proves of a site, now."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import click

from aegir_components.applications.base import UNAVAILABLE
from aegir_components.inputs.props import MissingInput
from aegir_components.messages import around, number_of, shown, text_of
from aegir_components.messages.printable import printable
from aegir_components.mysql.client import DatabaseError
from aegir_components.providers import (
    certificate,
    installation,
    release,
    rollout,
    site_config,
    site_database,
    web_service,
)
from aegir_components.providers.lifecycle import Lifecycle
from aegir_components.providers.raw import plain, redacted
from aegir_components.remote.errors import HostError

from . import audit, completion, selecting
from .ends import SITES_UNREACHED, UNHEALTHY, tell
from .made import Site
from .rows import table
from .selecting import Chosen, Selection
from .state import OURS

AT_ONCE: Final = 8
"""Resources that are inspected at once."""
_WRAPPED: Final = "4dabf18193072939515e22adb298388d"
"""Pulumi's own mark of a value that is a secret."""

PARTS: Final[Mapping[str, tuple[str, Lifecycle[Any, Any]]]] = {
    "Release": ("the platform's release on each web server", release.ReleaseProvider()),
    "Rollout": ("it is on the platform's release", rollout.RolloutProvider()),
    "WebService": ("the web server with PHP", web_service.WebServiceProvider()),
    "SiteDatabase": ("database and accounts", site_database.SiteDatabaseProvider()),
    "Certificate": ("certificate", certificate.CertificateProvider()),
    "SiteConfiguration": (
        "user, files, settings, PHP and vhost on each web server",
        site_config.SiteConfigurationProvider(),
    ),
    "Installation": ("the site answers on each web server", installation.InstallationProvider()),
}
"""What `up` proves, in its order. A web server's part stands for each web server of a site."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One thing that was inspected."""

    site: str
    part: str
    outcome: str
    """``pass``, ``fail``, or ``unknown`` where it could not be inspected."""
    faults: tuple[str, ...] = ()
    unavailable: bool = False
    """Whether the site answers 503, as one that a person has closed does."""
    of_sites: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a platform's rollout: what is wrong, by what each site is known by."""

    def plain(self) -> dict[str, Any]:
        """Give it for JSON."""
        return {key: value for key, value in asdict(self).items() if key in {"site", "part", "outcome", "faults"}}


@click.command()
@click.argument("sites", nargs=-1, shell_complete=completion.sites)
@selecting.options
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def check(selection: Selection, *, as_json: bool) -> None:
    """Check everything that `pulumi up` proves of SITES, now, and change nothing.

    On each web server that is the release, the web server with PHP, files, settings and vhost, and the answer. Besides,
    it is the database with its accounts, and the certificate. The exit status is 3 when something fails, and 5 when
    something could not be inspected.

    \b
    aegir check www.example.com
    """  # noqa: D301  click keeps such lines as they are
    chosen = selecting.choose(selection)
    with audit.noted(audit.root_of(chosen.state), chosen.state.stack, "check", sites=chosen.sites) as noting:
        results = list(_results(chosen))
        failed = sum(each.outcome != "pass" for each in results)
        noting.result(f"{len(results) - failed} passed, {failed} did not")
    if as_json:
        click.echo(json.dumps([each.plain() for each in results], indent=2))
    else:
        for line in table(
            ("SITE", "RESULT", "WHAT"), [(each.site, each.outcome.upper(), _what(each)) for each in results]
        ):
            click.echo(line)
        for site in unavailable(results):
            tell(f"{site} answers 503: aegir explain {site} says whether somebody has closed it")
    outcomes = {each.outcome for each in results}
    if "fail" in outcomes:
        raise click.exceptions.Exit(UNHEALTHY)
    if "unknown" in outcomes:
        raise click.exceptions.Exit(SITES_UNREACHED)


def unavailable(results: Iterable[Result]) -> list[str]:
    """Name the sites that answer 503, which a site does that `aegir close` has closed. Pure."""
    return sorted({each.site for each in results if each.unavailable})


def _what(result: Result) -> str:
    return f"{result.part}{': ' if result.faults else ''}{'; '.join(result.faults)}"


def _results(chosen: Chosen) -> Iterator[Result]:
    """Inspect the parts of all sites side by side; one platform's release and one web server once."""
    made = _made(chosen)
    number = len(chosen.sites)
    tell(f"checking {number} {'site' if number == 1 else 'sites'}")
    jobs = [(site, kind, name) for site in chosen.sites for kind in PARTS for name in _names(site, kind, made)]
    seen: dict[tuple[str, str], Result] = {}
    guard = threading.Lock()

    def look(job: tuple[Site, str, str]) -> None:
        site, kind, name = job
        with guard:
            if (kind, name) in seen:
                return
            seen[kind, name] = Result(site=site.name, part=PARTS[kind][0], outcome="unknown")
        result = _one(site, kind, made[kind, name])
        with guard:
            seen[kind, name] = result

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        list(pool.map(look, jobs))
    for site in chosen.sites:
        if site.installation is None:
            yield Result(site=site.name, part="it never came up; run pulumi up", outcome="fail")
    for site, kind, name in jobs:
        yield of_site(seen[kind, name], site) if kind == "Rollout" else replace(seen[kind, name], site=site.name)


def of_site(found: Result, site: Site) -> Result:
    """Give what of a platform's rollout is about one of its sites. Pure."""
    if found.outcome == "unknown":
        return replace(found, site=site.name)
    faults = found.of_sites.get(site.identity, ())
    return replace(found, site=site.name, faults=faults, of_sites={}, outcome="fail" if faults else "pass")


def _one(site: Site, kind: str, props: Mapping[str, Any]) -> Result:
    part, provider = PARTS[kind]
    secrets = [str(props[key]) for key in provider.secret_keys if isinstance(props.get(key), str)]
    told: Sequence[str]
    of_sites: Mapping[str, Sequence[str]] = {}
    try:
        if isinstance(provider, rollout.RolloutProvider):
            of_sites = provider.by_site(provider.recorded.from_props(plain(props)))
            told = [text for texts in of_sites.values() for text in texts]
        else:
            seen = provider.observed(props)
            told = ["it is gone"] if seen is None else seen.get("drift", [])
        outcome = "fail" if told else "pass"
    except (HostError, DatabaseError) as fault:
        told, outcome = [text_of(fault)], "unknown"
    except MissingInput as fault:
        told, outcome = [around(fault, f"{fault}; run pulumi up")], "unknown"

    def safe(texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(printable(redacted(shown(text), secrets), keep="") for text in texts)

    return Result(
        site=site.name, part=part, outcome=outcome, faults=safe(told),
        unavailable=any(number_of(text) == UNAVAILABLE for text in told),
        of_sites={name: safe(texts) for name, texts in of_sites.items()},
    )  # fmt: skip


def _names(site: Site, kind: str, made: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[str]:
    """Name the resources of a kind that a site is on. Pure."""
    of_platform = kind in {"Release", "Rollout"}
    names = site.members if kind == "WebService" else [site.platform if of_platform else site.identity]
    return [name for name in sorted(names) if (kind, name) in made]


def _made(chosen: Chosen) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Read the resources with their secrets, which observing needs."""
    exported = chosen.stack.engine.ask("stack", "export", "--show-secrets", "--stack", chosen.stack.name)
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for resource in (exported.get("deployment") or {}).get("resources") or ():
        kind = str(resource.get("type", ""))
        if kind.startswith(OURS) and not resource.get("delete"):
            name = str(resource.get("urn", "")).rpartition("::")[2]
            found[kind.rpartition(":")[2], name] = opened(resource.get("outputs") or {})
    return found


def opened(value: Any) -> Any:
    """Take the wrapping of secrets off a value of an exported state."""
    if isinstance(value, dict):
        if _WRAPPED in value and "plaintext" in value:
            return opened(json.loads(value["plaintext"]))
        return {key: opened(each) for key, each in value.items()}
    return [opened(each) for each in value] if isinstance(value, list) else value
