"""Where a site's content comes from at its beginning, as declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from . import names
from .backups import Backups
from .names import Wrong
from .reader import Node

LATEST: Final = "latest"
BROUGHT: Final = ("database", "files", "private", "config", "prefix", "hash_salt")
_BACKUP: Final = names.matching(
    r"latest|[0-9a-f]{8,64}", 64, "`latest` or the name of a backup, as `aegir backups` lists it"
)
_PREFIX: Final = names.matching(r"[A-Za-z0-9_]+", 50, "a prefix of tables (letters, digits, _), such as wp7_")
LONGEST_SALT: Final = 1000
"""Characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """What a site begins with. It is used once, when the site's database is empty."""

    backup: str = ""
    """``latest``, or the name of a backup; empty where the content is no backup."""
    site: str = ""
    """The host name of the site whose backup it is; empty for its own."""
    database: str = ""
    """A dump on the hub."""
    files: str = ""
    """Public uploads on the hub: a directory or a tar archive."""
    private: str = ""
    """Private files, likewise."""
    config: str = ""
    """Exported configuration, likewise."""
    prefix: str = ""
    """What the names of the dump's tables begin with; empty to find it out."""
    hash_salt: str | None = field(default=None, repr=False)
    """Secret: what the site derives its own keys from; ``None`` for a generated one."""


def read_origin(node: Node, backups: Backups | None) -> Origin | None:
    """Read ``origin`` of a site; ``None`` where its application is installed.

    Args:
        node: the setting.
        backups: what is declared of backups.
    """
    if not node.given or not node.fields("backup", "site", *BROUGHT):
        return None
    brought = [key for key in BROUGHT if node.child(key).given]
    if node.child("backup").given:
        for key in brought:
            node.child(key).fault("does not go with backup, which has all of a site; remove one of them")
        if backups is None or backups.off:
            node.child("backup").fault("needs aegir:backups, which says where backups are")
        return Origin(
            backup=node.child("backup").text("", _BACKUP),
            site=node.child("site").text("", names.site_name),
        )
    if node.child("site").given:
        node.child("site").fault("says whose backup it is, and needs backup: latest, or a backup's name, beside it")
    if not node.child("database").given:
        node.fault("must have backup, or database with the path of a dump on the hub")
    return Origin(
        database=node.child("database").text("", _dump),
        files=node.child("files").text("", names.absolute_path),
        private=node.child("private").text("", names.absolute_path),
        config=node.child("config").text("", names.absolute_path),
        prefix=node.child("prefix").text("", _PREFIX),
        hash_salt=node.child("hash_salt").password(LONGEST_SALT),
    )


def check_install(node: Node, origin: Origin | None) -> None:
    """Reject a site that is to begin with content and without any."""
    if origin is not None and node.given and node.value is False:
        node.fault("says that nothing is put into the database, and origin says what is; remove one of them")


@names.wanted("the path of a dump, such as /srv/moves/www.sql.gz")
def _dump(text: str) -> str:
    path = names.absolute_path(text)
    if not path.endswith((".sql", ".sql.gz", ".sql.zst")):
        raise Wrong("must end with .sql, .sql.gz or .sql.zst")
    return path
