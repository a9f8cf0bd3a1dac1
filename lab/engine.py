"""The container engine: podman where it is, docker where one answers, and how each is spoken to."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from aegir_components.hub import files, wait

from . import aptconf, state
from .errors import EngineFailed, EngineMissing, LabError

LABEL = "org.aegir.lab"
HOST_LABEL = "org.aegir.lab.host"
DIGEST_LABEL = "org.aegir.lab.digest"

PACKAGES = (
    "podman", "runc", "netavark", "containernetworking-plugins", "iptables", "mmdebstrap", "openssh-client",
)  # fmt: skip

# Without explicit limits an engine that lacks CAP_SYS_RESOURCE dies of "setrlimit RLIMIT_NOFILE".
_LIMITS = ("--ulimit", "nofile=16384:16384", "--ulimit", "nproc=8192:8192")
# crun refuses hybrid cgroups, and is the default of some podmans: the next one down is tried.
_CANDIDATES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((), _LIMITS),
    (("--runtime", "runc"), _LIMITS),
    (("--runtime", "crun"), _LIMITS),
    ((), ()),
)

# What a host writes reaches the disk when the kernel likes: all of it goes with the host. A commit of a database waits 2 to 6 ms
# for a disk otherwise, and a package for each of its files. A process that is killed loses nothing by it.
_VOLATILE = ("--storage-opt", "overlay.mountopt=volatile")

VANISHING = 5
"""How often a list is asked for again."""


@dataclasses.dataclass(frozen=True, slots=True)
class Container:
    """What an engine says of a container."""

    name: str
    state: str
    """`running`, `exited`, `paused`, `created` and the like."""
    labels: Mapping[str, str]


@dataclasses.dataclass(frozen=True, slots=True)
class Engine:
    """A way to run containers that was seen to work on this machine."""

    program: str
    version: str
    runtime: tuple[str, ...] = ()
    """Options before the command that pick the runtime."""
    limits: tuple[str, ...] = ()
    """Options of `run` and `build` that set process limits."""
    volatile: bool = False
    """Whether nothing in a host waits for the disk."""
    proven: bool = False
    """Whether a container was seen to run with these options."""
    guard: pathlib.Path | None = None
    """A lock file that every command holds (shared) until its end, even when the lab has died meanwhile."""

    def __str__(self) -> str:
        """Say what was picked, in one line."""
        how = (*self.runtime, *self.limits, *(("volatile",) if self.volatile else ()))
        return " ".join((self.program, self.version, *how))

    def call(self, *args: str, stdin: str | bytes | None = None, timeout: float = 120.0, check: bool = True) -> str:
        """Run one command of the engine and return what it printed."""
        # `flock` does not hand the lock on: conmon would keep it for the host's whole life.
        held = self.guard is not None and self.guard.parent.exists()
        guard = ["flock", "--shared", "--close", str(self.guard)] if held else []
        options = (*(_VOLATILE if self.volatile else ()), *self.runtime)
        return run([*guard, self.program, *options, *args], stdin=stdin, timeout=timeout, check=check)

    def containers(self, lab: str | None = None) -> dict[str, Container]:
        """List the lab's containers by name; of all labs, when none is named."""
        # `--external` shows what a killed `podman create` left, which has a name and no labels.
        style = ["--external", "--format", "json"] if self.program == "podman" else ["--format", "{{json .}}"]
        return {
            container.name: container
            for container in read_containers(self._listed("ps", "-a", *style))
            if LABEL in container.labels and lab in (None, container.labels[LABEL])
        }

    def _listed(self, *args: str) -> str:
        """List what there is. Podman stops at a container that vanishes while it lists, such as one of another lab."""
        for _ in wait.tries(VANISHING, 0.3):
            try:
                return self.call(*args)
            except EngineFailed as fault:
                if "not known" not in str(fault) and "no such container" not in str(fault):
                    raise
        return self.call(*args)

    def networks(self) -> list[tuple[str, list[str], Mapping[str, str]]]:
        """List all networks of the engine as (name, subnets, labels)."""
        names = self.call("network", "ls", "--format", "{{.Name}}").split()
        # One that vanishes between the two calls (another lab's) fails; the others are printed all the same.
        answer = self.call("network", "inspect", *names, check=False) if names else ""
        return read_networks(json.loads(answer or "[]"))

    def has_image(self, tag: str) -> bool:
        """Tell whether an image is in the engine's storage."""
        return bool(self.call("images", "-q", tag).strip())

    def run_options(self) -> list[str]:
        """Give the options with which systemd runs as PID 1."""
        if self.program == "podman":
            # `--no-hosts`: the lab writes /etc/hosts itself, and a restart must not undo that.
            return ["--systemd=always", "--no-hosts", *self.limits]
        # Docker knows nothing of systemd: what podman's --systemd does has to be said.
        mounts = ("--tmpfs", "/run", "--tmpfs", "/run/lock", "--cgroupns=private", "--privileged")
        return [*mounts, "--stop-signal", "SIGRTMIN+3", "--env", "container=docker", *self.limits]


def run(argv: Sequence[str], *, stdin: str | bytes | None = None, timeout: float = 120.0, check: bool = True) -> str:
    """Run a program of this machine and return its standard output.

    The program has a session of its own and its input in a file: when this process is killed, the program
    comes to its end all the same. A `podman start` killed half-way leaves bridges, addresses and rules that
    nothing cleans up.
    """
    with tempfile.TemporaryFile() as feed:
        feed.write(stdin.encode() if isinstance(stdin, str) else stdin or b"")
        feed.seek(0)
        return _run(argv, feed, timeout, check=check)


def _run(argv: Sequence[str], feed: IO[bytes], timeout: float, *, check: bool) -> str:
    try:
        done = subprocess.run(
            argv, stdin=feed, capture_output=True, timeout=timeout, check=False, start_new_session=True
        )
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed: `python -m lab setup` as root installs it") from None
    except subprocess.TimeoutExpired:
        raise EngineFailed(argv, 124, f"no end after {timeout:.0f} s") from None
    if check and done.returncode:
        raise EngineFailed(argv, done.returncode, (done.stderr + done.stdout).decode(errors="replace"))
    output: bytes = done.stdout
    return output.decode(errors="replace")


def read_containers(text: str) -> list[Container]:
    """Read podman's one JSON list, or docker's JSON line for each container."""
    stripped = text.strip()
    one_list = stripped.startswith("[")
    rows = json.loads(stripped) if one_list else [json.loads(line) for line in stripped.splitlines()]
    found: list[Container] = []
    for row in rows:
        names, labels = row["Names"], row.get("Labels") or {}
        if isinstance(labels, str):
            labels = dict(pair.split("=", 1) for pair in labels.split(",") if "=" in pair)
        name = names if isinstance(names, str) else names[0]
        if row.get("State") == "storage" and name.startswith("aegir-lab.") and name.count(".") == 2:
            labels = {LABEL: name.split(".")[1], HOST_LABEL: name.split(".")[2]}
        found.append(Container(name, str(row.get("State", "")).lower(), labels))
    return found


def read_networks(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str], Mapping[str, str]]]:
    """Read `network inspect` of podman (lower case) or docker (IPAM, capitals)."""
    found: list[tuple[str, list[str], Mapping[str, str]]] = []
    for row in rows:
        if "IPAM" in row:
            subnets = [part["Subnet"] for part in (row["IPAM"].get("Config") or []) if part.get("Subnet")]
        else:
            subnets = [part["subnet"] for part in row.get("subnets") or []]
        found.append((row.get("name") or row.get("Name") or "", subnets, row.get("labels") or row.get("Labels") or {}))
    return found


def find(memory: pathlib.Path, say: Callable[[str], None], *, install: bool = True) -> Engine:
    """Return the engine that was picked earlier, or one that answers; install podman if need be.

    Which runtime works is not known before an image is there: see `pick_runtime`.
    """
    remembered = _remembered(memory)
    if remembered is not None:
        return remembered
    root = os.geteuid() == 0
    # Without root podman's bridge is inside a namespace of its own, where ssh from here cannot reach.
    if root and shutil.which("podman"):
        return Engine("podman", run(["podman", "info", "--format", "{{.Version.Version}}"]).strip())
    if shutil.which("docker"):
        # A command may be there with no engine behind it: the answer counts.
        version = run(["docker", "version", "--format", "{{.Server.Version}}"], check=False, timeout=60).strip()
        if version:
            return Engine("docker", version)
    if not root:
        raise EngineMissing("the lab needs root (for podman), or a docker engine that answers: run it as root")
    if not install or aptconf.debian_suite() is None or not shutil.which("apt-get"):
        raise EngineMissing("neither podman nor docker answers: install podman, then run this again")
    install_packages(say)
    return Engine("podman", run(["podman", "info", "--format", "{{.Version.Version}}"]).strip())


def install_packages(
    say: Callable[[str], None], names: Sequence[str] = PACKAGES, *, what: str = "the lab's containers"
) -> None:
    """Install packages on this machine by apt, on Debian, as root.

    Args:
        say: tells the person at the terminal.
        names: the packages.
        what: what needs them, for messages.

    Raises:
        EngineMissing: this is not Debian, or the caller is not root.
    """
    if os.geteuid() != 0 or aptconf.debian_suite() is None or not shutil.which("apt-get"):
        raise EngineMissing(
            f"{what}: on Debian, as root, the lab installs {' '.join(names)}; elsewhere install them yourself"
        )
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
    with state.locked("packages"):
        say(f"installing {' '.join(names)} with apt (about 30 s)")
        run([*command, "update"], timeout=300)
        run([*command, "install", "--no-install-recommends", *names], timeout=900)


def pick_runtime(engine: Engine, image: str, memory: pathlib.Path, say: Callable[[str], None]) -> Engine:
    """Find the options with which this machine runs a container of `image`, and remember them."""
    if engine.proven:
        return engine
    refusals: list[str] = []
    podman = engine.program == "podman"
    for volatile, (runtime, limits) in itertools.product((True, False), _CANDIDATES):
        if (runtime or volatile) and not podman:
            continue
        tried = dataclasses.replace(engine, runtime=runtime, limits=limits, volatile=volatile, proven=True)
        try:
            tried.call("run", "--rm", "--network", "none", *tried.run_options(), image, "/bin/true", timeout=60)
        except EngineFailed as refusal:
            refusals.append(str(refusal))
            continue
        say(f"engine: {tried}")
        files.replace(memory, json.dumps(dataclasses.asdict(dataclasses.replace(tried, guard=None))), mode=0o600)
        return tried
    raise LabError("no runtime of the engine can start a container here:\n" + "\n".join(refusals))


def _remembered(memory: pathlib.Path) -> Engine | None:
    """Read the engine picked earlier, unless its program is gone or another version since."""
    try:
        data = json.loads(memory.read_text())
        runtime, limits, volatile = tuple(data["runtime"]), tuple(data["limits"]), bool(data["volatile"])
        engine = Engine(data["program"], data["version"], runtime, limits, volatile, proven=True)
    except (OSError, ValueError, KeyError):
        return None
    if not shutil.which(engine.program) or (engine.program == "podman" and os.geteuid() != 0):
        return None
    key = "{{.Client.Version}}" if engine.program == "podman" else "{{.Server.Version}}"
    version = run([engine.program, "version", "--format", key], check=False, timeout=60).strip()
    return engine if version == engine.version else None
