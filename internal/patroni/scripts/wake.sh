#!/bin/bash
# Lets a member run its HA loop now: any change of the configuration does, also
# the removal of a key that is not there. Usage: wake.sh HOST [ADDRESS]
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=secrets.sh
. "${0%/*}/secrets.sh"

# While the password is being rotated, the member may know the previous one only.
for key in PATRONI_RESTAPI_PASSWORD PATRONI_RESTAPI_PASSWORD.previous; do
  [ -s "$secrets/$key" ] || continue
  credentials=$(printf 'patroni:%s' "$(secret "$key")" | base64 -w0)
  status=$(curl -s -o /dev/null -w '%{http_code}' --cacert "$CA_FILE" ${2:+--connect-to "::$2:"} --connect-timeout 1 --max-time 3 -X PATCH \
    -H @<(printf 'Authorization: Basic %s' "$credentials") \
    -d '{"wake":null}' "https://$1:8008/config")
  [ "$status" = 401 ] || break
done
exit 0
