"""Git in a room: without the keys, the files and the processes of the hub's user, whatever a repository or its server does."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aegir_components.messages import numbered

from . import git_knowledge, programs, relay, room
from .address import Address
from .builds import Workshop
from .faults import SourceError
from .room import Room

MODULES: Final = f"""\
set -e
git submodule --quiet init
git config --name-only --get-regexp '^submodule\\..*\\.url$' | while IFS= read -r key; do
    url=$(git config --get "$key")
    case $url in /*) git config "$key" "{relay.HUB}:$url" ;; esac
done
git submodule --quiet update
git submodule --quiet foreach "sh '$0'"
"""
TRUST: Final = ("GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE")
"""Variables that name whom the hub's user trusts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Git:
    """How git is run for one source."""

    command: tuple[str, ...]
    variables: dict[str, str] = field(repr=False)
    room: Room | None = None
    """``None`` where no room can be made."""
    way: relay.Relay | None = None
    modules: Path | None = None
    """What gets the submodules of a repository on the hub, by the way that the repository itself has."""

    def ask(self, *words: str, timeout: float) -> programs.Done:
        """Run git and give what it says."""
        argv = [*self.command, *words]
        if self.room is None:
            return programs.run(argv, timeout=timeout, variables=self.variables)
        argv = self.room.wrap(argv, self.room.home)
        done = programs.run(argv, timeout=timeout, variables=self.variables, kept=False)
        return programs.Done(
            status=done.status, output=done.output, errors=f"{done.errors}\n{self._of_the_way()}", late=done.late
        )

    def run(self, shop: Workshop, *words: str) -> None:
        """Run git as a step of a build.

        Raises:
            SourceError: it failed or took too long.
        """
        where = self.room.home if self.room else None
        try:
            shop.run(*self.command, *words, cwd=where, variables=self.variables, room=self.room)
        except SourceError:
            if said := self._of_the_way():
                shop.say(said)
            raise

    def _of_the_way(self) -> str:
        return "\n".join(filter(None, (text.strip() for text in self.way.said))) if self.way else ""


@contextmanager
def opened(
    address: Address, scratch: Path, *, writable: tuple[Path, ...] = (), readable: tuple[Path, ...] = ()
) -> Iterator[Git]:
    """Give git for a source.

    Args:
        address: where the repository is.
        scratch: where its home is made, and goes again.
        writable: what it changes.
        readable: what it needs beside.

    Raises:
        SourceError: there is no git.
        OSError: the room cannot be made.
    """
    if shutil.which("git") is None:
        raise SourceError(numbered(2021, "git is not installed on the hub: apt-get install git"))
    if not room.possible():
        with _as_the_hubs_user(address) as command:
            yield Git(command=command, variables=_variables(address, files=address.local))
        return
    home = scratch / "git-home"
    home.mkdir(mode=0o700)
    meant = git_knowledge.meant(address)
    try:
        git_knowledge.write(home, meant, f"{relay.HUB}:" if meant.local else "")
        with relay.opened(relay.way_of(meant), room.owner()) as way:
            program, needed = room.python()
            trusted = (Path(os.environ[name]) for name in TRUST if os.environ.get(name))
            inside = Room(
                home=home,
                writable=writable,
                readable=(*readable, way.directory, *needed, *(path for path in trusted if path.exists())),
                registries=False,
                variables={
                    "GIT_SSH_COMMAND": shlex.join([program, "-I", str(way.client)]),
                    "GIT_SSH_VARIANT": "ssh",
                    "AEGIR_RELAY": str(way.place),
                },
            )
            modules = home / "modules.sh"
            modules.write_text(MODULES)
            with inside.opened():
                yield Git(
                    command=("git",), variables=_variables(meant, files=False), room=inside, way=way,
                    modules=modules if meant.local else None,
                )  # fmt: skip
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _as_the_hubs_user(address: Address) -> Iterator[tuple[str, ...]]:
    """Give git's command line; a password is in a file that only this user reads, and in no argument."""
    if not address.credentials:
        yield ("git",)
        return
    with tempfile.TemporaryDirectory(prefix="aegir-git-") as directory:
        path = Path(directory) / "credentials"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(address.credentials)
        helper = f"store --file={shlex.quote(str(path))}"
        # The empty one first: helpers of the user's own are not asked, and keep nothing of it.
        yield ("git", "-c", "credential.helper=", "-c", f"credential.helper={helper}")


def _variables(address: Address, *, files: bool) -> dict[str, str]:
    # No question to anybody, no transport that runs commands, and no path on the hub in a submodule of a foreign address.
    allowed = "https:http:ssh:git" + (":file" if files and address.local else "")
    return {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": allowed, "SSH_ASKPASS_REQUIRE": "never"}
