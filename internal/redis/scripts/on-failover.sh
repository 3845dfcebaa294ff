#!/bin/bash
# Sentinel's client-reconfig-script: MASTER-SET ROLE STATE FROM-HOST FROM-PORT
# TO-HOST TO-PORT. Moves the master's label, so that the Service follows without
# the operator: the Sentinel that led the failover does so at once, the others
# a little later, should that one have failed.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
if [ "$2" != leader ]; then
  sleep 2
  read -r host < <(ask_sentinel 127.0.0.1 sentinel get-master-addr-by-name "$1")
  [ "$host" = "$6" ] || exit 0
fi
label "${6%%.*}" master
