"""A machine made of a dict: it knows which items it has, and answers our scripts as a machine would.

What a script's items report, what they change and where they stop is what a real shell does.
``tests/provider/test_parity.py`` runs every kind of operation on both, and lists what is different on purpose.
"""

from __future__ import annotations

import base64
import contextlib
import posixpath
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aegir_components.deploy import arrival_operations, release_operations
from aegir_components.scripts.named import declared
from aegir_components.services import nfs_operations

from .closing import Closing
from .database import VERSION, FakeMySQL
from .databases import Connect, Databases
from .plan import Call, Plan, read
from .releases import DAMAGED, Releases
from .shares import Shares
from .stacks import Ended, Stacks
from .tree import Key, Refusal, decoded, encoded
from .web import Web

__all__ = ["FakeHost", "Refusal"]

ONLY_APPLY = ("[", "$MODE", "!=", "apply", "]")
"""The test before ``||`` and what is done in apply mode only."""
_BY_NAME = frozenset(declared(arrival_operations, nfs_operations, release_operations))
_ASSIGNMENT = re.compile(r"([A-Za-z_]+)=(.*)", re.DOTALL)
_EXPANDED = re.compile(r"\$\((php_version|mysql_unit|mysql_file|readlink|site_docroot) ?([^)]*)\)|\$(docroot)")


@dataclass(slots=True)
class FakeHost(Web, Shares, Releases, Closing, Databases, Stacks):
    """A machine; ``FakeFarm.host`` makes one."""

    name: str
    address: str
    connect: Connect = field(repr=False)
    items: dict[Key, Call] = field(default_factory=dict)
    """What is there. A file's arguments are owner, group, mode and base64; a directory's the first three; a link's its target."""
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
    """The UID and GID of the account ``aegir``, once it is there."""
    unreachable: bool = False
    distribution: str = "Debian GNU/Linux 12 (bookworm)"
    broken_test: str = ""
    """What the web server's and PHP's own test says of a new configuration; empty while it passes."""
    broken_caches: str = ""
    """What an application says that cannot empty its caches; empty while it can."""
    rebuilt: list[str] = field(default_factory=list)
    """Sites whose caches were emptied from here."""
    stderr: str = ""
    """When set, every script ends with status 1 and this."""
    _lines: list[str] = field(default_factory=list, repr=False)
    _mode: str = "check"
    _interrupted: dict[str, dict[Key, Call | None]] = field(default_factory=dict, repr=False)
    """Transactions that stopped within: what there was before of what they changed, by section; ``None`` where nothing was."""
    _functions: dict[str, list[Call]] = field(default_factory=dict, repr=False)
    _variables: dict[str, str] = field(default_factory=dict, repr=False)
    _waited: list[str] = field(default_factory=list, repr=False)
    _ready: Callable[[], bool] | None = field(default=None, repr=False)

    # What a test inspects, and changes by hand.

    @property
    def files(self) -> dict[str, str]:
        """The content of all files, by path."""
        return self.texts(lambda _: True)

    def texts(self, wanted: Callable[[str], bool]) -> dict[str, str]:
        """Give the content of the files whose paths are wanted, by path."""
        return {
            name: decoded(rest[-1])
            for (kind, name), rest in self.items.items()
            if kind == "file" and wanted(name) and rest and "$(" not in rest[-1]
        }

    def drop(self, name: str) -> Key:
        """Remove the item with this name, as somebody with root's rights may: of a mount and its directory, the mount."""
        key = next(key for key in (("mount", name), *self.items) if key in self.items and key[1] == name)
        del self.items[key]
        return key

    def change(self, name: str) -> Key:
        """Make the item with this name differ from what was declared."""
        key = next(key for key in self.items if key[1] == name)
        changed = {"file": (*self.items[key][:3], encoded("changed by hand")), "directory": ("root", "root", "777")}
        self.items[key] = changed.get(key[0], ("changed by hand",))
        return key

    def damage(self, release: str) -> None:
        """Change a file in a release."""
        self.releases[release] = DAMAGED

    def run(self, plan: Plan, *, user: str, text: str, ready: Callable[[], bool] | None = None) -> str:
        """Run a script and give its standard output.

        Args:
            plan: the script, read back.
            user: whose rights it has.
            text: the script.
            ready: asked for the word to go on where the script waits for one.

        Raises:
            Refusal: the script would have stopped with this sentence.
        """
        self.scripts.append((user, text))
        self._lines, self._mode = [], plan.mode
        self._variables, self._waited, self._functions, self._ready = {}, [], plan.functions, ready
        with contextlib.suppress(Ended):
            self._all(plan.calls)
        return "".join(f"{line}\n" for line in self._lines)

    @property
    def said(self) -> list[str]:
        """The lines of the last script, also of one that stopped."""
        return self._lines

    def _say(self, kind: str, text: str, name: str = "") -> None:
        packed = base64.b64encode(text.encode()).decode()
        self._lines.append(f"::{kind} {name} {packed}" if name else f"::{kind} {packed}")

    def _deviates(self, text: str, kind: str = "", subject: str = "") -> bool:
        apply = self._mode == "apply"
        if kind:
            self._say("kind", subject, kind)
        self._say("changed" if apply else "drift", text)
        return apply

    def _all(self, calls: Iterable[Call]) -> None:
        passed_over = False
        for call in calls:
            if not passed_over:
                self._do(call)
            passed_over = call == ONLY_APPLY and self._mode != "apply"

    def _do(self, call: Call) -> None:
        words = tuple(_EXPANDED.sub(self._value, word) if "$" in word else word for word in call)
        if _ASSIGNMENT.fullmatch(words[0]):
            assigned = map(_ASSIGNMENT.fullmatch, words)
            self._variables |= {match[1]: match[2] for match in assigned if match}
            return
        work = getattr(self, f"_sh_{words[0]}", None)
        if work is not None and words[0] in _BY_NAME:
            work(**dict(word.split("=", 1) for word in words[1:]))
        elif work is not None:
            work(*words[1:])
        elif words[0].startswith("want_"):
            raise NotImplementedError(f"FakeHost does not know {words[0]}; tests/provider/test_parity.py has to, too")

    def _value(self, match: re.Match[str]) -> str:
        if match[3]:
            return self._variables.get(match[3], "")
        if match[1] == "readlink":
            return self.target(match[2].strip("'\""))
        if match[1] == "site_docroot":
            user, path, *below = shlex.split(match[2])
            held = self.content(f"/var/lib/aegir/held/{user}.env").partition("=")[2].rstrip("\n")
            return held or self.target(path) + "".join(below)
        return str(getattr(self, match[1]))

    def _take_back(self, former: dict[Key, Call | None]) -> None:
        for key, call in former.items():
            if call is None:
                self.items.pop(key, None)
            else:
                self.items[key] = call

    def _sh_transaction(self, section: str, _test: str, reload: str) -> None:
        calls = self._functions[section]
        if self._mode != "apply":
            if section in self._interrupted:
                self._deviates(f"{section}: an interrupted change waits to be rolled back")
            self._all(calls)
            return
        self._take_back(self._interrupted.pop(section, {}))
        if not self._differs(calls):
            return
        before = dict(self.items)
        try:
            self._all(calls)
        except BaseException:
            touched = {key for key in before.keys() | self.items.keys() if before.get(key) != self.items.get(key)}
            self._interrupted[section] = {key: before.get(key) for key in touched}
            raise
        if self.broken_test:
            self.items = before
            raise Refusal(
                f"the new configuration does not pass the server's own test and was rolled back; no reload: {self.broken_test}"
            )
        if self._ready and reload.startswith("release_go") and not self._ready():
            self.items = before
            raise Refusal(
                "the new configuration passes its test, but the reload failed; it was rolled back: the hub gave no word to "
                "switch. Another web server was not ready, or the connection was cut"
            )
        if reload.startswith("release_go "):
            self.switch()
        if reload.endswith("_later"):
            self.later(reload)
        else:
            self.reload(reload)

    def _differs(self, calls: list[Call]) -> bool:
        """Look first, without a word: a transaction in which all is right does not even begin."""
        lines, self._lines, self._mode = self._lines, [], "check"
        self._all(calls)
        found, self._lines, self._mode = bool(self._lines), lines, "apply"
        return found

    def _sh_as_user(self, _user: str, packed: str) -> None:
        self._run_as_user(packed)

    def _run_as_user(self, packed: str) -> None:
        self._all(read(decoded(packed)).calls)

    # Which entry of a stack file it is.

    def _sh_fact(self, name: str, *words: str) -> None:
        value = self._fact_value(name, " ".join(words))
        if value is not None:
            self._say("fact", value, name)

    def _fact_value(self, name: str, expression: str) -> str | None:
        if name == "php":
            return expression
        if name == "version":
            return VERSION if self.mysql else ""
        if name == "numbers":
            return self.ids("aegir") or ":"
        if name == "grants":
            return self.grants(expression)
        path = re.search(r"(?:cat|find) '?([^\s')]+)", expression)
        if name == "came" and path:
            return self.content(path[1]).rstrip("\n")
        if name == "entries" and path:
            found = self.below(path[1])
            return str(len(found)) if found else None
        return "" if "$(" in expression else expression

    def _sh_site_content(self, *directories: str) -> None:
        places = [self.followed(directory) for directory in directories]
        if all(self.is_directory(place) for place in places):
            self._say("fact", "yes", "known")
            files = [path for place in places for path in self.below(place) if self.kind(path) == "file"]
            size = sum(len(self.content(path).encode()) for path in files)
            self._say("fact", f"{len(files)} {size}", "content")

    def _sh_leave_others(
        self, registry: str, entry: str, holder: str, target: str, _user: str, site: str, file: str
    ) -> None:
        if self._mode != "apply":
            return
        place = posixpath.dirname(registry)
        for name in self.listed(place):
            its_holder, its_path = (*self.content(f"{place}/{name}/.published").splitlines(), "", "")[:2]
            if f"{place}/{name}" == registry or its_holder != holder or not self.exists(f"{place}/{name}/{entry}"):
                continue
            self._sh_rm(f"{place}/{name}/{entry}")
            self._sh_forget_held(f"{place}/{name}", site, file)
            live = self.followed(its_path)
            for kind, path in [key for key in self.items if key[0] == "link" and key[1].startswith(f"{live}/")]:
                if self.items[kind, path][0] == target:
                    del self.items[kind, path]

    def _sh_inventory_web(self, *roots: str) -> None:
        registries = [f"/var/aegir/config/sites.d/{name}" for name in self.listed("/var/aegir/config/sites.d")]
        marks = [(posixpath.basename(place), self.content(f"{place}/.published").splitlines()) for place in registries]
        rows = [f"{mark[0]} {name} {mark[1]}" for name, mark in marks if len(mark) > 1]
        self._say("fact", "\n".join(rows), "platforms")
        sites = [f"{posixpath.basename(place)} {name}" for place in registries for name in self.listed(place)]
        self._say("fact", "\n".join(sites), "registered")
        homes = [f"{root}/.sites/{name}" for root in roots for name in self.listed(f"{root}/.sites")]
        files = {home: sum(self.kind(path) == "file" for path in self.below(home)) for home in homes}
        self._say("fact", "\n".join(f"{home} {count}" for home, count in files.items()), "data")

    # Names.

    def _sh_names_facts(self, name: str, address: str) -> None:
        self._say("fact", self.hostname or self.name, "hostname")
        self._say("fact", f"{self.address} " if name == self.name else "", "forward")
        if address:
            self._say("fact", f" {self.name} " if address == self.address else "", "reverse")

    def _sh_want_hosts_block(self, file: str, whose: str, lines: str) -> None:
        key = ("block", f"{file} {whose}")
        have = self.items.get(key)
        if have != ((lines,) if lines else None) and self._deviates(f"{file}: the block of {whose} differs"):
            self.items.pop(key, None)
            if lines:
                self.items[key] = (lines,)

    def _sh_want_own_names(self, file: str, whose: str, *names: str) -> None:
        lines = "".join(f"127.0.0.1 {name}\n" for name in names if name != (self.hostname or self.name))
        self._sh_want_hosts_block(file, whose, encoded(lines) if lines else "")
