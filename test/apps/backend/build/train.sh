#!/usr/bin/env bash
# Runs the backend once against a PostgreSQL and a Redis of its own, asks all it
# can answer, and leaves the archive of the classes that took: /app/backend.jsa.
set -euo pipefail

work=$(mktemp -d)
chmod 755 "$work"
pg=/usr/lib/postgresql/17/bin
install -d -o postgres "$work/pg"
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
as_postgres "$pg/initdb" --auth=trust --username=paws360 --no-sync -D "$work/pg" >/dev/null
as_postgres "$pg/pg_ctl" -D "$work/pg" -w -l "$work/pg/log" \
  -o '-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off' start >/dev/null
createdb -h 127.0.0.1 -U paws360 paws360

redis-server --port 6379 --bind 127.0.0.1 --save '' --daemonize yes --dir "$work" >/dev/null
printf 'port 26379\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 6379 1\n' >"$work/sentinel.conf"
redis-sentinel "$work/sentinel.conf" --daemonize yes >/dev/null

export DATABASE_URL='jdbc:postgresql://127.0.0.1:5432/paws360?targetServerType=primary'
cd /app
/opt/java/bin/java -XX:ArchiveClassesAtExit=/app/backend.jsa \
  $(grep -v -e '^#' -e SharedArchiveFile /app/jvm.options) -jar /app/backend.jar &
backend=$!

ask() { curl --silent --show-error --output /dev/null --retry 60 --retry-delay 1 --retry-all-errors --fail "$@"; }
api=http://127.0.0.1:8080
ask "$api/health/ready"
for path in /health /health/live /actuator/health /actuator/prometheus /metrics \
  /api/courses /api/courses '/api/courses?q=data' /api/courses/1/enrolments; do
  ask -H 'X-Trace-ID: archive-training' "$api$path"
done
ask -H 'Content-Type: application/json' -d '{"student":"Some One"}' "$api/api/courses/1/enrolments"
ask -X DELETE "$api/api/courses/1/enrolments/1"

kill -TERM "$backend"
wait "$backend" || [ $? = 143 ]
as_postgres "$pg/pg_ctl" -D "$work/pg" -m immediate stop >/dev/null
redis-cli shutdown nosave || true
redis-cli -p 26379 shutdown nosave || true
rm -rf "$work"
test -s /app/backend.jsa
