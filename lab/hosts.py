"""One host of a lab: how it is made, looked into, stopped and broken."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable

from aegir_components.hub import wait

from . import entering
from .addresses import hardware_address
from .engine import DIGEST_LABEL, HOST_LABEL, LABEL, Engine, run
from .errors import EngineFailed, HostFailed
from .keys import KeyRing
from .specs import HostSpec

Result = subprocess.CompletedProcess[str]

# Waits for systemd, then sets right what may not be there after a start, a new neighbour or a killed run.
SETTLE = r"""
set -eu
tries=0
while :; do
    state=$(systemctl is-system-running 2>/dev/null || true)
    case $state in running|degraded) break ;; esac
    tries=$((tries + 1))
    if [ "$tries" -gt 400 ]; then echo "systemd says '$state' after 30 s"; exit 3; fi
    sleep 0.05
done
printf '%s' "$1" >/run/lab-hosts; shift
cmp -s /run/lab-hosts /etc/hosts || cat /run/lab-hosts >/etc/hosts
key=$1; shift
for user in "$@"; do
    id -u "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"
    install -d -m 0700 -o "$user" -g "$user" "/home/$user/.ssh"
    printf '%s\n' "$key" >"/home/$user/.ssh/authorized_keys"
    chown "$user:$user" "/home/$user/.ssh/authorized_keys"
done
if [ "$state" = degraded ]; then systemctl --failed --plain --no-legend; fi
"""


@dataclasses.dataclass(slots=True)
class Host:
    """A running (or stopped) machine of a lab."""

    lab: str
    spec: HostSpec
    address: str
    host_key: str
    """The public key, as `ssh-ed25519 AAAA...`."""
    keys: KeyRing
    engine: Engine
    hosts_file: Callable[[], str]
    """Gives the text of /etc/hosts with all hosts of the lab."""
    forget: Callable[[str], None]
    """Takes the host out of the lab's books."""

    @property
    def name(self) -> str:
        """The short name."""
        return self.spec.name

    @property
    def container(self) -> str:
        """The container's name. Dots cannot be in names of labs and hosts, so no two run together."""
        return container_name(self.lab, self.name)

    def installation(self) -> str:
        """Name this very installation: a host that is made anew is another one."""
        return self.engine.call("inspect", "--format", "{{.Id}}", self.container).strip()

    def digest(self) -> str:
        """Name what the container was made from: with other keys or another address it is another host."""
        parts = [self.spec.to_json(), self.address, self.host_key, self.keys.authorized()]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def create(self, image: str, network: str) -> None:
        """Make the container with its keys in it, and do not start it yet."""
        self.engine.call(
            "create", "--name", self.container, *self.engine.run_options(),
            "--label", f"{LABEL}={self.lab}", "--label", f"{HOST_LABEL}={self.name}",
            "--label", f"{DIGEST_LABEL}={self.digest()}",
            "--network", network, "--ip", self.address, "--mac-address", hardware_address(self.address),
            "--hostname", self.spec.fqdn,
            "--memory", self.spec.memory, "--pids-limit", str(self.spec.processes), *self._shared(),
            image, "/lib/systemd/systemd",
        )  # fmt: skip
        self.engine.call("cp", "-", f"{self.container}:/", stdin=self._files())

    def _shared(self) -> list[str]:
        if not self.spec.shared:
            return []
        place = self.keys.directory / "shared" / self.spec.shared.strip("/").replace("/", "-")
        place.mkdir(parents=True, exist_ok=True)
        return ["--volume", f"{place}:{self.spec.shared}"]

    def run(
        self,
        script: str,
        input: str | None = None,  # noqa: A002  # as subprocess.run calls it
        check: bool = True,
        timeout: float = 120.0,
    ) -> Result:
        """Run a shell script in the host as root: to look at things in tests, and to break them."""
        argv = self._shell(script)
        # Files and no pipes: what a script leaves at work keeps its output open, and is not waited for.
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            try:
                ended = subprocess.run(
                    argv, input=input or "", stdout=output, stderr=errors, text=True, timeout=timeout, check=False
                ).returncode
            except subprocess.TimeoutExpired:
                raise HostFailed(self.name, f"no end of `{script.strip()[:200]}` after {timeout:.0f} s") from None
            output.seek(0)
            errors.seek(0)
            # As a shell and the engine have it: 128 and the number of the signal that has ended it.
            status = ended if ended >= 0 else 128 - ended
            done = Result(argv, status, output.read(), errors.read())
        if check and done.returncode:
            what = f"`{script.strip()[:200]}` exited {done.returncode}"
            raise HostFailed(self.name, what, done.stderr + done.stdout)
        return done

    def _shell(self, script: str) -> list[str]:
        """Give the argv that runs a script in the host as root: past ssh."""
        return entering.argv(self.engine, self.container, script)

    def ssh_command(self) -> list[str]:
        """Give the argv of an ssh to the host's administrator (root, unless the host has another)."""
        options = [
            "BatchMode=yes", "ConnectTimeout=10", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={self.keys.known_hosts}", "GlobalKnownHostsFile=/dev/null",
        ]  # fmt: skip
        flags = [word for option in options for word in ("-o", option)]
        return [
            "ssh",
            "-F",
            "none",
            "-i",
            str(self.keys.identity),
            *flags,
            f"{self.spec.login}@{self.address}",
        ]

    def state(self) -> str:
        """Say what the engine sees: `running`, `exited`, `paused`, or `absent`."""
        found = self.engine.containers(self.lab).get(self.container)
        return found.state if found else "absent"

    def start(self) -> str:
        """Start the host, and return when it can be worked with: the units that failed, or nothing."""
        self.launch()
        return self.settle()

    def launch(self) -> None:
        """Start the host, and do not wait until it can be worked with."""
        self.engine.call("start", self.container)

    def stop(self) -> None:
        """Shut the host down in good order."""
        self.engine.call("stop", "-t", "20", self.container)
        self._await_end()

    def kill(self) -> None:
        """End the host as a power failure does."""
        self.engine.call("kill", self.container)
        self._await_end()

    def restart(self) -> None:
        """Shut down and start again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the host: it answers nothing, and nothing of it is lost."""
        self.engine.call("pause", self.container)

    def unpause(self) -> None:
        """Let a frozen host go on."""
        self.engine.call("unpause", self.container)

    def remove(self) -> None:
        """Destroy the host with all that is on it. The next `up` makes it anew, with the same key."""
        self.discard()
        self.forget(self.name)

    def discard(self) -> None:
        """Remove the container, if it is there and the lab's: a stranger's of the same name is left alone."""
        if self.container in self.engine.containers(self.lab):
            remove_container(self.engine, self.container)

    def settle(self) -> str:
        """Wait for systemd and sshd, set up names and accounts, and return the units that failed."""
        words = (self.hosts_file(), self.keys.authorized(), *self.spec.logins)
        try:
            failed = run(entering.argv(self.engine, self.container, SETTLE, "settle", *words), timeout=60)
        except EngineFailed as failure:
            raise HostFailed(self.name, "does not come up", failure.output) from None
        self._await_sshd(wait.Deadline(30))
        return failed.strip()

    def _await_end(self) -> None:
        # podman takes the network away after its command has returned; a start in between could lose the new one.
        if not wait.until(lambda: self.state() in ("exited", "absent"), seconds=20, pause=0.05):
            raise HostFailed(self.name, f"told to end, and is {self.state()} after 20 s")

    def _await_sshd(self, deadline: wait.Deadline) -> None:
        if not wait.until(self._sshd_answers, seconds=deadline, pause=0.03):
            what = f"sshd at {self.address} does not answer: `systemctl status ssh` in it says why"
            raise HostFailed(self.name, what)

    def _sshd_answers(self) -> bool:
        try:
            with socket.create_connection((self.address, 22), timeout=2) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def _seed(self) -> list[tuple[str, int, str]]:
        """List what has to be in the host before it first starts: path, mode, text."""
        key = self.keys.host_key(self.name).read_text()
        files: list[tuple[str, int, str]] = [
            ("etc/ssh/ssh_host_ed25519_key", 0o600, key),
            ("etc/ssh/ssh_host_ed25519_key.pub", 0o644, f"{self.host_key}\n"),
            ("etc/hostname", 0o644, f"{self.spec.fqdn}\n"),
            ("etc/hosts", 0o644, self.hosts_file()),
        ]
        if self.spec.admin:
            files.append(("etc/ssh/sshd_config.d/10-lab.conf", 0o644, "PermitRootLogin no\n"))
            files.append(("etc/sudoers.d/lab", 0o440, f"{self.spec.admin} ALL=(ALL:ALL) NOPASSWD: ALL\n"))
        else:
            files.append(("root/.ssh", 0o700, ""))
            files.append(("root/.ssh/authorized_keys", 0o600, f"{self.keys.authorized()}\n"))
        return files

    def _files(self) -> bytes:
        """Pack it."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path, mode, text in self._seed():
                entry = tarfile.TarInfo(path)
                entry.mode, entry.mtime, entry.size = mode, int(time.time()), len(text.encode())
                entry.type = tarfile.DIRTYPE if path == "root/.ssh" else tarfile.REGTYPE
                archive.addfile(entry, io.BytesIO(text.encode()))
        return packed.getvalue()


def container_name(lab: str, host: str) -> str:
    """Name a host's container."""
    return f"aegir-lab.{lab}.{host}"


def remove_container(engine: Engine, name: str) -> None:
    """Remove a container in whatever state it is, with its anonymous volumes."""
    flags = ["-f", "-v", *(["-t", "0"] if engine.program == "podman" else [])]
    try:
        engine.call("rm", *flags, name)
    except EngineFailed as failure:
        if "no such container" not in failure.output.lower() and "no container with" not in failure.output.lower():
            raise
