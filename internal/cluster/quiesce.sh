# Ends a node's containers in the order in which they need each other, so that
# the databases shut down properly and release what they hold: first everything
# but etcd, then etcd. Kubernetes' own containers may simply be killed.
set -u
systemctl stop kubelet # or it would start again what ends

containers() { # container-filter: process ids of the containers it selects
  local ids
  ids=$(ctr -n k8s.io containers ls -q \
    'labels."io.cri-containerd.kind"==container,labels."io.kubernetes.pod.namespace"!=kube-system,labels."io.kubernetes.container.name"'"$1") 2>/dev/null
  [ -n "$ids" ] || return 0
  ctr -n k8s.io tasks ls 2>/dev/null | awk 'NR == FNR {wanted[$1]; next} ($1 in wanted) && $3 == "RUNNING" {print $2}' <(echo "$ids") -
}

alive() { # pid...
  local pid
  for pid in "$@"; do [ -d "/proc/$pid" ] && return 0; done
  return 1
}

# Asks processes to end and waits for them. A Redis that would wait longer for
# replicas that are gone takes an interrupt as the word to end at once; what it
# has acknowledged is in its file by then.
end() { # seconds pid...
  local tenths=$(($1 * 10)) i
  shift
  [ $# -gt 0 ] || return 0
  kill -TERM "$@" 2>/dev/null
  for ((i = 1; i <= tenths; i++)); do
    alive "$@" || return 0
    ((i == tenths / 2)) && kill -INT "$@" 2>/dev/null
    sleep 0.1
  done
}

# shellcheck disable=SC2046 # process ids are words
end 6 $(containers '!=etcd')
# shellcheck disable=SC2046
end 3 $(containers '==etcd')
sync
