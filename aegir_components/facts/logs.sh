# What sites have logged on a web server. Functions only; see facts/site_logs.py for what calls them.

LOGS=/var/log/aegir

site_log_lines() { # mark kind count user file-name since follow: the last lines, mark and kind before each; times are the machine's own
    case $2 in
        access | error | slow) log_file "$1 $2" "$3" "$LOGS/$5.$2.log" "$7" ;;
        php)
            for ll_file in /var/log/php*-fpm.log; do
                [ ! -f "$ll_file" ] || log_file "$1 php" "$3" "$ll_file" "$7" "[pool $4"
            done
            log_journal "$1 php" "$3" "aegir-php@$4.service" "$6" "$7"
            ;;
        cron) log_journal "$1 cron" "$3" "aegir-cron@$4.service" "$6" "$7" ;;
    esac
}

log_file() { # mark count path follow only: with the file of before, which is not compressed yet
    if [ "$4" = yes ]; then
        tail -n 0 -F "$3" 2>/dev/null | log_only "${5-}" | sed -u "s/^/$1 /" &
    else
        cat "$3.1" "$3" 2>/dev/null | log_only "${5-}" | tail -n "$2" | sed "s/^/$1 /"
    fi
}

log_only() { # text: lines with it
    if [ -n "$1" ]; then grep --line-buffered -F -e "$1"; else cat; fi
}

log_journal() { # mark count unit since follow
    if [ "$5" = yes ]; then
        journalctl -q -f -n 0 -u "$3" -o short-unix --no-hostname 2>/dev/null | sed -u "s/^/$1 /" &
    else
        journalctl -q -u "$3" -n "$2" ${4:+--since "@$4"} -o short-unix --no-hostname --no-pager 2>/dev/null | sed "s/^/$1 /"
    fi
}

traffic() { # minutes file-name...: the fact traffic has a line a site: name, requests, microseconds, longest, 4xx, 5xx, bytes
    tr_since=$(date -d "-$1 min" +%Y%m%d%H%M%S)
    shift
    fact traffic "$(
        for tr_name; do
            for tr_part in .1 ''; do
                tail -c 20000000 "$LOGS/$tr_name.access.log$tr_part" 2>/dev/null
            done | awk -F'"' -v since="$tr_since" -v name="$tr_name" '
                BEGIN { split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", m, " "); for (i in m) month[m[i]] = i }
                {
                    if (!match($1, /\[[0-9][0-9]\/[A-Z][a-z][a-z]\/[0-9:]+/)) next
                    at = substr($1, RSTART + 1, RLENGTH - 1)
                    key = sprintf("%s%02d%s%s%s%s", substr(at, 8, 4), month[substr(at, 4, 3)], substr(at, 1, 2), \
                        substr(at, 13, 2), substr(at, 16, 2), substr(at, 19, 2))
                    if (key < since) next
                    split($3, said, " ")
                    if (said[1] !~ /^[0-9][0-9][0-9]$/) next
                    n++
                    bytes += said[2]
                    if (said[1] >= 500) worse++
                    else if (said[1] >= 400) bad++
                    took = $NF
                    gsub(/ /, "", took)
                    if (took !~ /^[0-9.]+$/) next
                    # nginx says seconds, with a point; Apache microseconds.
                    if (index(took, ".")) took *= 1000000
                    took += 0
                    time += took
                    if (took > longest) longest = took
                }
                END { printf "%s %d %.0f %.0f %d %d %.0f\n", name, n, time, longest, bad, worse, bytes }'
        done
    )"
}
