#!/usr/bin/env bash
# The whole test run: static checks, unit tests, the API against a real API
# server, and everything end to end on a real cluster with a real browser.
# Usage: make test, which says in SLOW_TESTS what is left out
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

step() { printf '\n== %s (%ds)\n' "$1" "$SECONDS"; }

# The rules of network policies are tried on the kernel, where we may: elsewhere
# that test is left out.
ensure_nft() {
  if [ "$(id -u)" = 0 ] && ! command -v nft >/dev/null && command -v apt-get >/dev/null; then
    apt-get install -y -qq --no-install-recommends nftables >/dev/null 2>&1 ||
      { apt-get update -qq && apt-get install -y -qq --no-install-recommends nftables; } >/dev/null
  fi
}

# The pipeline's containers are tried on both engines, where a machine is CI's own:
# on a developer's, Podman is left out if it is not there.
ensure_podman() {
  if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ]; then
    PAWSKIND_PROVIDER=podman hack/host/setup.sh
  fi
}

step "formatting"
unformatted=$(gofmt -l api cmd config controllers hack internal test)
[ -z "$unformatted" ] || { echo "not formatted: $unformatted"; exit 1; }

step "generated files"
make --no-print-directory verify-generated >/dev/null

# By the project's own pipeline, of which the end-to-end tests run the rest.
step "lint and unit tests"
hack/host/tools.sh
ensure_nft
bin/pawskind ci --job unit

step "what documents say, and what tests rest on"
go test ./test/docs/... ./test/leak/... ./test/rights/... ./test/supply/...

step "pipeline tests"
go test ./test/ci/...

step "the chart gives what kustomize gives"
(cd test/chart && go test ./...)

step "API tests"
KUBEBUILDER_ASSETS=$(go run ./hack/nodeimage -assets)
export KUBEBUILDER_ASSETS
go test ./test/api/...

step "images" # a first start need not build them against a test's patience
make --no-print-directory images node-image

step "end-to-end tests"
ensure_podman
go test -count=1 -timeout 50m -v -skip "$SLOW_TESTS" ./test/e2e/...

step "done"
