"""The two sites of a ``sync``: what each one is, what may go from one to the other, and what a person is told beforehand."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import click

from aegir_components.advisories import versions
from aegir_components.backups import restoring
from aegir_components.backups.source import Source
from aegir_components.backups.staging import Part
from aegir_components.facts import disk
from aegir_components.messages import numbered
from aegir_components.messages.printable import readable
from aegir_components.mysql import databases
from aegir_components.origins import loaded
from aegir_components.scripts import script
from aegir_components.settings import names as host_names

from . import selecting
from .ends import Refusal, WrongUsage
from .made import Release, Site
from .stack import Stack
from .unlocked import Unlocked
from .usage import TIMEOUT

PRODUCTION = "production"
SANITISED = "standard"
"""The way to sanitise, as a stack file and the command line say it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """A site of a stack."""

    unlocked: Unlocked
    site: Site
    source: Source = field(repr=False)
    """Where its content is."""
    release: Release
    """The code that its platform has."""

    @classmethod
    def read(cls, unlocked: Unlocked, name: str) -> Side:
        """Find a site of a stack.

        Raises:
            Refusal: it is not there, or has no content.
        """
        identity, stack = unlocked.identity(name), unlocked.stack.name
        site = next((one for one in unlocked.state.sites.values() if one.identity == identity), None)
        release = unlocked.state.releases.get(site.platform) if site else None
        if site is None or release is None or site.is_empty:
            raise Refusal(
                numbered(
                    7069,
                    f"site {name} of {stack} has no content yet; run pulumi up --stack {stack} first. A new site gets "
                    f"content by `origin` (docs/explanation/content.md)",
                )
            )
        return cls(unlocked=unlocked, site=site, source=unlocked.source(identity), release=release)

    @property
    def label(self) -> str:
        """Stack and name, as the command line takes them."""
        return f"{self.unlocked.stack.name}:{self.site.name}"

    @property
    def is_sanitised(self) -> bool:
        """Whether its stack file says that its content began without personal data."""
        declared = self.unlocked.declared.sites.values()
        origins = [one.origin for one in declared if one.identity == self.site.identity]
        return any(origin is not None and origin.sanitise == SANITISED for origin in origins)

    @property
    def environment(self) -> str:
        """What its stack is; production, if the stack file or the state says so."""
        declared, made = self.unlocked.declared.environment, self.unlocked.state.environment
        return PRODUCTION if PRODUCTION in {declared, made} else declared

    @property
    def is_production(self) -> bool:
        """Whether its stack is production."""
        return self.environment == PRODUCTION

    @property
    def sends_mail(self) -> bool:
        """Whether its mail goes to those that it is for; that of a clone does so where it is declared."""
        found = self.unlocked.declared.sites.get(self.site.name)
        declared = found.mail if found else None
        is_clone = self.site.installed(lambda made: made.loaded, "") == loaded.CLONE
        return (declared or ("off" if is_clone else "on")) == "on"


def split(text: str) -> tuple[Stack, str]:
    """Read ``STACK:SITE``; without a stack the only one is meant.

    Raises:
        Refusal: there is more than one, or none.
    """
    stack, _, site = text.rpartition(":")
    if not site:
        raise WrongUsage(numbered(9005, f"{text} names no site; write STACK:SITE, such as prod:www.example.com"))
    return selecting.the_stack(stack, how=f"as STACK:{site}"), site


def is_same(source: Side, target: Side) -> bool:
    """Return whether both sides are one site, however the stacks are written, or have one database."""
    one, other = source.source, target.source
    if (one.holder, one.site) == (other.holder, other.site):
        return True

    def where(side: Source) -> tuple[object, ...]:
        tunnel = side.endpoint.tunnel
        return side.endpoint.address, side.endpoint.port, tunnel.host if tunnel else ""

    return one.database == other.database and (one.server == other.server or where(one) == where(other))


def misfit(source: Side, target: Side, part: Part) -> str:
    """Say why content does not fit the code of the site that is to get it; empty where it does."""
    had, has = source.release, target.release
    if had.application != has.application:
        return numbered(
            7070,
            f"{source.label} is a site of {had.application}, and {target.label} of {has.application}; nothing was changed",
        )
    if not part.database or not had.version or not has.version:
        return ""
    ways = (
        f"Bring the same code to both first: aegir promote --from {source.unlocked.stack.name} "
        f"--to {target.unlocked.stack.name}, and pulumi up"
    )
    said = f"{source.label} has {had.application} {had.version}, and {target.label} has {has.version}"
    if had.version.partition(".")[0] != has.version.partition(".")[0]:
        return numbered(7070, f"{said}: another major version. Nothing was changed. {ways}")
    if versions.key(had.version) > versions.key(has.version):
        return numbered(7070, f"{said}: the database is newer than that code. Nothing was changed. {ways}")
    return ""


def how(source: Side, target: Side, sanitise: str | None) -> bool:
    """Return whether content is sanitised.

    What was said holds. Otherwise it is sanitised as for an origin, where production leads out of production, and where the
    target's own content began so.
    """
    if sanitise is not None:
        return sanitise == SANITISED
    return (source.is_production and not target.is_production) or target.is_sanitised


def guard(target: Side, *, allowed: bool, confirmed: str | None, yes: bool) -> bool:
    """Let content into a production stack only if that was said, and the site's name was typed; return whether it was typed now.

    Args:
        target: the site that gets the content.
        allowed: whether ``--into-production`` was given.
        confirmed: the name, where the command line has it.
        yes: whether nobody is asked.

    Raises:
        Refusal: it is not to be.
    """
    if not target.is_production:
        return False
    if not allowed:
        raise Refusal(
            numbered(
                7068,
                f"{target.unlocked.stack.name} is production, and its site {target.site.name} would lose its content. "
                f"Nothing was changed. If you mean that: --into-production, with --confirm {target.site.name}",
            )
        )
    asked = confirmed is None and not yes and sys.stdin.isatty()
    if asked:
        confirmed = click.prompt(
            f"{target.label} is production. Type the site's name to replace its content", err=True, default="",
            show_default=False,
        )  # fmt: skip
    if host_names.in_ascii(confirmed or "") != target.site.name:
        raise Refusal(
            numbered(
                7068,
                f"nothing was changed: the name of the production site has to be typed, or given by --confirm {target.site.name}",
            )
        )
    return asked


def sized(side: Side, part: Part) -> str:
    """Say how large what counts of a site is, by the server's estimate and by its directories.

    Raises:
        HostError: a machine is not reached.
        DatabaseError: the database server does not answer.
    """
    found = []
    if part.database:
        number, size = databases.size(side.source.endpoint, side.source.database)
        found.append(f"database of {number} tables, {readable(size)}")
    if part.files:
        total = 0
        for place in side.source.places:
            lines = disk.items([f"{place.home}/{name}" for name in place.parts], database=False)
            report = script.execute(
                place.conn, "check", lines, what="asking for the size of its files", timeout=TIMEOUT
            )
            total += sum(disk.sizes(report.facts).values())
        found.append(f"files of {readable(total)}")
    return ", ".join(found)


def shown(source: Side, target: Side, part: Part, *, sanitised: bool) -> list[str]:
    """Say what is there now, and what would come."""

    def of(side: Side) -> str:
        code = " ".join(filter(None, (side.release.application, side.release.version)))
        return (
            f"{side.label} ({side.environment}) on platform {side.site.platform} ({code}, release {side.release.name}): "
            f"{sized(side, part)}"
        )

    lines = [f"There now: {of(target)}", f"Would come: {of(source)}"]
    if sanitised:
        lines.append("Personal data is replaced before it leaves its server; private files stay there")
    else:
        lines.append("It comes with all personal data")
        if target.sends_mail and part.database:
            lines.append(
                f"Mail leaves {target.site.name}, also to the people in this content; `mail: off` at the site keeps it in"
            )
    plan = target.unlocked.plan(target.site.identity)
    lines += restoring.leaving(part, plan.exclude if plan else ())
    lines.append(f"{target.site.name} is backed up first, and that backup is proven; meanwhile it answers 503")
    return lines
