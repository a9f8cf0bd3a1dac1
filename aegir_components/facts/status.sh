# What runs on a machine, and when a site's cron ran last. Functions only; see facts/status.py for what calls them.

# Times in one form on every systemd, wherever the machine is.
status_show() { # unit properties...
    ss_unit=$1
    shift
    TZ=UTC LC_ALL=C systemctl show "$ss_unit" "$@" 2>/dev/null
}

status_units() { # units...
    for su_unit; do
        fact "unit.$su_unit" "$(systemctl is-active "$su_unit" 2>/dev/null)"
    done
}

status_closed() { # directory names...: why sites are closed by an event, as the facts closed.NAME
    sc_place=$1
    shift
    for sc_name; do
        [ ! -f "$sc_place/$sc_name" ] || fact "closed.$sc_name" "$(head -c 500 "$sc_place/$sc_name")"
    done
}

status_cron() { # directory users...: the directory has the last runs from before a site was disabled
    sc_records=$1
    shift
    for sc_user; do
        [ ! -f "$sc_records/$sc_user.last" ] || fact "before.$sc_user" "$(cat "$sc_records/$sc_user.last")"
        fact "cron.$sc_user" "$(status_show "aegir-cron@$sc_user.service" -p Result -p ActiveState -p ExecMainStartTimestamp)"
        fact "timer.$sc_user" "$(status_show "aegir-cron@$sc_user.timer" -p ActiveState -p LastTriggerUSec)"
    done
}

status_machine() { # what a machine says of itself, as the facts machine.NAME
    fact machine.load "$(cut -d' ' -f1-3 /proc/loadavg) $(nproc)"
    fact machine.memory "$(awk '/^MemTotal/ { t = $2 } /^MemAvailable/ { a = $2 } END { print a, t }' /proc/meminfo)"
    fact machine.up "$(cut -d. -f1 /proc/uptime)"
    fact machine.disk "$(df -Pk / /var/aegir /var/lib/mysql 2>/dev/null | awk 'NR > 1 { print $4, $2, $6 }' | sort -u)"
    # From the lists that are there: nothing is fetched.
    fact machine.packages "$(timeout 20 apt-get -s -o Debug::NoLocking=1 upgrade 2>/dev/null | awk '/^Inst / { n++; if (/[Ss]ecurity/) s++ } END { printf "%d %d", s, n }') $(stat -c %Y /var/lib/apt/lists 2>/dev/null)"
    [ ! -e /run/reboot-required ] || fact machine.reboot yes
    fact machine.mounts "$(findmnt -rno TARGET,FSTYPE,SOURCE -t nfs,nfs4 2>/dev/null)"
}
