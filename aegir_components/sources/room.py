"""The room that a source's own programs work in: the system's programs, the build itself, and nothing else of the hub.

Made by bubblewrap, which sandboxes Flatpak's applications. As root, its programs run under a UID that owns nothing. As
another user, they keep the user's UID and see none of the user's files. What they start ends with them.
"""

from __future__ import annotations

import functools
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .programs import environment

NUMBER: Final = 65533
"""User and group of the room's programs where the hub is root's; Debian's policy (9.2.2) gives it to nobody."""
GIVE_TIMEOUT: Final = 600.0
"""Seconds to give all files of a build to its programs, or back."""
GRACE: Final = 20.0
"""Seconds to see whether a room can be made."""
SYSTEM: Final = (Path("/usr"), Path("/etc"))
_MERGED: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_SEALED: Final = ("--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
_EMPTY: Final = (
    *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run"),
    *(word for path in ("/tmp", "/var/tmp", "/dev/shm") for word in ("--perms", "1777", "--tmpfs", path)),  # noqa: S108  its own
    # What /etc/resolv.conf is a link to where systemd resolves names.
    *("--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"),
)
ELSEWHERE: Final = ("XDG_", "TMPDIR", "SSH_AUTH_SOCK", "GIT_SSH")
"""Names of variables, or what they begin with, that lead to what is not in the room."""
COMPOSER_FILES: Final = ("config.json", "auth.json")
"""What Composer of the hub's user knows of registries, with the passwords that it needs for them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """What is in it beside the system's programs."""

    home: Path
    """Where its programs keep what they need on their way."""
    writable: tuple[Path, ...]
    readable: tuple[Path, ...] = ()
    registries: bool = True
    """Whether what Composer of the hub's user knows of registries is in it."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of its programs, whatever the hub's user has under these names."""
    _open: list[None] = field(default_factory=list, repr=False, compare=False)
    """Not empty while it is open."""

    def wrap(self, argv: Sequence[str], cwd: Path) -> list[str]:
        """Give the command line that runs a program in the room.

        Args:
            argv: the program and its arguments.
            cwd: a directory in the room.
        """
        program = shutil.which(argv[0]) or argv[0]
        shown = [*self.readable, *_beside(program), *(path for name in ("php", "git") for path in _beside(name))]
        users = self.home / "passwd"
        users.write_text(f"root:x:0:0:root:/:/bin/sh\nbuild:x:{_number()}:{_number()}:build:{self.home}:/bin/sh\n")
        users.chmod(0o644)
        return [
            "bwrap", *_base(), *self._environment(), "--ro-bind", str(users), "/etc/passwd",
            *_mounted("--ro-bind", shown), *_mounted("--bind", (self.home, *self.writable)),
            "--chdir", str(cwd), "--", *_given_up(), program, *argv[1:],
        ]  # fmt: skip

    def _environment(self) -> list[str]:
        """Give what differs from the environment that every program of a source gets."""
        own = {
            "HOME": self.home,
            "USER": "build",
            "LOGNAME": "build",
            "EMAIL": "build@localhost",
            "COMPOSER_HOME": self.home / "composer",
            **self.variables,
        }
        gone = [name for name in os.environ if name.startswith(ELSEWHERE)]
        return [
            *(word for name in gone for word in ("--unsetenv", name)),
            *(word for name, value in own.items() for word in ("--setenv", name, str(value))),
        ]

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Give what is writable to the room's programs, and undo it when they have ended; once, if it is open already.

        Raises:
            OSError: the home cannot be made, or something cannot be given.
        """
        if self._open:
            yield
            return
        composer = self.home / "composer"
        composer.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.registries and (known := _composer_home()):
            for name in COMPOSER_FILES:
                if (known / name).is_file():
                    shutil.copyfile(known / name, composer / name)
        self._give(NUMBER)
        self._open.append(None)
        try:
            yield
        finally:
            self._open.clear()
            self._give(0)

    def _give(self, number: int) -> None:
        if os.geteuid() == 0:
            # Links themselves, and never what they lead to.
            who = f"{number}:{number}"
            paths = [str(path) for path in (self.home, *self.writable)]
            done = subprocess.run(
                ["chown", "-RPh", who, "--", *paths],
                capture_output=True,
                text=True,
                check=False,
                timeout=GIVE_TIMEOUT,
                env=environment(),
            )
            if done.returncode:
                raise OSError(f"the build's files cannot be given to it: {done.stderr.strip()[-200:]}")


@functools.cache
def possible() -> bool:
    """Tell whether a room can be made here: bubblewrap is installed, and this machine lets it make namespaces."""
    try:
        tried = subprocess.run(
            ["bwrap", *_base(), "--", *_given_up(), "true"],
            capture_output=True,
            timeout=GRACE,
            check=False,
            env=environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def _base() -> list[str]:
    words = [*_SEALED, *([] if os.geteuid() == 0 else ["--unshare-user"]), *_EMPTY]
    for path in SYSTEM:
        words += ["--ro-bind", str(path), str(path)]
    for name in _MERGED:
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for path in _private():
        words += ["--tmpfs", str(path)] if path.is_dir() else ["--ro-bind", os.devnull, str(path)]
    return words


@functools.cache
def _private() -> tuple[Path, ...]:
    """List what of the system only some may read, the hub's user among them; root's programs are nobody in the room."""
    if os.geteuid() == 0:
        return ()
    found = []
    for directory, directories, files in os.walk("/etc"):
        for name in (*directories, *files):
            path = Path(directory, name)
            if not path.is_symlink() and not path.stat().st_mode & stat.S_IROTH and os.access(path, os.R_OK):
                found.append(path)
        directories[:] = [name for name in directories if Path(directory, name) not in found]
    return tuple(found)


def _mounted(how: str, paths: Iterable[Path]) -> Iterator[str]:
    """Give the options that mount paths where they are; on the way to them everybody may look, and there is nothing else."""
    for path in paths:
        for above in reversed(path.parents[:-1]):
            yield from ("--perms", "0755", "--dir", str(above))
        yield from (how, str(path), str(path))


def python(*, own: bool = False) -> tuple[str, tuple[Path, ...]]:
    """Give a Python for our programs in a room, and what the room needs for it: the system's, or this process's own."""
    system = shutil.which("python3", path="/usr/bin:/bin")
    if system and not own:
        return system, ()
    found = Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()
    base = Path(sys.base_prefix).resolve()
    return str(found), () if any(base.is_relative_to(system) for system in SYSTEM) else (base,)


def owner() -> int | None:
    """Give the number of the room's programs, where it is another one than the hub's user has."""
    return NUMBER if os.geteuid() == 0 else None


def _number() -> int:
    return NUMBER if os.geteuid() == 0 else os.geteuid()


def _given_up() -> list[str]:
    """Give what starts a program without root's number and powers."""
    if os.geteuid() != 0:
        return []
    number = [f"--reuid={NUMBER}", f"--regid={NUMBER}", "--clear-groups"]
    return ["setpriv", *number, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]


def _beside(name: str) -> Iterator[Path]:
    """List where a program and what it comes with are, if that is not the system's."""
    found = shutil.which(name)
    if found is None:
        return
    for path in dict.fromkeys((Path(found).absolute(), Path(found).resolve())):
        if any(path.is_relative_to(system) for system in (*SYSTEM, *(Path("/", merged) for merged in _MERGED))):
            continue
        packages = next((above for above in path.parents if above.name == "vendor"), None)
        yield packages or (path.parent if path.parent.name in ("bin", "sbin") else path)


def _composer_home() -> Path | None:
    named = os.environ.get("COMPOSER_HOME")
    places = [Path(named)] if named else [_configuration() / "composer", Path.home() / ".composer"]
    return next((place for place in places if place.is_dir()), None)


def _configuration() -> Path:
    named = os.environ.get("XDG_CONFIG_HOME")
    return Path(named) if named else Path.home() / ".config"
