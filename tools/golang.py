"""A Go that is new enough to build the engine with."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from tools.errors import SetupError
from tools.packages import need
from tools.paths import ROOT
from tools.process import answer, say
from tools.versions import go_serves, parse

MODULES = ROOT / "tools" / "engine"
_TOOLCHAIN_SUMS = MODULES / "toolchain.sum"

#: Where Go lies when nobody has put it on PATH: its own installer's place, and Debian's versioned packages.
_ELSEWHERE = ("/usr/local/go/bin/go", "/usr/lib/go-*/bin/go")

#: The engine and restic are built side by side: two of them must not install Go at once.
_finding = threading.Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scratch:
    """Go's caches for one build. They are ours, so that two gigabytes of them go away with it."""

    root: Path

    def env(self) -> dict[str, str]:
        """Variables under which Go reads and writes here only."""
        return {
            "GOPATH": str(self.root / "gopath"),
            "GOMODCACHE": str(self.root / "gopath" / "pkg" / "mod"),
            "GOCACHE": str(self.root / "gocache"),
            # Without it Go takes the right to write from its cache, and nobody but root could remove that.
            "GOFLAGS": "-modcacherw",
            "GOWORK": "off",
            # The Go that was chosen is the one that builds: it fetches no other behind our back.
            "GOTOOLCHAIN": "local",
            # As Pulumi's own releases are built; and then no C compiler is needed.
            "CGO_ENABLED": "0",
        }


def required(module: Path = MODULES / "core") -> str:
    """Return the oldest Go that can build the engine: what its go.mod says."""
    found = re.search(r"(?m)^go (\S+)$", (module / "go.mod").read_text())
    if found is None:
        raise ValueError(f"{module}/go.mod has no go line")
    return found[1]


def find(scratch: Scratch) -> Path:
    """Find a Go that can build the engine, or get one."""
    with _finding:
        return _find(scratch)


def _find(scratch: Scratch) -> Path:
    wanted = required()
    oldest = parse(wanted)
    assert oldest is not None, "a go line is a version"
    present = candidates()
    for go in present:
        if go_serves(_version(go), oldest):
            return go
    if not present:
        # Any Go since 1.13 can fetch a newer one as a module, and every Debian has one.
        need("Go", "golang-go", "ca-certificates")
        present = candidates()
    for go in present:
        if go_serves(_version(go), oldest):
            return go
    if not present:
        raise SetupError(f"Go {wanted} or newer is missing: install it from https://go.dev/dl/")
    return _fetch(present[0], wanted, scratch)


def candidates() -> list[Path]:
    """List the Go commands of this machine, the one on PATH first."""
    found = [Path(path) for path in [shutil.which("go")] if path]
    for pattern in _ELSEWHERE:
        found += sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)
    return found


def _version(go: Path) -> str | None:
    # From Go 1.21 on, `go` gives itself out for the version that it would fetch.
    return answer([go, "version"], env={"GOTOOLCHAIN": "local"})


def _fetch(go: Path, wanted: str, scratch: Scratch) -> Path:
    """Get a newer Go through the module proxy, which serves whole toolchains as modules."""
    processor = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    version = f"v0.0.1-go{wanted}.{platform.system().lower()}-{processor}"
    say(f"{go} is older than {wanted}: getting that as a Go module (about 60 MB)")
    done = subprocess.run(
        [go, "mod", "download", "-json", f"golang.org/toolchain@{version}"],
        env={**os.environ, **scratch.env()},
        cwd=scratch.root,  # outside any module, so that an old Go reads no go.mod that it does not understand
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        module = json.loads(done.stdout)
    except ValueError:
        module = {"Error": done.stderr.strip()}
    if "Error" in module:
        raise SetupError(f"Go {wanted} or newer is missing, and the module proxy has none: {module['Error']}")
    check_sum(_TOOLCHAIN_SUMS.read_text(), version, module["Sum"])
    home = Path(module["Dir"])
    # Archives of modules keep no execute bit.
    for program in [*(home / "bin").iterdir(), *(home / "pkg" / "tool").rglob("*")]:
        if program.is_file():
            program.chmod(0o755)
    return home / "bin" / "go"


def check_sum(pinned: str, version: str, found: str) -> None:
    """Compare a toolchain's sum with the one in our list, which has go.sum's form.

    A machine that the list does not name has Go's checksum database alone, which `go mod download` has asked.
    """
    for line in pinned.splitlines():
        if line.startswith(f"golang.org/toolchain {version} ") and line.split()[2] != found:
            raise SetupError(f"golang.org/toolchain {version} has the sum {found}, which is not the pinned one")
