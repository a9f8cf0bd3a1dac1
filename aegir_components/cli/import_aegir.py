"""``import-aegir``: what it takes to bring the sites of an Aegir 3 farm here."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Final

import click

from aegir_components.aegir3 import contexts, farm, render
from aegir_components.hub.environment import without_pulumis
from aegir_components.inspecting.remote import Remote
from aegir_components.messages import numbered
from aegir_components.messages.printable import printable

from .ends import Refusal, WrongUsage, tell
from .stack import here

DRUSH: Final = "/var/aegir/.drush"
TIMEOUT: Final = 60.0
LARGEST: Final = 1 << 20
"""Bytes of one context."""
MOST: Final = 64 << 20
"""Bytes of all of them."""


@click.command("import-aegir")
@click.argument("origin", metavar="USER@HUB|DIRECTORY")
@click.option(
    "--stack", "chosen", default="farm", show_default=True, metavar="STACK", help="The stack that is written."
)
@click.option("--place", default="/srv/aegir3", show_default=True, metavar="DIRECTORY", type=click.Path(path_type=Path),
              help="Where code, dumps and files are brought, on this machine.")  # fmt: skip
@click.option("--hub", default="192.0.2.1", show_default=True, metavar="ADDRESS", help="This machine's address.")
@click.option(
    "--map", "pairs", multiple=True, metavar="FORMER=NEW", help="The machine that takes the place of a server."
)
def import_aegir(origin: str, chosen: str, place: Path, hub: str, pairs: tuple[str, ...]) -> None:
    """Read the contexts of an Aegir 3 hub, and write a stack file, a script that fetches content, and a plan in waves.

    The contexts are read as data: no PHP is run, and nothing is changed there. They lie in /var/aegir/.drush of the hub, or in a
    DIRECTORY with a copy of it. The hub's own sites go on serving until you switch each.

    \b
    aegir import-aegir root@hub.example.com --stack farm \\
        --map localhost=web1.example.com
    """  # noqa: D301  click keeps such lines as they are
    instead = dict(_pair(pair) for pair in pairs)
    found = contexts.read(_from_directory(Path(origin)) if Path(origin).is_dir() else _from_hub(origin))
    if not found.sites:
        raise Refusal(
            numbered(
                9100,
                f"{origin} has no site of Aegir's among {len(found.servers)} servers: are these the contexts of a hub?",
            )
        )
    made = farm.made(found, str(place), instead)
    stack = here().project / "stacks" / f"Pulumi.{chosen}.yaml"
    files = {
        stack: render.stack_file(made, origin, str(place), hub),
        place / "fetch.sh": render.script(made, found, origin, str(place)),
        place / "PLAN.md": render.plan(made, chosen, str(place)),
    }
    if there := [str(path) for path in files if path.exists()]:
        raise Refusal(
            numbered(
                9101,
                f"{', '.join(there)} is there already; nothing was written. Move it away, or take another --stack or --place",
            )
        )
    for path, text in files.items():
        _put(path, text)
        tell(f"{path} is written")
    for note in made.notes:
        tell(f"to decide: {printable(note)}")
    tell(f"{sum(map(len, made.waves))} sites in {len(made.waves)} waves; begin with {place / 'PLAN.md'}")


def _pair(pair: str) -> tuple[str, str]:
    former, equals, new = pair.partition("=")
    if not (former and equals and new):
        raise WrongUsage(
            numbered(9005, f"--map {pair}: write FORMER=NEW, such as web1.old.example.com=web1.example.com")
        )
    return former, new


def _from_directory(directory: Path) -> dict[str, str]:
    try:
        paths = sorted(directory.glob(f"*{contexts.ENDING}"))
        return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file()}
    except OSError as fault:
        raise Refusal(numbered(9102, f"{directory} cannot be read: {fault.strerror}")) from None


def _from_hub(origin: str) -> dict[str, str]:
    """Read the contexts over ssh, as the person's own ssh reaches the former hub."""
    if origin.startswith("-") or "@" not in origin:
        raise WrongUsage(
            numbered(9005, f"{origin} is neither a directory nor USER@HUB, such as aegir@hub.old.example.com")
        )
    command = f"cd {DRUSH} && tar -cf - -- *{contexts.ENDING}"
    argv = [*Remote(login=origin).ssh, "--", origin, command]
    try:
        done = subprocess.run(
            argv, env=without_pulumis(), stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise Refusal(
            numbered(9102, f"{origin} did not give its contexts within {TIMEOUT:g} s; try: ssh {origin} ls {DRUSH}")
        ) from None
    if done.returncode or len(done.stdout) > MOST:
        said = printable(" ".join(done.stderr.decode(errors="replace").split())[-300:])
        raise Refusal(
            numbered(
                9102, f"{origin}: {DRUSH} could not be read ({said or done.returncode}); try: ssh {origin} ls {DRUSH}"
            )
        )
    return _members(origin, done.stdout)


def _members(origin: str, packed: bytes) -> dict[str, str]:
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if member.isfile() and name.endswith(contexts.ENDING) and member.size <= LARGEST:
                    stream = archive.extractfile(member)
                    found[name] = stream.read().decode("utf-8", "replace") if stream else ""
    except tarfile.TarError as fault:
        raise Refusal(
            numbered(9103, f"{origin}: what it gave is no tar ({fault}); does its shell print something at a login?")
        ) from None
    return found


def _put(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if path.suffix == ".sh":
            path.chmod(0o700)
    except OSError as fault:
        raise Refusal(numbered(9021, f"{path} cannot be written: {fault.strerror}")) from None
