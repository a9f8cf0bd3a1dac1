#!/bin/sh
# apply.sh STACK DIRECTORY: do what was approved, DIRECTORY/plan.sealed, and nothing else.
#
# A plan that no longer fits is refused by the engine before the first machine is touched.
set -eu
stack=$1
# shellcheck source=pipelines/steps/lib.sh
. "$(dirname "$0")/lib.sh"
want_stack
commit=$(git rev-parse HEAD)
plan=$(mktemp)
trap 'rm -f "$plan"' EXIT

settled
python pipelines.seal open "$stack" "$commit" "$2/plan.sealed" "$plan"
locked up --yes --refresh --suppress-outputs --plan "$plan"
