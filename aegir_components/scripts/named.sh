# Arguments by name: a function that is called as "want_mount path=/srv/a source=b" begins with
#     takes wm_ path source mark -- "$@"
# and has wm_path, wm_source and wm_mark, empty where the call leaves one out. Values are never read as shell text, so that they may
# have any byte; no process is started. A word that is none of these is our own error.
takes() { # prefix names... -- words...
    tk_prefix=$1 tk_names=' '
    shift
    while [ "$1" != -- ]; do
        eval "$tk_prefix$1="
        tk_names="$tk_names$1 "
        shift
    done
    shift
    for tk_word; do
        tk_name=${tk_word%%=*}
        case $tk_name in "$tk_word" | *[!a-z_]*) tk_name=- ;; esac
        case $tk_names in
            *" $tk_name "*) eval "$tk_prefix$tk_name=\${tk_word#*=}" ;;
            *) printf '%s\n' "takes$tk_names and not $tk_word" >&2; exit 2 ;;
        esac
    done
}
