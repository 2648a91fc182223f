# What there is to make; `make` alone prints this list.

GO ?= go
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
POSTGRES := /usr/lib/postgresql/15/bin/postgres

.PHONY: help
help: ## Print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: build
build: ## Build bin/millrace
	$(GO) build -o bin/millrace ./cmd/millrace

.PHONY: demo
demo: build ## Start a node, replay real flights, watch a result change
	$(GO) run ./cmd/demo -binary bin/millrace

.PHONY: demo-cluster
demo-cluster: build ## Start three nodes, replay flights, kill one, watch the result go on
	$(GO) run ./cmd/demo -cluster -binary bin/millrace

# The race detector makes everything ten times as slow. It watches the packages in which
# goroutines meet, and whole nodes in a small size (testsql/harness/raced.go); these run
# without it as well. The longest packages begin first. Vet is lint's.
RACED := ./testsql ./exec/... ./cluster/... ./testsql/simulation ./wire/... ./log/... ./tables/...
TEST := $(GO) test -vet=off -parallel 4 -timeout 25m

.PHONY: test
test: deps ## Run the tests, with the race detector where goroutines meet, installing what they need
	$(TEST) -race $(RACED)
	$(TEST) ./testsql $$($(GO) list ./... | grep -vE '^millrace/(exec|cluster|wire|log|tables)(/|$$)|^millrace/testsql/simulation$$')
	$(MAKE) simulate SEEDS=0-49

# A seed does the same each time, unless the build is another.
SEEDS ?= 0-49
TIMES ?= 1
.PHONY: simulate
simulate: ## Run SEEDS of the simulated cluster (7, or 0-49), each TIMES, exactly
	$(GO) run ./testsql/simulation/simulate -seeds $(SEEDS) -times $(TIMES)

.PHONY: test-long
test-long: deps ## Run the tests with many more seeds, all with the race detector, and each fuzzer for a minute
	MILLRACE_LONG=1 $(GO) test -timeout 4h ./...
	MILLRACE_RACED=full $(GO) test -race -timeout 1h ./...
	$(MAKE) simulate SEEDS=0-999
	@for package in $$($(GO) list ./...); do \
		for fuzzer in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$fuzzer"; \
			$(GO) test -run '^$$' -fuzz "^$$fuzzer\$$" -fuzztime 1m $$package || exit 1; \
		done; \
	done

.PHONY: test-clients
test-clients: deps deps-clients ## Install real drivers and tools of many languages, and run them against a node
	$(GO) test -v -tags clients -count 1 -timeout 1h ./testsql/clients

.PHONY: test-cluster
test-cluster: deps ## Run clusters of processes under load, with kills, pauses and cut networks
	$(GO) test -v -tags cluster -count 1 -timeout 1h ./testsql/cluster

.PHONY: bench
bench: deps ## Measure beside PostgreSQL 15 in the same run
	$(GO) test -tags bench -v -count 1 -timeout 1h -run "^TestBench" ./testsql/bench

.PHONY: bench-cluster
bench-cluster: ## Measure clusters of one and of three nodes
	$(GO) test -tags bench -v -count 1 -timeout 1h -run "^TestClusterBench" ./testsql/bench

.PHONY: lint
lint: ## Check the formatting and run vet and staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

# The tests compare with PostgreSQL 15, drive psql, and the race detector needs
# a C compiler.
.PHONY: deps
deps: ## Install the Debian packages that the tests need, where missing
	@missing=""; \
	[ -x $(POSTGRES) ] || missing="$$missing postgresql-15"; \
	command -v psql >/dev/null || missing="$$missing postgresql-client-15"; \
	command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	if [ -n "$$missing" ]; then \
		$(SUDO) apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; \
	fi

# The clients' packages themselves are installed by their tests, into the user's cache.
# Each of these lines is a command and the Debian package that has it. What Debian has no
# package of, or an older one than its client needs, is said, and its clients are skipped.
CLIENT_TOOLS := node:nodejs npm:npm javac:default-jdk-headless mvn:maven cargo:cargo python3:python3 \
	/usr/sbin/pgbouncer:pgbouncer setpriv:util-linux

.PHONY: deps-clients
deps-clients:
	@missing=""; \
	for tool in $(CLIENT_TOOLS); do \
		command -v $${tool%:*} >/dev/null || missing="$$missing $${tool#*:}"; \
	done; \
	python3 -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	[ -z "$$missing" ] || $(SUDO) apt-get update -qq || true; \
	for package in $$missing; do \
		DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$package || true; \
	done; \
	for tool in $(CLIENT_TOOLS); do \
		command -v $${tool%:*} >/dev/null || echo "deps-clients: there is no $${tool%:*}, and Debian's $${tool#*:} could not be installed: its clients are skipped"; \
	done
