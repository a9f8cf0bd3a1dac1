"""What the hub knows of a move: where the content is, and what the move has made elsewhere.

The state says what was recorded last. After a move that failed or was killed, a site's database is declared on a server
that has none of its content. After a move that was killed at its very end, the site is where no state knows it. The
next run has to know both cases. The record goes when a state has what it says. It holds no secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aegir_components.host.connection import Connection
from aegir_components.hub_records import Records
from aegir_components.moving.decision import is_other_server, server_of

from . import declared

KIND: Final = "moves"
SECRETS: Final = ("password", "salt", "key", "hub_password", "values")
"""Inputs of a site's configuration that no record has."""
_BESIDE: Final = ("was", "drift", "revision", "made")


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """The record of one site."""

    hub_root: str
    stack: str
    """``<project>/<stack>``."""
    site: str
    """What it is known by."""

    @property
    def home(self) -> dict[str, Any] | None:
        """Say which database server has the content, while that is not settled."""
        return self._get().get("home") or None

    def is_elsewhere(self, server: Mapping[str, Any]) -> bool:
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
    def target(self) -> dict[str, Any]:
        """Give the inputs, without secrets, that a move has begun to make or has made; empty without a move."""
        return dict(self._get().get("target") or {})

    @property
    def former(self) -> dict[str, Any]:
        """Give the inputs, without secrets, of the place that a site has left, whose data are to be removed."""
        return dict(self._get().get("former") or {})

    @property
    def is_switched(self) -> bool:
        """Return whether visitors may have been served by the target."""
        return bool(self._get().get("switched"))

    @property
    def is_there(self) -> bool:
        """Return whether there is a move that is not over."""
        return bool(self._get())

    @property
    def tried(self) -> list[dict[str, Any]]:
        """List what runs have begun to give the site: its inputs, without secrets, with only the new web servers as members."""
        return [dict(each) for each in self._get().get("tried") or ()]

    def note_tried(self, attempts: Iterable[Mapping[str, Any]]) -> None:
        """Write down which web servers a run is about to give the site: one that is killed leaves what no state knows."""
        kept = [plain(each) for each in attempts]
        if kept or self.tried:
            self._put(tried=kept)

    def note_home(self, server: Mapping[str, Any]) -> None:
        """Write down which database server has the content, before it is declared on another one."""
        self._put(home=server_of(server))

    def note_clients(self, clients: Iterable[str]) -> None:
        """Write down addresses that keep their accounts until the site has left them."""
        self._put(clients=sorted({*self.clients, *clients}))

    def note_rights(self, rights: Iterable[str]) -> None:
        """Write down what the site's accounts may do besides what every site's may."""
        self._put(rights=sorted(rights))

    def begin(self, target: Mapping[str, Any]) -> None:
        """Write down what a move is about to make."""
        self._put(target=plain(target), switched=False, former={})

    def switched(self, former: Mapping[str, Any], server: Mapping[str, Any]) -> None:
        """Write down that the target is the site from now on, with its database on this server."""
        self._put(switched=True, former=plain(former), home=server_of(server))

    def stays(self, place: Mapping[str, Any]) -> None:
        """Write down that a later run has put the site into another place than the move did, as far as any state knows."""
        if self.is_switched and not is_same_place(self.target, place):
            self._put(target=plain(place), former={}, home=server_of(place["accounts"]))

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


def plain(props: Mapping[str, Any]) -> dict[str, Any]:
    """Leave secrets and what is no input out of a site's inputs."""
    return {key: value for key, value in props.items() if key not in (*SECRETS, *_BESIDE) and not key.startswith("__")}


def filled(props: Mapping[str, Any], *known: Mapping[str, Any]) -> dict[str, Any]:
    """Give the inputs of a record with secrets, and with the ways to its machines as they are declared now.

    Args:
        props: from a record.
        known: inputs of the same site with secrets. Those of the hub's account are of the one with the same database server.
    """
    found = dict(props)
    for inputs in known:
        found.update({key: inputs[key] for key in SECRETS if key in inputs and key != "hub_password"})
    there = props["accounts"]
    same = [inputs for inputs in known if inputs.get("accounts") and not is_other_server(inputs["accounts"], there)]
    found["hub_password"] = next((inputs["hub_password"] for inputs in same or known if "hub_password" in inputs), "")
    return declared.reached(found)


def is_same_place(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two inputs of a site put it on the same machines and into the same directories. Pure."""
    before, now = (Connection.of_members(props.get("members") or {}) for props in (one, other))
    machines = sorted(conn.place for conn in before.values()) == sorted(conn.place for conn in now.values())
    return (
        machines
        and all(one.get(key) == other.get(key) for key in ("publish_root", "platform"))
        and str(one.get("uploads") or "") == str(other.get("uploads") or "")
        and not is_other_server(one["accounts"], other["accounts"])
    )
