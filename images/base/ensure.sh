#!/usr/bin/env bash
# Sees to it that the engine has debian:<suite>-slim: present, else pulled, else
# made from Debian's packages. Usage: [ENGINE=docker|podman] ensure.sh trixie|bookworm
# PAWSKIND_OFFLINE=1 leaves out the pull.
set -euo pipefail

suite=${1:?usage: ensure.sh trixie|bookworm}
engine=${ENGINE:-docker}
ref="docker.io/library/debian:$suite-slim"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/pawskind/base"
archive="$cache/$suite-slim.tar"

fail() { # code exit what remedy
  printf '[IMAGE] %s: %s | %s\n' "$1" "$3" "$4" >&2
  exit "$2"
}

install_mmdebstrap() {
  command -v mmdebstrap >/dev/null && return
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail ERR_IMAGE_001 4 "$ref is neither present nor to be pulled" \
      "Connect to a registry, or install mmdebstrap"
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null 2>&1 ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends mmdebstrap; } >/dev/null
}

# The fixed date keeps the archive, and with it the image, the same wherever
# the same packages go in.
make_archive() {
  local new
  install_mmdebstrap
  mkdir -p "$cache"
  new=$(mktemp "$cache/.$suite-XXXXXX.tar")
  # shellcheck disable=SC2064 # the name is meant as it is now
  trap "rm -f '$new'" EXIT
  SOURCE_DATE_EPOCH=1767225600 mmdebstrap --quiet --variant=minbase \
    --aptopt='Acquire::Retries "3"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --customize-hook='rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/* "$1"/var/cache/ldconfig "$1"/etc/hostname "$1"/etc/resolv.conf' \
    "$suite" "$new"
  mv "$new" "$archive"
}

"$engine" image inspect "$ref" >/dev/null 2>&1 && exit 0
[ "${PAWSKIND_OFFLINE:-}" != 1 ] && timeout 60 "$engine" pull -q "$ref" >/dev/null 2>&1 && exit 0
[ -s "$archive" ] || make_archive
"$engine" import -c 'CMD ["bash"]' \
  -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
  "$archive" "$ref" >/dev/null
