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

# What images clear away after installing packages is not there to begin with, so
# that no layer deletes files of the base: layers without deletions unpack anywhere.
# The fixed dates keep the image's id the same wherever the same packages go in.
make_archive() {
  local work layer merged=()
  install_mmdebstrap
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/.$suite-XXXXXX")
  # shellcheck disable=SC2064 # the name is meant as it is now
  trap "rm -rf '$work'" EXIT
  # Bookworm would merge /usr with a package that brings all of Perl.
  if [ "$suite" = bookworm ]; then
    merged=(--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --include=usr-is-merged)
  fi
  # shellcheck disable=SC2016 # mmdebstrap's own shell expands it
  SOURCE_DATE_EPOCH=1767225600 mmdebstrap --quiet --variant=minbase --skip=output/dev "${merged[@]}" \
    --aptopt='Acquire::Retries "3"' --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --customize-hook='cd "$1" && rm -rf usr/share/doc/* var/cache/apt/* var/cache/debconf/* var/cache/ldconfig var/lib/apt/lists/* var/log/* etc/hostname etc/resolv.conf' \
    "$suite" "$work/layer.tar" >"$work/log" 2>&1 ||
    fail ERR_IMAGE_002 4 "making $ref failed: $(grep -E '^E: ' "$work/log" | head -n 1)" \
      "Check that Debian's package mirror can be reached, then run this again"
  tar --delete -f "$work/layer.tar" ./var/lib/apt/lists/lock ./var/lib/apt/lists/partial
  layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
  cat >"$work/config.json" <<JSON
{"architecture":"$(dpkg --print-architecture)","os":"linux","created":"2026-01-01T00:00:00Z","config":{"Cmd":["bash"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},"history":[{"created":"2026-01-01T00:00:00Z","created_by":"mmdebstrap $suite"}]}
JSON
  cat >"$work/manifest.json" <<JSON
[{"Config":"config.json","RepoTags":["$ref"],"Layers":["layer.tar"]}]
JSON
  tar -C "$work" -cf "$work/image.tar" manifest.json config.json layer.tar
  mv "$work/image.tar" "$archive"
}

"$engine" image inspect "$ref" >/dev/null 2>&1 && exit 0
[ "${PAWSKIND_OFFLINE:-}" != 1 ] && timeout 60 "$engine" pull -q "$ref" >/dev/null 2>&1 && exit 0
[ -s "$archive" ] || make_archive
"$engine" load -q -i "$archive" >/dev/null
