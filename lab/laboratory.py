"""A lab: some hosts on a network of their own, made, completed and taken away as one."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import pathlib
import sys
from collections.abc import Callable, Iterable

from . import addresses, disks, engine, images, limits, state, vms
from .books import Books, hosts_lines
from .engine import DIGEST_LABEL, LABEL, Container, Engine
from .errors import EngineFailed, EngineMissing, HostFailed, LabError
from .hosts import Host, container_name, remove_container
from .keys import KeyRing
from .specs import HostSpec, check_lab_name, check_unique
from .vm_hosts import VirtualHost


def say_to_stderr(text: str) -> None:
    """Tell the person at the terminal what takes its time."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


# States of a container that never ran: what is in it may be half of what should be.
_UNFINISHED = ("created", "configured", "initialized", "storage")


class Lab:
    """Debian hosts in containers, or in virtual machines, under one name."""

    def __init__(self, name: str, say: Callable[[str], None] = say_to_stderr) -> None:
        """Open a lab by name; nothing is made before `up`."""
        self.name = check_lab_name(name)
        self.say = say
        self.directory: pathlib.Path = state.home() / name
        self.keys = KeyRing(self.directory)
        self.books = Books(self.keys)

    @property
    def identity(self) -> pathlib.Path:
        """The private key that all hosts let in."""
        return self.keys.identity

    @property
    def known_hosts(self) -> pathlib.Path:
        """The pinned host keys, in ssh's own format."""
        return self.keys.known_hosts

    @property
    def network(self) -> str:
        """The engine's name for the lab's network."""
        return f"aegir-lab.{self.name}"

    @property
    def hub_address(self) -> str:
        """The address under which the hosts see the hub."""
        subnet, _ = self.books.read()
        if not subnet:
            raise LabError(f"lab {self.name} is not up: `python -m lab up --name {self.name} ...`")
        return addresses.hub_address(subnet)

    @functools.cached_property
    def engine(self) -> Engine:
        """The container engine, found or installed on first use."""
        return dataclasses.replace(engine.find(state.engine_memory(), self.say), guard=self._guard)

    @property
    def _guard(self) -> pathlib.Path:
        return self.directory / "busy.lock"

    @staticmethod
    def all(say: Callable[[str], None] = say_to_stderr) -> list[str]:
        """Name the labs of this machine, by the labels on their containers and networks."""
        try:
            found = engine.find(state.engine_memory(), say, install=False)
        except EngineMissing:
            return []
        names = {container.labels.get(LABEL, "") for container in found.containers().values()}
        names.update(labels.get(LABEL, "") for _, _, labels in found.networks())
        return sorted(names - {""})

    def up(self, specs: Iterable[HostSpec]) -> None:
        """Make the hosts that are missing, start those that are down, and leave the others alone."""
        wanted = check_unique(specs)
        with state.locked(f"lab-{self.name}"):
            self.directory.mkdir(mode=0o700, exist_ok=True)
            state.wait_for(self._guard)
            limits.raise_inotify(self.say)
            self.engine, tags = images.ensure(self.engine, {spec.made_from for spec in wanted}, self.say)
            for kind in {spec.made_from for spec in wanted if spec.kind == "vm"}:
                tags[kind] = str(disks.ensure(self.engine, tags[kind], self.say))
            entries = self.books.enter(wanted, self._ensure_network())
            existing = self._existing()
            names = {spec.name for spec in wanted}
            # Hosts of an earlier `up` learn the names of the new ones, if they run.
            others = [
                name for name in entries
                if name not in names and self._running(existing.get(container_name(self.name, name)))
            ]  # fmt: skip
            converge = [functools.partial(self._converge, spec.name, tags[spec.made_from], existing) for spec in wanted]
            _in_parallel([*converge, *(functools.partial(self._keep, name) for name in others)])
            if self.hosts_lines() != hosts_lines(entries):
                # An address was changed on the way: those that came up earlier have the old one.
                _in_parallel([functools.partial(self._keep, name) for name in (*names, *others)])

    def down(self) -> None:
        """Remove everything of the lab: containers, network, keys, sockets. Images stay for the next one."""
        with state.locked(f"lab-{self.name}", keep=False):
            state.wait_for(self._guard)
            try:
                found = engine.find(state.engine_memory(), self.say, install=False)
            except EngineMissing:
                found = None
            machines = list(vms.places(self.name, self.directory))
            bridge = vms.bridge_of(found, self.network) if machines and found and self._has_network(found) else ""
            for place in machines:
                vms.end(place)
            self.keys.close_sockets()
            if found is not None:
                _in_parallel([functools.partial(remove_container, found, name) for name in found.containers(self.name)])
                for network, _, labels in found.networks():
                    if labels.get(LABEL) == self.name:
                        found.call("network", "rm", network)
            if bridge:
                vms.remove_bridge(bridge)
            self.keys.remove()

    def host(self, name: str) -> Host:
        """Give one host of the lab."""
        subnet, entries = self.books.read()
        if name not in entries:
            known = ", ".join(sorted(entries)) or "none: `python -m lab up` makes some"
            raise LabError(f"lab {self.name} has no host {name!r}; it has {known}")
        entry = entries[name]
        key = self.keys.host_public(name)
        parts = (
            self.name, entry.spec, entry.address, key, self.keys, self.engine, self.books.hosts_file, self.books.forget
        )  # fmt: skip
        return VirtualHost(*parts, self.network, subnet) if entry.spec.kind == "vm" else Host(*parts)

    def hosts(self) -> dict[str, Host]:
        """Give all hosts of the lab by name."""
        _, entries = self.books.read()
        return {name: self.host(name) for name in sorted(entries)}

    def hosts_lines(self) -> list[str]:
        """Give lines for an /etc/hosts: address, full name, short name."""
        return hosts_lines(self.books.read()[1])

    def states(self) -> dict[str, str]:
        """Say for each host what the engine sees."""
        _, entries = self.books.read()
        found = self._existing() if entries else {}
        return {
            name: container.state if (container := found.get(container_name(self.name, name))) else "absent"
            for name in sorted(entries)
        }

    def _existing(self) -> dict[str, Container]:
        """List what there is of the lab by full name, containers and virtual machines alike."""
        found = self.engine.containers(self.name)
        for place in vms.places(self.name, self.directory):
            found[place.name] = Container(place.name, place.state(), {DIGEST_LABEL: place.digest()})
        return found

    def _has_network(self, found: Engine) -> bool:
        return any(name == self.network and labels.get(LABEL) == self.name for name, _, labels in found.networks())

    def _converge(self, name: str, image: str, existing: dict[str, Container]) -> None:
        """Bring one host from whatever state it is in to running."""
        host = self.host(name)
        found = existing.get(host.container)
        # Keys that are gone, or a run killed between making the container and filling it: it is made again.
        if found and (found.labels.get(DIGEST_LABEL) != host.digest() or found.state in _UNFINISHED):
            host.discard()
            found = None
        if found is None:
            self._make(name, image)
            return
        if found.state == "paused":
            host.unpause()
        elif not self._running(found):
            host.launch()
        self._keep(name)

    def _make(self, name: str, image: str) -> None:
        """Make a new host, in which nothing may have failed."""
        for attempt in range(5):
            host = self.host(name)
            host.create(image, self.network)
            try:
                failed = host.start()
                break
            except EngineFailed as refusal:
                # A `podman start` that was killed leaves its address taken for as long as the network lives.
                if "already allocated" not in refusal.output or attempt == 4:
                    raise
                host.discard()
                self.books.move(name)
        if failed:
            raise HostFailed(name, "a new host has failed units (`journalctl -b` in it says why)", failed)

    def _keep(self, name: str) -> None:
        """Tell a running host of its neighbours; what somebody broke in it is not the lab's to judge."""
        failed = self.host(name).settle()
        if failed:
            self.say(f"{name} is up, with failed units: {failed}")

    @staticmethod
    def _running(container: Container | None) -> bool:
        return container is not None and container.state == "running"

    def _ensure_network(self) -> str:
        """Return the subnet of the lab's network, making one that is free."""
        # Two labs that start at once must not choose the same subnet.
        with state.locked("networks"):
            networks = self.engine.networks()
            for name, subnets, labels in networks:
                if name == self.network and subnets:
                    if labels.get(LABEL) != self.name:
                        raise LabError(f"network {name} is not the lab's: remove it, or name the lab otherwise")
                    return subnets[0]
            taken = [subnet for _, subnets, _ in networks for subnet in subnets]
            taken += addresses.routed(engine.run(["ip", "-4", "route", "show"]))
            subnet = addresses.choose_subnet(taken)
            # Names come from /etc/hosts: the engine's own name server would stand before the machine's.
            quiet = ["--disable-dns"] if self.engine.program == "podman" else []
            label = ["--label", f"{LABEL}={self.name}"]
            self.engine.call("network", "create", *quiet, "--subnet", subnet, *label, self.network)
            return subnet


def _in_parallel(jobs: Iterable[Callable[[], None]]) -> None:
    """Run jobs side by side to their ends, and raise what went wrong in any of them."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        futures = [pool.submit(job) for job in jobs]
    faults = [fault for future in futures if (fault := future.exception())]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise LabError("; ".join(str(fault) for fault in faults)) from faults[0]
