"""Aegir's multiserver hosting as Pulumi resources, for programs of your own (docs/howto/write-a-python-program.md)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arguments import (
        AcmeArgs,
        AegirUserArgs,
        BackupPlanArgs,
        BackupsArgs,
        CertificateArgs,
        CertificatesArgs,
        CommandArgs,
        ComposerArgs,
        DatabaseAdminArgs,
        DatabaseServiceArgs,
        FarmArgs,
        HubArgs,
        HubSshArgs,
        JumpArgs,
        KeepArgs,
        LimitsArgs,
        MailArgs,
        OriginArgs,
        OriginFilesArgs,
        PackArgs,
        PhpArgs,
        PlatformArgs,
        RepositoryArgs,
        RolloutArgs,
        ServerArgs,
        SiteAdminArgs,
        SiteArgs,
        SiteDatabaseArgs,
        SourceArgs,
        SshArgs,
        UpdateStepArgs,
        UploadsArgs,
        WebClusterArgs,
        WebServiceArgs,
    )
    from .components.pack import Pack
    from .components.platform import Platform
    from .components.server import Server
    from .components.site import Site
    from .components.web_cluster import WebCluster
    from .farm import Farm

__version__ = "0.2.0"

_COMPONENTS = {
    "Farm": "farm",
    "Pack": "components.pack",
    "Platform": "components.platform",
    "Server": "components.server",
    "Site": "components.site",
    "WebCluster": "components.web_cluster",
}

__all__ = [
    "AcmeArgs",
    "AegirUserArgs",
    "BackupPlanArgs",
    "BackupsArgs",
    "CertificateArgs",
    "CertificatesArgs",
    "CommandArgs",
    "ComposerArgs",
    "DatabaseAdminArgs",
    "DatabaseServiceArgs",
    "Farm",
    "FarmArgs",
    "HubArgs",
    "HubSshArgs",
    "JumpArgs",
    "KeepArgs",
    "LimitsArgs",
    "MailArgs",
    "OriginArgs",
    "OriginFilesArgs",
    "Pack",
    "PackArgs",
    "PhpArgs",
    "Platform",
    "PlatformArgs",
    "RepositoryArgs",
    "RolloutArgs",
    "Server",
    "ServerArgs",
    "Site",
    "SiteAdminArgs",
    "SiteArgs",
    "SiteDatabaseArgs",
    "SourceArgs",
    "SshArgs",
    "UpdateStepArgs",
    "UploadsArgs",
    "WebCluster",
    "WebClusterArgs",
    "WebServiceArgs",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the command line and the providers do without all of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f".{_COMPONENTS.get(name, 'arguments')}", __name__)
    found = globals()[name] = getattr(module, name)
    return found


def __dir__() -> list[str]:
    """List the public names too."""
    return sorted({*globals(), *__all__})
