"""Virtual machines as processes: a Linux kernel that runs as a program (user-mode-linux), on a tap of the lab's bridge.

Whose a process, a tap or a file is can be read off it: the process has its lab and host in its environment, the tap in
its alias, and files lie below the lab's directory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import signal
import subprocess
from collections.abc import Iterator

from aegir_components.hub import wait

from . import kernel
from .engine import Engine, run
from .errors import EngineFailed, LabError

MARK = "AEGIR_LAB_VM"
"""The environment variable of a machine's process with its full name."""


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """The files of one machine, below its lab's directory."""

    lab: str
    host: str
    directory: pathlib.Path

    @property
    def name(self) -> str:
        """The machine's full name."""
        return f"aegir-lab.{self.lab}.{self.host}"

    @property
    def home(self) -> pathlib.Path:
        """The machine's own directory."""
        return self.directory / "vms" / self.host

    @property
    def written(self) -> pathlib.Path:
        """What the machine has written onto its disk."""
        return self.home / "disk.cow"

    @property
    def seed(self) -> pathlib.Path:
        """The archive with its keys and names, which it unpacks at its first start."""
        return self.home / "seed.tar"

    @property
    def console(self) -> pathlib.Path:
        """What its kernel and systemd say."""
        return self.home / "console.log"

    @property
    def record(self) -> pathlib.Path:
        """What it was made as; written last, so that one without it is unfinished."""
        return self.home / "made.json"

    @property
    def tap(self) -> str:
        """The name of its network interface on this machine, of at most 15 characters."""
        return f"lab{hashlib.sha256(self.name.encode()).hexdigest()[:10]}"

    @property
    def mac(self) -> str:
        """Its hardware address: with another one at each start, neighbours would look for the former for half a minute."""
        octets = hashlib.sha256(self.name.encode()).digest()[:5]
        return ":".join(f"{octet:02x}" for octet in (2, *octets))

    def process(self) -> int | None:
        """Find the machine's process."""
        needle = f"{MARK}={self.name}".encode()
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if needle in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        # The kernel's threads and the guest's programs are its children, in the session that it leads.
        leaders = [pid for pid in found if _session(pid) == pid]
        return leaders[0] if leaders else None

    def state(self) -> str:
        """Say what an engine would say of a container: `running`, `paused`, `exited`, `absent`, or `created`."""
        pid = self.process()
        if pid is not None:
            return "paused" if _letter(pid) == "T" else "running"
        if not self.home.exists():
            return "absent"
        return "exited" if self.record.exists() else "created"

    def digest(self) -> str:
        """Read what the machine was made as."""
        try:
            return str(json.loads(self.record.read_text())["digest"])
        except (OSError, ValueError, KeyError):
            return ""


def places(lab: str, directory: pathlib.Path) -> Iterator[Place]:
    """List the machines that a lab has files of."""
    for path in sorted((directory / "vms").glob("*")):
        yield Place(lab, path.name, directory)


def start(place: Place, *, disk: str, memory: str, address: str, gateway: str, hostname: str, bridge: str) -> None:
    """Start a machine: its tap on the bridge, then its process, which outlives this one."""
    with contextlib.suppress(EngineFailed):
        run(["ip", "link", "del", place.tap])
    run(["ip", "tuntap", "add", "dev", place.tap, "mode", "tap"])
    run(["ip", "link", "set", place.tap, "alias", place.name])
    run(["ip", "link", "set", place.tap, "master", bridge, "up"])
    found = kernel.installed()
    if found is None:
        raise LabError(f"{place.name} has no kernel to run: `python -m lab setup` gets it")
    sockets = place.directory / "uml"
    sockets.mkdir(exist_ok=True)
    argv = [
        str(found.program), f"umid={place.host}", f"uml_dir={sockets}/", f"mem={memory.upper()}",
        f"ubda={place.written},{disk}", f"ubdbr={place.seed}", "root=/dev/ubda", "rw",
        f"vec0:transport=tap,ifname={place.tap},depth=128,gro=1,mac={place.mac}", "con0=null,fd:1", "con=null", "ssl=null",
        f"ip={address}::{gateway}:255.255.255.0:{place.host}:vec0:none", f"systemd.hostname={hostname}",
    ]  # fmt: skip
    with place.console.open("ab") as console:
        subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
            cwd=place.home, env={**os.environ, MARK: place.name},
        )  # fmt: skip
    if wait.until(place.process, seconds=10, pause=0.05) is None:
        raise LabError(f"{place.name} does not start: {place.console.read_text(errors='replace')[-500:]}")


def end(place: Place) -> None:
    """End a machine as a power failure does, and take its tap away."""
    deadline = wait.Deadline(10)
    while (pid := place.process()) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        # A zombie has no environment, so that it is not found.
        if not deadline.pause(0.05):
            raise LabError(f"{place.name}: process {pid} survives SIGKILL")
    if pathlib.Path("/sys/class/net", place.tap).exists():
        run(["ip", "link", "del", place.tap], check=False)


def bridge_of(engine: Engine, network: str) -> str:
    """Name the bridge of a network of the engine's."""
    (found,) = json.loads(engine.call("network", "inspect", network))
    return str(found.get("network_interface") or f"br-{found.get('Id', found.get('id', ''))[:12]}")


def ensure_bridge(engine: Engine, network: str, gateway: str) -> str:
    """Make the bridge of a network where it is missing, and name it.

    podman has it only while a container of the network runs; it takes one that is there, and leaves one that has others on it.
    """
    name = bridge_of(engine, network)
    if not pathlib.Path("/sys/class/net", name).exists():
        run(["ip", "link", "add", name, "type", "bridge"])
        run(["ip", "addr", "add", f"{gateway}/24", "dev", name])
        run(["ip", "link", "set", name, "up"])
    return name


def remove_bridge(name: str) -> None:
    """Remove a bridge that nothing is on any more."""
    ports = pathlib.Path("/sys/class/net", name, "brif")
    if ports.is_dir() and not any(ports.iterdir()):
        run(["ip", "link", "del", name], check=False)


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _letter(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
