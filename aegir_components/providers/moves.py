"""What the hub knows of a move: where the content is, and what the move has made elsewhere.

The state says what was recorded last. After a move that failed or was killed, a site's database is declared on a server
that has none of its content. After a move that was killed at its very end, the site is where no state knows it. The
next run has to know both cases. The record goes when a state has what it says. It holds no secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from aegir_components.hub.records import Records
from aegir_components.inputs.database import DatabaseServer, SiteAccounts
from aegir_components.inputs.site import SiteConfigurationInputs, SitePlace
from aegir_components.moving.decision import is_other_server
from aegir_components.process import Declared

from . import declared

KIND: Final = "moves"
SECRETS: Final = ("password", "salt", "key", "hub_password", "values")
"""Inputs of a site's configuration that no record has."""
_BESIDE: Final = ("made", "backups")
"""Neither are these."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """The record of one site."""

    hub_root: str
    stack: str
    """``<project>/<stack>``."""
    site: str
    """What it is known by."""

    @property
    def home(self) -> DatabaseServer | None:
        """Say which database server has the content, while that is not settled."""
        found = self._get().get("home")
        return DatabaseServer.from_props(found) if found else None

    def is_elsewhere(self, server: DatabaseServer) -> bool:
        """Return whether another database server than this one has the content."""
        return self.home is not None and is_other_server(self.home, server)

    @property
    def clients(self) -> tuple[str, ...]:
        """List the addresses of web servers that the site is to leave, and has not left."""
        return tuple(map(str, self._get().get("clients") or ()))

    @property
    def rights(self) -> tuple[str, ...]:
        """List what the site's accounts may do on its database besides what every site's may."""
        return tuple(map(str, self._get().get("rights") or ()))

    @property
    def target(self) -> SitePlace | None:
        """Say where a move has begun to make the site or has made it; ``None`` without a move."""
        return _place(self._get().get("target"))

    @property
    def former(self) -> SitePlace | None:
        """Say which place a site has left, whose data are to be removed."""
        return _place(self._get().get("former"))

    def filled(
        self, ways: Declared, what: Literal["target", "former"], *known: SiteConfigurationInputs
    ) -> SiteConfigurationInputs:
        """Give the inputs of a record with secrets, and with the ways to its machines as they are declared now.

        Args:
            ways: how machines are reached now.
            what: of the target of a move, or of the place that the site has left.
            known: inputs of the same site with secrets. Those of the hub's account are of the one with the same database server.
        """
        found = dict(self._get()[what])
        for inputs in known:
            props = inputs.to_props()
            found.update({key: props[key] for key in SECRETS if key in props and key != "hub_password"})
        there = SiteAccounts.from_props(found["accounts"]).machine
        same = [each for each in known if each.accounts and not is_other_server(each.accounts.machine, there)]
        found["hub_password"] = next((each.hub_password for each in same or known if each.hub_password), "")
        return SiteConfigurationInputs.from_props(declared.reached(ways, found))

    @property
    def is_switched(self) -> bool:
        """Return whether visitors may have been served by the target."""
        return bool(self._get().get("switched"))

    @property
    def is_there(self) -> bool:
        """Return whether there is a move that is not over."""
        return bool(self._get())

    @property
    def tried(self) -> list[SitePlace]:
        """List what runs have begun to give the site: its place, with only the new web servers as members."""
        return [SitePlace.from_props(each) for each in self._get().get("tried") or ()]

    def note_tried(self, attempts: Iterable[SitePlace]) -> None:
        """Write down which web servers a run is about to give the site: one that is killed leaves what no state knows."""
        kept = [each.to_props() for each in attempts]
        if kept or self.tried:
            self._put(tried=kept)

    def note_home(self, server: DatabaseServer) -> None:
        """Write down which database server has the content, before it is declared on another one."""
        self._put(home=server.to_props())

    def note_clients(self, clients: Iterable[str]) -> None:
        """Write down addresses that keep their accounts until the site has left them."""
        self._put(clients=sorted({*self.clients, *clients}))

    def note_rights(self, rights: Iterable[str]) -> None:
        """Write down what the site's accounts may do besides what every site's may."""
        self._put(rights=sorted(rights))

    def begin(self, target: SiteConfigurationInputs) -> None:
        """Write down what a move is about to make."""
        self._put(target=_plain(target), switched=False, former={})

    def switched(self, former: SiteConfigurationInputs, server: DatabaseServer) -> None:
        """Write down that the target is the site from now on, with its database on this server."""
        self._put(switched=True, former=_plain(former), home=server.to_props())

    def stays(self, place: SiteConfigurationInputs) -> None:
        """Write down that a later run has put the site into another place than the move did, as far as any state knows."""
        assert place.accounts is not None
        if self.is_switched and (self.target is None or not is_same_place(self.target, place)):
            self._put(target=_plain(place), former={}, home=place.accounts.machine.to_props())

    def left(self) -> None:
        """Write down that the former place is removed. Where the site is stays known until the state has it, too."""
        self._put(former={})

    def settle(self) -> None:
        """Write down that no web server is to be left any more."""
        if self.target:
            self._put(clients=[])
            return
        tried = self.tried
        self.drop()
        self.note_tried(tried)

    def forget_target(self) -> None:
        """Write down that nothing of a target is left, and no place of before."""
        self._put(target={}, switched=False, former={})

    def drop(self) -> None:
        """The move is over."""
        self._records.drop(self.stack, self.site)

    def _put(self, **values: Any) -> None:
        known = {key: value for key, value in self._get().items() if key not in {"at", "key"}}
        self._records.put({**known, **values}, self.stack, self.site)

    def _get(self) -> Mapping[str, Any]:
        return self._records.get(self.stack, self.site) or {}

    @property
    def _records(self) -> Records:
        return Records(self.hub_root, KIND)


def _plain(inputs: SiteConfigurationInputs) -> dict[str, Any]:
    """Leave secrets and what is no input out of a site's inputs."""
    return {key: value for key, value in inputs.to_props().items() if key not in (*SECRETS, *_BESIDE)}


def _place(props: Mapping[str, Any] | None) -> SitePlace | None:
    return SitePlace.from_props(props) if props else None


def is_same_place(one: SitePlace, other: SitePlace) -> bool:
    """Return whether two inputs of a site put it on the same machines and into the same directories. Pure."""
    assert one.accounts is not None
    assert other.accounts is not None
    machines = sorted(conn.place for conn in one.connections.values()) == sorted(
        conn.place for conn in other.connections.values()
    )
    return (
        machines
        and (one.publish_root, one.platform, one.uploads) == (other.publish_root, other.platform, other.uploads)
        and not is_other_server(one.accounts.machine, other.accounts.machine)
    )
