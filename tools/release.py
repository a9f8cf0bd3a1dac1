"""The second way to the engine: Pulumi's own release archive."""

from __future__ import annotations

import hashlib
import io
import platform
import tarfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from tools.errors import SetupError, WayClosed

#: SHA-256 of archives, by file name. Empty: where this was written neither host could be reached, so no sum
#: could be learned first hand. Until one is pinned, the sum comes from the list that Pulumi publishes with
#: each release, over https. That finds a broken download and a tampered archive host, not a tampered release.
PINNED: dict[str, str] = {}

_ARCHIVE = "https://get.pulumi.com/releases/sdk/{name}"
_CHECKSUMS = "https://github.com/pulumi/pulumi/releases/download/v{version}/pulumi-{version}-checksums.txt"

_CONNECT_SECONDS = 10.0
_STALL_SECONDS = 60.0

Fetch = Callable[[str], bytes]


def archive_name(version: str, system: str, machine: str) -> str:
    """Name the release archive for a machine, in Pulumi's words for it."""
    kernels = {"Linux": "linux", "Darwin": "darwin"}
    processors = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
    if system not in kernels or machine.lower() not in processors:
        raise WayClosed(f"there is none for {system} on {machine}")
    return f"pulumi-v{version}-{kernels[system]}-{processors[machine.lower()]}.tar.gz"


def published_sum(listing: str, name: str) -> str:
    """Find a file's SHA-256 in a list of the form that sha256sum writes."""
    for line in listing.splitlines():
        digest, _, file = line.partition(" ")
        if file.strip().lstrip("*") == name and len(digest) == hashlib.sha256().digest_size * 2:
            return digest.lower()
    raise WayClosed(f"its list of checksums does not name {name}")


def unpack(archive: bytes, into: Path) -> None:
    """Write the programs of a release archive into one directory."""
    into.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar:
            source = tar.extractfile(member) if member.isfile() else None
            if source is None:
                continue
            # Only the last part of the name counts, so that no archive writes anywhere else.
            target = into / PurePosixPath(member.name).name
            target.write_bytes(source.read())
            target.chmod(0o755)


def get(version: str, into: Path, fetch: Fetch | None = None) -> None:
    """Download, check and unpack a release into ``into``.

    Raises:
        WayClosed: it cannot be had from here.
        SetupError: it was had, and it is not what was published.
    """
    fetch = fetch or download
    name = archive_name(version, platform.system(), platform.machine())
    # The short list first: it tells at once, and without a hundred megabytes, whether this way is open.
    expected = PINNED.get(name) or published_sum(fetch(_CHECKSUMS.format(version=version)).decode(), name)
    archive = fetch(_ARCHIVE.format(name=name))
    found = hashlib.sha256(archive).hexdigest()
    if found != expected:
        raise SetupError(f"{name} has the SHA-256 {found}, and {expected} was expected: it is not used")
    unpack(archive, into)


def download(url: str) -> bytes:
    """Fetch a URL, giving up early where nobody answers."""
    opened: list[object] = []

    def connect() -> None:
        try:
            opened.append(urllib.request.urlopen(url, timeout=_STALL_SECONDS))  # noqa: S310 -- ours, https
        except OSError as fault:
            opened.append(fault)

    # A resolver or a firewall that drops packets holds a connection up for minutes, past any time limit of a
    # socket: a thread that nobody waits for any longer does not matter.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_CONNECT_SECONDS)
    host = url.split("/")[2]
    if not opened:
        raise WayClosed(f"{host} does not answer within {_CONNECT_SECONDS:.0f} s")
    response = opened[0]
    if isinstance(response, urllib.error.HTTPError):
        raise WayClosed(f"{host} answers {response.code}")
    if isinstance(response, OSError):
        raise WayClosed(f"{host} is not reachable ({_reason(response)})")
    try:
        with response:  # type: ignore[attr-defined]
            body: bytes = response.read()  # type: ignore[attr-defined]
    except OSError as fault:
        raise WayClosed(f"the download from {host} broke off") from fault
    return body


def _reason(fault: OSError) -> str:
    """Say why a connection failed, in the system's words and without Python's."""
    cause = getattr(fault, "reason", fault)
    return str(getattr(cause, "strerror", None) or cause)
