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

# Each prints a request as a configuration of curl, which the token is part of:
# arguments can be read by every process.
request() { # URL
  printf '%s\n' "url = $1" silent show-error fail 'connect-timeout = 1' 'max-time = 3' \
    "cacert = $account/ca.crt" "header = \"Authorization: Bearer $token\""
}

patch() { # POD TYPE JSON
  request "$pods/$1?fieldManager=pawskind-member"
  printf '%s\n' 'request = PATCH' 'output = /dev/null' "header = \"Content-Type: application/$2\"" "data = $3"
}

list() { # the pods of the component that carry the leading role
  request "$pods"
  printf '%s\n' get 'header = "Accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"' \
    "data-urlencode = labelSelector=paws360.io/component=$component,$label=$leading"
}

# A Sentinel, which calls this in the middle of a failover, has a tenth of a
# processor: one curl labels the pod and lists the others.
label_pod() {
  {
    patch "$pod" merge-patch+json "{\"metadata\":{\"labels\":{\"$label\":\"$role\"}}}"
    [ "$role" != "$leading" ] || { echo next && list; }
  } | curl --fail-early --config -
}

# The patch holds only while the other pod still carries the role: one that the
# other was given in the meantime stays.
demote() { # POD
  path=/metadata/labels/paws360.io~1role
  patch "$1" json-patch+json "[{\"op\":\"test\",\"path\":\"$path\",\"value\":\"$leading\"},{\"op\":\"replace\",\"path\":\"$path\",\"value\":\"replica\"}]" |
    curl --config -
}

attempt() {
  read -r token <"$account/token" || [ -n "$token" ] || return 1
  carriers=$(label_pod) || return 1
  for other in $(printf %s "$carriers" | grep -oE "\"name\": ?\"${pod%-*}-[0-9]+\"" | cut -d'"' -f4 | sort -u); do
    [ "$other" = "$pod" ] || demote "$other" || return 1
  done
}

! attempt || exit 0
deadline=$(($(date +%s) + patience))
pause=0.3
while [ "$(date +%s)" -lt "$deadline" ]; do
  sleep "$pause"
  ! attempt || exit 0
  [ $((deadline - $(date +%s))) -gt $((patience - 10)) ] || pause=3
done
echo "set-role: labelling $pod as $role failed for $patience s" >&2
exit 1
