#!/bin/sh
# preview.sh STACK DIRECTORY: look, and write DIRECTORY/comment.md. It fails when the preview does, after writing that.
#
# preview.json has the whole stack file in clear: it is no artefact, and goes.
set -eu
stack=$1
# shellcheck source=pipelines/steps/lib.sh
. "$(dirname "$0")/lib.sh"
want_stack
mkdir -p "$2"

status=0
engine preview --json >"$2/preview.json" 2>"$2/preview.log" || status=$?
python pipelines.comment "$stack" "$2/preview.json" "$2/preview.log" >"$2/comment.md"
cat "$2/comment.md"
[ "$status" -eq 0 ] || explain "$2/preview.log"
rm -f "$2/preview.json" "$2/preview.log"
exit "$status"
