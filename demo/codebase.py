"""Which code the demo runs on: what the person gave, else a pinned Drupal, else Debian's WordPress."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

from aegir_components.applications import APPLICATIONS, CodeBase, detect
from lab.errors import LabError

from . import fetch as demo_fetch
from . import wordpress
from .fetch import NotReachable

Say = Callable[[str], None]

DRUPAL = "10.5.4"
"""Drupal 10, since Debian 12's PHP 8.2 is too old for Drupal 11."""
DRUPAL_URL = f"https://ftp.drupal.org/files/projects/drupal-{DRUPAL}.tar.gz"
# Where this was written drupal.org could not be reached, so the sum was not learned from it: this is the one that the
# FreeBSD port www/drupal10 has pinned for the same file (its distinfo of October 2025).
DRUPAL_SHA256 = "eb536293e145d52e18d9ad22b8680e9028cb941a96b1209ba7e5ad232da0c035"
DRUPAL_SIZE = "20 MB"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A code base on this machine, and why it was taken."""

    path: Path
    code: CodeBase
    why: str

    @property
    def title(self) -> str:
        """The application with its version, for people."""
        return f"{APPLICATIONS[self.code.application].title} {self.code.version}"

    @property
    def platform(self) -> str:
        """A name for the platform: the application and the first number of its version."""
        major = self.code.version.partition(".")[0]
        return f"{self.code.application}-{major}" if major.isdigit() else self.code.application

    @property
    def profile(self) -> str | None:
        """The install profile: the one that looks most like a site."""
        for wanted in ("standard", "minimal"):
            if wanted in self.code.profiles:
                return wanted
        return self.code.profiles[0] if self.code.profiles else None


def choose(given: str, say: Say) -> Choice:
    """Find the code to run.

    Args:
        given: a directory, an archive, or an archive's URL; empty leaves the choice to the demo.
        say: tells the person what takes its time.

    Raises:
        LabError: there is none, or it is no code base that is known.
    """
    if given:
        return look(_given(given, say), f"PLATFORM={given}")
    try:
        return look(_drupal(say), f"Drupal {DRUPAL} from drupal.org, its SHA-256 checked")
    except NotReachable as closed:
        say(f"{closed}: taking Debian's WordPress in place of Drupal")
        return look(wordpress.code_base(say), f"Debian's own package, since {closed}")


def look(path: Path, why: str) -> Choice:
    """See which application a directory holds.

    Raises:
        LabError: none that is known.
    """
    if not path.is_dir():
        raise LabError(f"{path} is no directory; make demo PLATFORM=/path/to/code wants one, or an archive")
    code = detect(path)
    if code is None:
        known = ", ".join(application.title for application in APPLICATIONS.values())
        raise LabError(f"{path} is no code base that is known here ({known}), neither itself nor below web/")
    return Choice(path=path, code=code, why=why)


def _given(given: str, say: Say) -> Path:
    scheme, separator, _ = given.partition("://")
    if separator:
        if scheme not in ("http", "https"):
            raise LabError(f"{given}: only http and https are fetched; download it, and give the file's path")
        target = demo_fetch.cache() / f"{demo_fetch.stem(given)}-{hashlib.sha256(given.encode()).hexdigest()[:12]}"
        if not target.is_dir():
            _fetched(given, target, "", say)
        return target
    path = Path(given).expanduser().resolve()
    if not path.is_file():
        return path
    target = demo_fetch.cache() / f"{demo_fetch.stem(path.name)}-{demo_fetch.sha256(path)[:12]}"
    if not target.is_dir():
        say(f"unpacking {path.name} (some seconds)")
        demo_fetch.unpack(path, target)
    return target


def _drupal(say: Say) -> Path:
    target = demo_fetch.cache() / f"drupal-{DRUPAL}"
    if not target.is_dir():
        say(f"getting Drupal {DRUPAL} from drupal.org ({DRUPAL_SIZE}; {demo_fetch.CONNECT_SECONDS:.0f} s where it is "
            "not reachable)")  # fmt: skip
        _fetched(DRUPAL_URL, target, DRUPAL_SHA256, say)
    return target


def _fetched(url: str, target: Path, expected: str, say: Say) -> None:
    archive = demo_fetch.workspace(target.with_name(f"{target.name}.download")) / demo_fetch.stem(url)
    try:
        demo_fetch.download(url, archive, say)
        found = demo_fetch.sha256(archive)
        if expected and found != expected:
            raise LabError(f"{url} has the SHA-256 {found}, and {expected} was expected: it is not used")
        say("unpacking it (some seconds)")
        demo_fetch.unpack(archive, target)
    finally:
        archive.unlink(missing_ok=True)
        archive.parent.rmdir()
