"""The machine that a site runs on, as the person's own ssh reaches it: our programs read there, and write nothing."""

from __future__ import annotations

import base64
import gzip
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from aegir_components.hub import files
from aegir_components.hub.environment import without_pulumis
from aegir_components.messages import numbered
from aegir_components.messages.printable import printable

from . import found
from .found import Site, Unread

TIMEOUT: Final = 120.0
"""Seconds for a look; uploads are counted for a minute at most."""
LONGEST: Final = 6 * 3600.0
"""Seconds for a copy or a dump."""
_END: Final = b"-- Dump completed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Remote:
    """A login on that machine."""

    login: str
    """``user@host``."""
    port: int = 0
    """Of ssh; 0 leaves it to the person's configuration."""
    identity: str = ""

    @property
    def ssh(self) -> list[str]:
        """The command that begins a session."""
        options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]
        options += ["-p", str(self.port)] if self.port else []
        return ["ssh", *options, *(["-i", self.identity] if self.identity else [])]

    def look(self, root: str, directory: str) -> Site:
        """Inspect a site.

        Args:
            root: its directory.
            directory: of Drupal, the one below ``sites``; empty to choose it.

        Raises:
            Unread: there is no such site, or the machine does not answer.
        """
        given = found.facts(self._run("sh", look(root), f"inspecting {root}"))
        if fault := given.get("fault"):
            raise Unread(numbered(3516, printable(fault)))
        if "docroot" not in given:
            raise Unread(numbered(3511, f"it did not run our program; try: ssh {self.login} 'ls {root}'"))
        chosen = found.directory_of(given, directory)
        if given.get("no_php"):
            return found.site(given, chosen, {})
        values = {"docroot": given["docroot"], "application": given["application"], "site": chosen}
        said = self._run("php", _php(values, "settings.php", "look.php"), "inspecting its settings and its database")
        return found.site(given, chosen, found.read_told(found.facts(said)))

    def dump(self, site: Site, target: Path) -> int:
        """Write a dump of its database; whatever was there before stays until the dump is whole.

        Returns:
            The bytes of the file.

        Raises:
            Unread: it could not be taken, or is cut short.
            OSError: it could not be written.
        """
        values = {"docroot": site.docroot, "application": site.application, "site": site.site}
        values |= {kind: "yes" for kind in ("routines", "events") if site.database.objects.get(kind)}
        argv = [*self.ssh, "--", self.login, "php"]
        text, end = _php(values, "settings.php", "dump.php").encode(), b""
        with files.replacing(target, target.with_name(f"{target.name}.new")) as new:
            with (
                _private(new) as raw,
                gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1) as packed,
                subprocess.Popen(argv, env=without_pulumis(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE) as process,
            ):  # fmt: skip
                assert process.stdin is not None
                assert process.stdout is not None
                assert process.stderr is not None
                process.stdin.write(text)
                process.stdin.close()
                while piece := process.stdout.read(1 << 20):
                    packed.write(piece)
                    end = (end + piece)[-200:]
                said = process.stderr.read(4096).decode(errors="replace")
            if process.returncode or _END not in end:
                raise Unread(
                    numbered(
                        3513,
                        f"its dump has no end ({_short(said) or f'status {process.returncode}'}); nothing of it was kept",
                    )
                )
        return target.stat().st_size

    def copy(self, source: str, target: Path, excluded: Sequence[str]) -> None:
        """Bring a directory, or what is new in it since the last time; what has gone there goes here as well.

        Raises:
            Unread: some of it could not be brought, or rsync is missing.
            OSError: the directory could not be made.
        """
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.which("rsync") is None:
            raise Unread(numbered(3514, "rsync is missing on this machine: install it by apt-get install rsync"))
        client = shlex.join([*self.ssh])
        argv = [
            "rsync", "--recursive", "--links", "--times", "--perms", "--chmod=u+rwX,go=rX", "--delete", "--delete-excluded",
            "--protect-args", *(f"--exclude={pattern}" for pattern in excluded), "-e", client, "--",
            f"{self.login}:{source.rstrip('/')}/", f"{target}/",
        ]  # fmt: skip
        done = _done(argv, "", LONGEST, f"copying {source}")
        if done.returncode:
            hint = "; install rsync there" if done.returncode in (12, 127) else ""
            raise Unread(
                numbered(3515, f"{source} was not copied whole ({_short(done.stderr) or done.returncode}){hint}")
            )

    def _run(self, program: str, text: str, what: str) -> str:
        done = _done([*self.ssh, "--", self.login, program], text, TIMEOUT, what)
        if done.returncode:
            raise Unread(
                numbered(3511, f"{what} failed ({_short(done.stderr) or done.returncode}); try: ssh {self.login} true")
            )
        return done.stdout


def _done(argv: Sequence[str], text: str, seconds: float, what: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv, env=without_pulumis(), input=text, capture_output=True, text=True, errors="replace", timeout=seconds,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Unread(numbered(3511, f"{what} did not end within {seconds:g} s")) from None
    except FileNotFoundError:
        raise Unread(numbered(3514, f"{argv[0]} is missing on this machine")) from None


def _short(text: str) -> str:
    return printable(" ".join(text.split())[-300:])


def _private(path: Path) -> Any:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def look(root: str) -> str:
    """Give the program that inspects a directory."""
    return f"{_text('look.sh')}look_site {shlex.quote(root)}\n"


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _php(values: dict[str, str], *names: str) -> str:
    """Put a program together; it goes by PHP's standard input, so that nothing of it stands in a list of processes."""
    packed = base64.b64encode(json.dumps(values).encode()).decode()
    parts = [_text(name).removeprefix("<?php\n") for name in names]
    return f"<?php\n$in = json_decode(base64_decode('{packed}'), TRUE);\n" + "".join(parts)
