# Cron of a site, by systemd timers. Functions only; see deploy/cron.py for what calls them.

timer_test() { # timer host: systemd ignores what it cannot read in a unit, and its words on it do not say whose setting it is
    [ -e "$1" ] || return 0
    tt_when=$(sed -n 's/^OnCalendar=//p' "$1")
    tt_said=$(systemd-analyze calendar "$tt_when" 2>&1) && return 0
    printf 'aegir:sites["%s"].cron: %s of this machine does not take it (%s). Write another expression; here this tells what is taken: systemd-analyze calendar "%s"\n' \
        "$2" "$(systemctl --version | sed 's/ (.*//; q')" "$tt_said" "$tt_when"
    return 1
}

timer_reload() { # user
    # A unit that is new is read when it starts; all units of a hundred sites again take a tenth of a second.
    # One that failed, and was taken away and put there again, stays in error until then ("Device or resource busy").
    case $(systemctl show -p NeedDaemonReload -p LoadState --value "aegir-cron@$1.timer" "aegir-cron@$1.service") in
        *yes* | *error*) systemctl daemon-reload || return 1 ;;
    esac
    # A timer that runs keeps the times that it was started with.
    ! systemctl -q is-active "aegir-cron@$1.timer" || systemctl restart "aegir-cron@$1.timer"
}

want_cron_environment() { # path text version: with that PHP, or the machine's usual one
    want_file "$1" root root 644 "$(printf 'AEGIR_PHP=php%s\n%s\n' "${3:-$(php_version)}" "$2" | base64 | tr -d '\n')"
}

keep_last_run() { # user record: systemd forgets the times of a unit that goes
    klr_times=$(
        export TZ=UTC LC_ALL=C
        systemctl show "aegir-cron@$1.service" -p ExecMainStartTimestamp 2>/dev/null
        systemctl show "aegir-cron@$1.timer" -p LastTriggerUSec 2>/dev/null
    )
    case $klr_times in
        # What was recorded before is newer than nothing. A full disk keeps no site enabled.
        *" UTC"*) printf '%s\n' "$klr_times" 2>/dev/null >"$2" || : ;;
    esac
}

want_no_cron() { # user environment timer limits record [keep]: `keep` records the last run, for a site that stays
    wnc_there=
    for wnc_path in "$2" "$3" "${4%/*}"; do
        [ ! -e "$wnc_path" ] || wnc_there=yes
    done
    [ "${6-}" = keep ] || [ ! -e "$5" ] || wnc_there=yes
    [ "$wnc_there" ] || return 0
    deviates "cron of $1: still there" || return 0
    if [ "${6-}" = keep ]; then
        keep_last_run "$1" "$5"
    else
        rm -f "$5" || fail 4524 "the cron of $1 could not be removed"
    fi
    systemctl -q disable --now "aegir-cron@$1.timer" 2>/dev/null 9>&-
    # What runs now may finish; nothing starts it again.
    rm -f "$2" "$3" "$4" || fail 4524 "the cron of $1 could not be removed"
    if ! ls /etc/systemd/system/aegir-cron@*.timer >/dev/null 2>&1; then # with the last site goes what all of them shared
        rm -f /etc/systemd/system/aegir-cron@.service "${2%/*}"/*.php
        rmdir "${2%/*}" 2>/dev/null || :
    fi
    [ ! -d "${4%/*}" ] || rmdir "${4%/*}" 2>/dev/null || :
    systemctl -q reset-failed "aegir-cron@$1.service" 2>/dev/null 9>&-
    systemctl daemon-reload 9>&- || fail 4546 "systemd could not be told that the cron of $1 is removed"
}
