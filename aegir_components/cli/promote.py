"""``promote``: pin in one stack's file what was verified in another stack."""

from __future__ import annotations

import difflib
import json
import stat
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from aegir_components.hub import files
from aegir_components.messages import numbered

from . import audit, completion, journal, machines, site_lock, verified
from .ends import Refusal, WrongUsage, tell
from .engine import PREVIEW_TIMEOUT, Done, Engine
from .promotion import Side, choose, gone, look, refuse, written
from .stack import Stack, here


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

    Without names: every platform that both stacks have. A SITE stands for its platform: the platform of the same name
    in the target is pinned, and the target's site is put on it. Write SITE=SITE where the two sites have different
    names, the source's first.

    The command writes what is live in the source stack: the commit, the archive's checksum, or the release that a
    directory must make. Every site on it must answer at the time of the command. Machines are changed by the next
    `pulumi up`, and not by this command.

    \b
    aegir promote --from testing --to acceptance --dry-run
    aegir promote --from testing --to acceptance shop
    """  # noqa: D301  click keeps such lines as they are
    if source == target:
        raise WrongUsage(numbered(9004, "--from and --to name the same stack: name another one as --to"))
    engine = here()
    for stack in (source, target):
        refuse(verified.at_work(stack, engine.lock(stack)))
    path = Stack(name=target, engine=engine).file.resolve()
    old = path.read_bytes()
    before, after = (Side.read(Stack(name=name, engine=engine)) for name in (source, target))
    refuse(verified.half_done(after.state, after.declared, engine.last_run(target)))
    wanted = choose(names, before, after)
    refuse([fault for name in wanted.platforms for fault in verified.never_well(name, before.state, before.declared)])
    for name, goal in wanted.platforms.items():
        refuse(gone(name, goal, before, after))
        look(name, before.state)
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
    # A run may have begun there meanwhile.
    refuse(verified.at_work(target, engine.lock(target)))
    with ExitStack() as held:
        for name, side in ((source, before), (target, after)):
            root, command = Path(side.declared.hub.root), f"promote --from {source} --to {target}"
            held.enter_context(site_lock.held(root, Stack(name=name, engine=engine), command))
        on = {server for goal in wanted.platforms.values() if goal in after.state.releases
              for server in after.state.releases[goal].members}  # fmt: skip
        there = machines.of_servers({name: each for name, each in after.state.servers.items() if name in on})
        held.enter_context(
            audit.noted(
                Path(after.declared.hub.root), target, f"promote from {source}", servers=sorted(there),
                journal=journal.of_machines(there),
            )
        )  # fmt: skip
        write(path, old, text.encode())
    finish(
        report | {"written": True},
        f"{path} is written; machines are as they were until: pulumi up --stack {target}",
        as_json=as_json,
    )


def finish(report: Mapping[str, Any], words: str, *, as_json: bool) -> None:
    """Say what came of it."""
    if as_json:
        click.echo(json.dumps({"written": False, "preview": {}, **report}, indent=2))
    else:
        for line in report["pinned"]:
            tell(line)
    tell(words)


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
        raise Refusal(
            numbered(9063, f"the preview of {stack} failed, so its stack file stays as it was:\n{said.strip()[-4000:]}")
        )
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
        raise Refusal(
            numbered(9064, f"{path} was changed by somebody else meanwhile and stays as it is; run the same again")
        )
    files.replace(path, new, mode=stat.S_IMODE(path.stat().st_mode), durable=True)
