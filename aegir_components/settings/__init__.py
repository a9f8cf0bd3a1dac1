"""The stack file's ``aegir:`` keys as frozen dataclasses; every fault found at once, each with its path."""

from . import numbers
from .groups import Pack, Uploads, WebCluster
from .included import Included, include
from .load import load
from .model import (
    Acme,
    AegirUser,
    Certificate,
    Composer,
    DatabaseAdmin,
    DatabaseService,
    Hub,
    HubSsh,
    OwnCommand,
    Platform,
    PlatformSource,
    Server,
    ServerSsh,
    Settings,
    Site,
    SiteAdmin,
    WebService,
)
from .reader import SettingsError
from .stack import StackFileRefused, load_from_pulumi

__all__ = [
    "Acme",
    "AegirUser",
    "Certificate",
    "Composer",
    "DatabaseAdmin",
    "DatabaseService",
    "Hub",
    "HubSsh",
    "Included",
    "OwnCommand",
    "Pack",
    "Platform",
    "PlatformSource",
    "Server",
    "ServerSsh",
    "Settings",
    "SettingsError",
    "Site",
    "SiteAdmin",
    "StackFileRefused",
    "Uploads",
    "WebCluster",
    "WebService",
    "include",
    "load",
    "load_from_pulumi",
    "numbers",
]
