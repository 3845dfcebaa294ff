#!/bin/bash
# Starts one Redis server in the role that is right for it now.
#
#   The Sentinels name another master      follow it.
#   They name me, or nobody answers and    start as the master, but refuse writes until
#   I was the master when I last ran       it is certain that I still am (see settle).
#   Nobody answers and I was a replica     follow the master that I followed.
#   I never ran, and neither did they      the first member is the master.
#   I never ran, they name me and know     my volume is new, and the replicas hold what I
#   replicas                               lost: wait until one of them is the master.
#
# Why a master that comes back must not take writes at once: the Sentinels may be
# electing another while they still name me, and the election discards whatever
# I take meanwhile. Answering them early is right nevertheless: it calls off an
# election that has not begun, and my append-only file has every write that I
# acknowledged, which the replicas may not.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
conf=$data/redis.conf

# The master of my last configuration, which Sentinel rewrote at every failover.
previous_master() {
  local key host
  while read -r key host _; do
    [ "$key" = replicaof ] && { tr -d '"' <<<"$host"; return; }
  done <"$conf"
  echo "$me"
}

peers_hold_data() {
  local ip keys
  for ip in $(peers redis); do
    keys=$(ask_redis "$ip" dbsize) && [ "$keys" -gt 0 ] && return 0
  done
  return 1
}

# My data is gone: have a replica promoted before I come back empty, or every
# replica would copy the emptiness.
await_successor() {
  say "the volume is new, but there are replicas: waiting for one to become the master"
  local ip start=$SECONDS
  while [ "$master" = "$me" ]; do
    [ $((SECONDS - start)) -lt 10 ] || peers_hold_data || return 0
    for ip in $(peers sentinel); do
      ask_sentinel "$ip" sentinel failover "$MASTER_SET" >/dev/null && break
    done
    sleep 1
    look
  done
}

find_master() {
  look
  if [ ! -s "$conf" ]; then
    if [ "$master" = "$me" ] && [ "$replicas" -gt 0 ]; then await_successor; fi
    master=${master:-redis-1.redis.$POD_NAMESPACE.svc}
    return
  fi
  local previous start=$SECONDS
  previous=$(previous_master)
  # The Sentinels may be starting, too; as the master I ask them later anyhow.
  while [ -z "$master" ] && [ "$previous" != "$me" ] && [ $((SECONDS - start)) -lt 3 ]; do
    sleep 0.3
    look
  done
  master=${master:-$previous}
}

write_conf() { # MIN-REPLICAS-TO-WRITE
  umask 077
  cat >"$conf.new" <<CONF
$(transport 6379)
bind * -::*
protected-mode no
dir $data
save ""
appendonly yes
appendfsync everysec
repl-diskless-sync yes
repl-diskless-sync-delay 0
repl-backlog-size 8mb
# Also how long a replica tries an address that a restarted master no longer has.
repl-timeout 6
repl-ping-replica-period 1
replica-announce-ip $me
min-replicas-to-write $1
min-replicas-max-lag 3
maxmemory $MAXMEMORY
maxmemory-policy volatile-lru
masteruser replication
masterauth $(quoted "$(password REDIS_REPLICATION_PASSWORD)")
$(users redis)
CONF
  [ "$master" = "$me" ] || echo "replicaof $master 6379" >>"$conf.new"
  mv "$conf.new" "$conf"
}

# settle ends the refusal of writes once it is certain who is the master: every
# Sentinel takes me for a master that is well, so none can be electing another;
# or one has a newer configuration, and I follow that. After ten seconds a
# majority is enough, or that there is none that could elect.
settle() {
  local role start=$SECONDS
  while :; do
    role=$(role_of 127.0.0.1) || { sleep 0.1; continue; }
    [ "$role" = master ] || break
    look
    if [ -n "$master" ] && [ "$master" != "$me" ]; then
      say "the Sentinels have made $master the master: following it"
      ask_redis 127.0.0.1 replicaof "$master" 6379 >/dev/null && role=replica && break
    elif [ "$asked" -gt 0 ] && [ "$calm" -eq "$asked" ]; then
      break
    elif [ $((SECONDS - start)) -ge 10 ] &&
      { [ $((calm * 2)) -gt "$SENTINELS" ] || [ $((answered * 2)) -le "$SENTINELS" ]; }; then
      break
    fi
    sleep 0.2
  done
  until ask_redis 127.0.0.1 config set min-replicas-to-write "$MIN_REPLICAS_TO_WRITE" >/dev/null; do sleep 0.1; done
  say "settled as $role"
  [ "$role" = master ] || role=replica
  label "$POD_NAME" "$role"
}

# The server reads a new certificate, and whom to trust, when it is told to. One
# that it cannot use it goes on without, and is told again.
renew() {
  local read=/tmp/certificate
  while sleep 5; do
    [ "$TLS_DIR/tls.crt" -nt "$read" ] || continue
    : >"$read.new"
    if ask_redis 127.0.0.1 config set tls-cert-file "$TLS_DIR/tls.crt" tls-key-file "$TLS_DIR/tls.key" \
      tls-ca-cert-file "$TLS_DIR/ca.crt" >/dev/null; then
      mv "$read.new" "$read"
      say "new certificates are in use"
    fi
  done
}

lock
await_name
first=no
[ -s "$conf" ] || first=yes
find_master
if [ "$master" != "$me" ]; then
  say "$POD_NAME starts as a replica of $master"
  write_conf "$MIN_REPLICAS_TO_WRITE"
  label "$POD_NAME" replica 9>&- &
elif [ "$first" = yes ]; then
  say "$POD_NAME starts as the first master"
  write_conf "$MIN_REPLICAS_TO_WRITE"
  label "$POD_NAME" master 9>&- &
else
  say "$POD_NAME starts as the master, without writes until the Sentinels agree"
  write_conf 1000000
  settle 9>&- &
fi
if [ -n "${TLS_DIR:-}" ]; then
  : >/tmp/certificate
  renew 9>&- &
fi
# serve runs the server, and tells it to end once its handover is over, should one
# be under way: told at once it would be gone in the middle of it. Who is killed by
# force is given two seconds for that.
serve() {
  local server status=0 told=no
  redis-server "$conf" &
  server=$!
  exec 9>&- # the server's alone now
  trap 'told=yes; flock "$HANDING_OVER" true; kill -TERM "$server" || :' TERM
  wait "$server" || status=$?
  if [ "$told" = yes ]; then # the signal ended that wait
    status=0
    wait "$server" || status=$?
  fi
  exit "$status"
}
serve
