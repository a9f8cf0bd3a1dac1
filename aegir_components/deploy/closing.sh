# A site that is closed for a while. Functions only; see deploy/closing.py for what calls them.

no_doors() { # closed-file: keys of former closings are good for nothing any more
    [ "$MODE" = apply ] || return 0
    rm -f "$1".[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]*
}

closing_facts() { # closed-file updating-file
    [ ! -f "$1" ] || fact closed "$(head -c 500 "$1")"
    [ ! -f "$2" ] || fact updating yes
}

updating_names() { # directory
    fact updating "$(ls "$1" 2>/dev/null)"
}
