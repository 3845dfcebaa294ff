#!/bin/bash
# Before a master ends, on purpose or killed by force, it hands over: it stops taking writes, lets the
# replicas catch up, has Sentinel promote one, and only then goes. Nothing that
# it acknowledged is lost. A replica goes at once, and so does a master that
# nobody is left to take over from: it comes back with its append-only file.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "${0%/*}/lib.sh"
exec >/proc/1/fd/1 2>&1 # preStop's own output is shown nowhere

# Sets role, hosts (the replicas that are online), attached (how many) and level
# (those with every byte). What they acknowledge here is up to a second old, so they are asked.
inspect() {
  local key value offset=-1 host
  role='' hosts=() attached=0 level=0
  while IFS=: read -r key value; do
    case $key in
    role) role=${value%$'\r'} ;;
    master_repl_offset) offset=${value%$'\r'} ;;
    slave[0-9]*)
      case $value in *state=online*) ;; *) continue ;; esac
      value=${value#*ip=}
      hosts+=("${value%%,*}")
      ;;
    esac
  done < <(ask_redis 127.0.0.1 info replication)
  attached=${#hosts[@]}
  [ "${1:-}" = level ] || return 0
  for host in "${hosts[@]}"; do
    while IFS=: read -r key value; do
      if [ "$key" = slave_repl_offset ] && [ "${value%$'\r'}" -ge "$offset" ]; then level=$((level + 1)); fi
    done < <(ask_redis "$host" info replication)
  done
}

# Sets sentinel to the first one that answers, and candidates to how many replicas
# it would choose among.
choose() {
  local ip key value answer
  for ip in $(peers sentinel); do
    converse "$ip" 26379
    answer=$(ask_sentinel "$ip" sentinel replicas "$MASTER_SET") || continue
    sentinel=$ip candidates=0
    while read -r key && read -r value; do
      if [ "$key" = flags ] && [ "$value" = slave ]; then candidates=$((candidates + 1)); fi
    done <<<"$answer"
    return 0
  done
  return 1
}

# The times of the Redis pods' creations and deletions, a line each.
list_pods() {
  [ -n "${KUBERNETES_SERVICE_HOST:-}" ] || return 0
  local account=/var/run/secrets/kubernetes.io/serviceaccount host=$KUBERNETES_SERVICE_HOST
  case $host in *:*) host="[$host]" ;; esac
  curl -sf --connect-timeout 1 --max-time 2 --cacert "$account/ca.crt" \
    -H @<(printf 'Authorization: Bearer %s' "$(<"$account/token")") \
    -H 'Accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' \
    -G --data-urlencode "labelSelector=paws360.io/component=redis" \
    "https://$host:${KUBERNETES_SERVICE_PORT:-443}/api/v1/namespaces/$POD_NAMESPACE/pods" |
    grep -oE '"(creation|deletion)Timestamp"'
}

# Sets all, going and staying, of what list_pods says: the Redis pods, those that are
# being deleted, me included, and the others. Whoever was killed by force is told
# nothing, for the token went with the pod: that counts as all others staying.
count_pods() {
  local line
  all=0 going=0
  while read -r line; do
    case $line in
    *creationTimestamp*) all=$((all + 1)) ;;
    *deletionTimestamp*) going=$((going + 1)) ;;
    esac
  done
  staying=$((all - going))
  [ "$all" -gt 0 ] || going=1 staying=1
}

# Tells whether every replica that could be promoted has every byte, and sets
# sentinel to the one that is to choose. Its own view of their offsets is too old.
caught_up() {
  local candidates
  inspect level
  choose || return 1
  [ "$attached" -gt 0 ] && [ "$level" -eq "$attached" ] && [ "$candidates" -le "$level" ]
}

await_level() {
  local start=$SECONDS
  while [ $((SECONDS - start)) -lt 5 ]; do
    ! caught_up || return 0
    sleep 0.1
  done
  say "not every replica has caught up ($level of $attached)"
}

# The replica that has been promoted. A Sentinel knows it only when it asks the next
# time, up to a second later.
promoted() {
  local host
  for host in "${hosts[@]}"; do
    if [ "$(role_of "$host")" = master ]; then
      echo "$host"
      return
    fi
  done
  return 1
}

# Sends the clients and the other replicas to the new master, which takes no writes
# without one: Sentinel sends them once it sees the promotion, up to a second later.
# Stays until most Sentinels know it: one that ends before it told the others takes
# the failover with it.
step_down() { # NEW-MASTER
  local ip host known start=$SECONDS
  ask_redis 127.0.0.1 replicaof "$1" 6379 >/dev/null || true
  ask_redis 127.0.0.1 client kill type normal >/dev/null || true
  for host in "${hosts[@]}"; do
    [ "$host" = "$1" ] || ask_redis "$host" replicaof "$1" 6379 >/dev/null || true
  done
  say "handed over to ${1%%.*}"
  # Sentinel labels it as well, and I cannot any more if I was killed by force.
  [ "$all" = 0 ] || label "${1%%.*}" master 8>&- &
  while [ $((SECONDS - start)) -lt 6 ]; do
    known=0
    for ip in $(peers sentinel); do
      converse "$ip" 26379
      [ "$(master_of "$ip")" != "$1" ] || known=$((known + 1))
    done
    [ $((known * 2)) -le "$SENTINELS" ] || return 0
    sleep 0.2
  done
}

hand_over() {
  local sentinel='' reached=no ip host start=$SECONDS
  ! caught_up || reached=yes
  [ -n "$sentinel" ] || { say "no Sentinel answers: ending without a handover"; return; }
  count_pods <&"$pods"
  [ "$staying" -gt 0 ] || { say "all members end together: nobody to hand over to"; return; }
  # Replicas that are being deleted, too, are gone in a moment; none of them must be chosen.
  [ "$going" -le 1 ] || { sleep 1 && reached=no; }
  [ "$reached" = yes ] || await_level
  while [ $((SECONDS - start)) -lt 12 ]; do
    ask_sentinel "$sentinel" sentinel failover "$MASTER_SET" >/dev/null || true
    for _ in {1..10}; do
      sleep 0.1
      if ! host=$(promoted); then
        host=$(master_of "$sentinel") || continue
        [ "$host" != "$me" ] || continue
      fi
      step_down "$host"
      return
    done
  done
  say "no replica took over"
}

# Who is killed by force has three seconds.
exec 8>"$HANDING_OVER"
flock 8
converse 127.0.0.1 6379
ask_redis 127.0.0.1 client pause 30000 WRITE >/dev/null || true
inspect
[ "$role" = master ] && [ "$attached" -gt 0 ] || exit 0
exec {pods}< <(list_pods)
for host in "${hosts[@]}"; do converse "$host" 6379; done
hand_over
