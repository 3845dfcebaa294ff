#!/usr/bin/env bash
# Sees to it that this machine has what the tests and the project's pipeline call:
# a JDK with Maven, Node.js with npm, shellcheck and a browser. What is there is
# used as it is. On Debian and Ubuntu, as root, what is missing is installed;
# elsewhere this says what to install.
set -euo pipefail

readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/pawskind"
readonly oldest_node=20.9

has() { command -v "$1" >/dev/null; }
has_browser() { has chromium || has chromium-browser || has google-chrome; }
has_node() {
  has node && has npm &&
    [ "$(printf '%s\n' "$oldest_node" "$(node --version | tr -d v)" | sort -V | head -n 1)" = "$oldest_node" ]
}

# Java 21 where the distribution has it, its own choice otherwise.
jdk() {
  if apt-cache show openjdk-21-jdk-headless >/dev/null 2>&1; then
    echo openjdk-21-jdk-headless
  else
    echo default-jdk-headless
  fi
}

# The packages of what is missing.
missing() {
  has javac || jdk
  has mvn || echo maven
  has_node || echo nodejs npm
  has shellcheck || echo shellcheck
  has_browser || echo chromium
}

install_missing() {
  local packages
  mkdir -p "$cache"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >"$cache/apt.log" 2>&1 || true
  read -r -d '' -a packages < <(missing && printf '\0')
  printf '[host] installing %s\n' "${packages[*]}" >&2
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >>"$cache/apt.log" 2>&1 || true
}

[ -z "$(missing)" ] && exit 0
if [ "$(id -u)" = 0 ] && has apt-get; then
  install_missing
fi
left=$(missing | tr '\n' ' ')
[ -z "$left" ] && exit 0
printf '[SYSTEM] ERR_SYS_017: the tests and the pipeline need what is missing here: %s| %s\n' \
  "$left" "Install it (Node.js $oldest_node or newer), then run this again" >&2
exit 3
