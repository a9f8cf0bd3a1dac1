# What each of our scripts begins with: items that say how something has to be, and repair it when MODE is apply.
# POSIX sh and Debian's essential packages only. Reports go to stdout, a line each: ::fact, ::drift, ::changed, ::fail;
# before these ::kind and ::number.
# Texts in them are base64, so that no newline or odd byte of a machine's own can forge a line; plain ones stand as they are
# after a "=", since each base64 is a process.
set -u
umask 022
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd /
DRIFTS=0
QUIET=0
UNDO=
PATHS='' SUMS='' UNITS='' PACKAGES='' PHP=''
NL='
'

say() {
    case $2 in
        *[!A-Za-z0-9\ ./_:,-]*) printf '::%s %s\n' "$1" "$(printf %s "$2" | base64 -w 0)" ;;
        *) printf '::%s =%s\n' "$1" "$2" ;;
    esac
}
fact() { say "fact $1" "$2"; }
fail() { # [number] text: the number is that of the message in the catalogue (messages/)
    [ $# = 1 ] || { printf '::number %s\n' "$1"; shift; }
    say fail "$1"
    exit 97
}

# deviates TEXT [KIND OF-WHAT]: counts and reports something that is not as declared; true when it is to be repaired now. The hub
# decides on the kind (Deviation in script.py), never on the text.
deviates() {
    DRIFTS=$((DRIFTS + 1))
    if [ "$MODE" = apply ]; then
        [ $# = 1 ] || say "kind $2" "$3"
        say changed "$1"
        return 0
    fi
    [ "$QUIET" = 1 ] || {
        [ $# = 1 ] || say "kind $2" "$3"
        say drift "$1"
    }
    return 1
}

# What a look asks ahead, a process for all items: each by itself costs one or more. The answers only confirm. What does
# not stand there word for word (an odd name, an empty file, another version's order) the item inspects by itself.
know_paths() { PATHS=$NL$(QUOTING_STYLE=shell-escape-always stat -c '%F %N %U:%G:%a' -- "$@" 2>/dev/null)$NL; }
know_sums() { # of files only: what else is there, a link to a device too, would be read without end
    for ks_path; do
        shift
        [ ! -f "$ks_path" ] || [ -L "$ks_path" ] || set -- "$@" "$ks_path"
    done
    [ $# = 0 ] || SUMS=$NL$(sha256sum -- "$@" 2>/dev/null)$NL
}
know_units() { UNITS=$NL$(systemctl show -p Id,ActiveState,UnitFileState -- "$@" 2>/dev/null)$NL; }
know_packages() { PACKAGES=" $(package_states "$@") "; }
know_php() { PHP=$(php_version); }

# Locks and temporary files lie where only root may look: whoever can open a lock can hold it.
private_place() {
    [ -d /run/aegir/private ] || { mkdir -p /run/aegir && install -d -m 700 /run/aegir/private; }
}
scratch_file() { # a new temporary file, where no other user can guess, see or fill the place
    [ -w /run ] || { mktemp; return; }
    private_place && mktemp /run/aegir/private/scratch.XXXXXX
}
no_scratch() { fail 4522 "no temporary file can be made ($(room /run))"; }

# One of our runs at a time on a machine, also from two stacks or after a hub that was killed. Programs that we start get
# no copy of descriptor 9 where they may stay (9>&-), for the lock lives as long as any copy is open.
machine_lock() { # seconds, stack, person
    private_place || fail 4522 "no place for locks can be made in /run/aegir ($(room /run))"
    exec 9>>/run/aegir/private/lock
    flock -w "$1" 9 || fail 4500 "another run is working on this machine and did not end within $1 s: $(lock_owner)"
    printf '%s%s (pid %s)\n' "$2" "${3:+ by $3}" "$$" >/run/aegir/private/holder
    note_work "$2${3:+ by $3}"
    # What killed scripts have left.
    find /run/aegir/private -name 'scratch.*' -mmin +600 -delete
}
note_work() { # who: a line in the machine's journal for each run, and not for each of its scripts
    [ "$(cat /run/aegir/private/noted 2>/dev/null)" != "$1" ] || [ -z "$(find /run/aegir/private/noted -mmin -10)" ] || return 0
    printf '%s\n' "$1" >/run/aegir/private/noted
    logger -t aegir -p user.notice -- "$1: changes to this machine begin" 2>/dev/null || :
}
lock_owner() { # in a subshell: names the process that has the lock, since the record may be of a run that has ended
    exec 9>&-
    lo_said=$(cat /run/aegir/private/holder 2>/dev/null)
    lo_pid=${lo_said##*(pid } lo_pid=${lo_pid%)}
    for lo_each in $lo_pid $(ls /proc | grep -x '[0-9]*'); do
        # Whoever waits has the file open too, in itself and in its flock command.
        case $lo_each:$(cat "/proc/$lo_each/comm" "/proc/$lo_each/task/$lo_each/children" 2>/dev/null) in "$$:"* | *:flock*) continue ;; esac
        ls -l "/proc/$lo_each/fd" 2>/dev/null | grep -qF -- "-> /run/aegir/private/lock" || continue
        lo_waits=
        for lo_child in $(cat "/proc/$lo_each/task/$lo_each/children" 2>/dev/null); do
            ! grep -qx flock "/proc/$lo_child/comm" 2>/dev/null || lo_waits=yes
        done
        [ -z "$lo_waits" ] || continue
        [ "$lo_each" != "$lo_pid" ] || { printf %s "$lo_said"; return; }
        printf '%s (pid %s)' "$(tr '\0' ' ' <"/proc/$lo_each/cmdline" | cut -c1-60 | sed 's, *$,,')" "$lo_each"
        return
    done
    printf %s "$lo_said"
}

# Which entry of a stack's file this machine is. An entry may get another name: then the removal of the former one takes nothing away.
declare_entry() { # holder name
    [ "$MODE" = apply ] || return 0
    mkdir -p /var/lib/aegir/entries && printf '%s\n' "$2" >"/var/lib/aegir/entries/$(printf %s "$1" | tr / %)"
}
forget_entry() { # holder
    [ "$MODE" = apply ] || return 0
    rm -f "/var/lib/aegir/entries/$(printf %s "$1" | tr / %)" "/var/lib/aegir/stacks/$(printf %s "$1" | tr / %)" \
        /var/lib/aegir/services/*/"$(printf %s "$1" | tr / %)"
    rmdir /var/lib/aegir/services/* /var/lib/aegir/services 2>/dev/null || :
    rmdir /var/lib/aegir/entries /var/lib/aegir/stacks /var/lib/aegir 2>/dev/null || :
}
# want_own_stack OWNER ID TYPE-AND-KEY: no other stack of this name, whose accounts and files it would take for its own. A hub
# with the same key is the same one, whose state and records were lost; one without a key is the machine itself.
want_own_stack() {
    ow_file=/var/lib/aegir/stacks/$(printf %s "$1" | tr / %)
    ow_key=/var/lib/aegir/services/key/${ow_file##*/}
    ow_is=$(cat "$ow_file" 2>/dev/null)
    [ "$ow_is" != "$2" ] || return 0
    if [ -n "$ow_is" ] && ! if [ -n "$3" ]; then grep -qsF -e "$3" "$ow_key"; else [ ! -e "$ow_key" ]; fi; then
        deviates "stack $1: another stack of this name has the machine" || return 0
        fail 4501 "another stack that is called $1, of another hub or state, has this machine already. Nothing was changed. Give this stack another name: pulumi stack rename NAME. If the other one is gone for good, remove $ow_file here"
    fi
    deviates "file $ow_file: does not name this stack" || return 0
    mkdir -p "${ow_file%/*}" && printf '%s\n' "$2" >"$ow_file" || fail 4523 "$ow_file could not be written"
}
want_same_service() { # kind holder value: stacks that share a service of a machine declare the same of it
    ss_own=$(printf %s "$2" | tr / %)
    for ss_file in "/var/lib/aegir/services/$1"/*; do
        ss_name=${ss_file##*/}
        [ "$ss_name" != "$ss_own" ] && [ -e "$ss_file" ] && [ -e "/var/lib/aegir/entries/$ss_name" ] || continue
        [ "$(cat "$ss_file")" != "$3" ] || continue
        deviates "$1: is declared otherwise by the stack $(printf %s "$ss_name" | tr % /)" || return 0
        fail 4502 "the stack $(printf %s "$ss_name" | tr % /) shares this machine and declares its $1 as \"$(cat "$ss_file")\", and this one as \"$3\". Nothing was changed. Declare the same in both, or take another machine"
    done
    [ "$MODE" != apply ] || { mkdir -p "/var/lib/aegir/services/$1" && printf '%s\n' "$3" >"/var/lib/aegir/services/$1/$ss_own"; } || fail 4523 "no record can be written in /var/lib/aegir/services/$1"
}
leave_service() { # kind holder: ends the script where other stacks have the machine: what they share stays
    for ls_entry in /var/lib/aegir/entries/*; do
        [ -e "$ls_entry" ] && [ "${ls_entry##*/}" != "$(printf %s "$2" | tr / %)" ] || continue
        end_service "$@"
        exit 0
    done
}
end_service() { # kind holder: after all that may refuse it
    [ "$MODE" = apply ] || return 0
    rm -f "/var/lib/aegir/services/$1/$(printf %s "$2" | tr / %)"
    rmdir "/var/lib/aegir/services/$1" /var/lib/aegir/services 2>/dev/null || :
}
hub_keys() { # own-record: the lines of other stacks that have the machine
    for hk_file in /var/lib/aegir/services/key/*; do
        [ -e "$hk_file" ] && [ "$hk_file" != "$1" ] && [ -e "/var/lib/aegir/entries/${hk_file##*/}" ] || continue
        cat "$hk_file"
    done
}
want_hub_key() { # holder path group base64-line: the hubs of all stacks that have the machine are let in, each by its own line
    wk_own=/var/lib/aegir/services/key/$(printf %s "$1" | tr / %)
    wk_all=$({ printf %s "$4" | base64 -d; hub_keys "$wk_own"; } | sort -u | base64 -w0)
    if ! printf %s "$4" | base64 -d | cmp -s - "$wk_own" && deviates "file $wk_own: content differs"; then
        mkdir -p "${wk_own%/*}" && printf %s "$4" | base64 -d >"$wk_own" || fail 4523 "$wk_own could not be written"
    fi
    want_file "$2" root "$3" 640 "$wk_all"
}
leave_hub_key() { # holder path group: one that goes takes its own line
    [ "$MODE" = apply ] || return 0
    lk_own=/var/lib/aegir/services/key/$(printf %s "$1" | tr / %)
    lk_rest=$(hub_keys "$lk_own" | sort -u | base64 -w0)
    rm -f "$lk_own"
    rmdir "${lk_own%/*}" "${lk_own%/*/*}" 2>/dev/null || :
    [ -z "$lk_rest" ] || want_file "$2" root "$3" 640 "$lk_rest"
}
entry_facts() { # holder: which entry of the stack the machine is, whether anybody prepared it, and who else has it
    fact entry "$(cat "/var/lib/aegir/entries/$(printf %s "$1" | tr / %)" 2>/dev/null)"
    fact others "$(ls /var/lib/aegir/entries 2>/dev/null | grep -vxF "$(printf %s "$1" | tr / %)" | tr '\n' ' ')"
    ! getent passwd aegir >/dev/null || fact prepared yes
}
only_entry() { # holder name: ends the script where the machine is another entry by now
    oe_now=$(cat "/var/lib/aegir/entries/$(printf %s "$1" | tr / %)" 2>/dev/null)
    case $oe_now in '' | "$2") ;; *) fact entry "$oe_now" && exit 0 ;; esac
}

only_stack() { # holder: ends the script where other stacks have the machine too: what they share goes with the last one
    for os_entry in /var/lib/aegir/entries/*; do
        [ -e "$os_entry" ] && [ "${os_entry##*/}" != "$(printf %s "$1" | tr / %)" ] || continue
        forget_entry "$1"
        exit 0
    done
}

debian_only() {
    os=$(. /etc/os-release 2>/dev/null && printf '%s' "${PRETTY_NAME:-${ID:-unknown}}") || os=unknown
    like=$(. /etc/os-release 2>/dev/null && printf '%s' "${ID:-} ${ID_LIKE:-}") || like=
    case " $like " in
        *" debian "*) command -v apt-get >/dev/null && command -v systemctl >/dev/null && return 0 ;;
    esac
    fail 4510 "this machine runs $os; Debian 11 to 13 or Ubuntu 22.04 or 24.04 with systemd is needed"
}

# room DIRECTORY: what is left where it lies; "no space" may as well be no inodes.
room() {
    df -h --output=avail,iavail,target "$1" | awk 'END { printf "%s and %s inodes free on %s", $1, $2, $3 }'
    case ,$(findmnt -nro OPTIONS -T "$1" 2>/dev/null), in *,ro,*) printf %s ', which is read-only; look at dmesg' ;; esac
}

# remember PATH: keeps what is there, so that a transaction can undo it.
remember() {
    [ -n "$UNDO" ] || return 0
    re_key=$(printf %s "$1" | sha256sum | cut -c1-40)
    [ ! -e "$UNDO/$re_key.path" ] || return 0
    if [ -e "$1" ] || [ -L "$1" ]; then cp -a "$1" "$UNDO/$re_key" || fail 4525 "no copy of $1 could be kept in $UNDO"; fi
    printf %s "$1" >"$UNDO/$re_key.path" || fail 4525 "no copy of $1 could be kept in $UNDO"
}

want_dir() { # path owner group mode
    case $PATHS in *"${NL}directory '$1' $2:$3:$4$NL"*) return 0 ;; esac
    if [ -d "$1" ] && [ ! -L "$1" ]; then
        [ "$(stat -c %U:%G:%a "$1")" = "$2:$3:$4" ] && return 0
        deviates "directory $1: is $(stat -c %U:%G:%a "$1"), not $2:$3:$4" || return 0
    elif [ -e "$1" ] || [ -L "$1" ]; then
        deviates "directory $1: something else is there" || return 0
        fail 4520 "$1 exists and is no directory; it was left as it is"
    else
        deviates "directory $1: missing" made "$1" || return 0
        mkdir "$1" || fail 4521 "the directory $1 could not be made"
    fi
    # Mode last: chown drops the set-group-id bit. With five digits, or chmod keeps the one that a parent has handed down.
    chown "$2:$3" "$1" && chmod "00$4" "$1" || fail 4521 "owner and mode of $1 could not be set"
}

want_file() { # path owner group mode base64-content sha256-or-nothing
    case $PATHS in
        *"${NL}regular file '$1' $2:$3:$4$NL"*) case $SUMS in *"$NL${6:-none}  $1$NL"*) return 0 ;; esac ;;
    esac
    wf_why=
    if [ -d "$1" ] && [ ! -L "$1" ]; then
        deviates "file $1: a directory is there" || return 0
        fail 4520 "$1 is a directory; it was left as it is"
    elif [ -L "$1" ]; then wf_why="is a link"
    elif [ ! -e "$1" ]; then wf_why=missing
    elif ! printf %s "$5" | base64 -d | cmp -s - "$1"; then wf_why="content differs"
    elif [ "$(stat -c %U:%G:%a "$1")" != "$2:$3:$4" ]; then wf_why="is $(stat -c %U:%G:%a "$1"), not $2:$3:$4"
    fi
    [ -n "$wf_why" ] || return 0
    deviates "file $1: $wf_why" file "$1" || return 0
    remember "$1"
    wf_new=$(mktemp "$(dirname "$1")/.aegir-new.XXXXXX") || fail 4522 "no file can be made beside $1 ($(room "$(dirname "$1")"))"
    if printf %s "$5" | base64 -d >"$wf_new" && chown "$2:$3" "$wf_new" && chmod "$4" "$wf_new" && mv -fT "$wf_new" "$1"; then
        return 0
    fi
    rm -f "$wf_new"
    fail 4523 "$1 could not be written (is the disk full? $(room "$(dirname "$1")"))"
}

want_link() { # path target
    case $PATHS in *"${NL}symbolic link '$1' -> '$2' "*) return 0 ;; esac
    if [ -L "$1" ]; then
        [ "$(readlink "$1")" = "$2" ] && return 0
        deviates "link $1: points to $(readlink "$1"), not to $2" || return 0
    elif [ -e "$1" ]; then
        deviates "link $1: something else is there" || return 0
        fail 4520 "$1 exists and is no link; it was left as it is"
    else
        deviates "link $1: missing" || return 0
    fi
    remember "$1"
    wl_new=$1.aegir-new.$$
    ln -s -- "$2" "$wl_new" && mv -fT "$wl_new" "$1" || fail 4521 "the link $1 could not be made"
}

want_no_file() { # path: our file or link that has to be gone
    [ -e "$1" ] || [ -L "$1" ] || return 0
    deviates "file $1: still there" || return 0
    remember "$1"
    rm -f "$1" || fail 4524 "$1 could not be removed"
}

package_states() { dpkg-query -W -f='${Package}=${db:Status-Status} ' "$@" 2>/dev/null; }

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

want_packages() {
    # One question for all of them: each would cost as much as all the rest of a look.
    missing_packages "$PACKAGES" "$@"
    [ -n "$wp_missing" ] || return 0
    missing_packages " $(package_states "$@") " "$@"
    [ -n "$wp_missing" ] || return 0
    deviates "packages missing:$wp_missing" || return 0
    # shellcheck disable=SC2086 # a list of words
    apt_install $wp_missing
}

missing_packages() { # states names...: sets wp_missing
    wp_there=$1 wp_missing=
    shift
    for wp_name; do
        case $wp_there in *" $wp_name=installed "*) ;; *) wp_missing="$wp_missing $wp_name" ;; esac
    done
}

apt_run() { # apt-get with our settings; its output goes to a log that is quoted when it fails
    env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none \
        apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 -o Acquire::http::Timeout=30 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" >>"$APT_LOG" 2>&1 </dev/null 9>&-
}

apt_update() { # apt-get waits for the lock of dpkg's, but not for that of the lists, which a fresh machine's timers hold
    au_end=$(($(date +%s) + 300))
    until apt_run update; do
        tail -n 5 "$APT_LOG" | grep -q '/var/lib/apt/lists' && grep -q 'Could not get lock' "$APT_LOG" || return 1
        [ "$(date +%s)" -lt "$au_end" ] || return 1
        sleep 2
        : >"$APT_LOG"
    done
}

apt_advice() { # what apt said: what helps
    case $1 in
        *'not valid yet'* | *'not yet valid'*) echo "This machine's clock says $(date -u '+%Y-%m-%d %H:%M') UTC; set it right: timedatectl set-ntp true" ;;
        *'enough free space'* | *'No space left'*) echo "Make room: $(room /var/cache/apt), $(room /usr)" ;;
        *'Read-only file system'*) echo "A file system is read-only: findmnt -O ro; dmesg | tail" ;;
        *'Could not get lock'* | *'Unable to acquire'*) echo "Another program has the lock of apt: wait for its end, or look at it with ps aux" ;;
        *'Temporary failure resolving'* | *'Could not resolve'*) echo "This machine finds no names: look at /etc/resolv.conf" ;;
        *NO_PUBKEY* | *EXPKEYSIG* | *'is not signed'*) echo "A package source is signed by a key that this machine does not know: renew that key in /etc/apt" ;;
        # Without lists no package is found either: that is not the reason.
        *'onnect to'* | *'Failed to fetch'*) echo "Check the machine's network and /etc/apt/sources.list" ;;
        *'Unable to locate package'* | *'has no installation candidate'*) echo "Its package sources do not have it: look at /etc/apt/sources.list and /etc/apt/sources.list.d" ;;
        *) echo "Check the machine's network and /etc/apt/sources.list" ;;
    esac
}

apt_install() {
    APT_LOG=$(scratch_file) || no_scratch
    # Packages that start or restart services as they are installed would restart the owner's web server too. The policy
    # ends itself with this script: left behind by a killed run it must not keep other packages' services from starting.
    ai_policy=
    if [ ! -e /usr/sbin/policy-rc.d ] || grep -q 'left by aegir' /usr/sbin/policy-rc.d; then
        ai_policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\n# left by aegir while it installs packages\nif [ "$(cut -d" " -f22 /proc/%s/stat 2>/dev/null)" = %s ]; then exit 101; fi\nrm -f /usr/sbin/policy-rc.d\nexit 0\n' \
            "$$" "$(cut -d' ' -f22 "/proc/$$/stat")" >$ai_policy.new && chmod 755 $ai_policy.new && mv -f $ai_policy.new $ai_policy
    fi
    ai_status=0
    # An interrupted dpkg refuses everything until it is told to finish.
    if [ -n "$(dpkg --audit 2>/dev/null)" ] || [ -n "$(ls /var/lib/dpkg/updates 2>/dev/null)" ]; then
        env DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --configure -a >>"$APT_LOG" 2>&1 </dev/null 9>&-
        apt_run -f install || ai_status=$?
    fi
    if [ "$ai_status" = 0 ]; then
        apt_run install --no-install-recommends "$@" || {
            # The lists may be missing or old: ask for them only when the first try shows it.
            apt_update && apt_run install --no-install-recommends "$@"
        } || ai_status=$?
    fi
    [ -z "$ai_policy" ] || rm -f "$ai_policy"
    if [ "$ai_status" != 0 ]; then
        ai_said=$(grep -E '^(E:|W: Failed|Err:|dpkg: error)' "$APT_LOG" | tail -n 6)
        rm -f "$APT_LOG"
        fail 4511 "apt could not install $*: ${ai_said:-no reason given}. $(apt_advice "$ai_said")"
    fi
    rm -f "$APT_LOG"
}

want_service() { # unit
    case $UNITS in *"${NL}Id=$1.service${NL}ActiveState=active${NL}UnitFileState=enabled$NL"*) return 0 ;; esac
    if ! systemctl -q is-enabled "$1" 2>/dev/null; then
        # Links for the next start of the machine: nothing of what runs has to be read again for them.
        deviates "service $1: not enabled" && { systemctl -q enable --no-reload "$1" 2>/dev/null 9>&- || fail 4540 "$1 could not be enabled"; }
    fi
    if ! systemctl -q is-active "$1"; then
        deviates "service $1: not running" || return 0
        systemctl start "$1" 9>&- || fail 4540 "$1 does not start: $(journalctl -q -u "$1" -n 5 --no-pager -o cat 2>/dev/null | tail -c 500)"
    fi
}

# transaction SECTION TEST RELOAD: changes configuration only while its owner's own test passes with it, and undoes it
# otherwise (docs/decisions, invariant 7). SECTION is a function of want_… items, SECTION_ahead asks ahead what they inspect, TEST
# prints what is wrong.
# What is undone lies in /var/lib/aegir/undo/SECTION until the reload is done, so a killed run is undone as well.
transaction() {
    tr_undo=/var/lib/aegir/undo/$1
    if [ "$MODE" != apply ]; then
        [ ! -d "$tr_undo" ] || deviates "$1: an interrupted change waits to be rolled back"
        "$1"
        return 0
    fi
    [ ! -d "$tr_undo" ] || take_back "$tr_undo"
    tr_before=$DRIFTS MODE=check QUIET=1
    "$1_ahead"
    "$1"
    PATHS='' SUMS='' UNITS='' PACKAGES='' PHP=''
    MODE=apply QUIET=0
    [ "$DRIFTS" != "$tr_before" ] || return 0
    DRIFTS=$tr_before
    install -d -m 700 "$tr_undo" || fail 4521 "$tr_undo could not be made"
    UNDO=$tr_undo
    "$1"
    UNDO=
    if ! tr_said=$($2 2>&1); then
        take_back "$tr_undo"
        # Only now, since each test of a hundred sites costs: was it well before? What fails may be our own part, changed by
        # hand, and then a repair would have made the test pass.
        tr_was=$($2 2>&1) ||
            fail 4541 "the configuration that is there already does not pass its own test; nothing was changed. Correct it first: $(printf %s "$tr_was" | tail -c 600)"
        fail 4543 "the new configuration does not pass the server's own test and was rolled back; no reload: $(printf %s "$tr_said" | tail -c 600)"
    fi
    if ! tr_said=$($3 2>&1 9>&-); then
        take_back "$tr_undo"
        fail 4544 "the new configuration passes its test, but the reload failed; it was rolled back: $(printf %s "$tr_said" | tail -c 600)"
    fi
    rm -rf "$tr_undo"
}

take_back() { # undo directory
    for tb_record in "$1"/*.path; do
        [ -e "$tb_record" ] || continue
        tb_kept=${tb_record%.path} tb_path=$(cat "$tb_record")
        if [ -e "$tb_kept" ] || [ -L "$tb_kept" ]; then
            cp -a "$tb_kept" "$tb_path.aegir-undo" && mv -fT "$tb_path.aegir-undo" "$tb_path"
        else
            rm -f "$tb_path"
        fi
    done
    rm -rf "$1"
}

php_version() { # the declared one, or the newest PHP-FPM that is installed; empty without one
    if [ -n "$PHP" ]; then
        printf '%s\n' "$PHP"
    elif [ -s /var/lib/aegir/php ]; then
        cat /var/lib/aegir/php
    else
        ls -d /etc/php/*/fpm 2>/dev/null | sed 's|^/etc/php/||; s|/fpm$||' | sort -V | tail -n 1
    fi
}

want_user() { # name home shell uid-or-empty gid-or-empty: a system account with a group of its own
    wu_entry=$(getent passwd "$1") || wu_entry=
    if [ -z "$wu_entry" ]; then
        deviates "user $1: missing" || return 0
        for wu_taken in ${4:+"passwd:$4:uid"} ${5:+"group:$5:gid"}; do
            wu_id=${wu_taken#*:} wu_id=${wu_id%:*}
            wu_other=$(getent "${wu_taken%%:*}" "$wu_id") && [ "${wu_other%%:*}" != "$1" ] &&
                fail 4530 "the ${wu_taken##*:} $wu_id wanted for $1 is taken by ${wu_other%%:*}; choose another number in the stack file or free it"
        done
        getent group "$1" >/dev/null || groupadd --system ${5:+--gid "$5"} "$1" 9>&- || fail 4533 "the group $1 could not be made"
        useradd --system --gid "$1" ${4:+--uid "$4"} --home-dir "$2" --no-create-home --shell "$3" "$1" 9>&- ||
            fail 4533 "the user $1 could not be made"
        return 0
    fi
    wu_rest=${wu_entry#*:*:}
    wu_shell=${wu_rest##*:} wu_ids=${wu_rest%:*:*:*}
    wu_home=${wu_rest%:*} wu_home=${wu_home##*:}
    if { [ -n "$4" ] && [ "${wu_ids%:*}" != "$4" ]; } || { [ -n "$5" ] && [ "${wu_ids#*:}" != "$5" ]; }; then
        deviates "user $1: has uid:gid $wu_ids, not ${4:-any}:${5:-any}" || return 0
        fail 4531 "the user $1 exists with uid:gid $wu_ids and not ${4:-any}:${5:-any}; its files belong to these numbers. Declare aegir_user with $wu_ids (on all machines of a pack), or give the account the other numbers: ${5:+groupmod -g $5 $1; }${4:+usermod -u $4 $1; }then chown its files"
    fi
    if [ "$wu_home" != "$2" ]; then
        deviates "user $1: home is $wu_home, not $2" || return 0
        fail 4532 "the user $1 exists with the home $wu_home and not $2; it may be somebody else's. Rename it, or: usermod -d $2 $1"
    fi
    if [ "$wu_shell" != "$3" ]; then
        deviates "user $1: shell is ${wu_shell:-empty}, not $3" || return 0
        usermod --shell "$3" "$1" 9>&- || fail 4533 "the shell of $1 could not be changed"
    fi
}

want_member() { # user group
    case " $(id -nG "$1" 2>/dev/null) " in *" $2 "*) return 0 ;; esac
    deviates "user $1: not in group $2" || return 0
    usermod -a -G "$2" "$1" 9>&- || fail 4533 "$1 could not be put into the group $2"
}

want_sudoers() { # name base64-content sha256-or-nothing: in place only when visudo accepts it
    if [ "$MODE" = apply ]; then
        ws_try=$(scratch_file) || no_scratch
        printf %s "$2" | base64 -d >"$ws_try"
        ws_said=$(visudo -cf "$ws_try" 2>&1) || { rm -f "$ws_try"; fail 4534 "visudo refuses the sudo rule $1: $ws_said"; }
        rm -f "$ws_try"
    fi
    want_file "/etc/sudoers.d/$1" root root 440 "$2" "${3-}"
}

as_user() { # user base64-script: without our rights, our lock and our input
    printf %s "$2" | base64 -d | runuser -u "$1" -- sh 9>&-
}
