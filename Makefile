# Everything is built with this tag: DuckDB takes and gives Arrow batches.
export GOFLAGS := -tags=duckdb_arrow
export CGO_ENABLED := 1

GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.6.1
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
SOURCES := $(shell find cmd internal examples -type f 2>/dev/null) go.mod go.sum

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: build
build: bin/biwa ## Build bin/biwa

bin/biwa: $(SOURCES)
	go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $@ ./cmd/biwa

.PHONY: demo
demo: bin/biwa ## Start the example platform with generated traffic, on http://localhost:2492
	bin/biwa demo

.PHONY: test
test: tools bin/biwa ## Run all tests, setting up what they test with
	go vet ./...
	BIWA=$(CURDIR)/bin/biwa go test -timeout 15m ./...

.PHONY: race
race: bin/biwa ## Run the tests of what is concurrent with the race detector
	BIWA=$(CURDIR)/bin/biwa go test -race -timeout 30m ./internal/...

.PHONY: tools
tools: ## Install what the tests use besides Go: zstd, Chromium, Node.js, and SDKs in a folder of their own
	@scripts/tools

.PHONY: check
check: ## Run the linters, import rules among them
	go vet ./...
	go run $(STATICCHECK) ./...
	go run $(GOLANGCI) run ./...

.PHONY: bench
bench: bin/biwa ## Measure against the goals; docs/PERFORMANCE.md explains each figure
	bin/biwa bench

.PHONY: soak
soak: tools bin/biwa ## Long runs: hundreds of kill -9 rounds, power cuts and I/O errors; 200,000 questions compared; fuzzing
	BIWA=$(CURDIR)/bin/biwa BIWA_SOAK=1 BIWA_DIFFER=200000 BIWA_SEED=$$(date +%s) go test -timeout 8h -run 'Soak|Crash|Power|FailingDisk|AnswersAre|ZonesAre' ./...
	scripts/fuzz

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin .tools
