# What arrives of a release on a machine, until it has its name. Functions only; see deploy/arrival.py for what calls them, and
# release.sh for those that these call.
# Those that take arguments by name have them in variables that takes sets.
# shellcheck disable=SC2154

release_begin() { # by name: an empty stage, or the live release in hard links
    takes rb_ staging live docroot sites -- "$@"
    rb_said=$({ rm -rf "$rb_staging" && mkdir "$rb_staging"; } 2>&1) || fail 6020 "no release can be put together in $rb_staging: $rb_said ($(room "${rb_staging%/*}"))"
    [ -n "$rb_live" ] || return 0
    # Directories get the umask's 755, as every release has them, and files are the live one's own: with -a it would take
    # half as long again. Links into the sites' data are where link_sites and link_shared make them; others are no part of the
    # release, and its digest will say so.
    # Both lie side by side: each step of a path is looked up for each of 25,000 files.
    (cd "${rb_staging%/*}" && cp -R -P -l "./${rb_live##*/}/." "./${rb_staging##*/}/") && find "$rb_docroot" -maxdepth 2 -type l -lname "$rb_sites/*" -delete ||
        fail 6020 "$rb_live could not be linked into $rb_staging (is the disk full? $(room "$rb_staging"))"
}

release_without() { # by name: what goes, and where anything goes from or comes into, both in base64
    takes rw_ staging gone within -- "$@"
    # Somebody may have put a link where a directory was: nothing is taken away or written through it.
    printf %s "$rw_within" | base64 -d | (cd "$rw_staging" && xargs -0 -r sh -c 'for rw_path; do [ ! -L "./$rw_path" ] || rm -f "./$rw_path" || exit 1; done' sh) &&
        printf %s "$rw_gone" | base64 -d | (cd "$rw_staging" && xargs -0 -r rm -rf --) || fail 6020 "what the new release does not have could not be taken out of $rw_staging"
}

release_unpack() { # by name: what comes on standard input
    takes ru_ staging program option -- "$@"
    ru_said=$({ "$ru_program" ${ru_option:+"$ru_option"} | tar -x -f - -C "$ru_staging" --no-same-owner --no-same-permissions; } 2>&1) || {
        ru_said=$(printf %s "$ru_said" | tail -n 3)
        fail 6022 "the copy did not arrive whole in $ru_staging: $ru_said ($(room "$ru_staging")). The live release is untouched; run it again"
    }
}

# What arrived in a stage is proven, recorded, and gets its name. Beside the stage lie its lists until then; deploy/arrival.py has
# the order.

release_walk() { # staging manifest: both lists in one walk; the manifest is sorted
    (cd "$1" && find . -mindepth 1 -fprintf "$1.list" '%y %m %l %P\0' \( -type d -fprintf "$2.new" '%y %m %P\0' \
        -o -type l -fprintf "$2.new" '%y %l %P\0' -o -fprintf "$2.new" '%y %m %s %T@ %P\0' \)) && sort -z -o "$2.new" "$2.new" ||
        no_sums "$1"
}

no_sums() { # staging
    ns_sums=$1.sums
    fail 4523 "$ns_sums could not be written (is the disk full? $(room "$1"))"
}

release_sums() { # staging manifest: all files are read
    sed -z -n 's/^f [0-9]* [0-9]* [0-9.-]* //p' "$2.new" | sort -z | (cd "$1" && xargs -0 -r sha256sum -z --) >"$1.sums" || no_sums "$1"
}

# Of the former release's files, those that still are as they were when that was accepted were read then: their checksums stand in
# its record. All others are read.
release_sums_since() { # by name: the lists of files in base64
    takes rs_ staging manifest former changed gone -- "$@"
    printf %s "$rs_gone" | base64 -d | sed -z 's/^/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx  /' >"$rs_staging.sums.gone"
    {
        printf %s "$rs_changed" | base64 -d
        comm -z -13 "$rs_former.manifest" "$rs_manifest.new" | sed -z -n 's/^f [0-9]* [0-9]* [0-9.-]* //p'
    } | sort -z -u | (cd "$rs_staging" && xargs -0 -r sha256sum -z --) |
        cat - "$rs_staging.sums.gone" "$rs_former.sums" | sort -z -s -u -t '\0' -k1.67 | grep -azv '^xxxx' >"$rs_staging.sums" ||
        no_sums "$rs_staging"
    rm -f "$rs_staging.sums.gone"
}

# Compared here: to ask the hub would be another round trip of every release, and nothing unproven may get a name. What is
# said of it, the hub decides from the fact.
only_proven() { # staging digest: ends the script where something else arrived
    op_listing=$(sort -z "$1.list" | sha256sum | cut -c1-64)
    op_got=$(digest_of "$op_listing" "$1.sums")
    rm -f "$1.list"
    fact digest "$op_got"
    [ "$op_got" = "$2" ] || exit 0
    echo "$op_listing" >"$1.listing" || no_sums "$1"
}

release_place() { # by name: the directory for links to sites, which a release has in its document root
    takes pl_ staging manifest docroot -- "$@"
    [ ! -d "$pl_docroot/sites" ] || return 0
    pl_made=${pl_docroot#"$pl_staging"}/sites
    mkdir -p "$pl_docroot/sites" && printf 'd 755 %s\0' "${pl_made#/}" | sort -z -o "$pl_manifest.new" - "$pl_manifest.new" ||
        fail 4521 "$pl_docroot/sites could not be made"
}

# It may be live and at work: each file is exchanged by itself, so that no moment is without one.
release_repair() { # by name: a release that was damaged becomes what is in the stage
    takes rr_ staging release manifest sites -- "$@"
    find "$rr_release" -type l -lname "$rr_sites/*" -printf '%P\0%l\0' | xargs -0 -r -n 2 sh -c 'ln -sfnT "$2" "$0/$1"' "$rr_staging"
    rsync -a --checksum --delete --force "$rr_staging/" "$rr_release/" && tree_manifest "$rr_release" "$rr_sites" >"$rr_manifest.new" ||
        fail 6024 "the damaged release $rr_release could not be repaired; run it again"
}

release_record() { # by name: before it has its name, so that a run that is killed leaves a stage
    takes rc_ staging release manifest -- "$@"
    mv -f "$rc_staging.sums" "$rc_release.sums" && mv -f "$rc_staging.listing" "$rc_release.listing" &&
        mv -f "$rc_manifest.new" "$rc_manifest" || fail 4523 "$rc_manifest could not be written (is the disk full? $(room "$rc_staging"))"
}

release_name() { # staging release
    mv -T "$1" "$2" || fail 6020 "the release could not be given its name $2"
}
