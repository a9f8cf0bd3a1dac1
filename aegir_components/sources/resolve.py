"""From a declared platform to what its source is now: application and content, read on the hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aegir_components import settings
from aegir_components.applications import APPLICATIONS, CodeBase, detect

from . import tree


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """A platform's source, read."""

    code: CodeBase
    tree: tree.Tree


def resolve(declared: settings.Settings) -> dict[str, Resolved]:
    """Read the sources of all platforms, and check the sites' profiles against them.

    Raises:
        settings.SettingsError: every fault, with its path in the stack file.
    """
    found: dict[str, Resolved] = {}
    faults: list[str] = []
    for name, platform in declared.platforms.items():
        where = f'aegir:platforms["{name}"].source'
        try:
            found[name] = _read(platform, Path(declared.hub.root))
        except tree.SourceError as fault:
            faults.append(f"{where}: {fault}")
        except OSError as fault:
            faults.append(f"{where}: {fault.filename!r} cannot be read: {fault.strerror}")
    faults += _profile_faults(declared, found)
    if faults:
        raise settings.SettingsError(faults)
    return found


def _read(platform: settings.Platform, hub_root: Path) -> Resolved:
    source = Path(platform.source.path)
    if not source.is_dir():
        # The tree says it best, and for an empty directory as well.
        tree.read(source, (), ".", hub_root / "cache" / "none")
    code = detect(source)
    if code is None:
        if not any(source.iterdir()):
            raise tree.SourceError(f"{str(source)!r} holds no file; nothing is deleted anywhere")
        known = ", ".join(application.title for application in APPLICATIONS.values())
        raise tree.SourceError(
            f"{str(source)!r} is no code base that is known here ({known}), neither itself nor below web/, docroot/ or html/"
        )
    cache = hub_root / "cache" / f"{platform.name}.json"
    return Resolved(code=code, tree=tree.read(source, APPLICATIONS[code.application].exclusions, code.docroot, cache))


def _profile_faults(declared: settings.Settings, found: dict[str, Resolved]) -> list[str]:
    faults = []
    for name, site in declared.sites.items():
        platform = found.get(site.platform)
        if platform is None or not platform.code.profiles or site.profile in platform.code.profiles:
            continue
        others = sorted(other for other, facts in found.items() if site.profile in facts.code.profiles)
        have = (
            f"these platforms have it: {', '.join(others)}"
            if others
            else (f"it has: {', '.join(platform.code.profiles)}")
        )
        faults.append(
            f'aegir:sites["{name}"].profile: profile "{site.profile}" is not on platform {site.platform}; {have}'
        )
    return faults
