"""A code base whose page tells which release answers, and visitors who ask for it while releases are switched."""

from __future__ import annotations

import http.client
import itertools
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aegir_components import layout
from lab import Host

NAME = "load.example.com"
CLIENTS = 8
"""Visitors at once, each with kept connections."""
GO = "/srv/go"
"""A page that is asked with `?wait` goes on when this is there."""
PAGE = """<?php $page = '{number}';
for ($n = 0; isset($_GET['wait']) && $n < 7500 && !file_exists('/srv/go'); $n++) {{ usleep(20000); clearstatcache(); }}
include __DIR__ . '/wp-includes/part.php';
echo implode(' ', [$page, $part, __DIR__, $there, $_SERVER['LIVE']]);
"""
PART = "<?php $part = '{number}'; $there = dirname(__DIR__);\n"
PIDS = {"apache": "apache2/apache2.pid", "nginx": "nginx.pid"}
APACHE = """<VirtualHost *:80>
    ServerName {name}
    DocumentRoot "${{{variable}}}"
    SetEnv LIVE "${{{variable}}}"
    <Directory "${{{variable}}}">
        Require all granted
        <FilesMatch "\\.php$">
            SetHandler "proxy:unix:/run/php/php8.2-fpm.sock|fcgi://localhost"
        </FilesMatch>
    </Directory>
</VirtualHost>
"""
NGINX = """server {{
    listen 80;
    server_name {name};
    root ${variable};
    location / {{
        include fastcgi_params;
        fastcgi_param SCRIPT_FILENAME $realpath_root/index.php;
        fastcgi_param LIVE ${variable};
        fastcgi_pass unix:/run/php/php8.2-fpm.sock;
        fastcgi_read_timeout 300;
    }}
}}
"""


def write_release(source: Path, number: int) -> None:
    """Make the code base of a release; it is recognised as WordPress, and is none."""
    (source / "wp-includes").mkdir(parents=True, exist_ok=True)
    (source / "wp-includes" / "version.php").write_text("<?php $wp_version = '6.1';\n")
    (source / "wp-includes" / "part.php").write_text(PART.format(number=number))
    (source / "index.php").write_text(PAGE.format(number=number))


def serve(host: Host, program: str, platform: str) -> None:
    """Let a web server answer for the name, in a virtual host of the owner's and with Debian's own PHP pool."""
    text = {"apache": APACHE, "nginx": NGINX}[program].format(name=NAME, variable=layout.platform_variable(platform))
    host.run(f"cat >/var/aegir/config/{program}/post.d/load.conf", input=text)
    reload(host, program)


def reload(host: Host, program: str, command: str = "/usr/local/sbin/aegir-webserver reload") -> None:
    """Let a web server read its configuration again, and wait until nothing answers by the former one."""
    # A reload returns before the processes with the former configuration have stopped answering.
    host.run(
        f"old=$(pgrep -P $(cat /run/{PIDS[program]}))\n"
        f"{command} && for one in $old; do while kill -0 $one 2>/dev/null; do sleep 0.02; done; done"
    )


@dataclass(slots=True)
class Load:
    """What visitors saw."""

    requests: int = 0
    releases: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    closed: int = 0
    """Kept connections that had ended before the next request, which was asked again, as browsers do."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, status: int, body: str) -> None:
        """Judge an answer: page and part of one release, from the directory that the virtual host names."""
        words = body.split()
        with self.lock:
            self.requests += 1
            if status != 200 or len(words) != 5:
                self.failed.append(f"{status}: {body[:200]}")
            elif words[0] != words[1] or not words[2] == words[3] == words[4]:
                self.mixed.append(body)
            else:
                self.releases.add(words[0])


def visit(hosts: Sequence[Host], least: int, work: Callable[[], None]) -> Load:
    """Ask all hosts in turn from several visitors while ``work`` goes on, and until there are ``least`` requests."""
    load, over = Load(), threading.Event()

    def visitor(number: int) -> None:
        kept: dict[str, http.client.HTTPConnection] = {}
        for host in itertools.islice(itertools.cycle(hosts), number, None):
            if over.is_set() and load.requests >= least:
                return
            try:
                load.note(*_ask(kept, host.address, load))
            except (OSError, http.client.HTTPException) as fault:
                kept.pop(host.address).close()
                with load.lock:
                    load.requests += 1
                    load.failed.append(f"{host.name}: {fault!r}")

    threads = [threading.Thread(target=visitor, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        work()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return load


def _ask(kept: dict[str, http.client.HTTPConnection], address: str, load: Load) -> tuple[int, str]:
    old = address in kept
    connection = kept.setdefault(address, http.client.HTTPConnection(address, timeout=30))
    try:
        return _get(connection)
    except (http.client.RemoteDisconnected, ConnectionError):
        if not old:
            raise
        connection.close()
        with load.lock:
            load.closed += 1
        return _get(connection)


def _get(connection: http.client.HTTPConnection) -> tuple[int, str]:
    connection.request("GET", "/", headers={"Host": NAME})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def moments(hosts: Sequence[Host], published: str) -> list[int]:
    """Give the nanosecond at which each host's publish link was moved into its place; hosts of a lab share one clock."""
    return [_nanoseconds(host.run(f"stat -c %.9Z {published}").stdout) for host in hosts]


def _nanoseconds(text: str) -> int:
    seconds, _, rest = text.strip().partition(".")
    return int(seconds) * 1_000_000_000 + int(rest)


def wait_for(host: Host, condition: str, seconds: float = 120.0) -> bool:
    """Wait in the host for a shell condition; tell whether it came."""
    tries = int(seconds * 200)
    loop = (
        f"n=0; while ! {{ {condition}; }} 2>/dev/null; do n=$((n+1)); [ $n -lt {tries} ] || exit 1; sleep 0.005; done"
    )
    return host.run(loop, check=False, timeout=seconds * 4).returncode == 0


def mount(host: Host, path: str, options: str) -> None:
    """Mount memory in a host, which may not do so itself, from outside of it."""
    asked = subprocess.run(
        [host.engine.program, "inspect", "--format", "{{.State.Pid}}", host.container],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    inside = ["nsenter", "-t", asked.stdout.strip(), "-m", "--"]
    subprocess.run([*inside, "mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True, timeout=30)


@contextmanager
def full_disk(host: Host, place: str) -> Iterator[None]:
    """Mount a file system without a free byte over a directory, for a block of work."""
    with small_disk(host, place, "4k"):
        host.run(f"cat /dev/zero >{place}/full 2>/dev/null || true; chmod 777 {place}")
        yield


@contextmanager
def small_disk(host: Host, place: str, size: str) -> Iterator[None]:
    """Mount a file system of a size over a directory, from outside: the host itself may not mount."""
    pid = host.engine.call("inspect", "--format", "{{.State.Pid}}", host.container).strip()
    enter = ["nsenter", "-t", pid, "-m", "-p"]
    subprocess.run([*enter, "mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True, timeout=60)
    try:
        yield
    finally:
        subprocess.run([*enter, "umount", "-l", place], check=True, timeout=60)
