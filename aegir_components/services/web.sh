# Web server and PHP-FPM on their machine. Functions only; see services/apache.py and services/php.py for what calls them.

apache_test() { apache2ctl -t; }

apache_vhost_test() { # file: all but the other vhosts, which passed their own test: a hundred sites take two and a half times as long
    apache2ctl -D AEGIR_ONE_VHOST -c "IncludeOptional $1" -t
}

# apache_reload: graceful, running requests end with the configuration that they began with. The reload itself returns before
# Apache has read anything: it is over when a new process of it takes connections, and the former ones take no more.
apache_reload() {
    ap_old=$(children_of apache2)
    reload_unit apache2 '/usr/sbin/apachectl ; argv[]=/usr/sbin/apachectl graceful' USR1 || return 1
    ap_end=$(($(date +%s) + 30))
    until [ -z "$ap_old" ] || apache_has_new "$ap_old"; do
        systemctl -q is-active apache2 || { echo "Apache has ended at its reload: $(tail -n 3 /var/log/apache2/error.log 2>&1)"; return 1; }
        [ "$(date +%s)" -lt "$ap_end" ] || { echo "Apache has not started again: $(tail -n 3 /var/log/apache2/error.log 2>&1)"; return 1; }
        sleep 0.05
    done
    # Not for ever: a process that serves one request at a time (prefork) hears of it when this request ends.
    ap_end=$(($(date +%s) + 5))
    while apache_listens $ap_old && [ "$(date +%s)" -lt "$ap_end" ]; do sleep 0.05; done
    rm -f /run/aegir/reload/apache2
}

apache_has_new() { # former processes
    for hn_pid in $(children_of apache2); do
        case " $1 " in *" $hn_pid "*) ;; *) return 0 ;; esac
    done
    return 1
}

apache_listens() { # pid...: one of them still takes connections
    al_sockets=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { print "socket:[" $10 "]" }')
    for al_pid in "$@"; do
        ! find "/proc/$al_pid/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null | grep -qxF "$al_sockets" || return 0
    done
    return 1
}

children_of() { # unit: the processes that its main process has started, on one line
    co_main=$(systemctl show -p MainPID --value "$1")
    cat "/proc/${co_main:-0}/task/${co_main:-0}/children" 2>/dev/null
}

fpm_test() { "php-fpm$(php_version)" -t; }
fpm_test_of() (export PHP="$1" && fpm_test)
fpm_reload_of() (export PHP="$1" && fpm_reload)
fpm_later_of() (export PHP="$1" && fpm_later)

fpm_pool_test() { # file version: this pool alone. FPM reads its files byte by byte: all pools of a hundred sites take a tenth of a second
    [ -e "$1" ] || return 0
    pt_try=$(scratch_file) || return 1
    printf '[global]\ninclude=%s\n' "$1" >"$pt_try"
    "php-fpm${2:-$(php_version)}" -t -y "$pt_try"
    pt_status=$?
    rm -f "$pt_try"
    return $pt_status
}

fpm_reload() { # and wait for the sockets of new pools: the web server is told of them next
    fpm_renewed "php$(php_version)-fpm" reloads_unit "php$(php_version)-fpm" || return 1
    systemctl -q is-active "php$(php_version)-fpm" || return 0
    fr_end=$(($(date +%s) + 15))
    for fr_socket in $(sed -n 's/^include=\(\/var\/aegir\/.*\)$/\1/p' "/etc/php/$(php_version)/fpm/pool.d/zz-aegir.conf" 2>/dev/null |
        while read -r fr_files; do cat $fr_files 2>/dev/null; done | sed -n 's/^listen = //p'); do
        until [ -S "$fr_socket" ]; do
            [ "$(date +%s)" -lt "$fr_end" ] || { echo "PHP-FPM does not listen on $fr_socket after its reload"; return 1; }
            sleep 0.05
        done
    done
}

# fpm_renewed UNIT COMMAND...: reloads PHP-FPM by the command, and waits until its master has started again. It hears of a reload
# a moment later, and until then former workers answer by the former configuration: whoever asks a site would take it for well.
fpm_renewed() {
    fn_pid=$(systemctl show --value -p MainPID "$1")
    fn_was=$(fpm_start_of "$fn_pid")
    shift
    "$@" || return 1
    # Requests that run have a minute to end (RELOAD_GRACE in services/php.py), and new ones wait for as long.
    fn_end=$(($(date +%s) + 90))
    until [ -z "$fn_was" ] || [ "$(fpm_start_of "$fn_pid")" != "$fn_was" ]; do
        [ "$(date +%s)" -lt "$fn_end" ] || { echo "PHP-FPM has not started again 90 seconds after its reload"; return 1; }
        sleep 0.05
    done
}

fpm_start_of() { # pid: what is drawn by each start of a program, also in the same process; nothing where nothing is drawn
    [ "$(cat /proc/sys/kernel/randomize_va_space)" = 0 ] || cksum "/proc/$1/auxv" 2>/dev/null
}

reloads_unit() { # unit [command signal]
    reload_unit "$@" && rm -f "/run/aegir/reload/$1"
}

# reload_unit UNIT [COMMAND SIGNAL]: one that is not running reads its configuration when it starts. SIGNAL is for a unit whose
# only command for a reload is COMMAND, the distribution's own: that reads all vhosts twice more before it sends the same
# signal. An owner's own command runs as it is, and so does any when our test is not of this moment: Apache that reads
# something wrong ends.
reload_unit() {
    ru_is=$(systemctl show -p ActiveState,MainPID,ExecReload "$1") || return 1
    case $ru_is in *ActiveState=active* | *ActiveState=reloading*) ;; *) return 0 ;; esac
    ru_pid=0
    case $ru_is in
        *ExecReload=*ExecReload=*) ;;
        *"ExecReload={ path=${2:-none} ; ignore_errors="*)
            [ -n "$STALE_TEST" ] || ru_pid=$(printf '%s\n' "$ru_is" | sed -n 's/^MainPID=//p')
            ;;
    esac
    if [ "${ru_pid:-0}" != 0 ]; then kill -s "$3" "$ru_pid"; else systemctl reload "$1"; fi
}
STALE_TEST=

# Sites come by the dozen, and each reload costs every one of them its idle processes: what is new waits for one reload that
# comes after all of them (see providers/activation.py). Should nobody come back for it, the machine does it by itself.
apache_later() { reload_later apache2 "apache2ctl -t"; }
nginx_later() { reload_later nginx "nginx -t"; }
fpm_later() { reload_later "php$(php_version)-fpm" "php-fpm$(php_version) -t"; }

reload_later() { # unit test
    [ ! -e "/run/aegir/reload/$1" ] || return 0
    mkdir -p /run/aegir/reload || return 1
    # The service as well: one whose time has come waits for the lock that we hold, and keeps the name.
    systemctl -q stop "aegir-reload-$1.timer" "aegir-reload-$1.service" 2>/dev/null
    # From a file: what systemd 252 escapes in a transient unit's file, "$" and ";", a daemon-reload reads with the backslash.
    printf '[ -e "/run/aegir/reload/%s" ] || exit 0\n%s && systemctl reload %s\nrm -f "/run/aegir/reload/%s"\n' "$1" "$2" "$1" "$1" \
        >"/run/aegir/later-$1" || return 1
    systemd-run -q --collect --unit="aegir-reload-$1" --on-active=90 --timer-property=AccuracySec=1 \
        flock /run/aegir/private/lock sh "/run/aegir/later-$1" 9>&- || return 1
    : >"/run/aegir/reload/$1"
}

reloads_that_wait() { RELOADS_THAT_WAIT=" $(ls /run/aegir/reload 2>/dev/null | tr '\n' ' ')"; }
RELOADS_THAT_WAIT=

activate_new() { # test reload unit: not one that waited before this run, which comes after the sites: they may repair what stops it
    case $MODE$RELOADS_THAT_WAIT in "apply "*" $3 "* | "apply $3 "*) return 0 ;; esac
    activate "$@"
}

activate() { # test reload unit...: the pending reload, if there is one
    for ac_unit in $3; do
        [ -e "/run/aegir/reload/$ac_unit" ] || continue
        deviates "$ac_unit: a change waits for its reload" reload "$ac_unit" || continue
        ac_said=$($1 2>&1) || fail 4542 "the configuration does not pass the server's own test; no reload: $(printf %s "$ac_said" | tail -c 600)"
        ac_said=$($2 2>&1 9>&-) || fail 4545 "the reload of $ac_unit failed: $(printf %s "$ac_said" | tail -c 600)"
    done
}

sites_follow_php() { # what names the usual version by itself: cron of sites that take no version by name, and masters of their own
    for sf_file in /var/aegir/config/cron/*.env /etc/systemd/system/aegir-php@*.service; do
        sf_user=${sf_file##*[/@]} sf_user=${sf_user%.*}
        [ -e "$sf_file" ] && [ ! -e "/var/lib/aegir/php-of/$sf_user" ] || continue
        sed -i "s|^AEGIR_PHP=.*|AEGIR_PHP=php$(php_version)|; s|^ExecStart=/usr/sbin/php-fpm[0-9.]* |ExecStart=/usr/sbin/php-fpm$(php_version) |" \
            "$sf_file" || fail 4561 "$sf_file could not be given the other PHP"
        case $sf_file in *.env) continue ;; esac
        systemctl daemon-reload 9>&- && systemctl try-restart "${sf_file##*/}" 9>&- || fail 4561 "${sf_file##*/} could not be started with the other PHP"
    done
}

want_database_clients() { # base64-content: for programs that sites' owners run, such as wp db export
    # From 11.4 on MariaDB's clients demand TLS with a certificate that they can check, of servers that offer none as well.
    mariadb --version 2>/dev/null | grep -Eq '(from|Distrib) (11\.([4-9]|[1-9][0-9])|1[2-9])\.' || return 0
    [ ! -d /etc/mysql/mariadb.conf.d ] || want_file /etc/mysql/mariadb.conf.d/99-aegir-client.cnf root root 644 "$1"
}

want_mail_agent() { # any agent that is there stays; exim4 as Debian ships it delivers locally and listens on loopback only
    [ ! -x /usr/sbin/sendmail ] || return 0
    deviates "packages missing: a mail transfer agent" || return 0
    apt_install exim4-daemon-light
}

activate_php_beside() { # activate: the same for the versions of PHP beside the usual one
    for ab_unit in /run/aegir/reload/php*-fpm; do
        ab_version=${ab_unit##*/php} ab_version=${ab_version%-fpm}
        [ -e "$ab_unit" ] && [ "$ab_version" != "$(php_version)" ] || continue
        "$1" "fpm_test_of $ab_version" "fpm_reload_of $ab_version" "php$ab_version-fpm"
    done
}

refuse_vhosts() { # directory
    rv_here=$(ls "$1" 2>/dev/null | tr '\n' ' ')
    [ -z "$rv_here" ] || fail 4560 "sites are still on this server: $rv_here. Remove or move them first"
}

nginx_test() { nginx -t; }

nginx_reload() { # and wait until the old workers take no more connections: the reload itself returns before there are new ones
    nr_old=$(children_of nginx)
    reload_unit nginx "/usr/sbin/nginx ; argv[]=/usr/sbin/nginx -g daemon on; master_process on; -s reload" HUP || return 1
    nr_end=$(($(date +%s) + 30))
    for nr_pid in $nr_old; do
        while nginx_accepts "$nr_pid"; do
            # Its main process says yes to a reload, and keeps the old configuration when it cannot have a port, say.
            [ "$(date +%s)" -lt "$nr_end" ] || { echo "nginx keeps its old configuration: $(tail -n 3 /var/log/nginx/error.log 2>&1)"; return 1; }
            sleep 0.05
        done
    done
    rm -f /run/aegir/reload/nginx
}

nginx_accepts() { # pid: a worker that is told to go says so in its title
    [ "$(2>/dev/null tr -d '\0' <"/proc/$1/cmdline")" = 'nginx: worker process' ]
}

want_web_server_gone() { # unit link main root: a server has one of our web servers; the other one's leftovers go
    wg_ours=
    [ ! -L "$2" ] || [ "$(readlink "$2")" != "$3" ] || wg_ours=yes
    [ ! -e "$3" ] || wg_ours=yes
    case $UNITS in *"${NL}Id=$1.service${NL}ActiveState=inactive$NL"*) [ -n "$wg_ours" ] || return 0 ;; esac
    [ -n "$wg_ours" ] || ! systemctl -q is-active "$1" || ! systemctl -q is-enabled "$1" || wg_ours=port
    [ -n "$wg_ours" ] || return 0
    deviates "web server $1: still there" || return 0
    systemctl -q disable --now "$1" 9>&- || fail 4540 "$1 could not be stopped"
    [ "$wg_ours" = yes ] || return 0
    rm -f "$2" "$3" "$4"/vhost.d/*.conf "$4"/platform.d/*.conf
}

want_default_certificate() { # directory: self-signed, for names that nobody declared; renewed before it ends
    openssl x509 -in "$1/openssl.crt" -noout -checkend 2592000 >/dev/null 2>&1 && [ -s "$1/openssl.key" ] && return 0
    deviates "certificate $1: missing or expiring" || return 0
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 -subj /CN=aegir-default.invalid \
        -keyout "$1/openssl.key.new" -out "$1/openssl.crt.new" >/dev/null 2>&1 &&
        chmod 600 "$1/openssl.key.new" && mv -f "$1/openssl.key.new" "$1/openssl.key" && mv -f "$1/openssl.crt.new" "$1/openssl.crt" ||
        fail 4563 "no self-signed certificate could be made in $1"
}

php_offered() { # version: no site's PHP changes before the machine is known to have the new one
    ! apt-cache show "php$1-fpm" >/dev/null 2>&1 || return 0
    APT_LOG=$(scratch_file) || no_scratch
    apt_update
    rm -f "$APT_LOG"
    apt-cache show "php$1-fpm" >/dev/null 2>&1 ||
        fail 4512 "PHP $1 is not in this machine's package sources; they have: $(apt-cache pkgnames php | sed -n 's/^php\([0-9.]*\)-fpm$/\1/p' | sort -uV | tr '\n' ' '). Write one of these as services.web.php of this server in the stack file, or add a source that has it (https://packages.sury.org/php/ for Debian, ppa:ondrej/php for Ubuntu), and run pulumi up"
}

want_php() { # version-or-empty packages...: the version is remembered for all that comes later
    wp_wanted=$1 wp_changed=
    shift
    if [ "$MODE" = apply ]; then
        missing_packages " $(package_states "$@") " "$@"
        for wp_name in $wp_missing; do
            case $wp_name in php[0-9]*-fpm) wp_name=${wp_name%-fpm} && php_offered "${wp_name#php}" ;; esac
        done
    fi
    [ "$(cat /var/lib/aegir/php 2>/dev/null)" = "$wp_wanted" ] || {
        if deviates "PHP version: not ${wp_wanted:-that of the distribution}"; then
            mkdir -p /var/lib/aegir && printf %s "$wp_wanted" >/var/lib/aegir/php
            wp_changed=yes
        fi
    }
    want_packages "$@"
    [ -z "$wp_changed" ] || sites_follow_php
    # Nothing restarts while packages are installed, so PHP that runs does not have its new extension yet.
    if [ -n "$wp_missing" ] && [ "$MODE" = apply ] && systemctl -q is-active "php$(php_version)-fpm"; then
        fpm_later || fail 4546 "the reload of PHP-FPM could not be planned"
        # Sites with a master of their own; systemd takes only those that run.
        systemctl reload 'aegir-php@*.service' 9>&- 2>/dev/null || :
    fi
}

want_unit_part() { # path content: of a unit's configuration; systemd gives new limits to what runs
    [ "$MODE" != apply ] || mkdir -p "${1%/*}" || fail 4521 "${1%/*} could not be made"
    up_before=$DRIFTS
    want_file "$1" root root 644 "$2"
    [ "$MODE" != apply ] || [ "$DRIFTS" = "$up_before" ] || systemctl daemon-reload 9>&- || fail 4546 "systemd could not read $1"
}

want_declared_limits() { # unit: what somebody set by `systemctl set-property` is undone
    for dl_path in "/etc/systemd/system.control/$1.d" "/run/systemd/system.control/$1.d"; do
        [ -d "$dl_path" ] || continue
        deviates "limits of $1: changed by systemctl set-property, in $dl_path" || continue
        rm -rf "$dl_path" && systemctl daemon-reload 9>&- || fail 4524 "$dl_path could not be removed"
    done
}

want_fpm_limits() { # version-or-empty content processes: of the master that pools share; what runs has them at once, without a reload
    fl_version=${1:-$(php_version)} fl_before=$DRIFTS
    want_unit_part "/etc/systemd/system/php$fl_version-fpm.service.d/aegir.conf" "$2"
    want_declared_limits "php$fl_version-fpm.service"
    [ "$MODE" = apply ] && [ "$DRIFTS" != "$fl_before" ] || return 0
    fl_main=$(systemctl show -p MainPID --value "php$fl_version-fpm.service")
    [ "${fl_main:-0}" != 0 ] || return 0
    # The master as well: a reload starts it again with the limits that it has. A container may neither raise a limit nor change
    # those of another user's processes: there they count from the master's next start, or a pool's next process.
    for fl_pid in "$fl_main" $(pgrep -P "$fl_main"); do
        prlimit --pid "$fl_pid" --nproc="$3:$3" 2>/dev/null || :
        { echo 300 >"/proc/$fl_pid/oom_score_adj"; } 2>/dev/null || :
    done
}

want_no_fpm_limits() { # slice
    for nl_path in /etc/systemd/system/php*-fpm.service.d/aegir.conf "$1"; do
        [ -e "$nl_path" ] || continue
        deviates "file $nl_path: still there" || continue
        rm -f "$nl_path" && systemctl daemon-reload 9>&- || fail 4524 "$nl_path could not be removed"
        rmdir "${nl_path%/*}" 2>/dev/null || :
    done
}

want_php_only() { # versions...: beside the usual one; another one keeps the pools of its sites until they leave, and no others
    for po_file in /etc/php/*/fpm/pool.d/zz-aegir.conf; do
        po_version=${po_file#/etc/php/} po_version=${po_version%%/*}
        [ -e "$po_file" ] || continue
        case " $(php_version) $* " in *" $po_version "*) continue ;; esac
        php_leaves "$po_version" "$po_file"
    done
    # One that had the usual pools, and has its own sites' only from now on.
    for po_version; do
        po_file=/etc/php/$po_version/fpm/pool.d/zz-aegir.conf
        ! grep -qs '^include=/var/aegir/config/php-fpm/pool\.d/' "$po_file" || php_gives_up_usual "$po_version" "$po_file"
    done
}

php_leaves() { # version file
    if ls "/var/aegir/config/php-fpm/pool-$1.d/"*.conf >/dev/null 2>&1; then
        ! grep -q '^include=/var/aegir/config/php-fpm/pool\.d/' "$2" || php_gives_up_usual "$1" "$2"
        return 0
    fi
    deviates "PHP $1: our pools are still in it" || return 0
    rm -f "$2" "/etc/php/$1/fpm/conf.d/99-aegir.ini" "/etc/systemd/system/php$1-fpm.service.d/aegir.conf" && php_reads_again "$1"
    rmdir "/etc/systemd/system/php$1-fpm.service.d" 2>/dev/null || :
}

php_gives_up_usual() { # version file
    deviates "PHP $1: has the usual pools" || return 0
    sed -i '\|^include=/var/aegir/config/php-fpm/pool\.d/|d' "$2" && php_reads_again "$1"
}

php_reads_again() { # version: a master without any pool would end by itself
    systemctl -q is-active "php$1-fpm" || return 0
    if fpm_test_of "$1" >/dev/null 2>&1; then
        # Its sockets are free when it has ended what it was at.
        fpm_renewed "php$1-fpm" systemctl reload "php$1-fpm" 9>&- || fail 4561 "PHP $1 could not read its configuration again"
    else
        systemctl -q disable --now "php$1-fpm" 9>&- || fail 4540 "PHP $1 could not be stopped"
    fi
}

want_apache_modules() { # names...: modules that we enabled and no longer want go again, the owner's stay
    am_record=/var/lib/aegir/apache-modules
    [ "$MODE" != apply ] || remember "$am_record"
    for am_old in $(cat "$am_record" 2>/dev/null); do
        case " $* " in *" $am_old "*) continue ;; esac
        want_no_file "/etc/apache2/mods-enabled/$am_old.load"
        want_no_file "/etc/apache2/mods-enabled/$am_old.conf"
        [ "$MODE" != apply ] || sed -i "/^$am_old\$/d" "$am_record"
    done
    for am_name; do
        if [ "$MODE" = apply ] && [ ! -e "/etc/apache2/mods-enabled/$am_name.load" ]; then
            grep -qx "$am_name" "$am_record" 2>/dev/null || echo "$am_name" >>"$am_record"
        fi
        want_link "/etc/apache2/mods-enabled/$am_name.load" "../mods-available/$am_name.load"
        [ ! -e "/etc/apache2/mods-available/$am_name.conf" ] ||
            want_link "/etc/apache2/mods-enabled/$am_name.conf" "../mods-available/$am_name.conf"
    done
}

want_no_empty_records() { # a record of what we enabled goes when all of that is gone, and what sites trusted databases by
    [ "$MODE" = apply ] || return 0
    [ -s /var/lib/aegir/apache-modules ] || rm -f /var/lib/aegir/apache-modules
    rm -f /var/lib/aegir/database-ca/*.crt
    rmdir /var/lib/aegir/database-ca 2>/dev/null || :
}

want_no_default_site() { # only Debian's own link goes, and it comes back when the server leaves the farm
    [ "$(readlink /etc/nginx/sites-enabled/default)" = /etc/nginx/sites-available/default ] || return 0
    [ "$MODE" != apply ] || : >/var/lib/aegir/nginx-default-site
    want_no_file /etc/nginx/sites-enabled/default
}

want_default_site_back() {
    [ -e /var/lib/aegir/nginx-default-site ] || return 0
    want_link /etc/nginx/sites-enabled/default /etc/nginx/sites-available/default
    # With the link: a change that is undone leaves the note that there is something to bring back.
    want_no_file /var/lib/aegir/nginx-default-site
}
