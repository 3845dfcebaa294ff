# Everything that this repository does, by name. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Without the commit: the same sources give the same programs, and the manager's image its tag.
GO_BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false
TOOL := go tool -modfile=hack/tools/go.mod
PAWSKIND := bin/pawskind
FLAGS ?=

##@ Everyday

.PHONY: local-start
local-start: host build ## Start the whole stack, and whatever it needs first
	@$(PAWSKIND) up $(FLAGS)

.PHONY: local-stop
local-stop: $(PAWSKIND) ## Stop the stack; all data stays
	@$(PAWSKIND) stop $(FLAGS)

.PHONY: local-down
local-down: $(PAWSKIND) ## Delete the cluster; all data stays
	@$(PAWSKIND) down $(FLAGS)

.PHONY: local-reset
local-reset: $(PAWSKIND) ## Delete the cluster and all data, after a typed confirmation
	@$(PAWSKIND) reset $(FLAGS)

.PHONY: local-health
local-health: $(PAWSKIND) ## Ask every member how it is
	@$(PAWSKIND) health $(FLAGS)

.PHONY: local-status
local-status: $(PAWSKIND) ## Show conditions, addresses and the cluster
	@$(PAWSKIND) status $(FLAGS)

.PHONY: local-restart
local-restart: $(PAWSKIND) ## Restart one service: SERVICE=backend
	@$(PAWSKIND) restart $(SERVICE) $(FLAGS)

.PHONY: local-logs
local-logs: $(PAWSKIND) ## Show logs, of all or of SERVICE=patroni
	@$(PAWSKIND) logs $(SERVICE) $(FLAGS)

##@ Faults

.PHONY: local-simulate-db-leader-failure
local-simulate-db-leader-failure: $(PAWSKIND) ## Freeze the PostgreSQL leader, until restored
	@$(PAWSKIND) chaos freeze postgres/leader $(FLAGS)

.PHONY: local-simulate-redis-master-failure
local-simulate-redis-master-failure: $(PAWSKIND) ## Freeze the Redis master, until restored
	@$(PAWSKIND) chaos freeze redis/master $(FLAGS)

.PHONY: local-simulate-network-partition
local-simulate-network-partition: $(PAWSKIND) ## Cut the PostgreSQL leader off, until restored
	@$(PAWSKIND) chaos partition postgres/leader $(FLAGS)

.PHONY: local-restore-from-simulation
local-restore-from-simulation: $(PAWSKIND) ## Undo every fault
	@$(PAWSKIND) chaos restore $(FLAGS)

.PHONY: local-patroni-reinit
local-patroni-reinit: $(PAWSKIND) ## Have a replica copy the leader's data anew: MEMBER=patroni-2
	@$(PAWSKIND) reinit $(MEMBER) $(FLAGS)

##@ Pipeline

.PHONY: local-ci
local-ci: $(PAWSKIND) ## Run the workflow here: JOB=unit one job, FROM=lint that job and all after it
	@$(PAWSKIND) ci $(if $(WORKFLOW),'$(WORKFLOW)') $(if $(JOB),--job '$(JOB)') $(if $(FROM),--from-job '$(FROM)') $(FLAGS)

.PHONY: local-ci-from-lint
local-ci-from-lint: FROM = lint
local-ci-from-lint: local-ci ## Run the workflow here from lint on, the rest as it last passed

.PHONY: local-ci-artifacts-list
local-ci-artifacts-list: $(PAWSKIND) ## List what runs left behind
	@$(PAWSKIND) ci artifacts list $(FLAGS)

.PHONY: local-ci-artifacts-get
local-ci-artifacts-get: $(PAWSKIND) ## Copy a run's artifacts here: RUN=12, the newest when empty
	@$(PAWSKIND) ci artifacts get $(if $(RUN),--run '$(RUN)') $(FLAGS)

.PHONY: local-ci-artifacts-clean
local-ci-artifacts-clean: $(PAWSKIND) ## Remove what runs left behind, or RUN=12 alone
	@$(PAWSKIND) ci artifacts clean $(RUN) $(FLAGS)

##@ Secrets

.PHONY: local-gen-secrets
local-gen-secrets: $(PAWSKIND) ## Generate the secrets that are missing
	@$(PAWSKIND) secrets gen $(FLAGS)

.PHONY: local-validate-secrets
local-validate-secrets: $(PAWSKIND) ## Tell of every secret that is missing or weak
	@$(PAWSKIND) secrets validate $(FLAGS)

.PHONY: local-rotate-secrets
local-rotate-secrets: $(PAWSKIND) ## Give all secrets new values while the stack runs, or SECRET=NAME alone
	@$(PAWSKIND) secrets rotate $(SECRET) $(FLAGS)

##@ Build

.PHONY: build
build: ## Build the programs into bin/
	@$(GO_BUILD) -ldflags "-s -w -X main.version=$(VERSION)" -o $(PAWSKIND) ./cmd/pawskind
	@GOOS=linux $(GO_BUILD) -ldflags "-s -w" -o bin/ ./cmd/manager ./cmd/agent

$(PAWSKIND):
	@$(MAKE) --no-print-directory build

.PHONY: host
host: ## See to it that this machine has a container engine
	@hack/host/setup.sh

.PHONY: images
images: host build ## Build the product's images
	@$(PAWSKIND) images build

.PHONY: node-image
node-image: host ## Provide the kind node image: present, pulled or built
	@go run ./hack/nodeimage

##@ Generate

.PHONY: generate
generate: ## Generate deep copies, apply configurations, CRD, RBAC and manifests
	$(TOOL) controller-gen object crd applyconfiguration paths=./api/v1alpha1 output:crd:dir=config/crd/bases
	$(TOOL) controller-gen rbac:roleName=pawskind-manager paths=./controllers/... output:rbac:dir=config/rbac
	$(TOOL) kustomize build config/default > config/install.yaml
	$(TOOL) kustomize build config/local > config/local.yaml

.PHONY: verify-generated
verify-generated: generate ## Fail when generated files are not what the sources give
	@git diff --exit-code -- api config || { echo "generated files differ: run 'make generate' and commit"; exit 1; }

##@ Test

# What takes minutes each, and make test-faults runs.
export SLOW_TESTS = EveryFailpoint|TC039|TC040|WithoutARestart|TheCAIsRotated|EachCapability|RedisByTLS

.PHONY: test
test: host build ## Everything: unit, API and end-to-end tests on a real cluster
	@hack/test.sh

.PHONY: test-unit
test-unit: ## Tests that need nothing but Go
	@go test ./api/... ./cmd/... ./controllers/... ./hack/... ./internal/...

.PHONY: test-faults
test-faults: images node-image ## Every scenario of the drills, every failpoint and recovery by hand, on a real cluster
	@PAWSKIND_SCENARIOS=all go test -count=1 -timeout 90m -v -run '$(SLOW_TESTS)|TC001|TC01[0-3]|Drills|Faults|UnderClients|InterruptedRotation' ./test/e2e

.PHONY: test-security
test-security: $(PAWSKIND) ## Try every cell of the attack matrix on the running stack
	@go test -count=1 -timeout 10m -v ./test/security

.PHONY: test-leaks
test-leaks: images node-image ## Much of the end-to-end tests, then what they used of their rights, and what they left of secrets
	@hack/host/tools.sh
	@PAWSKIND_E2E_JUDGED=1 go test -count=1 -timeout 60m -v -skip '$(SLOW_TESTS)|InterruptedStart|TC018|TC02[45]' ./test/e2e

.PHONY: test-images
test-images: host build ## Build every image twice and compare
	@PAWSKIND_BUILD_TWICE=1 go test -count=1 -timeout 60m -v -run BuiltTwice ./test/supply

.PHONY: audit
audit: $(PAWSKIND) ## Look for known weaknesses in what programs and images are built of; say what was not looked at
	@hack/audit.sh $(PART)

.PHONY: soak
soak: $(PAWSKIND) ## Kill the leader again and again while clients write: RUNS=100
	@$(PAWSKIND) drill leader-kill --runs $(or $(RUNS),100) --yes $(FLAGS)

.PHONY: bench
bench: images node-image ## Measure starts, commands, rest and the pipeline: RUNS=3, ONLY=pipeline
	@go run ./test/bench -runs $(or $(RUNS),3) $(if $(ONLY),-only $(ONLY))

.PHONY: bench-security
bench-security: images node-image ## Measure what TLS and authentication cost: RUNS=5
	@go run ./test/bench -security $(or $(RUNS),5) -out bench-security.json
	@go run ./test/bench/faults -starts $(or $(RUNS),5) -runs 0 -out bench-security-starts.json

.PHONY: bench-faults
bench-faults: images node-image ## Measure what faults cost, beside the same stack from plain manifests: RUNS=20
	@go run ./test/bench/faults -runs $(or $(RUNS),20) $(FLAGS)

.PHONY: lint
lint: ## Static checks
	$(TOOL) golangci-lint run

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
