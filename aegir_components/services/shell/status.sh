# What runs on a machine, and when a site's cron ran last. Functions only; see services/status.py for what calls them.

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

status_cron() { # users...
    for sc_user; do
        fact "cron.$sc_user" "$(status_show "aegir-cron@$sc_user.service" -p Result -p ActiveState -p ExecMainStartTimestamp)"
        fact "timer.$sc_user" "$(status_show "aegir-cron@$sc_user.timer" -p ActiveState -p LastTriggerUSec)"
    done
}
