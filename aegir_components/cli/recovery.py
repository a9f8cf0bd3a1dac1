"""What is needed after the hub is lost: its own backup, and the keys of all backups, encrypted for people."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click
import pyrage

from aegir_components import settings
from aegir_components.backups import archive, saving
from aegir_components.backups.book import BusyError
from aegir_components.backups.repository import ARCHIVE, LONG, BackupError, MissingError, Opened, Target, opened
from aegir_components.messages import around, joined, numbered, text_of

from . import audit
from .ends import Refusal, tell
from .options import of_stack
from .stack import Stack, here
from .unlocked import Unlocked

SHEET: Final = "recovery.age"
LONGEST: Final = 256 << 20
"""Bytes of the hub's own backup, which has no site's content."""
LEFT_OUT: Final = ("backups", "build", "cache", "platforms", "releases", "sources", "spool")
"""Below the hub root: what can be made again, and the backups themselves."""


@click.command()
@of_stack
@click.option(
    "--export", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write them to a file."
)
@click.option(
    "--recipient", "more", multiple=True, metavar="age1...", help="Who can read it, beside aegir:backups.recipients."
)
@click.option("--json", "as_json", is_flag=True, help="Print whose they are as JSON; never the keys.")
def keys(chosen: str, target: Path | None, more: tuple[str, ...], *, as_json: bool) -> None:
    """List whose backups there are keys for, or export the keys encrypted.

    The file can be read by the owners of the recipients' private keys: age --decrypt -i KEY FILE. Keep it away from the hub.

    \b
    aegir backups keys --stack prod
    aegir backups keys --stack prod --export sheet.age
    """  # noqa: D301  click keeps such lines as they are
    unlocked = Unlocked.read(Stack(name=chosen, engine=here()))
    if target is None:
        names = [name.removeprefix(":") for name in sorted(unlocked.keys)]
        click.echo(json.dumps(names, indent=2) if as_json else "\n".join(names))
        return
    text = encrypted(json.dumps(sheet(unlocked), indent=2).encode(), [*unlocked.backups.recipients, *more])
    _write(target, text)
    tell(f"{target} has the keys of {len(unlocked.keys)} repositories; keep it away from this hub")


def sheet(unlocked: Unlocked) -> dict[str, Any]:
    """Give all that is needed to read every backup without this hub. It is never written anywhere in clear."""
    places = unlocked.backups.repositories.values()
    return {
        "stack": unlocked.holder,
        "hub_root": unlocked.declared.hub.root,
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "how": "RESTIC_PASSWORD=KEY restic -r ADDRESS dump latest /backup.tar | tar --extract",
        "keys": dict(unlocked.keys),
        "archives": {
            "key": unlocked.archives,
            "how": "age --decrypt -i KEYFILE FILE.age, for files in backups of the hub root",
        },
        "repositories": {
            place.name: {
                **asdict(place),
                "addresses": {
                    owner: Target(repository=place, owner=owner, key="").address for owner in sorted(unlocked.keys)
                },
            }
            for place in places
        },
        "files": {
            path: Path(path).read_text()
            for path in sorted({unlocked.declared.hub.ssh.identity, *(place.identity for place in places)})
            if path and Path(path).is_file()
        },
        "passphrase": _passphrase(),
    }


def encrypted(text: bytes, recipients: Iterable[str]) -> bytes:
    """Encrypt for people, in age's format.

    Raises:
        Refusal: nobody is named, or somebody's key is none.
    """
    try:
        known = [pyrage.x25519.Recipient.from_str(one) for one in dict.fromkeys(recipients)]
    except pyrage.RecipientError as fault:
        raise Refusal(numbered(7041, f"a recipient is no public key of age: {fault}")) from None
    if not known:
        raise Refusal(
            numbered(
                7040,
                "no recipient is named, so nobody could read the keys. Name one in aegir:backups.recipients, or with "
                "--recipient at aegir backups keys. A person makes a key with age-keygen, keeps the private one, and "
                "gives you the public one (age1...)",
            )
        )
    return bytes(pyrage.encrypt(text, known))


def learn(unlocked: Unlocked, site: str) -> None:
    """Ask the repositories for backups of a site that this hub has no record of, and say what could not be asked."""
    plan = unlocked.plan(site) or unlocked.backups.plan
    try:
        faults = saving.learn(unlocked.book(site), unlocked.targets(site, plan.to))
    except BusyError as busy:
        faults = [around(busy, str(busy))]
    for fault in faults:
        tell(around(fault, f"{site}: {fault}"))


def save_hub(stack: Stack) -> str:
    """Back up what only this hub has: state, stack files, pinned host keys, records, and the keys encrypted for people.

    Raises:
        Refusal: nobody is named who can read the keys.
        BackupError: it could not be saved.
    """
    unlocked = Unlocked.read(stack)
    with audit.noted(audit.root_of(unlocked.state), stack.name, "backup --hub"):
        return _save_hub(stack, unlocked)


def _save_hub(stack: Stack, unlocked: Unlocked) -> str:
    packed = _packed(stack, unlocked)
    done, failed = [], []
    for target in unlocked.hub_targets():
        with ExitStack() as entered:
            repository = entered.enter_context(opened(target))
            try:
                done.append(f"{_stored(repository, packed)} in {target.name}")
            except BackupError as fault:
                failed.append(text_of(fault))
    if failed:
        raise BackupError(joined([*failed, *(f"it is saved as {one}" for one in done)]))
    return f"the hub is saved as {', '.join(done)}"


def _stored(repository: Opened, packed: bytes) -> str:
    words = ["backup", "--json", "--stdin", "--stdin-filename", ARCHIVE, "--tag", "hub"]
    try:
        done = repository.run(*words, data=packed, timeout=LONG)
    except MissingError:
        repository.create()
        done = repository.run(*words, data=packed, timeout=LONG)
    found = next(json.loads(line) for line in reversed(done.stdout.splitlines()) if b"snapshot_id" in line)
    with repository.reading(str(found["snapshot_id"])) as stream:
        # Proven: it is what was written.
        if stream.read() != packed:
            raise BackupError(
                numbered(7042, f"repository {repository.name}: what was read again is not what was written")
            )
    return str(found["snapshot_id"])[:16]


def _packed(stack: Stack, unlocked: Unlocked) -> bytes:
    """Pack the hub's own things in memory; what is secret in them is encrypted by Pulumi or for people."""
    out = io.BytesIO()
    writer = archive.Writer(out)
    writer.add("about.json", json.dumps({"stack": unlocked.holder, "hub_root": unlocked.declared.hub.root}).encode())
    writer.add(SHEET, encrypted(json.dumps(sheet(unlocked)).encode(), unlocked.backups.recipients))
    exported = stack.engine.ask("stack", "export", "--stack", stack.name)
    writer.add(f"state/{stack.name}.json", json.dumps(exported).encode())
    for name, path in _files(stack, Path(unlocked.declared.hub.root)):
        writer.add(name, path.read_bytes())
        if writer.size > LONGEST:
            raise BackupError(
                numbered(
                    7043,
                    f"what is below {unlocked.declared.hub.root} is more than {LONGEST >> 20} MB without backups and code",
                )
            )
    writer.end()
    return out.getvalue()


def _files(stack: Stack, root: Path) -> Iterator[tuple[str, Path]]:
    project = stack.engine.project
    directory = settings.directory_of(project)
    for path in sorted(
        {*project.glob("Pulumi.y*ml"), *(path for path in directory.rglob("*") if path.suffix in {".yaml", ".yml"})}
    ):
        if path.is_file() and ".venv" not in path.parts:
            yield f"project/{path.relative_to(project)}", path
    for top in sorted(root.iterdir()) if root.is_dir() else ():
        if top.name in LEFT_OUT:
            continue
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            # A private key is in the sheet, encrypted for people.
            if path.is_file() and not path.is_symlink() and not _is_private_key(path):
                yield f"hub/{path.relative_to(root)}", path


def _is_private_key(path: Path) -> bool:
    with path.open("rb") as file:
        return b"PRIVATE KEY" in file.read(100)


def _passphrase() -> str:
    file = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if os.environ.get("PULUMI_CONFIG_PASSPHRASE") or not file:
        return os.environ.get("PULUMI_CONFIG_PASSPHRASE", "")
    try:
        return Path(file).read_text().strip()
    except OSError:
        return ""


def _write(target: Path, text: bytes) -> None:
    target.touch(mode=0o600)
    target.write_bytes(text)
