#!/bin/bash
# Unpacks the archives in /bake/images into this node image's containerd, and packs what came
# of it as /bake/out.tar.
#
# A node's /var is a volume that the engine fills from the image when the node is
# made. To leave it nearly empty, the unpacked layers stay outside it, under
# /opt/pawskind/layers, with links where containerd looks for them: nothing is
# copied, and the nodes of a cluster share them.
set -euo pipefail

store=/var/lib/containerd
snapshots=$store/io.containerd.snapshotter.v1.overlayfs/snapshots
out=/bake/out

containerd >/bake/containerd.log 2>&1 &
daemon=$!
until ctr version >/dev/null 2>&1; do
  kill -0 "$daemon" 2>/dev/null || { tail -n 5 /bake/containerd.log >&2; exit 1; }
  sleep 0.05
done
for archive in /bake/images/*.tar; do
  ctr --namespace k8s.io images import --local --discard-unpacked-layers \
    --label io.cri-containerd.pinned=pinned "$archive" >/bake/import.log 2>&1 || {
    tail -n 3 /bake/import.log >&2
    exit 1
  }
done
# The layers are unpacked: let go of their archives, now and not in a while.
ctr --namespace k8s.io content prune references >/dev/null
kill "$daemon"
wait "$daemon" || true

mkdir -p "$out/opt/pawskind/layers"
for snapshot in "$snapshots"/*; do
  [ -L "$snapshot" ] && continue
  id=${snapshot##*/}
  # A deletion is a character device 0, 0.
  if find "$snapshot" -type c -exec stat -c %t:%T {} + | grep -qx 0:0; then
    echo "a layer deletes files of the layer below it: flatten its image first" >&2
    exit 1
  fi
  mv "$snapshot" "$out/opt/pawskind/layers/$id"
  ln -s "/opt/pawskind/layers/$id" "$snapshot"
done

# The node's own Kubernetes programs are the ones of the layer.
kubernetes=$(find "$out/opt/pawskind/layers" -path '*/fs/usr/local/bin/kubernetes' -print -quit)
if [ -n "$kubernetes" ]; then
  mkdir -p "$out/usr/bin"
  for program in kubelet kubeadm kubectl; do
    ln -s "${kubernetes#"$out"}" "$out/usr/bin/$program"
  done
fi
rm -rf "$store"/tmpmounts "$store"/io.containerd.content.v1.content/ingest/*
tar -cf /bake/out.tar -C "$out" . -C / "${store#/}"
