# Unpacks the archives in /bake/images into the containerd of this node image.
#
# A node's /var is a volume that the engine fills from the image when the node is
# made. To leave it nearly empty, the unpacked layers stay outside it, under
# /opt/pawskind/layers, with links where containerd looks for them: nothing is
# copied, and the nodes of a cluster share them.
set -euo pipefail

store=/var/lib/containerd
snapshots=io.containerd.snapshotter.v1.overlayfs/snapshots
layers=/opt/pawskind/layers

# Unpacking needs overlays, and they a real file system under them: the volume.
work=/bake/containerd
mkdir -p "$store"
cp -a "$store" "$work"
containerd --root "$work" --state /bake/state >/bake/containerd.log 2>&1 &
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

mkdir -p "$layers"
for snapshot in "$work/$snapshots"/*; do
  [ -L "$snapshot" ] && continue
  # A deletion is a character device 0, 0.
  if find "$snapshot" -type c -exec stat -c %t:%T {} + | grep -qx 0:0; then
    echo "a layer deletes files of the layer below it: flatten its image first" >&2
    exit 1
  fi
  mv "$snapshot" "$layers/${snapshot##*/}"
  ln -s "$layers/${snapshot##*/}" "$snapshot"
done
rm -rf "$work/tmpmounts" "$work"/io.containerd.content.v1.content/ingest/*
cp -au "$work/." "$store"

# The node's own Kubernetes programs and its CNI plugin are the ones of the layer.
kubernetes=$(find "$layers" -path '*/fs/usr/local/bin/kubernetes' -print -quit)
if [ -n "$kubernetes" ]; then
  for program in kubelet kubeadm kubectl; do
    ln -sf "$kubernetes" "/usr/bin/$program"
  done
  ln -sf "${kubernetes%/*}/netd-cni" /opt/cni/bin/netd-cni
fi
