#!/bin/bash
# redis-cli as the operator: for the startup probe, and for people in the
# container. Arguments are redis-cli's own.
set -euo pipefail
for file in "${SECRETS_DIR:-/run/secrets/paws360}"/REDIS_OPERATOR_PASSWORD{,.next}; do
  [ -s "$file" ] || continue
  REDISCLI_AUTH=$(<"$file") redis-cli --no-auth-warning --user operator "$@" && exit
done
exit 1
