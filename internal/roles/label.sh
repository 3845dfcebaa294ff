#!/bin/bash
# Writes this pod's role to its role label, so that the Services of the role
# follow even when the operator is gone. Usage: label.sh ROLE
#
# Any role but replica is held by one pod at a time: once this pod has it, the
# pods of the component that still carry it become replicas. Retries for ten
# minutes; whoever calls must not wait for it.
set -euo pipefail

role=$1
# Outside of Kubernetes there is no label to keep.
[ -n "${KUBERNETES_SERVICE_HOST:-}" ] || exit 0

account=/var/run/secrets/kubernetes.io/serviceaccount
host=$KUBERNETES_SERVICE_HOST
case $host in *:*) host="[$host]" ;; esac
pods="https://$host:${KUBERNETES_SERVICE_PORT:-443}/api/v1/namespaces/$POD_NAMESPACE/pods"

# The token goes through a pipe: arguments can be read by every process.
call() {
  curl --silent --show-error --fail-with-body --connect-timeout 1 --max-time 3 \
    --cacert "$account/ca.crt" -H @<(printf 'Authorization: Bearer %s' "$(<"$account/token")") "$@"
}

label_self() {
  call -o /dev/null -X PATCH -H 'Content-Type: application/merge-patch+json' \
    -d "{\"metadata\":{\"labels\":{\"$ROLE_LABEL\":\"$role\"}}}" "$pods/$POD_NAME?fieldManager=pawskind-member"
}

# The patch holds only while the other pod still carries the role, so a role
# that the other pod was given in the meantime stays.
demote_others() {
  local list name
  list=$(call -G -H 'Accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' \
    --data-urlencode "labelSelector=$ROLE_SELECTOR,$ROLE_LABEL=$role" "$pods") || return 1
  for name in $(grep -oE "\"name\": ?\"${POD_NAME%-*}-[0-9]+\"" <<<"$list" | cut -d'"' -f4 | sort -u); do
    [ "$name" = "$POD_NAME" ] && continue
    call -o /dev/null -X PATCH -H 'Content-Type: application/json-patch+json' -d "[
      {\"op\":\"test\",\"path\":\"/metadata/labels/${ROLE_LABEL//\//~1}\",\"value\":\"$role\"},
      {\"op\":\"replace\",\"path\":\"/metadata/labels/${ROLE_LABEL//\//~1}\",\"value\":\"replica\"}]" \
      "$pods/$name?fieldManager=pawskind-member" || return 1
  done
}

attempt() {
  label_self || return 1
  [ "$role" = replica ] || demote_others
}

pause=0.3
until attempt; do
  [ "$SECONDS" -lt 600 ] || exit 1
  sleep "$pause"
  [ "$SECONDS" -lt 10 ] || pause=3
done
