# Uploads that members of a cluster share. Functions only; see deploy/uploads.py for what calls them.

# A hung NFS server blocks whatever touches the mount, so that each touch has a time limit of its own.
touching() { timeout -s KILL 10 "$@"; }

want_shared() { # path
    touching [ -d "$1/" ] && return 0
    deviates "uploads $1: no directory" || return 0
    fail 6601 "$1 is no directory here, or does not answer within 10 s. It has to be the directory that all members share: mount it first, or declare uploads.nfs"
}

leave_token() { # path token
    touching sh -c 'printf %s "$2" >"$1/.aegir-proof-$2"' sh "$1" "$2" ||
        fail 6602 "no file can be written into $1 as root. If it is an export that squashes root, make its top directory writable for all (mode 1777)"
}

seen_within() { # seconds command...: tried for a while, since clients of NFS remember that a name was not there
    sw_end=$(($(date +%s) + $1))
    shift
    until touching "$@" 2>/dev/null; do
        [ "$(date +%s)" -lt "$sw_end" ] || return 1
        sleep 0.2
    done
}

find_token() { # path token
    if seen_within 10 grep -qxF -- "$2" "$1/.aegir-proof-$2"; then fact token found; else fact token missing; fi
}

want_shared_dir() { # path owner group mode user: made by root, or by the user where the share squashes root
    sd_is=$(touching stat -c %U:%G:%a "$1" 2>/dev/null)
    # It may be half a minute until a client looks again. Whoever repairs asks the server itself, by making the directory.
    if [ -z "$sd_is" ] && [ "$MODE" = check ] && [ "$(touching stat -f -c %T "${1%/*}" 2>/dev/null)" = nfs ] &&
        seen_within 35 stat "$1" >/dev/null; then
        sd_is=$(touching stat -c %U:%G:%a "$1" 2>/dev/null)
    fi
    [ "$sd_is" = "$2:$3:$4" ] && return 0
    if [ -n "$sd_is" ]; then sd_said="is $sd_is, not $2:$3:$4"; else sd_said=missing; fi
    deviates "directory $1: $sd_said" || return 0
    # All members make it at the same time, so that one may find that another was faster.
    [ -d "$1" ] || touching mkdir "$1" 2>/dev/null || touching runuser -u "$5" -- mkdir "$1" 2>/dev/null || [ -d "$1" ] ||
        fail 6603 "the directory $1 could not be made, by root or by $5: the share does not let them write"
    touching chown "$2:$3" "$1" 2>/dev/null && touching chmod "$4" "$1" || [ "$(stat -c %U "$1")" = "$5" ] ||
        fail 6604 "owner and mode of $1 could not be set; the share has to let root do it (no_root_squash)"
}

want_upload_link() { # link target: an upload that lies in the link's place is never hidden
    if [ -d "$1" ] && [ ! -L "$1" ]; then
        if [ -n "$(ls -A "$1")" ]; then
            deviates "uploads $1: a directory with files, not a link to $2" || return 0
            fail 6605 "$1 has uploads, and is declared as shared in $2: copy them there (cp -au $1/. $2/), move the former ones away (mv $1 $1.before), and run pulumi up again"
        fi
        [ "$MODE" != apply ] || rmdir "$1" || fail 4524 "$1 could not make room"
    fi
    want_link "$1" "$2"
}

# WordPress gives what it uploads the mode of the directory that it is in. Its directories lose set-group-id in that way, since the
# kernel lets nobody set that bit for a group that he is not in. A default access list survives, and all that is made below has it.

want_served_dir() { # path user: uploads that the web server may read, whatever mode the application gives them
    sv_mode=2770
    sv_was=$(touching stat -c %a "$1" 2>/dev/null)
    has_access_list "$1" || keeps_access_lists "$1" || sv_mode=2775
    # From a share that squashes root nobody sees the list that its exporter has set.
    if [ "$sv_mode:$sv_was" = 2775:2770 ] && squashes_root "$1"; then
        want_shared_dir "$1" "$2" www-data 2770 "$2"
        is_served "$1" "$2" || fact forbidden "$1"
        return 0
    fi
    want_shared_dir "$1" "$2" www-data "$sv_mode" "$2"
    if [ "$sv_mode" = 2770 ]; then
        want_served "$1"
        return 0
    fi
    fact open "$1"
    # What was made before is opened once. Its owner does it, since a share may let root do nothing. Not the directory itself: it
    # would lose its set-group-id bit, as its owner is not in that group, and be drift for ever.
    [ "$MODE" != apply ] || [ "$sv_was" = 2775 ] || runuser -u "$2" -- find "$1" -mindepth 1 -exec chmod o+rX {} + ||
        fail 6606 "what is in $1 could not be made readable for the web server"
}

want_served() { # path: the web server may read what is made in it, also when that is moved. It may not enter because of this
    ! has_access_list "$1" && keeps_access_lists "$1" || return 0
    deviates "directory $1: no access list for the web server" || return 0
    # No new mask (-n): what its owner alone may read stays so.
    find "$1" -mindepth 1 -maxdepth 1 -exec setfacl -R -P -n -m g:www-data:rX,d:g::rX,d:g:www-data:rX,d:o::- {} + 2>/dev/null
    setfacl -d -m g::rX,g:www-data:rX,o::- "$1" || fail 6606 "the access list of $1 could not be set"
}

has_access_list() { # path
    touching getfacl -cpE "$1" 2>/dev/null | grep -qx 'default:group:www-data:r-x'
}

is_served() { # path user: whether the web server reads what WordPress makes there, in its way
    is_try=$(touching runuser -u "$2" -- sh -c '
        d=$(mktemp -d "$1/.aegir-served.XXXXXX") && chmod 00770 "$d" && echo x >"$d/x" && chmod 660 "$d/x" && echo "$d"' sh "$1") ||
        return 0
    touching runuser -u www-data -- cat "$is_try/x" >/dev/null 2>&1
    is_status=$?
    touching runuser -u "$2" -- rm -r "$is_try"
    return $is_status
}

squashes_root() { # path: whether root may make no file beside it, and so set no list
    sr_try=$(touching mktemp "$(dirname "$1")/.aegir-root.XXXXXX" 2>/dev/null) || return 0
    rm -f "$sr_try"
    return 1
}

keeps_access_lists() { # path: whether its file system has them; a file that is gone at once is asked
    command -v setfacl >/dev/null && [ -d "$(dirname "$1")" ] || return 0
    # A share that squashes root lets it make no file, and set no list.
    kl_try=$(touching mktemp "$(dirname "$1")/.aegir-acl.XXXXXX" 2>/dev/null) || return 1
    touching setfacl -m g:www-data:r "$kl_try" 2>/dev/null
    kl_status=$?
    rm -f "$kl_try"
    return $kl_status
}
