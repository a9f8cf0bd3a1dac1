"""The sites of a platform go to its live release, wave by wave; one that cannot stays where it is, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Literal

from aegir_components.messages import numbered, shown
from aegir_components.mysql.client import DatabaseError
from aegir_components.remote.errors import HostError
from aegir_components.settings.updating import Rollout

from .update import NotUpdated, Outcome

AT_ONCE: Final = 3
"""Sites of which something is done at a time, where nobody knows how many cores there are."""
MOST: Final = 8
"""Sites that are updated at a time however many cores a web server has: one database server serves them all."""
Result = Literal["updated", "switched", "failed", "waits", "stopped"]
"""``waits``: for being enabled; ``stopped``: sites before it failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What came of a site."""

    site: str
    name: str
    result: Result
    why: str = ""
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def line(self) -> str:
        """It in a sentence."""
        if self.result == "switched":
            return f"{self.name}: on the new release"
        if self.result != "updated":
            return f"{self.name}: {self.why}"
        took = self.outcome
        closed = (
            f"closed for {took.closed:.1f} s"
            if took.closed
            else f"nobody was sent away, {took.waited:.1f} s of waiting"
        )
        return f"{self.name}: {len(took.updates)} updates, rehearsed in {took.rehearsed:.1f} s, {closed}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What is done with sites; given by the provider, so that the order is decided without machines."""

    heavy: Callable[[str], Outcome]
    """Updates a site with its database. Raises ``NotUpdated`` and the errors of machines."""
    light: Callable[[Sequence[str]], dict[str, str]]
    """Puts sites on the release that need nothing else; gives those that do not answer with it, with why."""
    is_light: Callable[[str], bool]
    """Tells whether a site needs nothing but the code. Raises the errors of machines."""
    name: Callable[[str], str]
    """Gives the host name of a site."""
    goes: Callable[[str], bool]
    """Tells whether a site can go now; others are disabled, and wait."""
    held: Callable[[str, str], None]
    """Writes down why a site stays where it is."""
    done: Callable[[Done], None]
    """Hears of each site's end."""
    interrupted: Callable[[], None] = lambda: None
    """Hears of Ctrl-C before it waits for the sites at work."""
    at_once: Callable[[], int] = lambda: AT_ONCE
    """Tells how many sites are updated at a time."""


def run(sites: Sequence[str], rollout: Rollout, work: Work) -> list[Done]:
    """Bring sites to the release.

    Args:
        sites: those that are not on it and are not pinned.
        rollout: their order.
        work: what is done.
    """
    able = [site for site in sites if work.goes(site)]
    found = [Done(site=site, name=work.name(site), result="waits", why=DISABLED) for site in sites if site not in able]
    failed, stopped = 0, False
    first = {site for site in able if work.name(site) in rollout.canary}
    for wave in waves(able, rollout, work.name):
        if stopped:
            found += [
                _told(work, Done(site=site, name=work.name(site), result="stopped", why=STOPPED)) for site in wave
            ]
            continue
        results = list(_wave(wave, work))
        failed += sum(done.result == "failed" for done in results)
        stopped = stops(failed, rollout, canary=set(wave) <= first)
        found += results
    return found


DISABLED: Final = "it is disabled, and gets the release when it is enabled"
STOPPED: Final = "its turn did not come, because sites before it failed"


def waves(sites: Sequence[str], rollout: Rollout, name: Callable[[str], str]) -> list[list[str]]:
    """Sort sites into waves. Pure."""
    first = [site for site in sites if name(site) in rollout.canary]
    rest = [site for site in sites if site not in first]
    size = len(rest)
    if rollout.batch.endswith("%"):
        size = -(-len(rest) * int(rollout.batch[:-1]) // 100)
    elif rollout.batch:
        size = int(rollout.batch)
    parts = [rest[at : at + size] for at in range(0, len(rest), max(1, size))]
    return [wave for wave in (first, *parts) if wave]


def stops(failed: int, rollout: Rollout, *, canary: bool) -> bool:
    """Tell whether no further wave begins: enough have failed, or one of those that go first. Pure."""
    return bool(failed and canary) or bool(rollout.stop_on and failed >= rollout.stop_on)


def _wave(wave: Sequence[str], work: Work) -> Iterator[Done]:
    light: list[str] = []
    heavy: list[str] = []
    for site in wave:
        try:
            (light if work.is_light(site) else heavy).append(site)
        except (HostError, DatabaseError) as fault:
            yield _told(work, Done(site=site, name=work.name(site), result="failed", why=shown(fault)))
    if light:
        yield from _light(light, work)
    if heavy:
        with ThreadPoolExecutor(max_workers=work.at_once() if len(heavy) > 1 else 1) as pool:
            try:
                yield from pool.map(lambda site: _heavy(site, work), heavy)
            except KeyboardInterrupt:
                work.interrupted()
                raise


def _light(sites: Sequence[str], work: Work) -> Iterator[Done]:
    try:
        failing: Mapping[str, str] = work.light(sites)
    except (HostError, DatabaseError) as fault:
        failing = dict.fromkeys(sites, shown(fault))
    for site in sites:
        why = failing.get(site, "")
        yield _told(work, Done(site=site, name=work.name(site), result="failed" if why else "switched", why=why))


def _heavy(site: str, work: Work) -> Done:
    try:
        outcome = work.heavy(site)
    except (NotUpdated, HostError, DatabaseError) as fault:
        return _told(work, Done(site=site, name=work.name(site), result="failed", why=shown(fault)))
    return _told(work, Done(site=site, name=work.name(site), result="updated", outcome=outcome))


def _told(work: Work, done: Done) -> Done:
    if done.result in ("failed", "waits", "stopped"):
        try:
            work.held(done.site, done.why)
        except HostError as fault:
            done = Done(site=done.site, name=done.name, result=done.result, why=f"{done.why} ({shown(fault)})")
    work.done(done)
    return done


def table(found: Iterable[Done], live: str) -> str:
    """Say which sites are held back, why, and what to do."""
    failed = [done for done in found if done.result == "failed"]
    stopped = [done for done in found if done.result == "stopped"]
    lines = [f"{done.name}: {done.why.rstrip('.')}" for done in failed]
    if stopped:
        lines.append(f"{', '.join(done.name for done in stopped)}: {STOPPED}")
    count = len(failed) + len(stopped)
    what = "1 site is held back and answers" if count == 1 else f"{count} sites are held back and answer"
    return numbered(
        6140,
        f"{what} as before, with code and database of before; the platform's release is {live}. "
        f"{'; '.join(lines)}. Repair the code and release it, or pin a site to its release (release: at the site); pulumi up "
        f"tries again",
    )
