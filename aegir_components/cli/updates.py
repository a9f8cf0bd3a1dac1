"""``updates``: what is pending for each platform's release, by the hub's mirror; ``advisories``: fills that mirror."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click

from aegir_components import layout
from aegir_components.advisories import mirror
from aegir_components.advisories.findings import Finding, Part, worst
from aegir_components.advisories.mirror import Mirror, Places
from aegir_components.facts import code
from aegir_components.hub.records import Records
from aegir_components.messages import numbered
from aegir_components.messages.printable import first_of, printable
from aegir_components.remote.connection import Connection
from aegir_components.scripts import script

from . import audit, machines, options, selecting
from .ends import SITES_UNREACHED, UNHEALTHY, Refusal, WrongUsage, tell
from .machines import tell_faults
from .made import Release
from .moments import age
from .rows import table
from .state import State

TIMEOUT: Final = 120.0
_PATH: Final = re.compile(r"(https?://[^/\s]+)/\S*")
_CARRY: Final = numbered(
    9151,
    "nothing was fetched. A hub without a way out gets the mirror from a machine that has one: `aegir advisories list "
    ">projects.txt` here, `aegir advisories fetch --projects projects.txt --directory mirror` there, and `aegir updates "
    "--mirror mirror` here (docs/reference/command-line.md)",
)
LONGEST: Final = 120
"""Characters of a cell."""
OLD: Final = 3 * 86_400
"""Seconds after which a mirror is said to be old."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """What is pending for a platform's live release."""

    platform: str
    application: str
    version: str
    release: str
    sites: int
    parts: int
    unknown: int
    """Parts of which the mirror has nothing."""
    findings: tuple[Finding, ...]


@click.command()
@options.the_stack(required=False)
@click.option("--all", "everything", is_flag=True, help="Also updates that are not for security.")
@click.option(
    "--mirror", "directory", type=click.Path(file_okay=False), default="", help="Another mirror than the hub's."
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def updates(stack: str, *, everything: bool, directory: str, as_json: bool) -> None:
    """Show what is pending for the releases of STACK's platforms: security updates, and what is not supported any more.

    Modules, plugins, themes and Composer's packages of each live release are compared with the mirror that
    `aegir advisories fetch` fills. No site is asked. The exit status is 3 when something is pending for security or not
    supported.

    \b
    aegir updates prod
    aegir updates prod --all
    """  # noqa: D301  click keeps such lines as they are
    state = selecting.the_stack(stack).state()
    known = Mirror(directory=Path(directory) if directory else place(audit.root_of(state)))
    if known.oldest is None:
        raise Refusal(
            numbered(9150, f"nothing is in the mirror {known.directory} yet; fill it: aegir advisories fetch")
        )
    parts, faults = parts_of(state)
    found = [pending(state, state.releases[platform], listed, known) for platform, listed in parts.items()]
    if as_json:
        click.echo(
            json.dumps({"mirror": {"at": known.oldest}, "platforms": [asdict(each) for each in found]}, indent=2)
        )
    else:
        for line in _text(found, everything=everything):
            click.echo(line)
        old = time.time() - known.oldest
        tell(f"the mirror is {age(old)} old{'; aegir advisories fetch renews it' if old > OLD else ''}")
    tell_faults(faults)
    if any(finding.level != "update" for each in found for finding in each.findings):
        raise click.exceptions.Exit(UNHEALTHY)
    if faults:
        raise click.exceptions.Exit(SITES_UNREACHED)


@click.group()
def advisories() -> None:
    """The hub's mirror of releases and security advisories."""


@advisories.command("list", short_help="Print the projects of a stack's code, for `fetch --projects`.")
@options.the_stack(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON; fetch reads the other form.")
def listed(stack: str, *, as_json: bool) -> None:
    """Print the projects that STACK's releases have, for `fetch --projects` where the network is.

    \b
    aegir advisories list prod > projects.txt
    """  # noqa: D301  click keeps such lines as they are
    parts, faults = parts_of(selecting.the_stack(stack).state())
    known = sorted({part for found in parts.values() for part in found})
    if as_json:
        click.echo(json.dumps([asdict(part) for part in known], indent=2))
    for part in () if as_json else known:
        click.echo(f"{part.kind}\t{part.name}\t{part.version}")
    tell_faults(faults)
    if faults:
        raise click.exceptions.Exit(SITES_UNREACHED)


@advisories.command(short_help="Fill the mirror from the network.")
@options.the_stack(required=False)
@click.option(
    "--projects", type=click.File(), default=None, help="What `aegir advisories list` printed, in place of a stack."
)
@click.option("--directory", type=click.Path(file_okay=False), default="", help="Another mirror than the hub's.")
@click.option(
    "--drupal",
    default=mirror.DRUPAL,
    envvar="AEGIR_ADVISORIES_DRUPAL",
    show_default=True,
    metavar="URL",
    help="Where Drupal's release histories are.",
)
@click.option(
    "--wordpress",
    default=mirror.WORDPRESS,
    envvar="AEGIR_ADVISORIES_WORDPRESS",
    show_default=True,
    metavar="URL",
    help="Where WordPress's versions are.",
)
@click.option(
    "--vulnerabilities",
    default="",
    envvar="AEGIR_ADVISORIES_VULNERABILITIES",
    metavar="URL",
    help="A list of WordPress's vulnerabilities, in the form of Wordfence's.",
)
@click.option(
    "--composer",
    default="",
    envvar="AEGIR_ADVISORIES_COMPOSER",
    metavar="URL",
    help="Advisories for Composer's packages, in the form of `composer audit`.",
)
def fetch(
    stack: str, projects: Any, directory: str, drupal: str, wordpress: str, vulnerabilities: str, composer: str
) -> None:
    """Fill the mirror with what is known of the projects that STACK's releases have. No other command asks the network.

    \b
    aegir advisories fetch prod
    aegir advisories fetch --projects projects.txt --directory mirror
    """  # noqa: D301  click keeps such lines as they are
    faults: Mapping[str, str] = {}
    if projects is not None:
        if not directory:
            raise WrongUsage(numbered(9004, "--projects needs --directory: no stack says where the hub's mirror is"))
        wanted, target = list(_read(projects)), Path(directory)
    else:
        state = selecting.the_stack(stack).state()
        parts, faults = parts_of(state)
        wanted = [part for found in parts.values() for part in found]
        target = Path(directory) if directory else place(audit.root_of(state))
    places = Places(
        drupal=drupal.rstrip("/"), wordpress=wordpress.rstrip("/"), vulnerabilities=vulnerabilities, composer=composer
    )
    done = mirror.fetch(target, wanted, places, tell)
    tell(f"{done.got} lists are in {target}")
    for names, text in _together(done.failed):
        tell(f"{first_of(names, 5)}: {text}")
    if done.failed and not done.got:
        tell(_CARRY)
    tell_faults(faults)
    if done.failed or faults:
        raise click.exceptions.Exit(UNHEALTHY)


def _together(failed: Mapping[str, str]) -> Iterator[tuple[list[str], str]]:
    """Put lists together that one cause has kept away, such as a hub without a way out: their addresses differ in the path."""
    causes: dict[str, list[str]] = {}
    for name, why in failed.items():
        causes.setdefault(_PATH.sub(r"\1", why), []).append(name)
    for cause, names in causes.items():
        yield names, cause if len(names) > 1 else failed[names[0]]


def place(root: Path) -> Path:
    """Name the hub's mirror."""
    return root / "advisories"


def parts_of(state: State) -> tuple[dict[str, list[Part]], Mapping[str, str]]:
    """Give the parts of each platform's live release, and why some are not known.

    A release never changes, so its parts are asked for once and kept on the hub.
    """
    records = Records(str(audit.root_of(state)), "code")
    known = {name: _kept(records, release) for name, release in state.releases.items()}
    missing = {
        name: min(state.releases[name].members)
        for name, parts in known.items()
        if parts is None and state.releases[name].members
    }
    asked = {server: state.releases[name].placed[server].connection for name, server in missing.items()}

    def one(server: str, conn: Connection) -> dict[str, list[Part]]:
        return {name: _asked(conn, state.releases[name]) for name, where in missing.items() if where == server}

    found, faults = machines.ask(asked, one)
    for answers in found.values():
        for name, parts in answers.items():
            known[name] = parts
            records.put(
                {"parts": [[part.kind, part.name, part.version] for part in parts]},
                name,
                state.releases[name].digest,
            )
    return {name: parts for name, parts in known.items() if parts is not None}, faults


def _kept(records: Records, release: Release) -> list[Part] | None:
    found = records.get(release.platform, release.digest)
    if found is None:
        return None
    return [
        Part(kind=str(kind), name=str(name), version=str(version)) for kind, name, version in found.get("parts", ())
    ]


def _asked(conn: Connection, release: Release) -> list[Part]:
    path = layout.release_path(release.publish_path, release.digest)
    lines = code.items(release.application, path, release.recorded(lambda inputs: inputs.docroot))
    what = f"inspecting the code of platform {release.platform}"
    facts = script.execute(conn, "check", lines, what=what, timeout=TIMEOUT).facts
    return code.parts(facts, release.application, release.version)


def pending(state: State, release: Release, parts: list[Part], known: Mirror) -> Pending:
    """Say what is pending for a platform's live release."""
    return Pending(
        platform=release.platform, application=release.application, version=release.version, release=release.name,
        sites=len(state.sites_on(release.platform)), parts=len(parts),
        unknown=sum(not known.knows(part) for part in parts),
        findings=tuple(worst([finding for part in parts for finding in known.judge(part)])),
    )  # fmt: skip


def _read(lines: Iterable[str]) -> Iterator[Part]:
    for line in lines:
        kind, name, version = [*line.rstrip("\n").split("\t"), "", ""][:3]
        if kind and name:
            yield Part(kind=kind, name=name, version=version)


def _text(found: list[Pending], *, everything: bool) -> Iterator[str]:
    head = ("PLATFORM", "CODE", "SITES", "SECURITY", "UNSUPPORTED", "UPDATES", "NOT KNOWN")
    rows = [
        (each.platform, f"{each.application} {each.version}", str(each.sites),
         *(str(sum(finding.level == level for finding in each.findings)) for level in ("security", "unsupported", "update")),
         f"{each.unknown} of {each.parts}")
        for each in found
    ]  # fmt: skip
    yield from table(head, rows)
    listed = [
        (each.platform, *_cells(finding))
        for each in found
        for finding in each.findings
        if everything or finding.level != "update"
    ]
    if listed:
        yield ""
        yield from table(("PLATFORM", "WHAT", "PART", "UPDATE TO", "SINCE", "WHY"), listed)


def _cells(finding: Finding) -> tuple[str, ...]:
    part = f"{finding.part.name} {finding.part.version}"
    cells = (finding.level, part, finding.to or "-", finding.since or "-", finding.what)
    # The mirror is what others wrote.
    return tuple(printable(text, keep="", longest=LONGEST) for text in cells)
