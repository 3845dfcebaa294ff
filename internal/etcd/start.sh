#!/bin/sh
# Starts one etcd member. A member that was added to a running cluster comes
# with the identity it was given (a file named after the pod); data of an older
# identity on the volume belongs to a removed member, which etcd would refuse.
# A member without data and without an identity has lost its data. It may have
# voted and would not know: it must not come back as the one it was.
set -eu
ulimit -c 0 # memory has passwords: a crash leaves none of it on the volume
want=$(cat "/bootstrap/identity-$POD_NAME" 2>/dev/null || true)
have=$(cat /data/identity 2>/dev/null || true)
if [ -n "$want" ] && [ "$want" != "$have" ]; then
  rm -rf /data/etcd
  echo "$want" >/data/identity
fi
if [ -z "$want" ] && [ ! -d /data/etcd/member ] && [ "$(cat /bootstrap/initial-cluster-state)" = existing ]; then
  echo "the data of $POD_NAME is gone, and it has already been bootstrapped: it must join anew" >&2
  exit 1
fi
# etcd reads certificates anew with each handshake. A peer is known by its
# certificate's name: its address would have to be looked up backwards, which
# fails while pods start. A costly hash protects passwords that can be guessed,
# and these are random; with it, etcd is busy for minutes when a change of its
# users has every client log in again.
exec etcd --name="$POD_NAME" --data-dir=/data/etcd \
  --listen-client-urls=https://0.0.0.0:2379 \
  --listen-peer-urls=https://0.0.0.0:2380 \
  --listen-metrics-urls=http://0.0.0.0:2381 \
  --advertise-client-urls="https://$POD_NAME.etcd.$POD_NAMESPACE.svc:2379" \
  --initial-advertise-peer-urls="https://$POD_NAME.etcd.$POD_NAMESPACE.svc:2380" \
  --cert-file="$TLS_DIR/tls.crt" --key-file="$TLS_DIR/tls.key" \
  --peer-cert-file="$PEER_TLS_DIR/tls.crt" --peer-key-file="$PEER_TLS_DIR/tls.key" \
  --peer-trusted-ca-file="$PEER_TLS_DIR/ca.crt" --peer-client-cert-auth \
  --peer-cert-allowed-cn="$PEER_NAME" --experimental-peer-skip-client-san-verification \
  --initial-cluster="$(cat /bootstrap/initial-cluster)" \
  --initial-cluster-state="$(cat /bootstrap/initial-cluster-state)" \
  --initial-cluster-token="$POD_NAMESPACE" \
  --bcrypt-cost=4 \
  --auto-compaction-mode=periodic --auto-compaction-retention=1h \
  --logger=zap --log-level=info
