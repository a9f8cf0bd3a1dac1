# What is at the addresses of a site. Functions only; see facts/addresses.py for what calls them.

address_facts() { # user publish-path below vhost custom base64-path...: a letter for each path: f, d, l (a link that leads to nothing) or -
    af_root=$(site_docroot "$1" "$2" "$3")
    fact docroot "$af_root"
    [ ! -f "$4" ] || fact vhost "$4"
    [ ! -f "$5" ] || fact custom "$5"
    shift 5
    af_kinds=
    for af_path; do
        af_path=$af_root$(printf %s "$af_path" | base64 -d; echo .)
        af_path=${af_path%.}
        if [ -f "$af_path" ]; then af_kinds=${af_kinds}f; elif [ -d "$af_path" ]; then af_kinds=${af_kinds}d; elif [ -L "$af_path" ]; then af_kinds=${af_kinds}l; else af_kinds=$af_kinds-; fi
    done
    fact kinds "$af_kinds"
}
