"""One site moves: checked, copied while it is live, closed for what differs, asked in its new place, and opened there.

docs/decisions, decision 23. Until the new place is opened nothing of the former one is removed: whatever fails before that
leaves the site where it was. What is removed afterwards lies proven on the hub.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pulumi

from aegir_components.backups.repository import BackupError
from aegir_components.inputs.site import SiteConfigurationInputs
from aegir_components.messages import around, numbered, shown
from aegir_components.mysql import arriving, copies
from aegir_components.mysql.client import DatabaseError
from aegir_components.process import Process
from aegir_components.providers import answered, answering, declared, forwards, settling, site_database
from aegir_components.providers.moves import Record, is_same_place
from aegir_components.remote.errors import HUB, HostError, Refused

from . import checks, database, files, place
from .decision import Change, Verdict, change, is_other_server
from .place import WHY, Site, Work


@dataclass(slots=True)
class Move:
    """A site that an edit carries elsewhere."""

    had: Site
    want: Site
    change: Change
    record: Record
    work: Work
    ours: bool = False
    """Whether what is in the new place was made by a run of this move that did not come to its end."""
    announced: bool = True
    """Whether the program knows of it, so that visitors are forwarded from its former place."""
    door: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _units: list[files.Unit] = field(default_factory=list)
    _verdict: Verdict = "nothing"
    _step: str = ""
    _answering: bool = False
    _closed_at: float = 0.0

    def run(self) -> None:
        """Do it.

        Raises:
            Refused: it was not done, and the site is where it was, as the text says; or it was done, and not all of the
                former place could be removed.
            HostError: it could not be tried; nothing was changed.
            DatabaseError: likewise.
        """
        with copies.alone(self.had.endpoint, self.had.database) as free:
            if not free:
                raise Refused(
                    self.had.server,
                    numbered(
                        6502,
                        f"another update or move of {self.had.name} is at work, here or on another hub. Nothing was changed. "
                        f"Wait for its end, and run pulumi up again",
                    ),
                )
            self._carry()
        try:
            place.leave(self.work.process, self.had, self.want, self.change)
        except (HostError, DatabaseError) as fault:
            raise Refused(
                self.had.listed,
                numbered(
                    8042,
                    f"{self.want.name} has moved {self.way}, and not all of its former place could be removed: "
                    f"{shown(fault)}. Repair the cause and run pulumi up, which does the rest",
                ),
            ) from fault
        if self.change.files and self.announced:
            _forward(self.record, self.had)
        self.record.left()

    @property
    def way(self) -> str:
        """Say from where to where, for a message."""
        pairs = []
        if self.change.files:
            pairs.append((self.had.listed, self.want.listed))
        if self.change.database:
            pairs.append((f"the database server {self.had.server}", self.want.server))
        return " and ".join(f"from {before} to {now}" for before, now in pairs)

    def _carry(self) -> None:
        self._check()
        self._save()
        self.record.begin(self.want.inputs)
        self._want_record(self.record.target is not None)
        _tell(f"{self.want.name} moves {self.way}. It is served until what differs is copied, and closed for that")
        try:
            self._make_ready()
            with self._closed():
                self._bring()
            self._ask()
            self._switch()
        except Exception as fault:  # noqa: BLE001 - whatever it is, the site goes on being served
            self._take_back(fault)
        seconds = time.monotonic() - self._closed_at
        _tell(f"{self.want.name} has moved {self.way}. It was closed for {seconds:.1f} s")

    def _check(self) -> None:
        checks.refuse_busy(self.had, self.want, self.change)
        checks.refuse_without_locks(self.had)
        if self.change.files:
            self._units = checks.of_files(self.had, self.want, self.work, ours=self.ours)
        if self.change.database:
            self._verdict = checks.of_database_to(self.had, self.want)
        if self.change.files:
            checks.refuse_lacking(self.had, self.want)
        if self._is_asked:
            self._answering = len(self.had.asked()) < len(self.had.members)

    def _save(self) -> None:
        """Back the site up where it is.

        Raises:
            Refused: it could not be backed up; nothing was changed.
        """
        if self.change.database and self._verdict != "carry":
            # Its content is in its new place already.
            return
        try:
            said = self.work.save(self.had)
        except BackupError as fault:
            raise Refused(self.had.listed, around(fault, f"moving {self.want.name} {self.way}: {fault}")) from fault
        if said:
            _tell(f"{self.want.name}: {said}")

    @property
    def _is_asked(self) -> bool:
        declared = self.had.is_open and self.want.is_open
        return declared and self.want.inputs.health

    @property
    def _is_there(self) -> bool:
        """Whether it is in its new place already, with its content: the state does not know, which is from before that move."""
        return self._verdict == "adopt" and not self.change.files

    def _make_ready(self) -> None:
        if not self.change.files:
            return
        self._step = "configuring it, closed, on its new web servers"
        self.want.shut(self.door)
        self.want.configure(None, self.work)
        self._step = "copying its files while it is live"
        for unit in self._units:
            files.first_pass(unit, self.want.key)

    @contextmanager
    def _closed(self) -> Iterator[None]:
        """Keep visitors out and let nobody write for a block of work."""
        self._step, self._closed_at = "closing it", time.monotonic()
        if self._is_there:
            # By the state's web servers and host name it may answer nowhere.
            yield
            return
        if self.had.is_open:
            self.had.closable(self.door).close(WHY)
        self.had.shut(self.door)
        if self.change.database and self._verdict != "carry":
            # Its former server has nothing of it, and may be without its accounts.
            place.end_processes(self.had)
            yield
            return
        with copies.watching(self.had.endpoint, self.had.database) as own:
            copies.drain(own)
            copies.shut(self.had.endpoint, self.had.database, own)
        place.end_processes(self.had)
        yield
        if not self.change.database:
            # Its former web servers answer 503, nothing of it runs there, and the new ones have to be let in.
            copies.open_again(self.had.endpoint, self.had.database)

    def _bring(self) -> None:
        self._step = "copying what was written to its files meanwhile"
        for unit in self._units:
            files.last_pass(unit, self.want.key)
        if self._verdict == "carry":
            self._step = "copying its database"
            database.rest_events(self.want.endpoint, self.want.database)
            rows = database.carry(self.had.source, self.want.source, self.want.database)
            _tell(f"{self.want.name}: {rows} rows are on {self.want.server} and were counted there")
        if self.change.database:
            # Locked where it comes back to a server that it had left.
            copies.open_again(self.want.endpoint, self.want.database)
        self._step = "putting it in its new place"
        files.put_in_place(self._units, self.want.key)
        self.want.configure(None if self.change.files else self.had.inputs, self.work)
        settling.written(self.work.process, self.want.key)

    def _ask(self) -> None:
        self._step = "asking it in its new place"
        if not self._answering:
            return
        settling.wait(self.work.process, [self.want.key])
        if failing := self.want.asked(self.door):
            servers = ", ".join(sorted({at.server for at in failing}))
            raise Refused(servers, numbered(8030, f"it does not answer there: {answering.rows(failing)}"))

    def _switch(self) -> None:
        self._step = "opening it in its new place"
        self.record.switched(self.had.inputs, self.want.accounts.machine)
        self._want_record(self.record.is_switched)
        settle(self.want, self.change)

    def _want_record(self, is_kept: bool) -> None:
        """Go on only with a record that a later run can read, should this one be killed.

        Raises:
            Refused: the hub could not write it.
        """
        if not is_kept:
            raise Refused(
                HUB,
                numbered(
                    8031,
                    f"what is done with {self.want.name} cannot be written down below the hub root. Make room there, or "
                    f"let the user who runs pulumi write there",
                ),
            )

    def _take_back(self, fault: Exception) -> None:
        """Let the site be served where it was, and leave nothing of it elsewhere.

        Raises:
            Refused: always; says what failed, and what could not be undone.
        """
        where, begin = self.want.listed, f"moving {self.want.name} {self.way}: {self._step}: {shown(fault)}"
        if self.record.is_switched or self._is_there:
            raise Refused(
                where, numbered(8041, f"{begin}. All of its content is in its new place. Run pulumi up again")
            ) from fault
        left = place.reopen(self.had, self.want, self.change, self.work)
        left += place.clear(self.work.process, self.had, self.want, self.change)
        said = f"{self.had.name} is on {self.had.listed} as before, and nothing of it is left in its new place"
        if left:
            said = f"{self.had.name} was to be on {self.had.listed} as before; these failed: {'; '.join(left)}"
        raise Refused(
            where,
            numbered(
                8040, f"{begin}. {said}. Repair the cause and run pulumi up, or take this edit back and run pulumi up"
            ),
        ) from fault


def carried(
    want: SiteConfigurationInputs, recorded: SiteConfigurationInputs, work: Work
) -> SiteConfigurationInputs | None:
    """Carry a site to where it is to be, if that is elsewhere, after a move that did not come to its end.

    Args:
        want: the inputs of its configuration.
        recorded: the recorded ones.
        work: the provider's.

    Returns:
        The inputs that say where it is then.

    Raises:
        Refused: it could not be carried, and is where it was; or not all of its former place could be removed.
        HostError: a machine is not reached.
        DatabaseError: a database server does not answer, or refuses.
    """
    record = site_database.record_of(want.site_database)
    now, ours = recover(record, recorded, want, work)
    moved, there, here = change(now, want), _reached(work.process, now, record), Site(want, record.rights)
    announced = now is recorded
    if moved.files and not ours and checks.has_arrived(there, here):
        _tell(f"{here.name} is on {here.listed} already, with its files; what is left of it on {there.listed} goes")
        place.leave(work.process, there, here, Change(files=True, database=False))
        now, announced = replace(want, accounts=now.accounts, hub_password=now.hub_password), False
        moved, there = change(now, want), _reached(work.process, now, record)
    elif not moved and announced:
        return recorded
    if moved:
        Move(there, here, moved, record, work, ours=ours, announced=announced).run()
    # It is asked where it is from now on.
    answered.Site(hub_root=record.hub_root, stack=record.stack, site=record.site).forget()
    return want if moved else now


def _reached(process: Process, recorded: SiteConfigurationInputs, record: Record) -> Site:
    """Give a site where it is, with the ways to its machines as they are declared now: the edit may have changed them, too."""
    return Site(declared.reached_now(process.declared, recorded), record.rights)


def settle(now: Site, moved: Change) -> None:
    """Open a site in the place that has its content.

    Raises:
        HostError: a web server is not reached.
        DatabaseError: the database server does not answer.
    """
    if moved.database:
        arriving.unmark(now.endpoint, now.database)
        copies.open_again(now.endpoint, now.database)
    now.closable("").open()


def recover(
    record: Record, was: SiteConfigurationInputs, want: SiteConfigurationInputs, work: Work
) -> tuple[SiteConfigurationInputs, bool]:
    """Bring a move to an end that was killed or failed: forward if the new place had been opened, else back.

    Args:
        record: what the hub knows of it.
        was: the recorded inputs of the site's configuration.
        want: the new ones.
        work: the provider's.

    Returns:
        The inputs that say where the site is, and whether there is something of this very move in the new place.

    Raises:
        Refused: it could not be done.
        HostError: likewise.
        DatabaseError: likewise.
    """
    if record.target is None:
        return was, False
    target = Site(record.filled(work.process.declared, "target", was, want), record.rights)
    if record.is_switched:
        return _gone_forward(work.process, record, was, want, target), False
    had = _reached(work.process, was, record)
    moved = change(was, target.inputs)
    left = place.reopen(had, target, moved, work)
    again = is_same_place(record.target, want)
    if not again:
        # What was to be its database there is removed with its declaration.
        left += place.clear(work.process, had, target, Change(files=moved.files, database=False))
    if left:
        raise Refused(
            had.listed,
            numbered(8043, f"{had.name}: a move that was not ended could not be undone: {'; '.join(left)}"),
        )
    if not again:
        record.forget_target()
    return was, again


def _gone_forward(
    process: Process, record: Record, was: SiteConfigurationInputs, want: SiteConfigurationInputs, target: Site
) -> SiteConfigurationInputs:
    """Remove what is left of the former place of a site that had been opened in its new one; give where it is."""
    if is_same_place(target.inputs, was):
        record.forget_target()
        return was
    if record.former is not None:
        former = Site(record.filled(process.declared, "former", was, want), record.rights)
        moved = change(former.inputs, target.inputs)
        settle(target, moved)
        returns = not is_other_server(former.accounts.machine, want.site_database.machine)
        place.leave(process, former, target, moved, returns=returns)
        if moved.files and not is_same_place(former.inputs, want):
            _forward(record, former)
        record.left()
    return target.inputs


def _forward(record: Record, had: Site) -> None:
    forwards.note(record.hub_root, record.stack, record.site, had.members.values())


def _tell(text: str) -> None:
    pulumi.log.info(text)
