"""The kernel of virtual machines: Linux as a program (user-mode-linux), of a Debian newer than this machine's.

Since version 6.16 a guest's system calls reach it by a seccomp filter instead of ptrace, and since 6.15 it knows the
registers of all processors: a new process costs a third of what it costs Debian 12's own, 6.1, and nothing has to be
patched. The program is linked to a newer C library, which is laid beside it; nothing is installed on this machine.
"""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
import tempfile
from collections.abc import Callable

from . import aptconf, state
from .engine import install_packages, run
from .errors import EngineFailed, EngineMissing

RELEASE = "forky"
"""Debian's release that the kernel is from."""
TOOLS = ("patchelf", "e2fsprogs")
"""Packages of this machine's own release: what makes the program find its library, and what makes file systems."""
PACKAGES = ("user-mode-linux", "libc6")
LINKER = "ld-linux-x86-64.so.2"


@dataclasses.dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel that runs as a process."""

    directory: pathlib.Path

    @property
    def program(self) -> pathlib.Path:
        """What is run."""
        return self.directory / "linux"

    @property
    def version(self) -> str:
        """The version, as its modules have it."""
        return next(path.name for path in sorted((self.directory / "modules").iterdir()))

    @property
    def modules(self) -> pathlib.Path:
        """What goes into the disks below `/lib/modules`."""
        return self.directory / "modules" / self.version


def installed() -> Kernel | None:
    """Find the kernel that `ensure` laid down."""
    return Kernel(_place()) if _place().is_dir() else None


def ensure(say: Callable[[str], None]) -> Kernel:
    """Get the kernel, unless it is there.

    Raises:
        EngineMissing: it cannot be had on this machine.
    """
    with state.locked("kernel"):
        if found := installed():
            return found
        if missing := [tool for tool in ("patchelf", "mke2fs") if not shutil.which(tool)]:
            install_packages(say, TOOLS, what=f"virtual machines ({', '.join(missing)})")
        say(f"getting the kernel of virtual machines from Debian {RELEASE} (about 20 s)")
        with tempfile.TemporaryDirectory(prefix="kernel-", dir=state.home()) as name:
            try:
                _lay(pathlib.Path(name), _place())
            except EngineFailed as failed:
                raise EngineMissing(
                    f"virtual machines need {' and '.join(PACKAGES)} of Debian {RELEASE} from this machine's package "
                    f"archive: {failed}"
                ) from failed
        return Kernel(_place())


def _place() -> pathlib.Path:
    return state.home() / f".kernel-{RELEASE}"


def _lay(work: pathlib.Path, target: pathlib.Path) -> None:
    _download(work)
    for archive in sorted(work.glob("*.deb")):
        run(["dpkg-deb", "-x", str(archive), str(work / "root")])
    fresh, library = work / "kernel", target / "lib"
    (fresh / "lib").mkdir(parents=True)
    for needed in ("libc.so.6", LINKER):
        (found,) = {path.resolve() for path in (work / "root").rglob(needed)}
        shutil.copy2(found, fresh / "lib" / needed)
    shutil.copy2(work / "root/usr/bin/linux.uml", fresh / "linux")
    shutil.copytree(work / "root/usr/lib/uml/modules", fresh / "modules", symlinks=True)
    interpreter = ["--set-interpreter", str(library / LINKER), "--set-rpath", str(library)]
    run(["patchelf", *interpreter, str(fresh / "linux")])
    fresh.rename(target)


def _download(work: pathlib.Path) -> None:
    """Fetch the packages by an apt that knows only that release, and leaves this machine's own lists alone."""
    own = aptconf.debian_suite()
    if own is None or not shutil.which("apt-get"):
        raise EngineMissing(f"virtual machines need Debian's apt-get, to fetch {' and '.join(PACKAGES)} of {RELEASE}")
    for name in ("lists/partial", "archives/partial", "parts"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()
    (work / "lab.sources").write_text(aptconf.main_sources(aptconf.own_sources(own), own, RELEASE))
    options = [
        f"Dir::Etc::sourcelist={work}/lab.sources", f"Dir::Etc::sourceparts={work}/parts", f"Dir::State={work}",
        f"Dir::State::lists={work}/lists", f"Dir::Cache={work}", "APT::Sandbox::User=root",
    ]  # fmt: skip
    apt = ["apt-get", "-q", *(word for option in options for word in ("-o", option))]
    run([*apt, "update"], timeout=300)
    run(["env", "-C", str(work), *apt, "download", *PACKAGES], timeout=300)
