"""A declared origin, packed for the resource that uses it once, and what does that."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aegir_components.advisories import versions
from aegir_components.applications import APPLICATIONS
from aegir_components.backups import files, replacing, staging
from aegir_components.backups.book import Backup, Book
from aegir_components.backups.quiet import quiet
from aegir_components.backups.repository import BackupError, Target, opened
from aegir_components.messages import numbered
from aegir_components.rewriting import wordpress
from aegir_components.settings import Origin, Repository

from . import feeding, landing, live, loaded, uploads
from .dumps import DumpError


def packed(
    origin: Origin,
    *,
    owner: str,
    chosen: str,
    repositories: Sequence[Repository],
    key: str,
    shared: str,
    version: str,
    source: Mapping[str, Any],
    rules: Mapping[str, str],
    former: Sequence[str] = (),
) -> str:
    """Pack an origin, with all that it needs, as one text; it holds secrets.

    Args:
        origin: as declared.
        owner: what the site is known by whose backup it is.
        chosen: the backup's name.
        repositories: where backups are.
        key: of the owner's repositories.
        shared: the directory of uploads that the web servers share; empty where each has its own.
        version: of the code.
        source: the live site, as ``Source`` gives it.
        rules: the team's own for sanitising.
        former: names that the content knows its site by.
    """
    given: dict[str, Any] = {
        "uploads": shared, "version": version, "kind": loaded.CLONE if origin.is_clone else loaded.OWN,
        "former": list(former),
    }  # fmt: skip
    if origin.backup:
        places = [dataclasses.asdict(place) for place in repositories]
        given |= {"backup": chosen, "owner": owner, "key": key, "repositories": places}
    elif origin.is_live:
        given |= {
            "source": source,
            "sanitise": origin.sanitise or "none",
            "copies": origin.copies,
            "without": list(origin.without),
            "largest": origin.largest,
            "rules": dict(rules),
        }
    else:
        given |= {"database": origin.database, "prefix": origin.prefix}
        given["parts"] = {name: path for name in ("files", "private", "config") if (path := getattr(origin, name))}
    return json.dumps(given)


def key_of(keys: str, owner: str) -> str:
    """Find the key of a site's repositories among those of a stack; empty where there is none.

    Args:
        keys: as ``BackupKeys`` has them.
        owner: what the site is known by.
    """
    return str(json.loads(keys or "{}").get(owner, ""))


def load(site: landing.Site, given: Mapping[str, Any]) -> landing.Load:
    """Give what loads a site's content from its origin, with the addresses that content has of the site."""
    kind = _backup if given.get("backup") else live.load if given.get("source") else _brought
    return lambda staged: [*kind(site, given, staged), *rewritten(site, given)]


def rewritten(site: landing.Site, given: Mapping[str, Any]) -> list[str]:
    """Give content the site's address in the place of its former ones; a site's own backup has the right one.

    Args:
        site: the site.
        given: its origin; ``former`` are names that the content knows its site by.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    if not APPLICATIONS[site.application].has_address or (given.get("backup") and site.kind == loaded.OWN):
        return []
    database = site.database
    where = wordpress.Where(
        endpoint=site.source.endpoint, database=database.name, user=database.user, password=database.password
    )
    return wordpress.rewrite_site(where, site.url, map(str, given.get("former") or ()), tell=site.tell)


def _brought(site: landing.Site, given: Mapping[str, Any], staged: list[files.Staged]) -> list[str]:
    paired = APPLICATIONS[site.application].paired
    if paired and "config" not in given["parts"]:
        raise DumpError(
            numbered(
                3040,
                f"{site.source.name} would get a database without its configuration, which "
                f"{APPLICATIONS[site.application].title} keeps in files. Write where its active configuration is, at "
                "the site's origin: config: /srv/moves/active",
            )
        )
    parts = [
        uploads.Part(name=paired if paired and name == "config" else name, path=Path(path))
        for name, path in given["parts"].items()
    ]
    notes: list[str] = []
    for place in site.source.places:
        done = uploads.stage(place, site.source.site, parts, site.tell)
        if done is not None:
            staged.append(done[0])
            notes += [text for text in done[1] if text not in notes]
    return [*notes, *feeding.load(site, Path(str(given["database"])), str(given["prefix"]))]


def _backup(site: landing.Site, given: Mapping[str, Any], staged: list[files.Staged]) -> list[str]:
    owner = str(given["owner"])
    book = Book(hub_root=site.hub_root, stack=site.source.holder, site=owner)
    known = next((one for one in book.backups() if one.id.startswith(str(given["backup"]))), None)
    if known is None:
        raise BackupError(numbered(3041, f"{owner} has no backup {given['backup']} any more"))
    with opened(_place(given, owner, known)) as repository:
        snapshot = known.copies[repository.name]
        manifest, unpacked = staging.stage(
            repository, snapshot, known.id, source=site.source, part=staging.Part(), tell=site.tell
        )
        staged += unpacked
        _check_code(site, known, manifest)
        site.tell(f"{site.source.name}: loading the database of backup {known.id}")
        with quiet(site.source):
            replacing.replace_database(repository, snapshot, site.source, manifest)
    lacking = [f"the backup lacks {text}" for text in known.not_saved]
    rows = sum(manifest["database"]["rows"].values())
    site.tell(
        f"{site.source.name}: loaded and counted {len(manifest['database']['rows'])} tables with {rows} rows of backup {known.id}"
    )
    return lacking


def _place(given: Mapping[str, Any], owner: str, known: Backup) -> Target:
    for props in sorted(given["repositories"], key=lambda props: str(props["kind"]) != "directory"):
        place = Target(repository=Repository(**props), owner=owner, key=str(given["key"]))
        if place.name in known.copies and not place.is_missing:
            return place
    raise BackupError(
        numbered(
            3041,
            f"backup {known.id} is in {', '.join(known.copies)}, which cannot be reached or is not declared any more",
        )
    )


def _check_code(site: landing.Site, known: Backup, manifest: Mapping[str, Any]) -> None:
    release = (manifest.get("about") or {}).get("release") or {}
    application, version = str(release.get("application") or ""), str(release.get("version") or "")
    if application and application != site.application:
        raise BackupError(
            numbered(
                3043,
                f"backup {known.id} is of {application}, and the code of the site's platform is {site.application}",
            )
        )
    if version and site.version and versions.key(version) > versions.key(site.version):
        raise BackupError(
            numbered(
                3044,
                f"backup {known.id} is of {application} {version}, and the code of the site's platform is "
                f"{site.version}, which is older. Put the site on a platform with {version} or later",
            )
        )
