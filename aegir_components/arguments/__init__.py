"""What a Pulumi program says of a farm: one dataclass for each mapping of a stack file.

Fields have the names of the keys of a stack file. A field that is ``None`` has its default.

The docstring below a field says what the key means. ``aegir schema`` and the tables of docs/reference/stack-file.md are made of
these docstrings, whose links lead from the root of the repository. A default stands at the end: ``Default: none.``
"""

from .backups import BackupPlanArgs, BackupsArgs, KeepArgs, RepositoryArgs
from .base import Arguments, ComponentArgs, settings_of
from .farms import AcmeArgs, CertificatesArgs, FarmArgs
from .groups import PackArgs, UploadsArgs, WebClusterArgs
from .php import LimitsArgs, PhpArgs
from .platforms import ComposerArgs, PlatformArgs, RolloutArgs, SourceArgs, UpdateStepArgs
from .servers import (
    AegirUserArgs,
    CommandArgs,
    DatabaseAdminArgs,
    DatabaseServiceArgs,
    HubArgs,
    HubSshArgs,
    JumpArgs,
    ServerArgs,
    SshArgs,
    WebServiceArgs,
)
from .sites import CertificateArgs, MailArgs, OriginArgs, OriginFilesArgs, SiteAdminArgs, SiteArgs, SiteDatabaseArgs

__all__ = [
    "AcmeArgs",
    "AegirUserArgs",
    "Arguments",
    "BackupPlanArgs",
    "BackupsArgs",
    "CertificateArgs",
    "CertificatesArgs",
    "CommandArgs",
    "ComponentArgs",
    "ComposerArgs",
    "DatabaseAdminArgs",
    "DatabaseServiceArgs",
    "FarmArgs",
    "HubArgs",
    "HubSshArgs",
    "JumpArgs",
    "KeepArgs",
    "LimitsArgs",
    "MailArgs",
    "OriginArgs",
    "OriginFilesArgs",
    "PackArgs",
    "PhpArgs",
    "PlatformArgs",
    "RepositoryArgs",
    "RolloutArgs",
    "ServerArgs",
    "SiteAdminArgs",
    "SiteArgs",
    "SiteDatabaseArgs",
    "SourceArgs",
    "SshArgs",
    "UpdateStepArgs",
    "UploadsArgs",
    "WebClusterArgs",
    "WebServiceArgs",
    "settings_of",
]
