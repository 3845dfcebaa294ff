#!/bin/sh
# Starts one Redis server in the role that is right for it now.
#
# - The Sentinels know the master: follow it.
# - They say that it is me: I may have been away so long that they are electing
#   another. Wait for that to end (bounded) rather than take writes that the
#   election discards.
# - No Sentinel answers: keep the role of my last configuration, which Sentinel
#   rewrote at every failover.
# - I never ran: the first member is the master.
set -eu
. /scripts/lib.sh
conf=/data/redis.conf

previous_role() { # the master's host of the last configuration, or me
  [ -s "$conf" ] || return 1
  awk '$1 == "replicaof" {host = $2} END {print host}' "$conf" | tr -d '"' | grep . || echo "$me"
}

await_election() { # while the Sentinels find me down, until they name another
  i=0
  while [ $i -lt 40 ]; do
    case "$(sentinel_says sentinel master "$MASTER_SET" | awk 'f {print; exit} $0 == "flags" {f = 1}')" in
      *down* | *failover*) ;;
      *) return ;;
    esac
    sleep 0.25
    i=$((i + 1))
    [ "$(sentinel_master)" = "$me" ] || return 0
  done
}

master=$(sentinel_master || true)
if [ "$master" = "$me" ] && [ -s "$conf" ]; then
  await_election
  master=$(sentinel_master || true)
fi
[ -n "$master" ] || master=$(previous_role) || master="redis-1.redis.$POD_NAMESPACE.svc"

umask 077
{
  cat <<CONF
port 6379
bind * -::*
protected-mode no
dir /data
appendonly yes
appendfsync everysec
save 3600 1
repl-diskless-sync yes
repl-diskless-sync-delay 0
replica-announce-ip $me
min-replicas-to-write $MIN_REPLICAS_TO_WRITE
min-replicas-max-lag 10
maxmemory $MAXMEMORY
maxmemory-policy volatile-lru
requirepass "$REDIS_PASSWORD"
masterauth "$REDIS_PASSWORD"
CONF
  [ "$master" = "$me" ] || echo "replicaof $master 6379"
} >"$conf.new"
mv "$conf.new" "$conf"

role=replica
[ "$master" = "$me" ] && role=master
echo "redis-start: $POD_NAME starts as $role of $master"
sh /scripts/set-role.sh redis "$POD_NAME" "$role" master &
exec redis-server "$conf"
