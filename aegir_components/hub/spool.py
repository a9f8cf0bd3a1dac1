"""A stream that is made once on the hub and read by many: each at its own pace, and again from its beginning."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from typing import IO, Self

from . import hub_disk
from .environment import without_pulumis

CHUNK = 1 << 18
"""Bytes handed on at a time."""
LEVEL = "-1"
"""Of zstd: faster than the disks on both sides, and code shrinks to a quarter."""


class Spool:
    """An archive of some paths of a directory, packed by tar while it is already being read.

    It goes through a file without a name, so that a slow reader holds up nobody and a lost session can begin again.
    """

    def __init__(self, root: str, paths: Sequence[bytes], *, compress: bool) -> None:
        """Begin to pack.

        Args:
            root: the directory.
            paths: what of it, each for itself; a directory before what is in it.
            compress: by zstd.
        """
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self.compressed = compress
        self._more = threading.Condition()
        self._size, self._ended = 0, False
        self.fault = ""
        """What tar said when it could not pack everything; known when the stream has ended."""
        self._thread = threading.Thread(target=self._pack, args=(root, paths, compress), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._file.close()

    def chunks(self) -> Iterator[bytes]:
        """Give the stream from its beginning, waiting for what is not packed yet."""
        at = 0
        while True:
            with self._more:
                while self._size == at and not self._ended:
                    self._more.wait()
                until = self._size
            if at == until:
                return
            while at < until:
                part = os.pread(self._file.fileno(), min(CHUNK, until - at), at)
                at += len(part)
                yield part

    def _pack(self, root: str, paths: Sequence[bytes], compress: bool) -> None:
        try:
            with tempfile.TemporaryFile() as names, tempfile.TemporaryFile() as said:
                names.write(b"".join(path + b"\0" for path in paths))
                names.seek(0)
                self.fault = self._run(root, names, said, compress)
        except OSError as fault:
            self.fault = hub_disk.explain(fault) or f"{fault.strerror}: {fault.filename or root}"
        finally:
            with self._more:
                self._ended = True
                self._more.notify_all()

    def _run(self, root: str, names: IO[bytes], said: IO[bytes], compress: bool) -> str:
        command = [
            "tar", "--create", "--file=-", f"--directory={root}", "--null", "--verbatim-files-from", "--no-unquote",
            "--no-recursion", "--files-from=-", "--format=gnu", "--hard-dereference", "--owner=0", "--group=0",
            "--numeric-owner", "--mode=u=rwX,go=rX",
        ]  # fmt: skip
        with subprocess.Popen(
            command, stdin=names, stdout=subprocess.PIPE, stderr=said, env=without_pulumis()
        ) as packer:
            assert packer.stdout is not None
            if compress:
                with subprocess.Popen(
                    ["zstd", "-q", LEVEL, "-c"],
                    stdin=packer.stdout,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    env=without_pulumis(),
                ) as squeezer:
                    assert squeezer.stdout is not None
                    packer.stdout.close()
                    self._take(squeezer.stdout)
            else:
                self._take(packer.stdout)
        # 1 is "some files differ": it changed while it was read, which the proof on the machine finds out.
        if packer.returncode in {0, 1}:
            return ""
        said.seek(0)
        return said.read().decode(errors="replace").strip()[-600:]

    def _take(self, stream: IO[bytes]) -> None:
        while part := stream.read(CHUNK):
            # Written before it is announced, by the only writer.
            os.pwrite(self._file.fileno(), part, self._size)
            with self._more:
                self._size += len(part)
                self._more.notify_all()


@cache
def possible() -> bool:
    """Tell whether this hub can pack: GNU tar has the options that are needed."""
    program = shutil.which("tar")
    if program is None:
        return False
    said = subprocess.run(
        [program, "--version"], capture_output=True, text=True, timeout=20, check=False, env=without_pulumis()
    )
    return "GNU tar" in said.stdout


def can_compress() -> bool:
    """Tell whether this hub has zstd."""
    return shutil.which("zstd") is not None
