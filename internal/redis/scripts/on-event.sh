#!/bin/sh
# Sentinel's notification-script: EVENT DESCRIPTION. It is called for every event in
# the middle of a failover, and bash takes a Sentinel's tenth of a processor longer.
[ "$1" = +selected-slave ] || exit 0
exec "${0%/*}/on-selected.sh" "$2"
