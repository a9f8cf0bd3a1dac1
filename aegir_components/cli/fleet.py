"""The same work for many sites side by side, with a bound for each server, and a verdict for each site whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from aegir_components.messages import around, shown
from aegir_components.remote.errors import CommandTimeout, ConnectionRefused, HostError, HostUnreachable
from aegir_components.remote.stream import OutputTooLong, Stopped

from .ends import FAILED, INTERRUPTED, OK, SITES_FAILED, SITES_UNREACHED

Kind = Literal["ok", "failed", "late", "unreachable", "refused", "interrupted", "not begun"]

PER_SERVER: Final = 2
"""Sites at once on one server, when nothing else is said."""
ENDING: Final = 20.0
"""Seconds to wait for what is interrupted."""
REPORT: Final = 5.0
"""Seconds between two lines of progress."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A site, and the server that runs the command for it."""

    site: str
    server: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """How it went for one site."""

    site: str
    server: str
    kind: Kind
    status: int | None = None
    """The exit status of what was run."""
    seconds: float = 0.0
    why: str = ""

    def plain(self) -> dict[str, Any]:
        """Give it for JSON."""
        return asdict(self)


Work = Callable[[Job, threading.Event], Verdict]


def side_by_side(
    jobs: Sequence[Job],
    work: Work,
    *,
    per_server: int = PER_SERVER,
    stop_on: int = 0,
    tell: Callable[[str], None],
    done: Callable[[Verdict], None] = lambda _verdict: None,
) -> list[Verdict]:
    """Do the work for all jobs, and give a verdict for each, in their order.

    A ``KeyboardInterrupt`` ends what is at work, begins nothing more, and is no error: verdicts say what ran.

    Args:
        jobs: one a site.
        work: does it for one; what it raises becomes a verdict.
        per_server: jobs at once on one server.
        stop_on: failures after which no further job is begun; 0 for none.
        tell: is told of the progress.
        done: is told of each verdict, from several threads.
    """
    run = _Run(jobs, work, stop_on, done)
    threads = [
        threading.Thread(target=run.serve, args=(server,), daemon=True)
        for server in dict.fromkeys(job.server for job in jobs)
        for _ in range(min(per_server, sum(job.server == server for job in jobs)))
    ]
    for thread in threads:
        thread.start()
    try:
        run.wait(threads, tell)
    except KeyboardInterrupt:
        run.stop.set()
        tell("ending what is at work; press Ctrl-C again to leave it")
        try:
            deadline = time.monotonic() + ENDING
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
        except KeyboardInterrupt:
            tell("left: what is at work on the machines ends there, because nobody listens any more")
        run.interrupted = True
    return run.verdicts()


def exit_status(verdicts: Iterable[Verdict]) -> int:
    """Give the exit status for all together: the worst that happened."""
    kinds = {verdict.kind for verdict in verdicts}
    if "interrupted" in kinds:
        return INTERRUPTED
    if kinds & {"failed", "late"}:
        return SITES_FAILED
    if kinds & {"unreachable", "refused", "not begun"}:
        return SITES_UNREACHED
    return OK if kinds else FAILED


def summary(verdicts: Sequence[Verdict]) -> list[str]:
    """Say how it went: a line in numbers, and a line for each site where it did not go well."""
    counts = {kind: sum(verdict.kind == kind for verdict in verdicts) for kind in _ORDER}
    head = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number)
    lines = [f"{len(verdicts)} sites: {head}"] if len(verdicts) != 1 else []
    for kind in _ORDER[1:]:
        fitting = [verdict for verdict in verdicts if verdict.kind == kind]
        if kind == "not begun" and len(fitting) > 1:
            lines.append(f"not begun: {', '.join(verdict.site for verdict in fitting)}")
        else:
            lines += [
                shown(around(said, f"{verdict.site}: {said}")) for verdict in fitting for said in [_said(verdict)]
            ]
    return lines


_ORDER: Final[tuple[Kind, ...]] = ("ok", "failed", "late", "unreachable", "refused", "interrupted", "not begun")


def _said(verdict: Verdict) -> str:
    status = f"status {verdict.status} after {verdict.seconds:.1f} s" if verdict.status is not None else ""
    where = f"{verdict.kind} on {verdict.server}" if verdict.server else verdict.kind
    return around(verdict.why, ", ".join(text for text in (where, status, verdict.why) if text))


class _Run:
    """Jobs at work."""

    def __init__(self, jobs: Sequence[Job], work: Work, stop_on: int, done: Callable[[Verdict], None]) -> None:
        self.jobs, self.work, self.stop_on, self.done = jobs, work, stop_on, done
        self.stop, self.interrupted = threading.Event(), False
        self._closed = threading.Event()
        self._waiting = list(jobs)
        self._at_work: dict[Job, float] = {}
        self._found: dict[Job, Verdict] = {}
        self._guard = threading.Lock()

    def serve(self, server: str) -> None:
        """Do the jobs of one server, one after the other."""
        while (job := self._next(server)) is not None:
            verdict = self._one(job)
            with self._guard:
                self._found[job] = verdict
                del self._at_work[job]
                failed = sum(each.kind not in {"ok", "interrupted"} for each in self._found.values())
                if self.stop_on and failed >= self.stop_on:
                    self._closed.set()
            self.done(verdict)

    def wait(self, threads: Sequence[threading.Thread], tell: Callable[[str], None]) -> None:
        """Wait for all, and tell of the progress from time to time."""
        begun = told = time.monotonic()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
                now = time.monotonic()
                if now - told > REPORT and self._found and len(self.jobs) > 1:
                    told = now
                    left = (now - begun) / len(self._found) * (len(self.jobs) - len(self._found))
                    tell(f"{len(self._found)} of {len(self.jobs)} done, about {left:.0f} s left")

    def verdicts(self) -> list[Verdict]:
        """Give a verdict for each job, also for those that were not begun or did not end."""
        with self._guard:
            return [self._found.get(job) or self._without(job) for job in self.jobs]

    def _without(self, job: Job) -> Verdict:
        if job in self._at_work:
            spent = time.monotonic() - self._at_work[job]
            return Verdict(site=job.site, server=job.server, kind="interrupted", seconds=round(spent, 1))
        return Verdict(site=job.site, server=job.server, kind="not begun")

    def _next(self, server: str) -> Job | None:
        with self._guard:
            if self.stop.is_set() or self._closed.is_set():
                return None
            job = next((job for job in self._waiting if job.server == server), None)
            if job is not None:
                self._waiting.remove(job)
                self._at_work[job] = time.monotonic()
            return job

    def _one(self, job: Job) -> Verdict:
        begun = time.monotonic()
        verdict = self._tried(job)
        return replace(verdict, seconds=round(time.monotonic() - begun, 1))

    def _tried(self, job: Job) -> Verdict:
        try:
            return self.work(job, self.stop)
        except Stopped:
            return Verdict(site=job.site, server=job.server, kind="interrupted")
        except CommandTimeout as fault:
            return Verdict(site=job.site, server=fault.host, kind="late", why=fault.text)
        except OutputTooLong as fault:
            return Verdict(site=job.site, server=fault.host, kind="failed", why=fault.text)
        except (HostUnreachable, ConnectionRefused) as fault:
            return Verdict(site=job.site, server=fault.host, kind="unreachable", why=fault.text)
        except HostError as fault:
            return Verdict(site=job.site, server=fault.host, kind="refused", why=fault.text)
