#!/bin/bash
# Starts Patroni once etcd answers: Patroni itself would sleep 5 s after each
# vain attempt to reach it.
set -euo pipefail
ulimit -c 0 # memory has passwords: a crash leaves none of it on the volume
# shellcheck source-path=SCRIPTDIR source=secrets.sh
. "${0%/*}/secrets.sh"
# shellcheck source=/dev/null
. "${0%/*}/resolver.sh"

run=/tmp/patroni
mkdir -p "$run"
ln -sf /etc/patroni/patroni.yml "$run/patroni.yml"

# Makes Patroni's settings of the secrets, and sets known to their serial. Were
# they to change meanwhile, it is done again.
renew() {
  local now=''
  until [ -n "$now" ] && [ "$now" = "$(serial)" ]; do
    now=$(serial)
    (umask 077 && settings >"$run/secrets.new") || now=''
    [ -n "$now" ] || sleep 0.1
  done
  mv "$run/secrets.new" "$run/secrets.yml"
  known=$now
}
renew

export PATH="$PATH:/usr/lib/postgresql/${PG_VERSION:?}/bin"
for _ in {1..300}; do
  if curl -sf -o /dev/null --cacert "${CA_FILE:?}" --connect-timeout 1 --max-time 2 "${ETCD_URL:?}/health"; then break; fi
  sleep 0.2
done

# Has Patroni and PostgreSQL read new certificates, and Patroni new secrets, and wakes
# Patroni for them and when the postmaster has gone. By itself it would look only at
# its next turn, up to loop_wait later, which an election begins: its API is closed
# while it reads a certificate, and the others would count it out.
watch() {
  local pid='' wake='' found nothing certificate now
  exec {nothing}<> <(:)
  while :; do
    read -rt 0.3 -u "$nothing" || :
    for certificate in "${TLS_ROOT:?}"/*/tls.crt; do
      if [ "$certificate" -nt /tmp/certificates ]; then
        : >/tmp/certificates
        echo "new certificates: Patroni and PostgreSQL read them"
        kill -HUP $$ || :
        [ -z "$pid" ] || kill -HUP "$pid" || :
        wake=yes
      fi
    done
    now=''
    read -r now 2>/dev/null <"$secrets/rotation.serial" || :
    if [ -n "$now" ] && [ "$now" != "$known" ]; then
      renew
      echo "secrets of serial $known: Patroni reads them"
      kill -HUP $$ || :
      wake=yes
    fi
    if [ -n "$pid" ] && [ ! -d "/proc/$pid" ]; then
      pid='' wake=yes
    elif [ -z "$pid" ] && read -r found 2>/dev/null <"$PGDATA/postmaster.pid" && [ -d "/proc/$found" ]; then
      pid=$found
    fi
    [ -z "$wake" ] || /etc/patroni/wake.sh localhost || :
    wake=''
  done
}
: >/tmp/certificates
watch &

exec patroni "$run"
