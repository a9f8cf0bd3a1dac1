"""Which sites a restore is for, and the lock that it has on them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from aegir_components.messages import numbered

from . import audit, selecting, site_lock
from .ends import Refusal, WrongUsage
from .selecting import Selection
from .unlocked import Unlocked


def see_usage(
    selection: Selection, database_server: str | None, backups: Sequence[object], alone: Sequence[object]
) -> None:
    """See that options go together.

    Args:
        selection: what was said about sites.
        database_server: likewise.
        backups: what says which backup.
        alone: what does not go with all sites of a server.

    Raises:
        WrongUsage: they do not.
    """
    if sum(map(bool, backups)) > 1:
        raise WrongUsage(numbered(9004, "give one of --at, --backup and --archive"))
    if not database_server:
        selecting.need(selection)
    if selection.servers and database_server:
        raise WrongUsage(numbered(9004, "give one of --server and --database-server"))
    if (selection.servers or database_server) and any(alone):
        raise WrongUsage(numbered(9004, "--server and --database-server go with --at alone"))


def names(unlocked: Unlocked, selection: Selection, database_server: str | None) -> list[str]:
    """Name the sites whose backups are restored.

    Args:
        unlocked: the stack.
        selection: what is meant. A word without wildcards may also name a removed site, whose backups are still known.
        database_server: only sites with their database there.

    Raises:
        Refusal: one that is named is not there, or none is left.
    """
    by_name = selection.words and not any(set(word) & set("*?[") for word in selection.words)
    if by_name and not replace(selection, words=(), environment="").narrowed and not database_server:
        words = [word.lower() for word in selection.words]
        return list({unlocked.identity(word): word for word in words}.values())
    if not selection.narrowed:
        selection = replace(selection, everything=True)
    picked = selecting.pick(unlocked.state, selection, lambda: selecting.clients_of(unlocked.stack, unlocked.state))
    found = [site.name for site in picked if not database_server or site.database_server == database_server]
    if not found:
        raise Refusal(numbered(7050, f"no site that you selected of {unlocked.stack.name} is on {database_server}"))
    return found


def held(unlocked: Unlocked, targets: Sequence[str], *, dry_run: bool) -> AbstractContextManager[None]:
    """Have the sites that are restored into for this run alone: from what a person is shown until it is done.

    Raises:
        Refusal: another command is at work on one of them.
    """
    wanted = {unlocked.identity(name) for name in targets}
    sites = [site for site in unlocked.state.sites.values() if site.identity in wanted]
    if dry_run or not sites:
        return nullcontext()
    return site_lock.held(audit.root_of(unlocked.state), unlocked.stack, "restore", sites, alone=True)
