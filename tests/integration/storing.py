"""Places off the hub for the tests of backups: an SFTP server on a host of the lab, and an S3 server that is ill for a while."""

from __future__ import annotations

import http.client
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from lab import Host

SSHD = """
Match User keeping,adding
    ChrootDirectory /srv/%u
    ForceCommand internal-sftp
    AllowTcpForwarding no
"""
_PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "protect-backups-from-deletion.md").read_text()
ADD_ONLY = "\n".join(
    line for line in _PAGE.splitlines() if line.strip().startswith(("cd /srv/adding", "find . -path '*/locks'"))
)
"""What the add-only server does each minute, as the page has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sftp:
    """An SFTP server with an account that may do all, and one that may only add."""

    host: Host
    identity: Path
    host_key: str

    @classmethod
    def on(cls, host: Host, place: Path) -> Sftp:
        """Set a host up as the server; the hub's key for it is made in a directory."""
        identity = place / "store-key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(identity)], check=True, timeout=20)
        public = identity.with_suffix(".pub").read_text()
        for user in ("keeping", "adding"):
            host.run(
                f"useradd -m -s /usr/sbin/nologin {user} && mkdir -p /home/{user}/.ssh /srv/{user}/backups && "
                f"cat >/home/{user}/.ssh/authorized_keys && chown -R {user}: /home/{user}/.ssh",
                input=public,
            )
        host.run(
            "chown keeping: /srv/keeping/backups; chown root:adding /srv/adding/backups; chmod 1770 /srv/adding/backups"
        )
        host.run("cat >>/etc/ssh/sshd_config; systemctl reload ssh", input=SSHD)
        key = " ".join(host.run("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[:2])
        return cls(host=host, identity=identity, host_key=key)

    def declared(self, user: str) -> dict[str, str]:
        """Give the repository of an account, as a stack file has it."""
        return {
            "sftp": f"{user}@{self.host.address}:22/backups",
            "identity": str(self.identity),
            "host_key": self.host_key,
        }

    def as_account(self, user: str, *commands: str) -> subprocess.CompletedProcess[str]:
        """Do something with the hub's key by sftp, as whoever has taken over the hub would."""
        return subprocess.run(
            ["sftp", "-q", "-b", "-", "-i", str(self.identity), "-o", "StrictHostKeyChecking=no",
             "-o", "UserKnownHostsFile=/dev/null", f"{user}@{self.host.address}"],
            input="\n".join(commands) + "\n", capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip


@dataclass(slots=True)
class Ill:
    """A proxy before an S3 server that answers 503 as long as it is ill."""

    endpoint: str = ""
    seconds: float = 0.0
    """How long it is to be ill, from the next request on."""
    until: float = 0.0
    refused: list[str] = field(default_factory=list)
    """Methods of the requests that got 503."""

    def be_ill(self, seconds: float) -> None:
        """Answer 503 from the next request on, for a while: on a busy machine that request comes late."""
        self.refused.clear()
        self.seconds = seconds

    @property
    def is_ill(self) -> bool:
        """Whether the request that is there now gets 503."""
        if self.seconds:
            self.until, self.seconds = time.monotonic() + self.seconds, 0.0
        return time.monotonic() < self.until


@contextmanager
def before(target: str) -> Iterator[Ill]:
    """Run a proxy before an S3 server."""
    ill, place = Ill(), urlsplit(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if ill.is_ill:
                ill.refused.append(self.command)
                self._answer(503, [], b"")
                return
            wire = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
            wire.request(self.command, self.path, body=body, headers=dict(self.headers.items()))
            answer = wire.getresponse()
            self._answer(answer.status, answer.getheaders(), answer.read())
            wire.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            told = {name.lower() for name, _ in headers}
            for name, value in headers:
                if name.lower() not in {"connection", "transfer-encoding"}:
                    self.send_header(name, value)
            if "content-length" not in told:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ill.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ill
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
