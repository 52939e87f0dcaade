# Everything a person or a CI machine does with this tree. `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules
.NOTPARALLEL:
.DELETE_ON_ERROR:

SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
# TEST=1 adds what the tests need, BENCH=1 what the benchmark compares with.
TEST ?=
BENCH ?=
BENCHFLAGS ?=
# Fewer tests run, or more of them skipped, than this fails `make test` (see .ci/count).
TEST_FLOOR ?= 400
TEST_SKIPS ?= 10

export SWIFT TEST BENCH
export BOX_BINARY ?= $(CURDIR)/.build/box

static := .build/static
log := .build/test.log
test = mkdir -p .build && $(SWIFT) test --parallel $(1) 2>&1 | tee $(2) $(log)

.PHONY: help setup build demo test unit e2e bench soak format lint man completions install uninstall clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## install the Debian packages that are missing (TEST=1, BENCH=1: those of tests, of the benchmark)
	@.ci/setup

build: ## build the released program: .build/box, one static executable
	BOX_STATIC=1 $(SWIFT) build -c release --static-swift-stdlib --scratch-path $(static) --product box
	strip -o .build/box.new $(static)/release/box
	mv .build/box.new .build/box

demo: setup build ## set up, build, then make an image from busybox and run it
	@.ci/demo

test: TEST = 1
test: setup build ## set up, build, run every test
	$(SWIFT) build --build-tests
	# Two runs: the end-to-end tests block their threads, which tasks of the other tests would wait for.
	$(call test,--skip EndToEndTests,)
	$(call test,--filter EndToEndTests,-a)
	@.ci/count $(log) --floor $(TEST_FLOOR) --skips $(TEST_SKIPS)

unit: ## the tests that need neither the built program nor a registry
	$(call test,--skip EndToEndTests,)

e2e: ## the tests that drive the built program
	$(call test,--filter EndToEndTests,)

soak: ## the kill tests again and again (BOX_SOAK: how many times more often than in `make test`)
	mkdir -p .build
	BOX_SOAK=$${BOX_SOAK:-20} $(SWIFT) test --filter EndToEndTests 2>&1 | tee $(log)

bench: BENCH = 1
bench: setup build ## measure box beside docker, podman, runc and crun (BENCHFLAGS: see .ci/bench --help)
	@.ci/bench $(BENCHFLAGS)

format: ## rewrite the Swift files in the house's format
	$(SWIFT) format --in-place --recursive --parallel Sources Tests Package.swift

lint: ## check the format, the arrows between the rooms, the shell scripts
	$(SWIFT) format lint --strict --recursive --parallel Sources Tests Package.swift
	@.ci/arrows
	@if command -v shellcheck >/dev/null; then shellcheck $$(grep -lE '^#!.*bash' .ci/*); fi

man: ## write Man/ from the command definitions
	$(SWIFT) run box-docs man Man

completions: ## write Completions/ from the command definitions
	$(SWIFT) run box-docs completions Completions

install: ## install program, man pages and completions (PREFIX, DESTDIR)
	@test -x .build/box || { echo "install: .build/box is missing; run 'make build' first" >&2; exit 1; }
	install -D -m 755 .build/box $(DESTDIR)$(PREFIX)/bin/box
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 Man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -D -m 644 Completions/box.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/box
	install -D -m 644 Completions/box.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_box
	install -D -m 644 Completions/box.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/box.fish

uninstall: ## remove what `install` put there
	rm -f $(DESTDIR)$(PREFIX)/bin/box $(DESTDIR)$(PREFIX)/share/man/man1/box.1 $(DESTDIR)$(PREFIX)/share/man/man1/box-*.1
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/box $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_box
	rm -f $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/box.fish

clean: ## remove everything that was built
	rm -rf .build
