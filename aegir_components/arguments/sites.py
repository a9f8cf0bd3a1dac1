"""Arguments of sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pulumi

from .backups import BackupPlanArgs
from .base import Arguments, ComponentArgs
from .php import LimitsArgs, PhpArgs
from .platforms import UpdateStepArgs

if TYPE_CHECKING:
    from aegir_components.components.platform import Platform
    from aegir_components.components.server import Server


@dataclass(frozen=True, kw_only=True)
class SiteAdminArgs(Arguments):
    """The first account of a site."""

    name: str | None = None
    """The first account. Default: ``admin``."""
    mail: pulumi.Input[str] | None = None
    """Its mail address. Default: ``admin@<site>``."""
    password: pulumi.Input[str] | None = None
    """A secret of 8 to 512 characters. Default: generated."""


@dataclass(frozen=True, kw_only=True)
class SiteDatabaseArgs(Arguments):
    """The database of a site."""

    server: Server | str
    """The server whose database service it uses."""
    rights: Sequence[str] | None = None
    """What the site's accounts may do besides what every site's may, such as ``TRIGGER``. Default: none."""


@dataclass(frozen=True, kw_only=True)
class CertificateArgs(Arguments):
    """A certificate that lies on the hub, in PEM."""

    chain: str
    """The path of the certificate on the hub, with what it is signed by, in PEM."""
    key: str
    """The path of its private key on the hub, in PEM."""


@dataclass(frozen=True, kw_only=True)
class MailArgs(Arguments):
    """Where all mail of a site goes."""

    redirect: pulumi.Input[str]
    """The address that gets all mail of the site."""


@dataclass(frozen=True, kw_only=True)
class OriginFilesArgs(Arguments):
    """Which of a live site's uploads come along."""

    exclude: Sequence[str] | None = None
    """Patterns of paths below the directory of uploads. What is below a directory that fits stays as well.
    Default: none.
    """
    largest: int | None = None
    """MB of the largest file that comes too. Default: no limit."""
    proxy: bool | None = None
    """Whether visitors who ask for an upload that is not there are sent to the source's. It counts as long as it is
    declared. ``files: proxy`` copies none, and does this. Default: ``false``.
    """


@dataclass(frozen=True, kw_only=True)
class OriginArgs(Arguments):
    """What a new site begins with in place of an installation."""

    backup: str | None = None
    """``latest``, the last proven one, or the name of a backup. Needs ``aegir:backups``. Default: none."""
    site: str | None = None
    """With ``backup``: the site of this stack whose backup it is, also one that was removed. Without: a live site that is
    cloned. Default: the site itself.
    """
    stack: str | None = None
    """Of a live site: the stack of this project that has it, on this hub. Default: this one."""
    sanitise: Literal["standard", "none"] | None = None
    """Of a live site: ``standard`` replaces personal data before it leaves its server; ``none`` does not. Needed when the
    source's stack is production and this one is not.
    """
    database: str | None = None
    """A dump on the hub, as ``mysqldump`` makes it: ``.sql``, ``.sql.gz`` or ``.sql.zst``. Default: none."""
    files: OriginFilesArgs | str | None = None
    """Public uploads on the hub: a directory, or a tar archive, packed or not. Of a live site: ``copy``, ``none``,
    ``proxy``, or a mapping. Default: none; ``copy``.
    """
    private: str | None = None
    """Private files, likewise. Default: none."""
    config: str | None = None
    """Exported configuration of Drupal, likewise. Of Backdrop its active configuration, which a ``database`` needs.
    Default: none.
    """
    prefix: str | None = None
    """What the names of the dump's tables begin with. Default: found out."""
    former: Sequence[str] | None = None
    """A list of names that the content of a dump knows its site by: host names, and directories below ``sites/``. See
    [Addresses in content](docs/explanation/content.md#addresses-in-content). Default: none.
    """
    hash_salt: pulumi.Input[str] | None = None
    """Secret: what the site derives its own keys from. Set it with ``pulumi config set --secret``. Default: generated."""


@dataclass(frozen=True, kw_only=True)
class SiteArgs(ComponentArgs):
    """One site on a platform."""

    platform: Platform | str
    """The platform that it runs on, which says on which web server it is."""
    database: Server | SiteDatabaseArgs | str | None = None
    """The server whose database service it uses; required where several have one. Or a mapping with ``server`` and
    ``rights``. Default: the only one.
    """
    profile: str | None = None
    """The install profile of Drupal or Backdrop, named after its ``.info.yml`` (Drupal 7 and Backdrop: ``.profile``) file.
    It has to be on the platform, at any depth below ``profiles``. An error with WordPress, which has none.
    Default: ``standard``.
    """
    title: pulumi.Input[str] | None = None
    """What the site is called when it is installed. Default: the site's name."""
    language: str | None = None
    """As the application spells it: ``pt-br``, ``zh-hans`` for Drupal, ``de_DE``, ``de_DE_formal``, ``pt_BR`` for
    WordPress. Another spelling is rejected before the installation, with the right one. The translation comes from the
    code base or from [``aegir:translations``](docs/reference/stack-file.md#aegirtranslations). Without it a preview warns,
    and the site is in English. Default: ``en``.
    """
    aliases: Sequence[str] | None = None
    """Further host names, each of one site only. Default: ``[]``."""
    admin: SiteAdminArgs | None = None
    forward: str | None = None
    """For how many days the web servers that a site has [left](docs/howto/move-a-site.md) forward its visitors. ``off``
    forwards nobody. Default: ``7d``.
    """
    formerly: str | None = None
    """The name that the site had when it was made. A renamed site keeps its database, accounts, files and resources; only
    its address changes. The old name stays in the file for good. Default: none.
    """
    state: Literal["enabled", "disabled"] | None = None
    """``disabled``: all its names answer 503 with ``Retry-After`` and a page that says so. Its pool, cron and all
    processes of its user end. Its data stay. Default: ``enabled``.
    """
    redirect_aliases: bool | None = None
    """``true``: the aliases redirect (301, path and query kept) to the site's name; otherwise the site answers under all
    of them. Default: ``false``.
    """
    https: Literal["none", "enabled", "required"] | None = None
    """``none``; ``enabled``: over both; ``required``: plain HTTP redirects, and browsers are told to come by https only
    (HSTS, two years). TLS 1.2 and 1.3 as in Mozilla's intermediate configuration, HTTP/2. Default: ``none``.
    """
    certificate: CertificateArgs | Literal["acme", "self-signed"] | None = None
    """With ``https``. ``self-signed``: made on the hub, 397 days, renewed by the first run in its last 30. ``acme``: from
    the ACME server in ``aegir:acme``, renewed likewise. Or ``{chain: /path/chain.pem, key: /path/key.pem}``: yours, on the
    hub; checked before any machine is touched, and warned of in its last 30 days. The chain has to reach a root that the
    hub trusts, or hold the root itself. Default: ``self-signed``.
    """
    install: bool | None = None
    """``false``: the application is not installed; the database stays empty until you load a dump. Default: ``true``."""
    health: bool | None = None
    """``false`` (or ``off``) skips the health check, for sites that are not public yet. Default: ``true``."""
    password_version: int | None = None
    """Another number gives the database account a new password, without a failed request. Default: ``1``."""
    backups: BackupPlanArgs | Literal["off"] | None = None
    """``off``, or what is otherwise than in [``aegir:backups``](docs/reference/stack-file.md#aegirbackups).
    Default: as ``aegir:backups``.
    """
    protect: bool | None = None
    """Its database, files and configuration cannot be removed until this is ``false`` and ``up`` has run.
    Default: ``true`` in production.
    """
    client: str | None = None
    """A label. Default: empty."""
    isolation: Literal["pool", "process"] | None = None
    """``pool``: a pool of its own, as a system user of its own, in the web server's PHP-FPM. ``process``: an FPM master of
    its own, which shares no memory and no reload with its neighbours and costs about 6.5 MB instead of 0.3. Only such a
    site has APCu: in a shared master any site could read and change what another keeps there. Default: ``pool``.
    """
    cron: str | None = None
    """How often the application's own cron runs: ``hourly``, ``daily`` (at night), minutes (``1min`` to ``30min``), a
    [calendar expression](docs/reference/stack-file.md#calendar-expressions) of systemd's such as ``"Mon..Fri 06:30"``, or
    ``off``. A systemd timer runs it as the site's own user on one of its web servers. With the words and minutes the
    site's name chooses minute and second. On a WordPress network each sub-site gets its turn.
    Default: WordPress: ``5min``, others: ``hourly``; ``off`` at a clone.
    """
    php: PhpArgs | None = None
    """What PHP allows the site; see [php](docs/reference/stack-file.md#php). Default: the server's."""
    limits: LimitsArgs | None = None
    """What the site may take of its machines; see [limits](docs/reference/stack-file.md#limits).
    Default: the server's.
    """
    update: Sequence[Literal["database", "config"] | UpdateStepArgs] | None = None
    """What an update of this site consists of; see
    [Choose the steps of an update](docs/howto/choose-the-steps-of-an-update.md). Default: the platform's.
    """
    uncounted_tables: Sequence[str] | None = None
    """Further tables, such as ``stats_*``, of which an update may lose what is written meanwhile; see
    [What counts as a write](docs/explanation/updates.md#what-counts-as-a-write). Default: ``[]``.
    """
    release: str | None = None
    """The release that the site stays on, the 16 hexadecimal digits that name its directory (in quotes). Default: none."""
    settings: Mapping[str, Any] | None = None
    """Further values for the site's settings file; see
    [settings and config](docs/reference/stack-file.md#settings-and-config). In a program, values may be outputs.
    Default: ``{}``.
    """
    config: Mapping[str, Any] | None = None
    """Drupal 8 and later, and Backdrop: what is overridden in configuration objects; see
    [settings and config](docs/reference/stack-file.md#settings-and-config). In a program, values may be outputs.
    Default: ``{}``.
    """
    mail: MailArgs | Literal["on", "off"] | None = None
    """Whether mail leaves the site. ``{redirect: team@example.com}``: all of it goes to that address; see
    [Copy a site from its backup](docs/howto/copy-a-site-from-its-backup.md). Default: ``on``; ``off`` at a clone.
    """
    robots: Literal["on", "off"] | None = None
    """Whether search engines may read the site. Default: ``on``; ``off`` at a clone."""
    origin: OriginArgs | None = None
    """What a new site begins with in place of an installation; see [origin](docs/reference/stack-file.md#origin).
    Default: none.
    """
