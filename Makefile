# What people and CI run. `make` alone explains.

.DEFAULT_GOAL := help
.PHONY: help setup build check test fuzz soak demo bench clean
CARGO ?= cargo
BENCH ?= all
FUZZ ?= all
SECONDS ?= 60
# What property tests and those beside Flink's own classes draw from in `make soak`; `make test` always has the seeds of .cargo/config.toml.
SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
# Where the set-up installs.
CACHE = $(or $(FLINK_MESOS_CACHE),$(HOME)/.cache/flink-mesos)
# Where cargo puts what it builds.
TARGET = $(or $(CARGO_TARGET_DIR),target)

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make demo MESOS=real   on the real Apache Mesos;  FLINK=2 with Flink 2;  ONESHOT=1 ends after the result"
	@echo "  make bench BENCH=group one group of benchmarks;  AGAINST=../before  in turns with another checkout that is built"
	@echo "  make soak SEED=n       the same inputs again (printed by a run that failed)"
	@echo "  make fuzz FUZZ=target  one target;  SECONDS=600  for each, instead of 60"

setup: ## install what tests and demo need, into ~/.cache/flink-mesos
	@tests/setup/setup

build: export FLINK_MESOS_REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null)
build: ## the programs, as they are shipped: target/release
	$(CARGO) build --release --locked --bin flink-mesos --bin flink-mesos-executor --bin flink-mesos-fetcher

check: ## formatting, lints, documentation, English, dependencies
	@tests/lint/english
	@tests/lint/spelling
	@tests/setup/setup deny
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy --locked --workspace --all-targets --all-features -- -D warnings
	$(CARGO) clippy --locked --manifest-path fuzz/Cargo.toml --target-dir "$(TARGET)" -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --all-features --no-deps --document-private-items
	$(CACHE)/deny/bin/cargo-deny --all-features check bans licenses sources
	@tests/setup/advisories
	@CARGO="$(CARGO)" tests/lint/rust-version "$(TARGET)"

test: setup ## every test, on the real Mesos, ZooKeeper and Flink
	$(CARGO) build --locked --workspace --all-features --bins --tests
	@tests/all --locked --workspace --all-features

fuzz: ## look for inputs that break the parsers, guided by coverage
	@fuzz/run "$(FUZZ)" "$(SECONDS)"

soak: SEED := $(SEED)
soak: ## what tests draw by chance, from fresh seeds: simulated worlds for SECONDS or RUNS of them, property tests, Flink's own classes
	FLINK_MESOS_SIMULATION_$(if $(RUNS),RUNS="$(RUNS)",SECONDS="$(SECONDS)") \
		$(CARGO) test --release --locked -p scheduler --lib core::simulation -- --nocapture
	@echo "SEED=$(SEED)"
	PROPTEST_RNG_SEED=$(SEED) PROPTEST_CASES=2000 FLINK_MESOS_TEST_SEED=$(SEED) FLINK_MESOS_TEST_ROUNDS=10000 \
		$(CARGO) test --locked --workspace --exclude tests --all-features --lib --test against_flink --test broken_files

demo: setup build ## Flink on a Mesos before your eyes
	@MESOS="$(MESOS)" ONESHOT="$(ONESHOT)" FLINK="$(or $(FLINK),1)" tests/demo/demo $(TARGET)/release

bench: setup build ## benchmarks, into target/bench/summary.tsv
	@tests/setup/setup bench
	@tests/bench/bench $(if $(AGAINST),--against "$(AGAINST)") $(BENCH)

clean: ## remove what was built; the set-up's cache stays
	$(CARGO) clean
