# Two commands do everything: `make run` and `make test`. What they need and the machine lacks goes into .tools.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

NATS_VERSION := 2.15.1
BUF_VERSION := 1.75.0
CARGO_DENY_VERSION := 0.20.2
# Cron by other people, to compare ours with. The zones have to be those of chrono_tz; the test says so when they are not.
CRONSIM_VERSION := 2.8
TZDATA_VERSION := 2025.2
# Asks the API whatever its description allows, and more.
SCHEMATHESIS_VERSION := 4.32.5
NODE_VERSION := 24.19.0

# Relative, because make splits a path with spaces in it.
VENV := .tools/venv
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help
help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: run
run: nats-server ## Build and run everything in one process, with a page to look at
	cargo run --release --package lastcall -- dev $(ARGS)

.PHONY: test
test: nats-server browser node cronsim schemathesis proxies clients ## Run all tests, against real servers and a real browser
	cargo test --workspace --no-fail-fast
	@$(MAKE) --no-print-directory test-browser

.PHONY: test-browser
test-browser: nats-server browser node ## Test the browser client and the page, in three tabs of a real Chromium
	@if ! command -v chromium >/dev/null; then \
		echo 'SKIPPED: the tests of the browser client need chromium.' >&2; \
	else \
		deploy/tools/browser-client.sh; \
		cargo build --package lastcall; \
		cd clients/browser; \
		npm run --silent check; \
		npm test --silent; \
		npm run --silent size; \
		npm run --silent page:check; \
		CHROMIUM="$$(command -v chromium)" npm run --silent test:e2e -- $(ARGS); \
	fi

.PHONY: fault-run
fault-run: nats-server proxies ## Kill and cut everything for ten minutes under 2,000 clients, and judge what each was told
	FAULT_SECONDS=$${FAULT_SECONDS:-600} cargo test --package lastcall --test faults -- --nocapture whatever_is_killed

.PHONY: bench-scheduler
bench-scheduler: nats-server ## Measure a million due coupons on PostgreSQL beside a bare publisher (needs PostgreSQL)
	cargo build --release --package lastcall --package benchmarks
	target/release/bench-scheduler $(ARGS)

.PHONY: bench-projector
bench-projector: nats-server ## Measure a rebuild of a million events beside live traffic and a bare COPY (needs PostgreSQL)
	cargo build --release --package lastcall --package benchmarks
	target/release/bench-projector $(ARGS)

.PHONY: bench-edge
bench-edge: nats-server nchan ## Measure the edge with 19,500 streams beside nchan and a bare writer (needs nginx with nchan)
	cargo build --release --package lastcall --package benchmarks
	target/release/bench-edge $(ARGS)

.PHONY: lint
lint: buf cargo-deny ## Check format, lints, layers, licences, sources and the published schemas
	cargo fmt --all --check
	cargo fmt --check --manifest-path services/lastcall/tests/clients/rust/Cargo.toml
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	cargo deny --log-level error check bans licenses sources
	cd proto-schemas && buf lint && buf breaking --against released/lastcall-events-v1.binpb

.PHONY: format
format: ## Format the sources
	cargo fmt --all

.PHONY: release-schemas
release-schemas: buf ## Take the schemas as they are for what later changes must not break
	cd proto-schemas && buf lint && buf build --output released/lastcall-events-v1.binpb

.PHONY: clean
clean: ## Remove what was built, the tools and the data of `make run`
	rm -rf target .tools .lastcall clients/browser/node_modules clients/browser/dist clients/browser/build

# What the machine has on PATH is used where it is new enough.
.PHONY: nats-server buf cargo-deny browser node cronsim schemathesis proxies clients nchan
nats-server:
	@deploy/tools/nats-server.sh $(NATS_VERSION)

buf:
	@deploy/tools/pip-install.sh buf-bin $(BUF_VERSION)

cargo-deny:
	@cargo deny --version 2>/dev/null | grep -qx 'cargo-deny $(CARGO_DENY_VERSION)' \
		|| cargo install --quiet --locked --root .tools cargo-deny@$(CARGO_DENY_VERSION)

browser:
	@deploy/tools/browser.sh

node:
	@deploy/tools/node.sh $(NODE_VERSION)

cronsim:
	@deploy/tools/pip-install.sh cronsim $(CRONSIM_VERSION)
	@deploy/tools/pip-install.sh tzdata $(TZDATA_VERSION)

schemathesis:
	@deploy/tools/pip-install.sh schemathesis $(SCHEMATHESIS_VERSION)

proxies:
	@deploy/tools/proxies.sh

clients:
	@deploy/tools/clients.sh

nchan:
	@deploy/tools/nchan.sh
