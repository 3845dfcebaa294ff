#!/usr/bin/env bash
# Sees to it that this machine has a working container engine.
#
# A Docker or Podman that works is used untouched. Where there is none, one is
# installed and started on Debian and Ubuntu as root; elsewhere this says what
# to install. PAWSKIND_PROVIDER (docker, podman, auto) chooses the engine.
set -euo pipefail

readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/pawskind"
readonly wrapper=/usr/local/lib/pawskind/ocirt
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly repo

say() { printf '[host] %s\n' "$*" >&2; }
die() { # code exit what remedy
  printf '[SYSTEM] %s: %s | %s\n' "$1" "$3" "$4" >&2
  exit "$2"
}

# An engine works when it answers and, on a host that lacks CAP_SYS_RESOURCE,
# starts containers through the wrapper: privileged ones fail without it.
docker_works() {
  command -v docker >/dev/null || return 1
  local runtime
  runtime=$(docker info --format '{{.DefaultRuntime}}' 2>/dev/null) || return 1
  [ -n "$runtime" ] && { [ -n "${DOCKER_HOST:-}" ] || ! lacks_sys_resource || [ "$runtime" = pawskind ]; }
}
podman_works() {
  command -v podman >/dev/null || return 1
  local runtime
  runtime=$(podman info --format '{{.Host.OCIRuntime.Path}}' 2>/dev/null) || return 1
  ! lacks_sys_resource || [ "$runtime" = "$wrapper" ]
}

works() {
  case "$1" in
    docker) docker_works ;;
    podman) podman_works ;;
    auto) docker_works || podman_works ;;
    *) die ERR_SYS_010 2 "PAWSKIND_PROVIDER is '$1'" "Use docker, podman or auto" ;;
  esac
}

# Only where the kernel's bounding set lacks CAP_SYS_RESOURCE (bit 24) does a
# privileged container need the wrapper.
lacks_sys_resource() {
  local bounding
  bounding=$(awk '/^CapBnd:/ {print $2}' /proc/self/status)
  (((16#$bounding >> 24 & 1) == 0))
}

install_wrapper() {
  local built
  mkdir -p "$(dirname "$wrapper")"
  built=$(mktemp "$wrapper.XXXXXX")
  (cd "$repo" && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$built" ./hack/ocirt)
  chmod 0755 "$built"
  cmp -s "$built" "$wrapper" ||
    say "installed the OCI runtime wrapper: this machine lacks CAP_SYS_RESOURCE"
  # Engines call it at any time: it is replaced in one step.
  mv "$built" "$wrapper"
}

# A wrapper that an older checkout installed is brought up to date.
refresh_wrapper() {
  [ -w "$wrapper" ] || return 0
  if [ -n "$(find "$repo/hack/ocirt" -name '*.go' -newer "$wrapper" -print -quit)" ]; then
    install_wrapper
  fi
}

# merge_json FILE FILTER: applies a jq filter to a JSON file that may not exist.
merge_json() {
  local file=$1 filter=$2 merged
  mkdir -p "$(dirname "$file")"
  merged=$( (cat "$file" 2>/dev/null || echo '{}') | jq "$filter")
  [ "$merged" = "$(cat "$file" 2>/dev/null)" ] || printf '%s\n' "$merged" >"$file"
}

apt_install() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  if ! apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$cache/apt.log" 2>&1; then
    apt-get update -qq >"$cache/apt.log" 2>&1 || true
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >>"$cache/apt.log" 2>&1 ||
      die ERR_SYS_011 1 "installing ${missing[*]} failed: $(tail -n 1 "$cache/apt.log")" "Look at $cache/apt.log, or install a container engine by hand"
  fi
}

start_docker() {
  if docker info >/dev/null 2>&1; then
    # It runs, and was told of the wrapper a moment ago: let it read that.
    pkill -HUP -x dockerd || true
  elif [ -d /run/systemd/system ]; then
    systemctl start docker
  elif ! pgrep -x dockerd >/dev/null; then
    # A killed engine leaves files behind that stop the next one.
    rm -f /var/run/docker.pid /var/run/docker.sock
    pgrep -f 'containerd --config /var/run/docker' >/dev/null || rm -rf /run/docker/containerd
    say "starting dockerd (log: /var/log/dockerd.log)"
    setsid nohup dockerd >>/var/log/dockerd.log 2>&1 </dev/null &
  fi
  local i
  for ((i = 0; i < 300; i++)); do
    docker_works && return
    sleep 0.1
  done
  die ERR_SYS_012 1 "dockerd did not start within 30 s: $(tail -n 1 /var/log/dockerd.log 2>/dev/null)" "Look at /var/log/dockerd.log"
}

set_up_docker() {
  apt_install iptables jq procps
  # First the configuration: the package may start the engine as it is installed.
  if lacks_sys_resource; then
    install_wrapper
    merge_json /etc/docker/daemon.json \
      ".runtimes.pawskind.path = \"$wrapper\" | .\"default-runtime\" = \"pawskind\""
  fi
  command -v dockerd >/dev/null || apt_install docker.io
  # Newer Debians have the command in a package of its own.
  command -v docker >/dev/null || apt_install docker-cli
  start_docker
}

set_up_podman() {
  # Catatonit is the init of containers that ask for one, as those of the pipeline do.
  apt_install podman catatonit iptables jq
  # Nodes of one cluster find each other by name.
  case "$(podman info --format '{{.Host.NetworkBackend}}')" in
    netavark) apt_install aardvark-dns ;;
    *) apt_install golang-github-containernetworking-plugin-dnsname ;;
  esac
  if lacks_sys_resource; then
    install_wrapper
    mkdir -p /etc/containers/containers.conf.d
    cat >/etc/containers/containers.conf.d/50-pawskind.conf <<CONF
[engine]
runtime = "pawskind"
cgroup_manager = "cgroupfs"
[engine.runtimes]
pawskind = ["$wrapper"]
CONF
  fi
  podman_works || die ERR_SYS_012 1 "podman does not work: $(podman info 2>&1 | tail -n 1)" "Run 'podman info' and mend what it says"
}

# kind's nodes each take some 250 inotify instances.
raise_inotify() {
  local name want have
  while read -r name want; do
    have=$(cat "/proc/sys/fs/inotify/$name")
    if [ "$have" -lt "$want" ] && [ -w "/proc/sys/fs/inotify/$name" ] &&
      echo "$want" 2>/dev/null >"/proc/sys/fs/inotify/$name"; then
      say "raised fs.inotify.$name from $have to $want"
    fi
  done <<LIMITS
max_user_instances 1024
max_user_watches 524288
LIMITS
}

# The Docker that an earlier run set up is started again, even where a Podman
# would work too: the environment's images, cluster and data live in it.
set_up_before() {
  command -v dockerd >/dev/null && grep -q "$wrapper" /etc/docker/daemon.json 2>/dev/null
}

main() {
  local provider=${PAWSKIND_PROVIDER:-auto}
  raise_inotify
  if [ "$provider" = auto ] && set_up_before; then
    provider=docker
  fi
  if works "$provider"; then
    refresh_wrapper
    exit 0
  fi
  [ "$provider" = auto ] && provider=docker
  if [ "$(uname -s)" != Linux ] || [ ! -e /etc/debian_version ]; then
    die ERR_SYS_013 3 "no working container engine was found" "Install and start Docker (20.10 or newer) or Podman (4.0 or newer), then run this again"
  fi
  if [ "$(id -u)" != 0 ]; then
    die ERR_SYS_013 3 "no working container engine was found" "Run 'sudo apt-get install docker.io' and add yourself to the docker group, or run this again as root"
  fi
  mkdir -p "$cache"
  "set_up_$provider"
  say "$provider is ready"
}

main "$@"
