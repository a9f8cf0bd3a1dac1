# What the members of a pack share over NFS. Functions only; see services/nfs.py for what calls them.

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

want_marked() { # path pack moved-from-or-empty: the mark by which a client knows that it sees the right directory
    wm_is=$(cat "$1/.aegir-export" 2>/dev/null)
    # An old copy must not come back as the original: only one that was made for this counts, and it counts once.
    if [ -n "$3" ] && [ ! -s "/var/lib/aegir/standby/$2" ]; then
        deviates "export $1: the files are still at $3" || return 0
        fail 4601 "the pack $2 has its files at $3, and no copy of them was made here for it to move. Make one with all owners (rsync -aH --numeric-ids $3/ $1/), then say so: mkdir -p /var/lib/aegir/standby; date +%s >/var/lib/aegir/standby/$2"
    fi
    [ "$wm_is" != "$2" ] || return 0
    deviates "export $1: its mark is ${wm_is:-missing}, not $2" || return 0
    [ -z "$wm_is" ] || fail 4602 "$1 holds what the pack $wm_is shares; it was left as it is"
    printf '%s\n' "$2" >"$1/.aegir-export" || fail 4523 "$1/.aegir-export could not be written"
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

nfs_leave() { # drop-in: when the last export of ours is gone
    ls /etc/exports.d/aegir-*.exports >/dev/null 2>&1 || want_no_file "$1"
}

# A client.

want_mount() { # path source options mark-or-empty: by fstab and automount, verified as NFS, as the right directory, and as answering
    wm_path=$1 wm_source=$2 wm_mark=$4
    wm_line="$2 $1 nfs4 $3 0 0"
    wm_unit=$(systemd-escape --path --suffix=mount "$1")
    wm_auto=${wm_unit%.mount}.automount
    wm_limit=/etc/systemd/system/$wm_unit.d/aegir.conf
    wm_hung=
    if [ "$(mount_lines "$1")" != "$wm_line" ]; then
        if deviates "mount $1: its line in /etc/fstab is missing or differs"; then mount_anew; fi
    elif ! grep -qsx 'StartLimitIntervalSec=0' "$wm_limit"; then
        if deviates "mount $1: may end for good after some failures, since $wm_limit is missing"; then
            mount_limit
            systemctl daemon-reload 9>&-
        fi
    fi
    if mount_look; then
        [ -z "$wm_hung" ] || mount_free
        return 0
    fi
    deviates "mount $1: $wm_why" || return 0
    # Waiting is enough where the server is only slow to come back: what is blocked goes on by itself.
    [ "$wm_kind" != hung ] || { sleep 10; ! mount_look || return 0; }
    if [ "$wm_kind" != hung ]; then
        # Lazily, for what waits there would keep it for ever.
        mount_off
        systemctl reset-failed "$wm_auto" "$wm_unit" 2>/dev/null
        systemctl restart "$wm_auto" 9>&- || fail 4610 "the automount of $1 does not start: $(mount_words)"
        if mount_look; then
            [ -z "$wm_hung" ] || mount_free
            return 0
        fi
    fi
    mount_fault
}

mount_lines() { # path: what fstab has for it
    awk -v at="$1" '$1 !~ /^#/ && $2 == at' /etc/fstab
}

mount_hangs() { # sets wm_hung
    wm_hung=
    findmnt -n -t nfs4 --mountpoint "$wm_path" >/dev/null 2>&1 || return 0
    nfs_asks 10 "$wm_path" >/dev/null
    [ $? != 137 ] || wm_hung=yes
}

mount_off() { # and the automount, which would bring it back
    [ -z "$wm_hung" ] || mount_keep
    # Before systemd, which would wait for a server that does not answer. By force only then: force ends writes that are under way.
    mo_force=${wm_hung:+-f}
    findmnt -n -t nfs4 --mountpoint "$wm_path" >/dev/null 2>&1 && nfs_within 10 umount $mo_force -l "$wm_path" 2>/dev/null
    # Also a mount that has begun: whoever touched the path after that made the automount ask the old server once more.
    nfs_within 40 systemctl stop "$wm_auto" "$wm_unit" 9>&- 2>/dev/null
    for _ in 1 2 3; do
        findmnt -n --mountpoint "$wm_path" >/dev/null 2>&1 || return 0
        nfs_within 10 umount $mo_force -l "$wm_path" 2>/dev/null
    done
}

# Sets wm_keeper, a process that holds on to the mount in a namespace of its own. The last one that lets go of a mount takes
# leave of the server, and where that does not answer, not even SIGKILL ends it: a worker of PHP would keep its socket for good.
# The keeper asks once a minute, and lets go when there is an answer.
mount_keep() {
    wm_keeper=
    mk_ready=$(scratch_file) || return 0
    systemd-run -q --collect -p TimeoutStopSec=2s unshare -m sh -c '
        echo $$ >"$1"
        # Questions that are ended by force fail as well: only what a server says counts.
        until said=$(LC_ALL=C timeout -s KILL 10 stat -f "$2" 2>&1) || case $said in *Stale*) ;; *) false ;; esac; do sleep 60; done
        umount "$2"' keeper "$mk_ready" "$wm_path" 9>&-
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        wm_keeper=$(cat "$mk_ready")
        [ -z "$wm_keeper" ] || break
        sleep 0.5
    done
    rm -f "$mk_ready"
}

mount_limit() {
    # Otherwise five failures in a row end the automount for good, and the bare directory shows.
    mkdir -p "${wm_limit%/*}" && printf '[Unit]\nStartLimitIntervalSec=0\n' >"$wm_limit" || fail 4523 "$wm_limit could not be written"
}

mount_anew() { # another source, other options, or the first time
    if [ -n "$(findmnt -n --mountpoint "$wm_path" -o FSTYPE 2>/dev/null | grep -vx -e nfs4 -e autofs)" ]; then
        fail 4611 "something else is mounted on $wm_path: $(findmnt -n --mountpoint "$wm_path" -o SOURCE,FSTYPE | tail -n 1). Unmount it first"
    fi
    mount_hangs
    mount_off
    [ -d "$wm_path" ] || mkdir "$wm_path" || fail 4521 "the directory $wm_path could not be made"
    # What a web server is given for releases and sites; empty, it hides nothing.
    chattr -i "$wm_path" 2>/dev/null
    rmdir "$wm_path/.releases" "$wm_path/.sites" 2>/dev/null
    ma_there=$(ls -A "$wm_path" 2>/dev/null | head -n 5 | tr '\n' ' ')
    [ -z "$ma_there" ] || fail 4612 "$wm_path is not empty: a mount would hide what is in it ($ma_there). Move that away first"
    # Nobody, not even root, may write into the bare directory while the mount is missing.
    chown root:root "$wm_path" && chmod 555 "$wm_path" || fail 4521 "the mode of $wm_path could not be set"
    chattr +i "$wm_path" 2>/dev/null
    mount_limit
    ma_new=$(mktemp /etc/.aegir-fstab.XXXXXX) && cp -p /etc/fstab "$ma_new" || fail 4522 "no file can be made in /etc"
    { awk -v at="$wm_path" '$1 ~ /^#/ || $2 != at' /etc/fstab && printf '%s\n' "$wm_line"; } >"$ma_new" && mv -f "$ma_new" /etc/fstab ||
        fail 4523 "/etc/fstab could not be written"
    systemctl daemon-reload 9>&-
    systemctl reset-failed "$wm_auto" "$wm_unit" 2>/dev/null
    systemctl restart "$wm_auto" 9>&- || fail 4610 "the automount of $wm_path does not start: $(mount_words)"
}

mount_free() { # what waits for the server that is gone would wait on, and keep PHP and the web server from all other work
    mf_units=$(systemctl list-units --plain --no-legend --state=active 'apache2.service' 'nginx.service' 'php*-fpm.service' 'aegir-php@*.service' | cut -d' ' -f1)
    # All of them before the first one starts again: they wait for each other's locks.
    for mf_unit in $mf_units; do systemctl kill -s KILL "$mf_unit" 9>&- 2>/dev/null; done
    mf_end=$(($(date +%s) + 30))
    for mf_unit in $mf_units; do
        until unit_is_empty "$mf_unit" || [ "$(date +%s)" -gt "$mf_end" ]; do
            # Writes that began since then are ended too; in a copy of the namespace, for the keeper's own mount has to stay.
            [ -z "$wm_keeper" ] || nfs_within 5 nsenter -t "$wm_keeper" -m unshare -m umount -f "$wm_path" 2>/dev/null
            sleep 0.2
        done
    done
    for mf_unit in $mf_units; do unit_is_empty "$mf_unit" || unit_let_go "$mf_unit"; done
    for mf_unit in $mf_units; do
        systemctl reset-failed "$mf_unit" 2>/dev/null
        systemctl restart "$mf_unit" 9>&- || fail 4616 "$mf_unit does not start again after a mount that hung: $(journalctl -q -u "$mf_unit" -n 8 --no-pager -o cat | tail -c 600). If a process of the former one is in its way, it waits for the NFS server that is gone: restart this machine"
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

mount_words() { journalctl -q -n 4 --no-pager -o cat -u "$wm_auto" -u "$wm_unit" 2>/dev/null | tail -c 400; }

mount_look() { # sets wm_kind and wm_why; only asking the server tells: mountpoint, findmnt and systemctl all say "fine" of a hung mount
    ml_mark=$(nfs_asks "${NFS_PATIENCE:-35}" "$wm_path" && { [ -z "$wm_mark" ] || nfs_within 10 cat "$wm_path/$wm_mark" 2>&1; })
    ml_status=$?
    ml_source=$(findmnt -n -t nfs4 -o SOURCE --mountpoint "$wm_path" 2>/dev/null | tail -n 1)
    if [ "$ml_status" = 137 ] || [ "$ml_status" = 124 ]; then
        wm_kind=hung wm_why="$wm_source does not answer"
    elif [ -z "$ml_source" ]; then
        wm_kind=missing wm_why="$wm_source is not mounted"
    elif [ "$ml_source" != "$wm_source" ]; then
        wm_kind=other wm_why="$ml_source is mounted, not $wm_source"
    elif [ "$ml_status" != 0 ]; then
        wm_kind=stale wm_why="it cannot be read: $ml_mark"
    else
        ml_has=,$(findmnt -n -t nfs4 -o OPTIONS --mountpoint "$wm_path" | tail -n 1),
        for ml_option in rw hard noatime nosuid nodev vers=4.2 lookupcache=pos; do
            case $ml_has in *",$ml_option,"*) ;; *) wm_kind=options wm_why="is mounted without $ml_option"; return 1 ;; esac
        done
        return 0
    fi
    return 1
}

mount_fault() {
    mf_server=${wm_source%%:/*} mf_server=${mf_server#[} mf_server=${mf_server%]}
    if [ "$wm_kind" = hung ]; then
        fail 4613 "$wm_path does not answer: the NFS server $mf_server is down or cannot be reached. What waits for it goes on by itself when it is back, and nothing is lost. If it is up, look at its port 2049 from here. If it is gone for good, declare where its files are now (a pack's failover) and run pulumi up, which frees what waits here"
    fi
    mkdir -p /run/aegir-try
    mf_said=$(nfs_within 40 mount -t nfs4 -o ro,soft,timeo=50,retrans=1,retry=0 "$wm_source" /run/aegir-try 2>&1 | tail -n 1)
    umount -l /run/aegir-try 2>/dev/null
    timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/2049"' bash "$mf_server" 2>/dev/null ||
        mf_said="port 2049 of $mf_server does not answer from here: is nfs-server running there, and does a firewall let this machine in? $mf_said"
    fail 4614 "$wm_source could not be mounted on $wm_path ($wm_why): ${mf_said:-$(mount_words)} On the NFS server, exportfs -v shows to whom it exports"
}

want_no_mount() { # path: takes our mount away; what is on the server stays
    wm_path=$1
    wm_unit=$(systemd-escape --path --suffix=mount "$1")
    wm_auto=${wm_unit%.mount}.automount
    [ -n "$(mount_lines "$1")" ] || return 0
    deviates "mount $1: still there" || return 0
    mount_hangs
    mount_off
    if findmnt -n --mountpoint "$1" >/dev/null 2>&1; then fail 4615 "$1 could not be unmounted"; fi
    wn_new=$(mktemp /etc/.aegir-fstab.XXXXXX) && cp -p /etc/fstab "$wn_new" || fail 4522 "no file can be made in /etc"
    awk -v at="$1" '$1 ~ /^#/ || $2 != at' /etc/fstab >"$wn_new" && mv -f "$wn_new" /etc/fstab || fail 4523 "/etc/fstab could not be written"
    rm -rf "/etc/systemd/system/$wm_unit.d"
    systemctl daemon-reload 9>&-
    chattr -i "$1" 2>/dev/null
    chmod 755 "$1"
    [ -z "$wm_hung" ] || mount_free
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

want_fresh_copy() { # pack unit seconds
    if ! standby_age "$1"; then
        deviates "copy of $1: never made" || return 0
        standby_copy "$2"
    elif [ "$sa_age" -gt "$3" ]; then
        deviates "copy of $1: $sa_age s old" || return 0
        standby_copy "$2"
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
