"""A web server with PHP."""

from __future__ import annotations

from dataclasses import dataclass

from aegir_components.remote.connection import Connection

from .props import Props, left_out


@dataclass(frozen=True, kw_only=True, slots=True)
class WebServiceInputs(Props):
    """A web server with PHP."""

    host: str
    """The declared name of the machine."""
    connection: Connection
    holder: str
    """``<project>/<stack>``."""
    type: str
    """``apache``, ``apache_ssl``, ``nginx`` or ``nginx_ssl``."""
    port: int
    """Of plain HTTP."""
    php_version: str = ""
    """Of PHP; empty for the machine's usual one."""
    php_chosen: tuple[str, ...] = left_out(())
    """Versions of PHP that sites may take by name."""
    mounted: bool = left_out(False)
    """Whether platforms come from another machine."""
    tasks: int = left_out(0)
    """Processes of each of its sites, at most; 0 where nothing is declared."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WebServiceState(WebServiceInputs):
    """A web server as the state has it."""

    php: str = ""
    """The version of PHP that it runs, such as ``8.2``."""
