"""Generated hostile archives, and a process without rights in whose home nothing may change while they are unpacked."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import lzma
import os
import pwd
import random
import shutil
import stat
import sys
import tarfile
import tempfile
import traceback
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LATE = (bz2, gzip, lzma)
"""Modules that tarfile imports when an archive needs them, when the account without rights may not be able to read them."""
STEPS = ("a", "b", "c", "..", ".", "home", "code", "unpacked")
KINDS = {"file": 30, "directory": 12, "link": 40, "hard": 14, "device": 1, "pipe": 1, "setuid": 1}


@dataclass(frozen=True)
class Entry:
    """A member of an archive."""

    kind: str
    name: str
    target: str = ""


def invent(chance: random.Random, outside: str) -> list[Entry]:
    """Invent the members of an archive: few names, so that they meet, and links that lead everywhere."""
    names: list[str] = []
    tame = chance.random() < 0.4  # nothing would be unpacked otherwise

    def name() -> str:
        # Often below an earlier name: that is where links are followed.
        start = [chance.choice(names)] if names and not tame and chance.random() < 0.6 else []
        made = "/".join([*start, *(chance.choice("abcdefgh") for _ in range(chance.randint(1, 2)))])
        if chance.random() < 0.02:
            made = chance.choice(["/", "../", "./", "a/../../"]) + made
        names.append(made)
        return made

    def target() -> str:
        if tame:
            return chance.choice("abc")
        if chance.random() < 0.04:
            return outside
        if chance.random() < 0.5:
            return chance.choice(STEPS[:3])
        if names and chance.random() < 0.5:
            return "/".join([chance.choice(names), *[".."] * chance.randint(0, 3)])
        return "/".join(chance.choice(STEPS) for _ in range(chance.randint(1, 4)))

    entries = []
    for _ in range(chance.randint(2, 7)):
        (kind,) = chance.choices(list(KINDS), list(KINDS.values()))
        kind = "file" if tame and kind == "hard" else kind
        where = name()
        other = chance.choice(names) if kind == "hard" and chance.random() < 0.7 else target()
        entries.append(Entry(kind, where, other if kind in ("link", "hard") else ""))
    return entries


def climb(chance: random.Random, outside: str) -> list[Entry]:
    """Invent what gets out where links are made in order: a link up to the root, and through it one that leads further.

    What each of them says is inside, if its text is all that is looked at.
    """
    del outside
    first, deep = chance.sample("abc", 1)[0], chance.randint(1, 4)
    below = "/".join([first] * deep)
    entries = [Entry("link", f"{below}/up", "/".join([".."] * deep))]
    through = f"{below}/up/{chance.choice('xyz')}"
    entries.append(Entry("link", through, "/".join([".."] * chance.randint(1, deep + 1))))
    entries += [
        Entry(kind, f"{through}/{chance.choice(['evil', 'home/evil', 'kept'])}", "a")
        for kind in chance.sample(["link", "file", "directory", "hard"], chance.randint(1, 3))
    ]
    if chance.random() < 0.5:
        chance.shuffle(entries)
    return entries


def as_tar(path: Path, entries: list[Entry]) -> None:
    """Write them as a tar archive."""
    types = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "directory": tarfile.DIRTYPE, "device": tarfile.CHRTYPE,
             "pipe": tarfile.FIFOTYPE}  # fmt: skip
    with tarfile.open(path, "w:gz", compresslevel=1) as packed:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.mode = 0o4755 if entry.kind == "setuid" else 0o755 if entry.kind == "directory" else 0o644
            info.uid, info.gid = os.geteuid(), os.getegid()
            info.type, info.linkname = types.get(entry.kind, tarfile.REGTYPE), entry.target
            content = b"hostile" if info.type == tarfile.REGTYPE else b""
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))


def as_zip(path: Path, entries: list[Entry]) -> None:
    """Write them as a zip archive, which knows no hard links: they are links there."""
    modes = {"link": stat.S_IFLNK | 0o777, "hard": stat.S_IFLNK | 0o777, "directory": stat.S_IFDIR | 0o755,
             "device": stat.S_IFCHR | 0o644, "pipe": stat.S_IFIFO | 0o644, "setuid": stat.S_IFREG | 0o4755}  # fmt: skip
    with zipfile.ZipFile(path, "w") as packed:
        for entry in entries:
            info = zipfile.ZipInfo(entry.name + ("/" if entry.kind == "directory" else ""))
            info.create_system, info.external_attr = 3, modes.get(entry.kind, stat.S_IFREG | 0o644) << 16
            packed.writestr(info, os.fsencode(entry.target) or b"hostile")


def picture(root: Path) -> dict[str, Any]:
    """Give all that can be seen of a directory without following a link."""
    seen: dict[str, Any] = {}
    for path in (root, *sorted(root.rglob("*"))):
        facts = path.lstat()
        inside = str(path.readlink()) if path.is_symlink() else path.read_bytes().hex() if path.is_file() else ""
        seen[str(path)] = [facts.st_mode, facts.st_nlink, facts.st_mtime_ns, inside]
    return seen


def faults_of(root: Path) -> Iterator[str]:
    """List what a code base must not have."""
    inside = str(root.resolve())
    for path in root.rglob("*"):
        facts = path.lstat()
        if stat.S_ISLNK(facts.st_mode):
            if not f"{os.path.realpath(path)}/".startswith(f"{inside}/"):
                yield f"{path} leads to {os.path.realpath(path)}"
        elif not stat.S_ISDIR(facts.st_mode) and not (stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1):
            yield f"{path} is no file of its own"
        elif facts.st_mode & 0o7022:
            yield f"{path} has the mode {facts.st_mode:o}"


@contextmanager
def somebody_elses_home() -> Iterator[tuple[Path, int | None]]:
    """Give the home of an account without rights, and its number; where the tests have none themselves, their own."""
    uid = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    base = Path(tempfile.mkdtemp(prefix="aegir-hostile-"))
    try:
        base.chmod(0o711)
        home = base / "home"
        for part in (home, home / "home", home / "builds", home / "a"):
            part.mkdir()
        (home / ".profile").write_text("kept\n")
        (home / "home" / "kept").write_text("kept\n")
        (home / "link").symlink_to("home")
        if uid is not None:
            for path in (home, *home.rglob("*")):
                os.chown(path, uid, -1, follow_symlinks=False)
        yield home, uid
    finally:
        shutil.rmtree(base)


def as_user(uid: int | None, work: Callable[[], Any]) -> Any:
    """Do something in a process of its own as somebody else; give what comes of it, as JSON can have it."""
    # For the same reason as LATE.
    for encoding in ("cp437", "utf-8", "ascii"):
        codecs.lookup(encoding)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            if uid is not None:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
            with os.fdopen(writing, "w") as sent:
                json.dump(work(), sent)
            status = 0
        except BaseException:  # noqa: BLE001  # a test that fails must end here too, and not go on twice
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as got:
        text = got.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the process without rights ended with {status}"
    return json.loads(text)
