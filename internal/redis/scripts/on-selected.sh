#!/bin/bash
# DESCRIPTION of the replica that Sentinel selected to be the master. Moves the
# master's label, so that the Service follows without the operator: the Sentinel
# that leads a failover does so as soon as the replica is the master. It sees that
# itself only when it asks the next time, up to a second later.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
read -r _ _ host _ <<<"$1" # slave HOST:PORT HOST PORT @ MASTER-SET HOST PORT
converse "$host" 6379
until [ "$(role_of "$host")" = master ]; do
  [ "$SECONDS" -lt 6 ] || exit 0 # failover-timeout
  sleep 0.1
done
say "${host%%.*} is the master"
label "${host%%.*}" master
