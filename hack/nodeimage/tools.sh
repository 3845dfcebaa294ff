#!/bin/bash
# Writes a tar of the tools that pods of a node's own call (kube-proxy and netd:
# iptables, nft, ip; the storage helper: a shell), with the libraries they need.
# It runs in the node's base image.
set -euo pipefail

export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mapfile -t programs < <(command -v xtables-nft-multi nft ip busybox | xargs -n 1 realpath)
[ ${#programs[@]} -eq 4 ] || { echo "a tool is missing in the base image: ${programs[*]}" >&2; exit 1; }
mapfile -t extensions < <(find /usr/lib/*/xtables -name '*.so')
mapfile -t libraries < <(ldd "${programs[@]}" "${extensions[@]}" 2>/dev/null |
  awk '/=> \// {print $3} /^\t\// {print $1}' | sort -u)

stage=$(mktemp -d)
for file in "${programs[@]}" "${extensions[@]}" "${libraries[@]}"; do
  # Debian's /lib and /lib64 are links into /usr; the stage keeps real folders.
  install -D "$(realpath "$file")" "$stage$file"
done
mkdir -p "$stage"/{bin,usr/sbin,etc,proc,sys,dev,run,var}
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  ln -s xtables-nft-multi "$stage/usr/sbin/$name"
done
for name in sh mkdir rm; do
  ln -s /usr/bin/busybox "$stage/bin/$name"
done
echo 'root:x:0:0:root:/:/bin/sh' >"$stage/etc/passwd"
echo 'root:x:0:' >"$stage/etc/group"
tar -C "$stage" --sort=name --owner=0 --group=0 --numeric-owner --format=gnu -c .
