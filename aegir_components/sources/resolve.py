"""From a declared platform to what its source is now: application and content, read or built on the hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aegir_components import settings
from aegir_components.applications import APPLICATIONS, STANDARD, CodeBase, detect
from aegir_components.messages import around, numbered, text_of

from . import builders, records, site_languages, translations, tree
from .builds import Store
from .faults import SourceError

SIDE_BY_SIDE: Final = 8
"""Sources that are inspected at once: most of it is waiting for repositories."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """A platform's source, read."""

    code: CodeBase
    tree: tree.Tree
    directory: Path
    """Where the code lies on the hub, to be copied from."""
    revision: str = ""
    """The commit, or an archive's or makefile's checksum; empty for a directory."""


@dataclass(frozen=True, slots=True)
class _Languages:
    """What the sites of a platform are to be in, and where translations are on the hub."""

    directory: str
    names: frozenset[str]

    @classmethod
    def of(cls, declared: settings.Settings, platform: str) -> _Languages:
        """Read both from the stack."""
        return cls(declared.translations, frozenset(site.language for site in declared.sites_on(platform)))


def _silent(_: str) -> None:
    pass


def _nothing(_platform: str, _why: str) -> None:
    return None


def resolve(
    declared: settings.Settings,
    *,
    php: Mapping[str, str] | None = None,
    installed: site_languages.Installed = {},  # noqa: B006 - it is read only
    live: Mapping[str, str] = {},
    faults: list[str] | None = None,
    instead: Callable[[str, str], Resolved | None] = _nothing,
    info: Callable[[str], None] = _silent,
    warn: Callable[[str], None] = _silent,
) -> dict[str, Resolved]:
    """Read the sources of all platforms, build those that are to be built, and check the sites' profiles against them.

    Args:
        declared: the stack.
        php: the PHP of each platform's web servers, where it is known; Composer builds for it.
        installed: what the state has of each installed site, by the name that it was made with.
        live: the digest of each platform's live release.
        faults: takes what is wrong, for one message with other problems; what was found is returned then.
        instead: gives what stands in for the source of a platform that cannot be read, and is told why; ``None`` for nothing.
        info: tells the operator what takes its time.
        warn: tells the operator what is not as it should be.

    Raises:
        settings.SettingsError: every problem, with its path in the stack file, unless ``faults`` takes them.
    """
    found: dict[str, Resolved] = {}
    wrong: list[str] = [] if faults is None else faults
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        # In a copy of this context each: Pulumi's log finds its engine there.
        begun = {
            name: pool.submit(
                copy_context().run,
                _read,
                platform,
                Path(declared.hub.root),
                (php or {}).get(name, ""),
                info,
                warn,
                _Languages.of(declared, name),
            )
            for name, platform in declared.platforms.items()
            if not platform.rollback
        }
        for name, platform in declared.platforms.items():
            if not platform.rollback:
                continue
            record = records.load(declared.hub.root, name, platform.rollback)
            if record is None:
                wrong.append(_unknown(declared.hub.root, platform))
            else:
                found[name] = recorded(record)
        for name, work in begun.items():
            try:
                found[name], other = _wanted(declared.platforms[name], work.result(), declared.hub.root, info)
                wrong += other
            except (SourceError, OSError) as fault:
                said = _said(fault)
                why = around(said, f"{_where(name)}: {said}")
                if (other_release := instead(name, why)) is None:
                    wrong.append(why)
                else:
                    found[name] = other_release
    code = {name: source.code for name, source in found.items()}
    wrong += profile_faults(declared, code)
    wrong += value_faults(declared, code)
    wrong += sharing_faults(declared, code)
    wrong += site_languages.faults(declared, code, installed)
    renewed = [name for name, source in found.items() if live.get(name) != source.tree.digest]
    for text in (*site_languages.warnings(declared, code, installed, renewed), *value_warnings(declared, code)):
        warn(text)
    if wrong and faults is None:
        raise settings.SettingsError(wrong)
    return found


def _said(fault: SourceError | OSError) -> str:
    return (
        text_of(fault)
        if isinstance(fault, SourceError)
        else numbered(2007, f"{fault.filename!r} cannot be read: {fault.strerror}")
    )


def recorded(record: records.Record) -> Resolved:
    """Give a release that was live before: nothing is read but its record."""
    code = CodeBase(
        application=record.application,
        version=record.version,
        docroot=record.docroot,
        profiles=tuple(record.profiles),
        titles=record.profiles,
    )
    held = tree.Tree(digest=record.digest, files=record.files, bytes=0)
    return Resolved(code=code, tree=held, directory=Path(record.source), revision=record.revision)


def _unknown(hub_root: str, platform: settings.Platform) -> str:
    was = [
        f"{record.name} ({' '.join(filter(None, (record.application, record.version, record.time, record.revision[:12])))})"
        for record in records.known(hub_root, platform.name)
    ]
    there = f"these were live: {', '.join(was)}" if was else "none was live yet"
    return numbered(
        2090,
        f'aegir:platforms["{platform.name}"].rollback: no release "{platform.rollback}" is known on the hub; {there}',
    )


def _wanted(
    platform: settings.Platform, read: Resolved, hub_root: str, info: Callable[[str], None]
) -> tuple[Resolved, list[str]]:
    """Give the release that the stack file wants, which was verified elsewhere: what the source makes, or a record of it."""
    made = records.name_of(read.tree.digest)
    if platform.release in {"", made}:
        return read, []
    record = records.load(hub_root, platform.name, platform.release)
    if record is not None:
        # Where it is live it stays, as a commit does whose branch has moved on.
        info(
            f"{_where(platform.name)} makes another release by now; {platform.release} stays, which the stack file wants"
        )
        return recorded(record), []
    where = read.revision[:19] or str(read.directory)
    return read, [
        numbered(
            2091,
            f'aegir:platforms["{platform.name}"].release: the source makes the release "{made}" (from {where}), and '
            f'not "{platform.release}", which the stack file wants and the hub does not know. Bring the source back to '
            "what was "
            "verified, or promote what it holds now, when that is verified",
        )
    ]


def _where(platform: str) -> str:
    return f'aegir:platforms["{platform}"].source'


def _read(
    platform: settings.Platform,
    hub_root: Path,
    php: str,
    info: Callable[[str], None],
    warn: Callable[[str], None],
    languages: _Languages,
) -> Resolved:
    store = Store(root=hub_root / "builds" / platform.name, keep=platform.keep_releases, info=info)
    place = builders.Hub(
        root=hub_root,
        platform=platform.name,
        store=store,
        php=php,
        warn=lambda text: warn(around(text, f"{_where(platform.name)}: {text}")),
    )
    found = builders.find(platform.source, place)
    source = found.directory
    if not source.is_dir():
        # The tree says it best, and for an empty directory as well.
        tree.read(source, (), ".", hub_root / "cache" / "none")
    code = detect(source)
    if code is None:
        if not any(source.iterdir()):
            raise SourceError(numbered(2001, f"{str(source)!r} holds no file; nothing is deleted anywhere"))
        known = ", ".join(application.title for application in APPLICATIONS.values())
        raise SourceError(
            numbered(
                2002,
                f"{str(source)!r} is no code base that is known here ({known}), neither itself nor below web/, docroot/ or html/",
            )
        )
    if platform.source.composer and not (source / code.docroot / "index.php").is_file():
        # A scaffold that did not run: the rest of the build looks well.
        way = APPLICATIONS[code.application].scaffold or "Add the file to the project, or the package that brings it"
        raise SourceError(
            numbered(
                2003,
                f"{str(source)!r} has {code.application} {code.version}, and no index.php in its document root "
                f"({code.docroot}). {way}",
            )
        )
    cache = hub_root / "cache" / f"{platform.name}.sums"
    read = tree.read(source, APPLICATIONS[code.application].exclusions, code.docroot, cache)
    if added := translations.wanted(code, languages.directory, languages.names):
        source = translations.add(source, read.digest, added, store, platform.name)
        code = detect(source) or code
        cache = hub_root / "cache" / f"{platform.name}.translated.sums"
        read = tree.read(source, APPLICATIONS[code.application].exclusions, code.docroot, cache)
    return Resolved(code=code, tree=read, directory=source, revision=found.revision)


def profile_faults(declared: settings.Settings, found: dict[str, CodeBase]) -> list[str]:
    """Say which sites want an install profile that their platform has not, and where it is."""
    faults: list[str] = []
    for name, site in declared.sites.items():
        code = found.get(site.platform)
        if code is None:
            continue
        if not APPLICATIONS[code.application].profiles:
            if site.profile:
                title = APPLICATIONS[code.application].title
                faults.append(
                    numbered(1421, f'aegir:sites["{name}"].profile: {title} has no install profiles; remove this key')
                )
            continue
        profile = site.profile or STANDARD
        if not code.profiles or profile in code.profiles:
            continue
        others = sorted(other for other, facts in found.items() if profile in facts.profiles)
        have = f"these have it: {', '.join(others)}" if others else f"it has: {', '.join(code.profiles)}"
        faults.append(
            numbered(
                1420, f"aegir:sites[\"{name}\"].profile: profile '{profile}' is not on platform {site.platform}; {have}"
            )
        )
    return faults


def value_faults(declared: settings.Settings, found: dict[str, CodeBase]) -> list[str]:
    """Say which sites tell their settings file what their application does not take."""
    faults: list[str] = []
    for name, site in declared.sites.items():
        if code := found.get(site.platform):
            application = APPLICATIONS[code.application]
            tls = _demands_tls(declared, name)
            wrong = application.values.faults(application.title, site.settings, site.config, tls=tls)
            faults += [around(why, f'aegir:sites["{name}"].{path}: {why}') for path, why in wrong]
    return faults


def sharing_faults(declared: settings.Settings, found: dict[str, CodeBase]) -> list[str]:
    """Say which clusters lack the directory that all web servers of an application need in common."""
    faults: list[str] = []
    for name, code in found.items():
        cluster, application = declared.cluster_of(name), APPLICATIONS[code.application]
        if cluster is None or len(cluster.servers) < 2 or not application.shares_config or not declared.sites_on(name):
            continue
        if cluster.uploads is None or cluster.uploads.separate:
            faults.append(
                numbered(
                    1170,
                    f'aegir:clusters["{cluster.name}"].uploads: {application.title} on platform {name} keeps '
                    "its configuration in files, which its web servers need in common with their database. Write "
                    "uploads with path or nfs",
                )
            )
    return faults


def _demands_tls(declared: settings.Settings, site: str) -> bool:
    server = declared.servers.get(declared.sites[site].database)
    return server is not None and server.database is not None and server.database.tls == "required"


def value_warnings(declared: settings.Settings, found: dict[str, CodeBase]) -> list[str]:
    """Say which names in sites' settings are almost those of their application."""
    warnings = []
    for name, site in declared.sites.items():
        if code := found.get(site.platform):
            application = APPLICATIONS[code.application]
            near = application.values.warnings(application.title, site.settings)
            warnings += [around(why, f'aegir:sites["{name}"].{path}: {why}') for path, why in near]
    return warnings
