"""A machine made of a dict: it knows which items it has, and answers our scripts as a machine would.

What it promises is what providers rely on: an item that is missing or different is drift by name in check mode and
is stored in apply mode; a transaction reloads once and only after a change; a refusal ends the script. It does not
know what a shell does.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pymysql

from aegir_components import layout

from .database import VERSION, FakeMySQL
from .functions import KINDS, KNOWN
from .plan import Call, Plan
from .shares import Shares

Key = tuple[str, str]
"""An item's kind (``file``, ``directory``, ``user`` ...) and name."""
Connect = Callable[[str, int, str, str, str], FakeMySQL]
"""Log in to the database at an address and port, from an address, as a user with a password."""

PHP_VERSION = "8.2"
DAMAGED = "damaged"


class Refusal(Exception):
    """What ``fail`` of the prelude does: the script ends with a sentence."""


@dataclass(slots=True)
class FakeHost(Shares):
    """A machine; ``FakeFarm.host`` makes one."""

    name: str
    address: str
    connect: Connect = field(repr=False)
    items: dict[Key, Call] = field(default_factory=dict)
    """What is there, as the item's remaining arguments."""
    releases: dict[str, str] = field(default_factory=dict)
    """Release directories and what is staged: path to digest."""
    counts: dict[str, int] = field(default_factory=dict)
    """Files in each of them."""
    installed: dict[str, tuple[str, str, int, str]] = field(default_factory=dict)
    """Sites that an installer worked on: application, and the database's address, port and name."""
    mysql: FakeMySQL | None = None
    """Its database server, once it is installed."""
    reloads: list[str] = field(default_factory=list)
    """Reloads, by the function that does it."""
    waiting: list[str] = field(default_factory=list)
    """Reloads that wait for all sites to be configured."""
    scripts: list[tuple[str, str]] = field(default_factory=list, repr=False)
    """Every script that ran: user and text."""
    hostname: str = ""
    """What the machine calls itself, where that is not its declared name."""
    numbers: str = "950:950"
    """The numbers of the account ``aegir``, and of its group."""
    unreachable: bool = False
    distribution: str = "Debian GNU/Linux 12 (bookworm)"
    broken_test: str = ""
    """What the web server's and PHP's own test says; empty while it passes."""
    stderr: str = ""
    """When set, every script ends with status 1 and this."""
    _lines: list[str] = field(default_factory=list, repr=False)
    _mode: str = "check"

    # What a test looks at, and changes by hand.

    @property
    def files(self) -> dict[str, str]:
        """The content of all files, by path."""
        return {
            name: _decoded(rest[-1])
            for (kind, name), rest in self.items.items()
            if kind == "file" and rest and "$(" not in rest[-1]
        }

    def drop(self, name: str) -> Key:
        """Remove the item with this name, as somebody with root's rights may."""
        key = next(key for key in self.items if key[1] == name)
        del self.items[key]
        return key

    def change(self, name: str) -> Key:
        """Make the item with this name differ from what was declared."""
        key = next(key for key in self.items if key[1] == name)
        self.items[key] = ("changed by hand",)
        return key

    def damage(self, release: str) -> None:
        """Change a file in a release."""
        self.releases[release] = DAMAGED

    # What a script does.

    def run(self, plan: Plan, *, user: str, text: str) -> str:
        """Run a script and give its standard output.

        Raises:
            Refusal: the script would have stopped with this sentence.
        """
        self.scripts.append((user, text))
        self._lines, self._mode = [], plan.mode
        for call in plan.calls:
            if call[0] == "transaction":
                self._transaction(plan.functions[call[1]], *call[1:])
            else:
                self._do(call)
        return "".join(f"{line}\n" for line in self._lines)

    def _say(self, kind: str, text: str, name: str = "") -> None:
        packed = base64.b64encode(text.encode()).decode()
        self._lines.append(f"::{kind} {name} {packed}" if name else f"::{kind} {packed}")

    def _deviates(self, text: str) -> bool:
        apply = self._mode == "apply"
        self._say("changed" if apply else "drift", text)
        return apply

    def _transaction(self, calls: list[Call], section: str, test: str, reload: str) -> None:
        before, changes = dict(self.items), len(self._lines)
        for call in calls:
            self._do(call)
        if self._mode != "apply" or len(self._lines) == changes:
            return
        if self.broken_test:
            self.items = before
            raise Refusal(
                f"the new configuration does not pass {test} and was taken back ({section}): {self.broken_test}"
            )
        (self.waiting if reload.endswith("_later") else self.reloads).append(reload)

    def _activate(self, _test: str, reload: str, unit: str) -> None:
        later = f"{reload.removesuffix('_reload')}_later"
        if later in self.waiting and self._deviates(f"{unit}: a change waits for its reload"):
            self.waiting = [name for name in self.waiting if name != later]
            self.reloads.append(reload)

    def _do(self, call: Call) -> None:
        if call[0] in KNOWN:
            getattr(self, f"_{KNOWN[call[0]]}")(*call[1:])
        elif call[0].startswith("want_"):
            self._want(call[0].removeprefix("want_"), call[1] if len(call) > 1 else "", call[2:])

    def _want(self, kind: str, name: str, rest: Call) -> None:
        key = (KINDS.get(kind, kind), name)
        have = self.items.get(key)
        if have != rest and self._deviates(f"{key[0]} {name}: {'missing' if have is None else 'differs'}"):
            self.items[key] = rest

    def _debian_only(self) -> None:
        if "Debian" not in self.distribution and "Ubuntu" not in self.distribution:
            raise Refusal(f"this machine runs {self.distribution}; Debian 11 to 13 or Ubuntu 22.04 or 24.04 is needed")

    def _packages(self, *names: str) -> None:
        missing = [name for name in names if ("package", name) not in self.items]
        if missing and self._deviates(f"packages missing: {' '.join(missing)}"):
            self.items |= {("package", name): () for name in missing}

    def _no_file(self, path: str) -> None:
        keys = [key for key in self.items if key[0] in {"file", "link"} and key[1] == path]
        if keys and self._deviates(f"file {path}: still there"):
            for key in keys:
                del self.items[key]

    def _no_vhost(self, path: str, site: str) -> None:
        if self.files.get(path, "").startswith(f"# Written by aegir for {site}. "):
            self._no_file(path)

    def _file(self, path: str, owner: str, group: str, mode: str, content: str, _sum: str = "") -> None:
        self._want("file", path, (owner, group, mode, content))

    def _sudoers(self, name: str, content: str, _sum: str = "") -> None:
        self._want("file", f"/etc/sudoers.d/{name}", ("root", "root", "440", content))

    def _member(self, user: str, group: str) -> None:
        self._want("member", f"{user} {group}", ())

    def _php(self, version: str, *packages: str) -> None:
        self._want("php", "", (version,))
        self._packages(*packages)

    def _site_links(self, path: str, below: str, target: str, *names: str) -> None:
        self._want("links", names[0], (path, below, target, *names[1:]))

    def _web_server_gone(self, unit: str, link: str, main: str, root: str) -> None:
        ours = [key for key in self.items if key[1] in {link, main} or key[1].startswith(f"{root}/vhost.d/")]
        if ours and self._deviates(f"web server {unit}: still there"):
            for key in [*ours, ("service", unit)]:
                self.items.pop(key, None)

    def _refuse_below(self, directory: str, *_rest: str) -> None:
        files = (name for kind, name in self.items if kind == "file" and name.startswith(f"{directory}/"))
        # As `ls` lists them: a platform's mark is hidden.
        here = sorted(name for name in files if not name.startswith(f"{directory}/."))
        if here:
            raise Refusal(f"sites are still there: {' '.join(here)}")

    # Facts.

    def _fact(self, name: str, *words: str) -> None:
        value = self._fact_value(name, " ".join(words))
        if value is not None:
            self._say("fact", value, name)

    def _fact_value(self, name: str, expression: str) -> str | None:
        if name == "php":
            return (self.items.get(("php", "")) or ("",))[0] or PHP_VERSION
        if name == "version":
            return VERSION if self.mysql else ""
        if name == "grants":
            return self._grants(expression)
        path = re.search(r"(?:cat|find) '?([^\s')]+)", expression)
        if name == "came" and path:
            return self.files.get(path[1], "").rstrip("\n")
        if name == "known" and path:
            return path[1] if self.below(path[1]) else None
        if name == "entries" and path:
            found = self.below(path[1])
            return str(len(found)) if found else None
        return ""

    def below(self, path: str) -> list[str]:
        """List a directory and everything in it, by path."""
        return sorted({name for _, name in self.items if name == path or name.startswith(f"{path}/")})

    def _grants(self, expression: str) -> str:
        packed = re.search(r"printf %s '?([A-Za-z0-9+/=]+)", expression)
        if self.mysql is None or packed is None:
            return ""
        try:
            return "\n".join(str(row[0]) for row in self.mysql.execute(_decoded(packed[1])))
        except pymysql.MySQLError:
            return ""

    # Databases.

    def _mysql_server(self) -> None:
        self._packages("mariadb-server")
        if self._mode == "apply" and self.mysql is None:
            self.mysql = FakeMySQL()

    def _mysql_statements(self, sql: str, what: str) -> None:
        if self.mysql is None:
            raise Refusal(f"{what}: no database server is here")
        for statement in _decoded(sql).splitlines():
            self.mysql.execute(statement)

    def _mysql_certificate(self, directory: str, *names: str) -> None:
        del names
        if ("file", f"{directory}/server.crt") in self.items:
            return
        if self._mode != "apply":
            self._deviates("certificate of the database: near its end or missing")
        self._say("fact", "wanted", "certificate")

    def _mysql_login(self, options: str, database: str) -> None:
        given = dict(line.split("=", 1) for line in _decoded(options).splitlines() if "=" in line)
        password = given["password"].strip('"')
        try:
            server = self.connect(given["host"], int(given["port"]), self.address, given["user"], password)
            said = "ok" if database in server.databases else f"ERROR 1049 (42000): Unknown database '{database}'"
        except pymysql.MySQLError as fault:
            said = f"ERROR {fault.args[0]} (HY000): {fault.args[1]}"
        self._say("fact", said, "login")

    # Names.

    def _names_facts(self, name: str, address: str) -> None:
        self._say("fact", self.hostname or self.name, "hostname")
        self._say("fact", self.address if name == self.name else "", "forward")
        if address:
            self._say("fact", self.name if address == self.address else "", "reverse")

    def _hosts_block(self, file: str, whose: str, lines: str) -> None:
        key = ("block", f"{file} {whose}")
        have = self.items.get(key)
        if have != ((lines,) if lines else None) and self._deviates(f"{file}: the block of {whose} differs"):
            self.items.pop(key, None)
            if lines:
                self.items[key] = (lines,)

    # Releases.

    def _publishable(self, path: str, *_whose: str) -> None:
        if any(key[1] == path and key[0] != "link" for key in self.items):
            self._deviates(f"publish path {path}: something else is there")
            raise Refusal(f"{path} exists and is not of our making; it was left as it is")

    def _published(self, path: str, target: str) -> None:
        self._want("link", path, (target,))

    def _release_facts(self, path: str, release: str, manifest: str, sites: str, full: str) -> None:
        del manifest, sites, full
        live = (self.items.get(("link", path)) or ("",))[0]
        self._say("fact", live, "live")
        if live in self.counts:
            self._say("fact", str(self.counts[live]), "files")
        if release in self.releases:
            self._say("fact", "yes", "staged")
            self._say("fact", "index.php" if self.releases[release] == DAMAGED else "", "faults")

    def _release_accept(self, staging: str, release: str, _manifest: str, _sites: str, _root: str, digest: str) -> None:
        got = self.releases.get(staging, "")
        if got != digest:
            raise Refusal(f"what arrived in {staging} is not what the hub read (digest {got}, not {digest})")
        self.releases[release] = self.releases.pop(staging)
        self.counts[release] = self.counts.pop(staging, 0)

    def _release(self, release: str, *_rest: str) -> None:
        if release not in self.releases:
            if self._deviates(f"release {release}: missing"):
                raise Refusal(f"the release {release} is not there")
        elif self.releases[release] == DAMAGED:
            self._deviates("release: index.php")

    def _as_user(self, _user: str, packed: str) -> None:
        text = _decoded(packed)
        if text.startswith("rm -rf ") and self._mode == "apply":
            self._forget(text.removeprefix("rm -rf ").strip("'"))

    def _forget(self, path: str) -> None:
        for table in (self.releases, self.counts):
            for name in [name for name in table if name == path or name.startswith(f"{path}/")]:
                del table[name]
        for key in [key for key in self.items if key[1] == path or key[1].startswith(f"{path}/")]:
            del self.items[key]

    # Sites.

    def _site_php(self, _user: str, site: str, _docroot: str, _tmp: str, packed: str) -> None:
        program = _decoded(packed)
        given = re.search(r"base64_decode\('([^']+)'\)", program)
        if given is None:
            raise Refusal("FakeHost knows our installers only")
        database = json.loads(_decoded(given[1]))["database"]
        try:
            server = self.connect(
                database["host"], database["port"], self.address, database["user"], database["password"]
            )
            tables = server.databases[database["name"]]
        except (pymysql.MySQLError, KeyError) as fault:
            raise Refusal(f"the database does not let the site in from this machine: {fault}") from None
        done = "::present" if "done" in tables else f"::half {len(tables)}"
        result = done if tables else "::installed"
        if not tables:
            tables |= {"users": 1, "done": 1}
        marks = {"wp_install(": "wordpress", "MAINTENANCE_MODE": "drupal7"}
        name = next((name for mark, name in marks.items() if mark in program), "drupal")
        self.installed[site] = (name, database["host"], database["port"], database["name"])
        self._say("fact", result, "result")

    def _no_certificate(self, directory: str) -> None:
        if ("directory", directory) in self.items and self._deviates(f"directory {directory}: still there"):
            self._forget(directory)

    def _own_directives(self, *_rest: str) -> None:
        """Nobody has written any."""

    def _remove_site_data(self, directory: str, user: str) -> None:
        self._forget(directory)
        self._remove_site_user(user)

    def _remove_site_user(self, user: str) -> None:
        self.items.pop(("user", user), None)
        for site in [site for site in self.installed if layout.system_user(site) == user]:
            del self.installed[site]


def _decoded(packed: str) -> str:
    return base64.b64decode(packed).decode()
