#!/bin/sh
# backup.sh STACK DIRECTORY: the backups that are due. 3: one of them is not well; DIRECTORY/comment.md says which.
set -eu
stack=$1
# shellcheck source=pipelines/steps/lib.sh
. "$(dirname "$0")/lib.sh"
want_stack
mkdir -p "$2"

status=0
tools/aegir backup --due --stack "$stack" 2>"$2/comment.md" || status=$?
cat "$2/comment.md"
exit "$status"
