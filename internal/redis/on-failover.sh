#!/bin/sh
# Sentinel's client-reconfig-script: MASTER-SET ROLE STATE FROM-HOST FROM-PORT
# TO-HOST TO-PORT. The Sentinel that led the failover moves the master's label.
[ "$2" = leader ] || exit 0
exec sh /scripts/set-role.sh redis "${6%%.*}" master master
