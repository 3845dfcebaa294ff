#!/bin/sh
# Starts one Sentinel. Its configuration, which it keeps up to date itself, stays
# on its volume; without one it takes the master from the other Sentinels, else
# from the Redis servers, else it is the first member.
set -eu
. /scripts/lib.sh
conf=/data/sentinel.conf

reigning() { # the only Redis server that says it is a master
  for ip in $(addresses redis); do
    ask "$REDIS_PASSWORD" "$ip" 6379 info replication | grep -q 'role:master' || continue
    ask "$REDIS_PASSWORD" "$ip" 6379 config get replica-announce-ip | tail -n 1
  done | grep . | sort -u | awk '{host = $1} END {if (NR == 1) print host}' | grep .
}

if [ ! -s "$conf" ]; then
  master=$(sentinel_master || reigning || echo "redis-1.redis.$POD_NAMESPACE.svc")
  umask 077
  cat >"$conf.new" <<CONF
port 26379
bind * -::*
protected-mode no
dir /data
requirepass "$SENTINEL_PASSWORD"
sentinel sentinel-pass "$SENTINEL_PASSWORD"
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $me
sentinel monitor $MASTER_SET $master 6379 $QUORUM
sentinel auth-pass $MASTER_SET "$REDIS_PASSWORD"
sentinel down-after-milliseconds $MASTER_SET $DOWN_AFTER
sentinel failover-timeout $MASTER_SET 15000
sentinel parallel-syncs $MASTER_SET 1
sentinel client-reconfig-script $MASTER_SET /scripts/on-failover.sh
CONF
  # Sentinel refuses a configuration with a name that does not resolve.
  until getent ahostsv4 "$master" >/dev/null; do sleep 0.2; done
  mv "$conf.new" "$conf"
fi
exec redis-sentinel "$conf"
