"""``backups recover``: a new hub from the backup of the lost one."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
import pyrage

from aegir_components.backups import book
from aegir_components.backups.repository import BackupError, Target, opened
from aegir_components.inputs.key_owners import HUB
from aegir_components.messages import around, joined, numbered, text_of
from aegir_components.settings import Repository

from . import audit, recovery
from .ends import Refusal, tell
from .engine import Engine
from .stack import Stack, here
from .unlocked import Unlocked

PASSPHRASE: Final = "passphrase"  # noqa: S105 - a file's name
"""The file below the hub root that gets the passphrase of the stack's secrets."""


@click.command()
@click.argument("sheet", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--identity",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Your private key of age.",
)
@click.option("--repository", metavar="NAME", help="Where the hub's backup is; by default the first that has one.")
def recover(sheet: Path, identity: Path, repository: str | None) -> None:
    """Make this machine the hub again, from SHEET (aegir backups keys --export) and the hub's own last backup.

    Run it in a checkout of the project. Files that are there already are kept. Afterwards the stack is managed as before.

    \b
    aegir backups recover sheet.age --identity ~/age.key
    """  # noqa: D301  click keeps such lines as they are
    known = decrypted(sheet, identity)
    with audit.noted(_root(known), known["stack"].rpartition("/")[2], "backups recover"):
        _recover(known, repository)


def _recover(known: Mapping[str, Any], repository: str | None) -> None:
    engine = here()
    with TemporaryDirectory(prefix="aegir-recover-") as scratch:
        packed = Path(scratch) / "hub.tar"
        where = _fetch(known, repository, packed)
        with tarfile.open(packed) as archive:
            tell(f"the backup of {known['stack']} in {where} is read")
            kept = _put_files(archive, engine.project, known)
            _put_state(archive, engine, known)
    for name, place in known["repositories"].items():
        if place["kind"] == "directory" and not Path(place["path"]).is_dir():
            tell(f"repository {name} ({place['path']}) was lost with the former hub; the next backup begins a new one")
            for one in book.every(str(known["hub_root"])):
                one.lose(name)
    _learn(engine, known["stack"].rpartition("/")[2])
    for path in kept:
        tell(f"{path} was there already and is kept")
    root = _root(known)
    tell(f"{known['stack']} is here again. For each command: export PULUMI_CONFIG_PASSPHRASE_FILE={root / PASSPHRASE}")
    tell("Then look: pulumi preview --refresh --stack " + known["stack"].rpartition("/")[2])


def _learn(engine: Engine, stack: str) -> None:
    """Ask the repositories for backups that were made after the hub's own: a restore would choose an older one."""
    try:
        unlocked = Unlocked.read(Stack(name=stack, engine=engine))
    except Refusal as fault:
        tell(
            around(
                fault,
                f"{fault.message}. The repositories were not asked for newer backups; aegir backups --ask does it",
            )
        )
        return
    for site in unlocked.keys_of_sites:
        recovery.learn(unlocked, site)


def decrypted(sheet: Path, identity: Path) -> dict[str, Any]:
    """Read a recovery sheet.

    Raises:
        Refusal: the private key does not fit.
    """
    lines = [line.strip() for line in identity.read_text().splitlines()]
    keys = [line for line in lines if line.startswith("AGE-SECRET-KEY-")]
    try:
        identities = [pyrage.x25519.Identity.from_str(key) for key in keys]
        found: dict[str, Any] = json.loads(pyrage.decrypt(sheet.read_bytes(), identities))
    except (pyrage.IdentityError, pyrage.DecryptError):
        raise Refusal(
            numbered(7044, f"{sheet} cannot be read with the key in {identity}: it was encrypted for others")
        ) from None
    return found


def _fetch(known: Mapping[str, Any], wanted: str | None, into: Path) -> str:
    """Read the hub's last backup; return the repository that has it."""
    faults: list[str] = []
    fields = Repository.__dataclass_fields__
    for name, props in known["repositories"].items():
        if wanted not in {None, name}:
            continue
        place = Repository(**{key: value for key, value in props.items() if key in fields})
        if place.identity and not Path(place.identity).exists():
            _private(Path(place.identity), known["files"].get(place.identity, ""))
        try:
            with opened(Target(repository=place, owner=HUB, key=known["keys"][HUB])) as repository:
                snapshots = [one for one in repository.snapshots() if "hub" in one.tags]
                if snapshots:
                    with repository.reading(snapshots[-1].id) as stream, into.open("wb") as out:
                        while part := stream.read(1 << 20):
                            out.write(part)
                    return str(name)
                faults.append(numbered(7047, f"repository {name} has no backup of the hub"))
        except BackupError as fault:
            faults.append(text_of(fault))
    raise Refusal(joined(faults) if faults else numbered(7048, f"the sheet names no repository {wanted}"))


def _put_files(archive: tarfile.TarFile, project: Path, known: Mapping[str, Any]) -> list[Path]:
    """Write what is not there yet; return what is."""
    kept = []
    root = _root(known)
    for member in archive:
        first, _, rest = member.name.partition("/")
        above = {"project": project, "hub": root}.get(first)
        if above is None or not member.isfile() or ".." in PurePosixPath(rest).parts:
            continue
        read = archive.extractfile(member)
        assert read is not None
        content = read.read()
        if not (above / rest).exists():
            _private(above / rest, content)
        elif (above / rest).read_bytes() != content:
            kept.append(above / rest)
    for path, text in known["files"].items():
        if not Path(path).exists():
            _private(Path(path), text)
    _private(root / PASSPHRASE, known["passphrase"] + "\n")
    return kept


def _put_state(archive: tarfile.TarFile, engine: Engine, known: Mapping[str, Any]) -> None:
    stack = str(known["stack"]).rpartition("/")[2]
    os.environ.pop("PULUMI_CONFIG_PASSPHRASE", None)
    os.environ["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(_root(known) / PASSPHRASE)
    # A state in a bucket has outlived the hub, and is newer than the backup's.
    with suppress(Refusal):
        if (engine.state(stack).get("deployment") or {}).get("resources"):
            tell(f"the state of {stack} is there already and is kept")
            return
    with TemporaryDirectory(prefix="aegir-state-") as scratch:
        state = Path(scratch) / "state.json"
        read = archive.extractfile(f"state/{stack}.json")
        assert read is not None
        _private(state, read.read())
        engine.run("stack", "init", stack, "--no-select")
        done = engine.run("stack", "import", "--stack", stack, "--file", str(state))
        if done.status:
            raise Refusal(numbered(7045, f"the state of {stack} could not be imported: {done.words}"))


def _root(known: Mapping[str, Any]) -> Path:
    return Path(str(known["hub_root"]))


def _private(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
