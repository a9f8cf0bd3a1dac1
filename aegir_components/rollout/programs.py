"""The programs of an update, one after the other, and what they said."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from aegir_components import layout
from aegir_components.applications.base import program
from aegir_components.deploy import rehearsal
from aegir_components.deploy.site_command import Command, Place
from aegir_components.messages import numbered
from aegir_components.messages.printable import printable
from aegir_components.scripts import script
from aegir_components.settings.updating import Step

from .site import Updated

KEPT: Final = 60_000
"""Bytes of a program's output that are read."""
TIMED_OUT: Final = (124, 137)
"""What ``timeout`` ends with when it has ended a program."""
_SAID = re.compile(r"^::(ran|failed|warned) (\S{1,300}) (\S*)$", re.MULTILINE)


@dataclass(slots=True)
class Report:
    """What came of an update's programs."""

    ran: list[tuple[str, str]] = field(default_factory=list)
    """Updates with the seconds that each took."""
    warnings: list[str] = field(default_factory=list)
    failed: str = ""
    """Why it failed; empty where it has not."""
    output: list[str] = field(default_factory=list)
    """The end of what each program printed."""
    seconds: float = 0.0
    """Of all of it."""
    readonly: bool = False
    """Whether the programs could read the site's files and not write."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """The copy, and the account that is let in."""

    database: str
    user: str
    password: str = field(repr=False)


def access_of(site: Updated) -> Access:
    """Give the copy of a site's database a new password."""
    return Access(
        database=layout.copy_name(site.site), user=layout.update_account(site.site), password=secrets.token_hex(20)
    )


def run(site: Updated, root: str, access: Access) -> Report:
    """Run an update's programs on the copy, with code that is staged, over layers of the site's files.

    Args:
        site: the site.
        root: the document root of the code.
        access: the copy.

    Returns:
        What they said. The layers stay until ``end``, so that what was written can be kept.

    Raises:
        HostError: the web server did not answer, or cannot run programs for the site.
    """
    place, begun, report = _place(site, root), time.monotonic(), Report()
    lines = rehearsal.begin_items(
        place,
        site.directories,
        {"database": access.database, "username": access.user, "password": access.password},
        site.paired,
    )
    what = f"making ready to update {site.name}"
    facts = script.execute(site.worker, "apply", lines, what=what, holder=site.holder).facts
    report.readonly = "readonly" in facts
    for name, command in _commands(site, root):
        if not _ran(site, place, name, command, report):
            break
    report.seconds = time.monotonic() - begun
    return report


def merge(site: Updated, root: str) -> None:
    """Make what the programs wrote into the layers the site's own.

    Raises:
        HostError: it could not be done.
    """
    lines = rehearsal.merge_items(_place(site, root))
    script.execute(
        site.worker, "apply", lines, what=f"keeping what the update of {site.name} wrote", holder=site.holder
    )


def end(site: Updated) -> None:
    """Leave nothing of the programs on the web server.

    Raises:
        HostError: it did not answer, or layers could not be taken away.
    """
    lines = rehearsal.end_items(site.site, site.paired)
    script.execute(site.worker, "apply", lines, what=f"ending the update of {site.name}", holder=site.holder)


def _place(site: Updated, root: str) -> Place:
    return Place(
        site=site.site,
        name=site.name,
        url=site.url,
        application=site.application,
        publish_path=site.publish_path,
        docroot=".",
        root=root,
    )


def _commands(site: Updated, root: str) -> Iterator[tuple[str, Command]]:
    seconds = max((step.seconds for step in site.steps), default=900)
    for step in site.steps:
        if step.kind == "command":
            yield f"`{step.command}`", _shell(root, step)
        elif step.kind == "config":
            yield "the configuration's import", _php(site, site.kind.config, {}, step.seconds)
        else:
            for title, told, files in site.kind.update:
                yield title, _php(site, files, dict(told), step.seconds)
    yield "emptying the caches", _php(site, site.kind.caches, {}, seconds)


def _php(site: Updated, files: tuple[str, ...], told: dict[str, str], seconds: int) -> Command:
    text = program({"host": site.name, "url": site.url, **told}, *files)
    return Command(argv=rehearsal.PHP, stdin=text.encode(), seconds=seconds, who="aegir: update", kept=KEPT)


def _shell(root: str, step: Step) -> Command:
    # A team writes its commands as they are typed in the code base: vendor/bin/drush deploy -y.
    release = re.sub(r"^(.*/\.releases/[^/]+/[0-9a-f]{16})(/.*)?$", r"\1", root)
    argv = ("sh", "-c", f"cd '{release}' || exit 1\n{step.command}")
    return Command(argv=argv, seconds=step.seconds, who="aegir: update", kept=KEPT)


def _ran(site: Updated, place: Place, name: str, command: Command, report: Report) -> bool:
    facts = script.execute(
        site.worker, "apply", rehearsal.run_items(place, command), what=f"updating {site.name}: {name}",
        timeout=command.seconds + 120, lock=False,
    ).facts  # fmt: skip
    said, status = facts.get("said", ""), script.number(facts.get("status", ""), 255)
    of_ours = command.argv == rehearsal.PHP
    found = [(kind, what, _text(packed)) for kind, what, packed in _SAID.findall(said)] if of_ours else []
    report.ran += [(what, text) for kind, what, text in found if kind == "ran"]
    report.warnings += [f"{what}: {text}" for kind, what, text in found if kind == "warned"]
    plain = "\n".join(line for line in said.splitlines() if not (of_ours and line.startswith("::")) and line.strip())
    if plain:
        report.output.append(f"{name}:\n{printable(plain[-4000:])}")
    ended = "::done" in said or "::rebuilt" in said or not of_ours
    if status == 0 and ended:
        return True
    report.failed = _why(name, status, [(what, text) for kind, what, text in found if kind == "failed"], plain, command)
    return False


def _why(name: str, status: int, failed: list[tuple[str, str]], plain: str, command: Command) -> str:
    if failed:
        what, text = failed[-1]
        return numbered(6135, printable(f"{what} failed: {text or 'it says nothing'}"))
    if status in TIMED_OUT:
        return numbered(6135, f"{name} did not end within {command.seconds} s")
    last = printable(" ".join(plain.split())[-500:])
    how = "ended before it was done" if status == 0 else f"ended with status {status}"
    return numbered(6135, f"{name} {how}: {last or 'it says nothing'}")


def _text(packed: str) -> str:
    try:
        return " ".join(base64.b64decode(packed, validate=True).decode(errors="replace").split())
    except (binascii.Error, ValueError):
        return ""
