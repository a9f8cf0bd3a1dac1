"""aegir:SiteDatabase: a site's database, with an account for every address that may connect."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi

from aegir_components import layout
from aegir_components.archives import encrypting, keeping
from aegir_components.inputs.database import DatabaseServer, SiteAccounts, SiteDatabaseInputs
from aegir_components.inputs.props import Known
from aegir_components.inputs.site import SiteConfigurationInputs
from aegir_components.messages import numbered, telling, text_of
from aegir_components.moving.decision import is_other_server
from aegir_components.mysql import arriving, client, copies, databases
from aegir_components.process import Declared

from . import archived, content, declared
from . import moves as site_moves
from .lifecycle import AegirResource, Lifecycle


class SiteDatabaseProvider(Lifecycle[SiteDatabaseInputs, SiteDatabaseInputs]):
    """Made from the hub over MySQL's own protocol; removed only after its dump was loaded and counted."""

    # Not the server's name: a replacement would dump and drop what the new resource has just adopted on the same machine.
    identity_keys = ("database",)
    waits = True
    secret_keys = ("password", "site_password")
    delete_first = False

    def identity(self, want: SiteDatabaseInputs) -> str:
        """A database on a server."""
        return f"{want.server}/{want.database}"

    def rejected(self, have: SiteDatabaseInputs, want: Known[SiteDatabaseInputs]) -> dict[str, str]:
        """Reject another server for a database whose own one is abandoned: nobody can bring its content from there."""
        now = want.ask(lambda inputs: (inputs.machine, inputs.site), None)
        return rejected(have.machine, *now, abandoned=self.process.abandoned) if now else {}

    def problems(self, want: Known[SiteDatabaseInputs]) -> dict[str, str]:
        """Accounts are for addresses, never for everybody (design.md; Aegir fell back to it)."""
        if "%" in "".join(want.ask(lambda inputs: inputs.clients, ())):
            return {"clients": numbered(8551, "must be addresses; % would let every machine in")}
        return {}

    def observe(self, have: SiteDatabaseInputs) -> dict[str, Any]:
        """Compare accounts and rights with what is declared.

        A database server that does not let the hub in is drift, and never "gone". If it were an error, no refresh could
        come to the point where the server itself is repaired.
        """
        where, what = have.where, reached_by(have)
        try:
            drift = databases.drift(where, what)
        except client.DatabaseError as fault:
            return {"drift": [text_of(fault)]}
        # Never "gone": the next run would make an empty one, and install a public site into it.
        if drift is None:
            return {"drift": [_missing(have)]}
        if _is_elsewhere(have):
            return {"drift": drift}
        now = _size(where, what)
        if had := _place(have).lost(now):
            return {"drift": [_emptied(have, had)]}
        _place(have).note(now)
        return {"drift": drift}

    def converge(self, want: SiteDatabaseInputs, was: SiteDatabaseInputs | None) -> dict[str, Any]:
        """Make database, accounts and rights as declared; a database that was made before is never made again.

        Raises:
            DatabaseMissing: the database that the state knows is not on the server, or has nothing in it any more.
        """
        if was:
            _note_leaving(self.process.declared, was, want)
        where, what = want.where, reached_by(want)
        stays = was is not None and not is_other_server(was.machine, want.machine)
        if stays and not _is_elsewhere(want) and want.server not in self.process.replaced:
            if not databases.exists(where, what.name):
                raise client.DatabaseMissing(_missing(want))
            if had := _place(want).lost(_size(where, what)):
                raise client.DatabaseMissing(_emptied(want, had))
        databases.ensure(where, what, former=was.owner if was else "")
        if not _is_elsewhere(want):
            _place(want).note(_size(where, what))
        return {}

    def remove(self, have: SiteDatabaseInputs) -> None:
        """Dump it to the hub, prove the dump, and only then drop it."""
        keep(have)
        drop_all(have)
        record_of(have).drop()
        place = _place(have)
        place.forget()
        archived.Archives(hub_root=place.hub_root, stack=place.stack, site=place.site).forget()


class SiteDatabase(AegirResource, module="aegir", name="SiteDatabase"):
    """A site's database."""

    def __init__(self, name: str, inputs: SiteDatabaseInputs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it by what the site is known by."""
        super().__init__(SiteDatabaseProvider(), name, inputs, opts)


def rejected(have: DatabaseServer, want: DatabaseServer, site: str, *, abandoned: Collection[str]) -> dict[str, str]:
    """Say why a site's database cannot get another server: its own one is abandoned.

    Args:
        have: the recorded server.
        want: the new one.
        site: what the site is known by.
        abandoned: servers whose content nobody can get.
    """
    former = have.server
    if former not in abandoned or not is_other_server(have, want):
        return {}
    return {
        "server": numbered(
            8550,
            f"the database of {site} is on {former} ({have.address}), which is abandoned (aegir:forget), and "
            f"{want.server} ({want.address}) has none of its content. Nothing was changed. Take {former} out of "
            f"aegir:forget, so that its content can be brought from there; or write `database: {former}` at the site again",
        )
    }


def record_of(accounts: SiteAccounts) -> site_moves.Record:
    """Give what the hub knows of a move of a site, from the inputs of its database."""
    place = _place(accounts)
    return site_moves.Record(hub_root=place.hub_root, stack=place.stack, site=place.site)


def reached_by(inputs: SiteDatabaseInputs) -> databases.SiteDatabase:
    """Read a site's database, with accounts for the web servers that the site is about to leave as well."""
    moves, what = record_of(inputs), inputs.wanted
    if moves.is_elsewhere(inputs.machine):
        return what
    return replace(what, clients=tuple(sorted({*what.clients, *moves.clients})))


def _is_elsewhere(accounts: SiteAccounts) -> bool:
    """Return whether the content is on another server still: the database is filled by a move."""
    return record_of(accounts).is_elsewhere(accounts.machine)


def _note_leaving(ways: Declared, was: SiteDatabaseInputs, want: SiteDatabaseInputs) -> None:
    """Write down what a site is about to leave, so that it is served until it has left it."""
    moves = record_of(want)
    if not is_other_server(was.machine, want.machine):
        if leaving := set(was.clients) - set(want.clients):
            moves.note_clients(leaving)
            moves.note_rights(want.rights)
        return
    moves.note_rights(want.rights)
    if moves.home is None:
        moves.note_home(was.machine)
    elif moves.is_elsewhere(was.machine):
        # An edit that is undone, or changed once more, after a move that did not come to its end.
        where, what = declared.reached_now(ways, was).where, was.wanted
        try:
            if arriving.give_up(where, what):
                return
        except client.DatabaseError as fault:
            telling.warn(
                numbered(8546, f"the empty database {what.name} is left on {was.server}: {fault}. Remove it there")
            )
            return
        telling.warn(
            numbered(
                8547,
                f"{was.server}: the database {what.name} has tables that no move has brought; it was left as it is",
            )
        )


def settled(inputs: SiteConfigurationInputs) -> None:
    """End a move: web servers that the site has left may not connect any more.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    if not inputs.accounts:
        return
    known = inputs.site_database
    moves = record_of(known)
    if not moves.is_there:
        return
    where, what = known.where, known.wanted
    databases.drop_clients(where, what, set(moves.clients) - set(what.clients))
    moves.stays(inputs)
    moves.settle()
    _place(known).note(_size(where, what))


def empty(inputs: SiteDatabaseInputs) -> None:
    """Leave nothing in a site's database, after ``keep``; its accounts stay.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    where, what = inputs.where, inputs.wanted
    copies.drop(where, what, layout.before_name(inputs.site))
    if databases.is_ours(where, what):
        arriving.mark(where, what)
        arriving.clear(where, what)


def drop_all(inputs: SiteDatabaseInputs) -> None:
    """Drop a site's database with those beside it and its accounts, after ``keep``.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    where, what, site = inputs.where, inputs.wanted, inputs.site
    copies.drop(where, what, layout.copy_name(site), layout.update_account(site))
    copies.drop(where, what, layout.before_name(site))
    databases.drop(where, what)


def _place(accounts: SiteAccounts) -> content.Place:
    """Say where the hub keeps how much is in the database."""
    stack, _, site = accounts.owner.rpartition("/")
    root = accounts.connection.hub_root
    return content.Place(hub_root=root, stack=stack, site=site, where=accounts.database, unit="tables")


def _size(where: client.Endpoint, what: databases.SiteDatabase) -> content.Amount:
    number, size = databases.size(where, what.name)
    return content.Amount(number=number, size=size)


def _emptied(inputs: SiteDatabaseInputs, had: str) -> str:
    server, name, site = inputs.server, inputs.database, inputs.site
    return numbered(
        8548,
        f"{server}: the database {name} of {site} on {inputs.address} has no tables any more; it had {had}. Nothing was "
        f"installed. Load the newest dump of {site} from `backups` below the hub root as the database {name} and run pulumi up. "
        f"To let it begin empty instead, name {server} in aegir:replaced and run pulumi up",
    )


def _missing(inputs: SiteDatabaseInputs) -> str:
    server, name, site = inputs.server, inputs.database, inputs.site
    return numbered(
        8549,
        f"{server}: the database {name} of {site} is not on {inputs.address}, and the state knows it with its content. Nothing "
        f"was installed. If {server} leads to the wrong machine, correct its address. If the machine was replaced, load the "
        f"newest dump of {site} from `backups` below the hub root as the database {name}, then run pulumi up. To let it begin "
        f"empty instead, name {server} in aegir:replaced and run pulumi up",
    )


def keep(inputs: SiteDatabaseInputs) -> Path | None:
    """Dump a site's database to the hub and prove the dump, unless the newest one has all that is in it; give a new dump.

    Raises:
        HostError: the dump could not be made or loaded; nothing was removed.
        DatabaseError: the server does not answer, or refuses.
    """
    where, what, conn = inputs.where, inputs.wanted, inputs.connection
    keys = encrypting.Keys.of(conn.hub_root, inputs.stack)
    if databases.is_ours(where, what) and not keeping.has_database(conn, where, what.name, inputs.site, keys):
        return keeping.save_database(conn, where, what.name, inputs.site, keys)
    return None


Provider = SiteDatabaseProvider
"""Its name in states."""
