#!/bin/bash
# Patroni's callback: ACTION ROLE SCOPE. It labels this pod with its role.
case "$2" in
  primary | master | promoted) role=primary ;;
  *) role=replica ;;
esac
exec sh /scripts/set-role.sh postgres "$POD_NAME" "$role" primary
