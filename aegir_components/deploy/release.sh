# Releases: what is done with them on a machine. Functions only; see deploy/release.py for what calls them.
# Those that take arguments by name have them in variables that takes sets.
# shellcheck disable=SC2154

# %Ts would ask for the time zone at each file, and take four times as long.
tree_manifest() ( # directory sites: what a quick look compares; links into the sites' data are no code
    cd "$1" || exit 1
    find . -mindepth 1 ! -lname "$2/*" \( -type d -printf '%y %m %P\0' -o -type l -printf '%y %l %P\0' \
        -o -printf '%y %m %s %T@ %P\0' \) | sort -z
)

release_faults() ( # by name: names of what differs, at most 20
    takes rf_ release manifest sites -- "$@"
    [ -f "$rf_manifest" ] && [ ! -L "$rf_manifest" ] || { echo "its record is missing"; exit 0; }
    rf_tree=$(scratch_file) || no_scratch
    tree_manifest "$rf_release" "$rf_sites" >"$rf_tree"
    # The directory is the account's: a link in the record's place would have root read somebody else's file to the hub.
    dd if="$rf_manifest" iflag=nofollow bs=1M status=none | comm -z -3 - "$rf_tree" | tr '\n\0' '?\n' | sed 's/^\t//' | awk '
        $1 == "f" { sub(/^f [0-9]+ [0-9]+ [0-9.-]+ /, "") } $1 == "d" { sub(/^d [0-9]+ /, "") } { print }
    ' | sort -u | head -n 20
    rm -f "$rf_tree"
)

want_publish_root() { # path: made where there is none; what is there is its owner's, and has to be root's and open for all to enter
    case $PATHS in *"${NL}directory '$1' root:root:755$NL"*) return 0 ;; esac
    if [ ! -d "$1" ] || [ -L "$1" ]; then
        want_dir "$1" root root 755
        return 0
    fi
    pr_is=$(stat -c %U:%A "$1")
    case $pr_is in
        root:d????-??-x) return 0 ;;
        root:d*) pr_why="lets others write there, or not enter" ;;
        *) pr_why="is ${pr_is%%:*}'s" ;;
    esac
    deviates "publish root $1: $pr_why" || return 0
    fail 6010 "$1, where the platform's releases and its sites' data are to lie, $pr_why ($pr_is); it was left as it is. Give the platform a publish_path in a directory of its own, such as /srv/aegir/platforms/<name>"
}

guard_way() { # path: nobody but root can put something else on the way to it; where releases are already it is taken as it is
    [ ! -d "$1/.releases" ] || return 0
    gw_real=$(readlink -m -- "$1")
    case $gw_real/ in
        /bin/* | /boot/* | /dev/* | /etc/* | /lib/* | /lib32/* | /lib64/* | /proc/* | /root/* | /run/* | /sbin/* | /sys/* | /usr/*)
            gw_why="a link on the way to it leads into the system, to $gw_real" ;;
        *)
            # With all directories that links lead through.
            gw_why=$(namei -l -- "${1%/*}/" 2>/dev/null | awk '
                $1 ~ /^d/ && ($2 != "root" || (($1 ~ /^d....w/ || $1 ~ /^d.......w/) && $1 !~ /[tT]$/)) {
                    who = $2 != "root" ? $2 : "others"
                    name = $0; sub(/^[^ ]+ +[^ ]+ +[^ ]+ +/, "", name)
                    printf "%s could put something else in its place: %s on the way to it is %s %s", who, name, $2, $1; exit
                }')
            ;;
    esac
    [ -n "$gw_why" ] || return 0
    deviates "publish root $1: $gw_why" || return 0
    fail 6011 "$1, where the platform's releases and its sites' data are to lie: $gw_why. Nothing was made there. Give the platform a publish_path below directories that root alone changes, such as /srv/aegir/platforms/<name>"
}

want_publishable() { # by name: our link, or nothing; and no other platform's, whoever declares it
    takes pu_ publish_path registry holder releases former -- "$@"
    [ -L "$pu_publish_path" ] || [ ! -e "$pu_publish_path" ] || not_ours "$pu_publish_path" "something else is there" || return 0
    # Each platform's registry has a mark: who declares it, and where it is published.
    for pu_mark in "${pu_registry%/*}"/*/.published; do
        [ -f "$pu_mark" ] || continue
        { read -r pu_whose && read -r pu_path; } <"$pu_mark" || continue
        pu_name=${pu_mark%/.published} pu_name=${pu_name##*/}
        if [ "$pu_name" = "${pu_registry##*/}" ]; then
            [ "$pu_whose" = "$pu_holder" ] || [ "$pu_whose" = "$pu_former" ] || {
                deviates "platform $pu_name: is the stack $pu_whose's" || return 0
                fail 6013 "the stack $pu_whose has a platform $pu_name on this machine; give yours another name. If that one is gone for good, remove $pu_mark"
            }
            [ "$pu_path" != "$pu_publish_path" ] || return 0
            continue
        fi
        case $pu_publish_path/ in "$pu_path"/*) ;; *) case $pu_path/ in "$pu_publish_path"/*) ;; *) continue ;; esac ;; esac
        deviates "publish path $pu_publish_path: meets $pu_path of the platform $pu_name" || return 0
        fail 6014 "$pu_publish_path and $pu_path, where the platform $pu_name of the stack $pu_whose is published, must be apart; give yours another publish_path. If that one is gone for good, remove $pu_mark"
    done
    [ -L "$pu_publish_path" ] || return 0
    case $(readlink "$pu_publish_path") in "$pu_releases"/*) ;; *) not_ours "$pu_publish_path" "a link to elsewhere is there" || return 0 ;; esac
}

not_ours() { # publish-path what
    deviates "publish path $1: $2" || return 1
    fail 6012 "$1 exists and is not of our making; it was left as it is. Move it away, or give the platform another publish_path"
}

release_facts() { # by name: with a digest, every byte is read
    takes rf_ publish_path release manifest sites digest -- "$@"
    rf_live=$(readlink "$rf_publish_path")
    fact live "$rf_live"
    [ ! -f "$rf_live.manifest" ] || fact files "$(grep -zc '^f ' "$rf_live.manifest")"
    if [ -d "$rf_release" ]; then
        fact staged yes
        rf_faults=$(release_faults release="$rf_release" manifest="$rf_manifest" sites="$rf_sites")
        [ -n "$rf_faults" ] || [ -z "$rf_digest" ] || rf_faults=$(full_faults "$rf_release" "$rf_digest")
        fact faults "$rf_faults"
        return 0
    fi
    for rf_program in tar zstd; do ! command -v $rf_program >/dev/null || fact $rf_program yes; done
    [ ! -f "$rf_live.sums" ] || [ ! -f "$rf_live.manifest" ] || fact whole yes
}

listing_sum() ( # directory: of kinds, modes, targets and paths
    cd "$1" && find . -mindepth 1 -printf '%y %m %l %P\0' | sort -z | sha256sum | cut -c1-64
)

file_sums() ( # directory: of every file, in the order of the paths
    cd "$1" && find . -type f -printf '%P\0' | sort -z | xargs -0 -r sha256sum -z --
)

tree_digest() { # directory: the same digest as the hub's, of kinds, modes, targets, paths and bytes
    printf '%s  -\n%s  -\n' "$(listing_sum "$1")" "$(file_sums "$1" | sha256sum | cut -c1-64)" | sha256sum | cut -c1-64
}

digest_of() { # listing-sum checksums-file: as tree_digest puts it together
    printf '%s  -\n%s  -\n' "$1" "$(sha256sum <"$2" | cut -c1-64)" | sha256sum | cut -c1-64
}

full_faults() { # release digest: names of files whose bytes are not those that were accepted, at most 20
    if [ ! -f "$1.sums" ] || [ -L "$1.sums" ] || [ "$(digest_of "$(cat "$1.listing" 2>/dev/null)" "$1.sums")" != "$2" ]; then
        echo "the record of its files' sums is missing or damaged"
        return 0
    fi
    # What is alike stands twice; a file that differs has two lines that stand once.
    { file_sums "$1" 2>/dev/null; dd if="$1.sums" iflag=nofollow bs=1M status=none; } | sort -z | uniq -z -u | tr '\n\0' '?\n' | cut -c67- | sort -u | head -n 20
}

want_staged() { # release: accepted or inspected a moment ago
    [ "$MODE" != apply ] || [ -d "$1" ] || fail 6030 "the release $1 is not there"
}

release_state() { # by name: in a look, what differs in a release, as facts; with a digest, every byte is read
    takes rt_ release manifest sites digest -- "$@"
    [ "$MODE" = check ] || return 0
    [ -d "$rt_release" ] || { fact release missing; return 0; }
    fact release there
    fact faults "$({
        release_faults release="$rt_release" manifest="$rt_manifest" sites="$rt_sites"
        [ -z "$rt_digest" ] || full_faults "$rt_release" "$rt_digest"
    } | sort -u)"
}

want_published() { # publish-path target: seen here, and moved by release_go when all members switch
    [ "$MODE" = apply ] || want_link "$1" "$2"
}

want_seen() { # release shared-root: on a machine that has the code over NFS; a hung mount has a time limit
    ws_end=$(($(date +%s) + 15))
    until timeout -s KILL 12 [ -d "$1" ]; do
        if [ "$MODE" != apply ] || [ "$(date +%s)" -ge "$ws_end" ]; then
            deviates "release $1: not seen over NFS" || return 0
            fail 6031 "the release $1 is not seen here, which the master has: is $2 mounted and answering? pulumi up --refresh mounts it again, and says what is wrong"
        fi
        sleep 0.5
    done
}

release_go_slave() { # reload: as release_go, without a link to move
    say ready "" >&3
    timeout 300 sh -c 'read -r word && [ "$word" = go ]' || {
        echo "the hub gave no word to switch. Another web server was not ready, or the connection was cut"
        return 1
    }
    STALE_TEST=1 "$1"
}

release_go() { # reload: says that all is prepared and tested, waits for the hub's word, then switches
    rg_new=
    if [ "$(readlink "$PUBLISHED")" != "$RELEASE" ]; then
        # Both variables are the prelude's: where a transaction keeps what it may have to undo.
        # shellcheck disable=SC2154
        UNDO=$tr_undo
        remember "$PUBLISHED"
        # shellcheck disable=SC2034
        UNDO=
        rm -f "$PUBLISHED".aegir-new.*
        rg_new=$PUBLISHED.aegir-new.$$
        ln -s -- "$RELEASE" "$rg_new" || return 1
    fi
    say ready "" >&3
    timeout 300 sh -c 'read -r word && [ "$word" = go ]' || {
        [ -z "$rg_new" ] || rm -f "$rg_new"
        echo "the hub gave no word to switch. Another web server was not ready, or the connection was cut"
        return 1
    }
    # From here on, as little as can be: all members do this at once.
    [ -z "$rg_new" ] || mv -fT "$rg_new" "$PUBLISHED" || return 1
    STALE_TEST=1 "$1"
}

link_sites() { # by name: each name of a site links to its data; other links into the data go
    takes ls_ docroot registry sites -- "$@"
    mkdir -p "$ls_docroot/sites"
    # In the shell itself: a hundred sites would be five hundred processes.
    ls_nl='
'
    # Sites of other platforms may be held back on this release.
    ls_wanted=$ls_nl$(cat "$ls_registry"/* 2>/dev/null; guests_of "$ls_docroot" "${ls_registry%/*}")$ls_nl
    ls_there=$ls_nl$(find "$ls_docroot/sites" -maxdepth 1 -type l -lname "$ls_sites/*" ! -lname "$ls_sites/.*" ! -name '*[[:space:]]*' -printf '%f %l\n')$ls_nl
    printf %s "$ls_there" | while read -r ls_name ls_target; do
        [ -n "$ls_name" ] || continue
        case $ls_wanted in *"$ls_nl$ls_name $ls_target$ls_nl"*) ;; *) [ ! -L "$ls_docroot/sites/$ls_name" ] || rm -f "$ls_docroot/sites/$ls_name" ;; esac
    done
    # Of a name that has a directory in the code.
    find "$ls_docroot/sites" -mindepth 2 -maxdepth 2 -type l -lname "$ls_sites/*" ! -path '*[[:space:]]*' -printf '%P %l\n' | while read -r ls_name ls_target; do
        case $ls_wanted in *"$ls_nl${ls_name%/*} ${ls_target%/*}$ls_nl"*) ;; *) rm -f "$ls_docroot/sites/$ls_name" ;; esac
    done
    printf %s "$ls_wanted" | while read -r ls_name ls_target; do
        [ -n "$ls_name" ] || continue
        case $ls_there in *"$ls_nl$ls_name $ls_target$ls_nl"*) ;; *) link_site "$ls_docroot/sites/$ls_name" "$ls_target" ;; esac
    done
}

link_site() { # path data: one link; where the code has a directory of that name, such as for modules of one site, a link for each thing
    if [ -L "$1" ] || [ ! -d "$1" ]; then
        ln -sfnT "$2" "$1"
        return
    fi
    for li_name in settings.php local.settings.php files; do
        [ "$(readlink "$1/$li_name")" = "$2/$li_name" ] || ln -sfnT "$2/$li_name" "$1/$li_name"
    done
}

guests_of() { # docroot directory-of-registries: the names of sites that are held back on a release, with what they link to
    cat "$2"/*/.held 2>/dev/null | awk -v root="$1" '($3 == "." ? $2 : $2 "/" $3) == root { print $1 }' | while read -r gu_site; do
        cat "$2"/*/"$gu_site" 2>/dev/null
    done
}

registry_of() { # release registry: of the platform whose release it is; the given one where no other says so
    for ro_mark in "${2%/*}"/*/.published; do
        [ -f "$ro_mark" ] || continue
        { read -r _ && read -r ro_path; } <"$ro_mark" || continue
        case $1 in "${ro_path%/*}/.releases/${ro_path##*/}"/*) printf '%s\n' "${ro_mark%/.published}"; return 0 ;; esac
    done
    printf '%s\n' "$2"
}

link_held() { # registry sites: as link_sites, in the releases of sites that are held back
    [ -f "$1/.held" ] || return 0
    awk '{ print $3 == "." ? $2 : $2 "/" $3 }' "$1/.held" | sort -u | while read -r lh_root; do
        [ ! -d "$lh_root" ] || link_sites docroot="$lh_root" registry="$(registry_of "$lh_root" "$1")" sites="$2"
    done
}

link_shared() { # by name: our file in the code base
    takes li_ docroot link target -- "$@"
    [ "$(readlink "$li_docroot/$li_link")" = "$li_target" ] || ln -sfnT "$li_target" "$li_docroot/$li_link"
}

held_on() { # releases-directory directory-of-registries: the names of releases that a site is held on, of whatever platform
    # A site that comes from another platform may be held on a release of this one: all platforms' records are read.
    cat "$2"/*/.held 2>/dev/null | awk -v root="$1/" 'index($2, root) == 1 { printf "%s ", substr($2, length(root) + 1) }'
}

release_stock() { # releases-directory registry: which there are, newest first, and which of them are needed
    release_names "$1"
    fact held-on "$(held_on "$1" "${2%/*}")"
}

release_prune() { # by name: the hub has chosen which go
    takes rp_ releases live gone registry -- "$@"
    cd "$rp_releases" || return 0
    # Newest is what went live last, whenever its source was made.
    touch -c -- "$rp_live"
    # Inspected once more here, because a site may be held on one since they were chosen.
    rp_held=" $(held_on "$rp_releases" "${rp_registry%/*}")"
    for rp_old in $rp_gone; do
        case $rp_held in *" $rp_old "*) continue ;; esac
        rm -f "$rp_old.manifest" "$rp_old.sums" "$rp_old.listing"
        mv -T "$rp_old" ".pruned-$rp_old" || rm -rf "$rp_old"
    done
    rm -rf .staging-*
    # Nobody needs to wait for 25,000 files to go, and no visitor to make way.
    ls -d .pruned-* >/dev/null 2>&1 || return 0
    setsid nice -n 19 sh -c 'rm -rf .pruned-*' </dev/null >/dev/null 2>&1 9>&- &
}

live_facts() { # publish-path...: where each leads
    lf_number=0
    for lf_path; do
        lf_number=$((lf_number + 1))
        fact "live$lf_number" "$(readlink "$lf_path")"
    done
}

release_has() { # docroot file...: whether one of these files is in a release
    rh_root=$1
    shift
    for rh_file; do [ ! -f "$rh_root/$rh_file" ] || fact has "$rh_file"; done
}

release_names() { # releases-directory
    fact releases "$(ls -1t "$1" 2>/dev/null | grep -Ex '[0-9a-f]{16}' | tr '\n' ' ')"
}

last_shared() { # releases file: what all platforms use goes with the last of them, or it would be in the way of a mount
    [ -z "$(ls -A "$1" 2>/dev/null)" ] || return 0
    rm -f "$2"
    rmdir "${2%/*}" 2>/dev/null || :
}

# Stopped here: between a question and an answer of the hub's a site could come, and what follows takes the code away. What is said
# of them, the hub decides from the facts.
only_without_sites() { # registry [releases]: ends the script where sites are here, or others' on one of the releases
    os_here=$(ls "$1" 2>/dev/null | tr '\n' ' ')
    fact sites-here "$os_here"
    os_guests=
    [ -z "${2-}" ] || os_guests=$(cat "${1%/*}"/*/.held 2>/dev/null | awk -v root="$2/" 'index($2, root) == 1 { printf "%s ", $1 }')
    fact guests "$os_guests"
    [ -z "$os_here$os_guests" ] || exit 0
}

release_sites() { # registry root: a platform's sites on this machine by host name, and the web server's port of plain HTTP
    rs_port=$(sed -n 's/^listen \([0-9][0-9]*\).*/\1/p' "$2/listen.conf" 2>/dev/null | head -n 1)
    [ -n "$rs_port" ] || rs_port=$(sed -n 's/^<VirtualHost \*:\([0-9]*\)>$/\1/p' "$2"/vhost.d/*.conf 2>/dev/null | grep -vx 443 | head -n 1)
    fact port "${rs_port:-80}"
    rs_known=$(for rs_site in "$1"/*; do [ ! -f "$rs_site" ] || sed -n "1s|^\([^ ]*\) .*|${rs_site##*/} \1|p" "$rs_site"; done)
    fact known "$rs_known"
    fact sites "$(printf %s "$rs_known" | sed 's/.* //' | tr '\n' ' ')"
    fact ready "$(grep -lsE 'AEGIR_HELD_|[$]aegir_site ' "$2"/vhost.d/*.conf | sed 's|.*/||; s|[.]conf$||')"
    [ ! -f "$1/.unproven" ] || fact unproven "$(cat "$1/.unproven")"
}

want_proven() { # registry: no run ended between a switch and the question whether the sites still answer
    [ ! -f "$1/.unproven" ] || deviates "release: a run ended after switching to it, before its sites were asked" || :
}
