"""Machines made of dicts, in place of ssh, rsync, MySQL's protocol and HTTP.

A test writes::

    farm = FakeFarm(hub="10.0.0.1")
    web = farm.host("web1", "10.0.0.2")
    with farm.installed():
        Provider().create(inputs)
    assert "/etc/sudoers.d/aegir" in web.files
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import pymysql

from aegir_components import layout, process
from aegir_components.applications import Answer
from aegir_components.archives import keeping, merging
from aegir_components.certificates import facts
from aegir_components.health import probe
from aegir_components.hub import local_names, spool
from aegir_components.mysql import careful
from aegir_components.providers import answering, caches, installation, settling, staging, switching
from aegir_components.remote import classify, forward, parallel, rsync, session, ssh
from aegir_components.remote.connection import Connection
from aegir_components.remote.errors import CommandFailed, HostUnreachable
from aegir_components.rollout import database_updates
from aegir_components.sources import resolve, tree

from . import plan
from .database import FakeMySQL, FakeWire
from .host import FakeHost, Refusal
from .moves import Moves, is_closed
from .turns import InPlace, in_threads

PAGES = {
    "drupal": Answer(status=200, headers={"x-generator": "Drupal 10 (https://www.drupal.org)"}, body="<h1>A site</h1>"),
    "drupal7": Answer(status=200, headers={"x-generator": "Drupal 7 (http://drupal.org)"}, body="<h1>A site</h1>"),
    "backdrop": Answer(
        status=200, headers={"x-generator": "Backdrop CMS 1 (https://backdropcms.org)"}, body="<h1>A site</h1>"
    ),
    "wordpress": Answer(status=200, headers={}, body='<link href="/wp-includes/style.css">'),
}
_SIDE_BY_SIDE = (parallel, answering, caches, staging, database_updates, resolve)
"""Modules that give work to threads."""
NOT_FOUND = Answer(status=404, headers={}, body="<h1>Not Found</h1>")
CLOSED = Answer(status=503, headers={"retry-after": "120"}, body="")
BROKEN = Answer(status=500, headers={}, body="<h1>The website encountered an unexpected error</h1>")


@dataclass(slots=True)
class FakeFarm(Moves):
    """All machines that a test knows, by declared name; a name that is not here does not answer."""

    hub: str = "10.0.0.1"
    """The address that databases see the hub come from."""
    hosts: dict[str, FakeHost] = field(default_factory=dict)
    sources: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Source trees that are not on disk: path to digest and number of files."""

    def host(self, name: str, address: str) -> FakeHost:
        """Add a bare Debian machine."""
        self.hosts[name] = FakeHost(name, address, self.login)
        return self.hosts[name]

    @contextmanager
    def installed(self) -> Iterator[FakeFarm]:
        """Stand in for the seams to the world for a block of work, which is a process of its own."""
        process.begin()
        with ExitStack() as stack:
            for place, name, stand_in in (
                (ssh, "run", self.run),
                (rsync, "copy", self.copy),
                (session, "hold", self.hold),
                # Sources that are not on disk come by rsync.
                (spool, "possible", lambda: False),
                (forward, "to_local", self.to_local),
                (pymysql, "connect", self.connect),
                (careful, "CarefulConnection", self.connect),
                (probe, "get", self.get),
                (keeping, "_run", self.stream),
                (keeping, "_now", _Moments().next),
                (local_names, "forward", self.forward),
                (local_names, "reverse", self.reverse),
                *((place, "ThreadPoolExecutor", InPlace) for place in _SIDE_BY_SIDE),
                (switching, "attempt", in_threads),
                *self.stand_ins(),
                # Nothing here goes on with settings that it has read before.
                (answering, "AGAIN", 0.0),
                (settling, "FRESH", 0.0),
                (installation, "SETTLE", 0.0),
            ):
                stack.enter_context(mock.patch.object(place, name, stand_in))
            yield self

    # The seams.

    def run(
        self, conn: Connection, script: str, *, what: str, user: str = "root", timeout: float = ssh.DEFAULT_TIMEOUT
    ) -> ssh.Answer:
        """Stand in for ``remote.ssh.run``."""
        del timeout
        return self._run(conn, script, what, user)

    def _run(
        self, conn: Connection, script: str, what: str, user: str, ready: Callable[[], bool] | None = None
    ) -> ssh.Answer:
        host = self._reached(conn)
        if host.stderr:
            raise classify.command_failure(conn, what, 1, f"{classify.BEGIN}\n", host.stderr)
        try:
            return ssh.Answer(host.run(plan.read(script), user=user, text=script, ready=ready), "")
        except Refusal as refusal:
            why = base64.b64encode(str(refusal).encode()).decode()
            raise classify.command_failure(
                conn, what, classify.REFUSAL, f"{classify.BEGIN}\n::fail {why}\n", ""
            ) from None

    def hold(
        self, conn: Connection, script: str, ready: Callable[[], bool], *, what: str, user: str = "root",
        timeout: float = ssh.DEFAULT_TIMEOUT,
    ) -> ssh.Answer:  # fmt: skip
        """Stand in for ``remote.session.hold``."""
        del timeout
        return self._run(conn, script, what, user, ready)

    def copy(
        self, conn: Connection, source: str, target: str, *, options: Sequence[str] = (), user: str = "root",
        timeout: float = rsync.COPY_TIMEOUT,
    ) -> None:  # fmt: skip
        """Stand in for ``remote.rsync.copy``."""
        del user, timeout
        host = self._reached(conn)
        if not source.endswith("/"):
            content = base64.b64encode(Path(source).read_bytes()).decode()
            host.items["file", target] = ("root", "root", "600", content)
            return
        path, there = source.rstrip("/"), target.rstrip("/")
        if path in self.sources:
            digest, files = self.sources[path]
        elif Path(path).is_dir():
            excluded = [option.removeprefix("--exclude=") for option in options if option.startswith("--exclude=/")]
            with tempfile.TemporaryDirectory() as cache:
                found = tree.read(Path(path), excluded, ".", Path(cache, "sums"))
            digest, files = found.digest, found.files
        else:
            raise CommandFailed(
                conn.host, f"rsync of {source} to {target} ended with 23 (some files could not be copied)"
            )
        host.releases[there], host.counts[there] = digest, files

    @contextmanager
    def to_local(self, conn: Connection, address: str, port: int) -> Iterator[Path]:
        """Stand in for ``remote.forward.to_local``."""
        del address
        yield Path(f"/fake/{self._reached(conn).name}/{port}")

    def connect(self, **given: Any) -> FakeWire:
        """Stand in for ``pymysql.connect``."""
        password = given["password"]
        if isinstance(password, bytes):
            password = password.decode()
        if "unix_socket" in given:
            _, _, name, port = Path(given["unix_socket"]).parts
            given |= {"host": self.hosts[name].address, "port": int(port)}
        client = "127.0.0.1" if "unix_socket" in given else self.hub
        server = self.login(given["host"], given["port"], client, given["user"], password)
        return FakeWire(server, given["user"], client)

    def login(self, address: str, port: int, client: str, user: str, password: str) -> FakeMySQL:
        """Log in to the database server at ``address``, as an account for the address ``client``.

        Raises:
            pymysql.err.OperationalError: nothing listens there, or the account is not let in.
        """
        host = next((host for host in self.hosts.values() if host.address == address), None)
        if host is None or host.unreachable or host.mysql is None:
            raise pymysql.err.OperationalError(2003, f"Can't connect to MySQL server on '{address}:{port}' (timed out)")
        host.mysql.login(user, client, password)
        return host.mysql

    def forward(self, name: str) -> str:
        """Stand in for ``hub.local_names.forward``."""
        return self.hosts[name].address if name in self.hosts else ""

    def reverse(self, address: str) -> str:
        """Stand in for ``hub.local_names.reverse``."""
        return " ".join(host.name for host in self.hosts.values() if host.address == address)

    def get(
        self, address: str, port: int, host: str, path: str = "/", *, patience: float = 5.0, tls: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """Stand in for ``health.probe.get``: a site answers where it has a vhost and an installed database."""
        del path, patience
        machine = next((machine for machine in self.hosts.values() if machine.address == address), None)
        if machine is None or machine.unreachable:
            raise probe.NoAnswer(f"http://{address}:{port} does not answer for {host}: timed out")
        vhost = _vhost(machine, host)
        if vhost is None:
            return NOT_FOUND
        if is_closed(machine, _site_of(vhost, host), (headers or {}).get(probe.DOOR, "")):
            return CLOSED
        certificate = machine.content(f"{layout.certificate_directory(host)}/openssl.crt")
        answer = self._page(host, vhost, tls=tls, machine=machine)
        return replace(answer, fingerprint=facts(certificate).fingerprint) if tls and certificate else answer

    def _database_of(self, machine: FakeHost, site: str) -> FakeMySQL | None:
        """Give the database server that a site's settings on a web server name, unless it keeps the site's account out."""
        # Slaves of a pack see what is their master's.
        seen = (machine, *self.hosts.values())
        settings = (text for host in seen for text in host.texts(lambda path: _is_settings(path, site)).values())
        text = next(settings, "")
        for host in self.hosts.values():
            if host.mysql is not None and re.search(rf"(?<![\d.]){re.escape(host.address)}(?![\d.])", text):
                locked = {user for (user, _), account in host.mysql.accounts.items() if account.locked}
                return None if any(f"'{user}'" in text for user in locked) else host.mysql
        return None

    def _page(self, host: str, vhost: str, *, tls: bool, machine: FakeHost) -> Answer:
        if "fastcgi" not in vhost and "SetHandler" not in vhost:
            return Answer(status=503, headers={"retry-after": "3600"}, body="")
        if not tls and "Strict-Transport-Security" in vhost:
            return Answer(status=301, headers={"location": f"https://{host}/"}, body="")
        site = _site_of(vhost, host)
        installed = [member.installed[site] for member in self.hosts.values() if site in member.installed]
        if not installed:
            return BROKEN
        application, _, _, database = installed[0]
        server = self._database_of(machine, site)
        if server is None or not server.databases.get(database):
            return BROKEN
        return PAGES[application]

    def stream(self, conn: Connection, argv: list[str], *, stdin: Any, stdout: Any, called: str = "") -> None:
        """Stand in for the programs that ``backups`` runs: tar, mysqldump and mysql."""
        del called
        host = self._reached(conn)
        command = " ".join(argv)
        if argv[0] == "tar":
            home = argv[argv.index("-C") + 1]
            parts = [f"{home}/{part}" for part in argv[argv.index("--create") + 1 :] if not part.startswith("-")]
            stdout.write(
                _archive(host, [path for top in parts or [home] for path in host.below(top.removesuffix("/."))])
            )
            return
        if argv[:3] == ["sh", "-c", merging.MERGE]:
            _merge(host, argv[4], argv[5:], stdin.read())
            return
        server = host.mysql
        assert server is not None, "a dump of a machine without a database server"
        dumped = re.search(r"mysqldump .* ([A-Za-z0-9_]+); echo", command)
        if dumped:
            tables: Mapping[str, int] = server.databases[dumped[1]]
            stdout.write(gzip.compress(f"{json.dumps(tables)}\n-- Dump completed\n".encode()))
            return
        loaded = re.search(r"mysql .* ([A-Za-z0-9_]+)$", command)
        assert loaded is not None, f"a program that FakeFarm does not know: {argv[0]}"
        server.databases[loaded[1]] = json.loads(gzip.decompress(stdin.read()).splitlines()[0])

    def _reached(self, conn: Connection) -> FakeHost:
        if conn.kind == "local" and conn.host not in self.hosts:
            self.host(conn.host, self.hub)
        host = self.hosts.get(conn.host)
        if host is None or host.unreachable:
            raise HostUnreachable(
                conn.host, f"ssh {conn.user}@{conn.address} port {conn.port}: no answer (Connection timed out)"
            )
        return host


class _Moments:
    """Names of backups, no two of which are of one second: the real ones wait for the next."""

    def __init__(self) -> None:
        self._last = 0.0

    def next(self) -> str:
        """Give a name that was not given before."""
        self._last = max(time.time(), self._last + 1)
        return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._last))


def _site_of(vhost: str, host: str) -> str:
    """Say what a site is known by, which may have other names than its first one."""
    written = re.search(r"Written by aegir for (\S+)\. ", vhost)
    return written[1] if written else host


def _is_settings(path: str, site: str) -> bool:
    return path.endswith(
        (f"/{layout.file_name(site)}/site/settings.php", f"/{layout.file_name(site)}/site/wp-config.php")
    )


def _vhost(machine: FakeHost, host: str) -> str | None:
    """Find what serves a name: a site's file is called after its first one, and has the others in it."""
    vhosts = machine.texts(lambda path: "/vhost.d/" in path)
    name = f"/vhost.d/{layout.file_name(host)}.conf"
    own = next((text for path, text in vhosts.items() if path.endswith(name)), None)
    also = re.compile(rf"^\s*(?:ServerAlias|server_name)\s[^;\n]*(?<![\w.-]){re.escape(host)}(?![\w.-])", re.MULTILINE)
    return own or next((text for text in vhosts.values() if also.search(text)), None)


def _archive(host: FakeHost, paths: list[str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in paths:
            entry = tarfile.TarInfo(path.lstrip("/"))
            content = b""
            if host.kind(path) == "directory":
                entry.type = tarfile.DIRTYPE
            elif host.kind(path) == "file":
                content = host.content(path).encode()
                entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _merge(host: FakeHost, home: str, parts: list[str], packed: bytes) -> None:
    """Unpack what ``_archive`` gave; what is there stays, since nothing here has a time."""
    inside = tuple(f"{home}/{part}" for part in parts)
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        for entry in archive:
            path = f"/{entry.name}"
            if not path.startswith(inside) or host.kind(path):
                continue
            if entry.isdir():
                host.make_directories(path)
                continue
            content = archive.extractfile(entry)
            host.write(path, content.read().decode() if content is not None else "")
