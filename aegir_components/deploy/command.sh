# Commands for a site, as the site's own user. Functions only; see deploy/site_command.py for what calls them.

site_users_of() { # user: who uses the site now, by what our commands and the process table say; names and numbers, no arguments
    for su_file in /run/aegir/private/at-work/"$1".*; do
        [ -e "$su_file" ] || continue
        if [ -d "/proc/${su_file##*.}" ]; then cat "$su_file"; else rm -f "$su_file"; fi
    done
    ps -o pid=,comm= -u "$1" 2>/dev/null | grep -v php-fpm | head -n 3 | while read -r su_pid su_name; do
        printf '%s (pid %s) ' "$su_name" "$su_pid"
    done
}

site_turn() { # how user seconds site who: -s beside other commands, -x alone; never while an installer or an update is at work
    private_place && mkdir -p /run/aegir/private/at-work || fail 4522 "no place for locks can be made in /run/aegir ($(room /run))"
    exec 8>>"/run/aegir/private/$2.lock"
    flock "$1" -w "$3" 8 || fail 6501 "the site $4 is in use, and was not free after $3 s: $(site_users_of "$2"). Wait for the end of that, then run the same command again"
    printf '%s, since %s UTC (pid %s) ' "$5" "$(date -u +%H:%M:%S)" "$$" >"/run/aegir/private/at-work/$2.$$"
}

site_turn_over() { # user
    rm -f "/run/aegir/private/at-work/$1.$$"
    exec 8>&-
}

site_is_open() { # user site: an account that is there, and not that of a disabled site
    getent passwd "$1" >/dev/null || fail 6540 "the site $2 has no account here; run pulumi up, which makes it"
    ! grep -q "^$1:[^:]*:[^:]*:[^:]*:[^:]*:[^:]*:[^:]*:1:" /etc/shadow || fail 6541 "the site $2 is disabled, and nothing runs for it. Set state: enabled and run pulumi up"
}

command_tools() { # user: sets bin to the directory of our tools, where php is the one that the site has
    ct_php=$(cat "/var/lib/aegir/php-of/$1" 2>/dev/null) || ct_php=$(php_version)
    bin=/var/lib/aegir/commands/php$ct_php
    mkdir -p "$bin" || fail 4521 "$bin could not be made ($(room /var/lib))"
    [ "$(readlink "$bin/php")" = "/usr/bin/php$ct_php" ] || ln -sfnT "/usr/bin/php$ct_php" "$bin/php" || fail 4521 "$bin/php could not be made"
}

command_tool() { # name base64
    if printf %s "$2" | base64 -d | cmp -s - "$bin/$1"; then return; fi
    printf %s "$2" | base64 -d >"$bin/$1.$$" && chmod 755 "$bin/$1.$$" && mv -f "$bin/$1.$$" "$bin/$1" ||
        fail 4523 "$bin/$1 could not be written ($(room /var/lib))"
}

end_with_the_hub() { # unit: ends it when the hub does not listen any more
    exec 7<&0
    sh -c 'cat >/dev/null; systemctl --no-block stop "$1"' end_with_the_hub "$1.service" <&7 >/dev/null 2>&1 8>&- &
    watcher=$!
    exec 7<&-
}

unit_status() { # unit status: of its main process, by the shell's numbers; also where what that left running did not end
    us_said=" $(systemctl show -p Result -p ExecMainCode -p ExecMainStatus "$1.service" 2>/dev/null | tr '\n' ' ')"
    systemctl -q reset-failed "$1.service" 2>/dev/null 9>&-
    case $us_said in
        *" Result=timeout "*) case $us_said in *" ExecMainCode=1 "*) us_said=${us_said##* ExecMainStatus=} && echo "${us_said%% *}" && return ;; esac ;;
        *" ExecMainCode=2 "* | *" ExecMainCode=3 "*) us_said=${us_said##* ExecMainStatus=} && echo $((128 + ${us_said%% *})) && return ;;
    esac
    echo "$2"
}

command_status() { # unit status: the line that ends a command, for the hub
    kill "$watcher" 2>/dev/null
    printf '\n::ended %s %s\n' "$NONCE" "$1" >&2
}

journal() { # text: a line in this machine's journal
    logger -t aegir -p user.notice -- "$1" 2>/dev/null || :
}

receive_file() { # path checksum: what comes on standard input, in place only when it is the right file
    mkdir -p "${1%/*}" || fail 4521 "${1%/*} could not be made ($(room /var/lib))"
    rf_new=$(mktemp "$1.XXXXXX") || fail 4522 "no file can be made beside $1 ($(room /var/lib))"
    cat >"$rf_new" || { rm -f "$rf_new"; fail 4523 "$1 could not be written ($(room /var/lib))"; }
    [ "$(sha256sum <"$rf_new")" = "$2  -" ] || { rm -f "$rf_new"; fail 6542 "what came for $1 is not the file that was sent"; }
    chmod 644 "$rf_new" && mv -fT "$rf_new" "$1" || fail 4523 "$1 could not be written ($(room /var/lib))"
}

run_unit() { # unit: starts it and waits for its end; the facts result and said
    systemctl start "$1" 9>&- 2>/dev/null
    fact result "$(systemctl show -p Result --value "$1")"
    ru_invocation=$(systemctl show -p InvocationID --value "$1")
    fact said "$(journalctl -q --no-pager -o cat -n 8 "_SYSTEMD_INVOCATION_ID=${ru_invocation:-none}" 2>/dev/null | tail -c 600)"
}
