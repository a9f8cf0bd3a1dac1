# The hub's key in accounts of a machine. Functions only; see services/keys.py for what calls them.

key_files() { # account: the files that sshd reads for it, as far as they are there
    kf_home=$(getent passwd "$1" | cut -d: -f6)
    [ -n "$kf_home" ] || return 0
    kf_named=$(sshd -T 2>/dev/null | sed -n 's/^authorizedkeysfile //p')
    for kf_name in ${kf_named:-.ssh/authorized_keys}; do
        case $kf_name in none) continue ;; esac
        kf_path=$(printf %s "$kf_name" | sed "s|%h|$kf_home|g; s|%u|$1|g; s|%%|%|g")
        case $kf_path in /*) ;; *) kf_path=$kf_home/$kf_path ;; esac
        [ ! -f "$kf_path" ] || printf '%s\n' "$kf_path"
    done
}

key_is_in() { # type-and-key file
    grep -v '^[[:space:]]*#' "$2" | grep -qF -e "$1"
}

write_keys() { # file: what comes takes its place, with its owner and mode
    wk_try=$1.aegir-new
    rm -f "$wk_try" && cp -p "$1" "$wk_try" && cat >"$wk_try" && mv -f "$wk_try" "$1" || fail 4523 "$1 could not be written ($(room "${1%/*}"))"
}

key_records() { ls /var/lib/aegir/services/key/* 2>/dev/null; } # what the file is made of for each stack (want_hub_key)

# A new line has what stands around the old key: its options and its comment.
add_key() { # old new accounts...: beside each line with the old key stands one with the new; the fact keys counts the files
    ak_old=$1 ak_new=$2 ak_count=0
    shift 2
    for ak_user; do
        for ak_file in $(key_files "$ak_user"); do
            add_key_to "$ak_file" || continue
            ak_count=$((ak_count + 1))
        done
    done
    for ak_file in $(key_records); do add_key_to "$ak_file"; done
    fact keys "$ak_count"
}

add_key_to() { # file: false where neither key is in it
    ! key_is_in "$ak_new" "$1" || return 0
    key_is_in "$ak_old" "$1" || return 1
    OLD=$ak_old NEW=$ak_new awk '
        { print }
        $0 !~ /^[[:space:]]*#/ && (at = index($0, ENVIRON["OLD"])) && !done {
            print substr($0, 1, at - 1) ENVIRON["NEW"] substr($0, at + length(ENVIRON["OLD"])); done = 1
        }' "$1" | write_keys "$1"
}

drop_key() { # old new accounts...: the old key goes from files that have the new one, and from no other
    dk_old=$1 dk_new=$2
    shift 2
    for dk_user; do
        for dk_file in $(key_files "$dk_user"); do drop_key_from "$dk_file"; done
    done
    for dk_file in $(key_records); do drop_key_from "$dk_file"; done
}

drop_key_from() { # file
    key_is_in "$dk_new" "$1" || return 0
    ! key_is_in "$dk_old" "$1" || grep -vF -e "$dk_old" "$1" | write_keys "$1"
}
