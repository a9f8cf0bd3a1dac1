#!/bin/sh
# setup.sh: the engine and the virtual environment, where the runner has not got them from its cache.
set -eu
# shellcheck source=pipelines/steps/lib.sh
. "$(dirname "$0")/lib.sh"

tools/setup
