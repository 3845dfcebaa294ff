#!/bin/bash
# Starts Patroni. A member with no data waits for a leader to copy from before
# it starts: Patroni itself would look again only after a whole loop_wait. The
# first member goes straight ahead, and so does everyone when none leads within
# a minute.
set -euo pipefail
leads() {
  local ip
  for ip in $(getent ahostsv4 "patroni.$POD_NAMESPACE.svc" | awk '{print $1}' | sort -u); do
    [ "$ip" = "$POD_IP" ] || curl -sf -m 1 -o /dev/null "http://$ip:8008/primary" && return 0
  done
  return 1
}
if [ ! -s "$PGDATA/PG_VERSION" ] && [ "$POD_NAME" != patroni-1 ]; then
  for _ in $(seq 200); do
    leads && break
    sleep 0.3
  done
fi
exec patroni /etc/patroni/patroni.yml
