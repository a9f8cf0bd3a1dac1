"""The files of a fake machine: directories, files and links, with the reports of the prelude's items for them.

``tests/provider/test_parity.py`` runs the same items in a real shell and compares every report.
"""

from __future__ import annotations

import base64
import functools
import posixpath
import re
import stat

from .plan import Call

Key = tuple[str, str]
"""An item's kind (``file``, ``directory``, ``user`` ...) and name."""

BARE = (
    "/etc/systemd/system",
    "/etc/apt",
    "/var/lib",
    "/var/log",
    "/var/tmp",  # noqa: S108  of a fake machine
    "/run",
    "/run/lock",
    "/srv",
    "/usr/sbin",
    "/usr/local/sbin",
)
"""Directories of a bare Debian machine."""
PACKAGED = {
    "/etc/sudoers.d": ("sudo",),
    "/etc/logrotate.d": ("logrotate",),
    "/etc/apache2": ("apache2",),
    "/etc/apache2/conf-enabled": ("apache2",),
    "/etc/apache2/mods-available": ("apache2",),
    "/etc/apache2/mods-enabled": ("apache2",),
    "/etc/nginx": ("nginx",),
    "/etc/nginx/conf.d": ("nginx",),
    "/etc/nginx/sites-enabled": ("nginx",),
    "/etc/mysql": ("mariadb-server", "mysql-server", "default-mysql-client"),
    "/etc/mysql/mariadb.conf.d": ("mariadb-server", "default-mysql-client"),
    "/etc/mysql/mysql.conf.d": ("mysql-server",),
}
"""Directories that come with any of some packages."""
PHP_VERSION = "8.2"
_PHP = re.compile(r"/etc/php(?:/([^/]+)(?:/fpm(?:/(?:conf|pool)\.d)?)?)?")
_PHP_PACKAGE = re.compile(r"php([0-9.]*)-fpm")


class Refusal(Exception):
    """What ``fail`` of the prelude does: the script ends with a sentence."""


@functools.lru_cache(maxsize=10_000)
def decoded(packed: str) -> str:
    """Read what an item was given as base64."""
    return base64.b64decode(packed).decode()


def encoded(text: str) -> str:
    """Give a text as items take it."""
    return base64.b64encode(text.encode()).decode()


def _with_parents(paths: tuple[str, ...]) -> frozenset[str]:
    found = set()
    for path in paths:
        while path not in found:
            found.add(path)
            path = posixpath.dirname(path)  # noqa: PLW2901
    return frozenset(found)


_BARE = _with_parents(BARE)


class Tree:
    """The part of ``FakeHost`` that has files."""

    items: dict[Key, Call]
    releases: dict[str, str]
    counts: dict[str, int]
    _mode: str

    def _say(self, kind: str, text: str, name: str = "") -> None:
        raise NotImplementedError

    def _deviates(self, text: str, kind: str = "", subject: str = "") -> bool:
        raise NotImplementedError

    # What is there.

    def php_versions(self) -> list[str]:
        """List the versions of PHP-FPM that are installed, oldest first."""
        found = (_PHP_PACKAGE.fullmatch(name) for kind, name in self.items if kind == "package")
        return sorted({match[1] or PHP_VERSION for match in found if match})

    def has_package(self, *names: str) -> bool:
        """Tell whether one of these packages is installed."""
        return any(("package", name) in self.items for name in names)

    def real(self, path: str) -> str:
        """Follow the links among the directories that a path leads through."""
        end = path.find("/", 1)
        while end != -1:
            target = self.items.get(("link", path[:end]))
            if target:
                there = posixpath.join(posixpath.dirname(path[:end]), target[0], path[end + 1 :])
                return self.real(posixpath.normpath(there))
            end = path.find("/", end + 1)
        return path

    def kind(self, path: str) -> str:
        """Tell what is at a path: ``directory``, ``file``, ``link``, or nothing."""
        path = self.real(path)
        for kind in ("directory", "file", "link"):
            if (kind, path) in self.items:
                return kind
        if path in _BARE or path in self.releases or ("mount", path) in self.items:
            return "directory"
        if path in PACKAGED and self.has_package(*PACKAGED[path]):
            return "directory"
        php = _PHP.fullmatch(path)
        return "directory" if php and (php[1] or PHP_VERSION) in self.php_versions() else ""

    def followed(self, path: str) -> str:
        """Give the path that a path leads to, links at its end followed as well."""
        path = self.real(path)
        for _ in range(40):
            target = self.items.get(("link", path))
            if target is None:
                break
            path = self.real(posixpath.normpath(posixpath.join(posixpath.dirname(path), target[0])))
        return path

    def exists(self, path: str) -> bool:
        """Tell whether something is at a path, as ``[ -e`` does."""
        return bool(self.kind(self.followed(path)))

    def is_directory(self, path: str) -> bool:
        """Tell whether a path leads to a directory."""
        return self.kind(self.followed(path)) == "directory"

    def target(self, path: str) -> str:
        """Give what a link at this path says; nothing where there is no link."""
        return (self.items.get(("link", self.real(path))) or ("",))[0]

    def owned(self, path: str) -> Call:
        """Give owner, group and mode of a directory or file."""
        path = self.real(path)
        have = self.items.get(("directory", path)) or self.items.get(("file", path))
        if have is not None:
            return have[:3]
        user = "aegir" if path in self.releases else "root"
        return (user, user, "755")

    def content(self, path: str) -> str:
        """Give a file's text; nothing where there is no file."""
        have = self.items.get(("file", self.followed(path)))
        return decoded(have[-1]) if have and "$(" not in have[-1] else ""

    def entries(self, path: str) -> list[str]:
        """List the names in a directory, hidden ones too, as ``ls -A`` sorts them."""
        start = f"{self.followed(path)}/"
        names = [name for kind, name in self.items if kind in {"directory", "file", "link"}] + list(self.releases)
        return sorted({name[len(start) :].split("/")[0] for name in names if name.startswith(start)})

    def listed(self, path: str) -> list[str]:
        """List the names in a directory as ``ls`` does."""
        return [name for name in self.entries(path) if not name.startswith(".")]

    # What is done to it.

    def write(self, path: str, text: str, owner: str = "root", group: str = "root", mode: str = "644") -> None:
        """Put a file there."""
        self.items["file", self.real(path)] = (owner, group, mode, encoded(text))

    def make_directories(self, path: str, owner: str = "root") -> None:
        """Make a directory with all that it is in, as ``mkdir -p`` does."""
        missing: list[str] = []
        while not self.exists(path):
            missing.append(path)
            path = posixpath.dirname(path)
        if not self.is_directory(path):
            return
        for name in reversed(missing):
            self.items["directory", self.real(name)] = (owner, owner, "755")

    def remove(self, path: str) -> None:
        """Remove a path and everything below it."""
        path = self.real(path)
        for table in (self.releases, self.counts):
            for name in [name for name in table if name == path or name.startswith(f"{path}/")]:
                del table[name]
        kinds = {"directory", "file", "link", "links"}
        for key in [key for key in self.items if key[1] == path or key[1].startswith(f"{path}/")]:
            if key[0] in kinds:
                del self.items[key]

    # Items of the prelude.

    def _sh_want_dir(self, path: str, *wanted: str) -> None:
        kind = self.kind(path)
        if kind == "directory":
            have = self.owned(path)
            if have == wanted or not self._deviates(f"directory {path}: is {':'.join(have)}, not {':'.join(wanted)}"):
                return
        elif kind:
            if self._deviates(f"directory {path}: something else is there"):
                raise Refusal(f"{path} exists and is no directory; it was left as it is")
            return
        elif not self._deviates(f"directory {path}: missing", "made", path):
            return
        elif not self.is_directory(posixpath.dirname(path)):
            raise Refusal(f"the directory {path} could not be made")
        self.items["directory", self.real(path)] = wanted

    def _sh_guard_way(self, path: str) -> None:
        """Directories of a fake machine are root's alone."""

    def _sh_want_publish_root(self, path: str) -> None:
        if self.kind(path) != "directory":
            self._sh_want_dir(path, "root", "root", "755")
            return
        owner, _, mode = self.owned(path)
        letters = stat.filemode(stat.S_IFDIR | int(mode, 8))
        if owner == "root" and (letters[5], letters[8:]) == ("-", "-x"):
            return
        why = "lets others write there, or not enter" if owner == "root" else f"is {owner}'s"
        if self._deviates(f"publish root {path}: {why}"):
            raise Refusal(
                f"{path}, where the platform's releases and its sites' data are to lie, {why} ({owner}:{letters}); it was left "
                f"as it is. Give the platform a publish_path in a directory of its own, such as /srv/aegir/platforms/<name>"
            )

    def below(self, path: str) -> list[str]:
        """List a directory and everything in it, by path."""
        return sorted({name for _, name in self.items if name == path or name.startswith(f"{path}/")})

    def _sh_want_file(self, path: str, owner: str, group: str, mode: str, content: str, _sum: str = "") -> None:
        kind, wanted = self.kind(path), (owner, group, mode)
        have = self.items.get(("file", self.real(path)), ())
        why = ""
        if kind == "directory":
            if self._deviates(f"file {path}: a directory is there"):
                raise Refusal(f"{path} is a directory; it was left as it is")
            return
        if kind == "link":
            why = "is a link"
        elif not kind:
            why = "missing"
        elif have[-1:] != (content,):
            why = "content differs"
        elif have[:3] != wanted:
            why = f"is {':'.join(have[:3])}, not {':'.join(wanted)}"
        if not why or not self._deviates(f"file {path}: {why}", "file", path):
            return
        if not self.is_directory(posixpath.dirname(path)):
            raise Refusal(f"no file can be made beside {path} ( and  inodes free on )")
        self.items.pop(("link", self.real(path)), None)
        self.items["file", self.real(path)] = (*wanted, content)

    def _sh_want_link(self, path: str, target: str) -> None:
        kind, have = self.kind(path), self.target(path)
        if kind == "link":
            if have == target or not self._deviates(f"link {path}: points to {have}, not to {target}"):
                return
        elif self.exists(path):
            if self._deviates(f"link {path}: something else is there"):
                raise Refusal(f"{path} exists and is no link; it was left as it is")
            return
        elif not self._deviates(f"link {path}: missing"):
            return
        elif not self.is_directory(posixpath.dirname(path)):
            raise Refusal(f"the link {path} could not be made")
        self.items["link", self.real(path)] = (target,)

    def _sh_want_no_file(self, path: str) -> None:
        kind = self.kind(path)
        if kind and self._deviates(f"file {path}: still there"):
            if kind == "directory":
                raise Refusal(f"{path} could not be removed")
            del self.items[kind, self.real(path)]

    # Commands that our scripts use as they are.

    def _sh_mkdir(self, *words: str) -> None:
        self.make_directories(words[-1], "aegir")

    def _sh_rm(self, *words: str) -> None:
        for path in words:
            if path.startswith("/") and (self.kind(path) != "directory" or "-rf" in words):
                self.remove(path)

    def _sh_rmdir(self, path: str, *_rest: str) -> None:
        if self.kind(path) == "directory" and not self.entries(path):
            self.items.pop(("directory", self.real(path)), None)
