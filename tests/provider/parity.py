"""One situation on two machines: the fake one, and a real shell below a directory; what is there before, and after."""

from __future__ import annotations

import base64
import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aegir_components.remote import classify
from aegir_components.scripts import script
from aegir_components.testing import FakeHost, FakeMySQL
from aegir_components.testing.plan import read
from aegir_components.testing.tree import BARE, PACKAGED, Refusal
from tests.provider.directory import DirectoryMachine, run

Lines = tuple[tuple[str, str], ...]
MODES: tuple[script.Mode, ...] = ("check", "apply", "check")
"""Looked at, put right, and looked at again."""
_ROOM = re.compile(r"\([^()]* inodes free on [^()]*\)")


@dataclass(frozen=True)
class Given:
    """A thing that is there before: how it is made on each machine."""

    fake: Callable[[FakeHost], None]
    real: str
    """Shell text."""


def directory(path: str, owner: str = "root", group: str = "root", mode: str = "755") -> Given:
    def fake(host: FakeHost) -> None:
        host.make_directories(path)
        host.items["directory", path] = (owner, group, mode)

    return Given(fake, f"mkdir -p {path}; chmod {mode} {path}; chown {owner}:{group} {path}")


def file(path: str, text: str = "content\n", owner: str = "root", group: str = "root", mode: str = "644") -> Given:
    def fake(host: FakeHost) -> None:
        host.make_directories(posixpath.dirname(path))
        host.write(path, text, owner, group, mode)

    make = f"mkdir -p {posixpath.dirname(path)}; printf %s {shlex.quote(text)} >{path}"
    return Given(fake, f"{make}; chmod {mode} {path}; chown {owner}:{group} {path}")


def link(path: str, target: str) -> Given:
    def fake(host: FakeHost) -> None:
        host.make_directories(posixpath.dirname(path))
        host.items["link", path] = (target,)

    return Given(fake, f"mkdir -p {posixpath.dirname(path)}; ln -s {target} {path}")


def package(name: str) -> Given:
    places = " ".join(place for place, names in PACKAGED.items() if name in names)
    make = f"mkdir -p {places}; " if places else ""
    return Given(lambda host: host.items.update({("package", name): ()}), f"{make}echo {name} >>$STATE/packages")


def user(name: str, home: str = "/home", shell: str = "/bin/sh", uid: str = "950", gid: str = "950") -> Given:
    return Given(
        lambda host: host.items.update({("user", name): (home, shell, uid, gid)}),
        f"echo {name}:x:{gid}: >>$ROOT/etc/group; echo {name}:x:{uid}:{gid}::{home}:{shell} >>$ROOT/etc/passwd",
    )


def unit(name: str, *states: str) -> Given:
    made = "; ".join(f": >$STATE/units/{name}.{state.replace('running', 'active')}" for state in states)
    return Given(lambda host: host.items.update({("service", name): states}), made)


def waiting(later: str, name: str) -> Given:
    return Given(lambda host: host.waiting.append(later), f"mkdir -p /run/aegir/reload; : >/run/aegir/reload/{name}")


def broken(text: str) -> Given:
    return Given(lambda host: setattr(host, "broken_test", text), f"printf %s {shlex.quote(text)} >$STATE/broken")


def broken_new(text: str) -> Given:
    """Let the test of a new configuration fail, which ``new_test`` does."""
    return Given(
        broken(text).fake, f"new_test() {{ ! grep -q text /srv/a || {{ echo {shlex.quote(text)}; return 1; }}; }}"
    )


def distribution(name: str, kind: str) -> Given:
    text = f'ID={kind}\nPRETTY_NAME="{name}"\n'
    return Given(lambda host: setattr(host, "distribution", name), f"printf %s {shlex.quote(text)} >/etc/os-release")


def resolved(address: str, name: str) -> Given:
    """A name that a machine resolves; a fake knows its own."""
    return Given(lambda _: None, f"echo {address} {name} >>/etc/hosts")


OPTIONS = "hard,noatime,nosuid,nodev"


def mount(path: str, source: str, options: str = OPTIONS) -> Given:
    def fake(host: FakeHost) -> None:
        host.make_directories(posixpath.dirname(path))
        host.items["directory", path] = ("root", "root", "555")
        host.items["mount", path] = (source, options)

    line = f"{source} {path} nfs4 {options} 0 0"
    name = path.lstrip("/").replace("/", "-")
    limit = f"/etc/systemd/system/{name}.mount.d"
    return Given(
        fake,
        f"mkdir -p {path}; chmod 555 {path}; echo '{line}' | tee -a $STATE/mounts >>/etc/fstab; mkdir -p {limit}; "
        f"echo StartLimitIntervalSec=0 >{limit}/aegir.conf",
    )


def database() -> Given:
    def fake(host: FakeHost) -> None:
        host.items["package", "mariadb-server"] = ()
        host.items["service", "mariadb"] = ("enabled", "running")
        host.mysql = FakeMySQL()

    return Given(fake, f"{package('mariadb-server').real}; {unit('mariadb', 'enabled', 'running').real}")


@dataclass(frozen=True, kw_only=True)
class Row:
    """An operation in a situation."""

    operation: str
    situation: str
    lines: tuple[str, ...]
    given: tuple[Given, ...] = ()
    libraries: tuple[str, ...] = ()
    """The functions that the lines need, beside the prelude's."""
    compared: str = "everything"
    """``everything``; ``kinds`` where owners, modes or contents are made by chance or by other programs; ``reports``."""

    @property
    def id(self) -> str:
        return f"{self.operation}: {self.situation}"


@dataclass
class Outcome:
    reports: list[Lines] = field(default_factory=list)
    """Of each of ``MODES``."""
    tree: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Path to kind, and owner, group, mode, content or target."""


def on_fake(row: Row) -> Outcome:
    host = FakeHost("web1", "10.0.0.2", lambda *_: FakeMySQL())
    for given in row.given:
        given.fake(host)
    outcome = Outcome()
    for mode in MODES:
        text = script.render(mode, [*row.libraries, *row.lines], holder="a test", lock=False)
        refusal: Lines = ()
        try:
            host.run(read(text), user="root", text=text)
        except Refusal as why:
            refusal = (("fail", str(why)),)
        outcome.reports.append((*_told(host.said), *refusal))
    for (kind, path), rest in host.items.items():
        if kind in {"directory", "file", "link"}:
            outcome.tree[path] = (
                (kind, *rest[:-1], base64.b64decode(rest[-1]).decode()) if kind == "file" else (kind, *rest)
            )
    return _tidied(outcome, row)


def on_real(rows: Sequence[Row], place: Path, programs: Path) -> list[Outcome]:
    """Run rows in one shell, each on a machine of its own; one shell for each row would take three times as long."""
    machines = [DirectoryMachine(place / str(number)) for number in range(len(rows))]
    texts = [
        f"(\nexport ROOT={machine.root} STATE={machine.root}/state\n{machine.placed(_whole(row))}\n)"
        for machine, row in zip(machines, rows, strict=True)
    ]
    said, _, listing = run(
        "\n".join([*(machine.setup(programs) for machine in machines), *texts, LIST % place])
    ).partition("::listing\n")
    spoken = [part.split("::round\n")[1:] for part in said.split("::row\n")[1:]]
    entries: dict[str, list[str]] = {}
    for line in listing.splitlines():
        number, _, _ = line.removeprefix("./").partition("/")
        entries.setdefault(number, []).append(line)
    return [
        _tidied(Outcome([machine.told(part) for part in parts], dict(_entries(machine, entries[str(number)]))), row)
        for number, (machine, parts, row) in enumerate(zip(machines, spoken, rows, strict=True))
    ]


def _whole(row: Row) -> str:
    head, _, end = script.render("check", row.libraries, holder="a test", lock=False).rpartition("\n")
    rounds = [f"echo '::round'\n(\n{_body(mode, row.lines)}\n{end}\n)" for mode in MODES]
    return "\n".join(["echo '::row'", head, *(given.real for given in row.given), *rounds])


def _body(mode: script.Mode, lines: Iterable[str]) -> str:
    """Give what ``script.render`` puts after the prelude, which all rounds of a row share."""
    prelude, whole = (script.render(mode, each, holder="a test", lock=False) for each in ((), lines))
    return f"MODE={mode}\n{whole[len(prelude) - len('exit 0') :]}".removesuffix("exit 0")


LIST = "echo ::listing\ncd %s && find ./*/etc ./*/var ./*/srv ./*/usr -exec stat -c '%%n|%%F|%%a|%%i.%%w' {} +"


def _entries(machine: DirectoryMachine, lines: Iterable[str]) -> Iterable[tuple[str, tuple[str, ...]]]:
    for line in lines:
        name, kind, mode, key = line.split("|", 3)
        path = name.removeprefix(f"./{machine.root.name}")
        place, recorded = Path(f"{machine.root}{path}"), machine.root / "state/owners" / key
        owner, _, group = (recorded.read_text().strip() if recorded.exists() else "root:root").partition(":")
        if kind == "symbolic link":
            yield path, ("link", str(place.readlink()).replace(str(machine.root), ""))
        elif kind == "directory":
            yield path, ("directory", owner, group, mode)
        else:
            text = place.read_text(errors="replace").replace(str(machine.root), "")
            yield path, ("file", owner, group, mode, text)


NOT_COMPARED = re.compile(
    r"/etc/(passwd|group|hosts|fstab|hostname|os-release|\.aegir-fstab.*|systemd/system/[^/]*\.mount\.d.*)|"
    r"/usr/sbin/.*|/var/lib/aegir(/undo.*)?|/etc/php.*"
)
"""What only one of the two has: tables of accounts and mounts, and where a transaction keeps what it replaces."""
_SHIPPED = {
    path for place in (*BARE, *PACKAGED, "/usr") for path in (place, *(str(each) for each in Path(place).parents))
}


def _tidied(outcome: Outcome, row: Row) -> Outcome:
    outcome.reports = [tuple((kind, _said(kind, text)) for kind, text in lines) for lines in outcome.reports]
    tree = {
        path: what
        for path, what in outcome.tree.items()
        if not NOT_COMPARED.fullmatch(path) and (path not in _SHIPPED or what[0] != "directory")
    }
    if row.compared == "kinds":
        tree = {path: what[:1] for path, what in tree.items()}
    outcome.tree = {} if row.compared == "reports" else tree
    return outcome


def _said(kind: str, text: str) -> str:
    """Leave out what no two machines have alike: room on disks, and seconds."""
    return "SECONDS" if kind == "fact age" else _ROOM.sub("(ROOM)", text)


def _told(lines: Iterable[str]) -> Lines:
    found = []
    for line in lines:
        kind, _, rest = line.removeprefix("::").partition(" ")
        if kind in {"fact", "kind"}:
            name, _, rest = rest.partition(" ")
            kind = f"{kind} {name}"
        found.append((kind, classify.decoded(rest)))
    return tuple(found)
