# SPDX-License-Identifier: MIT
# The front door: names for what CMake presets and the scripts in tools/ do.

PREFIX ?= /usr/local
DESTDIR ?=
APP ?= scripts/examples/03_chat.lua
# What `make conformance` does about docs/conformance.md: write or check.
TABLE ?= write
# How often `make bench` measures each row; the median counts.
TURNS ?= 5
# How long `make fuzz` drives each target, and which ones (all).
SECONDS ?= 60
TARGET ?=
# How long `make soak` takes.
MINUTES ?= 10
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: ## install what is missing, build, serve the chat (APP=… for another)
	@tools/install-packages run
	@$(MAKE) --no-print-directory build
	build/wspulse run $(APP) --watch

build: ## build the command: build/wspulse
	@tools/build release

test: ## install what is missing, build, run every suite
	@tools/install-packages run test
	@tools/build dev release
	@tools/run-specs dev:c dev:lua dev:binding \
		release:cli release:e2e release:package release:bench

conformance: ## the Autobahn cases and clients by others
	@tools/install-packages run test conformance
	@tools/build release
	@WSPULSE_TABLE=$(TABLE) tools/run-specs \
		release:conformance release:interop

check: ## format, lint, layers, clang-tidy; gcc and clang with -Werror
	@tools/install-packages run test check
	@tools/check

format: ## format the C files in place
	@tools/install-packages check
	@tools/format

install: build ## install below PREFIX (/usr/local), staged in DESTDIR
	DESTDIR="$(DESTDIR)" cmake --install build --prefix "$(PREFIX)"

asan: ## the suites under AddressSanitizer and UBSan
	@tools/install-packages run test
	@tools/build asan
	@tools/run-specs asan:c asan:binding asan:cli asan:e2e

tsan: ## the suites that have threads under ThreadSanitizer
	@tools/install-packages run test
	@tools/build tsan
	@tools/run-specs tsan:c tsan:cli tsan:e2e

fuzz: ## drive each fuzzer for SECONDS (60), or those of TARGET=…
	@tools/install-packages run test fuzz
	@fuzz/run --seconds $(SECONDS) $(TARGET)

valgrind: ## specs, fuzz corpora and a short soak under valgrind
	@tools/install-packages run test
	@tools/install-node-modules
	@tools/build dev
	@tools/valgrind

soak: ## put a server under load for MINUTES (10); what it holds stays flat
	@tools/install-packages run test
	@tools/install-node-modules
	@tools/build release
	@node bench/soak/run.mjs --minutes $(MINUTES)

bench: ## measure, beside a bare epoll loop and what bench-peers built
	@tools/install-packages run
	@tools/build release
	@cmake --build build --target bench_programs bench_floor
	@bench/run --turns $(TURNS)

bench-peers: ## build the servers by others that bench compares with
	@tools/install-packages peers
	@bench/peers/build

clean: ## remove what was built
	rm -rf build

.PHONY: help run build test conformance check format install asan tsan fuzz \
	valgrind soak bench bench-peers clean
