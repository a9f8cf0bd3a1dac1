"""A host of a lab that is a virtual machine: the same as a container to whoever uses it, and slower."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shlex
import shutil
import signal

from aegir_components.hub import files, wait

from . import state, vms
from .addresses import hub_address
from .engine import run
from .errors import HostFailed
from .hosts import SETTLE, Host

BOOT = 150.0
"""Seconds for a start: 8 on an idle machine, many times that while others work."""


@dataclasses.dataclass(slots=True)
class VirtualHost(Host):
    """A machine with a kernel of its own."""

    network: str = ""
    subnet: str = ""

    @property
    def place(self) -> vms.Place:
        """Where its files are."""
        return vms.Place(self.lab, self.name, self.keys.directory)

    def installation(self) -> str:
        """Name this very installation, by the file of what it has written."""
        found = self.place.record.stat()
        return f"{self.digest()}-{found.st_ino}-{found.st_mtime_ns}"

    def create(self, image: str, network: str) -> None:
        """Lay its keys and names beside an empty disk; `image` is the disk that it starts from."""
        del network
        place = self.place
        place.home.mkdir(mode=0o700, parents=True)
        place.seed.write_bytes(self._files())
        files.replace(place.record, json.dumps({"digest": self.digest(), "disk": image}), mode=0o600)

    def launch(self) -> None:
        """Start it, and do not wait until it can be worked with."""
        gateway = hub_address(self.subnet)
        with state.locked("networks"):
            bridge = vms.ensure_bridge(self.engine, self.network, gateway)
            disk = str(json.loads(self.place.record.read_text())["disk"])
            vms.start(
                self.place, disk=disk, memory=self.spec.memory, address=self.address, gateway=gateway,
                hostname=self.spec.fqdn, bridge=bridge,
            )  # fmt: skip

    def _shell(self, script: str) -> list[str]:
        """Give the argv that runs a script there: over a connection that stays, since each login costs half a second."""
        *ssh, target = self.ssh_command()
        shared = ["-o", "ControlMaster=auto", "-o", f"ControlPath={self._socket}", "-o", "ControlPersist=600"]
        return [*ssh, *shared, target, f"sh -c {shlex.quote(script)}"]

    def state(self) -> str:
        """Say what an engine would: `running`, `exited`, `paused`, or `absent`."""
        return self.place.state()

    def stop(self) -> None:
        """Shut the host down in good order."""
        with contextlib.suppress(HostFailed):
            self.run("systemctl --no-block poweroff", check=False, timeout=20)
        wait.until(lambda: self.place.process() is None, seconds=60, pause=0.1)
        self.kill()

    def kill(self) -> None:
        """End the host as a power failure does."""
        self._disconnect()
        vms.end(self.place)

    def pause(self) -> None:
        """Freeze the host: it answers nothing, and nothing of it is lost."""
        self._signal(signal.SIGSTOP)

    def unpause(self) -> None:
        """Let a frozen host go on."""
        self._signal(signal.SIGCONT)

    def discard(self) -> None:
        """Remove the machine with all that it has written."""
        self.kill()
        if self.place.home.exists():
            shutil.rmtree(self.place.home)

    def settle(self) -> str:
        """Wait for sshd and systemd, tell it of its neighbours, and return the units that failed."""
        deadline = wait.Deadline(BOOT)
        self._await_sshd(deadline)
        words = shlex.join([self.hosts_file(), self.keys.authorized()])
        while True:
            done = self.run(f"set -- {words}\n{SETTLE}", check=False, timeout=BOOT)
            # 255 is ssh's own: until all is up, logins may be refused.
            if done.returncode != 255 or not deadline.pause(0.5):
                break
        if done.returncode:
            raise HostFailed(self.name, "does not come up", done.stderr + done.stdout)
        return done.stdout.strip()

    @property
    def _socket(self) -> pathlib.Path:
        return self.keys.directory / f"vm-{self.name}.ssh"

    def _disconnect(self) -> None:
        if self._socket.exists():
            run(["ssh", "-O", "exit", "-o", f"ControlPath={self._socket}", "lab"], check=False, timeout=10)
            self._socket.unlink(missing_ok=True)

    def _signal(self, number: int) -> None:
        pid = self.place.process()
        if pid is None:
            raise HostFailed(self.name, "is not running")
        os.kill(pid, number)
        wanted = "paused" if number == signal.SIGSTOP else "running"
        wait.until(lambda: self.state() == wanted, seconds=5, pause=0.02)

    def _seed(self) -> list[tuple[str, int, str]]:
        # An engine gives a container this file; in a machine nobody else does.
        resolver = pathlib.Path("/etc/resolv.conf")
        return [*super(VirtualHost, self)._seed(), ("etc/resolv.conf", 0o644, resolver.read_text())]
