# A login to a database from this machine. Functions only; see deploy/access.py for what calls them.

# The table is the session's own, for all web servers prove it at once.
mysql_login() { # base64-options database [base64-authority]: the password is in a file for a moment, and never an argument
    ml_file=$(scratch_file) || no_scratch
    printf %s "$1" | base64 -d >"$ml_file"
    ml_ca=
    if [ -n "${3-}" ]; then
        ml_ca=$(scratch_file) || no_scratch
        printf %s "$3" | base64 -d >"$ml_ca"
        printf 'ssl-ca=%s\n' "$ml_ca" >>"$ml_file"
    fi
    if ml_said=$(mysql --defaults-file="$ml_file" "$2" -e 'CREATE TEMPORARY TABLE proof (n INT)' 2>&1); then
        fact login ok
    else
        fact login "$(printf %s "$ml_said" | tail -n 1)"
    fi
    rm -f "$ml_file" "${ml_ca:-$ml_file}"
}
