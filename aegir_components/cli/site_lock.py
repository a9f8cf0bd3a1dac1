"""The lock by which commands on the same sites know of each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aegir_components.hub import at_work
from aegir_components.hub.at_work import Claim, ClaimedError

from .ends import Refusal, tell
from .made import Site
from .stack import Stack, holder_of
from .stack_lock import refuse_locked


@contextmanager
def held(
    root: Path, stack: Stack, command: str, sites: Iterable[Site] | None = None, *, alone: bool = False
) -> Iterator[None]:
    """Keep commands that exclude this one from its sites, for a block of work.

    Args:
        root: the hub root.
        stack: whose sites they are.
        command: as it is named to others.
        sites: what it works on; ``None`` for all sites of the stack.
        alone: whether no other command may work on them meanwhile. Otherwise only such a command excludes this one.

    Raises:
        Refusal: another command is at work on one of them, or a run of Pulumi's has begun meanwhile; the message names who
            began it, and when.
    """
    try:
        with at_work.claimed(root, _claim(stack, command, sites, alone=alone)) as why:
            if why:
                tell(why)
            if alone:
                # A run that begins from now on sees this command, and waits for it before it changes one of the sites.
                refuse_locked(stack)
            yield
    except ClaimedError as busy:
        raise Refusal(str(busy)) from None


def refuse_busy(root: Path, stack: Stack, command: str, site: Site) -> None:
    """Go no further while another command has a site for itself; for sessions of persons, which exclude nobody.

    Raises:
        Refusal: one has.
    """
    try:
        at_work.refuse(root, _claim(stack, command, [site]))
    except ClaimedError as busy:
        raise Refusal(str(busy)) from None


def _claim(stack: Stack, command: str, sites: Iterable[Site] | None, *, alone: bool = False) -> Claim:
    named = {site.identity: site.name for site in sites or ()}
    return Claim(stack=holder_of(stack), command=command, sites=named, alone=alone)
