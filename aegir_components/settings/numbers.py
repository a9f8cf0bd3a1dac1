"""Whose numbers the account aegir has on each machine of a pack: files on a share belong to numbers, not to names."""

from __future__ import annotations

from dataclasses import replace

from . import model


def follow(settings: model.Settings) -> dict[str, str]:
    """Say which server decides the numbers of the account ``aegir`` for others.

    Machines that share a pack have to agree, and so do those of packs with a machine in common. Where none of them declares
    numbers, the first pack's master decides by what it has.

    Returns:
        For each machine that follows, the one that decides. None that declares numbers is among them.
    """
    found: dict[str, str] = {}
    for group in _groups(settings):
        leader = next(pack.master for pack in settings.packs.values() if pack.master in group)
        if not any(_declares(settings.servers[name]) for name in group):
            found |= {name: leader for name in sorted(group) if name != leader}
    return found


def spread(settings: model.Settings) -> dict[str, model.Server]:
    """Give all servers, with the numbers that another machine of their pack declares where they have none of their own."""
    servers = dict(settings.servers)
    for group in _groups(settings):
        masters = [pack.master for pack in settings.packs.values() if pack.master in group]
        declaring = [name for name in (*masters, *sorted(group)) if _declares(servers[name])]
        if declaring:
            user = servers[declaring[0]].aegir_user
            for name in group:
                if not _declares(servers[name]):
                    servers[name] = replace(servers[name], aegir_user=user)
    return servers


def _declares(server: model.Server) -> bool:
    return server.aegir_user.uid is not None or server.aegir_user.gid is not None


def _groups(settings: model.Settings) -> list[set[str]]:
    """List the machines that have to agree, packs with a machine in common together."""
    groups: list[set[str]] = []
    for pack in settings.packs.values():
        here = {name for name in (*pack.servers, pack.nfs, pack.standby) if name}
        for other in [group for group in groups if group & here]:
            groups.remove(other)
            here |= other
        groups.append(here)
    return groups
