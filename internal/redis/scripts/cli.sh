#!/bin/bash
# redis-cli as the operator: for the startup probe, and for people in the
# container. Arguments are redis-cli's own.
set -euo pipefail
tls=()
if [ -n "${TLS_DIR:-}" ]; then tls=(--tls --insecure); fi # nobody else answers here
for file in "${SECRETS_DIR:-/run/secrets/paws360}"/REDIS_OPERATOR_PASSWORD{,.next}; do
  [ -s "$file" ] || continue
  REDISCLI_AUTH=$(<"$file") redis-cli --no-auth-warning --user operator "${tls[@]}" "$@" && exit
done
exit 1
