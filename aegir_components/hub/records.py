"""What the hub keeps of its runs beside Pulumi's state: work that did not end, what sites hold, and who answered.

The state says what was recorded last. A run that was killed has touched machines and recorded nothing. An edit that is
undone afterwards is then no change, and nobody would check the machines. These records are small files, one a fact,
below the hub root. A hub that lost them loses no content: it only knows less, and ``pulumi up --refresh`` inspects
everything.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from aegir_components.messages import numbered

from . import files, locks

DEFAULT_ROOT: Final = "/var/aegir"
"""Where the hub root is, unless the stack file says otherwise."""
_DIRECTORY: Final = "records"


def hub_root(props: Mapping[str, Any]) -> str | None:
    """Find the hub root in a resource's inputs; ``None`` where they name no machine."""
    connections = [props.get("connection")]
    members = props.get("members")
    if isinstance(members, Mapping):
        connections += [member.get("connection") for member in members.values() if isinstance(member, Mapping)]
    known = next((found for found in connections if isinstance(found, Mapping)), None)
    return None if known is None else str(known.get("hub_root") or DEFAULT_ROOT)


def place(root: str) -> Path:
    """Name the directory of the records below a hub root."""
    return Path(root) / _DIRECTORY


class Records:
    """The records of one kind.

    Args:
        root: the hub root.
        kind: ``unfinished``, ``content`` or ``answers``.
    """

    def __init__(self, root: str, kind: str) -> None:
        self._directory = place(root) / kind

    def get(self, *key: str) -> dict[str, Any] | None:
        """Read a record; ``None`` when there is none that can be read."""
        return _read(self._path(key))

    def put(self, value: Mapping[str, Any], *key: str) -> None:
        """Write a record, whole or not at all, with its key and its time (``at``, in seconds since 1970).

        A hub that cannot keep records goes on without them, and says so: its machines can be managed all the same.
        """
        path = self._path(key)
        try:
            text = json.dumps({"at": int(time.time()), **value, "key": list(key)}) + "\n"
            try:
                files.replace(path, text)
            except FileNotFoundError:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                files.replace(path, text)
        except OSError as fault:
            # Most commands of the operator's command line read records, and do without the tenth of a second of this import.
            from aegir_components.messages import telling  # noqa: PLC0415

            said = numbered(
                9044,
                f"the hub cannot keep a record in {path.parent} ({fault.strerror}): should this run be killed, run "
                f"pulumi up --refresh afterwards. Let the user who runs pulumi write there",
            )
            # Once: there are thousands of records in one directory.
            telling.warn_once(said, str(path.parent))

    def drop(self, *key: str) -> None:
        """Remove a record, if there is one."""
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    def all(self) -> Iterator[dict[str, Any]]:
        """Read every record, in the order of their keys."""
        with contextlib.suppress(OSError):
            found = [_read(path) for path in self._directory.glob("*.json")]
            yield from sorted((record for record in found if record), key=lambda record: record["key"])

    def _path(self, key: tuple[str, ...]) -> Path:
        # Names may be longer than a file's, and hold slashes.
        return self._directory / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]}.json"


class Protected:
    """Which sites a stack has declared as protected: Pulumi's state has it, and does not tell a program.

    Args:
        root: the hub root.
        stack: ``<project>/<stack>``.
    """

    def __init__(self, root: str, stack: str) -> None:
        self._records, self._stack = Records(root, "protected"), stack

    def known(self) -> frozenset[str]:
        """Name the sites of the last run, by what they are known by."""
        return frozenset(map(str, (self._records.get(self._stack) or {}).get("sites", ())))

    def note(self, sites: Iterable[str]) -> None:
        """Write down the sites of this run."""
        found = sorted(sites)
        if found or self.known():
            self._records.put({"sites": found}, self._stack)


@contextlib.contextmanager
def turn(root: str, machines: Iterable[str]) -> Iterator[None]:
    """Have several machines for oneself among all that runs on this hub, for work that holds them all at once.

    Two releases that each hold one web server and wait for the other's would wait for ever; here they come one after the other.
    Machines are taken in the order of their names, so that nobody waits in a cycle.

    Args:
        root: the hub root.
        machines: their addresses; with one alone there is nothing to wait for.
    """
    names = sorted(set(machines))
    with contextlib.ExitStack() as held:
        for name in names if len(names) > 1 else ():
            path = place(root) / "turns" / hashlib.sha256(name.encode()).hexdigest()[:32]
            # A hub that may not write there goes on: the machines' own locks have a limit of time.
            with contextlib.suppress(OSError):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                held.enter_context(locks.held(path))
        yield


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("key"), list) else None
