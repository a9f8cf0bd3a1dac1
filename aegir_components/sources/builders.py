"""What each kind of source is now: a directory as it is, or a build of a commit, an archive, a project or a makefile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from aegir_components import settings
from aegir_components.messages import numbered

from . import address, composer, downloads, git, makefile, room, tree, unpacking
from .builds import Store, Workshop, key_of
from .faults import SourceError, Unreachable

COPY: Final = ("cp", "-a", "--reflink=auto", "--")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hub:
    """What builders have of the hub."""

    root: Path
    platform: str
    store: Store
    warn: Callable[[str], None]
    php: str = ""
    """The PHP of the platform's web servers, such as ``8.2``; empty where it is not known yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Where a platform's code lies now, and which revision of its source that is."""

    directory: Path
    revision: str = ""


def find(source: settings.PlatformSource, hub: Hub) -> Found:
    """Find a platform's code, and build it where that has not been done.

    Raises:
        SourceError: it is not there, or its build failed.
        OSError: it cannot be read.
    """
    if source.git:
        return _git(source, hub)
    if source.archive:
        return _archive(source, hub)
    if source.makefile:
        return _makefile(source, hub)
    return _directory(source, hub)


def key(source: settings.PlatformSource, revision: str) -> str:
    """Name the build that a commit or an archive's checksum makes of a source; empty for kinds that are not built of one."""
    how = source.composer
    if source.git:
        place = address.parse(source.git)
        return key_of("git", place.plain, source.directory if how else "", composer.words(how), revision)
    if source.archive:
        return key_of("archive", revision.removeprefix("sha256:"), composer.words(how))
    return ""


def _directory(source: settings.PlatformSource, hub: Hub) -> Found:
    path, how = Path(source.path), source.composer
    if how is None:
        return Found(directory=path)

    def digest(root: Path, cache: str) -> str:
        return tree.read(root, (), ".", hub.root / "cache" / cache).digest

    before = digest(path, f"{hub.platform}.project.json")

    def work(shop: Workshop) -> None:
        shop.run(*COPY, str(path), str(shop.code))
        git.leave(shop.code)
        if digest(shop.code, f"{hub.platform}.copy.json") != before:
            raise SourceError(numbered(2006, f"{str(path)!r} changed while it was copied; run it again"))
        _install(hub, shop, how, shop.code)

    made_of = key_of("directory", before, composer.words(how))
    return Found(directory=hub.store.make(made_of, f"{hub.platform} from {path}", work))


def _git(source: settings.PlatformSource, hub: Hub) -> Found:
    place, how = address.parse(source.git), source.composer
    name = key_of(place.plain, source.ref)
    try:
        commit = git.commit_of(place, source.ref)
    except Unreachable as fault:
        commit = hub.store.remembered(name)
        if not commit or hub.store.find(key(source, commit)) is None:
            raise SourceError(numbered(2016, f"{fault}, and the hub has no former build of {source.ref!r}")) from None
        hub.warn(numbered(2017, f"{fault}; the former build of {source.ref!r} is used, of commit {commit}"))

    def work(shop: Workshop) -> None:
        history = git.check_out(shop, place, commit, hub.root / "git")
        code = _inside(shop.code, source.directory, place.shown)
        if how:
            # Composer reads a version from it.
            _install(hub, shop, how, code, history)
        git.leave(shop.code)

    what = f"{hub.platform} from {place.shown} at {commit}"
    build = hub.store.make(key(source, commit), what, work, secrets=place.secrets)
    directory = _inside(build, source.directory, f"{place.shown} at {commit}")
    hub.store.remember(name, commit)
    return Found(directory=directory, revision=commit)


def _install(hub: Hub, shop: Workshop, how: settings.Composer, directory: Path, *readable: Path) -> None:
    if not how.trusted:
        _warn_of_no_room(hub)
    composer.install(shop, how, directory, hub.root / "cache" / "composer" / hub.platform, hub.php, readable)


def _warn_of_no_room(hub: Hub) -> None:
    if not room.possible():
        hub.warn(
            numbered(
                2027,
                "its build runs as the hub's user and can read all that this user can, because no room can be made for "
                "it. On the hub, apt-get install bubblewrap; in a container, the build needs the right to make "
                "namespaces",
            )
        )


def _inside(code: Path, below: str, shown: str) -> Path:
    path = code / below
    # A link in the repository may not lead elsewhere on the hub.
    if not path.is_dir() or not path.resolve().is_relative_to(code.resolve()):
        raise SourceError(numbered(2015, f"{shown} has no directory {below!r}"))
    return path


def _archive(source: settings.PlatformSource, hub: Hub) -> Found:
    place, how = address.parse(source.archive), source.composer
    wanted = source.checksum.removeprefix("sha256:")
    remembered = hub.root / "cache" / f"{hub.platform}.archive.sums"
    checksum = wanted or downloads.sum_of(Path(place.plain), remembered)

    def work(shop: Workshop) -> None:
        if place.local:
            path = Path(place.plain)
            got = downloads.sum_of(path)
            if got != checksum:
                raise SourceError(
                    numbered(
                        2037, f"{str(path)!r} has the checksum sha256:{got}, not sha256:{checksum}; it was not unpacked"
                    )
                )
        else:
            path = downloads.download(place, checksum, hub.root / "cache" / "archives")
        unpacking.unpack(shop, path)
        if how:
            _install(hub, shop, how, shop.code)

    build = partial(hub.store.make, key(source, checksum), secrets=place.secrets)
    return Found(directory=build(f"{hub.platform} from {place.shown}", work), revision=f"sha256:{checksum}")


def _makefile(source: settings.PlatformSource, hub: Hub) -> Found:
    path = Path(source.makefile)
    digest = makefile.digest_of(path)
    build = hub.store.make(
        key_of("makefile", digest, " ".join(makefile.OPTIONS)), f"{hub.platform} from {path}", partial(_make, hub, path)
    )
    return Found(directory=build, revision=f"sha256:{digest}")


def _make(hub: Hub, path: Path, shop: Workshop) -> None:
    _warn_of_no_room(hub)
    makefile.make(shop, path)
    git.leave(shop.code)
