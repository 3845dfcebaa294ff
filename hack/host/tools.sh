#!/usr/bin/env bash
# Sees to it that this machine has what the tests and the project's pipeline call:
# a JDK with Maven, Node.js with npm, shellcheck and a browser. What is there is
# used as it is. On Debian and Ubuntu, as root, what is missing is installed;
# elsewhere this says what to install.
set -euo pipefail

readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/pawskind"
readonly oldest_node=20.9
readonly oldest_java=21

has() { command -v "$1" >/dev/null; }
has_browser() { has chromium || has chromium-browser || has google-chrome; }
has_node() {
  has node && has npm &&
    [ "$(printf '%s\n' "$oldest_node" "$(node --version | tr -d v)" | sort -V | head -n 1)" = "$oldest_node" ]
}

# A JDK that is new enough may lie beside the default one: pawskind ci finds it.
has_jdk() {
  local release version
  for release in "${JAVA_HOME:-/none}/release" /usr/lib/jvm/*/release; do
    [ -x "$(dirname "$release")/bin/javac" ] || continue
    version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$release")
    [ "${version:-0}" -ge "$oldest_java" ] && return
  done
  return 1
}

# The packages of what is missing.
missing() {
  has_jdk || echo "openjdk-$oldest_java-jdk-headless"
  has mvn || echo maven
  has_node || echo nodejs npm
  has shellcheck || echo shellcheck
  has_browser || echo chromium
}

install_missing() {
  local packages package
  mkdir -p "$cache"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >"$cache/apt.log" 2>&1 || true
  read -r -d '' -a packages < <(missing && printf '\0')
  printf '[host] installing %s\n' "${packages[*]}" >&2
  # One by one: what a release does not have is told of below.
  for package in "${packages[@]}"; do
    apt-get install -y -qq --no-install-recommends "$package" >>"$cache/apt.log" 2>&1 || true
  done
}

[ -z "$(missing)" ] && exit 0
if [ "$(id -u)" = 0 ] && has apt-get; then
  install_missing
fi
left=$(missing | tr '\n' ' ')
[ -z "$left" ] && exit 0
printf '[SYSTEM] ERR_SYS_017: the tests and the pipeline need what is missing here: %s| %s\n' \
  "$left" "Install it (Node.js $oldest_node and Java $oldest_java or newer), then run this again" >&2
exit 3
