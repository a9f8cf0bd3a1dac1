# What the members of a pack share over NFS. Functions only; see services/nfs.py for what calls them.
# Those that take arguments by name have them in variables that takes sets.
# shellcheck disable=SC2154

# A hung NFS server blocks whatever touches the mount, also against SIGTERM, so that each touch has a time limit of its own.
nfs_within() { # seconds command...
    timeout -s KILL "$@"
}

nfs_asks() { # seconds path: does the server answer; a client reads a file that it has seen without asking, but never statfs(2)
    { nfs_within "$1" stat -f "$2" >/dev/null; } 2>&1
}

nfs_numbers() { # the numbers of the accounts that own what is shared
    for nn_user in aegir www-data; do
        fact "$nn_user" "$(id -u "$nn_user" 2>/dev/null):$(id -g "$nn_user" 2>/dev/null)"
    done
}

# The server.

nfs_restart() { # versions are read when the server starts; clients wait meanwhile, and lose nothing
    if systemctl -q is-active nfs-server; then systemctl restart nfs-server; fi
}

nfs_export() { # after a change of the list: no restart, no client is disturbed
    if systemctl -q is-active nfs-server; then exportfs -ra; fi
}

want_not_mounted() { # path: what is exported has to be this machine's own
    if findmnt -n --mountpoint "$1" -t nfs4 >/dev/null 2>&1; then
        deviates "export $1: is a mount itself" || return 0
        fail 4600 "$1 is mounted from another machine here, and cannot be exported. Take the mount out of /etc/fstab and unmount it first"
    fi
}

want_marked() { # by name: the mark by which a client knows that it sees the right directory
    takes wm_ path pack moved_from -- "$@"
    wm_is=$(cat "$wm_path/.aegir-export" 2>/dev/null)
    # An old copy must not come back as the original: only one that was made for this counts, and it counts once.
    if [ -n "$wm_moved_from" ] && [ ! -s "/var/lib/aegir/standby/$wm_pack" ]; then
        deviates "export $wm_path: the files are still at $wm_moved_from" || return 0
        fail 4601 "the pack $wm_pack has its files at $wm_moved_from, and no copy of them was made here for it to move. Make one with all owners (rsync -aH --numeric-ids $wm_moved_from/ $wm_path/), then say so: mkdir -p /var/lib/aegir/standby; date +%s >/var/lib/aegir/standby/$wm_pack"
    fi
    [ "$wm_is" != "$wm_pack" ] || return 0
    deviates "export $wm_path: its mark is ${wm_is:-missing}, not $wm_pack" || return 0
    [ -z "$wm_is" ] || fail 4602 "$wm_path holds what the pack $wm_is shares; it was left as it is"
    printf '%s\n' "$wm_pack" >"$wm_path/.aegir-export" || fail 4523 "$wm_path/.aegir-export could not be written"
}

nfs_moved() { # pack: the copy is the original now
    [ "$MODE" != apply ] || rm -f "/var/lib/aegir/standby/$1"
}

nfs_unmark() { # path pack
    [ "$MODE" != apply ] || [ "$(cat "$1/.aegir-export" 2>/dev/null)" != "$2" ] || rm -f "$1/.aegir-export"
}

want_exported() { # path client:rw-or-ro...: what the kernel was told, whatever the file says
    we_path=$1
    shift
    we_want=$(for we_client; do printf '%s\n' "$we_client"; done | sort | tr '\n' ' ')
    exported_now
    [ "$we_now" != "$we_want" ] || return 0
    deviates "export $we_path: is to ${we_now:-nobody}, not to $we_want" || return 0
    we_said=$(exportfs -ra 2>&1) || fail 4603 "$we_path could not be exported: $we_said"
    exported_now
    [ "$we_now" = "$we_want" ] || fail 4603 "$we_path is exported to ${we_now:-nobody}, not to $we_want: another line in /etc/exports or /etc/exports.d names it too ($we_said)"
}

exported_now() { # sets we_now
    we_now=$(exportfs -s 2>/dev/null | sed -n "s|^$we_path  *\([^ (]*\)(.*[(,]\(r[ow]\)[,)].*|\1:\2|p" | sort | tr '\n' ' ')
}

nfs_leave() { # drop-in: when our last export is gone
    ls /etc/exports.d/aegir-*.exports >/dev/null 2>&1 || want_no_file "$1"
}

# A client. Facts of a mount, and single steps; services/mounts.py decides what follows from the facts.

mount_names() { # path: sets what systemd has for it
    mn_unit=$(systemd-escape --path --suffix=mount "$1")
    mn_auto=${mn_unit%.mount}.automount
    mn_limit=/etc/systemd/system/$mn_unit.d/aegir.conf
}

mount_facts() { # by name: what is so; only asking the server tells: mountpoint, findmnt and systemctl all say "fine" of a hung mount
    takes mf_ path mark patience -- "$@"
    mount_names "$mf_path"
    mf_said=$(nfs_asks "$mf_patience" "$mf_path" && { [ -z "$mf_mark" ] || nfs_within 10 cat "$mf_path/$mf_mark" 2>&1; })
    fact mount-status "$?"
    fact mount-said "$mf_said"
    fact mount-table "$(findmnt -rn -o FSTYPE,SOURCE,OPTIONS --mountpoint "$mf_path" 2>/dev/null)"
    fact mount-line "$(awk -v at="$mf_path" '$1 !~ /^#/ && $2 == at' /etc/fstab)"
    if grep -qsx 'StartLimitIntervalSec=0' "$mn_limit"; then fact mount-endless ''; else fact mount-endless "$mn_limit"; fi
}

# A process that holds on to the mount in a namespace of its own, as the fact keeper. The last one that lets go of a mount takes
# leave of the server, and where that does not answer, not even SIGKILL ends it: a worker of PHP would keep its socket for good.
# The keeper asks once a minute, and lets go when there is an answer.
mount_keep() { # path
    mk_pid=
    mk_ready=$(scratch_file) || { fact keeper none; return 0; }
    systemd-run -q --collect -p TimeoutStopSec=2s unshare -m sh -c '
        echo $$ >"$1"
        # Questions that are ended by force fail as well: only what a server says counts.
        until said=$(LC_ALL=C timeout -s KILL 10 stat -f "$2" 2>&1) || case $said in *Stale*) ;; *) false ;; esac; do sleep 60; done
        umount "$2"' keeper "$mk_ready" "$1" 9>&-
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        mk_pid=$(cat "$mk_ready")
        [ -z "$mk_pid" ] || break
        sleep 0.5
    done
    rm -f "$mk_ready"
    fact keeper "${mk_pid:-none}"
}

mount_off() { # path -f-or-nothing: lazily, for what waits there would keep it for ever; and the automount, which would bring it back
    mount_names "$1"
    # Before systemd, which would wait for a server that does not answer. By force only then: force ends writes that are under way.
    findmnt -n -t nfs4 --mountpoint "$1" >/dev/null 2>&1 && nfs_within 10 umount ${2:+"$2"} -l "$1" 2>/dev/null
    # Also a mount that has begun: whoever touched the path after that made the automount ask the old server once more.
    nfs_within 40 systemctl stop "$mn_auto" "$mn_unit" 9>&- 2>/dev/null
    for _ in 1 2 3; do
        findmnt -n --mountpoint "$1" >/dev/null 2>&1 || return 0
        nfs_within 10 umount ${2:+"$2"} -l "$1" 2>/dev/null
    done
}

mount_bare() { # path: the directory below the mount, without what a web server is given for releases and sites; what is in it
    nfs_within 10 [ -d "$1" ] || nfs_within 10 mkdir "$1" || fail 4521 "the directory $1 could not be made"
    nfs_within 10 chattr -i "$1" 2>/dev/null
    # Empty, they hide nothing.
    nfs_within 10 rmdir "$1/.releases" "$1/.sites" 2>/dev/null
    fact mount-there "$(nfs_within 10 ls -A "$1" 2>/dev/null | head -n 5 | tr '\n' ' ')"
}

mount_close() { # path: nobody, not even root, may write into the bare directory while the mount is missing
    nfs_within 10 chown root:root "$1" && nfs_within 10 chmod 555 "$1" || fail 4521 "the mode of $1 could not be set"
    nfs_within 10 chattr +i "$1" 2>/dev/null
}

mount_open() { # path: an ordinary directory again, for whoever has it now
    mount_names "$1"
    rm -rf "${mn_limit%/*}"
    nfs_within 10 chattr -i "$1" 2>/dev/null
    nfs_within 10 chmod 755 "$1"
}

mount_limit() { # path: otherwise five failures in a row end the automount for good, and the bare directory shows
    mount_names "$1"
    mkdir -p "${mn_limit%/*}" && printf '[Unit]\nStartLimitIntervalSec=0\n' >"$mn_limit" || fail 4523 "$mn_limit could not be written"
}

mount_line() { # path line-or-nothing: what fstab has for it from now on
    ml_new=$(mktemp /etc/.aegir-fstab.XXXXXX) && cp -p /etc/fstab "$ml_new" || fail 4522 "no file can be made in /etc"
    { awk -v at="$1" '$1 ~ /^#/ || $2 != at' /etc/fstab && { [ -z "${2-}" ] || printf '%s\n' "$2"; }; } >"$ml_new" &&
        mv -f "$ml_new" /etc/fstab || fail 4523 "/etc/fstab could not be written"
}

mount_reload() { systemctl daemon-reload 9>&-; }

mount_start() { # path: the automount; what systemd says where it does not start
    mount_names "$1"
    systemctl reset-failed "$mn_auto" "$mn_unit" 2>/dev/null
    systemctl restart "$mn_auto" 9>&- || fact automount "failed: $(mount_words)"
}

mount_words() { journalctl -q -n 4 --no-pager -o cat -u "$mn_auto" -u "$mn_unit" 2>/dev/null | tail -c 400; }

mount_try() { # by name: what mount itself says, and whether the server's port answers
    takes mt_ path source server -- "$@"
    mount_names "$mt_path"
    mkdir -p /run/aegir-try
    fact try "$(nfs_within 40 mount -t nfs4 -o ro,soft,timeo=50,retrans=1,retry=0 "$mt_source" /run/aegir-try 2>&1 | tail -n 1)"
    nfs_within 10 umount -l /run/aegir-try 2>/dev/null
    timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/2049"' bash "$mt_server" 2>/dev/null || fact try-port closed
    fact mount-words "$(mount_words)"
}

mount_free() { # path keeper: what waits for the server that is gone would wait on, and keep PHP and the web server from all other work
    mf_units=$(systemctl list-units --plain --no-legend --state=active 'apache2.service' 'nginx.service' 'php*-fpm.service' 'aegir-php@*.service' | cut -d' ' -f1)
    # All of them before the first one starts again: they wait for each other's locks.
    for mf_unit in $mf_units; do systemctl kill -s KILL "$mf_unit" 9>&- 2>/dev/null; done
    mf_end=$(($(date +%s) + 30))
    for mf_unit in $mf_units; do
        until unit_is_empty "$mf_unit" || [ "$(date +%s)" -gt "$mf_end" ]; do
            # Writes that began since then are ended too; in a copy of the namespace, for the keeper's own mount has to stay.
            [ -z "$2" ] || nfs_within 5 nsenter -t "$2" -m unshare -m umount -f "$1" 2>/dev/null
            sleep 0.2
        done
    done
    for mf_unit in $mf_units; do unit_is_empty "$mf_unit" || unit_let_go "$mf_unit"; done
    for mf_unit in $mf_units; do
        systemctl reset-failed "$mf_unit" 2>/dev/null
        systemctl restart "$mf_unit" 9>&- || {
            fact stuck "$mf_unit"
            fact stuck-said "$(journalctl -q -u "$mf_unit" -n 8 --no-pager -o cat | tail -c 600)"
            return 0
        }
    done
}

unit_group() { # unit: the file with its processes
    ug_path=$(systemctl show --value -p ControlGroup "$1")
    [ -z "$ug_path" ] || echo "/sys/fs/cgroup$ug_path/cgroup.procs"
}

unit_is_empty() { # unit: has it no process any more
    ue_file=$(unit_group "$1")
    [ -z "$ue_file" ] || [ -z "$(cat "$ue_file" 2>/dev/null)" ]
}

# unit: what survives SIGKILL is no longer its own, or systemd would wait for it; FPM would take a socket that it holds for
# that of another FPM, and makes all of them again.
unit_let_go() {
    for ul_pid in $(cat "$(unit_group "$1")" 2>/dev/null); do echo "$ul_pid" >/sys/fs/cgroup/cgroup.procs; done 2>/dev/null
    case $1 in *php*) rm -f /run/php/*.sock ;; esac
}

# The machine that stands by.

standby_reload() { # timer
    systemctl daemon-reload && if systemctl -q is-active "$1"; then systemctl restart "$1"; fi
}

standby_age() { # pack: seconds since the copy was last complete, as a fact; nothing for never
    sa_done=$(cat "/var/lib/aegir/standby/$1" 2>/dev/null) || return 1
    sa_age=$(($(date +%s) - sa_done))
    fact age "$sa_age"
}

standby_copy() { # unit
    systemctl start "$1" 9>&- || fail 4620 "the copy was not made: $(journalctl -q -n 5 --no-pager -o cat -u "$1" | tail -c 500)"
}

want_fresh_copy() { # by name: a copy that is older, in seconds, is made again
    takes wf_ pack unit oldest -- "$@"
    if ! standby_age "$wf_pack"; then
        deviates "copy of $wf_pack: never made" || return 0
        standby_copy "$wf_unit"
    elif [ "$sa_age" -gt "$wf_oldest" ]; then
        deviates "copy of $wf_pack: $sa_age s old" || return 0
        standby_copy "$wf_unit"
    fi
}

standby_last() { # pack unit: before this machine exports itself; the other one may be dead
    [ ! -e "/etc/systemd/system/$2" ] || timeout 300 systemctl start "$2" 9>&- 2>/dev/null
    standby_age "$1" || fail 4621 "there is no complete copy of what the pack $1 shares on this machine: nothing was moved to it"
}

# The proof.

want_shared_place() { # path: a directory that is there and answers, where somebody else sees to the mount
    if nfs_within 10 [ -d "$1/" ]; then return 0; fi
    deviates "share $1: no directory" || return 0
    fail 4622 "$1 is no directory here, or does not answer within 10 s. With share: external it has to be mounted before, on every member"
}

want_proof_place() { # path: where aegir may leave a proof; made by the machine whose root may write
    [ "$(nfs_within 10 stat -c %U:%a "$1/.aegir-proof" 2>/dev/null)" != aegir:755 ] || return 0
    deviates "share $1: no place for proofs" || return 0
    nfs_within 10 mkdir -p "$1/.aegir-proof" 2>/dev/null
    nfs_within 10 chown aegir:aegir "$1/.aegir-proof" && nfs_within 10 chmod 755 "$1/.aegir-proof" ||
        fail 4623 "root cannot write into $1 on this machine; on a share of somebody else's, the pack's master needs that (no_root_squash for it alone)"
}

leave_proof() { # path token: as aegir, by its number; a client may remember for half a minute that there was no place for it
    lp_end=$(($(date +%s) + 35))
    until nfs_within 10 [ -d "$1/.aegir-proof" ]; do
        [ "$(date +%s)" -lt "$lp_end" ] ||
            fail 4624 "$1/.aegir-proof is not there, which the pack's master has made: this is another directory, or not mounted. Every member has to see the same one"
        sleep 0.5
    done
    nfs_within 20 runuser -u aegir -- sh -c 'printf "%s\n" "$2" >"$1/.aegir-proof/$2"' sh "$1" "$2" ||
        fail 4625 "aegir cannot write into $1/.aegir-proof: the export is read-only, or gives this account another number. On the NFS server, exportfs -v has to show rw for this machine"
}

find_proof() { # path token: looked for a while, since clients remember for some seconds what was there
    fp_end=$(($(date +%s) + 15))
    until [ "$(nfs_within 10 cat "$1/.aegir-proof/$2" 2>/dev/null)" = "$2" ]; do
        [ "$(date +%s)" -lt "$fp_end" ] || { fact "proof-$2" missing; return 0; }
        sleep 0.2
    done
    fact "proof-$2" "$(nfs_within 10 stat -c %u:%g "$1/.aegir-proof/$2")"
}

remove_proof() { # path token
    nfs_within 10 runuser -u aegir -- rm -f "$1/.aegir-proof/$2"
}
