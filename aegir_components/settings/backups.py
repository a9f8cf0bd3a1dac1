"""Backups, as declared: where they go, how often they are made, how long they are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from aegir_components.messages import numbered

from . import names
from .names import Wrong, WrongForm, wanted
from .reader import Node
from .wording import listed, quoted

Kind = Literal["directory", "sftp", "s3"]
Every = Literal["hour", "day", "week"]
Prove = Literal["each", "boot", "off"]

KINDS: Final[tuple[Kind, ...]] = ("directory", "sftp", "s3")
EVERY: Final[tuple[Every, ...]] = ("hour", "day", "week")
PROVE: Final[tuple[Prove, ...]] = ("each", "boot", "off")
HUB: Final = "hub"
"""The repository on the hub itself, which needs no declaration."""
_NAME: Final = names.matching(
    r"[a-z][a-z0-9-]{0,29}", 30, "a repository's name (lower case, digits, -), such as offsite"
)
_SFTP: Final = re.compile(
    r"([A-Za-z_][A-Za-z0-9_.-]*)@([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::([0-9]{1,5}))?(/[^\s'\"\\]*)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """A place that has backups; each site has a directory, and a key of its own, in it."""

    name: str
    kind: Kind
    path: str
    """The directory, on the hub or on the SFTP server; for S3 the bucket with what is before the sites' names."""
    address: str = ""
    """Name or IP address of the SFTP server; for S3 the endpoint (``https://s3.example.com``)."""
    user: str = ""
    """The SFTP server's account."""
    port: int = 22
    """The SFTP server's."""
    identity: str = ""
    """The private key file on the hub that the SFTP server knows."""
    host_key: str = ""
    """The SFTP server's public key (``ssh-ed25519 AAAA...``)."""
    append_only: bool = False
    """Whether its server lets nobody delete: backups are added to it, and its owner removes them."""
    access_key: str = ""
    """The name of the S3 access key."""
    secret_key: str = field(default="", repr=False)
    """Secret: the S3 access key."""

    @property
    def is_off_hub(self) -> bool:
        """Whether it outlives the hub. Nobody can tell of a directory, which may be a mount; it does not count."""
        return self.kind != "directory"


@dataclass(frozen=True, kw_only=True, slots=True)
class Keep:
    """How many backups stay; 0 for none by that rule."""

    hourly: int = 0
    """Of the last hours that have one, the last one of each."""
    daily: int = 7
    """Of the last days that have one."""
    weekly: int = 4
    """Of the last weeks that have one."""
    monthly: int = 6
    """Of the last months that have one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How one site is backed up."""

    to: tuple[str, ...] = (HUB,)
    """The repositories by name. The backup is made in the first one, proven there, and copied to the others."""
    every: Every = "day"
    at: str = "02:00-05:00"
    """The part of the day in which backups begin, in the hub's local time; of no meaning where every is ``hour``."""
    keep: Keep = field(default_factory=Keep)
    prove: Prove = "each"
    """``each``: every backup is restored and counted; ``boot``: once a week the site is started from it too; ``off``: none is."""
    exclude: tuple[str, ...] = ()
    """Patterns of files that are left out, as ``tar --exclude`` takes them."""
    bandwidth: int = 0
    """Megabytes a second that go to a repository at most; 0 for no limit."""

    @property
    def window(self) -> tuple[int, int]:
        """The minutes of the day in which backups begin; the end may be past midnight, and smaller."""
        begin, end = (text.split(":") for text in self.at.split("-"))
        return int(begin[0]) * 60 + int(begin[1]), int(end[0]) * 60 + int(end[1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Backups:
    """``aegir:backups``: what holds for all sites of the stack."""

    repositories: Mapping[str, Repository]
    """By name; ``hub`` is always among them."""
    plan: Plan = field(default_factory=Plan)
    """Of sites that declare nothing else."""
    recipients: tuple[str, ...] = ()
    """Public keys of age (``age1...``): who can read exported keys and backups of the hub."""
    off: bool = False
    """Whether no site is backed up: declared by name."""


def read_backups(node: Node, hub_root: str, *, production: bool) -> Backups | None:
    """Read ``aegir:backups``; ``None`` where it is not declared.

    Args:
        node: the setting.
        hub_root: the hub's directory, which holds the repository ``hub``.
        production: whether the stack is marked as production.
    """
    hub = Repository(name=HUB, kind="directory", path=f"{hub_root}/backups/repositories")
    if not node.given:
        if production:
            node.warn(
                numbered(
                    1500,
                    "is not declared, so this production stack has no backups. Declare a repository off the hub, or "
                    "write aegir:backups: off",
                )
            )
        return None
    if is_off(node):
        return Backups(repositories={HUB: hub}, off=True)
    if not node.check_keys():
        return None
    known = {HUB: hub}
    for key, entry in node.child("repositories").entries():
        try:
            _NAME(key)
        except Wrong as wrong:
            entry.fault(wrong.text)
        if key == HUB:
            entry.fault(numbered(1504, "is the repository on the hub itself; choose another name"))
        known[key] = _repository(key, entry)
    plan = _plan(node, Plan(to=tuple(known)), known)
    if production and not any(known[name].is_off_hub for name in plan.to if name in known):
        node.child("to").warn(
            numbered(
                1501,
                "has no repository off the hub: a lost hub would lose the backups of a production stack. Declare one "
                "with sftp or s3 in aegir:backups.repositories",
            )
        )
    recipients = tuple(item.text("", _recipient) for item in node.child("recipients").items())
    return Backups(repositories=known, plan=plan, recipients=tuple(filter(None, recipients)))


def read_site(node: Node, declared: Backups | None) -> Plan | None:
    """Read ``backups`` of a site; ``None`` where it is not backed up.

    Args:
        node: the setting.
        declared: what holds for all sites.
    """
    if is_off(node) or (not node.given and (declared is None or declared.off)):
        return None
    if declared is None or declared.off:
        node.fault(numbered(1502, "needs aegir:backups, which says where backups go"))
        return None
    if not node.given:
        return declared.plan
    return _plan(node, declared.plan, declared.repositories) if node.check_keys() else None


def is_off(node: Node) -> bool:
    """Return whether ``off`` is written, which YAML reads as false."""
    node.also("off", False)
    return node.value is False or node.value == "off"


def _plan(node: Node, default: Plan, known: Mapping[str, Repository]) -> Plan:
    keep = node.child("keep")
    kept = default.keep
    if keep.check_keys():
        kept = Keep(
            hourly=keep.child("hourly").number(kept.hourly, 0, 1000),
            daily=keep.child("daily").number(kept.daily, 0, 1000),
            weekly=keep.child("weekly").number(kept.weekly, 0, 1000),
            monthly=keep.child("monthly").number(kept.monthly, 0, 1000),
        )
        if keep.given and kept == Keep(hourly=0, daily=0, weekly=0, monthly=0):
            keep.fault(numbered(1503, "would keep nothing; write backups: off for a site that is not to be backed up"))
    found = replace(
        default,
        every=node.child("every").choice(default.every, EVERY),
        at=node.child("at").text(default.at, _window),
        keep=kept,
        prove=_prove(node.child("prove"), default.prove),
        bandwidth=node.child("bandwidth").number(default.bandwidth, 0, 100_000),
    )
    if node.child("to").given:
        found = replace(found, to=_to(node.child("to"), known))
    if node.child("exclude").given:
        patterns = tuple(item.text("", _pattern) for item in node.child("exclude").items())
        found = replace(found, exclude=tuple(filter(None, patterns)))
    return found


def _prove(node: Node, default: Prove) -> Prove:
    return "off" if is_off(node) and node.given else node.choice(default, PROVE)


def _to(node: Node, known: Mapping[str, Repository]) -> tuple[str, ...]:
    found: list[str] = []
    for item in node.items():
        name = item.reference("repository", known)
        if name and name not in known:
            item.fault(
                numbered(
                    1015, f"no repository named {item.describe()} in aegir:backups.repositories; known: {listed(known)}"
                )
            )
        elif name in found:
            item.fault(numbered(1014, f"{item.describe()} is in this list already"))
        elif name:
            found.append(name)
    if isinstance(node.value, list) and not node.value:
        node.fault(numbered(1004, "is empty; name a repository, or write backups: off"))
    return tuple(found)


def _repository(name: str, node: Node) -> Repository:
    allowed = {"directory": (), "sftp": ("identity", "host_key"), "s3": ("access_key", "secret_key")}
    kinds = [kind for kind in KINDS if node.child(kind).given]
    append_only = node.child("append_only").flag(False)
    beside = {kind: [key for key in keys if node.child(key).given] for kind, keys in allowed.items()}
    if not node.check_keys() or len(kinds) != 1:
        node.fault(numbered(1018, "must have one of directory, sftp and s3"))
        return Repository(name=name, kind="directory", path="")
    kind = kinds[0]
    for other, keys in beside.items():
        for key in keys:
            if other != kind:
                node.child(key).fault(numbered(1016, f"is for repositories of kind {other}; remove this key"))
    if kind == "directory":
        path = node.child(kind).text("", names.absolute_path)
        return Repository(name=name, kind=kind, path=path, append_only=append_only)
    for key in allowed[kind]:
        if not node.child(key).given:
            node.child(key).fault(numbered(1013, "missing"))
    if kind == "sftp":
        found = _SFTP.fullmatch(node.child(kind).text("", _sftp))
        user, address, port, path = found.groups() if found else ("", "", "", "")
        return Repository(
            name=name, kind=kind, append_only=append_only, user=user or "", address=(address or "").strip("[]"),
            port=int(port or 22), path=path or "",
            identity=node.child("identity").text("", names.absolute_path),
            host_key=node.child("host_key").text("", names.host_key),
        )  # fmt: skip
    scheme, _, rest = node.child(kind).text("", _s3).partition("://")
    endpoint, _, path = rest.partition("/")
    return Repository(
        name=name, kind=kind, append_only=append_only, address=f"{scheme}://{endpoint}", path=path.strip("/"),
        access_key=node.child("access_key").text("", _word), secret_key=node.child("secret_key").password() or "",
    )  # fmt: skip


@wanted('a part of the day, such as "02:00-05:00"')
def _window(text: str) -> str:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", text)
    if not found or text[:5] == text[6:]:
        raise WrongForm(numbered(1505, 'must be a part of the day, such as "02:00-05:00"'), f", not {quoted(text)}")
    return text


@wanted("an account, a server and a directory, such as backup@nas.example.com:22/srv/backups")
def _sftp(text: str) -> str:
    found = _SFTP.fullmatch(text)
    if not found or not 1 <= int(found[3] or 22) <= 65535:
        raise WrongForm(
            numbered(
                1505, "must be an account, a server and a directory, such as backup@nas.example.com:22/srv/backups"
            ),
            f", not {quoted(text)}",
        )
    return text


@wanted("an endpoint with a bucket, such as https://s3.example.com/bucket")
def _s3(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?", text):
        raise WrongForm(
            numbered(1505, "must be an endpoint with a bucket, such as https://s3.example.com/bucket"),
            f", not {quoted(text)}",
        )
    return text


@wanted("the name of an access key")
def _word(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]{1,200}", text):
        raise WrongForm(numbered(1505, "must be the name of an access key, without spaces"))
    return text


@wanted("a pattern as tar --exclude takes it, such as */cache/*")
def _pattern(text: str) -> str:
    if not text.isprintable() or len(text) > 200:
        raise WrongForm(numbered(1505, "must be a pattern of up to 200 printable characters, such as */cache/*"))
    return text


@wanted("a public key of age, such as age1...")
def _recipient(text: str) -> str:
    if not re.fullmatch(r"age1[02-9ac-hj-np-z]{58}", text):
        raise WrongForm(numbered(1505, "must be a public key of age (age1 and 58 characters)"), f", not {quoted(text)}")
    return text
