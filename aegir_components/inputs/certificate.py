"""A site's certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .members import CodeMember
from .props import Props, left_out


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateInputs(Props):
    """A site's certificate."""

    site: str
    """What the site is known by."""
    names: tuple[str, ...]
    """Host names that it is for."""
    kind: Literal["self-signed", "given", "acme"]
    holder: str = ""
    """``<project>/<stack>``."""
    chain_file: str = left_out("")
    """Of a given one: the path of its chain on the hub."""
    key_file: str = left_out("")
    """Of a given one: the path of its key on the hub."""
    digest: str = left_out("")
    """Of the files that are given."""
    unread: str = left_out("")
    """Why these files cannot be used any more."""
    directory: str = left_out("")
    """The address of the ACME server's directory."""
    mail: str | None = None
    """Whom the ACME server writes to; ``None`` for other kinds."""
    authority: str | None = None
    """A file on the hub with the CA bundle that the ACME server is trusted by; empty for the system's."""
    accounts: str = left_out("")
    """Where the hub keeps its accounts with ACME servers."""
    error_days: int | None = None
    """Days before its end from which on it is an error that it cannot be renewed; ``None`` for the default."""
    members: Mapping[str, CodeMember] = left_out({})
    """The web servers, which answer the ACME server."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateState(CertificateInputs):
    """A site's certificate as the state has it."""

    chain: str = ""
    """The certificate and what it is signed by, in PEM."""
    key: str = field(default="", repr=False)
    """Its private key, in PEM."""
    ends: str = ""
    """The day of its end."""
    fingerprint: str = ""
    """What its web servers have to show."""
