"""Arguments of platforms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi

from .base import Arguments, ComponentArgs

if TYPE_CHECKING:
    from aegir_components.components.pack import Pack
    from aegir_components.components.server import Server
    from aegir_components.components.web_cluster import WebCluster


@dataclass(frozen=True, kw_only=True)
class ComposerArgs(Arguments):
    """How a project's dependencies are installed."""

    dev: bool | None = None
    """``true`` also installs packages for development. Default: ``false``."""
    unlocked: bool | None = None
    """``true`` accepts a project without composer.lock. Default: ``false``."""
    trusted: bool | None = None
    """``true`` runs Composer as the hub's user ([what a build may do](docs/explanation/security.md#builds)).
    Default: ``false``.
    """


@dataclass(frozen=True, kw_only=True)
class SourceArgs(Arguments):
    """Where a platform's code comes from: one of ``path``, ``git``, ``archive`` and ``makefile``."""

    path: str | None = None
    """A directory on the hub, taken as it is."""
    git: pulumi.Input[str] | None = None
    """A repository: a path on the hub, an address with ``https://``, ``http://``, ``ssh://``, ``git://`` or ``file://``,
    or ``user@host:path``. Submodules are part of it. They may come by https from anywhere, by ssh from the same host and
    account, and on the hub from the directory of the repository.
    """
    archive: pulumi.Input[str] | None = None
    """A path on the hub or an address with ``https://`` or ``http://``: tar.gz, tar.xz, tar.bz2, tar.zst or zip. A
    single directory at the top is not kept.
    """
    makefile: str | None = None
    """A Drush makefile on the hub, built by the ``drush`` (5 to 8) on the hub's PATH."""
    ref: str | None = None
    """With ``git``: a branch, a tag, or a commit with all its digits. It is looked up at every run; a branch that has
    moved shows as another ``source_revision``. Required.
    """
    directory: str | None = None
    """With ``git``: where the code is in the repository. Default: the root."""
    checksum: str | None = None
    """With ``archive``: ``sha256:`` and digits. Without it an archive on the hub is read again when it changes.
    Default: required for an address.
    """
    composer: ComposerArgs | bool | None = None
    """With ``path``, ``git`` and ``archive``: ``true`` runs ``composer install --no-dev`` in the build. Needs
    composer.lock. Composer judges by the web servers' PHP. A patch that does not apply ends the build, and so do
    declared patches that no installed plugin applies. It may be a mapping. Default: ``false``.
    """


@dataclass(frozen=True, kw_only=True)
class UpdateStepArgs(Arguments):
    """A step of an update of sites."""

    step: Literal["database", "config"] | None = None
    """One of our steps, with another time limit."""
    command: str | Sequence[str] | None = None
    """A command of yours, as the site's user, in the code base."""
    seconds: int | None = None
    """Seconds after which it is ended, and has failed. Default: ``3600``."""


@dataclass(frozen=True, kw_only=True)
class RolloutArgs(Arguments):
    """The order in which sites get a release."""

    canary: Sequence[str] | None = None
    """Names of the sites that get it first. If one of these fails, no other site follows. Default: none."""
    batch: str | None = None
    """How many sites go together after that: a number, or a share such as ``20%``, in quotes. Default: all."""
    stop_on: int | None = None
    """Failed sites after which no further one gets the release. Default: any number."""


@dataclass(frozen=True, kw_only=True)
class PlatformArgs(ComponentArgs):
    """A code base, published at the same path on all of its web servers."""

    server: Server | WebCluster | Pack | str
    """The web server, cluster or pack that carries it."""
    source: SourceArgs | str
    """Where the code is: a directory on the hub, or a [mapping](docs/reference/stack-file.md#source-as-a-mapping). What is
    there, or is built of it, has to be Drupal, WordPress or Backdrop, itself or below ``web/``, ``docroot/`` or ``html/``.
    """
    publish_path: str | None = None
    """Where it is published. At least two directories deep, and apart from all other publish paths and sources, and from
    what belongs to the system or to Aegir. The directory above it is made, or has to be root's with nobody else writing
    there; its owner and mode stay. Default: ``/var/aegir/platforms/<name>``.
    """
    keep_releases: int | None = None
    """How many releases stay on each server, the live one included (1 to 100). Default: ``3``."""
    allow_shrink: bool | None = None
    """A source with fewer than half of the live release's files stops the run, since it may be half there. ``true`` lets
    it through. Default: ``false``.
    """
    verify: Literal["quick", "full"] | None = None
    """What ``--refresh`` compares of each file of the live release: ``quick`` its size, time and mode; ``full`` every
    byte as well. Default: ``quick``.
    """
    health: bool | None = None
    """Before a release each site is checked on one web server. A site that answers is checked again with the new release,
    on each web server, past caches. A site that no longer answers stays on its former release; see
    [How updates work](docs/explanation/updates.md). ``false`` switches without a check. Default: ``true``.
    """
    rollback: str | None = None
    """A release that was live before, the 16 hexadecimal digits that name its directory (in quotes). It is live until you
    remove the key. The source is not read. Default: none.
    """
    database: Literal["check", "keep", "restore"] | None = None
    """``check`` rejects code that is older than a site's database, and code to which no update leads from it.
    ``restore``, with ``rollback``: the database from before the update comes back too. ``keep`` releases it all the same:
    you know that it works. Default: ``check``.
    """
    update: Sequence[Literal["database", "config"] | UpdateStepArgs] | None = None
    """What an update of a site consists of; see
    [Choose the steps of an update](docs/howto/choose-the-steps-of-an-update.md). Default: ``[database]``.
    """
    rollout: RolloutArgs | None = None
    """``canary``, ``batch`` and ``stop_on``: the order in which the sites get a release; see
    [Order a rollout](docs/howto/order-a-rollout.md). Default: none.
    """
    keep_before: str | None = None
    """For how many days the database from before an update is kept. ``0d`` keeps none. Default: ``7d``."""
    release: str | None = None
    """The release that the source has to make (16 hexadecimal digits in quotes), as ``promote`` writes it for a
    directory. When the source holds something else by now, the release stays where it is live, and is copied to no other
    server. A release that was never made is an error. Default: none.
    """
