#!/bin/sh
# drift.sh STACK DIRECTORY: whether the machines are as declared. 0: they are; 7: DIRECTORY/comment.md says what is not.
set -eu
stack=$1
# shellcheck source=pipelines/steps/lib.sh
. "$(dirname "$0")/lib.sh"
want_stack
mkdir -p "$2"

status=0
engine preview --refresh --expect-no-changes --json >"$2/preview.json" 2>"$2/preview.log" || status=$?
if [ "$status" -ne 0 ]; then
    python pipelines.comment "$stack" "$2/preview.json" "$2/preview.log" >"$2/comment.md"
    cat "$2/comment.md"
    explain "$2/preview.log"
fi
rm -f "$2/preview.json" "$2/preview.log"
exit "$status"
