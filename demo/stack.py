"""The demo's stack: its file, rendered from a template, and the Pulumi commands on it."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import re
import socket
import string
import subprocess
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml

from lab.errors import LabError
from tools.paths import ROOT

STACK: Final = "pack" if os.environ.get("AEGIR_DEMO_STACK") == "pack" else "lab"
"""Which of the demo's two stacks: a web server, or a pack of three."""
FILE: Final = ROOT / "stacks" / f"Pulumi.{STACK}.yaml"
FORMER: Final = FILE.with_name(f"{FILE.name}.old")
SITE: Final = "www.demo.test"
ALIAS: Final = "demo.test"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the stack file says of this lab and this code base; the fields are the template's names."""

    hub_address: str
    hub_root: str
    identity: str
    known_hosts: str
    web_name: str
    web_address: str
    database_name: str
    database_address: str
    platform: str
    source: str
    profile: str | None
    """``None`` leaves the line out: not every application has profiles."""
    site: str = SITE
    alias: str = ALIAS
    first_slave_name: str = ""
    first_slave_address: str = ""
    second_slave_name: str = ""
    second_slave_address: str = ""
    mail: str = f"admin@{ALIAS}"

    @property
    def slaves(self) -> list[tuple[str, str]]:
        """Names and addresses of a pack's slaves; none where there is no pack."""
        pairs = [
            (self.first_slave_name, self.first_slave_address),
            (self.second_slave_name, self.second_slave_address),
        ]
        return [pair for pair in pairs if pair[0]]


def render(facts: Facts, salt: str = "") -> str:
    """Write the stack file; ``salt`` is the line that Pulumi keeps in it for the stack's secrets."""
    lines = resources.files(__package__).joinpath("templates", FILE.name).read_text(encoding="utf-8").splitlines()
    if facts.profile is None:
        at = next(index for index, line in enumerate(lines) if "$profile" in line)
        # With the comment above it.
        del lines[at - 1 : at + 1]
    values = {name: _scalar(value) for name, value in dataclasses.asdict(facts).items() if value is not None}
    text = string.Template("\n".join(lines) + "\n").substitute(values)
    return text + (f"{salt}\n" if salt else "")


def read() -> dict[str, Any]:
    """Give the configuration of the stack file that is there; nothing where there is none, or none that can be read."""
    try:
        found = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    config = found.get("config") if isinstance(found, dict) else None
    return config if isinstance(config, dict) else {}


def sources(config: Mapping[str, Any]) -> list[str]:
    """List where the platforms of a stack file have their code."""
    platforms = config.get("aegir:platforms")
    found = [_part(platforms, name).get("source") for name in platforms] if isinstance(platforms, dict) else []
    return [source for source in found if isinstance(source, str)]


def shown_site(config: Mapping[str, Any], made: str = SITE) -> str:
    """Return the present name of the demo's site, which somebody may have renamed; empty where it is not declared."""
    sites = config.get("aegir:sites")
    if not isinstance(sites, dict):
        return ""
    renamed = [name for name in sites if _part(sites, name).get("formerly") == made]
    return str(renamed[0]) if renamed else made if made in sites else ""


def site_source(config: Mapping[str, Any]) -> str:
    """Return where the code of the demo's site is; empty where the file does not name a directory for it."""
    site = _part(config.get("aegir:sites"), shown_site(config))
    found = _part(config.get("aegir:platforms"), site.get("platform")).get("source")
    return found if isinstance(found, str) else ""


def aliases(config: Mapping[str, Any], site: str) -> list[str]:
    """List the further names of a site."""
    found = _part(config.get("aegir:sites"), site).get("aliases")
    return [str(name) for name in found] if isinstance(found, list) else []


def other_hosts(config: Mapping[str, Any], facts: Facts) -> list[str]:
    """List what a stack file says of the demo's machines that is not so, as sentences' parts for a person."""
    hub, servers = _part(config, "aegir:hub"), config.get("aegir:servers")
    wanted = {facts.web_name: facts.web_address, facts.database_name: facts.database_address, **dict(facts.slaves)}
    said = [("the hub", hub.get("address"), facts.hub_address), ("the hub's root", hub.get("root"), facts.hub_root)]
    said += [(name, _part(servers, name).get("address"), address) for name, address in wanted.items()]
    # What a file does not say may be in a file that it includes, or not be wanted any more.
    return [f"{what} is {real}, and not {told}" for what, told, real in said if told is not None and told != real]


def fits(config: Mapping[str, Any], facts: Facts) -> bool:
    """Tell whether a stack file speaks of these hosts, whatever else somebody has added to it."""
    hub, servers, sites = (config.get(f"aegir:{key}") for key in ("hub", "servers", "sites"))
    if not (isinstance(hub, dict) and isinstance(servers, dict) and isinstance(sites, dict)):
        return False
    where = {name: entry.get("address") for name, entry in servers.items() if isinstance(entry, dict)}
    return (
        hub.get("address") == facts.hub_address
        and hub.get("root") == facts.hub_root
        and where.get(facts.web_name) == facts.web_address
        and where.get(facts.database_name) == facts.database_address
        and all(where.get(name) == address for name, address in facts.slaves)
        and facts.source in sources(config)
        and facts.site in sites
    )


def is_changed() -> bool:
    """Return whether somebody has written the stack file that is there, or changed it since the demo wrote it."""
    text = _without_salt(FILE.read_text(encoding="utf-8")) if FILE.exists() else ""
    if not text.strip():
        # A stack that was just made has a file with its salt only.
        return False
    try:
        return _record().read_text(encoding="utf-8").strip() != _digest(text)
    except OSError:
        return True


def write(facts: Facts) -> bool:
    """Write the stack file unless the one that is there fits, or is a person's work; return whether it was written.

    One that the demo wrote for other hosts stays beside it, as ``FORMER``.
    """
    if fits(read(), facts) or is_changed():
        return False
    before = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    if read():
        FILE.rename(FORMER)
    salt = re.search(r"(?m)^encryptionsalt:.*$", before)
    text = render(facts, salt[0] if salt else "")
    FILE.write_text(text, encoding="utf-8")
    _record().write_text(f"{_digest(_without_salt(text))}\n", encoding="utf-8")
    return True


def remove() -> Path | None:
    """Remove the stack file, the former one, and what is recorded of them.

    Returns:
        Where the stack file is kept that somebody has changed; ``None`` where nobody has.
    """
    kept = None
    if is_changed():
        names = (f"{FILE.name}.kept{number or ''}" for number in itertools.count())
        kept = next(path for path in map(FILE.with_name, names) if not path.exists())
        FILE.rename(kept)
    for path in (FILE, FORMER, _record()):
        path.unlink(missing_ok=True)
    return kept


def check_syntax() -> None:
    """Check that the stack file, if there is one, is YAML.

    Raises:
        LabError: it is not; the file stays as it is.
    """
    try:
        yaml.safe_load(FILE.read_text(encoding="utf-8")) if FILE.exists() else None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        said = " ".join(str(fault).split())
        raise LabError(
            f"{FILE} cannot be read, and is kept as it is: {said}. Correct it, and run `make demo`"
        ) from None


def _record() -> Path:
    """Name the file beside the stack file that has the digest of what the demo wrote."""
    return FILE.with_name(f"{FILE.name}.written")


def _without_salt(text: str) -> str:
    """Leave out the line that Pulumi adds."""
    return re.sub(r"(?m)^encryptionsalt:.*\n?", "", text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _part(parent: object, key: object) -> Mapping[str, Any]:
    """Return a mapping of a stack file that anybody may have written; empty where there is none."""
    found = parent.get(key) if isinstance(parent, dict) else None
    return found if isinstance(found, dict) else {}


def pulumi(*arguments: str) -> int:
    """Run a command of Pulumi on the stack, its output the person's to see; give its status."""
    return subprocess.run(["pulumi", *arguments, "--stack", STACK], cwd=ROOT, check=False).returncode


def answer(*arguments: str) -> Any:
    """Run a command of Pulumi that prints JSON.

    Raises:
        LabError: it failed.
    """
    done = subprocess.run(["pulumi", *arguments, "--json"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"`pulumi {arguments[0]}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return json.loads(done.stdout)


def quiet(*arguments: str) -> None:
    """Run a command of Pulumi on the stack whose output matters only when it fails.

    Raises:
        LabError: it failed.
    """
    command: Sequence[str] = ["pulumi", *arguments, "--stack", STACK]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.stdout.strip()}")


def exists() -> bool:
    """Tell whether there is a stack of this name in the state."""
    return any(entry["name"].rpartition("/")[2] == STACK for entry in answer("stack", "ls"))


def unlock() -> bool:
    """Take away the lock of a Pulumi run that was killed; tell whether there was one.

    Raises:
        LabError: a run that lives has the lock.
    """
    backend = os.environ.get("PULUMI_BACKEND_URL", "")
    if not backend.startswith("file://"):
        return False
    directory = Path(backend.removeprefix("file://").partition("?")[0]) / ".pulumi" / "locks"
    stale = False
    for path in sorted(directory.glob(f"**/{STACK}/*.json")):
        try:
            lock = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if lock.get("hostname") == socket.gethostname() and not _is_pulumi(int(lock.get("pid", 0))):
            stale = True
            continue
        raise LabError(
            f"Pulumi is at work on the stack {STACK} already (process {lock.get('pid')} on {lock.get('hostname')} since "
            f"{lock.get('timestamp')}): wait for its end, or stop it with Ctrl-C"
        )
    if stale:
        quiet("cancel", "--yes")
    return stale


def _is_pulumi(pid: int) -> bool:
    try:
        return b"pulumi" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _scalar(text: str) -> str:
    """Write a value as YAML: as it is where nothing in it could be taken for syntax."""
    return text if re.fullmatch(r"[A-Za-z/][A-Za-z0-9._/@+-]*|\d+(\.\d+){3}", text) else json.dumps(text)
