# Which parts a release has, with their versions. Functions only; see facts/code.py for what calls them.

code_packaged() { # kind document-root: project and version of each module, theme and core, as packaging scripts write them
    find "$2" -type f \( -name '*.info.yml' -o -name '*.info' \) -not -path '*/tests/*' -exec awk -v kind="$1" '
        function out() { if (project != "" && version != "" && version !~ /^(BACKDROP_)?VERSION$/) print kind "\t" project "\t" version }
        function value(text) { sub(/^[a-z]+ *[:=] */, "", text); gsub(/["\047\r]/, "", text); return text }
        FNR == 1 { out(); project = version = "" }
        /^project *[:=]/ { project = value($0) }
        /^version *[:=]/ { version = value($0) }
        END { out() }' {} + 2>/dev/null | sort -u | head -n 5000
}

code_wordpress() { # document root: the plugins and themes, by their own headers
    for cw_file in "$1"/wp-content/plugins/*.php "$1"/wp-content/plugins/*/*.php; do
        [ -f "$cw_file" ] && head -c 8192 "$cw_file" | grep -q '^[ /*#@]*Plugin Name:' || continue
        cw_name=${cw_file#"$1"/wp-content/plugins/} cw_name=${cw_name%%/*}
        printf 'wordpress-plugin\t%s\t%s\n' "${cw_name%.php}" "$(code_header "$cw_file")"
    done
    for cw_file in "$1"/wp-content/themes/*/style.css; do
        [ -f "$cw_file" ] || continue
        cw_name=${cw_file%/style.css}
        printf 'wordpress-theme\t%s\t%s\n' "${cw_name##*/}" "$(code_header "$cw_file")"
    done
}

code_header() { # file
    head -c 8192 "$1" | tr -d '\r' | sed -n 's/^[ \t/*#@]*Version:[ \t]*\([^ \t]*\).*/\1/p' | head -n 1
}

code_facts() { # application release document-root: the facts parts and lock
    case $1 in
        wordpress) cf_parts=$(code_wordpress "$3") ;;
        backdrop) cf_parts=$(code_packaged backdrop "$3") ;;
        *) cf_parts=$(code_packaged drupal "$3") ;;
    esac
    fact parts "$cf_parts"
    [ ! -f "$2/composer.lock" ] || fact lock "$(head -c 16000000 "$2/composer.lock" | gzip -c | base64 -w 0)"
}
