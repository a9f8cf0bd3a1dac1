"""A platform's source, as declared."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final, Literal

from aegir_components.messages import numbered

from . import model, names
from .names import Wrong, WrongForm, wanted
from .reader import Node
from .wording import quoted

Kind = Literal["path", "git", "archive", "makefile"]
KINDS: Final[tuple[Kind, ...]] = ("path", "git", "archive", "makefile")
GIT_SCHEMES: Final = ("https", "http", "ssh", "git", "file")
DOWNLOADS: Final = ("https", "http")

_PASSWORD = re.compile(r"^[^/?#]*://[^/?#@]*:[^/?#]*@|^[^/:@]+:[^/@]+@")
_LIKE_SCP = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^-:\s][^\s]*")
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+@#-]*")


def read_source(node: Node) -> model.PlatformSource:
    """Read where a platform's code comes from: a directory's path, or a mapping."""
    if not isinstance(node.value, Mapping):
        if not node.given:
            node.fault(
                numbered(1013, "missing; write the directory with the code, on the hub, such as /srv/src/drupal-10")
            )
        return model.PlatformSource(path=node.text("", names.absolute_path))
    given = [kind for kind in KINDS if node.peek(kind).given]
    node.check_keys()
    if len(given) == 1:
        return _READERS[given[0]](node)
    node.learn_keys(_READERS.values())
    which = f"only one of {' and '.join(given)}" if given else "one of path, git, archive and makefile"
    node.fault(numbered(1018, f"must have {which}, which say where the code is"))
    return model.PlatformSource()


def source_path(node: Node) -> Node:
    """Go to the value that names a directory, for messages about it."""
    return node.peek("path") if isinstance(node.value, Mapping) else node


def _directory(node: Node) -> model.PlatformSource:
    composer = _composer(node.child("composer"))
    return model.PlatformSource(path=node.child("path").text("", names.absolute_path), composer=composer)


def _makefile(node: Node) -> model.PlatformSource:
    return model.PlatformSource(makefile=node.child("makefile").text("", names.absolute_path))


def _git(node: Node) -> model.PlatformSource:
    composer = _composer(node.child("composer"))
    ref = node.child("ref")
    if not ref.given:
        ref.fault(numbered(1013, "missing; write the branch, the tag or the whole commit, such as main"))
    return model.PlatformSource(
        git=_address(node.child("git"), GIT_SCHEMES),
        ref=ref.text("", _ref),
        directory=node.child("directory").text("", _below),
        composer=composer,
    )


def _archive(node: Node) -> model.PlatformSource:
    composer = _composer(node.child("composer"))
    archive = _address(node.child("archive"), DOWNLOADS)
    checksum = node.child("checksum")
    if not checksum.given and archive and not archive.startswith("/"):
        checksum.fault(
            numbered(
                1013,
                'missing; a download needs one: write "sha256:" and the digits that its publisher names, or sha256sum prints',
            )
        )
    return model.PlatformSource(archive=archive, checksum=checksum.text("", _checksum), composer=composer)


_READERS: Final[Mapping[Kind, Callable[[Node], model.PlatformSource]]] = {
    "path": _directory,
    "git": _git,
    "archive": _archive,
    "makefile": _makefile,
}


def _composer(node: Node) -> model.Composer | None:
    if isinstance(node.value, Mapping):
        node.check_keys()
        return model.Composer(
            dev=node.child("dev").flag(False),
            unlocked=node.child("unlocked").flag(False),
            trusted=node.child("trusted").flag(False),
        )
    return model.Composer() if node.flag(False) else None


def _address(node: Node, schemes: tuple[str, ...]) -> str:
    """Read an address; one that holds a password has to be a secret, and is shown in no case."""
    value = node.value
    if isinstance(value, str) and _PASSWORD.search(value):
        if node.report.is_secret(node.path) is False:
            command = f"pulumi config set --secret --path {shlex.quote(node.path)}"
            node.fault(numbered(1020, f"holds a password, so it must be a secret; set it with: {command}"))
            return ""
        return node.text("", names.Check(lambda text: _checked(text, schemes, shown=False), _ways(schemes)))
    return node.text("", names.Check(lambda text: _checked(text, schemes, shown=True), _ways(schemes)))


def _checked(text: str, schemes: tuple[str, ...], *, shown: bool) -> str:
    if any(character.isspace() or unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise Wrong(numbered(1010, "must not contain spaces, line breaks or other control characters"))
    if text.startswith("/"):
        return names.absolute_path(text)
    scheme, separator, rest = text.partition("://")
    if separator and scheme in schemes and re.match(r"[^-/?#]" if scheme != "file" else "/", rest):
        return text
    if "ssh" in schemes and not separator and _LIKE_SCP.fullmatch(text):
        return text
    raise WrongForm(numbered(1311, f"must be {_ways(schemes)}"), f", not {quoted(text)}" if shown else "")


def _ways(schemes: tuple[str, ...]) -> str:
    ways = f"{', '.join(f'{name}://' for name in schemes)}" + (" or user@host:path" if "ssh" in schemes else "")
    return f"an absolute path or an address with {ways}"


@wanted("a branch, a tag or a whole commit, such as main")
def _ref(text: str) -> str:
    wrong = ".." in text or "//" in text or "@{" in text or text.endswith(("/", ".", ".lock"))
    if wrong or not _REF.fullmatch(text):
        raise WrongForm(
            numbered(1310, "must be the name of a branch or a tag, or a whole commit"), f", not {quoted(text)}"
        )
    return text


@wanted("a directory inside of the repository, such as web/app")
def _below(text: str) -> str:
    parts = text.split("/")
    if text.startswith("/") or {"", ".", "..", ".git"} & set(parts) or not text.isprintable():
        raise WrongForm(
            numbered(1312, "must be a directory inside of the repository, such as web/app"), f", not {quoted(text)}"
        )
    return text


@wanted("sha256: and 64 hexadecimal digits, in quotes")
def _checksum(text: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise WrongForm(
            numbered(1313, 'must be "sha256:" and 64 hexadecimal digits in lower case'), f", not {quoted(text)}"
        )
    return text
