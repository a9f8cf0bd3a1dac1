# shellcheck shell=sh
# What the steps have in common. Sourced; the caller has set -eu and, where it works on a stack, named it in $stack.
#
# PULUMI_BACKEND_URL         where the state is
# PULUMI_CONFIG_PASSPHRASE_FILE (or PULUMI_CONFIG_PASSPHRASE)   where the stack's secrets are not in a KMS
# AEGIR_RUN_LIMIT            seconds that one command of Pulumi's may take (3000); it is ended then
# AEGIR_LOCK_WAIT            seconds to wait for somebody else who works on the stack (600)
# AEGIR_CI_HOSTS             patterns of the names of machines that only this CI's jobs run on, separated by blanks

root=$(cd "$(dirname "$0")/../.." && pwd -P)
cd "$root" || exit
: "${stack:=}" "${AEGIR_RUN_LIMIT:=3000}" "${AEGIR_LOCK_WAIT:=600}"
# Also in this checkout's modules, whatever directory a job begins in.
export AEGIR_RUN_LIMIT PYTHONPATH="$root"
# Everything that a step writes may name machines and paths: it is the job's own.
umask 077

say() {
    printf '%s\n' "$*" >&2
}

stop() {
    say "$*"
    exit 1
}

# want_stack: the step's stack is one that this checkout declares, and the job can read its secrets.
want_stack() {
    [ -n "${PULUMI_BACKEND_URL:-}" ] || stop "PULUMI_BACKEND_URL is not set: the job does not know where the state is (docs/howto/run-from-ci.md)"
    [ -e "stacks/Pulumi.$stack.yaml" ] || stop "there is no stack file stacks/Pulumi.$stack.yaml in this checkout"
    if grep -q '^encryptionsalt:' "stacks/Pulumi.$stack.yaml"; then
        if [ -n "${PULUMI_CONFIG_PASSPHRASE_FILE:-}" ]; then
            [ -r "$PULUMI_CONFIG_PASSPHRASE_FILE" ] || stop \
                "the passphrase of the stack $stack is missing: $PULUMI_CONFIG_PASSPHRASE_FILE (PULUMI_CONFIG_PASSPHRASE_FILE) cannot be read"
        elif [ -z "${PULUMI_CONFIG_PASSPHRASE+set}" ]; then
            stop "the passphrase of the stack $stack is missing: set PULUMI_CONFIG_PASSPHRASE_FILE or PULUMI_CONFIG_PASSPHRASE in this job"
        fi
    fi
    # What a killed run may have left of a state in files, where its address does not say metadata=skip (docs/reference/messages.md).
    case $PULUMI_BACKEND_URL in
        file:///*)
            place=${PULUMI_BACKEND_URL#file://}
            place=${place%%\?*}/.pulumi
            [ ! -d "$place" ] || find "$place" -type f -name '*.attrs' -size 0 -exec rm -f {} +
            ;;
    esac
    # By this the processes of a run are found when the run itself is gone.
    export AEGIR_PIPELINE_STACK="$stack"
}

# engine WORD...: a command of Pulumi's on the stack, ended after its time.
engine() {
    timeout --kill-after=60 "$AEGIR_RUN_LIMIT" tools/env pulumi "$@" --stack "$stack" --non-interactive --color never
}

python() {
    tools/env python -m "$@"
}

# explain LOG: one sentence on a failure whose own words do not say what to do.
explain() {
    if grep -q 'incorrect passphrase' "$1"; then
        say "the passphrase of this job does not open the secrets of the stack $stack: it is another stack's, or it was changed (docs/howto/change-the-passphrase.md)"
    elif grep -q 'violates plan' "$1"; then
        say "the plan no longer fits what is there: stack file, code or state have changed since; make and approve a new one"
    fi
}

# locked WORD...: a command that changes the state. A dead run's lock is taken away, a living one is waited for.
locked() {
    deadline=$(($(date +%s) + AEGIR_LOCK_WAIT))
    log=$(mktemp)
    while :; do
        # The status of the first of the two, which POSIX sh cannot ask for.
        { engine "$@" 2>&1 && echo 0 >"$log.status" || echo $? >"$log.status"; } | tee "$log"
        status=$(cat "$log.status")
        if [ "$status" -eq 0 ] || ! grep -q 'the stack is currently locked by' "$log"; then
            break
        fi
        if python pipelines.recover lock "$stack" <"$log"; then
            continue
        fi
        if [ "$(date +%s)" -ge "$deadline" ]; then
            say "waited $AEGIR_LOCK_WAIT s for it. If nobody works there any more: tools/env pulumi cancel --stack $stack"
            break
        fi
        say "waiting"
        sleep 5
    done
    [ "$status" -eq 0 ] || explain "$log"
    rm -f "$log" "$log.status"
    return "$status"
}

# settled: pending operations of a killed run are settled by looking at the machines. What was half made is not
# forgotten by that: making it again adopts what is there.
settled() {
    exported=$(mktemp)
    engine stack export >"$exported" 2>"$exported.log" || {
        cat "$exported.log" >&2
        explain "$exported.log"
        rm -f "$exported" "$exported.log"
        return 1
    }
    if python pipelines.recover pending <"$exported"; then
        rm -f "$exported" "$exported.log"
        locked refresh --yes --skip-preview --suppress-outputs --clear-pending-creates
    else
        rm -f "$exported" "$exported.log"
    fi
}
