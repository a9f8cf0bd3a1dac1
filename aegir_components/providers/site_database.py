"""aegir:SiteDatabase: a site's database, with an account for every address that may connect."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pulumi

from aegir_components import backups, encrypting, layout
from aegir_components.host.connection import Connection
from aegir_components.inputs.untyped import Untyped
from aegir_components.moving.decision import is_other_server
from aegir_components.mysql import arriving, client, copies, databases
from aegir_components.services import quotas

from . import archived, content, declared
from . import moves as site_moves
from .database import endpoint
from .lifecycle import AegirResource, Lifecycle, State, forgotten, replaced


class Provider(Lifecycle[Untyped, Untyped]):
    """Made from the hub over MySQL's own protocol; removed only after its dump was loaded and counted."""

    # Not the server's name: a replacement would dump and drop what the new resource has just adopted on the same machine.
    identity_keys = ("database",)
    waits = True
    secret_keys = ("password", "site_password")
    delete_first = False

    def identity(self, want: State) -> str:
        """A database on a server."""
        return f"{want['server']}/{want['database']}"

    def rejected(self, have: State, want: State) -> dict[str, str]:
        """Reject another server for a database whose own one is given up: nobody can bring its content from there."""
        want = want.ask(dict, None)
        if "address" not in want or "port" not in want or not is_other_server(have, want):
            return {}
        former, site = have["server"], want["site"]
        if former not in forgotten():
            return {}
        return {
            "server": f"the database of {site} is on {former} ({have['address']}), which is given up (aegir:forget), and "
            f"{want['server']} ({want['address']}) has none of its content. Nothing was changed. Take {former} out of "
            f"aegir:forget, so that its content can be brought from there; or write `database: {former}` at the site again"
        }

    def problems(self, want: State) -> dict[str, str]:
        """Accounts are for addresses, never for everybody (design.md; Aegir fell back to it)."""
        want = want.ask(dict, None)
        if "%" in "".join(str(item) for item in want.get("clients", [])):
            return {"clients": "must be addresses; % would let every machine in"}
        return {}

    def observe(self, want: State) -> State | None:
        """Compare accounts and rights with what is declared.

        A database server that does not let the hub in is drift, and never "gone". If it were an error, no refresh could
        come to the point where the server itself is repaired.
        """
        where, what = endpoint(want, want["server"]), reached_by(want)
        try:
            drift = databases.drift(where, what)
        except client.DatabaseError as fault:
            return {"drift": [str(fault)]}
        # Never "gone": the next run would make an empty one, and install a public site into it.
        if drift is None:
            return {"drift": [_missing(want)]}
        if _is_elsewhere(want):
            return {"drift": drift}
        now = _size(where, what)
        if had := _place(want).lost(now):
            return {"drift": [_emptied(want, had)]}
        _place(want).note(now)
        return {"drift": drift}

    def converge(self, want: State, _was: State) -> State:
        """Make database, accounts and rights as declared; a database that was made before is never made again.

        Raises:
            DatabaseMissing: the database that the state knows is not on the server, or has nothing in it any more.
        """
        was, moves = want.get("was"), record_of(want)
        if was:
            _note_leaving(was, want, moves)
        where, what = endpoint(want, want["server"]), reached_by(want)
        if was and not _is_elsewhere(want) and not is_other_server(was, want) and want["server"] not in replaced():
            if not databases.exists(where, what.name):
                raise client.DatabaseMissing(_missing(want))
            if had := _place(want).lost(_size(where, what)):
                raise client.DatabaseMissing(_emptied(want, had))
        databases.ensure(where, what, former=str(was["owner"]) if was else "")
        if not _is_elsewhere(want):
            _place(want).note(_size(where, what))
        return {}

    def remove(self, have: State) -> None:
        """Dump it to the hub, prove the dump, and only then drop it."""
        keep(have)
        drop_all(have)
        record_of(have).drop()
        place = _place(have)
        place.forget()
        archived.Archives(hub_root=place.hub_root, stack=place.stack, site=place.site).forget()


class SiteDatabase(AegirResource, module="aegir", name="SiteDatabase"):
    """A site's database."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare it.

        Args:
            name: the site's name.
            props: ``site``, ``server``, ``connection`` (of the server), ``address``, ``port``, ``user`` and ``password`` (the
                hub's account, secret), ``database``, ``account``, ``site_password`` (secret), ``clients``, ``owner``,
                ``other`` (the account of the site's next or former password), ``authority`` (where TLS is required), ``reach``,
                ``rights`` (on the database, besides every site's), ``connections`` (of one account at once, where not
                the default).
            opts: Pulumi's options.
        """
        super().__init__(Provider(), name, props, opts)


def record_of(props: State) -> site_moves.Record:
    """Give what the hub knows of a move of a site, from the inputs of its database."""
    place = _place(props)
    return site_moves.Record(hub_root=place.hub_root, stack=place.stack, site=place.site)


def reached_by(props: State) -> databases.SiteDatabase:
    """Read a site's database, with accounts for the web servers that the site is about to leave as well."""
    moves, what = record_of(props), wanted(props)
    if moves.is_elsewhere(props):
        return what
    return dataclasses.replace(what, clients=tuple(sorted({*what.clients, *moves.clients})))


def _is_elsewhere(props: State) -> bool:
    """Return whether the content is on another server still: the database is filled by a move."""
    return record_of(props).is_elsewhere(props)


def _note_leaving(was: State, want: State, moves: site_moves.Record) -> None:
    """Write down what a site is about to leave, so that it is served until it has left it."""
    if not is_other_server(was, want):
        if leaving := set(was.get("clients") or ()) - set(want["clients"]):
            moves.note_clients(leaving)
            moves.note_rights(want.get("rights") or ())
        return
    moves.note_rights(want.get("rights") or ())
    if moves.home is None:
        moves.note_home(was)
    elif moves.is_elsewhere(was):
        # An edit that is taken back, or changed once more, after a move that did not come to its end.
        there = declared.reached(was)
        where, what = endpoint(there, was["server"]), wanted(was)
        try:
            if arriving.give_up(where, what):
                return
        except client.DatabaseError as fault:
            pulumi.log.warn(f"the empty database {what.name} is left on {was['server']}: {fault}. Remove it there")
            return
        pulumi.log.warn(
            f"{was['server']}: the database {what.name} has tables that no move has brought; it was left as it is"
        )


def settled(props: State) -> None:
    """End a move: web servers that the site has left may not connect any more.

    Args:
        props: the inputs of the site's configuration.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    if not props.get("accounts"):
        return
    accounts = of_site(props)
    moves = record_of(accounts)
    if not moves.is_there:
        return
    where, what = endpoint(accounts, accounts["server"]), wanted(accounts)
    databases.drop_clients(where, what, set(moves.clients) - set(what.clients))
    moves.stays(props)
    moves.settle()
    _place(accounts).note(_size(where, what))


def empty(props: State) -> None:
    """Leave nothing in a site's database, after ``keep``; its accounts stay.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    where, what, site = endpoint(props, props["server"]), wanted(props), str(props["site"])
    copies.drop(where, what, layout.before_name(site))
    if databases.is_ours(where, what):
        arriving.mark(where, what)
        arriving.clear(where, what)


def drop_all(props: State) -> None:
    """Drop a site's database with those beside it and its accounts, after ``keep``.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    where, what, site = endpoint(props, props["server"]), wanted(props), str(props["site"])
    copies.drop(where, what, layout.copy_name(site), layout.update_account(site))
    copies.drop(where, what, layout.before_name(site))
    databases.drop(where, what)


def _place(props: State) -> content.Place:
    """Say where the hub keeps how much is in the database."""
    stack, _, site = str(props["owner"]).rpartition("/")
    conn = Connection.from_props(props["connection"])
    return content.Place(hub_root=conn.hub_root, stack=stack, site=site, where=props["database"], unit="tables")


def _size(where: client.Endpoint, what: databases.SiteDatabase) -> content.Amount:
    number, size = databases.size(where, what.name)
    return content.Amount(number=number, size=size)


def _emptied(props: State, had: str) -> str:
    server, name, site = props["server"], props["database"], props["site"]
    return (
        f"{server}: the database {name} of {site} on {props['address']} has no tables any more; it had {had}. Nothing was "
        f"installed. Load the newest dump of {site} from `backups` below the hub root as the database {name} and run pulumi up. "
        f"To let it begin empty instead, name {server} in aegir:replaced and run pulumi up"
    )


def _missing(props: State) -> str:
    server, name, site = props["server"], props["database"], props["site"]
    return (
        f"{server}: the database {name} of {site} is not on {props['address']}, and the state knows it with its content. Nothing "
        f"was installed. If {server} leads to the wrong machine, correct its address. If the machine was replaced, load the "
        f"newest dump of {site} from `backups` below the hub root as the database {name}, then run pulumi up. To let it begin "
        f"empty instead, name {server} in aegir:replaced and run pulumi up"
    )


def of_site(props: State) -> State:
    """Give the inputs of a site's database from those of a resource that has them as ``accounts``."""
    return {
        **props["accounts"],
        "site": props["site"],
        "password": props["hub_password"],
        "site_password": props["password"],
    }


def keep(props: State) -> Path | None:
    """Dump a site's database to the hub and prove the dump, unless the newest one has all that is in it; give a new dump.

    Raises:
        HostError: the dump could not be made or loaded; nothing was removed.
        DatabaseError: the server does not answer, or refuses.
    """
    where, what, conn = endpoint(props, props["server"]), wanted(props), Connection.from_props(props["connection"])
    site = str(props["site"])
    keys = encrypting.Keys.of(conn.hub_root, str(props["owner"]).rpartition("/")[0])
    if databases.is_ours(where, what) and not backups.has_database(conn, where, what.name, site, keys):
        return backups.save_database(conn, where, what.name, site, keys)
    return None


def wanted(props: State) -> databases.SiteDatabase:
    """Read a site's database and accounts from a resource's inputs."""
    return databases.SiteDatabase(
        name=props["database"],
        user=props["account"],
        password=props["site_password"],
        clients=tuple(props["clients"]),
        owner=props["owner"],
        other=str(props.get("other", "")),
        tls=bool(props.get("authority")),
        rights=tuple(props.get("rights") or ()),
        connections=int(props.get("connections") or quotas.CONNECTIONS),
    )
