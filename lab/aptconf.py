"""How this machine reaches its package archive, so that the hosts of the lab can do the same.

Only what concerns reaching the archive is taken: sources of the distribution itself, the keys they
are signed by, `Acquire` settings (proxies, clock checks), and certificates added to the machine.
Nothing of it is ever written into the project: it goes into the images, and into their tag as a hash.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
from collections.abc import Iterable, Mapping

from .errors import ReleaseMissing

ETC_APT = pathlib.Path("/etc/apt")
ADDED_CERTIFICATES = pathlib.Path("/usr/local/share/ca-certificates")
CERTIFICATE_BUNDLE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")

SOURCES = "etc/apt/sources.list.d/lab.sources"
DEBIAN = ("bullseye", "bookworm", "trixie")
ENDED = ("bullseye",)
"""Releases without support: their archives of updates name packages that they do not have any more."""
UBUNTU = ("jammy", "noble")
UBUNTU_ARCHIVE = "AEGIR_LAB_UBUNTU"
"""The variable with the address of an archive of Ubuntu's, which a Debian machine does not know of itself."""

# Pools of the distribution itself; others' archives (`bookworm-pgdg`) are not the lab's business.
_POCKETS = ("", "-updates", "-security", "-backports", "-proposed-updates")
_ACQUIRE = re.compile(
    r"Acquire::(https?::.+|Check-Date|Check-Valid-Until|Max-FutureTime|ForceIPv[46]|Retries"
    r"|AllowInsecureRepositories)\s",
)
# A detector is a program of this machine, which a host does not have.
_NOT_PORTABLE = re.compile(r"Acquire::https?::(Proxy-Auto-Detect|ProxyAutoDetect|User-Agent)", re.IGNORECASE)


def os_release() -> dict[str, str]:
    """Read what distribution this machine runs."""
    try:
        text = pathlib.Path("/etc/os-release").read_text()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in text.splitlines())
    return {key: value.strip("\"'") for key, equals, value in pairs if equals}


def debian_suite() -> str | None:
    """Name the Debian release of this machine, or None where it is no Debian."""
    release = os_release()
    return release.get("VERSION_CODENAME") if release.get("ID") == "debian" else None


def stanza_of(line: str) -> str | None:
    """Turn a one-line `deb` source into a deb822 stanza; None for anything else."""
    found = re.fullmatch(r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)", line.partition("#")[0].strip())
    if not found:
        return None
    options, uri, suite, components = found.groups()
    rows = ["Types: deb", f"URIs: {uri}", f"Suites: {suite}", f"Components: {components}"]
    for option in (options or "").split():
        key, _, value = option.partition("=")
        if key in ("signed-by", "trusted"):
            rows.append(f"{key.title()}: {value}")
    return "\n".join(rows)


def distribution_sources(texts: Iterable[tuple[str, str]], suite: str) -> str:
    """Pick the stanzas of the distribution from `(file name, text)` pairs, as one deb822 text."""
    wanted = {suite + pocket for pocket in _POCKETS}
    kept: list[str] = []
    for name, text in texts:
        if name.endswith(".list"):
            stanzas = [stanza for line in text.splitlines() if (stanza := stanza_of(line))]
        else:
            bare = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
            stanzas = [part.strip() for part in re.split(r"\n\s*\n", bare) if part.strip()]
        for stanza in stanzas:
            suites = re.search(r"^Suites:(.*)$", stanza, re.MULTILINE | re.IGNORECASE)
            disabled = re.search(r"^Enabled:\s*(no|false)", stanza, re.MULTILINE | re.IGNORECASE)
            if suites and not disabled and wanted.intersection(suites.group(1).split()):
                kept.append(stanza)
    return "\n\n".join(kept) + "\n" if kept else ""


def acquire_settings(dump: str, environment: Mapping[str, str]) -> str:
    """Pick what concerns reaching an archive from `apt-config dump`, and add the environment's proxies."""
    lines = [line for line in dump.splitlines() if _ACQUIRE.match(line) and not _NOT_PORTABLE.match(line)]
    for scheme in ("http", "https"):
        proxy = environment.get(f"{scheme}_proxy") or environment.get(f"{scheme.upper()}_PROXY")
        if proxy and not any(line.startswith(f"Acquire::{scheme}::Proxy ") for line in lines):
            lines.append(f'Acquire::{scheme}::Proxy "{proxy}";')
    return "".join(f"{line}\n" for line in lines)


def collect(suite: str | None) -> dict[str, bytes]:
    """Gather the files that a host needs, by their path in the host; no sources where not on Debian."""
    files: dict[str, bytes] = {}
    if suite is not None:
        sources = distribution_sources(_source_files(), suite)
        files[SOURCES] = sources.encode()
        for keyring in sorted(set(re.findall(r"^Signed-By:\s*(/\S+)", sources, re.MULTILINE))):
            _add(files, pathlib.Path(keyring))
        for folder in ("trusted.gpg.d", "auth.conf.d"):
            for path in sorted((ETC_APT / folder).glob("*")):
                _add(files, path)
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    else:
        dump = ""
    files["etc/apt/apt.conf.d/90lab"] = acquire_settings(dump, os.environ).encode()
    for path in sorted(ADDED_CERTIFICATES.glob("*.crt")):
        _add(files, path)
    # The first apt run in an image is before its ca-certificates package, and may need them already.
    _add(files, CERTIFICATE_BUNDLE)
    return files


def of_release(release: str) -> tuple[str | None, dict[str, bytes]]:
    """Name the suite of a release, and gather the files that its hosts need; an empty one is this machine's own.

    Raises:
        ReleaseMissing: no archive of that release is known here.
    """
    own = debian_suite()
    files = collect(own)
    if release in {"", own}:
        return own, files
    if own is None:
        raise ReleaseMissing(f"hosts of {release} can be made on Debian only")
    sources = other_sources(files[SOURCES].decode(), own, release, os.environ.get(UBUNTU_ARCHIVE, ""))
    return release, {**files, SOURCES: sources.encode()}


def other_sources(text: str, own: str, release: str, ubuntu: str) -> str:
    """Turn this machine's sources into those of another release of Debian's, or name those of Ubuntu's.

    Raises:
        ReleaseMissing: it is one of Ubuntu's, and no archive of theirs is given.
    """
    if release in ENDED:
        return main_sources(text, own, release)
    if release in DEBIAN:
        return re.sub(rf"\b{own}\b", release, text)
    if not ubuntu:
        raise ReleaseMissing(f"hosts of {release} need an archive of Ubuntu's: set {UBUNTU_ARCHIVE} to its address")
    suites = " ".join(release + pocket for pocket in ("", "-updates", "-security"))
    # Debian has no package with Ubuntu's keys.
    return f"Types: deb\nURIs: {ubuntu}\nSuites: {suites}\nComponents: main universe\nTrusted: yes\n"


def main_sources(text: str, own: str, release: str) -> str:
    """Turn this machine's sources into those of a release without its updates: one that has none yet, or none any more.

    Raises:
        ReleaseMissing: this machine names no archive of its own release.
    """
    found = [
        re.sub(r"^Suites:.*$", f"Suites: {release}", stanza, flags=re.MULTILINE)
        for stanza in text.strip().split("\n\n")
        if re.search(rf"^Suites:(.*\s)?{own}(\s|$)", stanza, re.MULTILINE)
    ]
    if not found:
        raise ReleaseMissing(f"/etc/apt names no archive of {own}, so that none of {release} is known either")
    return "\n\n".join(part.strip() for part in found) + "\n"


def own_sources(own: str) -> str:
    """Give this machine's sources of its own release, as one deb822 text."""
    return distribution_sources(_source_files(), own)


def _source_files() -> list[tuple[str, str]]:
    candidates = [ETC_APT / "sources.list", *sorted((ETC_APT / "sources.list.d").glob("*"))]
    # apt itself reads these two endings only: others are switched off, or backups.
    sources = [path for path in candidates if path.suffix in (".list", ".sources") and path.is_file()]
    return [(path.name, path.read_text()) for path in sources]


def _add(files: dict[str, bytes], path: pathlib.Path) -> None:
    if path.is_file():
        files[str(path).lstrip("/")] = path.read_bytes()
