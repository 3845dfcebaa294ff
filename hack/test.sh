#!/usr/bin/env bash
# The whole test run: static checks, unit tests, the API against a real API
# server, and everything end to end on a real cluster with a real browser.
# Usage: hack/test.sh   (after the engine is there and the programs are built)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s (%ds)\n' "$1" "$SECONDS"; }

# A browser for the frontend's test: present, or installed where we may.
ensure_browser() {
  local name
  for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && return
  done
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 ||
      { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null
    return
  fi
  echo "[SYSTEM] ERR_SYS_017: no Chromium or Chrome was found for the frontend's test | Install one, then run this again" >&2
  exit 3
}

# The rules of network policies are tried on the kernel, where we may: elsewhere
# that test is left out.
ensure_nft() {
  if [ "$(id -u)" = 0 ] && ! command -v nft >/dev/null && command -v apt-get >/dev/null; then
    apt-get install -y -qq --no-install-recommends nftables >/dev/null 2>&1 ||
      { apt-get update -qq && apt-get install -y -qq --no-install-recommends nftables; } >/dev/null
  fi
}

step "vet and formatting"
unformatted=$(gofmt -l api cmd config controllers hack internal test)
[ -z "$unformatted" ] || { echo "not formatted: $unformatted"; exit 1; }
go vet ./...

step "generated files"
make --no-print-directory verify-generated >/dev/null

step "lint"
make --no-print-directory lint

step "unit tests"
ensure_nft
go test ./api/... ./cmd/... ./config/... ./controllers/... ./hack/... ./internal/... ./test/docs/... ./test/leak/... ./test/rights/... ./test/supply/...

step "pipeline tests"
go test ./test/ci/...

step "the chart gives what kustomize gives"
(cd test/chart && go test ./...)

step "API tests"
KUBEBUILDER_ASSETS=$(go run ./hack/nodeimage -assets)
export KUBEBUILDER_ASSETS
go test ./test/api/...

step "end-to-end tests"
ensure_browser
# make test-faults runs what is left out here, too: it takes minutes each.
go test -count=1 -timeout 50m -v -skip 'EveryFailpoint|TC039|TC040|WithoutARestart|TheCAIsRotated|EachCapability|RedisByTLS' ./test/e2e/...

step "done"
