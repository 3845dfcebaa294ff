#!/bin/sh
# etcdctl that logs in as root by the password in force, which changes while the
# pod runs, unless it is told another one.
if [ "${ETCDCTL_USER-}" = root ] && [ -z "${ETCDCTL_PASSWORD-}" ]; then
  ETCDCTL_PASSWORD=$(cat /run/secrets/paws360/ETCD_ROOT_PASSWORD)
  export ETCDCTL_PASSWORD
fi
exec /usr/bin/etcdctl "$@"
