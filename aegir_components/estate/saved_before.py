"""How sites are backed up before an update or a move, packed for the providers that do these."""

from __future__ import annotations

from pathlib import Path

import pulumi

from aegir_components import settings
from aegir_components.backups import packed
from aegir_components.preview import moves
from aegir_components.providers.backup_keys import BackupKeys
from aegir_components.recorded import Recorded


def updates(declared: settings.Settings, platform: str, keys: BackupKeys | None) -> pulumi.Output[str] | None:
    """Pack how the sites of a platform are backed up; ``None`` where none is.

    Args:
        declared: the stack.
        platform: its name.
        keys: of the backups.
    """
    return _packed(declared, [site for site in declared.sites.values() if site.platform == platform], keys)


def move(
    before: Recorded, declared: settings.Settings, site: settings.Site, keys: BackupKeys | None
) -> pulumi.Output[str] | None:
    """Pack how a site is backed up that goes to other machines; ``None`` where it stays, or is not backed up."""
    return _packed(declared, [site], keys) if moves.way_of(before, declared, site) else None


def _packed(
    declared: settings.Settings, sites: list[settings.Site], keys: BackupKeys | None
) -> pulumi.Output[str] | None:
    plans = {site.identity: site.backups for site in sites if site.backups is not None}
    backups = declared.backups
    if backups is None or keys is None or not plans:
        return None
    file = settings.find_stack_file(Path.cwd(), pulumi.get_stack())
    return pulumi.Output.secret(keys.keys.apply(lambda text: packed.Packed.of(backups, plans, text, file).text))
