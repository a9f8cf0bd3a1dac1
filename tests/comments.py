"""A service that keeps comments on merge requests, as GitHub's and GitLab's interfaces have them."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from typing import Any


class Service(http.server.BaseHTTPRequestHandler):
    """A service with comments, as GitHub's and GitLab's interfaces have them."""

    comments: list[dict[str, Any]]
    asked: list[tuple[str, str, str]]

    def answer(self, status: int, body: Any) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

    def note(self) -> None:
        token = self.headers.get("PRIVATE-TOKEN") or self.headers.get("Authorization") or ""
        self.asked.append((self.command, self.path, token))

    def do_GET(self) -> None:
        self.note()
        page = int(re.search(r"[?&]page=(\d+)", self.path)[1])  # type: ignore[index]
        self.answer(200, self.comments[(page - 1) * 100 : page * 100])

    def do_POST(self) -> None:
        self.note()
        self.comments.append({"id": len(self.comments) + 1, "body": self.body()})
        self.answer(201, {})

    def do_PATCH(self) -> None:
        self.note()
        number = int(self.path.rpartition("/")[2])
        next(entry for entry in self.comments if entry["id"] == number)["body"] = self.body()
        self.answer(200, {})

    def do_PUT(self) -> None:
        self.do_PATCH()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve(address: str) -> Iterator[tuple[type[Service], str]]:
    """Run one, and give what it keeps and its address."""
    handler = type("Handler", (Service,), {"comments": [], "asked": []})
    with http.server.ThreadingHTTPServer((address, 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield handler, f"http://{address}:{server.server_port}"
        server.shutdown()
