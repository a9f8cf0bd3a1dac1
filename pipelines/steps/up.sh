#!/bin/sh
# up.sh STACK: make it so, after what a killed run may have left is cleared.
set -eu
stack=$1
# shellcheck source=pipelines/steps/lib.sh
. "$(dirname "$0")/lib.sh"
want_stack

settled
locked up --yes --skip-preview --suppress-outputs
