#!/bin/sh
# comment.sh github|gitlab STACK DIRECTORY: put DIRECTORY/comment.md onto the merge request, in place of the last one.
set -eu
# shellcheck source=pipelines/steps/lib.sh
. "$(dirname "$0")/lib.sh"

tools/env python -m pipelines.post "$1" "$2" "$3/comment.md"
