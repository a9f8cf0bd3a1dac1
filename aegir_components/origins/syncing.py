"""The content of a live site takes the place of what another site has: a database, files, or both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from aegir_components.backups import files, inventory, loading
from aegir_components.backups.quiet import no_update
from aegir_components.backups.replacing import Beside
from aegir_components.backups.repository import BackupError
from aegir_components.backups.source import Source
from aegir_components.backups.sql import Apart
from aegir_components.backups.staging import Laid, Part, Words
from aegir_components.deploy.site_closing import By, Reason
from aegir_components.mysql import client, databases
from aegir_components.remote.errors import HostError

from . import definition, feeding, live
from .dumps import DumpError
from .landing import Site


@dataclass(slots=True)
class Found:
    """What came up while content was put beside a site."""

    dump: feeding.Dump | None = None
    safety: str = ""
    """The backup of what was there before."""
    notes: list[str] = field(default_factory=list)
    """What was changed, or could not be taken over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FromSite:
    """The content of a live site, for another site that has content."""

    site: Site
    """The site that gets it."""
    source: Source
    """The live site."""
    database: databases.SiteDatabase
    """The live site's database: no update exchanges its tables while it is copied."""
    where: str
    """The live site with its stack, as ``production:www.example.com``."""
    part: Part
    rules: Mapping[str, str] | None
    """The team's own for sanitising; ``None`` for content with all personal data."""
    former: tuple[str, ...]
    """Names that the content knows its site by."""
    clear: Callable[[], None] = field(repr=False)
    """Clears the caches of the site that gets it."""
    found: Found = field(default_factory=Found)
    has_to_answer: bool = True

    @property
    def words(self) -> Words:
        """What messages say of it."""
        called = f"the content of {self.where}"
        return Words(
            called=called,
            doing=Reason.of(By.SYNC, f" {called}"),
            done=f"has {called} now",
            failed=f"could not get {called}",
            work="sync",
        )

    def stage(self, cleaning: ExitStack) -> Laid:
        """Put database and files beside the site's own; WordPress's content gets the site's address there."""
        staged: list[files.Staged] = []
        manifest: dict[str, Any] = {"database": {"rows": {}}}
        beside = None
        with _named():
            if self.part.database:
                beside, manifest = self._database(cleaning)
            which = live.Which(files=self.part.files, database=self.part.database)
            if which.files or which.database:
                try:
                    sanitise = self.rules is not None
                    self.found.notes += live.stage_files(self.site, self.source, staged, sanitise=sanitise, which=which)
                except BaseException:
                    for one in staged:
                        with suppress(HostError):
                            one.finish()
                    raise
        return manifest, staged, beside

    def settle(self) -> None:
        """Make views and the like as the site's own account, and clear its caches."""
        if self.found.dump is not None:
            self.site.tell(f"{self.site.source.name}: making views, triggers and the like")
            with _named():
                self.found.notes += feeding.make_objects(self.site, self.found.dump)
        self.site.tell(f"{self.site.source.name}: clearing its caches")
        self.clear()

    def record(self, safety: str) -> dict[str, Any]:
        """Say that the next run brings back what was there before."""
        self.found.safety = safety
        return {"backup": safety, "safety": safety, "from": self.where}

    def _database(self, cleaning: ExitStack) -> tuple[Beside, dict[str, Any]]:
        target, again = self.site.source, f"aegir sync --from {self.where} --to {self.site.source.name}"
        with client.connect(target.endpoint) as session:
            charset, collation = inventory.character_set(session, target.database)
        # The server counts tables with their indexes.
        loading.want_room(target, databases.size(self.source.endpoint, self.source.database)[1] // 2, again)
        schema = cleaning.enter_context(_scratch_schema(target, self.site.hub_root, charset, collation))
        aside = replace(
            self.site, source=replace(target, database=schema), database=replace(self.site.database, name=schema)
        )
        alone = no_update(self.source.endpoint, self.database, self.where)
        with alone, live.dumped(aside, self.source, self.rules, again=again) as file:
            dump = feeding.judge(aside, file.path, "", called=file.called, made=file.made)
            self.found.notes += [*file.notes, *feeding.feed(aside, dump)]
        with feeding.only_here(aside) as (user, password):
            own = replace(aside, database=replace(aside.database, user=user, password=password))
            self.found.notes += definition.rewritten(own, {"former": self.former})
        self.found.dump = dump
        rows = databases.tables(target.endpoint, schema)
        had = {
            "name": schema, "charset": charset, "collation": collation, "objects": {"tables": sorted(rows)}, "rows": rows,
            "definers": {}, "longest": 0,
        }  # fmt: skip
        return Beside(schema=schema, later=Apart()), {"database": had}


@contextmanager
def _scratch_schema(target: Source, hub_root: str, charset: str, collation: str) -> Iterator[str]:
    """Make a schema beside a site's own for a block of work; one that cannot be dropped then is dropped by the next run."""
    with ExitStack() as ending:
        made = loading.scratch_schema(target, hub_root, charset, collation)
        schema = made.__enter__()

        def drop() -> None:
            with suppress(client.DatabaseError):
                made.__exit__(None, None, None)

        ending.callback(drop)
        yield schema


@contextmanager
def _named() -> Iterator[None]:
    """Raise what is wrong with content as what a restore of it raises."""
    try:
        yield
    except DumpError as fault:
        raise BackupError(str(fault)) from fault
