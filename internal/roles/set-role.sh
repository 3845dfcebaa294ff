#!/bin/sh
# set-role COMPONENT POD ROLE LEADING: gives a pod the label of its role, by which
# the Services select, and takes LEADING from every other pod that still has it.
# It runs in the pods themselves, so that Services follow without the operator.
set -u
component=$1 pod=$2 role=$3 leading=$4
account=/var/run/secrets/kubernetes.io/serviceaccount
api="https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/$POD_NAMESPACE/pods"

request() {
  curl -sf -m 3 --cacert "$account/ca.crt" -H "Authorization: Bearer $(cat $account/token)" "$@"
}
label() {
  request -X PATCH -H 'Content-Type: application/merge-patch+json' -o /dev/null \
    -d "{\"metadata\":{\"labels\":{\"paws360.io/role\":\"$2\"}}}" "$api/$1"
}

label "$pod" "$role" || echo "set-role: labelling $pod as $role failed" >&2
[ "$role" = "$leading" ] || exit 0
request "$api?labelSelector=paws360.io/component%3D$component,paws360.io/role%3D$leading" |
  grep -oE '"name": ?"[a-z]+-[0-9]+"' | grep -oE '[a-z]+-[0-9]+' | sort -u |
  while read -r other; do
    [ "$other" = "$pod" ] || label "$other" replica
  done
