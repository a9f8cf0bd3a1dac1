"""What a host of the lab is, as a person describes it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .aptconf import DEBIAN, UBUNTU
from .errors import SpecError

IMAGES = ("bare", "web", "db", "hub")
KINDS = ("container", "vm")

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_PATH = re.compile(r"(/[A-Za-z0-9_-]+)+")
_MEMORY = re.compile(r"[1-9][0-9]*[kmg]")


@dataclasses.dataclass(frozen=True, slots=True)
class HostSpec:
    """One Debian host."""

    name: str
    """Short name, unique in its lab."""
    image: str = "bare"
    """`bare` (systemd and sshd only), `web`, `db` or `hub` (their packages installed, nothing running)."""
    release: str = ""
    """Of Debian or Ubuntu, by its code name (`trixie`, `noble`); empty: that of the machine that the lab is on."""
    domain: str = "lab.test"
    """The host calls itself `<name>.<domain>`."""
    users: tuple[str, ...] = ()
    """Further accounts that the lab's key may log in to, without any privilege."""
    admin: str | None = None
    """An account with passwordless sudo; root can then not log in over ssh."""
    memory: str = "2g"
    """The most memory it may use, in the engine's notation."""
    processes: int = 2048
    """The most processes and threads it may have."""
    shared: str = ""
    """A directory, such as `/srv/shared`, that is one and the same on all hosts of the lab that have it: a filer's, say."""
    kind: str = "container"
    """How the host is made: a `container`, or a `vm`, with a Linux kernel of its own that knows NFS on both sides."""

    def __post_init__(self) -> None:
        """Refuse what an engine, sshd or a shell would stumble over later."""
        faults: list[str] = []
        if not _LABEL.fullmatch(self.name):
            faults.append(f"host name {self.name!r}: use a-z, 0-9 and inner hyphens, at most 40")
        if self.image not in IMAGES:
            faults.append(f"{self.name}: image {self.image!r} is none of {', '.join(IMAGES)}")
        if self.release not in ("", *DEBIAN, *UBUNTU):
            faults.append(f"{self.name}: release {self.release!r} is none of {', '.join((*DEBIAN, *UBUNTU))}")
        if self.kind not in KINDS:
            faults.append(f"{self.name}: kind {self.kind!r} is none of {', '.join(KINDS)}")
        # Linux keeps at most 64 bytes of host name, and the container is called by its full one.
        if not _DOMAIN.fullmatch(self.domain) or len(self.fqdn) > 64:
            faults.append(f"{self.name}: domain {self.domain!r} is not a domain, or too long")
        unfit = [user for user in self.logins if not _USER.fullmatch(user) or user == "root"]
        faults += [f"{self.name}: {user!r} cannot be the name of an extra account" for user in unfit]
        if self.shared and not _PATH.fullmatch(self.shared):
            faults.append(f"{self.name}: shared directory {self.shared!r} is no absolute path")
        if self.kind == "vm" and (self.shared or self.logins or self.release):
            faults.append(f"{self.name}: a vm has root's login only, no shared directory, and this machine's release")
        if not _MEMORY.fullmatch(self.memory):
            faults.append(f"{self.name}: memory {self.memory!r} is not like 512m or 2g")
        if faults:
            raise SpecError("; ".join(faults))

    @property
    def fqdn(self) -> str:
        """The full host name."""
        return f"{self.name}.{self.domain}"

    @property
    def made_from(self) -> str:
        """The kind of image that the host is made from, with its release, as `lab.images` takes them."""
        image = f"{self.image}-vm" if self.kind == "vm" else self.image
        return f"{image}@{self.release}" if self.release else image

    @property
    def login(self) -> str:
        """The account that administers the host over ssh."""
        return self.admin or "root"

    @property
    def logins(self) -> tuple[str, ...]:
        """All accounts that have to be made."""
        return tuple(dict.fromkeys((*((self.admin,) if self.admin else ()), *self.users)))

    def to_json(self) -> dict[str, Any]:
        """Give the fields for `hosts.json`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> HostSpec:
        """Read what `to_json` gave; fields that this version does not know are passed over."""
        known = {field.name for field in dataclasses.fields(cls)}
        values = {key: value for key, value in data.items() if key in known}
        values["users"] = tuple(values.get("users", ()))
        return cls(**values)


def parse_host(text: str) -> HostSpec:
    """Read `NAME[:IMAGE][:admin=USER][:kind=vm]`, as given on the command line."""
    name, *rest = text.split(":")
    image, admin, kind = "bare", None, "container"
    for word in rest:
        key, equals, value = word.partition("=")
        if not equals:
            image = word
        elif key == "admin":
            admin = value
        elif key == "kind":
            kind = value
        else:
            known = "NAME:IMAGE, NAME:IMAGE:admin=USER or NAME:IMAGE:kind=vm"
            raise SpecError(f"{text!r}: {key!r} is not known, write {known}")
    return HostSpec(name, image=image, admin=admin, kind=kind)


def check_lab_name(name: str) -> str:
    """Return the name of a lab, or say why it cannot be one."""
    if not _LABEL.fullmatch(name):
        raise SpecError(f"lab name {name!r}: use a-z, 0-9 and inner hyphens, at most 40")
    return name


def check_unique(specs: Iterable[HostSpec]) -> list[HostSpec]:
    """Return the descriptions as a list, refusing two of the same name."""
    listed = list(specs)
    names = [spec.name for spec in listed]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SpecError(f"described more than once: {', '.join(twice)}")
    return listed
