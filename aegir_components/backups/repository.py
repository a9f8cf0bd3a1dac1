"""A site's repository, and restic on it.

restic needs to know the key, access to S3 and the SFTP server's host key. These are in files of a private directory in
memory for as long as a command runs. Neither arguments nor environment hold a secret.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from aegir_components import layout
from aegir_components.hub.environment import without_pulumis
from aegir_components.messages import AegirError, around, numbered
from aegir_components.remote import bounded
from aegir_components.remote.classify import tail
from aegir_components.settings import Repository

from . import memory, private_files

ARCHIVE: Final = "backup.tar"
"""What the one file of a snapshot is called."""
SHORT: Final = 300.0
"""Seconds for what reads only a list."""
LOGIN: Final = 30.0
"""Seconds for a login that is tried."""
LONG: Final = 6 * 3600.0
"""Seconds for what reads or writes backups."""

PATIENCE: Final = "4m"
"""For another hub that works on the same repository, as restic writes it."""

_MISSING, _LOCKED, _WRONG_KEY = 10, 11, 12
"""Of restic's manual, "Exit codes"."""


class BackupError(AegirError):
    """A backup could not be made, read or restored; the text says why, and what to do."""


class MissingError(BackupError):
    """No repository is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """A backup as the repository knows it."""

    id: str
    time: str
    """When it was begun, in UTC (RFC 3339)."""
    tags: tuple[str, ...]
    added: int
    """Bytes that it added to the repository; 0 where nobody counted."""
    size: int
    """Bytes of its stream."""
    original: str = ""
    """Of a copy: the snapshot that it is a copy of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A site's repository, before it is opened."""

    repository: Repository
    owner: str
    """The site, or the hub, that it belongs to."""
    key: str = field(repr=False)
    bandwidth: int = 0
    """Megabytes a second that it gets at most; 0 for no limit."""

    @property
    def name(self) -> str:
        """The declared name of the place."""
        return self.repository.name

    @property
    def address(self) -> str:
        """Where it is, as restic writes it."""
        place, own = self.repository, layout.file_name(self.owner)
        if place.kind == "directory":
            return f"{place.path}/{own}"
        if place.kind == "s3":
            return f"s3:{place.address}/{place.path}/{own}"
        return f"sftp:{place.user}@{place.address}:{place.path}/{own}"

    @property
    def is_missing(self) -> bool:
        """Whether it is a directory that is not there."""
        return self.repository.kind == "directory" and not Path(self.address).is_dir()


def in_order(places: Iterable[Repository]) -> list[Repository]:
    """Sort repositories: a backup is made in the first one, which is a directory where there is one."""
    return sorted(places, key=lambda place: place.kind != "directory")


def program() -> str:
    """Find restic.

    Raises:
        BackupError: it is not there.
    """
    found = shutil.which("restic")
    if found is None:
        raise BackupError(
            numbered(7130, "restic is not on PATH, and backups need it. In the checkout, run: make setup")
        )
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """A repository with what restic needs for it."""

    target: Target
    directory: Path
    """Private; ``key`` is in it."""
    urgent: bool = False
    """Whether somebody waits, so that it takes no place behind other work."""

    @property
    def name(self) -> str:
        """The declared name of the place."""
        return self.target.name

    def words(self, *, copy_from: Opened | None = None) -> list[str]:
        """Give restic with the options of this repository."""
        place, found = self.target.repository, [program(), "--repo", self.target.address]
        found += ["--password-file", str(self.directory / "key")]
        if copy_from is not None:
            found += ["--from-repo", copy_from.target.address, "--from-password-file", str(copy_from.directory / "key")]
        if place.kind == "directory":
            found.append("--no-cache")
        if place.kind == "sftp":
            found += ["--option", f"sftp.command={self._ssh()}"]
        if self.target.bandwidth:
            found += ["--limit-upload", str(self.target.bandwidth * 1000)]
        return found

    @property
    def environment(self) -> dict[str, str]:
        """Give restic's environment, which holds no secret."""
        mine = {name: value for name, value in without_pulumis().items() if not name.startswith(("RESTIC_", "AWS_"))}
        # The last is glibc's, for the program that feeds it: blocks of a megabyte go back to the system when they are free.
        mine |= {"GOGC": "20", "GOMAXPROCS": "2", "MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
        if self.target.repository.kind == "s3":
            mine |= {"AWS_SHARED_CREDENTIALS_FILE": str(self.directory / "s3"), "AWS_PROFILE": "default"}
            mine |= {"AWS_EC2_METADATA_DISABLED": "true"}
        return mine

    def run(
        self, *words: str, timeout: float = SHORT, copy_from: Opened | None = None, data: bytes | None = None,
        megabytes: int = memory.OTHER,
    ) -> subprocess.CompletedProcess[bytes]:  # fmt: skip
        """Run a command of restic's. Locks of runs that are gone are removed when they are in its way.

        Args:
            words: the command.
            timeout: seconds.
            copy_from: another repository that it reads.
            data: its input.
            megabytes: of memory, for which it waits.

        Raises:
            MissingError: no repository is there.
            BackupError: it failed; says why.
        """
        with memory.HUB.of(megabytes):
            return self._unlocked(words, timeout, copy_from, data)

    def _unlocked(
        self, words: Sequence[str], timeout: float, copy_from: Opened | None, data: bytes | None
    ) -> subprocess.CompletedProcess[bytes]:
        done = self._run(words, timeout, copy_from, data)
        if done.returncode == _LOCKED:
            # Restic removes those of processes that are gone, and no others: of another hub it waits for the end.
            self._run(["unlock"], SHORT, None, None)
            done = self._run([*words[:1], "--retry-lock", PATIENCE, *words[1:]], timeout, copy_from, data)
        if done.returncode:
            raise self.explained(words[0], done.returncode, done.stderr.decode(errors="replace"))
        return done

    def _run(
        self, words: Sequence[str], timeout: float, copy_from: Opened | None, data: bytes | None
    ) -> subprocess.CompletedProcess[bytes]:
        command = [*self._before, *self.words(copy_from=copy_from), *words]
        # Errors go to a file: a pipe that nobody reads any more would end it before it has removed its lock.
        with tempfile.TemporaryFile(dir=self.directory) as errors:
            try:
                done = bounded.run(command, data=data, timeout=timeout, env=self.environment, apart=True, stderr=errors)
            except bounded.AnswerTooLongError as fault:
                raise BackupError(around(fault, f"restic: {fault}")) from None
            except subprocess.TimeoutExpired:
                raise BackupError(
                    numbered(7131, f"repository {self.name}: restic {words[0]} did not end within {timeout:g} s")
                ) from None
            done.stderr = _said(errors)
        return done

    def explained(self, command: str, status: int, said: str) -> BackupError:
        """Turn restic's failure into what a person has to do."""
        where = f"repository {self.name} of {self.target.owner} ({self.target.address})"
        words = " ".join(tail(said, 400).split())
        if status == _MISSING or "unable to open config file" in said:
            return MissingError(numbered(7132, f"{where} is not there"))
        if status == _WRONG_KEY or "wrong password" in said:
            return BackupError(
                numbered(
                    7133,
                    f"{where} has another key than this stack: it belongs to another stack or site, or the stack's state "
                    f"was lost. Nothing was changed. `aegir backups keys` prints which keys there are",
                )
            )
        if status == _LOCKED or "already locked" in said:
            return BackupError(
                numbered(
                    7134, f"{where} is in use by another run ({words}). Run the same command again when that has ended"
                )
            )
        if "no space left" in said.lower():
            return BackupError(
                numbered(7135, f"{where} is full: {words}. Make room, or let it keep less (aegir:backups.keep)")
            )
        if "sftp session" in said and "subprocess ssh" not in said:
            # Restic may end before it has read why ssh did.
            words = f"{words} ({self._refusal() or 'ssh itself gives no reason now'})"
        return BackupError(numbered(7136, f"{where}: restic {command} ended with {status}: {words}"))

    def exists(self) -> bool:
        """Return whether the repository is there, and can be opened with the key.

        Raises:
            BackupError: it cannot be read.
        """
        try:
            self.run("cat", "config")
        except MissingError:
            return False
        return True

    def create(self, like: Opened | None = None) -> None:
        """Make the repository.

        Args:
            like: another one, from which backups are copied: what is the same in both is then cut alike.

        Raises:
            BackupError: it could not be made.
        """
        if self.target.repository.kind == "directory":
            Path(self.target.address).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.run("init", *(["--copy-chunker-params"] if like else []), copy_from=like, megabytes=memory.NEW)

    @property
    def may_have_locks(self) -> bool:
        """Whether there may be a lock that is in the way; no server is asked for that alone."""
        if self.target.repository.append_only:
            # Only what deletes minds the locks of others.
            return False
        place = Path(self.target.address) / "locks"
        return self.target.repository.kind != "directory" or (place.is_dir() and any(place.iterdir()))

    def unlock(self) -> None:
        """Remove the locks of runs that are gone; those of living ones stay.

        Raises:
            BackupError: the repository cannot be reached.
        """
        self.run("unlock")

    def snapshots(self) -> list[Snapshot]:
        """List the backups, oldest first.

        Raises:
            BackupError: they cannot be read.
        """
        listed = json.loads(self.run("snapshots", "--json", "--no-lock").stdout or b"[]") or []
        return sorted(map(_snapshot, listed), key=lambda one: one.time)

    @contextmanager
    def reading(self, snapshot: str) -> Iterator[IO[bytes]]:
        """Give a backup's stream, for a block of work that reads it to its end.

        Raises:
            BackupError: a part of it cannot be read any more.
        """
        command = [*self._before, *self.words(), "dump", "--no-lock", snapshot, f"/{ARCHIVE}"]
        with tempfile.TemporaryFile(dir=self.directory) as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=self.environment,
                process_group=0,
            )  # fmt: skip
            assert process.stdout is not None
            whole = False
            try:
                yield process.stdout
                whole = not process.stdout.read(1)
            except BaseException:
                # What the reader missed is explained by restic's own words, where it has failed.
                process.stdout.close()
                self._judge(process, errors, cut=True)
                raise
            process.stdout.close()
            self._judge(process, errors, cut=not whole)

    @property
    def _before(self) -> list[str]:
        # Ctrl-C lets the work on a site come to its end, and restic hears of signals that its parent blocks, as any program
        # in Go does. So it is apart from the terminal, and the kernel ends it when the thread that waits for it is gone.
        return ["setpriv", "--pdeathsig", "INT", *([] if self.urgent else ["nice", "-n", "10"])]

    def _judge(self, process: subprocess.Popen[bytes], errors: IO[bytes], *, cut: bool) -> None:
        if cut and process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(2)
            process.kill()
        status = process.wait()
        said = _said(errors).decode(errors="replace")
        # A reader that needed only the beginning has closed the pipe.
        if status > 0 and "broken pipe" not in said:
            raise self.explained("dump", status, said)

    def _refusal(self) -> str:
        """Give what ssh says of why there is no connection; nothing where there is one."""
        try:
            done = subprocess.run(
                shlex.split(self._ssh()),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LOGIN,
                check=False,
                env=self.environment,
            )
        except subprocess.TimeoutExpired:
            return "ssh did not end"
        return " ".join(tail(done.stderr.decode(errors="replace"), 300).split()) if done.returncode else ""

    def _ssh(self) -> str:
        place = self.target.repository
        options = {
            "BatchMode": "yes", "StrictHostKeyChecking": "yes", "UserKnownHostsFile": str(self.directory / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null", "HostKeyAlias": "sftp", "IdentitiesOnly": "yes", "ConnectTimeout": "20",
            "ServerAliveInterval": "10", "ServerAliveCountMax": "6",
        }  # fmt: skip
        flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        words = ["ssh", "-F", "none", "-p", str(place.port), "-i", place.identity, *flags]
        return shlex.join([*words, f"{place.user}@{place.address}", "-s", "sftp"])


@contextmanager
def opened(target: Target, *, urgent: bool = False) -> Iterator[Opened]:
    """Prepare a repository for a block of work. Nothing is read yet.

    Args:
        target: the repository.
        urgent: whether somebody waits.
    """
    with private_files.directory() as directory:
        place = target.repository
        private_files.write(directory / "key", target.key)
        if place.kind == "s3":
            lines = [
                "[default]",
                f"aws_access_key_id = {place.access_key}",
                f"aws_secret_access_key = {place.secret_key}",
            ]
            private_files.write(directory / "s3", "\n".join([*lines, ""]))
        if place.kind == "sftp":
            private_files.write(directory / "known_hosts", f"sftp {place.host_key}\n")
        yield Opened(target=target, directory=directory, urgent=urgent)


def _said(errors: IO[bytes]) -> bytes:
    errors.seek(0)
    return errors.read(100_000)


def _snapshot(found: Mapping[str, Any]) -> Snapshot:
    summary = found.get("summary") or {}
    return Snapshot(
        id=str(found["id"])[:16],
        time=str(found["time"]),
        tags=tuple(found.get("tags") or ()),
        added=int(summary.get("data_added_packed") or summary.get("data_added") or 0),
        size=int(summary.get("total_bytes_processed") or 0),
        original=str(found.get("original") or "")[:16],
    )
