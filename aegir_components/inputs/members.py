"""The machines that a resource is on, by their declared names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from aegir_components.remote.connection import Connection

from .props import Props, left_out


@dataclass(frozen=True, kw_only=True, slots=True)
class Member(Props):
    """A machine."""

    connection: Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedMember(Member):
    """A web server that has code and data of its own, or sees a master's."""

    role: Literal["", "slave"] = left_out("")
    """``slave`` where it sees the code and the data of sites over NFS, and has none itself."""

    @property
    def is_slave(self) -> bool:
        """Whether it sees code and data over NFS."""
        return self.role == "slave"


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeMember(PlacedMember):
    """A web server that has a platform's code."""

    type: str
    """``apache``, ``apache_ssl``, ``nginx`` or ``nginx_ssl``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteMember(CodeMember):
    """A web server that serves a site."""

    port: int
    """Of plain HTTP."""


def connections(members: Mapping[str, Member]) -> dict[str, Connection]:
    """Give how machines are reached, in the order of their names."""
    return {name: member.connection for name, member in sorted(members.items())}
