"""The platforms, as declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aegir_components.messages import numbered

from . import groups, model, names, sources, updating
from .names import Wrong, WrongForm, wanted
from .reader import Node
from .wording import known, listed, quoted

PLATFORMS_ROOT: Final = "/var/aegir/platforms"
AEGIR_OWN: Final = ("config", ".ssh", ".drush", "backups", "clients")
SYSTEM_TREES: Final = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys"),
    *("/tmp", "/usr", "/var/run", "/var/tmp"),  # noqa: S108  they are to be refused
)
"""What belongs to a system: no publish path lies in one."""
VARIABLE_TREES: Final = (
    "/lost+found",
    *(f"/var/{name}" for name in ("backups", "cache", "crash", "lib", "local", "lock", "log", "mail", "opt", "spool")),
)
"""The same, but earlier versions took them: a platform that is there already stays."""
NEVER_BESIDE: Final = ("/home", "/media", "/mnt", "/var")
"""Directories of others' directories: releases and site data would lie among these."""
MOST_RELEASES: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Estate:
    """What has been read before the platforms, and what they may refer to."""

    hub: model.Hub
    servers: Mapping[str, model.Server]
    clusters: Mapping[str, groups.WebCluster]
    packs: Mapping[str, groups.Pack] = field(default_factory=dict)


NameOf = Callable[[str, str], str | None]
"""Give the conventional name of a platform by its server and its source directory; ``None`` when that is no code base."""


def no_name(_server: str, _source: str) -> None:
    """Know no conventional names: a platform in a list then has to have a name."""


def read_platforms(node: Node, estate: Estate, name_of: NameOf = no_name) -> dict[str, model.Platform]:
    """Read ``aegir:platforms``, by name or as a list; a platform with problems is there too."""
    platforms: dict[str, model.Platform] = {}
    nodes: dict[str, Node] = {}
    named = ((_name(item, name_of), item) for item in node.items()) if isinstance(node.value, list) else node.entries()
    for key, entry in named:
        if key in platforms:
            entry.fault(
                numbered(1017, f"is called {quoted(key)} as another platform in this list; give it a name of its own")
            )
            continue
        nodes[key] = entry
        try:
            names.platform_name(key)
        except Wrong as wrong:
            entry.fault(wrong.text)
            platforms[key] = _platform(key, entry, estate, path="")
        else:
            platforms[key] = _platform(key, entry, estate, path=f"{PLATFORMS_ROOT}/{key}")
    _check_paths(nodes, platforms)
    return platforms


def _name(item: Node, name_of: NameOf) -> str:
    """Name a platform of a list: its own name, or by the handbook's convention, ``<server>-drupal-<version>``."""
    if not isinstance(item.value, Mapping):
        return item.path
    if item.child("name").given:
        return item.child("name").text(item.path, names.platform_name)
    server, source = item.child("server").value, sources.source_path(item.child("source")).value
    found = name_of(server, source) if isinstance(server, str) and isinstance(source, str) else None
    if found is None:
        item.child("name").fault(
            numbered(
                1013,
                "missing; only a source that is a directory with a known code base gets a name by itself "
                "(<server>-drupal-<version>)",
            )
        )
    return found or item.path


def read_target(node: Node, estate: Estate) -> str:
    """Read what a platform is put on: a web server, or a cluster or pack of them."""
    able = [*(server.name for server in estate.servers.values() if server.web), *estate.clusters, *estate.packs]
    if not node.given:
        node.fault(
            numbered(1013, f"missing; write the web server, cluster or pack that it is on; known: {listed(able)}")
        )
        return ""
    target = node.reference("web server, cluster or pack", able)
    if not target or target in able:
        return target
    if target in estate.servers:
        node.fault(
            numbered(1107, f"server {node.describe()} has no web service; servers that have one: {listed(able)}")
        )
    else:
        every = [*estate.servers, *estate.clusters, *estate.packs]
        node.fault(numbered(1015, f"no server, cluster or pack named {node.describe()}; {known(target, every)}"))
    return ""


def _platform(name: str, node: Node, estate: Estate, *, path: str) -> model.Platform:
    if not node.check_keys():
        return model.Platform(name=name, server="", source=model.PlatformSource(), publish_path=path)
    publish = node.child("publish_path")
    server = read_target(node.child("server"), estate)
    pack = estate.packs.get(server)
    if path and pack is not None and pack.path:
        path = f"{pack.path}/{name}"
    return model.Platform(
        name=name,
        server=server,
        source=sources.read_source(node.child("source")),
        publish_path=publish.text(
            path,
            names.Check(lambda text: _publish_path(text, estate.hub.root), "an absolute path, such as /srv/www/shop"),
        ),
        keep_releases=node.child("keep_releases").number(3, 1, MOST_RELEASES),
        allow_shrink=node.child("allow_shrink").flag(False),
        verify="full" if node.child("verify").choice("quick", ("quick", "full")) == "full" else "quick",
        health=node.child("health").flag(True),
        rollback=node.child("rollback").text("", release_name),
        release=node.child("release").text("", release_name),
        database=node.child("database").choice("check", ("check", "keep", "restore")),
        update=steps if (steps := updating.read_update(node.child("update"))) is not None else updating.DEFAULT,
        rollout=updating.read_rollout(node.child("rollout")),
        keep_before=updating.read_kept(node.child("keep_before")),
    )


@wanted("a release, the 16 hexadecimal digits that name its directory, in quotes")
def release_name(text: str) -> str:
    """Check the name of a release."""
    if not re.fullmatch(r"[0-9a-f]{16}", text):
        raise WrongForm(
            numbered(1303, "must be a release, the 16 hexadecimal digits that name its directory; write it in quotes")
        )
    return text


def _publish_path(text: str, root: str) -> str:
    path = names.plain_path(text)
    if path.count("/") < 2:
        raise WrongForm(numbered(1300, "must be at least two directories deep, since releases are kept beside it"))
    if any(part.startswith(".") for part in path.split("/")):
        raise Wrong(
            numbered(1300, "must not have a directory whose name begins with a dot, as releases and site data do")
        )
    for tree in SYSTEM_TREES:
        if _within(path, tree):
            raise Wrong(numbered(1300, f"must not lie in {tree}, which belongs to the system"))
    for base in sorted({"/var/aegir", root}):
        for own in AEGIR_OWN:
            if _overlap(path, f"{base}/{own}"):
                raise Wrong(numbered(1300, f"must not be, contain or lie in {base}/{own}, which is Aegir's own"))
    return path


def taken(path: str) -> str:
    """Say why no new platform is published at a path; empty where one may be. Pure.

    Args:
        path: what ``publish_path`` may be by its form.
    """
    for tree in (*SYSTEM_TREES, *VARIABLE_TREES):
        if _within(path, tree):
            return numbered(1300, f"must not lie in {tree}, which belongs to the system")
        if _within(tree, path):
            return numbered(1300, f"must not contain {tree}, which belongs to the system")
    beside = path.rpartition("/")[0]
    if beside in NEVER_BESIDE:
        return numbered(
            1300, f"must not lie in {beside} itself, since releases and site data are kept beside it; take one below it"
        )
    return ""


def _check_paths(nodes: Mapping[str, Node], platforms: Mapping[str, model.Platform]) -> None:
    every = [platform for platform in platforms.values() if platform.publish_path]
    for index, platform in enumerate(every):
        for other in every[:index]:
            if _overlap(platform.publish_path, other.publish_path):
                how = _how(platform.publish_path, other.publish_path)
                path = nodes[platform.name].child("publish_path")
                mine = path.show(quoted(platform.publish_path))
                path.fault(numbered(1301, f"{mine} {how} the publish path of platform {quoted(other.name)}"))
    for platform in every:
        source = platform.source.path
        for other in every:
            parent, _, leaf = other.publish_path.rpartition("/")
            live = (other.publish_path, f"{parent}/.releases/{leaf}", f"{parent}/.sites")
            if source and any(_overlap(source, path) for path in live):
                path = sources.source_path(nodes[platform.name].child("source"))
                path.fault(
                    numbered(
                        1302,
                        f"{path.describe()} and what platform {quoted(other.name)} publishes at "
                        f"{path.show(quoted(other.publish_path))} must be apart",
                    )
                )
                break


def _within(path: str, tree: str) -> bool:
    return path == tree or path.startswith(tree + "/")


def _overlap(one: str, other: str) -> bool:
    return _within(one, other) or _within(other, one)


def _how(path: str, other: str) -> str:
    if path == other:
        return "is"
    return "lies in" if _within(path, other) else "contains"
