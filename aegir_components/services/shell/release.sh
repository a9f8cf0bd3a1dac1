# Releases: what is done with them on a machine. Functions only; see services/release.py for what calls them.

tree_digest() ( # directory: the same digest as the hub's, of kinds, modes, targets, paths and bytes
    cd "$1" || exit 1
    {
        find . -mindepth 1 -printf '%y %m %l %P\0' | sort -z | sha256sum
        find . -type f -printf '%P\0' | sort -z | xargs -0 -r sha256sum -z -- | sha256sum
    } | sha256sum | cut -c1-64
)

tree_manifest() ( # directory sites: what a quick look compares; links into the sites' data are no code
    cd "$1" || exit 1
    find . -mindepth 1 ! -lname "$2/*" \( -type d -printf '%y %m %P\0' -o -type l -printf '%y %l %P\0' \
        -o -printf '%y %m %s %Ts %P\0' \) | sort -z
)

release_faults() ( # release manifest sites: names of what differs, at most 20
    [ -f "$2" ] || { echo "its record is missing"; exit 0; }
    tree_manifest "$1" "$3" | comm -z -3 "$2" - | tr '\n\0' '?\n' | sed 's/^\t//' | awk '
        $1 == "f" { sub(/^f [0-9]+ [0-9]+ [0-9]+ /, "") } $1 == "d" { sub(/^d [0-9]+ /, "") } { print }
    ' | sort -u | head -n 20
)

want_publishable() { # publish-path: a link of ours, or nothing
    [ -L "$1" ] || [ ! -e "$1" ] && return 0
    deviates "publish path $1: something else is there" || return 0
    fail "$1 exists and is not of our making; it was left as it is. Move it away, or give the platform another publish_path"
}

release_facts() { # publish-path release manifest sites
    rf_live=$(readlink "$1")
    fact live "$rf_live"
    [ ! -f "$rf_live.manifest" ] || fact files "$(grep -zc '^f ' "$rf_live.manifest")"
    [ -d "$2" ] || return 0
    fact staged yes
    fact faults "$(release_faults "$2" "$3" "$4")"
}

release_accept() { # staging release manifest sites docroot-in-staging digest: proves what arrived and gives it its name
    ra_got=$(tree_digest "$1")
    [ "$ra_got" = "$6" ] || fail "what arrived in $1 is not what the hub read (digest $ra_got, not $6): the source changed while it was copied, or a disk is at fault. The live release is untouched; run it again"
    mkdir -p "$5/sites" && tree_manifest "$1" "$4" >"$3.new" && mv -f "$3.new" "$3" || fail "$3 could not be written"
    # A damaged release of this digest makes room; it may be live, so the exchange is two renames.
    if [ -d "$2" ]; then
        rm -rf "$2.damaged"
        mv -T "$2" "$2.damaged"
    fi
    mv -T "$1" "$2" || fail "the release could not be given its name $2"
    rm -rf "$2.damaged"
}

want_release() { # release manifest sites
    if [ ! -d "$1" ]; then
        deviates "release $1: missing" || return 0
        fail "the release $1 is not there"
    fi
    wr_faults=$(mktemp) || fail "no file can be made in /tmp"
    release_faults "$1" "$2" "$3" >"$wr_faults"
    while read -r wr_fault; do deviates "release: $wr_fault"; done <"$wr_faults"
    rm -f "$wr_faults"
}

link_sites() { # docroot registry sites: each name of a site links to its data; other links into the data go
    mkdir -p "$1/sites"
    for ls_old in "$1"/sites/*; do
        [ -L "$ls_old" ] || continue
        case $(readlink "$ls_old") in
            "$3"/.*) continue ;;
            "$3"/*) ;;
            *) continue ;;
        esac
        cat "$2"/* 2>/dev/null | grep -Fqx "$(basename "$ls_old") $(readlink "$ls_old")" || rm -f "$ls_old"
    done
    cat "$2"/* 2>/dev/null | while read -r ls_name ls_target; do
        [ "$(readlink "$1/sites/$ls_name")" = "$ls_target" ] || ln -sfnT "$ls_target" "$1/sites/$ls_name"
    done
}

link_shared() { # docroot link target: a file of ours in the code base
    [ "$(readlink "$1/$2")" = "$3" ] || ln -sfnT "$3" "$1/$2"
}

release_prune() { # releases-directory live-name keep: the newest stay, the live one always
    cd "$1" || return 0
    ls -1dt -- * 2>/dev/null | grep -Ex '[0-9a-f]{16}' | grep -Fvx "$2" | tail -n "+$3" | while read -r rp_old; do
        rm -rf "$rp_old" "$rp_old.manifest"
    done
    rm -rf .staging-*
}

refuse_sites() { # registry platform
    rs_here=$(ls "$1" 2>/dev/null | tr '\n' ' ')
    [ -z "$rs_here" ] || fail "the platform $2 has sites with their files here: $rs_here. Remove them first, or leave the platform where it is"
}
