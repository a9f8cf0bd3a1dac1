"""The third way to the engine: built from Go modules, where a module proxy is all that can be reached.

The two small modules under tools/engine pin what is built, with the sums of everything it needs in their
go.sum. The Python language host has been a module of its own since 2023, which proxies do not serve: the
newest one they do serve, inside the SDK's module, is older than the engine. It works with it, except that it
does not hand `virtualenv` from Pulumi.yaml on to the program; tools/env therefore puts the virtual
environment first on PATH.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tools.errors import SetupError
from tools.golang import MODULES, Scratch, find
from tools.process import answer, elapsed, run, say

_SDK = "github.com/pulumi/pulumi/sdk/v3"

#: Per small module: the program it builds, and the package that it is.
_PROGRAMS = {
    "core": ("pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"),
    "language": ("pulumi-language-python", f"{_SDK}/python/cmd/pulumi-language-python"),
}

#: Scripts that go beside the programs. They are of the engine's own version: they run with that version's
#: Python package, and take all the arguments that the older language host gives them.
_SCRIPTS = ("cmd/pulumi-language-python-exec", "dist/pulumi-resource-pulumi-python")


def build(version: str, into: Path, scratch_root: Path) -> None:
    """Build the engine and its Python language host into ``into``.

    Args:
        version: the engine's version, which the build must carry: the Automation API refuses one without.
        into: directory for the programs.
        scratch_root: directory for the build; what a killed build left there is used again.
    """
    scratch = Scratch(root=scratch_root)
    go = find(scratch)
    say("building from Go modules (about 5 minutes on 2 cores, once; 3 GB of disk until it is done)")
    start = time.monotonic()
    into.mkdir(parents=True, exist_ok=True)
    stamp = f"-X {_SDK}/go/common/version.Version=v{version}"
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", f"-ldflags=-s -w {stamp}"]
    for module, (program, package) in _PROGRAMS.items():
        run(
            f"building {program}",
            # -v names each module and package when it is begun: the lines of progress. -s and -w leave the
            # debugger's tables out, a third of the size.
            [go, "build", "-v", *flags, "-o", into / program, package],
            env=scratch.env(),
            cwd=MODULES / module,
        )
    source = answer([go, "-C", MODULES / "core", "list", "-m", "-f", "{{.Dir}}", _SDK], env=scratch.env())
    if not source:
        raise SetupError(f"the Go module {_SDK} was built from, and cannot be found now")
    for script in _SCRIPTS:
        target = into / Path(script).name
        shutil.copyfile(Path(source) / "python" / script, target)
        target.chmod(0o755)
    say(f"built in {elapsed(time.monotonic() - start)}")
