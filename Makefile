# xinyin: `make demo` runs everything on this machine, `make test` proves it. Needs Rust, and root or sudo for what is missing.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/target/peers/venv/bin:$(PATH)

DATA ?= $(HOME)/.local/share/xinyin-demo
PORT ?= 8440

.PHONY: help
help: ## What there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | while IFS=$$'\t' read -r name text; do printf 'make %-8s %s\n' "$$name" "$$text"; done
	@echo
	@echo 'DATA=FOLDER and PORT=N choose where the demo keeps its data and listens (now $(DATA), $(PORT)).'
	@echo 'XINYIN_TARGET=FOLDER chooses where compiled code and tools are kept between clones (default ~/.cache/xinyin/target).'

.PHONY: demo
demo: ## Build and run the service, a stand-in province and a sample portal on loopback
	@scripts/prepare --fonts
	cargo build --bin xinyin
	exec target/debug/xinyin demo --data '$(DATA)' --port '$(PORT)'

.PHONY: test
test: peers ## Install what the tests need and run all of them
	@scripts/test

.PHONY: bench
bench: peers ## Measure against other programs in the same run
	@scripts/bench

.PHONY: fuzz
fuzz: peers ## Fuzz every parser for a minute, after finding a planted panic
	@scripts/fuzz --planted
	scripts/fuzz 60

.PHONY: mutants
mutants: prepare ## Try 100,000 structured mutants of signed files of each format: none may be accepted
	@XINYIN_MUTANTS=100000 cargo test --locked --test judge -- mutants:: --nocapture --test-threads 1

.PHONY: lint
lint: peers ## Format, clippy, documentation, licences
	@scripts/lint

.PHONY: release
release: prepare ## Build the optimised binary
	@cargo build --release --bin xinyin
	ls -lh target/release/xinyin

.PHONY: prepare
prepare: # compiler and cache
	@scripts/prepare

.PHONY: peers
peers: prepare # foreign programs that the tests call
	@scripts/peers
