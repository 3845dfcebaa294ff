#!/bin/bash
# Starts one Sentinel. What it knows (its id, the master, epochs, replicas and
# other Sentinels) it keeps in its configuration file, on its volume: all
# Sentinels deleted at once come back knowing the master. Settings and passwords
# are written anew at every start.
#
# Without a file of its own it takes the master from the other Sentinels; from
# the Redis servers, if exactly one has replicas; else the first member is the
# master.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
conf=$data/sentinel.conf

# The one master that Redis servers follow.
reigning() {
  local ip key value followed host=''
  for ip in $(peers redis); do
    followed=''
    while IFS=: read -r key value; do
      case $key:${value%$'\r'} in
      master_host:*) followed=${value%$'\r'} ;;
      master_link_status:up) [ -z "$followed" ] || { [ "${host:=$followed}" = "$followed" ] || return 0; } ;;
      esac
    done < <(ask_redis "$ip" info replication)
  done
  echo "$host"
}

# Prints what the last configuration remembers, and sets master.
remember() {
  local line words
  while read -r line; do
    read -ra words <<<"$line"
    case $line in
    'sentinel monitor '*) master=${words[3]//\"/} ;;
    'sentinel myid '* | 'sentinel config-epoch '* | 'sentinel leader-epoch '* | 'sentinel current-epoch '* | \
      'sentinel known-replica '* | 'sentinel known-sentinel '*) memory+="$line"$'\n' ;;
    esac
  done <"$conf"
}

lock
await_name
master='' memory=''
if [ -s "$conf" ]; then
  remember
else
  look
  master=${master:-$(reigning)}
  master=${master:-redis-1.redis.$POD_NAMESPACE.svc}
fi
umask 077
cat >"$conf.new" <<CONF
$(transport 26379)
bind * -::*
protected-mode no
dir $data
$(users sentinel)
sentinel sentinel-user sentinel
sentinel sentinel-pass $(quoted "$(password REDIS_MONITOR_PASSWORD)")
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $me
sentinel announce-port 26379
sentinel monitor $MASTER_SET $master 6379 $QUORUM
sentinel auth-user $MASTER_SET sentinel
sentinel auth-pass $MASTER_SET $(quoted "$(password REDIS_MONITOR_PASSWORD)")
sentinel down-after-milliseconds $MASTER_SET $DOWN_AFTER
sentinel failover-timeout $MASTER_SET 6000
sentinel parallel-syncs $MASTER_SET 9
sentinel notification-script $MASTER_SET $scripts/on-event.sh
sentinel client-reconfig-script $MASTER_SET $scripts/on-failover.sh
$memory
CONF
mv "$conf.new" "$conf"

# What no configuration file can set:
# - A master that does not answer is found out half a second later than it could be,
#   and the others are asked about it once a second.
# - Replicas are asked every 10 s: too seldom to choose the best one by, and to
#   find new ones soon. In a failover they are asked once a second, whatever is set.
# - A master that should be a replica is left alone for four publishing periods.
# - A connection to the address of a pod that is gone is given up after 15 s,
#   although the name has long had a new one.
# - After standing still for 2 s (a laptop's sleep) it trusts nothing for 30 s.
tune() {
  until ask_sentinel 127.0.0.1 sentinel debug ping-period 500 ask-period 300 \
    info-period 1000 publish-period 1000 min-link-reconnect-period 2000 tilt-period 10000 >/dev/null; do sleep 0.2; done
}
tune 9>&- &
say "$POD_NAME watches $master"
exec redis-sentinel "$conf"
