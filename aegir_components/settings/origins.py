"""Where a site's content comes from at its beginning, as declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from . import names
from .backups import Backups
from .names import Wrong
from .reader import Node

LATEST: Final = "latest"
SANITISE: Final = ("standard", "none")
FILES: Final = ("copy", "none")
BROUGHT: Final = ("database", "files", "private", "config", "prefix", "hash_salt", "former")
_BACKUP: Final = names.matching(
    r"latest|[0-9a-f]{8,64}", 64, "`latest` or the name of a backup, as `aegir backups` lists it"
)
_PREFIX: Final = names.matching(r"[A-Za-z0-9_]+", 50, "a prefix of tables (letters, digits, _), such as wp7_")
_STACK: Final = names.matching(r"[A-Za-z0-9_.-]+", 100, "the name of a stack, such as production")
_COLUMN: Final = names.matching(
    r"[A-Za-z0-9_*-]+(\.[A-Za-z0-9_*-]+)?", 140, "a table, or table.column, such as node__field_tel.field_tel_value"
)
ACTIONS: Final = ("keep", "empty", "mail", "name", "text", "blank", "scrub", "mask")
_FORMER: Final = names.matching(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?",
    253,
    "a host name or a directory below sites/, such as old.example.com",
)
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
    stack: str = ""
    """Of a live site: the stack of this project that has it; empty for this one."""
    sanitise: str = ""
    """Of a live site: ``standard`` replaces personal data before it leaves its server; ``none``; empty where nothing is said."""
    copies: str = "copy"
    """Of a live site: whether its uploads come along."""
    former: tuple[str, ...] = ()
    """Names that content from elsewhere knows its site by: host names, and directories below ``sites/``."""
    hash_salt: str | None = field(default=None, repr=False)
    """Secret: what the site derives its own keys from; ``None`` for a generated one."""

    @property
    def is_live(self) -> bool:
        """Whether it is a site that serves meanwhile."""
        return bool(self.site) and not self.backup

    @property
    def is_clone(self) -> bool:
        """Whether it is the content of another site, which goes on without this one."""
        return bool(self.site)


def read_origin(node: Node, backups: Backups | None) -> Origin | None:
    """Read ``origin`` of a site; ``None`` where its application is installed.

    Args:
        node: the setting.
        backups: what is declared of backups.
    """
    if not node.given or not node.fields("backup", "site", "stack", "sanitise", *BROUGHT):
        return None
    brought = [key for key in BROUGHT if node.child(key).given]
    if node.child("backup").given:
        for key in brought:
            node.child(key).fault("does not go with backup, which has all of a site; remove one of them")
        if backups is None or backups.off:
            node.child("backup").fault("needs aegir:backups, which says where backups are")
        _only_live(node)
        return Origin(
            backup=node.child("backup").text("", _BACKUP),
            site=node.child("site").text("", names.site_name),
        )
    if node.child("site").given:
        return _live(node, [key for key in brought if key != "files"])
    _only_live(node)
    if not node.child("database").given:
        node.fault("must have site, backup, or database with the path of a dump on the hub")
    return Origin(
        database=node.child("database").text("", _dump),
        files=node.child("files").text("", names.absolute_path),
        private=node.child("private").text("", names.absolute_path),
        config=node.child("config").text("", names.absolute_path),
        prefix=node.child("prefix").text("", _PREFIX),
        former=tuple(dict.fromkeys(filter(None, (item.text("", _FORMER) for item in node.child("former").items())))),
        hash_salt=node.child("hash_salt").password(LONGEST_SALT),
    )


def _live(node: Node, brought: list[str]) -> Origin:
    for key in brought:
        node.child(key).fault("does not go with site, whose content it would be; remove one of them")
    sanitise, copies = node.child("sanitise"), node.child("files")
    return Origin(
        site=node.child("site").text("", names.site_name),
        stack=node.child("stack").text("", _STACK),
        sanitise=sanitise.choice(SANITISE[0], SANITISE) if sanitise.given else "",
        copies=copies.choice("copy", FILES),
    )


def _only_live(node: Node) -> None:
    for key in ("stack", "sanitise"):
        if node.child(key).given:
            node.child(key).fault(
                "is for the content of a site that serves: origin: {site: www.example.com, ...}, without backup"
            )


def read_rules(node: Node) -> dict[str, str]:
    """Read ``aegir:sanitise``: what becomes of columns and tables that the program knows no rule for."""
    found = {}
    for key, entry in node.entries():
        try:
            _COLUMN(key)
        except Wrong as wrong:
            entry.fault(str(wrong))
        found[key] = entry.choice(ACTIONS[0], ACTIONS)
        if found[key] == "empty" and "." in key:
            entry.fault("is for tables; write blank for a column")
    return found


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
