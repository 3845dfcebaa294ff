#!/bin/bash
# Patroni calls this with: ACTION ROLE CLUSTER. It runs beside Patroni, which
# does not wait, and ends it when the next call comes.
set -euo pipefail

case "$1:$2" in
  on_stop:*) role=replica ;;
  *:primary | *:master) role=primary ;;
  *) role=replica ;;
esac

# A standby that lost the race for the lock looks for the new leader only at its
# next turn, and the new leader's first commit waits for a standby.
wake_others() {
  local address
  while read -r address _; do
    [ "$address" = "$POD_IP" ] || /etc/patroni/wake.sh "patroni.$POD_NAMESPACE.svc" "$address" &
  done < <(getent ahostsv4 "patroni.$POD_NAMESPACE.svc" | grep STREAM)
}
# The Service waits for the label, and the label for nothing.
if [ "$role" = primary ]; then wake_others & fi

exec /etc/patroni/set-role.sh postgres "$POD_NAME" "$role" primary 600
