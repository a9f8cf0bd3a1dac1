"""What a lab remembers of its hosts: `hosts.json`, and the `known_hosts` that follows from it."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterable, Mapping

from aegir_components.hub import files

from . import addresses
from .errors import SpecError
from .keys import KeyRing
from .specs import HostSpec


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A host in the books."""

    spec: HostSpec
    address: str


class Books:
    """The hosts of one lab with their addresses, in a file."""

    def __init__(self, keys: KeyRing) -> None:
        """Keep the books in the directory of the keys."""
        self.keys = keys
        self.path = keys.directory / "hosts.json"
        self._changing = threading.Lock()

    def read(self) -> tuple[str, dict[str, Entry]]:
        """Give the lab's subnet and its hosts by name; nothing of both where the lab is not up."""
        try:
            data = json.loads(self.path.read_text())
        except FileNotFoundError:
            return "", {}
        listed = data["hosts"].items()
        return data["network"], {n: Entry(HostSpec.from_json(e["spec"]), e["address"]) for n, e in listed}

    def enter(self, wanted: Iterable[HostSpec], subnet: str) -> dict[str, Entry]:
        """Write hosts in, with an address each, and pin their keys; refuse other settings for one that is there."""
        _, entries = self.read()
        entries = {name: entry for name, entry in entries.items() if addresses.inside(subnet, entry.address)}
        for spec in wanted:
            known = entries.get(spec.name)
            if known and known.spec != spec:
                raise SpecError(
                    f"{spec.name} is there as {known.spec.image} with other settings: "
                    "take the lab down, or remove this host, and then up again"
                )
            if not known:
                taken = {entry.address for entry in entries.values()}
                entries[spec.name] = Entry(spec, addresses.choose_address(subnet, taken))
        # Made here, by one: the hosts come up side by side, and all of them need it.
        self.keys.authorized()
        self._write(subnet, entries)
        return entries

    def move(self, name: str) -> None:
        """Give a host another address: above all others, so that the lost one is not tried again at once."""
        with self._changing:
            subnet, entries = self.read()
            entry = entries.pop(name)
            taken = {other.address for other in entries.values()}
            entries[name] = Entry(entry.spec, addresses.choose_address(subnet, taken, after=entry.address))
            self._write(subnet, entries)

    def forget(self, name: str) -> None:
        """Take a host out."""
        with self._changing:
            subnet, entries = self.read()
            entries.pop(name, None)
            self._write(subnet, entries)

    def hosts_file(self) -> str:
        """Give the text of a host's /etc/hosts."""
        local = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
        return "".join(f"{line}\n" for line in (*local, *hosts_lines(self.read()[1])))

    def _write(self, subnet: str, entries: Mapping[str, Entry]) -> None:
        self.keys.write_known_hosts({name: (e.spec.fqdn, e.address) for name, e in entries.items()})
        listed = {name: {"spec": e.spec.to_json(), "address": e.address} for name, e in entries.items()}
        files.replace(self.path, json.dumps({"network": subnet, "hosts": listed}, indent=2) + "\n", mode=0o600)


def hosts_lines(entries: Mapping[str, Entry]) -> list[str]:
    """Give lines for an /etc/hosts: address, full name, short name."""
    return [f"{entry.address} {entry.spec.fqdn} {name}" for name, entry in sorted(entries.items())]
