#!/bin/bash
# Starts Patroni once etcd answers: Patroni itself would sleep 5 s after each
# vain attempt to reach it.
set -euo pipefail

export PATH="$PATH:/usr/lib/postgresql/${PG_VERSION:?}/bin"
for _ in {1..300}; do
  if curl -sf -o /dev/null --connect-timeout 1 --max-time 2 "${ETCD_URL:?}/health"; then break; fi
  sleep 0.2
done
exec patroni /etc/patroni/patroni.yml
