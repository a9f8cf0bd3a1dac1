#!/bin/sh
# plan.sh STACK DIRECTORY: what there is to approve, and exactly that as a plan: DIRECTORY/plan.sealed, DIRECTORY/comment.md.
#
# Machines are looked at, so that what somebody changed by hand is in the plan and not a surprise.
set -eu
stack=$1
# shellcheck source=pipelines/steps/lib.sh
. "$(dirname "$0")/lib.sh"
want_stack
mkdir -p "$2"
commit=$(git rev-parse HEAD)

settled
status=0
engine preview --refresh --json --save-plan "$2/plan.json" >"$2/preview.json" 2>"$2/preview.log" || status=$?
python pipelines.comment "$stack" "$2/preview.json" "$2/preview.log" >"$2/comment.md"
cat "$2/comment.md"
[ "$status" -eq 0 ] || explain "$2/preview.log"
[ "$status" -ne 0 ] || python pipelines.seal close "$stack" "$commit" "$2/plan.json" "$2/plan.sealed"
rm -f "$2/plan.json" "$2/preview.json" "$2/preview.log"
exit "$status"
