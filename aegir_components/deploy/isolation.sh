# PHP-FPM masters of a site's own. Functions only; see deploy/isolation.py for what calls them.

want_fpm_process() { # user configuration base64-content unit limits version: tested before it is in place; a change is a reload, of its unit a restart
    fp_php=${6:-$(php_version)}
    fp_unit=$(printf '%s\n' "# Written by aegir." "[Unit]" "Description=PHP of the site $1" "After=network.target" "" \
        "[Service]" "Type=notify" "ExecStart=/usr/sbin/php-fpm$fp_php --nodaemonize -d apc.enabled=1 --fpm-config $2" \
        'ExecReload=/bin/kill -USR2 $MAINPID' "KillSignal=SIGQUIT" "TimeoutStopSec=70" "Restart=on-failure" "PrivateTmp=yes" "$5" "" "[Install]" "WantedBy=multi-user.target" |
        base64 | tr -d '\n')
    fp_before=$DRIFTS
    if [ "$MODE" = apply ]; then
        fp_try=$(scratch_file) || no_scratch
        printf %s "$3" | base64 -d >"$fp_try"
        fp_said=$("php-fpm$fp_php" -t --fpm-config "$fp_try" 2>&1) || {
            rm -f "$fp_try"
            fail 4562 "PHP-FPM rejects the configuration of $1: $(printf %s "$fp_said" | tail -c 400)"
        }
        rm -f "$fp_try"
    fi
    want_file "$2" root root 644 "$3"
    fp_own=$DRIFTS fp_same=$(unit_without_limits "$4")
    want_file "$4" root root 644 "$fp_unit"
    if [ "$MODE" = apply ] && [ "$DRIFTS" != "$fp_before" ]; then
        systemctl daemon-reload 9>&-
        if systemctl -q is-active "aegir-php@$1.service"; then
            # A reload starts the same program with the same words again; systemd gives new limits to what runs.
            fp_how=reload
            [ "$fp_same" = "$(unit_without_limits "$4")" ] || fp_how=restart
            [ "$fp_how $fp_own" = "reload $fp_before" ] ||
            fpm_renewed "aegir-php@$1.service" systemctl $fp_how "aegir-php@$1.service" 9>&- || fail 4561 "the PHP of $1 could not read its configuration again"
        fi
    fi
    want_service "aegir-php@$1.service"
}

unit_without_limits() { # path
    grep -vE '^(CPU|Memory|Tasks|OOM|Slice=)' "$1" 2>/dev/null
}

sites_active_before() { # path test reload unit: where this is still there, requests go on to it until the web server reloads
    [ "$MODE" != apply ] || [ ! -e "$1" ] || [ ! -e /run/aegir/reload ] || {
        [ ! -e "/run/aegir/reload/php$(php_version)-fpm" ] || activate fpm_test fpm_reload "php$(php_version)-fpm"
        activate_php_beside activate
        activate "$2" "$3" "$4"
        # The web server's old processes end after what they are at, and that may be on its way to here.
        sleep 1
    }
}

want_only_pool() { # file-name path-or-empty [test reload unit]: no other version of PHP has the site's pool
    for op_path in /var/aegir/config/php-fpm/pool*.d/"$1"; do
        [ -e "$op_path" ] && [ "$op_path" != "$2" ] || continue
        [ -z "${3-}" ] || sites_active_before "$op_path" "$3" "$4" "$5"
        deviates "file $op_path: still there" || continue
        rm -f "$op_path" || fail 4524 "$op_path could not be removed"
        op_version=${op_path#/var/aegir/config/php-fpm/pool} op_version=${op_version%.d/*} op_version=${op_version#-}
        op_version=${op_version:-$(php_version)}
        case $op_version in "$(php_version)") fpm_later ;; *) fpm_later_of "$op_version" ;; esac ||
            fail 4546 "the reload of PHP $op_version could not be planned"
    done
}

want_no_fpm_process() { # user configuration unit
    [ -e "$2" ] || [ -e "$3" ] || return 0
    deviates "PHP of $1: a master of its own is still there" || return 0
    systemctl -q disable --now "aegir-php@$1.service" 2>/dev/null 9>&-
    rm -f "$2" "$3" && systemctl daemon-reload 9>&- || fail 4524 "the PHP of $1 could not be removed"
}

forget_in_memory() { # user: what its PHP keeps in memory (APCu) goes with the processes; requests end with what they have
    [ "$MODE" = apply ] && systemctl -q is-active "aegir-php@$1.service" || return 0
    fpm_renewed "aegir-php@$1.service" systemctl reload "aegir-php@$1.service" 9>&- || fail 4561 "the PHP of $1 could not be reloaded"
}
