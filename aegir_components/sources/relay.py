"""The way from git in a room to the one host that its source names.

The way is a process of the hub's user, who has the keys. The room has a socket and no key. What comes through it is
judged here: only reading, only there, and only as the account that the stack file names. An agent with a key that is
bound to a host (OpenSSH 8.9) would let the room run any command on that host.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aegir_components.messages import AegirError, around, numbered, shown, text_of

from . import programs, relay_client
from .address import Address

HUB: Final = "hub"
"""What a repository on the hub itself is called in the room, as if it were a host."""
LONGEST: Final = 8192
"""Bytes of what git asks for."""
MOST: Final = 32
"""Ways at once."""
_READING: Final = frozenset({"git-upload-pack"})
_LFS: Final = "git-lfs-authenticate"
_PROTOCOL: Final = re.compile(r"version=[0-2]")


class Rejected(AegirError, ValueError):
    """What is asked for is not what the source names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """Where a source's repository is, for those who are let through."""

    host: str
    """As ssh is told it, with the account; ``hub`` for the hub itself."""
    port: str = ""
    below: str = ""
    """On the hub itself: the directory that the repository is in, and its submodules."""


def way_of(address: Address) -> Way:
    """Say where git may go by ssh, or on the hub itself; nowhere for an address that has no need of either."""
    if address.local:
        path = address.plain.removeprefix("file://")
        return Way(host=HUB, below=str(Path(os.path.realpath(path)).parent))
    if address.scheme != "ssh":
        return Way(host="")
    if "://" not in address.plain:
        return Way(host=address.plain.partition(":")[0])
    parts = urlsplit(address.plain)
    who = f"{parts.username}@" if parts.username else ""
    return Way(host=f"{who}{parts.hostname}", port=str(parts.port or ""))


def command(way: Way, arguments: Sequence[str]) -> list[str]:
    """Give the command that does what git wants of ssh. Pure, but for links on the hub.

    Raises:
        Rejected: it wants something else than to read what the source names.
    """
    words, port = list(arguments), ""
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in ("-4", "-6"):
            continue
        if option not in ("-p", "-o") or not words:
            raise Rejected(numbered(2020, f"the option {option[:20]!r}"))
        value = words.pop(0)
        if option == "-p":
            port = value
        elif value != "SendEnv=GIT_PROTOCOL":
            raise Rejected(numbered(2020, f"the option {value[:40]!r}"))
    if len(words) != 2:
        raise Rejected(numbered(2020, "something else than one command"))
    host, asked = words[0], shlex.split(words[1])
    if not way.host:
        raise Rejected(
            numbered(
                2018, f"a repository on {host[:80]} by ssh, and its own address is none of ssh: name that by https"
            )
        )
    if (host, port) != (way.host, way.port):
        raise Rejected(numbered(2018, f"a repository on {host[:80]}; only {way.host} is named by the stack file"))
    program, given = asked[0] if asked else "", asked[1:]
    lfs = program == _LFS and len(given) in (2, 3) and given[1] == "download"
    if not (lfs or (program in _READING and len(given) == 1)) or given[0].startswith("-"):
        raise Rejected(numbered(2020, f"the command {program[:40]!r}"))
    if host == HUB:
        path = os.path.realpath(given[0])
        if lfs or not Path(path).is_relative_to(way.below):
            raise Rejected(numbered(2019, f"{given[0][:200]!r} on the hub, which is not in {way.below!r}"))
        return ["git", "upload-pack", given[0]]
    return [*_ssh(), *(["-p", port] if port else []), "--", host, shlex.join(asked)]


def _ssh() -> list[str]:
    own = os.environ.get("GIT_SSH_COMMAND")
    ssh = shlex.split(own) if own else [os.environ.get("GIT_SSH") or "ssh"]
    return [*ssh, "-o", "SendEnv=GIT_PROTOCOL", "-o", "BatchMode=yes", "-o", "ClearAllForwardings=yes"]


@dataclass(slots=True)
class Relay:
    """A socket for a room, and what goes on behind it."""

    way: Way
    directory: Path
    """Seen in the room where it is: the socket, and the client."""
    said: list[str] = field(default_factory=list)
    """What ssh wrote to its error output, and what was rejected."""
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def place(self) -> Path:
        """Where it listens."""
        return self.directory / "socket"

    @property
    def client(self) -> Path:
        """What takes ssh's place."""
        return self.directory / "ssh.py"

    def serve(self, listening: socket.socket) -> None:
        """Take what comes until the socket is closed."""
        while True:
            try:
                wire, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(wire,), daemon=True).start()

    def end(self) -> None:
        """End what is still running."""
        for process in self._running:
            if process.poll() is None:
                process.kill()

    def _one(self, wire: socket.socket) -> None:
        try:
            wire.settimeout(20)
            asked = json.loads(_line(wire))
            arguments = [str(word) for word in asked["arguments"]]
            protocol = str(asked.get("protocol") or "")
            argv = command(self.way, arguments)
            more = {"GIT_PROTOCOL": protocol} if _PROTOCOL.fullmatch(protocol) else {}
            wire.settimeout(None)
            with tempfile.TemporaryFile() as errors:
                process = subprocess.Popen(
                    [*programs.confined(), *argv], stdin=wire.fileno(), stdout=wire.fileno(), stderr=errors,
                    start_new_session=True,
                    env=programs.environment(SSH_ASKPASS_REQUIRE="never", GIT_TERMINAL_PROMPT="0", **more),
                )  # fmt: skip
                self._running.append(process)
                process.wait()
                errors.seek(0)
                self.said.append(errors.read(LONGEST).decode(errors="replace"))
        except Rejected as why:
            self.said.append(shown(around(text_of(why), f"the source asks for {why}")))
        except (OSError, ValueError, KeyError, TypeError) as fault:
            self.said.append(f"the source asks for what cannot be read ({type(fault).__name__})")
        finally:
            wire.close()


def _line(wire: socket.socket) -> bytes:
    read = bytearray()
    while not read.endswith(b"\n") and len(read) < LONGEST:
        # What follows is git's, and for ssh.
        byte = wire.recv(1)
        if not byte:
            break
        read += byte
    return bytes(read)


@contextmanager
def opened(way: Way, number: int | None) -> Iterator[Relay]:
    """Listen for a room.

    Args:
        way: where it may go.
        number: whose the socket is, where the room's programs have a number of their own.
    """
    # A short path: a socket's has room for 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="aegir-", dir="/tmp"))
    relay = Relay(way, directory)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(relay.place))
        shutil.copyfile(relay_client.__file__, relay.client)
        if number is not None:
            for path in (directory, relay.place, relay.client):
                os.chown(path, number, number)
        listening.listen(MOST)
        threading.Thread(target=relay.serve, args=(listening,), daemon=True).start()
        yield relay
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        relay.end()
        shutil.rmtree(directory, ignore_errors=True)
