#!/bin/bash
# Patroni calls this with: ACTION ROLE CLUSTER. It runs beside Patroni, which
# does not wait, and ends it when the next call comes.
set -euo pipefail

case "$1:$2" in
  on_stop:*) role=replica ;;
  *:primary | *:master) role=primary ;;
  *) role=replica ;;
esac
exec /etc/patroni/set-role.sh postgres "$POD_NAME" "$role" primary 600
