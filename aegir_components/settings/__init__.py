"""The stack file's ``aegir:`` keys as frozen dataclasses; every problem found at once, each with its path."""

from . import numbers, origins
from .backups import Backups, Keep, Plan, Repository
from .certificates import Acme, Certificate
from .groups import Pack, Uploads, WebCluster
from .included import Included, include
from .jumps import Jump
from .loading import load
from .model import (
    AegirUser,
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
from .origins import Origin
from .php import Php
from .platforms import taken
from .reader import SettingsError
from .resource_limits import ResourceLimits
from .stack import directory_of, find_stack_file, load_values

__all__ = [
    "Acme",
    "AegirUser",
    "Backups",
    "Certificate",
    "Composer",
    "DatabaseAdmin",
    "DatabaseService",
    "Hub",
    "HubSsh",
    "Included",
    "Jump",
    "Keep",
    "Origin",
    "OwnCommand",
    "Pack",
    "Php",
    "Plan",
    "Platform",
    "PlatformSource",
    "Repository",
    "ResourceLimits",
    "Server",
    "ServerSsh",
    "Settings",
    "SettingsError",
    "Site",
    "SiteAdmin",
    "Uploads",
    "WebCluster",
    "WebService",
    "directory_of",
    "find_stack_file",
    "include",
    "load",
    "load_values",
    "numbers",
    "origins",
    "taken",
]
