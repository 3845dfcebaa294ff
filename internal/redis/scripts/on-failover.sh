#!/bin/bash
# Sentinel's client-reconfig-script: MASTER-SET ROLE STATE FROM-HOST FROM-PORT
# TO-HOST TO-PORT. Moves the master's label a little later than on-selected.sh,
# should that have failed or its Sentinel be gone.
set -euo pipefail
sleep 2
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
[ "$(master_of 127.0.0.1)" != "$6" ] || label "${6%%.*}" master
