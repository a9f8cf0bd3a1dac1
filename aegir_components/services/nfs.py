"""What the members of a pack share over NFS: the export on one machine, the mounts on the others, and the proof.

The reason for each option, by exports(5), nfs(5) and what was measured on two kernels:

- ``hard``: with ``soft`` a write that times out is lost.
- ``lookupcache=positive``: without it a new site's name is seen after half a minute and not at once.
- The automount: a boot must not wait for the server.
- ``nosuid,nodev``: what is shared is code and uploads.

Versions 4.1 and 4.2 need one port, 2049, and nothing of rpcbind.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from . import mounts
from . import nfs_operations as operations

DROP_IN = "/etc/nfs.conf.d/aegir.conf"
VERSIONS = """\
# Written by aegir: one TCP port, 2049, and no rpcbind.
[nfsd]
vers2=n
vers3=n
vers4=y
vers4.0=n
vers4.1=y
vers4.2=y
udp=n
tcp=y
"""
EXPORT_OPTIONS = "rw,sync,no_subtree_check,root_squash,sec=sys"
MASTER_OPTIONS = "rw,sync,no_subtree_check,no_root_squash,sec=sys"
"""For a pack's master where another machine exports: code and settings are root's, and somebody has to write them."""
STANDBY_OPTIONS = "ro,sync,no_subtree_check,no_root_squash,sec=sys"
"""For the machine that keeps a copy: it has to read what belongs to the sites' own users."""
MOUNT_OPTIONS = (
    "nfsvers=4.2,hard,noatime,nosuid,nodev,lookupcache=positive,_netdev,nofail,x-systemd.automount,"
    "x-systemd.mount-timeout=30s"
)
MARK = ".aegir-export"
ACCOUNTS = (layout.AEGIR_USER, "www-data")
"""Whose files are shared; their numbers have to be the same everywhere."""


def numbers_items() -> list[str]:
    """List what asks a machine for the numbers of the accounts."""
    return [functions("nfs"), "nfs_numbers"]


def export_items(pack: str, path: str, clients: Mapping[str, str], *, moved_from: str = "") -> list[str]:
    """List what exports a directory to exactly these machines.

    Args:
        pack: the pack's name.
        path: the directory.
        clients: addresses, with the options of each.
        moved_from: machine and directory that had the files before, where that was another; empty for the same.
    """
    listed = sorted(clients.items())
    text = "".join(f"{path} {_client(address)}({options})\n" for address, options in listed)
    return [
        functions("nfs"),
        script.packages(("nfs-kernel-server",)),
        *directories(path),
        script.call("want_not_mounted", path),
        operations.WantMarked(path=path, pack=pack, moved_from=moved_from).line,
        script.directory(posixpath.dirname(DROP_IN)),
        script.transaction("nfs_versions", [script.file(DROP_IN, VERSIONS)], test="true", reload="nfs_restart"),
        script.directory("/etc/exports.d"),
        script.transaction(
            "nfs_exports",
            [script.file(_exports(pack), f"# Written by aegir for the pack {pack}.\n{text}")],
            test="true",
            reload="nfs_export",
        ),
        script.service("nfs-server"),
        script.call("want_exported", path, *(f"{_client(address)}:{options[:2]}" for address, options in listed)),
        *([script.call("nfs_moved", pack)] if moved_from else []),
    ]


def export_removal(pack: str, path: str) -> list[str]:
    """List what ends an export; the files stay."""
    return [
        functions("nfs"),
        script.transaction("nfs_exports", [script.no_file(_exports(pack))], test="true", reload="nfs_export"),
        script.call("nfs_leave", DROP_IN),
        script.call("nfs_unmark", path, pack),
    ]


def mount(path: str, source: str, *, mark: str = MARK) -> mounts.Wanted:
    """Declare what a client mounts.

    Args:
        path: where it is mounted.
        source: the export, ``address:/path``.
        mark: the file in it that our own exports have; empty for somebody else's.
    """
    return mounts.Wanted(path=path, source=source, options=MOUNT_OPTIONS, mark=mark)


def client_items(path: str) -> list[str]:
    """List what a client has before it mounts anything."""
    return [functions("nfs"), script.packages(("nfs-common",)), *_parents(path)]


def external_items(path: str) -> list[str]:
    """List what there is to see where somebody else sees to the mount."""
    return [functions("nfs"), script.call("want_shared_place", path)]


def proof_place(path: str) -> list[str]:
    """List what makes room for proofs, on the machine whose root may write there."""
    return [functions("nfs"), script.call("want_proof_place", path)]


def leave_proof(path: str, token: str) -> list[str]:
    """List what writes a proof as aegir."""
    return [functions("nfs"), script.call("leave_proof", path, token)]


def find_proof(path: str, token: str) -> list[str]:
    """List what reads it on another member, with the numbers of its owner."""
    return [functions("nfs"), script.call("find_proof", path, token)]


def remove_proof(path: str, token: str) -> list[str]:
    """List what removes it."""
    return [functions("nfs"), script.call("remove_proof", path, token)]


def _exports(pack: str) -> str:
    return f"/etc/exports.d/aegir-{pack}.exports"


def _client(address: str) -> str:
    """Write an address as exports(5) takes it: an IPv6 one stands as it is, with its length."""
    return f"{address}/128" if ":" in address else address


def _parents(path: str) -> list[str]:
    parent = posixpath.dirname(path)
    return [] if parent == layout.AEGIR_ROOT else [script.directory(parent)]


def directories(path: str) -> list[str]:
    """List what is in a directory that a pack shares before anything is put there."""
    user = layout.AEGIR_USER
    inside: Iterable[str] = ()
    if path == layout.PLATFORMS_ROOT or posixpath.dirname(path) == layout.NFS_ROOT:
        inside = (
            script.directory(f"{path}/{layout.RELEASES}", owner=user, group=user),
            script.directory(f"{path}/{layout.SITES}"),
        )
    return [*_parents(path), script.directory(path), *inside]
