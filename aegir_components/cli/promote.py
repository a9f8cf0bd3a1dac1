"""``promote``: pin in one stack's file what was verified in another stack."""

from __future__ import annotations

import difflib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from aegir_components import settings
from aegir_components.host.errors import HostError
from aegir_components.providers import installation
from aegir_components.providers import release as releases
from aegir_components.sources import records
from aegir_components.sources.resolve import resolve

from . import completion, pins, verified
from .edit import EditError, StackText
from .ends import Refusal, tell
from .engine import PREVIEW_TIMEOUT, Done, Engine
from .stack import Stack, here
from .state import State


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """A stack of the two, read."""

    stack: Stack
    declared: settings.Settings
    state: State

    @classmethod
    def read(cls, stack: Stack) -> Side:
        """Read its file and its state."""
        return cls(stack=stack, declared=stack.settings(), state=stack.state())


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is to be promoted."""

    platforms: Mapping[str, str]
    """Of the source to that of the target."""
    sites: Mapping[str, str]
    """Of the target, by ASCII name, to the target's platform that it is to be on."""


@click.command()
@click.option(
    "--from", "source", required=True, metavar="STACK", shell_complete=completion.stacks, help="Where it was verified."
)
@click.option(
    "--to",
    "target",
    required=True,
    metavar="STACK",
    shell_complete=completion.stacks,
    help="Whose stack file is changed.",
)
@click.argument("names", nargs=-1, metavar="[PLATFORM|SITE|SITE=SITE]...", shell_complete=completion.promoted)
@click.option("--yes", is_flag=True, help="Write it without asking.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print what is done as JSON. It does not ask: with --yes it writes."
)
def promote(source: str, target: str, names: tuple[str, ...], *, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Pin in a stack's file what was verified in another stack.

    Without names: every platform that both stacks have. A SITE stands for its platform: the one of the same name in the target is
    pinned, and the target's site is put on it; SITE=SITE where the two are called differently, the source's first.

    What is written is the commit, the archive's checksum, or the release that a directory has to make, of what is live in the
    source stack, every site of which has to answer in this moment. Machines are changed by the next `pulumi up`, and not by this.
    """
    if source == target:
        raise click.UsageError("--from and --to name the same stack")
    engine = here()
    for stack in (source, target):
        refuse(verified.at_work(stack, engine.lock(stack)))
    before, after = (Side.read(Stack(name=name, engine=engine)) for name in (source, target))
    refuse(verified.half_done(after.state, after.declared, engine.last_run(target)))
    wanted = choose(names, before, after)
    refuse([fault for name in wanted.platforms for fault in verified.never_well(name, before.state, before.declared)])
    for name, goal in wanted.platforms.items():
        refuse(gone(name, goal, before, after))
        look(name, before.state)
    path = after.stack.file.resolve()
    old = path.read_bytes()
    text, done = written(old, wanted, before, after)
    report: dict[str, Any] = {
        "from": source,
        "to": target,
        "file": str(path),
        "pinned": done,
        "diff": difference(old, text, path),
    }
    if text.encode() == old:
        finish(report, "nothing is to be changed: it is pinned already", as_json=as_json)
        return
    if not as_json:
        click.echo(report["diff"], nl=False)
    seen = preview(engine, target, text, as_json=as_json)
    report["preview"] = json.loads(seen.output)["changeSummary"] if as_json else {}
    if not as_json:
        click.echo(seen.output, nl=False)
    if dry_run or not (yes or (not as_json and agreed(path))):
        finish(report, f"nothing was written: {'--dry-run' if dry_run else 'without --yes'}", as_json=as_json)
        if not dry_run:
            raise click.exceptions.Exit(1)
        return
    write(path, old, text.encode())
    finish(
        report | {"written": True},
        f"{path} is written; machines are as they were until: pulumi up --stack {target}",
        as_json=as_json,
    )


def refuse(faults: list[str]) -> None:
    """End the command where something is against it.

    Raises:
        Refusal: all of it.
    """
    if faults:
        raise Refusal("nothing was promoted: " + "\n       ".join(faults))


def finish(report: Mapping[str, Any], words: str, *, as_json: bool) -> None:
    """Say what came of it."""
    if as_json:
        click.echo(json.dumps({"written": False, "preview": {}, **report}, indent=2))
    else:
        for line in report["pinned"]:
            tell(line)
    tell(words)


def choose(names: tuple[str, ...], before: Side, after: Side) -> Wanted:
    """Find what the names stand for, in both stacks.

    Raises:
        Refusal: one stands for nothing.
    """
    platforms: dict[str, str] = {}
    sites: dict[str, str] = {}
    for name in names:
        if name in before.declared.platforms:
            if name not in after.declared.platforms:
                raise Refusal(
                    f"{after.stack.name} declares no platform {name}; add it to its stack file, with the server that it is "
                    f"to be on"
                )
            platforms[name] = name
            continue
        here, _, there = name.partition("=")
        site, goal = _site(here, before), _site(there or here, after)
        refuse(verified.never_well(site.platform, before.state, before.declared))
        platforms[site.platform] = pins.counterpart(site.platform, before.state, after.state, after.declared)
        sites[goal.name] = platforms[site.platform]
    if not names:
        platforms = {name: name for name in before.declared.platforms if name in after.declared.platforms}
        for name in sorted(set(before.declared.platforms) - set(platforms)):
            tell(f"platform {name} is left out: {after.stack.name} does not declare it")
        if not platforms:
            raise Refusal(
                f"{before.stack.name} and {after.stack.name} have no platform in common; name what is to be promoted"
            )
    return Wanted(platforms=platforms, sites=sites)


def gone(platform: str, goal: str, before: Side, after: Side) -> list[str]:
    """Say that a directory no longer holds what is live of it, so that the target could not get it."""
    declared, live = before.declared.platforms[platform], before.state.releases[platform].name
    known = after.state.releases.get(goal)
    if declared.source.git or declared.source.archive or (known is not None and known.name == live):
        return []
    tell(f"reading the source of platform {platform}")
    alone = replace(declared, rollback="", release="")
    read = resolve(replace(before.declared, platforms={platform: alone}, sites={}))[platform]
    if records.name_of(read.tree.digest) == live:
        return []
    return [
        f"{read.directory} no longer holds the release {live} of platform {platform}, which is live in {before.stack.name}. "
        f"Run pulumi up --stack {before.stack.name} and look at its sites, or put the code back; then promote again"
    ]


def look(platform: str, state: State) -> None:
    """Ask the machines whether a platform is live as it is recorded, and every site on it for its front page.

    Raises:
        Refusal: something is not as it should be, or cannot be asked.
    """
    tell(f"looking at platform {platform} in {state.stack}, and asking for its sites")
    try:
        faults = list((releases.Provider().observe(dict(state.releases[platform].props)) or {}).get("drift", []))
        for site in state.sites_on(platform):
            if site.installation is not None and site.asked_for:
                faults += installation.Provider().observe(dict(site.installation))["drift"]
    except HostError as fault:
        faults = [str(fault)]
    refuse([f"platform {platform} is not well in {state.stack}: {fault}" for fault in faults])


def written(old: bytes, wanted: Wanted, before: Side, after: Side) -> tuple[str, list[str]]:
    """Write the pins into the target's text; also gives each of them in words.

    Raises:
        Refusal: the text cannot be changed so.
    """
    try:
        text = StackText(old.decode())
    except (EditError, UnicodeDecodeError) as fault:
        raise Refusal(f"{after.stack.file}: {fault}") from None
    done = []
    for name, goal in wanted.platforms.items():
        declared, live = before.declared.platforms[name], before.state.releases[name]
        done.append(pins.pin_platform(text, declared, live, after.declared.platforms[goal]))
    for name, platform in wanted.sites.items():
        if after.declared.sites[name].platform != platform:
            done.append(pins.pin_site(text, after.declared.sites[name], platform))
    return text.text, done


def difference(old: bytes, new: str, path: Path) -> str:
    """Show the change of the stack file, as `diff -u` does."""
    before, after = old.decode().splitlines(keepends=True), new.splitlines(keepends=True)
    shown = difflib.unified_diff(before, after, fromfile=path.name, tofile=f"{path.name} (promoted)")
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in shown)


def preview(engine: Engine, stack: str, text: str, *, as_json: bool) -> Done:
    """Let Pulumi preview the stack with another text of its file. The file itself stays as it is meanwhile, whatever happens.

    Raises:
        Refusal: the preview failed.
    """
    tell(f"previewing {stack} with that, which builds what is not built yet")
    with tempfile.TemporaryDirectory(prefix="aegir-promote-") as directory:
        # The secrets in it are encrypted, as in the file itself; it is this user's alone all the same.
        copy = Path(directory) / f"Pulumi.{stack}.yaml"
        copy.write_text(text, encoding="utf-8")
        colour = "always" if sys.stdout.isatty() else "never"
        how = ["--json"] if as_json else ["--diff", "--color", colour]
        done = engine.run("preview", *how, "--stack", stack, "--config-file", str(copy), timeout=PREVIEW_TIMEOUT)
    if done.status:
        said = done.output + done.errors
        raise Refusal(f"the preview of {stack} failed, so its stack file stays as it was:\n{said.strip()[-4000:]}")
    return done


def agreed(path: Path) -> bool:
    """Ask the person at the terminal; where there is none, nobody agrees."""
    return sys.stdin.isatty() and click.confirm(f"Write this to {path}?", err=True)


def write(path: Path, old: bytes, new: bytes) -> None:
    """Replace the stack file as a whole.

    Raises:
        Refusal: somebody has changed it meanwhile.
    """
    if path.read_bytes() != old:
        raise Refusal(f"{path} was changed by somebody else meanwhile and stays as it is; run the same again")
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(new)
        fresh.chmod(stat.S_IMODE(path.stat().st_mode))
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _site(name: str, side: Side) -> settings.Site:
    for site in side.declared.sites.values():
        if name in {site.name, site.display_name}:
            return site
    known = (
        ", ".join((*side.declared.platforms, *(site.display_name for site in side.declared.sites.values())))
        or "nothing"
    )
    raise Refusal(f"{side.stack.name} declares no platform or site {name}; it has: {known}")
