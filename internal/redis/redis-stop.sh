#!/bin/sh
# Before a master ends on purpose it hands over: it stops taking writes, lets a
# replica catch up, has Sentinel promote it, and only then goes. Nothing that it
# acknowledged is lost. A replica, and a master that is alone, go at once.
. /scripts/lib.sh
info() { ask "$REDIS_PASSWORD" 127.0.0.1 6379 info replication | tr -d '\r'; }

caught_up() { # a replica is online with every byte
  info | awk -F: '
    $1 == "master_repl_offset" {offset = $2}
    $1 ~ /^slave[0-9]+$/ && $2 ~ /state=online/ {split($2, f, "offset="); split(f[2], g, ","); at[g[1]] = 1}
    END {exit !(offset in at)}'
}

case "$(info)" in *role:master*) ;; *) exit 0 ;; esac
case "$(info)" in *connected_slaves:0*) exit 0 ;; esac
ask "$REDIS_PASSWORD" 127.0.0.1 6379 client pause 12000 WRITE
i=0
while ! caught_up && [ $i -lt 20 ]; do
  sleep 0.1
  i=$((i + 1))
done
sentinel_says sentinel failover "$MASTER_SET" >/dev/null || exit 0
i=0
while [ $i -lt 80 ]; do
  case "$(info)" in *role:slave*) exit 0 ;; esac
  sleep 0.1
  i=$((i + 1))
done
