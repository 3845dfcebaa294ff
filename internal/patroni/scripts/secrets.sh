# shellcheck shell=bash
# Sourced by the scripts: the secrets, which change while the pod runs.
secrets=${SECRETS_DIR:-/run/secrets/paws360}

secret() { printf %s "$(<"$secrets/$1")"; } # KEY

# Every file changes in the moment in which this one does.
serial() { cat "$secrets/rotation.serial" 2>/dev/null || true; }

text() { # KEY: a secret as YAML's text, in which nothing but the quote has a meaning
  local value
  value=$(secret "$1")
  printf "'%s'" "${value//\'/\'\'}"
}

# The part of Patroni's settings that is made of secrets. Its tag tells the
# operator which ones the member has.
settings() {
  cat <<YAML
tags: {secrets: '$(serial)'}
restapi: {authentication: {username: patroni, password: $(text PATRONI_RESTAPI_PASSWORD)}}
etcd3: {username: $(text ETCD_PATRONI_USER), password: $(text ETCD_PATRONI_PASSWORD)}
postgresql:
  authentication:
    superuser: {username: postgres, password: $(text POSTGRES_PASSWORD)}
    replication: {username: replicator, password: $(text POSTGRES_REPLICATION_PASSWORD)}
    rewind: {username: rewind, password: $(text POSTGRES_REPLICATION_PASSWORD)}
YAML
}
