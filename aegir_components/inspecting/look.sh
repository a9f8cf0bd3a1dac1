# What a site is that runs on this machine: it reads, and changes nothing. Run as the login's user.
# A line each: a name, and a value in base64, so that no odd byte of the machine's own can forge a line.
say() { printf '::%s %s\n' "$1" "$(printf %s "$2" | base64 | tr -d '\n')"; }
no_site() {
    say fault "$1"
    exit 0
}
first_match() { sed -n "$1" "$2" 2>/dev/null | head -n 1; }

# look_site DIRECTORY
look_site() {
    set -u
    LC_ALL=C
    export LC_ALL
    root=$1
    tab=$(printf '\t')
    cd -- "$root" 2>/dev/null || no_site "there is no directory $root, or it cannot be entered"
    say user "$(id -un)"
    say host "$(hostname -f 2>/dev/null || hostname)"
    docroot=
    for each in . web docroot html public public_html htdocs www; do
        if [ -f "$each/wp-includes/version.php" ]; then
            application=wordpress
            version=$(first_match "s/^\$wp_version = '\([^']*\)'.*/\1/p" "$each/wp-includes/version.php")
        elif [ -f "$each/core/lib/Drupal.php" ]; then
            application=drupal
            version=$(first_match "s/^ *const VERSION = '\([^']*\)'.*/\1/p" "$each/core/lib/Drupal.php")
        elif [ -f "$each/core/includes/bootstrap.inc" ] && grep -q BACKDROP_VERSION "$each/core/includes/bootstrap.inc"; then
            application=backdrop
            version=$(first_match "s/^define('BACKDROP_VERSION', '\([^']*\)'.*/\1/p" "$each/core/includes/bootstrap.inc")
        elif [ -f "$each/includes/bootstrap.inc" ]; then
            application=drupal7
            version=$(first_match "s/^define('VERSION', '\([^']*\)'.*/\1/p" "$each/includes/bootstrap.inc")
        else
            continue
        fi
        docroot=$(cd -- "$each" && pwd -P)
        break
    done
    [ -n "$docroot" ] || no_site "there is neither Drupal, WordPress nor Backdrop in $root"
    say root "$(pwd -P)"
    say docroot "$docroot"
    say application "$application"
    say version "$version"
    cd -- "$docroot" || no_site "$docroot cannot be entered"
    say sites "$(find -L sites -mindepth 2 -maxdepth 2 -name settings.php 2>/dev/null | sed 's,^sites/,,; s,/settings.php$,,' | sort)"

    # The names of virtual hosts that have this document root: their own files, as far as this user may read them.
    names=
    for file in /etc/apache2/sites-enabled/* /etc/httpd/conf.d/*.conf /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf; do
        [ -r "$file" ] && [ -f "$file" ] || continue
        found=$(awk '
            function told() { if (place != "" && all != "") print place "\t" all; place = ""; all = "" }
            { line = $0; sub(/#.*/, "", line); gsub(/[;"]/, " ", line); n = split(line, w, " "); k = tolower(w[1]) }
            k == "<virtualhost" || k == "server" || k == "server{" || k == "</virtualhost>" { told() }
            k == "documentroot" || k == "root" { place = w[2] }
            k == "servername" || k == "serveralias" || k == "server_name" { for (i = 2; i <= n; i++) all = all " " w[i] }
            END { told() }' "$file")
        while IFS=$tab read -r place all; do
            [ -n "$place" ] && [ "$(readlink -f -- "$place" 2>/dev/null)" = "$docroot" ] && names="$names$all"
        done <<END
$found
END
    done
    say names "$names"
    if [ "$docroot" != "$(cd -- "$root" && pwd -P)" ] && [ -d ../vendor ]; then say vendor_above yes; fi
    say cron "$(crontab -l 2>/dev/null | grep -cv -e '^[[:space:]]*#' -e '^[[:space:]]*$' -e '^[A-Z_]*=')"
    if ! command -v php >/dev/null 2>&1; then
        say no_php yes
        exit 0
    fi
    say php "$(php -r 'echo PHP_VERSION;' 2>/dev/null)"
    say extensions "$(php -m 2>/dev/null | grep -v '^\[' | tr 'A-Z\n' 'a-z ')"
    if command -v mysqldump >/dev/null 2>&1 || command -v mariadb-dump >/dev/null 2>&1; then say dumps yes; fi
    if command -v rsync >/dev/null 2>&1; then say rsync yes; fi
}
