# A site on a web server. Functions only; see deploy/site.py and deploy/installation.py for what calls them.

want_site_links() { # publish-path below target names...; linking itself is aegir's: LINKING is the script for it
    sl_docroot=$(readlink "$1")$2
    sl_target=$3
    shift 3
    sl_wrong=
    for sl_name; do
        sl_at=$sl_docroot/sites/$sl_name
        [ "$(readlink "$sl_at")" = "$sl_target" ] ||
            # Where the code has a directory of that name.
            [ "$(readlink "$sl_at/settings.php") $(readlink "$sl_at/files")" = "$sl_target/settings.php $sl_target/files" ] ||
            sl_wrong="$sl_wrong $sl_name"
    done
    [ -n "$sl_wrong" ] || return 0
    deviates "links in the release:$sl_wrong missing" || return 0
    as_user aegir "$LINKING" || fail 6510 "the site could not be linked into the release $sl_docroot"
}

want_no_vhost() { # file site: one that another site has written since is that site's
    [ -e "$1" ] || return 0
    IFS= read -r nv_first <"$1" || :
    case $nv_first in "# Written by aegir for $2. "*) want_no_file "$1" ;; esac
}

want_one_vhost() { # file site: none of the site under another name, as a rename leaves one that was killed or undone
    for ov_file in $(grep -lsF -e "# Written by aegir for $2. " "${1%/*}"/*.conf); do
        [ "$ov_file" = "$1" ] || want_no_vhost "$ov_file" "$2"
    done
}

site_lock() { # user seconds site: an installer that a killed run left working is waited for
    private_place || fail 4522 "no place for locks can be made in /run/aegir ($(room /run))"
    exec 8>>"/run/aegir/private/$1.lock"
    flock -w "$2" 8 || fail 6501 "an installer or a command of $3 is still at work after $2 s: $(cat /run/aegir/private/at-work/"$1".* 2>/dev/null). Look at it on the machine (ps -u $1)"
}

site_docroot() { # user publish-path [below]: the document root that the site's own programs take: of its release, live or held back
    if [ -f "/var/lib/aegir/held/$1.env" ]; then
        sed -n 's/^AEGIR_DOCROOT=//p' "/var/lib/aegir/held/$1.env"
    else
        echo "$(readlink "$2")${3-}"
    fi
}

# PHP's own limit for an answer of a database server is a day: one that is stopped would hold the run for so long.
site_php() { # user site docroot tmp base64-program [seconds]: the fact result is its last word
    sp_said=$(scratch_file) || no_scratch
    sp_php=$(cat "/var/lib/aegir/php-of/$1" 2>/dev/null) || sp_php=$(php_version)
    sp_result=$(printf %s "$5" | base64 -d | ${6:+timeout -k 5 "$6"} runuser -u "$1" -- env -i PATH=/usr/bin:/bin "AEGIR_SITE=$2" \
        "AEGIR_DOCROOT=$3" "HOME=$4" "TMPDIR=$4" "PHP_INI_SCAN_DIR=:/var/lib/aegir/php-ini/$1" "php$sp_php" -d memory_limit=512M -d max_execution_time=0 \
        -d mysqlnd.net_read_timeout=120 \
        -d "sys_temp_dir=$4" -d display_errors=stderr 2>"$sp_said" 8>&- 9>&-)
    sp_status=$?
    # coreutils' timeout says it with this status; 128 and a signal's number are of one that did not end by itself either.
    [ -z "${6-}" ] || case $sp_status in 124 | 137) echo "it did not end within $6 seconds" >>"$sp_said" ;; esac
    # PHP's stack frames come last and say least.
    sp_words=$(grep -v '^#[0-9]' "$sp_said" | tail -c 700)
    rm -f "$sp_said"
    # An application that cannot start says so on a page.
    [ -n "$sp_words" ] || sp_words=$(printf '%s\n' "$sp_result" | sed '/^::/d; s/<[^>]*>/ /g' | tr -s ' \n' ' ' | tail -c 700)
    sp_result=$(printf '%s\n' "$sp_result" | grep '^::' | tail -n 1)
    [ "$sp_status" = 0 ] && [ -n "$sp_result" ] || fail 6520 "the program for $2 ended with status $sp_status: $sp_words"
    fact result "$sp_result"
}

want_no_mail() { # directory program: a site's mail goes where the machine's goes; the last such site takes the program with it
    [ -e "$1" ] || return 0
    deviates "directory $1: still there" || return 0
    rm -rf --one-file-system "$1" || fail 4524 "$1 could not be removed"
    rmdir "${1%/*}" 2>/dev/null || :
    grep -qs "$2" "${1%/*}"/*/mail.ini || rm -f "$2"
}

site_last_error() { # log: what PHP said last, if the log was written to in the last minute
    [ -n "$(find "$1" -mmin -1 2>/dev/null)" ] || return 0
    fact error "$(tail -c 20000 "$1" | grep -aoE '(PHP message|FastCGI sent in stderr|PHP (Fatal|Parse) error).*' | tail -n 1 | head -c 1000)"
}

want_no_certificate() { # directory: the key of a site that is not served over TLS does not stay
    [ -d "$1" ] || return 0
    deviates "directory $1: still there" || return 0
    rm -rf --one-file-system "$1"
}

want_own_directives() { # file record test later: the owner's, tested and live whenever they were changed
    od_now=
    [ ! -f "$1" ] || od_now=$(sha256sum <"$1")
    [ "$od_now" != "$(cat "$2" 2>/dev/null)" ] || return 0
    deviates "file $1: your own directives have changed and are not live yet" || return 0
    od_said=$($3 2>&1) || fail 4547 "your own directives in $1 do not pass the server's own test; no reload: $(printf %s "$od_said" | tail -c 600)"
    $4 || fail 4546 "no reload could be asked for"
    mkdir -p "$(dirname "$2")" && printf %s "$od_now" >"$2" || fail 4523 "$2 could not be written"
}

site_processes() { # user: their directories in /proc, by the real UID, which no process can hide
    sp_uid=$(id -u "$1" 2>/dev/null) || return 0
    grep -l "^Uid:[[:space:]]*${sp_uid}[[:space:]]" /proc/[0-9]*/status 2>/dev/null
}

end_processes() { # user: all that runs as it, in one call of the kernel's, so that none has time to start another
    getent passwd "$1" >/dev/null || return 0
    systemctl -q stop "aegir-cron@$1.service" 2>/dev/null 9>&-
    for ep_try in 1 2 3 4 5 6 7 8 9 10; do
        [ -n "$(site_processes "$1")" ] || return 0
        runuser -u "$1" -- sh -c 'kill -KILL -1' 2>/dev/null 9>&-
        sleep "0.$ep_try"
    done
    ep_left=$(site_processes "$1")
    [ -z "$ep_left" ] || fail 6530 "processes of $1 do not end: $(printf '%s ' $ep_left | tr -dc '0-9 '). Check them on the machine (ps -u $1); one that waits for a disk or an NFS server ends with that"
}

interrupt_processes() { # user: what is at work for it; its PHP server goes on and starts others for the next requests
    getent passwd "$1" >/dev/null || return 0
    systemctl -q stop "aegir-cron@$1.service" 2>/dev/null 9>&-
    runuser -u "$1" -- sh -c 'kill -KILL -1' 2>/dev/null 9>&- || :
}

want_no_processes() { # user: of a site that is disabled; its account is closed, so that no crontab of its own starts any
    np_is=$(site_processes "$1" | wc -l)
    [ "$np_is" = 0 ] || deviates "user $1: $np_is processes of a disabled site" || return 0
    [ "$MODE" = apply ] || return 0
    usermod --expiredate 1 "$1" 9>&- && end_processes "$1"
}

open_account() { # user: of a site that is enabled again
    ! grep -q "^$1:[^:]*:[^:]*:[^:]*:[^:]*:[^:]*:[^:]*:1:" /etc/shadow || usermod --expiredate '' "$1" 9>&- ||
        fail 6531 "the account $1 could not be opened again"
}

remove_site_data() { # directory user: only what we made has a directory named site in it
    [ ! -d "$1/site" ] || rm -rf --one-file-system "$1"
    remove_site_user "$2"
}

remove_site_user() { # user: where its files are somebody else's to remove
    if getent passwd "$1" >/dev/null; then
        usermod --expiredate 1 "$1" 9>&- && end_processes "$1"
        # Where cron and at keep what a user gave them.
        rm -f "/var/spool/cron/crontabs/$1"
        [ ! -d /var/spool/cron/atjobs ] || find /var/spool/cron/atjobs -type f -user "$1" -delete
        userdel "$1" 9>&- || fail 6532 "the user $1 could not be removed"
    fi
    ! getent group "$1" >/dev/null || groupdel "$1" 9>&-
}

site_content() { # directory…: whether all are there, and how much is in them as far as it is counted in three seconds
    for sc_directory; do timeout -s KILL 10 test -d "$sc_directory/" || return 0; done
    fact known yes
    sc_sizes=$(timeout -s KILL 3 find -H "$@" -type f -printf '%s\n' 2>/dev/null)
    # What is counted until the time is up is a least number. Where root may not look (a share that squashes it) nobody knows.
    case $? in 0 | 137) fact content "$(printf %s "$sc_sizes" | awk '{ size += $1 } END { printf "%d %.0f", NR, size }')" ;; esac
}

leave_others() { # registry entry holder target user site file: a move that was killed and undone has entered the site elsewhere
    [ "$MODE" = apply ] || return 0
    for lo_mark in "${1%/*}"/*/.published; do
        lo_registry=${lo_mark%/.published}
        [ "$lo_registry" != "$1" ] && [ -f "$lo_registry/$2" ] || continue
        { read -r lo_holder && read -r lo_path; } <"$lo_mark" && [ "$lo_holder" = "$3" ] || continue
        rm -f "$lo_registry/$2"
        forget_held "$lo_registry" "$6" "$7"
        runuser -u "$5" -- find -H "$lo_path/" -maxdepth 4 -type l \( -lname "$4" -o -lname "$4/*" \) -delete 2>/dev/null || :
    done
}
