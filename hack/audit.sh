#!/usr/bin/env bash
# Looks for known vulnerabilities in the Go code that the programs call. The
# database of vulnerabilities is on the network: where it cannot be reached, this
# says so and fails, for an audit that did not happen has found nothing.
# Usage: hack/audit.sh [PACKAGE...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

database=${GOVULNDB:-https://vuln.go.dev}
case $database in
  http*)
    if ! curl -sSf -o /dev/null --max-time 20 "$database/index/db.json"; then
      echo "[CI] the database of vulnerabilities at $database cannot be reached | Set GOVULNDB to a copy (file:///...) or a mirror, or run this where it can be reached" >&2
      exit 4
    fi
    ;;
esac
if [ $# = 0 ]; then set -- ./cmd/...; fi
exec go tool -modfile=hack/tools/go.mod govulncheck -db "$database" "$@"
