#!/usr/bin/env bash
# Looks for known weaknesses in what pawskind and its images are built of: Go, npm,
# Maven and Debian. What cannot be looked at is said, and fails: an audit that did
# not happen has found nothing.
# Usage: hack/audit.sh [go|npm|maven|debian]...   all of them when none is named
# Exit status: 0 nothing was found, 1 something was, 4 a part was not looked at.
# GOVULNDB names another copy of Go's database: a URL, or file:///FOLDER.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

status=0
report=$(mktemp)
trap 'rm -f "$report"' EXIT

tell() { # part verdict sentence
  printf '%-7s %-12s %s\n' "$1" "$2" "$3"
}

clean() { tell "$1" clean "$2"; }

found() { # part sentence; what was found is in the report
  tell "$1" found "$2"
  sed 's/^/          /' "$report"
  status=1
}

unseen() { # part why remedy
  tell "$1" "not checked" "$2 | $3" >&2
  [ "$status" = 1 ] || status=4
}

# Weaknesses in the functions that the programs call.
audit_go() {
  local database=${GOVULNDB:-https://vuln.go.dev}
  case $database in
    http*)
      if ! curl -sSf -o /dev/null --max-time 20 "$database/index/db.json" 2>"$report"; then
        audit_go_modules
        unseen go "the database of weaknesses at $database cannot be reached" "Set GOVULNDB to a copy, or run this where it can be reached"
        return
      fi
      ;;
  esac
  if go tool -modfile=hack/tools/go.mod govulncheck -db "$database" ./cmd/... >"$report" 2>&1; then
    clean go "govulncheck found none that the programs call"
  elif [ $? = 3 ]; then
    found go "govulncheck found weaknesses that the programs call"
  else
    unseen go "govulncheck failed: $(tail -n 1 "$report")" "See to what it says"
  fi
}

# What the authors themselves have taken back needs no database.
audit_go_modules() {
  local direct
  mapfile -t direct < <(go list -m -f '{{if not (or .Indirect .Main)}}{{.Path}}{{end}}' all)
  if ! go list -m -u -retracted -f '{{if .Retracted}}{{.Path}} {{.Version}}: {{.Retracted}}{{end}}' "${direct[@]}" >"$report" 2>/dev/null; then
    return
  fi
  sed -i '/^$/d' "$report"
  if [ -s "$report" ]; then
    found go "versions that their authors took back"
  else
    clean go "none of the ${#direct[@]} modules in use was taken back by its authors (the database itself: see below)"
  fi
}

audit_npm() {
  local folder=test/apps/frontend
  if ! command -v npm >/dev/null; then
    unseen npm "npm is not installed" "Install Node.js"
    return
  fi
  if npm --prefix "$folder" audit --package-lock-only --omit=dev >"$report" 2>&1; then
    clean npm "npm audit found none"
  elif grep -q 'audit endpoint' "$report"; then
    audit_npm_lock "$folder/package-lock.json"
    unseen npm "the registry answers no audits" "Run this with a registry that does"
  else
    found npm "npm audit found weaknesses"
  fi
}

# npm notes in the lock file which versions their authors have withdrawn.
audit_npm_lock() {
  if node -e '
    const { packages } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"))
    for (const [name, p] of Object.entries(packages)) if (p.deprecated) console.log(name, p.version + ":", p.deprecated)
  ' "$1" >"$report" && [ -s "$report" ]; then
    found npm "versions that their authors withdrew"
  else
    clean npm "no version was withdrawn by its authors (the registry's audit: see below)"
  fi
}

# No database of Maven artifacts can be asked without an account or a download of
# it. A scanner that has one reads the images' lists.
audit_maven() {
  local scanner
  for scanner in osv-scanner trivy grype; do
    command -v "$scanner" >/dev/null || continue
    audit_maven_with "$scanner"
    return
  done
  unseen maven "no scanner is installed that has a database" "Install osv-scanner, trivy or grype, or hand one the documents of: pawskind images sbom --write sbom"
}

audit_maven_with() {
  local folder arguments
  folder=$(mktemp -d)
  if ! bin/pawskind images sbom backend --write "$folder" >"$report" 2>&1; then
    unseen maven "$(tail -n 1 "$report")" "Build the image first: pawskind images build backend"
    return
  fi
  case $1 in
    osv-scanner) arguments=(scan source --sbom "$folder/backend.cdx.json") ;;
    trivy) arguments=(sbom --exit-code 1 "$folder/backend.cdx.json") ;;
    grype) arguments=("sbom:$folder/backend.cdx.json" --fail-on low) ;;
  esac
  if "$1" "${arguments[@]}" >"$report" 2>&1; then
    clean maven "$1 found none in the backend"
  else
    found maven "$1 found weaknesses in the backend, or failed"
  fi
  rm -rf "$folder"
}

# Debian mends a release by newer packages: one that waits for an installed package
# is a weakness that is known and mended, or another defect.
audit_debian() {
  local engine ref looked=0
  engine=$(command -v docker || command -v podman) || { unseen debian "no container engine is installed" "Run: make host"; return; }
  while read -r ref; do
    # An image that is not built, or has nothing of Debian, has no dpkg to ask.
    "$engine" run --rm --pull=never --entrypoint /usr/bin/dpkg "$ref" --version >/dev/null 2>&1 </dev/null || continue
    looked=1
    audit_debian_image "$engine" "$ref"
  done < <(printf 'debian:%s-slim\n' trixie bookworm; bin/pawskind images list -o json | sed -n 's/.*"ref": "\(.*\)".*/\1/p')
  [ "$looked" = 1 ] || unseen debian "no image is built" "Run: make images"
}

audit_debian_image() { # engine ref
  local name=${2#docker.io/}
  if ! "$1" run --rm --pull=never --user 0 --entrypoint /bin/sh "$2" \
    -c 'apt-get update -qq && apt-get -s -qq upgrade' >"$report" 2>&1 </dev/null || grep -qE '^(W|E): ' "$report"; then
    unseen debian "$name: $(grep -E '^(W|E): ' "$report" | head -n 1)" "Check that Debian's mirror can be reached"
    return
  fi
  sed -i -n 's/^Inst \([^ ]*\) \[\([^]]*\)\] (\([^ ]*\) \([^ ]*\).*/\1 \2 -> \3 (\4)/p' "$report"
  if [ -s "$report" ]; then
    found debian "$name: newer packages of the release; renew it with: pawskind images build --force"
  else
    clean debian "$name: every package is the newest of its release"
  fi
}

if [ $# = 0 ]; then set -- go npm maven debian; fi
for part in "$@"; do
  case $part in
    go) audit_go ;;
    npm) audit_npm ;;
    maven) audit_maven ;;
    debian) audit_debian ;;
    *) echo "usage: hack/audit.sh [go|npm|maven|debian]..." >&2; exit 2 ;;
  esac
done
exit "$status"
