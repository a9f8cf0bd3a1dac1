# Names in files and in DNS. Functions only; see services/names.py for what calls them.

names_facts() { # name address
    fact hostname "$(cat /etc/hostname 2>/dev/null)"
    fact forward "$(getent ahosts "$1" | awk '{ print $1 }' | sort -u | tr '\n' ' ')"
    [ -z "$2" ] || fact reverse "$(getent hosts "$2" | awk '{ $1 = ""; print }' | tr '\n' ' ')"
}

want_hosts_block() { # file whose base64-lines: our marked block and nothing else; no lines take the block out
    hb_begin="# BEGIN aegir $2"
    hb_end="# END aegir $2"
    # Without its last line nobody knows where a block ends: what follows may be somebody else's.
    hb_marks=$(awk -v begin="$hb_begin" -v end="$hb_end" '$0 == begin { print "b" } $0 == end { print "e" }' "$1" | tr -d '\n')
    case $hb_marks in
        '') [ -n "$3" ] || return 0 ;;
        be) ;;
        *)
            deviates "$1: the marks of the block of $2 are broken" || return 0
            fail 4550 "$1 does not have one line '$hb_begin' and one line '$hb_end' after it; it was left as it is. Correct it by hand"
            ;;
    esac
    hb_new=$(scratch_file) && hb_ours=$(scratch_file) || no_scratch
    {
        { [ -z "$3" ] || { echo "$hb_begin" && printf %s "$3" | base64 -d && echo "$hb_end"; } >"$hb_ours"; } &&
            # Where it stands already, or last; a last line without its end is completed.
            awk -v begin="$hb_begin" -v end="$hb_end" -v file="$hb_ours" '
            $0 == begin { ours = 1; while ((getline line <file) > 0) print line }
            !ours { print }
            $0 == end { ours = 0 }
        ' "$1" >"$hb_new" && { [ "$hb_marks" = be ] || cat "$hb_ours" >>"$hb_new"; }
    } || fail 4522 "no temporary file can be written ($(room /run))"
    rm -f "$hb_ours"
    if ! cmp -s "$hb_new" "$1" && deviates "$1: the block of $2 differs"; then
        hosts_replace "$1" "$hb_new" || fail 4523 "$1 could not be written (is the disk full? $(room "$1"))"
    fi
    rm -f "$hb_new"
}

want_own_names() { # file whose names...: a block in which names lead to this machine
    on_file=$1 on_whose=$2
    shift 2
    # A name of the machine's own, or one that somebody has written there, is not ours to lead elsewhere.
    on_taken=" $(cat /etc/hostname 2>/dev/null) $(awk '/^# BEGIN aegir site / { ours = 1 } !ours && !/^[ \t]*#/ { $1 = ""; print } /^# END aegir site / { ours = 0 }' "$on_file" | tr -s ' \t\n' ' ') "
    on_lines=
    for on_name; do
        case $on_taken in *" $on_name "*) ;; *) on_lines="${on_lines}127.0.0.1 $on_name$NL" ;; esac
    done
    # The usual case costs no further process.
    case $NL$(cat "$on_file")$NL in *"$NL# BEGIN aegir $on_whose$NL$on_lines# END aegir $on_whose$NL"*) return 0 ;; esac
    [ -z "$on_lines" ] || on_lines=$(printf %s "$on_lines" | base64 | tr -d '\n')
    want_hosts_block "$on_file" "$on_whose" "$on_lines"
}

hosts_replace() { # file new: as a whole where that can be; in a container the file is a mount, which is written in place
    if [ ! -L "$1" ] && cp -p "$1" "$1.aegir-new"; then
        if cat "$2" >"$1.aegir-new" && mv -fT "$1.aegir-new" "$1" 2>/dev/null; then return 0; fi
        rm -f "$1.aegir-new"
        mountpoint -q "$1" || return 1
    fi
    cat "$2" >"$1"
}
