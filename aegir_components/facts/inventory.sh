# What is on a machine by its own records. Functions only; see facts/inventory.py for what calls them.

inventory_web() { # publish-root...: platforms by their marks, sites by the registries, and directories with a site's data
    fact platforms "$(for iw_mark in /var/aegir/config/sites.d/*/.published; do
        [ -f "$iw_mark" ] || continue
        iw_name=${iw_mark%/.published}
        { read -r iw_holder && read -r iw_path; } <"$iw_mark" && printf '%s %s %s\n' "$iw_holder" "${iw_name##*/}" "$iw_path"
    done)"
    fact registered "$(for iw_site in /var/aegir/config/sites.d/*/*; do
        [ -f "$iw_site" ] || continue
        iw_place=${iw_site%/*}
        printf '%s %s\n' "${iw_place##*/}" "${iw_site##*/}"
    done)"
    fact data "$(for iw_root; do
        for iw_home in "$iw_root"/.sites/*/; do
            [ -d "$iw_home" ] || continue
            printf '%s %s\n' "${iw_home%/}" "$(timeout 10 find "$iw_home" -type f | wc -l)"
        done
    done)"
}

inventory_databases() { # the databases of the server's own record: name, owner, number of tables
    fact databases "$(mysql --protocol=socket --user=root --batch --skip-column-names -e "
        SELECT o.name, o.owner, COUNT(t.table_name) FROM aegir.ownership o
        LEFT JOIN information_schema.tables t ON t.table_schema = o.name GROUP BY o.name, o.owner ORDER BY o.name" 2>/dev/null)"
}
