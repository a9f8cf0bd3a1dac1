"""Git repositories: which commit a name stands for now, and the files of a commit."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from . import programs
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
    _need_git()
    with _git(address) as command:
        done = programs.run(
            [*command, "ls-remote", "--", address.plain, *_patterns(ref)],
            timeout=ASK_TIMEOUT,
            variables=_variables(address),
        )
    if done.late:
        raise Unreachable(f"{address.shown} gave no answer within {ASK_TIMEOUT:.0f} s")
    if done.status:
        raise Unreachable(f"{address.shown} cannot be read ({last_words(done.errors, address.secrets)})")
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
        raise SourceError(f"{shown} has no branch or tag {ref!r}{whole}")
    if len(set(found.values())) > 1:
        raise SourceError(
            f"{shown} has a branch and a tag {ref!r}, which differ; write {' or '.join(map(repr, found))}"
        )
    return next(iter(found.values()))


def check_out(shop: Workshop, address: Address, commit: str, mirrors: Path) -> Path:
    """Bring the files of a commit, submodules included, to where the build is made; give where its history is.

    Raises:
        SourceError: the commit cannot be fetched, or holds pointers of Git LFS where its files should be.
    """
    _need_git()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", address.plain.rstrip("/").rpartition("/")[2].removesuffix(".git"))[:40]
    mirror = mirrors / f"{name}-{address.digest}.git"
    with _git(address) as command:
        with locked(mirror.with_suffix(".lock"), f"fetching {address.shown}"):
            _fetch(shop, command, address, commit, mirror)
        _files(shop, command, address, commit, mirror)
    _refuse_pointers(shop)
    return mirror


def leave(code: Path) -> None:
    """Take git's own data out of what was checked out."""
    shutil.rmtree(code / ".git", ignore_errors=True)


def _fetch(shop: Workshop, command: Sequence[str], address: Address, commit: str, mirror: Path) -> None:
    here = [*command, "-C", str(mirror)]
    variables = _variables(address)

    def has() -> bool:
        asked = programs.run([*here, "cat-file", "-e", f"{commit}^{{commit}}"], timeout=ASK_TIMEOUT)
        return asked.status == 0

    shop.run(*command, "init", "--quiet", "--bare", "--template=", str(mirror))
    if has():
        return
    fetch = [*here, "-c", "gc.autoDetach=false", "fetch", "--force", "--no-tags", "--", address.plain]
    try:
        # Under names of our own: those of the repository may be a file now and a directory later.
        shop.run(*fetch, f"+{commit}:refs/aegir/{commit}", variables=variables)
    except SourceError:
        shop.say("asking for all branches and tags instead")
    if has():
        return
    # Old servers give a commit only to those who ask for a name, and a branch may have moved on meanwhile.
    shop.run(*fetch, "+refs/heads/*:refs/aegir-heads/*", "+refs/tags/*:refs/aegir-tags/*", variables=variables)
    if not has():
        raise SourceError(f"{address.shown} has no commit {commit} in its branches and tags")


def _files(shop: Workshop, command: Sequence[str], address: Address, commit: str, mirror: Path) -> None:
    here = [*command, *QUIET, "-C", str(shop.code)]
    shop.run(*command, "init", "--quiet", "--template=", str(shop.code))
    (shop.code / ".git" / "objects" / "info").mkdir(parents=True, exist_ok=True)
    (shop.code / ".git" / "objects" / "info" / "alternates").write_text(f"{mirror / 'objects'}\n")
    # Submodules may be named relative to it.
    shop.run(*here, "remote", "add", "origin", address.plain)
    shop.run(*here, "checkout", "--quiet", "--detach", commit, variables=_variables(address))
    if (shop.code / ".gitmodules").is_file():
        shop.run(*here, "submodule", "update", "--init", "--recursive", variables=_variables(address))


def _refuse_pointers(shop: Workshop) -> None:
    listed = programs.run(
        ["git", "-C", str(shop.code), "ls-files", "-z", "--", ":(attr:filter=lfs)"], timeout=BUILD_TIMEOUT
    )
    for name in filter(None, listed.output.split("\0")):
        path = shop.code / name
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as handle:
            if handle.read(len(LFS_POINTER)) == LFS_POINTER:
                raise SourceError(
                    f"{name!r} is a pointer of Git LFS, not the file itself. "
                    f"On the hub: apt-get install git-lfs && git lfs install"
                )


def _patterns(ref: str) -> list[str]:
    names = [ref] if ref == "HEAD" or ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
    return [pattern for name in names for pattern in (name, f"{name}^{{}}")]


@contextmanager
def _git(address: Address) -> Iterator[list[str]]:
    """Give git's command line; a password is in a file that only this user reads, and in no argument."""
    if not address.credentials:
        yield ["git"]
        return
    with tempfile.TemporaryDirectory(prefix="aegir-git-") as directory:
        path = Path(directory) / "credentials"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(address.credentials)
        helper = f"store --file={shlex.quote(str(path))}"
        # The empty one first: helpers of the user's own are not asked, and keep nothing of it.
        yield ["git", "-c", "credential.helper=", "-c", f"credential.helper={helper}"]


def _variables(address: Address) -> dict[str, str]:
    # No question to anybody, no transport that runs commands, and no path on the hub in a submodule of a foreign address.
    allowed = "https:http:ssh:git" + (":file" if address.local else "")
    return {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": allowed, "SSH_ASKPASS_REQUIRE": "never"}


def _need_git() -> None:
    if shutil.which("git") is None:
        raise SourceError("git is not installed on the hub: apt-get install git")
