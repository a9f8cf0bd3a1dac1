# Sites that are not on the live release of their platform. Functions only; see deploy/holding.py for what calls them.

held_facts() { # registry
    [ ! -f "$1/.held" ] || fact held "$(cat "$1/.held")"
}

held_everywhere() { # directory of all registries
    fact held "$(cat "$1"/*/.held 2>/dev/null)"
}

forget_held() { # registry site file: one that goes from the platform; the definition's line of it says nothing without its vhost
    [ "$MODE" = apply ] || return 0
    if [ -f "$1/.held" ]; then
        fh_left=$(awk -v site="$2" '$1 != site' "$1/.held")
        if [ -n "$fh_left" ]; then
            printf '%s\n' "$fh_left" >"$1/.held.new" && mv -f "$1/.held.new" "$1/.held"
        else
            rm -f "$1/.held"
        fi || fail 4523 "$1/.held could not be written ($(room "$1"))"
    fi
    # The platform that it has moved to may hold it back: its programs go on with that release.
    cat "${1%/*}"/*/.held 2>/dev/null | awk -v site="$2" '$1 == site { found = 1 } END { exit !found }' || rm -f "$3"
}
