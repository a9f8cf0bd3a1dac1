# How a site was configured before a change, kept until the change is proven. Functions only; see deploy/former.py.

keep_former() { # user keys paths...: what an earlier change has kept stays until that is proven, and its keys are named as well
    [ "$MODE" = apply ] || return 0
    kf_place=/var/lib/aegir/former/$1 kf_keys=$2
    shift 2
    [ -e "$kf_place" ] || {
        mkdir -p "${kf_place%/*}" && chmod 700 "${kf_place%/*}" && rm -rf "$kf_place.new" && mkdir -m 700 "$kf_place.new" ||
            fail 4525 "nothing can be kept in ${kf_place%/*} ($(room /var/lib))"
        kf_number=0
        for kf_path; do
            kf_number=$((kf_number + 1)) kf_name=-
            [ ! -e "$kf_path" ] || kf_name=$kf_number
            [ "$kf_name" = - ] || cp -p "$kf_path" "$kf_place.new/$kf_name" ||
                fail 4525 "$kf_path cannot be kept in ${kf_place%/*} ($(room /var/lib))"
            printf '%s %s\n' "$kf_name" "$kf_path" >>"$kf_place.new/list"
        done
        mv "$kf_place.new" "$kf_place" || fail 4525 "nothing can be kept in ${kf_place%/*}"
    }
    kf_keys=$({ cat "$kf_place/keys" 2>/dev/null; printf '%s\n' $kf_keys; } | sort -u)
    printf '%s\n' "$kf_keys" >"$kf_place/keys"
}

drop_former() { # users...: their change is proven, or cannot be rolled back
    [ "$MODE" = apply ] || return 0
    for df_user; do rm -rf "/var/lib/aegir/former/$df_user" "/var/lib/aegir/former/$df_user.new"; done
    rmdir /var/lib/aegir/former 2>/dev/null || :
}

restore_former() { # user later: the files; pools and vhosts count from the reload that comes after this. The fact former.<user> has the keys
    [ "$MODE" = apply ] || return 0
    rf_place=/var/lib/aegir/former/$1 rf_master=
    [ -e "$rf_place/list" ] || return 0
    while read -r rf_name rf_path; do
        if [ "$rf_name" = - ]; then
            [ -e "$rf_path" ] || continue
            case $rf_path in *.service) systemctl -q disable --now "${rf_path##*/}" 2>/dev/null </dev/null 9>&- ;; esac
            rm -f "$rf_path" || fail 4524 "$rf_path could not be removed"
        else
            ! cmp -s "$rf_place/$rf_name" "$rf_path" || continue
            cp -p "$rf_place/$rf_name" "$rf_path.former" && mv -f "$rf_path.former" "$rf_path" || fail 4526 "$rf_path could not be restored"
        fi
        case $rf_path in
            /var/aegir/config/php-fpm/pool*.d/*) restored_pool "$rf_path" ;;
            /var/aegir/config/php-fpm/process.d/* | *.service) rf_master=yes ;;
            */vhost.d/*) "$2" ;;
        esac || fail 4546 "no reload could be asked for after $rf_path was restored"
    done <"$rf_place/list"
    [ -z "$rf_master" ] || restored_master "aegir-php@$1.service" || fail 4561 "the PHP of $1 could not be started with its former configuration"
    fact "former.$1" "$(cat "$rf_place/keys")"
}

restored_pool() { # path
    rp_version=${1#/var/aegir/config/php-fpm/pool} rp_version=${rp_version%%.d/*} rp_version=${rp_version#-}
    case ${rp_version:-$(php_version)} in "$(php_version)") fpm_later ;; *) fpm_later_of "$rp_version" ;; esac
}

restored_master() { # unit
    systemctl daemon-reload 9>&- || return 1
    [ -e "/etc/systemd/system/$1" ] || return 0
    systemctl -q enable "$1" 9>&- && systemctl restart "$1" 9>&-
}
