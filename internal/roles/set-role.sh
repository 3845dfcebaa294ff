#!/bin/sh
# Gives a pod the label of its role, by which the Services select. It runs in
# the pods of the databases, so that the Services follow without the operator.
#
# Usage: set-role.sh COMPONENT POD ROLE LEADING [SECONDS]
#
# One pod of the component has the role LEADING at a time: once POD has it, the
# others that still carry it become replicas. Tries for SECONDS (30); whoever
# calls must not wait for it. Needs POD_NAMESPACE and the pod's token.
set -u
component=$1 pod=$2 role=$3 leading=$4 patience=${5:-30}

# Outside of Kubernetes there is no label to keep.
[ -n "${KUBERNETES_SERVICE_HOST:-}" ] || exit 0

label=paws360.io/role
account=${SERVICE_ACCOUNT_DIR:-/var/run/secrets/kubernetes.io/serviceaccount}
host=$KUBERNETES_SERVICE_HOST
case $host in *:*) host="[$host]" ;; esac
pods="https://$host:${KUBERNETES_SERVICE_PORT:-443}/api/v1/namespaces/$POD_NAMESPACE/pods"

# The token goes through a pipe: arguments can be read by every process.
call() {
  printf 'Authorization: Bearer %s\n' "$(cat "$account/token")" |
    curl -sSf --connect-timeout 1 --max-time 3 --cacert "$account/ca.crt" -H @- "$@"
}

label_pod() {
  call -o /dev/null -X PATCH -H 'Content-Type: application/merge-patch+json' \
    -d "{\"metadata\":{\"labels\":{\"$label\":\"$role\"}}}" "$pods/$pod?fieldManager=pawskind-member"
}

carriers() { # the pods of the component that carry the leading role
  call -G -H 'Accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' \
    --data-urlencode "labelSelector=paws360.io/component=$component,$label=$leading" "$pods"
}

# The patch holds only while the other pod still carries the role: one that the
# other was given in the meantime stays.
demote() {
  call -o /dev/null -X PATCH -H 'Content-Type: application/json-patch+json' -d "[
    {\"op\":\"test\",\"path\":\"/metadata/labels/paws360.io~1role\",\"value\":\"$leading\"},
    {\"op\":\"replace\",\"path\":\"/metadata/labels/paws360.io~1role\",\"value\":\"replica\"}]" \
    "$pods/$1?fieldManager=pawskind-member"
}

attempt() {
  label_pod || return 1
  [ "$role" = "$leading" ] || return 0
  list=$(carriers) || return 1
  for other in $(echo "$list" | grep -oE "\"name\": ?\"${pod%-*}-[0-9]+\"" | cut -d'"' -f4 | sort -u); do
    [ "$other" = "$pod" ] || demote "$other" || return 1
  done
}

deadline=$(($(date +%s) + patience))
pause=0.3
until attempt; do
  if [ "$(date +%s)" -ge "$deadline" ]; then
    echo "set-role: labelling $pod as $role failed for $patience s" >&2
    exit 1
  fi
  sleep "$pause"
  [ "$pause" = 3 ] || [ $((deadline - $(date +%s))) -gt $((patience - 10)) ] || pause=3
done
