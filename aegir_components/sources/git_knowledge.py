"""What git in a room has to know of the hub's user: proxies, addresses that stand for others, and one host's password."""

from __future__ import annotations

import netrc
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from . import programs
from .address import WITH_PASSWORD, Address, parse

ASK_TIMEOUT: Final = 20.0
_TAKEN: Final = re.compile(
    r"(url\..*\.insteadof|http\..*|protocol\.version|filter\.lfs\.[a-z]+|lfs\..*)", re.DOTALL | re.IGNORECASE
)
_FILES: Final = re.compile(r"http\.(.*\.)?(sslcainfo|sslcert|sslkey|cookiefile)", re.DOTALL | re.IGNORECASE)


def write(home: Path, address: Address, rewritten: str) -> None:
    """Write git's configuration for a room, and the password for the source's own host.

    Args:
        home: of the room; nobody else looks into it.
        address: the source's.
        rewritten: what stands in front of paths on the hub in the room; empty where none are read.
    """
    lines = ["[safe]\n\tdirectory = *\n", "[core]\n\thooksPath = /dev/null\n\tautocrlf = false\n"]
    for number, (key, value) in enumerate(_configuration()):
        if base := _base_on_the_hub(key):
            if rewritten:
                lines.append(_line(f"url.{rewritten}{base}.insteadOf", value))
        elif _FILES.fullmatch(key) and (found := Path(value).expanduser()).is_file():
            copied = home / f"file-{number}"
            shutil.copyfile(found, copied)
            copied.chmod(0o600)
            lines.append(_line(key, str(copied)))
        else:
            lines.append(_line(key, value))
    if rewritten:
        lines += [_line(f"url.{rewritten}/.insteadOf", prefix) for prefix in ("/", "file:///")]
    if known := address.credentials or _known(address):
        store = home / "credentials"
        store.touch(0o600)
        store.write_text(known)
        lines.append(_line("credential.helper", f"store --file={store}"))
    (home / ".gitconfig").write_text("".join(lines))


def meant(address: Address) -> Address:
    """Give the address that git takes for this one, by what the hub's user has declared with ``insteadOf``."""
    done = programs.run(["git", "-C", "/", "ls-remote", "--get-url", "--", address.plain], timeout=ASK_TIMEOUT)
    text = done.output.strip()
    if done.status or text == address.plain or not re.fullmatch(r"\S{1,2000}", text):
        return address
    found = parse(text)
    if found.password or found.host != address.host:
        return found
    return replace(found, user=found.user or address.user, password=address.password)


def _base_on_the_hub(key: str) -> str:
    """Give the path on the hub that stands for other addresses; empty where a setting says something else."""
    found = re.fullmatch(r"url\.(?:file://)?(/.*)\.insteadof", key, re.DOTALL | re.IGNORECASE)
    return found[1] if found else ""


def _configuration() -> Iterator[tuple[str, str]]:
    # Outside of any repository; --global would leave out one of the user's two files.
    done = programs.run(["git", "-C", "/", "config", "--includes", "-z", "--list"], timeout=ASK_TIMEOUT)
    for entry in done.output.split("\0") if done.status == 0 else ():
        key, _, value = entry.partition("\n")
        if _TAKEN.fullmatch(key) and (not key.startswith("filter.") or value.startswith("git-lfs ") or value == "true"):
            yield key, value


def _line(key: str, value: str) -> str:
    section, _, name = key.rpartition(".")
    section, _, below = section.partition(".")
    quoted = {text: text.replace("\\", "\\\\").replace('"', '\\"') for text in (below, value)}
    head = f'[{section} "{quoted[below]}"]' if below else f"[{section}]"
    return f'{head}\n\t{name} = "{quoted[value]}"\n'


def _known(address: Address) -> str:
    """Ask the user's own helpers for the password of one host, and nobody at the keyboard."""
    if address.scheme not in WITH_PASSWORD or not address.host:
        return ""
    user, password = address.user, ""
    path = urlsplit(address.plain).path.lstrip("/")
    asked = {"protocol": address.scheme, "host": address.host, "path": path, "username": address.user}
    text = "".join(f"{key}={value}\n" for key, value in asked.items() if value and "\n" not in value)
    variables = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS_REQUIRE": "never"}
    done = programs.run(["git", "credential", "fill"], timeout=ASK_TIMEOUT, variables=variables, given=f"{text}\n")
    if done.status == 0:
        told = dict(line.split("=", 1) for line in done.output.splitlines() if "=" in line)
        user, password = told.get("username", user), told.get("password", "")
    if not password:
        user, password = _netrc(address.host) or ("", "")
    if not user or not password:
        return ""
    return f"{address.scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{address.host}\n"


def _netrc(host: str) -> tuple[str, str] | None:
    path = Path(os.environ.get("HOME") or "/nonexistent") / ".netrc"
    try:
        found = netrc.netrc(str(path)).authenticators(host.partition(":")[0])
    except (OSError, netrc.NetrcParseError):
        return None
    return (found[0], found[2] or "") if found else None
