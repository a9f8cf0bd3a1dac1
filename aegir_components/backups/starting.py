"""A site started from its backup: on a web server, with the backup's database and files, and closed to everybody outside.

The front page is made by a program of the command line, which nobody can ask for anything. It sees the backup's files in the
place of the site's own, and reaches the restored database with an account that reaches nothing else.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from aegir_components import layout
from aegir_components.applications import APPLICATIONS
from aegir_components.applications.base import Answer, Application, program
from aegir_components.deploy import rehearsal
from aegir_components.deploy import site_command as commands
from aegir_components.messages import numbered
from aegir_components.messages.printable import printable
from aegir_components.mysql import copies
from aegir_components.mysql.client import DatabaseError
from aegir_components.mysql.databases import SiteDatabase
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import HostError
from aegir_components.scripts import script

from . import archive, files
from .book import Proof
from .repository import BackupError
from .source import SHARED, Source

SECONDS: Final = 180
"""For the front page."""
RESERVE: Final = 1 << 30
"""Bytes that stay free on a web server."""
KEPT: Final = 100_000
"""Bytes of what the program printed that are read."""
_PAGE: Final = re.compile(r"^::page (\S+)$", re.MULTILINE)


class NotTriedError(BackupError):
    """Whether the site starts is not known; says why nobody tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Where a site is started, and as what."""

    place: commands.Place
    server: str
    """The web server that it is started on, as the backup calls it."""
    worker: Connection
    database: SiteDatabase
    release: str
    """The platform and the release that the site is on."""
    why_not: str = ""
    """Why it can't be tried; empty where it can."""

    @property
    def kind(self) -> Application:
        """Its application."""
        return APPLICATIONS[self.place.application]

    @property
    def account(self) -> str:
        """The account that reaches the restored database."""
        return layout.update_account(self.place.site)

    @property
    def definer(self) -> tuple[str, str]:
        """The account that views, triggers and routines of the restored database have: name and address."""
        return self.account, min(self.database.clients)


class Scratch:
    """A place on a web server where a site is started from a backup."""

    def __init__(self, start: Start, source: Source, schema: str) -> None:
        self._start, self._source, self._schema = start, source, schema
        self._password = secrets.token_hex(20)
        self._begun, self._at = time.monotonic(), int(time.time())
        self._own_files = False
        self.fault = ""
        """Why the site does not start; empty as long as nothing is wrong."""

    def begin(self, manifest: Mapping[str, Any]) -> None:
        """Let the site's program reach the database, and make the place.

        Raises:
            NotTriedError: the web server has no room for the files.
            HostError: it did not answer.
            DatabaseError: the database server did not.
        """
        start = self._start
        self._want_room(sum(int(one["bytes"]) for label, one in manifest["files"].items() if self._wants(label)))
        copies.let_in(self._source.endpoint, start.database, self._schema, start.account, self._password)
        access = {"database": self._schema, "username": start.account, "password": self._password}
        facts = self._run(
            rehearsal.begin_items(start.place, self._homes, access), "making a place to start it from its backup"
        )
        # A container that may not mount shows the site's own files, which can't be written to.
        self._own_files = "readonly" in facts

    def unpack(self, reading: archive.Reading) -> None:
        """Unpack the files of a backup, from the first one to the last one, that the web server would have."""
        while label := reading.next_label():
            place = next((one for one in self._source.places if one.label == label), None)
            if place is None or not self._wants(label) or self._own_files or self.fault:
                for entry in reading.take(lambda name, label=label: name.startswith(f"files/{label}/")):  # type: ignore[misc]
                    entry.skip()
                continue
            there = replace(place, conn=self._start.worker, home=self._beside(label))
            try:
                files.stage(there, self._source.site, label, "", reading)
            except HostError as fault:
                self.fault = str(fault)

    def ask(self) -> Proof:
        """Make the front page, and judge it as the health check does."""
        if not self.fault:
            try:
                self.fault = self._asked()
            except HostError as fault:
                self.fault = str(fault)
        seconds = time.monotonic() - self._begun
        said = "started: its front page comes from the restored data"
        if self._own_files:
            said += f"base; {self._start.server} cannot lay the backup's files over the site's own"
        text = self.fault or said
        return Proof(at=self._at, seconds=seconds, ok=not self.fault, text=text)

    def end(self) -> None:
        """Leave nothing of it.

        Raises:
            HostError: a web server did not answer.
            DatabaseError: the database server did not.
        """
        start = self._start
        copies.drop(self._source.endpoint, start.database, self._schema, start.account)
        self._run(rehearsal.end_items(self._source.site), "removing the place where it was started from its backup")

    @property
    def _homes(self) -> list[str]:
        """The directories that the site's programs write into."""
        return list(dict.fromkeys(one.home for one in self._source.places if self._wants(one.label)))

    def _wants(self, label: str) -> bool:
        return label in {SHARED, self._start.server}

    def _beside(self, label: str) -> str:
        return f"{rehearsal.scratch(self._source.site)}/backup-{label}"

    def _asked(self) -> str:
        start = self._start
        told = {"host": start.place.name, "url": start.place.url}
        command = commands.Command(
            argv=rehearsal.PHP,
            stdin=program(told, *start.kind.front).encode(),
            seconds=SECONDS,
            who="aegir: backup",
            kept=KEPT,
        )
        lines = [
            line
            for place in self._source.places
            if self._wants(place.label) and not self._own_files
            for line in rehearsal.put_items(
                start.place, f"{self._beside(place.label)}/{files.FRESH}", place.home, place.parts
            )
        ]
        lines += rehearsal.run_items(start.place, command)
        facts = self._run(lines, "starting it from its backup", timeout=SECONDS + 120)
        return judged(facts.get("said", ""), facts.get("status", ""), self._schema, start.kind)

    def _want_room(self, size: int) -> None:
        look = f'fact free "$(df --output=avail -B1 {layout.STATE_ROOT} | tail -n 1)"'
        facts = script.execute(self._start.worker, "check", [look], what="looking for room for a backup's files").facts
        free = script.number(facts.get("free", "").strip(), -1)
        if 0 <= free < size + RESERVE:
            raise NotTriedError(
                numbered(
                    7160,
                    f"{self._start.server}: the files of the backup take {size >> 20} MB, and {layout.STATE_ROOT} has "
                    f"{free >> 20} MB left. Make room there, then run: aegir backups prove {self._source.name} --boot",
                )
            )

    def _run(self, lines: list[str], what: str, timeout: float = 300.0) -> Mapping[str, str]:
        return script.execute(
            self._start.worker, "apply", lines, what=f"{self._source.name}: {what}", timeout=timeout, lock=False
        ).facts


@contextmanager
def scratch(start: Start, source: Source, schema: str, manifest: Mapping[str, Any]) -> Iterator[Scratch]:
    """Make a place to start a site from a backup for a block of work, while no update of the site is at work.

    Raises:
        NotTriedError: it cannot be tried now.
    """
    if start.why_not:
        raise NotTriedError(start.why_not)
    if source.conn.kind == "none" and manifest["database"]["definers"]:
        raise NotTriedError(
            numbered(
                5053,
                f"{source.server} is somebody else's server, where views, triggers and routines of the restored database "
                f"would run with the rights of the hub's account",
            )
        )
    with copies.alone(source.endpoint, start.database) as free:
        if not free:
            raise NotTriedError(
                numbered(6502, "an update of the site is at work; run aegir backups prove again when it has ended")
            )
        place = Scratch(start, source, schema)
        try:
            try:
                place.begin(manifest)
            except (HostError, DatabaseError) as fault:
                raise NotTriedError(numbered(7161, f"no place to start it could be made: {fault}")) from fault
            yield place
        finally:
            # What cannot be reached is left to the next start, or to the next update.
            with suppress(HostError, DatabaseError):
                place.end()


def judged(said: str, status: str, schema: str, kind: Application) -> str:
    """Say why what the program printed is not the front page from a schema; empty where it is.

    Args:
        said: what it printed.
        status: what it ended with.
        schema: the restored database.
        kind: the site's application.
    """
    found = _PAGE.findall(said)
    try:
        page = json.loads(base64.b64decode(found[-1], validate=True))
        body = base64.b64decode(page["body"]).decode(errors="replace")
        headers = {str(name).lower(): str(value) for name, value in dict(page["headers"]).items()}
        answer, database = Answer(status=int(page["status"]), headers=headers, body=body), str(page["database"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        last = printable(" ".join(_PAGE.sub("", said).split())[-500:])
        return f"the front page was not made, and its program ended with status {status}: {last or 'it says nothing'}"
    # What PHP has to say, such as why it ended, is beside the page.
    words = printable(" ".join(_PAGE.sub("", said).split())[-300:])
    if why := kind.judge(answer):
        return f"its front page {why}" + (f" ({words})" if words else "")
    if database != schema:
        other = database or "of nobody"
        return f"its front page comes from the database {other}, which its own settings name, and not from the backup"
    return ""
