"""Git repositories: which commit a name stands for now, and the files of a commit."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Final

from aegir_components.messages import numbered

from . import git_room
from .address import Address
from .builds import BUILD_TIMEOUT, Workshop, locked
from .faults import SourceError, Unreachable, last_words

ASK_TIMEOUT: Final = 60.0
"""Seconds to ask a repository which commits its names stand for."""
COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
QUIET: Final = ("-c", "advice.detachedHead=false", "-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false")


def commit_of(address: Address, ref: str) -> str:
    """Ask a repository which commit a name stands for; a whole commit stands for itself, and nobody is asked.

    Raises:
        Unreachable: the repository gave no answer, or refused one.
        SourceError: it has no such name, or two.
    """
    if COMMIT.fullmatch(ref):
        return ref
    with tempfile.TemporaryDirectory(prefix="aegir-git-") as scratch, git_room.opened(address, Path(scratch)) as git:
        done = git.ask("ls-remote", "--", address.plain, *_patterns(ref), timeout=ASK_TIMEOUT)
    if done.late:
        raise Unreachable(numbered(2010, f"{address.shown} gave no answer within {ASK_TIMEOUT:.0f} s"))
    if done.status:
        raise Unreachable(
            numbered(2010, f"{address.shown} cannot be read ({last_words(done.errors, address.secrets)})")
        )
    return choose(done.output, ref, address.shown)


def choose(listing: str, ref: str, shown: str) -> str:
    """Find the commit of a name in what ``git ls-remote`` lists.

    Raises:
        SourceError: the name is not there, or is a branch and a tag that differ.
    """
    rows = [line.split("\t") for line in listing.splitlines() if "\t" in line]
    known = {name: commit for commit, name in rows}
    # An annotated tag is an object of its own; with ^{} stands the commit that it names.
    names = [name for name in _patterns(ref) if not name.endswith("^{}")]
    found = {name: known.get(f"{name}^{{}}", known[name]) for name in names if name in known}
    if not found:
        whole = (
            ". An abbreviated commit has to be written with all its digits"
            if re.fullmatch(r"[0-9a-f]{4,}", ref)
            else ""
        )
        raise SourceError(numbered(2011, f"{shown} has no branch or tag {ref!r}{whole}"))
    if len(set(found.values())) > 1:
        raise SourceError(
            numbered(
                2012, f"{shown} has a branch and a tag {ref!r}, which differ; write {' or '.join(map(repr, found))}"
            )
        )
    return next(iter(found.values()))


def check_out(shop: Workshop, address: Address, commit: str, mirrors: Path) -> Path:
    """Bring the files of a commit, submodules included, to where the build is made; give where its history is.

    Raises:
        SourceError: the commit cannot be fetched, or holds pointers of Git LFS where its files should be.
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", address.plain.rstrip("/").rpartition("/")[2].removesuffix(".git"))[:40]
    mirror = mirrors / f"{name}-{address.digest}.git"
    with locked(mirror.with_suffix(".lock"), f"fetching {address.shown}"):
        mirror.mkdir(exist_ok=True)
        with git_room.opened(address, shop.scratch, writable=(mirror,)) as git:
            _fetch(shop, git, address, commit, mirror)
    shop.code.mkdir()
    with git_room.opened(address, shop.scratch, writable=(shop.code,), readable=(mirror,)) as git:
        _files(shop, git, address, commit, mirror)
        named = git.ask("-C", str(shop.code), "ls-files", "-z", "--", ":(attr:filter=lfs)", timeout=BUILD_TIMEOUT)
    _refuse_pointers(shop.code, named.output)
    return mirror


def leave(code: Path) -> None:
    """Take git's own data out of what was checked out."""
    shutil.rmtree(code / ".git", ignore_errors=True)


def _fetch(shop: Workshop, git: git_room.Git, address: Address, commit: str, mirror: Path) -> None:
    here = ("-C", str(mirror))

    def has() -> bool:
        return git.ask(*here, "cat-file", "-e", f"{commit}^{{commit}}", timeout=ASK_TIMEOUT).status == 0

    # Readable for the room of the build as well, whatever the hub's user lets others read.
    git.run(shop, "init", "--quiet", "--bare", "--template=", "--shared=0644", str(mirror))
    if has():
        return
    fetch = (*here, "-c", "gc.autoDetach=false", "fetch", "--force", "--no-tags", "--", address.plain)
    try:
        # Under names of our own: those of the repository may be a file now and a directory later.
        git.run(shop, *fetch, f"+{commit}:refs/aegir/{commit}")
    except SourceError:
        shop.say("asking for all branches and tags instead")
    if has():
        return
    # Old servers give a commit only to those who ask for a name, and a branch may have moved on meanwhile.
    git.run(shop, *fetch, "+refs/heads/*:refs/aegir-heads/*", "+refs/tags/*:refs/aegir-tags/*")
    if not has():
        raise SourceError(numbered(2013, f"{address.shown} has no commit {commit} in its branches and tags"))


def _files(shop: Workshop, git: git_room.Git, address: Address, commit: str, mirror: Path) -> None:
    here = (*QUIET, "-C", str(shop.code))
    git.run(shop, "init", "--quiet", "--template=", str(shop.code))
    information = shop.code / ".git" / "objects" / "info"
    borrow = 'mkdir -p "$1" && printf "%s\\n" "$2" >"$1/alternates"'
    shop.run("sh", "-c", borrow, "sh", str(information), str(mirror / "objects"), room=git.room)
    # Submodules may be named relative to it.
    git.run(shop, *here, "remote", "add", "origin", address.plain)
    git.run(shop, *here, "checkout", "--quiet", "--detach", commit)
    if git.ask("-C", str(shop.code), "ls-files", "--error-unmatch", ".gitmodules", timeout=ASK_TIMEOUT).status == 0:
        if git.modules:
            # git clone takes a path for one that it sees itself.
            shop.run("sh", str(git.modules), cwd=shop.code, variables=git.variables, room=git.room)
        else:
            git.run(shop, *here, "submodule", "update", "--init", "--recursive")


def _refuse_pointers(code: Path, listed: str) -> None:
    for name in filter(None, listed.split("\0")):
        path = code / name
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as handle:
            if handle.read(len(LFS_POINTER)) == LFS_POINTER:
                raise SourceError(
                    numbered(
                        2014,
                        f"{name!r} is a pointer of Git LFS, not the file itself. On the hub: apt-get install git-lfs "
                        "&& git lfs install",
                    )
                )


def _patterns(ref: str) -> list[str]:
    names = [ref] if ref == "HEAD" or ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
    return [pattern for name in names for pattern in (name, f"{name}^{{}}")]
