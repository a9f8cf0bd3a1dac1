"""Everything that leaves a machine of the lab, kept while something goes on: what its ssh commands print, and its packets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab import Host

KEPT = "/root/captured"
SCRIPT = f"""#!/bin/bash
# What a command prints goes to the hub as always, and into a file.
kept=$(mktemp {KEPT}/XXXXXXXX)
exec 2> >(tee "$kept.err" >&2)
bash -c "$SSH_ORIGINAL_COMMAND" | tee "$kept.out"
exit "${{PIPESTATUS[0]}}"
"""
ANEW = "systemctl reload ssh; pkill -f '^sshd: root@' || :"
"""Connections that are open have the configuration of when they began; the hub opens others in their place."""
DATABASE = 3306
"""The port of MySQL, where nothing is encrypted in this lab."""


@dataclass(slots=True)
class Captured:
    """What left a machine."""

    printed: str = ""
    """By commands over ssh, before it was encrypted: its ASCII characters."""
    packets: bytearray = field(default_factory=bytearray)
    """From its database server's port, in the order of their arrival."""


@contextmanager
def leaving(host: Host) -> Iterator[Captured]:
    """Keep what leaves a machine during a block of work."""
    found = Captured()
    over = threading.Event()
    program, rule = "/usr/local/sbin/capture", "/etc/ssh/sshd_config.d/00-capture.conf"
    host.run(f"mkdir -p {KEPT}; cat >{program}; chmod 755 {program}", input=SCRIPT)
    host.run(f"echo 'ForceCommand {program}' >{rule}; {ANEW}")
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003)) as wire:
        wire.settimeout(0.2)
        listener = threading.Thread(target=_listen, args=(wire, socket.inet_aton(host.address), found.packets, over))
        listener.start()
        try:
            yield found
        finally:
            over.set()
            listener.join()
            host.run(f"rm {rule} {program}; {ANEW}")
            found.printed = host.run(
                f"cat {KEPT}/* | LC_ALL=C tr -d '\\000\\200-\\377'; rm -r {KEPT}", timeout=300
            ).stdout


def _listen(wire: socket.socket, address: bytes, kept: bytearray, over: threading.Event) -> None:
    while not over.is_set():
        try:
            packet = wire.recv(1 << 17)
        except TimeoutError:
            continue
        length = (packet[0] & 15) * 4
        is_tcp = packet[0] >> 4 == 4 and packet[9] == socket.IPPROTO_TCP
        if is_tcp and packet[12:16] == address and int.from_bytes(packet[length : length + 2]) == DATABASE:
            kept += packet[length + (packet[length + 12] >> 4) * 4 :]
