#!/bin/bash
# Copies the leader's data for a new replica, then wakes the leader's HA loop:
# the leader makes the replica's slot in that loop, and would otherwise do so
# only after sleeping up to loop_wait. Patroni calls this with --datadir,
# --connstring and more.
set -euo pipefail

for argument; do
  case $argument in
    --datadir=*) datadir=${argument#*=} ;;
    --connstring=*) connstring=${argument#*=} ;;
  esac
done

pg_basebackup --pgdata="${datadir:?}" --dbname="${connstring:?}" \
  --wal-method=stream --checkpoint=fast --no-sync --no-password
sync -f "$datadir"

leader=$(grep -oE '(^| )host=[^ ]+' <<<"$connstring" | cut -d= -f2)
exec /etc/patroni/wake.sh "$leader"
