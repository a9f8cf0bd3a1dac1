"""What became of each site's updates, in a file a site on the hub."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from aegir_components import layout

from .waves import Done

LONGEST: Final = 2_000_000
"""Bytes after which a new log is begun; the former one stays beside it."""


def path(hub_root: str, site: str) -> Path:
    """Name the log of a site."""
    return Path(hub_root, "logs", "updates", f"{layout.file_name(site)}.log")


def write(hub_root: str, done: Done, release: str) -> None:
    """Write down what came of a site.

    Args:
        hub_root: the hub's root.
        done: what came of it.
        release: the release that it was to get.
    """
    place = path(hub_root, done.site)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if place.exists() and place.stat().st_size > LONGEST:
        place.rename(place.with_suffix(".log.1"))
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    lines = [f"{now} release {release}: {done.result}: {done.line}"]
    lines += [f"    {done.outcome.backup}"] if done.outcome.backup else []
    lines += [f"    ran {name} in {seconds} s" for name, seconds in done.outcome.updates]
    lines += [f"    warning: {text}" for text in done.outcome.warnings]
    lines += [f"    | {line}" for text in done.outcome.output for line in text.splitlines()]
    with place.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
