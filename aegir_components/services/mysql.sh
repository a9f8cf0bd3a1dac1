# MySQL or MariaDB on its own machine. Functions only; see services/mysql.py for what calls them.

mysql_file() { # ours, in the directory that the server reads: by name after Debian's 50-server.cnf, or Ubuntu's mysqld.cnf
    # Not by what directories there are: MariaDB's client brings its own beside a server that is MySQL.
    if [ "$(mysql_unit)" = mariadb ]; then echo /etc/mysql/mariadb.conf.d/99-aegir.cnf; else echo /etc/mysql/mysql.conf.d/zz-aegir.cnf; fi
}

mysql_unit() {
    if systemctl -q cat mariadb.service >/dev/null 2>&1; then echo mariadb; else echo mysql; fi
}

mysql_server() { # any server that is there stays
    installed mysql-server || installed mysql-community-server || want_packages mariadb-server
}

mysql_root() {
    mysql --protocol=socket --user=root --batch --skip-column-names --default-character-set=utf8mb4 "$@"
}

mysql_listening() { # port: true when the running server listens everywhere on it; says in ml_said what it does
    ml_said=$(mysql_root -e 'SELECT CONCAT(@@bind_address, " ", @@port, " ", @@skip_networking + 0)' 2>&1) || return 2
    case $ml_said in
        "0.0.0.0 $1 0" | "* $1 0" | ":: $1 0") return 0 ;;
    esac
    return 1
}

want_mysql_listening() { # port
    mysql_listening "$1"
    case $? in
        0) return 0 ;;
        2)
            deviates "database: root cannot log in through the local socket" || return 0
            fail 5030 "root cannot log in through the database's local socket: $ml_said. Give root the plugin unix_socket (MariaDB) or auth_socket (MySQL), as Debian ships it"
            ;;
    esac
    deviates "database: bind-address, port, skip-networking are $ml_said, not 0.0.0.0 $1 0" || return 0
    # A server reads these when it starts, and only then.
    systemctl restart "$(mysql_unit)" 9>&- ||
        fail 5031 "the database server does not start again: $(journalctl -q -u "$(mysql_unit)" -n 5 --no-pager -o cat | tail -c 500)"
    mysql_listening "$1" ||
        fail 5032 "the database server still has bind-address, port, skip-networking $ml_said after its restart: another file under /etc/mysql sets them after ours"
}

want_own_account() { # account holder: no other stack's, which would lose its password to us
    oa_file=/var/lib/aegir/database-accounts/$1
    oa_is=$(cat "$oa_file" 2>/dev/null)
    [ "$oa_is" != "$2" ] || return 0
    if [ -n "$oa_is" ] && [ -e "/var/lib/aegir/entries/$(printf %s "$oa_is" | tr / %)" ]; then
        deviates "account $1: is the stack $oa_is's" || return 0
        fail 5033 "the account $1 is the one that the hub of the stack $oa_is has on this database server; it keeps its password. Give this stack one of its own, with another admin: {name: …} at its database service. If $oa_is is gone for good, or was renamed, remove $oa_file"
    fi
    [ "$MODE" != apply ] || { mkdir -p "${oa_file%/*}" && printf '%s\n' "$2" >"$oa_file"; } || fail 4523 "$oa_file could not be written"
}

want_own_authority() { # directory holder: a server shows one certificate; another stack's clients would not know ours
    aw_is=$(cat "$1/stack" 2>/dev/null)
    [ "$aw_is" != "$2" ] || return 0
    if [ -n "$aw_is" ] && [ -e "/var/lib/aegir/entries/$(printf %s "$aw_is" | tr / %)" ]; then
        deviates "certificate of the database: is of the stack $aw_is's authority" || return 0
        fail 5034 "the certificate of this database server is of the authority of the stack $aw_is, whose sites verify it. Nothing was changed. Write tls: offered here, or reach the server as somebody else's: connection: none, with an admin and that authority's file ($1/ca.crt here)"
    fi
    [ "$MODE" != apply ] || { mkdir -p "$1" && printf '%s\n' "$2" >"$1/stack"; } || fail 4523 "$1/stack could not be written"
}

want_mysql_file() { # directory holder base64 base64-with-TLS: a certificate that another stack brought stays, also when that goes
    mf_is=$(cat "$1/stack" 2>/dev/null) mf_text=$3
    if [ -n "$mf_is" ] && [ "$mf_is" != "$2" ]; then mf_text=$4; fi
    want_file "$(mysql_file)" root root 644 "$mf_text"
}

leave_database() { # account holder base64-SQL directory: another stack's account stays, and what stacks share goes with the last one
    ld_file=/var/lib/aegir/database-accounts/$1
    case $(cat "$ld_file" 2>/dev/null) in '' | "$2") ;; *) return 0 ;; esac
    ! systemctl -q is-active "$(mysql_unit)" || mysql_statements "$3" removed
    rm -f "$ld_file"
    rmdir "${ld_file%/*}" 2>/dev/null || :
    rm -f "/var/lib/aegir/services/database/$(printf %s "$2" | tr / %)"
    rmdir /var/lib/aegir/services/database /var/lib/aegir/services 2>/dev/null || :
    for ld_entry in /var/lib/aegir/entries/*; do
        [ ! -e "$ld_entry" ] || [ "${ld_entry##*/}" = "$(printf %s "$2" | tr / %)" ] || return 0
    done
    want_no_file "$(mysql_file)"
    # The server that runs has read them; the next one is without our file.
    for ld_name in server.key server.crt ca.crt stack; do want_no_file "$4/$ld_name"; done
    [ ! -d "$4" ] || rmdir "$4" 2>/dev/null || :
}

mysql_statements() { # base64-SQL made-or-removed
    ms_said=$(printf %s "$1" | base64 -d | mysql_root 2>&1) && return 0
    # The server quotes the statement after "near", and with it perhaps a password.
    fail 5035 "the administrator's account could not be $2: $(printf %s "$ms_said" | sed "s/near '.*//")"
}

want_mysql_certificate() { # directory names...: the hub's own, valid for a month more, for each name
    wm_dir=$1
    shift
    wm_why=
    for wm_name; do
        case $wm_name in *[!0-9.]*) wm_how=-checkhost ;; *) wm_how=-checkip ;; esac
        case $wm_name in *:*) wm_how=-checkip ;; esac
        openssl x509 -in "$wm_dir/server.crt" -noout "$wm_how" "$wm_name" 2>/dev/null | grep -q 'does match' || wm_why="not for $wm_name"
    done
    openssl x509 -in "$wm_dir/server.crt" -noout -checkend 2592000 >/dev/null 2>&1 || wm_why="expiring or missing"
    openssl verify -CAfile "$wm_dir/ca.crt" "$wm_dir/server.crt" >/dev/null 2>&1 || wm_why="not from the hub's authority"
    [ "$(stat -c %U:%a "$wm_dir/server.key" 2>/dev/null)" = mysql:400 ] || wm_why="its key is missing or open"
    [ -n "$wm_why" ] || return 0
    # The hub issues it and sends it in the next step: in apply mode this says that one is needed.
    [ "$MODE" = apply ] || deviates "certificate of the database: $wm_why"
    fact certificate wanted
}

mysql_tls_on() { # directory: true when the running server uses the certificate that is there
    [ "$(mysql_root -e 'SELECT @@have_ssl' 2>/dev/null)" != DISABLED ] &&
        [ "$(mysql_root -e 'SELECT @@ssl_cert' 2>/dev/null)" = "$1/server.crt" ]
}

mysql_take_certificate() { # directory: the running server reads its new certificate, and no connection is lost
    # One that has not got our configuration yet is started with it by want_mysql_tls.
    mysql_tls_on "$1" || return 0
    # MariaDB 10.4's word for it, then MySQL 8.0's; one that knows neither is restarted by want_service.
    mysql_root -e 'FLUSH SSL' >/dev/null 2>&1 || mysql_root -e 'ALTER INSTANCE RELOAD TLS' >/dev/null 2>&1 ||
        systemctl stop "$(mysql_unit)" 9>&-
}

want_mysql_tls() { # directory
    mysql_tls_on "$1" && return 0
    deviates "database: does not offer TLS with the hub's certificate" || return 0
    systemctl restart "$(mysql_unit)" 9>&- || fail 5031 "the database server does not start with its certificate: $(journalctl -q -u "$(mysql_unit)" -n 5 --no-pager -o cat | tail -c 500)"
    mysql_tls_on "$1" || fail 5036 "the database server does not offer TLS after its restart; look into its log (journalctl -u $(mysql_unit))"
}

copies_facts() { # databases of before updates: whose, bytes, and when they were made
    fact before "$(mysql_root -N -B -e "SELECT c.\`of\`, COALESCE(SUM(t.data_length + t.index_length), 0), c.made FROM aegir.copies c
        LEFT JOIN information_schema.tables t ON t.table_schema = c.name WHERE c.name LIKE 'aegirold%' GROUP BY c.name, c.\`of\`, c.made" 2>/dev/null)"
}
