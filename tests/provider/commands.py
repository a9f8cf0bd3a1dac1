"""Small programs that stand in for what needs root or a machine; a real shell finds them first on its PATH.

They keep their state in files below the directory that is the machine: ``$ROOT/state``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

# Owners are recorded by inode and time of birth, so that a rename keeps them.
COMMANDS = {
    "chown": """
owner=$1
shift
for path; do
    key=$(%(stat)s -c '%%i.%%w' -- "$path") && printf '%%s\\n' "$owner" >"$STATE/owners/$key" || exit 1
done
""",
    "stat": """
case $* in *%%U*|*%%u*|*%%G*) ;; *) exec %(stat)s "$@" ;; esac
format=$2
shift 2
[ "$1" != -- ] || shift
# What %%U and the like stand for is put into its place when all paths have been asked.
line=$format
put() { while case $line in *"$1"*) ;; *) false ;; esac; do line=${line%%%%"$1"*}$2${line#*"$1"}; done; }
put %%U @U
put %%G @G
put %%u @u
put %%g @g
found=$(%(stat)s -c "%%i.%%w|$line" -- "$@" 2>/dev/null)
status=$?
[ -n "$found" ] || exit 1
while IFS='|' read -r key line; do
    owner=root:root
    [ ! -f "$STATE/owners/$key" ] || read -r owner <"$STATE/owners/$key"
    put @U "${owner%%%%:*}"
    put @G "${owner#*:}"
    case $line in *@[ug]*)
        put @u "$(id -u "${owner%%%%:*}")"
        put @g "$(id -g "${owner%%%%:*}")"
        ;;
    esac
    printf '%%s\n' "$line"
done <<END
$found
END
exit $status
""",
    "getent": """
case $1 in
    passwd | group) awk -F: -v key="$2" '$1 == key || $3 == key { print; found = 1 } END { exit !found }' "$ROOT/etc/$1" ;;
    ahosts) awk -v key="$2" '$2 == key { print $1 " STREAM"; print $1 " DGRAM" }' "$ROOT/etc/hosts" ;;
    hosts) awk -v key="$2" '$1 == key { print $1 "     " $2 }' "$ROOT/etc/hosts" ;;
esac
""",
    "id": """
case $1 in
    -nG)
        getent passwd "$2" >/dev/null || exit 1
        awk -F: -v user="$2" '{ split($4, members, ","); for (n in members) if (members[n] == user) printf "%%s ", $1 }
            $1 == user { printf "%%s ", $1 }' "$ROOT/etc/group"
        ;;
    -u) getent passwd "$2" | cut -d: -f3 | grep . ;;
    -g) getent passwd "$2" | cut -d: -f4 | grep . ;;
esac
""",
    "groupadd": """
number=950
while [ $# -gt 1 ]; do case $1 in --gid) number=$2; shift 2 ;; *) shift ;; esac; done
echo "$1:x:$number:" >>"$ROOT/etc/group"
""",
    "useradd": """
number=950
while [ $# -gt 1 ]; do
    case $1 in
        --gid) group=$2; shift 2 ;;
        --uid) number=$2; shift 2 ;;
        --home-dir) home=$2; shift 2 ;;
        --shell) shell=$2; shift 2 ;;
        *) shift ;;
    esac
done
echo "$1:x:$number:$(getent group "$group" | cut -d: -f3)::$home:$shell" >>"$ROOT/etc/passwd"
""",
    "usermod": """
case $1 in
    --shell) sed -i "s|^\\($3:.*\\):[^:]*$|\\1:$2|" "$ROOT/etc/passwd" ;;
    --expiredate) ;;
    -a) getent passwd "$4" >/dev/null || exit 6; sed -i "/^$3:/ { /:$/! s|$|,|; s|$|$4| }" "$ROOT/etc/group" ;;
esac
""",
    "userdel": 'sed -i "/^$1:/d" "$ROOT/etc/passwd"',
    "groupdel": 'sed -i "/^$1:/d" "$ROOT/etc/group"',
    "pkill": "exit 1",
    "dpkg-query": """
shift
case $1 in *Package*) each=1 ;; *) each= ;; esac
shift
status=0
for name; do
    if grep -qx -- "$name" "$STATE/packages"; then
        if [ -n "$each" ]; then printf '%%s=installed ' "$name"; else printf installed; fi
    else
        status=1
    fi
done
exit $status
""",
    "dpkg": "exit 0",
    "apt-get": """
installing=
for word; do
    case $word in
        install) installing=1 ;;
        -*) ;;
        *)
            [ -n "$installing" ] || continue
            echo "$word" >>"$STATE/packages"
            case $word in exim4*) : >"$ROOT/usr/sbin/sendmail"; chmod 755 "$ROOT/usr/sbin/sendmail" ;; esac
            ;;
    esac
done
""",
    "apt-cache": "exit 0",
    "systemctl": """
units=$STATE/units
[ "$1" != -q ] || shift
what=$1
shift
case $what in
    is-active) [ -e "$units/$1.active" ] ;;
    is-enabled) [ -e "$units/$1.enabled" ] ;;
    enable) shift; : >"$units/$1.enabled" ;;
    start)
        : >"$units/$1.active"
        case $1 in
            aegir-standby-*.service)
                pack=${1#aegir-standby-}
                mkdir -p "$ROOT/var/lib/aegir/standby"
                date +%%s >"$ROOT/var/lib/aegir/standby/${pack%%.service}"
                ;;
        esac
        ;;
    restart)
        : >"$units/$1.active"
        certificate=$ROOT/etc/mysql/aegir-tls/server.crt
        [ ! -e "$certificate" ] || printf '%%s\\n' "$certificate" >"$STATE/mysql-tls"
        [ "$1" != mariadb ] || printf '0.0.0.0 3306 0' >"$STATE/mysql-listening"
        for unit; do case $unit in *.automount) cp "$ROOT/etc/fstab" "$STATE/mounts" ;; esac; done
        ;;
    stop) for unit; do rm -f "$units/$unit.active"; done ;;
    disable) shift; rm -f "$units/$1.active" "$units/$1.enabled" ;;
    cat) [ "$1" != mariadb.service ] || grep -qx mariadb-server "$STATE/packages" ;;
    reload) echo "$1" >>"$STATE/reloads" ;;
    show)
        case $* in
            *Id,ActiveState*)
                for unit; do
                    case $unit in -*|Id,*) continue ;; esac
                    active=inactive enabled=disabled
                    [ ! -e "$units/$unit.active" ] || active=active
                    [ ! -e "$units/$unit.enabled" ] || enabled=enabled
                    printf 'Id=%%s.service\\nActiveState=%%s\\nUnitFileState=%%s\\n\\n' "$unit" "$active" "$enabled"
                done
                ;;
            *ActiveState,MainPID*) for unit; do :; done; [ ! -e "$units/$unit.active" ] || echo ActiveState=active ;;
        esac
        ;;
    *) : ;;
esac
""",
    "systemd-run": "exit 0",
    "systemd-escape": 'for path; do :; done; printf \'%%s.mount\\n\' "$(printf %%s "${path#"$ROOT"/}" | tr / -)"',
    "journalctl": "exit 0",
    "visudo": '! grep -q REFUSED "$2" || { echo "syntax error"; exit 1; }',
    # As a user, and with what a script of ours names below the machine's directory.
    "runuser": """
shift 3
[ "$*" = sh ] || exec "$@"
sed -E "s#(^|[^[:alnum:]_.}*])/(etc|var|run|srv)(/|$|[^[:alnum:]])#\\1$ROOT/\\2\\3#g" | sh
""",
    "sudo": """
while case $1 in -*) ;; *) false ;; esac; do case $1 in -u) shift 2 ;; *) shift ;; esac; done
exec "$@"
""",
    "apache2ctl": 'if [ -s "$STATE/broken" ]; then cat "$STATE/broken"; exit 1; fi',
    "mysql": """
[ -e "$STATE/units/mariadb.active" ] || { echo "ERROR 2002 (HY000): Can't connect to local server" >&2; exit 1; }
case $* in
    *bind_address*) cat "$STATE/mysql-listening" 2>/dev/null || printf '127.0.0.1 3306 0' ;;
    *have_ssl*) echo YES ;;
    *ssl_cert*) cat "$STATE/mysql-tls" 2>/dev/null ;;
    *FLUSH*) ;;
    *) cat >>"$STATE/statements" ;;
esac
exit 0
""",
    "findmnt": """
column=2
while [ $# -gt 0 ]; do
    case $1 in
        --mountpoint) at=$2; shift 2 ;;
        -o) case $2 in OPTIONS) column=4 ;; FSTYPE,*) column=0 ;; esac; shift 2 ;;
        *) shift ;;
    esac
done
awk -v at="$at" -v column=$column '$2 == at { found = 1 }
    { options = "rw," $4 ",vers=4.2,lookupcache=pos" }
    $2 == at { print (column == 2 ? $1 : column == 4 ? options : $3 " " $1 " " options) }
    END { exit !found }' "$STATE/mounts"
""",
    "umount": """
for path; do :; done
awk -v at="$path" '$2 != at' "$STATE/mounts" >"$STATE/mounts.new" && mv "$STATE/mounts.new" "$STATE/mounts"
""",
    "setfacl": """
for path; do :; done
case $1 in -d) %(stat)s -c '%%i.%%w' -- "$path" >>"$STATE/access-lists" ;; esac
""",
    "getfacl": """
for path; do :; done
! grep -qxF -- "$(%(stat)s -c '%%i.%%w' -- "$path" 2>/dev/null)" "$STATE/access-lists" 2>/dev/null ||
    echo default:group:www-data:r-x
""",
    "chattr": "exit 0",
    "exportfs": """
case $1 in
    -s) cat "$STATE/exports" 2>/dev/null ;;
    *) cat "$ROOT"/etc/exports.d/*.exports 2>/dev/null | grep -v '^#' | sed "s/(/(sync,wdelay,/" >"$STATE/exports" ;;
esac
exit 0
""",
    "timeout": """
while case $1 in -*) ;; *) false ;; esac; do case $1 in -s) shift 2 ;; *) shift ;; esac; done
shift
if [ "$1" = "[" ]; then shift; [ "$@"; else exec "$@"; fi
""",
    # Time passes by being asked for, so that nothing waits.
    "date": 'now=$(cat "$STATE/now") && now=$((now + 6)) && echo $now >"$STATE/now" && echo $now',
    "sleep": "exit 0",
    "mountpoint": "exit 1",
    "mariadb": "echo 'mariadb  Ver 15.1 Distrib 10.11.14-MariaDB, for debian-linux-gnu (x86_64) using EditLine wrapper'",
}
COMMANDS["nginx"] = COMMANDS["php-fpm8.2"] = COMMANDS["php-fpm8.1"] = COMMANDS["apache2ctl"]


def write(into: Path) -> None:
    """Write all programs into a directory."""
    real = {"stat": shutil.which("stat")}
    for name, text in COMMANDS.items():
        program = into / name
        program.write_text(f"#!/bin/sh\n{text.strip() % real}\n")
        program.chmod(0o755)
