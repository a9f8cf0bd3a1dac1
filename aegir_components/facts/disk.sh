# What sites and platforms take of a machine's disk. Functions only; see facts/disk.py for what calls them.

disk_facts() { # path...: the fact sizes has kilobytes and path of each that is there; room has those that are free and all, by mount
    fact room "$(df -Pk /var/aegir /var/lib/mysql /var/log 2>/dev/null | awk 'NR > 1 { print $4, $2, $6 }' | sort -u)"
    fact sizes "$(timeout 120 nice du -sk -- "$@" 2>/dev/null)"
}

disk_databases() { # the fact databases: bytes, rows and name of each of the server's own record
    fact databases "$(mysql --protocol=socket --user=root --batch --skip-column-names -e "
        SELECT COALESCE(SUM(t.data_length + t.index_length), 0), COUNT(t.table_name), o.name FROM aegir.ownership o
        LEFT JOIN information_schema.tables t ON t.table_schema = o.name GROUP BY o.name" 2>/dev/null)"
}

spare_releases() { # publish-path releases-directory keep registry: the fact spare.PATH has kilobytes and name of what nobody needs
    cd "$2" 2>/dev/null || return 0
    sr_live=$(readlink "$1") sr_live=${sr_live##*/}
    [ -n "$sr_live" ] || return 0
    # A site that comes from another platform may be held on a release of that one: all platforms' records are read.
    sr_held=$(cat "${4%/*}"/*/.held 2>/dev/null | awk -v root="$PWD/" 'index($2, root) == 1 { print substr($2, length(root) + 1) }')
    # Of stages only those in which nothing has happened for an hour: a run may be at work on the others.
    sr_all=$({
        ls -1dt -- * 2>/dev/null | grep -Ex '[0-9a-f]{16}' | grep -Fvx -e "$sr_live" ${sr_held:+-e "$sr_held"} | tail -n "+$3"
        for sr_stage in .staging-* .pruned-*; do
            [ ! -d "$sr_stage" ] || [ -n "$(find "$sr_stage" -newermt '1 hour ago' -print -quit)" ] || printf '%s\n' "$sr_stage"
        done
    })
    for sr_one in $sr_all; do
        [ "$MODE" != apply ] || rm -f "$sr_one.manifest" "$sr_one.sums" "$sr_one.listing"
        nice du -sk -- "$sr_one"
        [ "$MODE" != apply ] || rm -rf --one-file-system "$sr_one"
    done >"${sr_found:=$(scratch_file)}"
    fact "spare.$1" "$(cat "$sr_found")"
    rm -f "$sr_found"
    sr_found=
}
