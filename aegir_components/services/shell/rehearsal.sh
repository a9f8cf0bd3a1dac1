# Files of a site that may be changed without being changed. Functions only; see services/rehearsal.py for what calls them.

rehearsal_begin() { # user directory...: a layer over each; sets layers to properties of a unit that sees them in their places
    rehearsal_over "$1"
    rb_place=/var/lib/aegir/rehearsal/$1
    mkdir -p "${rb_place%/*}" && chmod 700 "${rb_place%/*}" && mkdir -m 700 "$rb_place" || fail "$rb_place could not be made ($(room /var/lib))"
    shift
    layers=
    rb_number=0
    for rb_lower; do
        rb_number=$((rb_number + 1))
        rb_layer=$rb_place/$rb_number
        mkdir "$rb_layer" && printf '%s\n' "$rb_lower" >"$rb_layer.of" || fail "$rb_layer could not be made ($(room /var/lib))"
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
        [ -d "$rp_from/$rp_part" ] || mkdir -p "$rp_from/$rp_part" && chown "$rp_user:" "$rp_from/$rp_part" || fail "$rp_from/$rp_part could not be made"
        printf ' -p BindPaths=%s:%s' "$rp_from/$rp_part" "$rp_to/$rp_part" >>"$rp_layers" || fail "$rp_layers could not be written ($(room /var/lib))"
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
            fail "files that the update has written could not be brought to $rm_lower ($(room "$rm_lower"))"
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
        fail "$ro_place has mounts that cannot be taken away; look at it on the machine (grep rehearsal /proc/mounts)"
    fi
    rm -rf --one-file-system "$ro_place"
}
