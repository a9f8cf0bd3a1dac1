"""Why an address of a site is answered as it is: the rules of the vhosts, in their order.

A person would go through them in the same way. The vhosts are written from the same patterns (``preview/addresses.py``). What
is here decides nothing: a test compares it with what both web servers answer.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from .addresses import HIDDEN, LEFTOVERS, PHP, Addresses

Outcome = Literal["served", "runs", "application", "denied", "redirect", "missing", "challenge", "rejected"]
Kind = Literal["file", "directory", ""]
Files = Callable[[str], Kind]
"""Tells what is at a path below the document root."""

LONGEST: Final = 2_000
"""Characters of an address that is explained."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """How an address is answered."""

    outcome: Outcome
    why: str
    """The rule, in words."""
    file: str = ""
    """What is sent or run, below the document root."""


def path_of(address: str) -> str:
    """Give the path of an address as web servers see it: decoded, without query, dots resolved.

    >>> path_of("/a/../b%2ephp?x=1")
    '/b.php'
    """
    path = unquote(urlsplit(address).path) or "/"
    whole = "/" + posixpath.normpath(path).lstrip("/")
    return whole + "/" if path.endswith(("/", "/.", "/..")) and whole != "/" else whole


def leads_out(address: str) -> bool:
    """Tell whether an address leads above the document root, which web servers reject before they look for a site."""
    depth = 0
    for part in unquote(urlsplit(address).path).split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return True
    return False


def candidates(path: str, site: str, former: str) -> list[str]:
    """List the paths that ``explain`` may ask for, so that a machine is asked once."""
    parts = [part for part in path.split("/") if part]
    found = ["/" + "/".join(parts[: number + 1]) for number in range(len(parts))]
    found += [f"{path.rstrip('/')}/{name}" for name in ("index.php", "index.html", "index.htm")]
    if match := re.match(rf"^/(?:{former})/(.+)$", path):
        found.append(f"/sites/{site}/files/{match[1]}")
    return list(dict.fromkeys(["/", *found]))


def explain(path: str, addresses: Addresses, site: str, former: str, files: Files) -> Explanation:
    """Say how a path is answered.

    Args:
        path: as ``path_of`` gives it.
        addresses: the application's.
        site: what the site is known by.
        former: the pattern of the addresses that its uploads have besides.
        files: what is below the document root.
    """
    uploads = f"/sites/{site}/files/"
    if path.startswith("/.well-known/acme-challenge/"):
        return Explanation(outcome="challenge", why="answers of the ACME server's challenges, the same for all sites")
    if re.search(HIDDEN, path):
        return Explanation(outcome="denied", why="a part of the address begins with a dot, which core denies")
    if path.startswith(uploads):
        return _upload(path, addresses, files)
    if match := re.match(rf"^/(?:{former})/(.+)$", path):
        target = f"{uploads}{match[1]}"
        if files(target) == "file":
            return Explanation(outcome="served", why="an upload, by the address that a site alone has", file=target)
        return Explanation(outcome="redirect", why=f"uploads are at {uploads}; there the application may make the file")
    if re.search(addresses.closed, path) and files(path.rstrip("/")):
        return Explanation(
            outcome="denied", why="the file is there, and core's files of this directory are no pages", file=path
        )
    if named := _named(path, addresses, files):
        return named
    if re.match(rf"^/sites/(?!(?:{re.escape(site)}|all)(?:/|$)).", path):
        return _application("below sites/ a site serves its own files and sites/all, and nothing of others")
    return _program(path, addresses, files) or _plain(path, addresses, files)


def _upload(path: str, addresses: Addresses, files: Files) -> Explanation:
    if re.search(rf"{PHP}(?:/|$)", path, re.IGNORECASE):
        return Explanation(
            outcome="denied", why="an upload with a name of PHP: uploads never run, and their source is no page"
        )
    if match := re.search(rf"^(.*/)(?:{addresses.names})$", path):
        return _if_directory(match[1], path, files, "the name is one that core denies, in uploads too")
    here = files(path.rstrip("/"))
    if here == "file" and not path.endswith("/"):
        return Explanation(outcome="served", why="an upload of the site, sent as it is", file=path)
    if here == "directory" and not path.endswith("/"):
        return Explanation(outcome="redirect", why="a directory of uploads: the slash is added")
    for name in ("index.html", "index.htm") if here else ():
        if files(f"{path}{name}") == "file":
            return Explanation(outcome="served", why="the page of a directory of uploads", file=f"{path}{name}")
    return _application("no upload has this address, and the application may make it, as it does image styles")


def _named(path: str, addresses: Addresses, files: Files) -> Explanation | None:
    if match := re.search(rf"^(.*/)(?:{addresses.names})(?:$|(?<=\.php)/)", path):
        return _if_directory(match[1], path, files, "the name is one that core denies")
    if match := re.search(rf"^(.*/)(?:{LEFTOVERS})$", path, re.IGNORECASE):
        return _if_directory(match[1], path, files, "the name is that of a leftover: a dump, key, log, setting or copy")
    return None


def _if_directory(directory: str, path: str, files: Files, why: str) -> Explanation:
    # As Apache's FilesMatch: also for a file that is not there, where its directory is.
    if files(directory.rstrip("/") or "/") == "directory":
        return Explanation(outcome="denied", why=why, file=path if files(path) else "")
    return _application(f"{why}, but its directory is not there either, so it is a page's address")


def _program(path: str, addresses: Addresses, files: Files) -> Explanation | None:
    match = re.match(rf"^(.+?{PHP})(/.*)?$", path, re.IGNORECASE)
    if not match:
        return None
    program = match[1]
    if re.search(addresses.runs, path):
        if files(program) == "file":
            return Explanation(outcome="runs", why="a program of the application, which runs from here", file=program)
        return _application("no program has this name")
    if files(program) == "file":
        why = "PHP that runs from nowhere but where the application has its programs"
        return Explanation(outcome="denied", why=why, file=program)
    return _application("no program has this name")


def _plain(path: str, addresses: Addresses, files: Files) -> Explanation:
    if addresses.icon and path == "/favicon.ico" and files(path) != "file":
        return Explanation(outcome="missing", why="there is no icon, and the application has no page for it")
    here = files(path.rstrip("/") or "/")
    if here == "directory" and not path.endswith("/"):
        return Explanation(outcome="redirect", why="a directory of the release: the slash is added")
    if here == "directory":
        return _index(path, addresses, files)
    if here == "file" and not path.endswith("/"):
        return Explanation(outcome="served", why="a file of the release, sent as it is", file=path)
    return _application("no file has this address, so the application answers it")


def _index(path: str, addresses: Addresses, files: Files) -> Explanation:
    for name in ("index.php", "index.html", "index.htm"):
        if files(f"{path}{name}") == "file":
            if name == "index.php":
                return _program(f"{path}{name}", addresses, files) or _application("the application's front page")
            return Explanation(outcome="served", why="the page of the directory", file=f"{path}{name}")
    return Explanation(outcome="denied", why="a directory without a page of its own, and nobody lists directories")


def _application(why: str) -> Explanation:
    return Explanation(outcome="application", why=why, file="/index.php")
