# Files of a site that may be changed without being changed. Functions only; see deploy/rehearsal.py for what calls them.

rehearsal_begin() { # user directory...: a layer over each; sets layers to properties of a unit that sees them in their places
    rehearsal_over "$1"
    rb_place=/var/lib/aegir/rehearsal/$1
    mkdir -p "${rb_place%/*}" && chmod 700 "${rb_place%/*}" && mkdir -m 700 "$rb_place" || fail 4521 "$rb_place could not be made ($(room /var/lib))"
    shift
    layers=
    rb_number=0
    for rb_lower; do
        rb_number=$((rb_number + 1))
        rb_layer=$rb_place/$rb_number
        mkdir "$rb_layer" && printf '%s\n' "$rb_lower" >"$rb_layer.of" || fail 4521 "$rb_layer could not be made ($(room /var/lib))"
        if rehearsal_layer "$rb_layer" "$rb_lower"; then
            layers="$layers -p BindPaths=$rb_layer/merged:$rb_lower"
        else
            # Better an update that cannot write files than one that changes those of visitors.
            fact readonly yes
            layers="$layers -p BindReadOnlyPaths=$rb_lower:$rb_lower"
            # Temporary files are nobody's.
            [ ! -d "$rb_lower/tmp" ] || layers="$layers -p BindPaths=$rb_lower/tmp:$rb_lower/tmp"
        fi
    done
}

rehearsal_layer() { # layer lower: on its disk, or in memory where that cannot take it
    rehearsal_mounted "$@" && return 0
    mount -t tmpfs -o size=50%,mode=700 tmpfs "$1" 2>/dev/null && rehearsal_mounted "$@" && return 0
    umount "$1" 2>/dev/null || :
    return 1
}

rehearsal_mounted() { # layer lower
    mkdir -p "$1/upper" "$1/work" "$1/merged" && chown --reference="$2" "$1/upper" && chmod --reference="$2" "$1/upper" || return 1
    mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/merged" 2>/dev/null
}

rehearsal_put() { # user unpacked directory part...: they are seen in the place of the directory's own
    rp_layers=/var/lib/aegir/rehearsal/$1/layers
    rp_user=$1
    rp_from=$2
    rp_to=$3
    shift 3
    for rp_part; do
        # What a backup has not is empty: the site's own is not seen in its place.
        [ -d "$rp_from/$rp_part" ] || mkdir -p "$rp_from/$rp_part" && chown "$rp_user:" "$rp_from/$rp_part" || fail 4521 "$rp_from/$rp_part could not be made"
        printf ' -p BindPaths=%s:%s' "$rp_from/$rp_part" "$rp_to/$rp_part" >>"$rp_layers" || fail 4523 "$rp_layers could not be written ($(room /var/lib))"
    done
}

rehearsal_merge() { # user: what was changed in the layers becomes so, by the user's own rights
    for rm_of in /var/lib/aegir/rehearsal/"$1"/*.of; do
        [ -f "$rm_of" ] || continue
        rm_upper=${rm_of%.of}/upper
        [ -d "$rm_upper" ] || continue
        rm_lower=$(cat "$rm_of")
        # What was removed is a device there.
        (cd "$rm_upper" && find . -type c -printf '%P\0') |
            runuser -u "$1" -- sh -c 'cd "$1" && xargs -0 -r rm -rf --' sh "$rm_lower" &&
            (cd "$rm_upper" && find . -mindepth 1 \( -path ./tmp -prune -o -type f -o -type l -o -type d -empty \) ! -path ./tmp -print0 |
                tar -c --null --no-recursion --files-from=- -f -) |
            runuser -u "$1" -- tar -x -f - -C "$rm_lower" --no-same-owner --unlink-first ||
            fail 6110 "files that the update has written could not be brought to $rm_lower ($(room "$rm_lower"))"
    done
}

rehearsal_over() { # user
    ro_place=/var/lib/aegir/rehearsal/$1
    [ -d "$ro_place" ] || return 0
    for ro_layer in "$ro_place"/*; do
        [ -d "$ro_layer" ] || continue
        umount "$ro_layer/merged" 2>/dev/null || :
        umount "$ro_layer" 2>/dev/null || :
    done
    if grep -q " $ro_place/" /proc/self/mounts; then
        fail 6111 "$ro_place has mounts that cannot be taken away; check it on the machine (grep rehearsal /proc/mounts)"
    fi
    rm -rf --one-file-system "$ro_place"
}

# Directories that belong with a database (deploy/pairing.py). The site's own user looks, copies and moves: its PHP may put a link
# anywhere below its own directories, and a share that squashes root shows root nothing of them.

paired_by() { # user text directory: a step of the user's own; fails as it does
    runuser -u "$1" -- sh -c "$2" sh "$3"
}

paired_sum() { # user directory...: the fact paired is one checksum of all; what cannot be read whole is never the same
    ps_user=$1
    shift
    ps_all=$(for ps_one; do
        paired_by "$ps_user" '[ -d "$1" ] || exit 0
            cd "$1" && all=$(find . -type f -exec sha256sum {} +) && printf "%s\n" "$all" | LC_ALL=C sort' "$ps_one" || date +%s.%N
        echo "$ps_one"
    done | sha256sum)
    fact paired "${ps_all%% *}"
}

paired_copy() { # user directory...: a copy beside each, which an update's programs take for it
    pc_user=$1
    shift
    for pc_one; do
        paired_by "$pc_user" '[ -d "$1" ] || exit 0
            rm -rf "$1.next" "$1.part" && cp -a "$1" "$1.part" && mv -T "$1.part" "$1.next"' "$pc_one" ||
            fail 6112 "$pc_one could not be copied beside itself ($(room "$pc_one"))"
    done
}

paired_layers() { # user directory...: the programs write to the copies themselves, whatever layers are over them
    py_user=$1
    shift
    for py_one; do
        ! paired_by "$py_user" '[ -d "$1.next" ]' "$py_one" || layers="$layers -p BindPaths=$py_one.next:$py_one.next"
    done
}

paired_clear() { # user directory...: no copy is left
    pl_user=$1
    shift
    for pl_one; do
        # Its account may be gone with the site.
        ! getent passwd "$pl_user" >/dev/null || paired_by "$pl_user" 'rm -rf "$1.next" "$1.part"' "$pl_one"
    done
}

paired_keep() { # user directory...: the copy becomes the directory, which is kept until the update is proven
    pk_user=$1
    shift
    for pk_one; do
        # Where the directory is not there, what is kept is the only one.
        paired_by "$pk_user" '[ -d "$1.next" ] || exit 0
            { [ ! -d "$1" ] || { rm -rf "$1.kept" && mv -T "$1" "$1.kept"; }; } && mv -T "$1.next" "$1"' "$pk_one" ||
            fail 6113 "$pk_one.next could not become $pk_one"
    done
}

paired_prove() { # user directory...
    pp_user=$1
    shift
    for pp_one; do
        paired_by "$pp_user" '[ -d "$1.kept" ] || exit 0
            rm -rf "$1.before" "$1.after" && mv -T "$1.kept" "$1.before"' "$pp_one" ||
            fail 6113 "$pp_one.kept could not become $pp_one.before"
    done
}

paired_drop() { # user directory...: undoes what a run has begun that was killed before its database was exchanged
    pd_user=$1
    shift
    for pd_one; do
        paired_by "$pd_user" 'rm -rf "$1.next" "$1.part" && { [ ! -d "$1.kept" ] || { rm -rf "$1" && mv -T "$1.kept" "$1"; }; }' "$pd_one" ||
            fail 6113 "$pd_one.kept could not become $pd_one again"
    done
}

paired_back() { # user directory...: what is there stays as the one of after; done twice, it is done once
    pb_user=$1
    shift
    for pb_one; do
        # Where one is kept, the one of before is of an earlier update, whose database is gone: a second step back must not find it.
        paired_by "$pb_user" 'from=$1.before
            [ ! -d "$1.kept" ] || { rm -rf "$from" && from=$1.kept; } || exit
            [ -d "$from" ] || exit 0
            { [ ! -d "$1" ] || { rm -rf "$1.after" && mv -T "$1" "$1.after"; }; } && mv -T "$from" "$1"' "$pb_one" ||
            fail 6113 "$pb_one could not become what it was before"
    done
}

paired_forward() { # user directory...: going back is undone
    pf_user=$1
    shift
    for pf_one; do
        paired_by "$pf_user" '[ -d "$1.after" ] || exit 0
            { [ ! -d "$1" ] || { rm -rf "$1.before" && mv -T "$1" "$1.before"; }; } && mv -T "$1.after" "$1"' "$pf_one" ||
            fail 6113 "$pf_one.after could not become $pf_one"
    done
}
