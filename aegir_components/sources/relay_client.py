"""In place of ssh in a build's room: hands git's words to the hub's process that has the keys, and then bytes both ways.

Runs by itself there, with nothing of this package beside it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading

CHUNK = 1 << 16


def main() -> int:
    """Be ssh for git."""
    wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    wire.connect(os.environ["AEGIR_RELAY"])
    words = {"arguments": sys.argv[1:], "protocol": os.environ.get("GIT_PROTOCOL", "")}
    wire.sendall(json.dumps(words).encode() + b"\n")
    threading.Thread(target=_send, args=(wire,), daemon=True).start()
    while chunk := wire.recv(CHUNK):
        _write(chunk)
    return 0


def _send(wire: socket.socket) -> None:
    while chunk := os.read(0, CHUNK):
        wire.sendall(chunk)
    wire.shutdown(socket.SHUT_WR)


def _write(chunk: bytes) -> None:
    while chunk:
        chunk = chunk[os.write(1, chunk) :]


if __name__ == "__main__":
    sys.exit(main())
