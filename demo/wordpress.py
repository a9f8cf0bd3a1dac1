"""Debian's `wordpress` package as a code base: got by apt, unpacked, and freed from what ties it to a Debian machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from lab.errors import LabError

from . import fetch as demo_fetch

PACKAGE = "wordpress"
ROOT = "usr/share/wordpress"
SECONDS = 300
_MISSING = "give your own code: make demo PLATFORM=/path/to/code"


def code_base(say: Callable[[str], None]) -> Path:
    """Give the unpacked package, from the cache or from Debian's archive.

    Raises:
        LabError: this machine has no apt, or apt has no such package.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise LabError(f"this machine has no apt to get Debian's {PACKAGE} package with; {_MISSING}")
    record = _record()
    if not record and os.geteuid() == 0:
        say("reading Debian's package lists (apt-get update, about 15 s)")
        _run(["apt-get", "-q", "update"])
        record = _record()
    if not record:
        raise LabError(f"apt knows no package {PACKAGE}: run `apt-get update` as root, or {_MISSING}")
    version = _field(record, "Version")
    target = demo_fetch.cache() / f"{PACKAGE}-{demo_fetch.stem(version.replace(':', '-'))}-debian"
    if target.is_dir():
        return target
    fresh = demo_fetch.workspace(target)
    say(f"getting Debian's {PACKAGE} {version} by apt-get download (11 MB, some seconds)")
    try:
        _unpack([PACKAGE, *needed(record)], fresh)
        root = fresh / "root" / ROOT
        free(root, fresh / "root")
        demo_fetch.settle(root, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def needed(record: str) -> list[str]:
    """Name the packages that hold a part of the code base, from the package's own record: a theme, and libraries."""
    words = f"{_field(record, 'Depends')}, {_field(record, 'Recommends')}"
    names = [part.split("|")[0].split("(")[0].strip() for part in words.split(",")]
    return [name for name in names if re.match(r"wordpress-theme-|libjs-|php-getid3$", name)]


def free(root: Path, packages: Path) -> None:
    """Replace links out of the code base by what they point to, and drop what configures a Debian machine.

    Raises:
        LabError: a link points to what no package brought.
    """
    for name in ("wp-config.php", ".htaccess"):
        (root / name).unlink(missing_ok=True)
    for link in [path for path in sorted(root.rglob("*")) if path.is_symlink()]:
        text = str(link.readlink())
        inside = packages / text.lstrip("/") if text.startswith("/") else link.parent / text
        # What comes from no package is the list of certificate authorities, which the machine makes itself.
        source = inside if inside.exists() else Path(text)
        if not source.is_file():
            raise LabError(
                f"{link.relative_to(root)} in Debian's {PACKAGE} package points to {text}, which is not there"
            )
        link.unlink()
        shutil.copyfile(source, link)


def _record() -> str:
    done = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", PACKAGE], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout if done.returncode == 0 else ""


def _field(record: str, name: str) -> str:
    found = re.search(rf"(?m)^{name}:\s*(.*)$", record)
    return found[1] if found else ""


def _unpack(packages: list[str], fresh: Path) -> None:
    # apt downloads as a user of its own where it can: who may not write here makes it warn, and it goes on as root.
    _run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *packages], cwd=fresh)
    for archive in sorted(fresh.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(archive), str(fresh / "root")])


def _run(argv: list[str], cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise LabError(f"`{' '.join(argv[:4])}` did not end within {SECONDS} s; {_MISSING}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise LabError(f"`{' '.join(argv)}` failed: {said[-1] if said else 'no output'}; {_MISSING}")
