"""Archives from elsewhere: got once, within bounds, and proved by their checksum before anything looks into them."""

from __future__ import annotations

import base64
import hashlib
import os
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, Final

from aegir_components.hub import files
from aegir_components.messages import numbered

from .address import Address
from .faults import SourceError, Unreachable
from .tree import CHUNK, SUM_LENGTH, SumCache, file_entry, file_sum

ANSWER_TIMEOUT: Final = 30.0
"""Seconds without a byte."""
DOWNLOAD_TIMEOUT: Final = 900.0
"""Seconds for a whole download."""
MOST_BYTES: Final = 2 << 30
KEPT: Final = 10
"""How many downloads stay, of all platforms together."""


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows to https, and to http from http: not to a file of the hub, and not out of TLS."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Follow, or say why not."""
        scheme = newurl.partition("://")[0].lower()
        if scheme not in {"https", req.type}:
            raise urllib.error.URLError(numbered(2035, f"it redirects from {req.type} to {scheme}"))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(address: Address, checksum: str, cache: Path) -> Path:
    """Give the file at an address, from the cache where it is there.

    Args:
        address: an ``http`` or ``https`` one.
        checksum: its SHA-256 in hexadecimal digits.
        cache: the directory of all downloads.

    Raises:
        Unreachable: there is no answer, or none that is the file.
        SourceError: what came is not what the checksum says.
    """
    path = cache / checksum
    if path.is_file():
        if sum_of(path) == checksum:
            os.utime(path)
            return path
        path.unlink()
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with files.replacing(path) as fresh:
        got = get(address, fresh)
        if got != checksum:
            raise SourceError(
                numbered(
                    2037,
                    f"what {address.shown} gives has the checksum sha256:{got}, not sha256:{checksum}; it was not "
                    "unpacked. Compare both with what its publisher says",
                )
            )
    for old in sorted(cache.iterdir(), key=lambda each: each.stat().st_mtime_ns, reverse=True)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def sum_of(path: Path, remembered: Path | None = None) -> str:
    """Give a file's SHA-256 in hexadecimal digits, read again only when the file has changed.

    Raises:
        SourceError: there is no such file.
    """
    if not path.is_file():
        raise SourceError(
            numbered(
                2000,
                f"{str(path)!r} is no file. If a disk is not mounted, mount it; nothing is deleted anywhere meanwhile",
            )
        )
    if remembered is None:
        return file_sum(path)
    sums = SumCache(remembered)
    sums.load()
    value = sums.value(os.fsencode(path.parent), file_entry(os.fsencode(path.name), path.stat()))
    sums.save("", None)
    return value[1 - SUM_LENGTH :].decode()


def get(address: Address, path: Path) -> str:
    """Write what an address gives into a file, and give its SHA-256 in hexadecimal digits.

    Raises:
        Unreachable: there is no answer, or none that is the file.
        SourceError: it is too much.
    """
    request = urllib.request.Request(address.bare, headers={"User-Agent": "aegir-pulumi"})  # noqa: S310  settings check it
    if address.user or address.password:
        word = base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
        # Unredirected: another host that this one names does not get it.
        request.add_unredirected_header("Authorization", f"Basic {word}")
    digest, size, deadline = hashlib.sha256(), 0, time.monotonic() + DOWNLOAD_TIMEOUT
    try:
        with (
            urllib.request.build_opener(_SameScheme).open(request, timeout=ANSWER_TIMEOUT) as answer,
            path.open("wb") as handle,
        ):
            while chunk := answer.read1(CHUNK):
                size += len(chunk)
                if size > MOST_BYTES:
                    raise SourceError(numbered(2036, f"{address.shown} gives more than {MOST_BYTES >> 30} GiB"))
                if time.monotonic() > deadline:
                    raise Unreachable(numbered(2035, f"{address.shown} was not got within {DOWNLOAD_TIMEOUT:.0f} s"))
                digest.update(chunk)
                handle.write(chunk)
            whole = answer.headers.get("Content-Length", "")
    except urllib.error.HTTPError as fault:
        # Its words may name where it redirects to, with a token in it.
        raise Unreachable(numbered(2035, f"{address.shown} answers {fault.code}")) from None
    except (urllib.error.URLError, HTTPException, OSError) as fault:
        raise Unreachable(
            numbered(2035, f"{address.shown} cannot be got ({getattr(fault, 'reason', fault)})")
        ) from None
    if whole.isascii() and whole.isdigit() and size < int(whole):
        raise Unreachable(numbered(2035, f"{address.shown} was cut off after {size} of {whole} bytes"))
    return digest.hexdigest()
