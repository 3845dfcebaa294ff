#!/bin/bash
# Lets a member run its HA loop now: any change of the configuration does, also
# the removal of a key that is not there. Usage: wake.sh HOST [ADDRESS]
set -uo pipefail

# Patroni takes its own variables out of the environment of what it calls.
credentials=$(printf 'patroni:%s' "$REST_PASSWORD" | base64 -w0)
curl -s -o /dev/null --cacert "$CA_FILE" ${2:+--connect-to "::$2:"} --connect-timeout 1 --max-time 3 -X PATCH \
  -H @<(printf 'Authorization: Basic %s' "$credentials") \
  -d '{"wake":null}' "https://$1:8008/config"
exit 0
