"""The machine that stands by for a pack's NFS server: a copy by rsync on a timer, over an NFS mount that never hangs."""

from __future__ import annotations

from aegir_components import layout
from aegir_components.scripts import script
from aegir_components.scripts.libraries import functions

from .nfs import directories
from .nfs_operations import WantFreshCopy

PROGRAM = "/usr/local/sbin/aegir-standby"
EVERY = 300
"""Seconds between two copies."""
OLD = 4 * EVERY
"""Seconds; a copy that is older is drift."""
TEXT = """\
#!/bin/sh
# Written by aegir: copies what a pack shares. Arguments: pack, export, directory.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
from=/run/aegir-standby/$1
mkdir -p "$from" /var/lib/aegir/standby /run/aegir
install -d -m 700 /run/aegir/private
exec 9>"/run/aegir/private/standby-$1.lock"
flock -n 9 || exit 0
umount -f -l "$from" 2>/dev/null || :
trap 'umount -f -l "$from" 2>/dev/null || :' EXIT
host=${2%%:/*} host=${host#[} host=${host%]}
timeout 10 bash -c 'exec 3<>"/dev/tcp/$0/2049"' "$host" 2>/dev/null || { echo "port 2049 of $host does not answer" >&2; exit 1; }
# Soft: here an error is better than to wait, and nothing is written.
timeout -s KILL 90 mount -t nfs4 -o ro,soft,timeo=100,retrans=3,retry=0,nosuid,nodev,noexec "$2" "$from"
[ "$(timeout -s KILL 30 cat "$from/.aegir-export")" = "$1" ] || { echo "$2 is not what the pack $1 shares" >&2; exit 1; }
[ "$(cat "$3/.aegir-export" 2>/dev/null || echo "$1")" = "$1" ] || { echo "$3 holds another pack's files" >&2; exit 1; }
begun=$(date +%s)
# Whoever has the other machine gets nothing on this one: devices and set-user-id bits stay there.
kept='-aH --no-devices --no-specials --chmod=Fug-s --numeric-ids'
# What visitors have uploaded is never deleted here, whatever the other side looks like.
rsync $kept --exclude=/.releases --exclude=/.aegir-proof "$from/" "$3/"
[ ! -d "$from/.releases" ] || rsync $kept --delete --exclude='.staging-*' "$from/.releases/" "$3/.releases/"
echo "$begun" >"/var/lib/aegir/standby/$1.new"
mv -f "/var/lib/aegir/standby/$1.new" "/var/lib/aegir/standby/$1"
"""


def unit(pack: str, kind: str) -> str:
    """Name a pack's unit: its ``service`` or its ``timer``."""
    return f"aegir-standby-{pack}.{kind}"


def items(pack: str, path: str, source: str) -> list[str]:
    """List what keeps a copy.

    Args:
        pack: the pack's name.
        path: the copy's directory, which is exported when this machine takes over.
        source: the export that is copied.
    """
    service = (
        f"# Written by aegir.\n[Unit]\nDescription=Copy of what the pack {pack} shares\nAfter=network-online.target\n\n"
        f"[Service]\nType=oneshot\nExecStart={PROGRAM} {pack} {source} {path}\nTimeoutStartSec=6h\nNice=5\n"
    )
    timer = (
        f"# Written by aegir.\n[Unit]\nDescription=Copy of what the pack {pack} shares\n\n[Timer]\nOnBootSec=1min\n"
        f"OnUnitInactiveSec={EVERY}\nAccuracySec=10s\n\n[Install]\nWantedBy=timers.target\n"
    )
    units = [script.file(_path(pack, "service"), service), script.file(_path(pack, "timer"), timer)]
    return [
        functions("nfs"),
        # The server as well, so that taking over waits for no package.
        script.packages(("nfs-common", "nfs-kernel-server")),
        *directories(path),
        script.directory(layout.STATE_ROOT),
        script.file(PROGRAM, TEXT, mode=0o755),
        script.transaction("standby", units, test="true", reload=f"standby_reload {unit(pack, 'timer')}"),
        script.service(unit(pack, "timer")),
        WantFreshCopy(pack=pack, unit=unit(pack, "service"), oldest=str(OLD)).line,
    ]


def take_over_items(pack: str) -> list[str]:
    """List what makes a last copy where that is possible, and ends the timer: from now on the copy is the original."""
    return [functions("nfs"), script.call("standby_last", pack, unit(pack, "service")), *_end(pack)]


def serving_items(pack: str) -> list[str]:
    """List what there must not be while this machine exports."""
    return [functions("nfs"), *_end(pack)]


def removal_items(pack: str) -> list[str]:
    """List what ends the copies; those that were made stay."""
    return serving_items(pack)


def _end(pack: str) -> list[str]:
    timer = unit(pack, "timer")
    gone = [script.no_file(_path(pack, "timer")), script.no_file(_path(pack, "service"))]
    return [
        f'[ "$MODE" != apply ] || systemctl -q disable --now {timer} 2>/dev/null || :',
        script.transaction("standby", gone, test="true", reload="systemctl daemon-reload"),
    ]


def _path(pack: str, kind: str) -> str:
    return f"/etc/systemd/system/{unit(pack, kind)}"
