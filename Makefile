# The two commands: `make lab` and `make test`. Everything else is `.venv/bin/anlan --help`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PLATFORM ?= infra/platforms/lab.yaml
ANLAN := .venv/bin/anlan
PYTHON := .venv/bin/python

.PHONY: help setup cloud lab test test-long lint unit contract lab-test bench lock clean-lab

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: ## install what is missing: system packages, Docker, .venv, Pulumi CLI
	@bootstrap/setup.sh

cloud: setup ## install the SDK of the cloud provider, for platforms that name one
	@bootstrap/cloud.sh

lab: setup ## bring up the platform of infra/platforms/lab.yaml, verify it, say what to try next
	@$(ANLAN) up --platform $(PLATFORM)

test: setup ## every test there is, the lab's included
	@bootstrap/test.sh

test-long: setup ## long repetitions of the lab's tests
	@ANLAN_LONG=1 bootstrap/test.sh

lint: setup ## linters and types
	@bootstrap/lint.sh

unit: setup ## unit tests
	@$(PYTHON) -m pytest -q tests/unit

contract: setup ## contract tests of targets and the provider
	@$(PYTHON) -m pytest -q tests/contract

lab-test: setup ## tests on a freshly deployed platform, torn down at the end
	@$(PYTHON) -m pytest -q tests/lab

bench: setup ## measure the numbers of the README on a platform deployed for that
	@$(PYTHON) -m benchmarks

lock: setup ## lock the requirements anew
	@bootstrap/lock.sh

clean-lab: ## remove all that `make lab` made: hosts, networks, images, state, caches, .venv
	@bootstrap/clean.sh
