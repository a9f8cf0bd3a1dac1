"""Where a site's content comes from at its beginning, as declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from aegir_components.messages import numbered

from . import names
from .backups import Backups
from .names import Wrong, WrongForm
from .reader import Node

LATEST: Final = "latest"
SANITISE: Final = ("standard", "none")
FILES: Final = ("copy", "none", "proxy")
LARGEST: Final = 1_000_000
"""MB of a file; more is no limit."""
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
    """Of a live site: ``copy`` if its uploads come along, or ``none``."""
    without: tuple[str, ...] = ()
    """Patterns of uploads that do not come along, by their paths below the directory of uploads, as ``fnmatch`` takes them."""
    largest: int = 0
    """MB of the largest upload that comes along; 0 for all."""
    proxied: bool = False
    """Of a live site: whether visitors who ask for an upload that is not there are sent to the source's."""
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
    if not node.given or not node.check_keys():
        return None
    brought = [key for key in BROUGHT if node.child(key).given]
    if node.child("backup").given:
        for key in brought:
            node.child(key).fault(
                numbered(1016, "does not go with backup, which has all of a site; remove one of them")
            )
        if backups is None or backups.off:
            node.child("backup").fault(numbered(1502, "needs aegir:backups, which says where backups are"))
        _only_live(node)
        return Origin(
            backup=node.child("backup").text("", _BACKUP),
            site=node.child("site").text("", names.site_name),
        )
    if node.child("site").given:
        return _live(node, [key for key in brought if key != "files"])
    _only_live(node)
    if not node.child("database").given:
        node.fault(numbered(1018, "must have site, backup, or database with the path of a dump on the hub"))
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
        node.child(key).fault(numbered(1016, "does not go with site, whose content it would be; remove one of them"))
    sanitise, files = node.child("sanitise"), node.child("files")
    origin = Origin(
        site=node.child("site").text("", names.site_name),
        stack=node.child("stack").text("", _STACK),
        sanitise=sanitise.choice(SANITISE[0], SANITISE) if sanitise.given else "",
    )
    files.also(*FILES)
    if not isinstance(files.value, Mapping):
        copies = files.choice("copy", FILES)
        return replace(origin, copies="none" if copies == "proxy" else copies, proxied=copies == "proxy")
    if not files.check_keys():
        return origin
    patterns = (item.text("", _below) for item in files.child("exclude").items())
    return replace(
        origin,
        without=tuple(filter(None, patterns)),
        largest=files.child("largest").number(0, 0, LARGEST),
        proxied=files.child("proxy").flag(False),
    )


def _only_live(node: Node) -> None:
    for key in ("stack", "sanitise"):
        if node.child(key).given:
            node.child(key).fault(
                numbered(
                    1016,
                    "is for the content of a site that serves: origin: {site: www.example.com, ...}, without backup",
                )
            )


def read_rules(node: Node) -> dict[str, str]:
    """Read ``aegir:sanitise``: what becomes of columns and tables that the program knows no rule for."""
    found = {}
    for key, entry in node.entries():
        try:
            _COLUMN(key)
        except Wrong as wrong:
            entry.fault(wrong.text)
        found[key] = entry.choice(ACTIONS[0], ACTIONS)
        if found[key] == "empty" and "." in key:
            entry.fault(numbered(1016, "is for tables; write blank for a column"))
    return found


def check_install(node: Node, origin: Origin | None) -> None:
    """Reject a site that is to begin with content and without any."""
    if origin is not None and node.given and node.value is False:
        node.fault(
            numbered(1016, "says that nothing is put into the database, and origin says what is; remove one of them")
        )


@names.wanted("a pattern of paths below the directory of uploads, such as videos/* or *.mp4")
def _below(text: str) -> str:
    if not text.isprintable() or len(text) > 200 or text.startswith("/"):
        raise WrongForm(
            numbered(
                1012,
                "must be a pattern of up to 200 printable characters, such as videos/* or *.mp4, and begin with no slash",
            )
        )
    return text


@names.wanted("the path of a dump, such as /srv/moves/www.sql.gz")
def _dump(text: str) -> str:
    path = names.absolute_path(text)
    if not path.endswith((".sql", ".sql.gz", ".sql.zst")):
        raise Wrong(numbered(1012, "must end with .sql, .sql.gz or .sql.zst"))
    return path
