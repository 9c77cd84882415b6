# Every command sets up what it needs; `make help` lists them.
.DEFAULT_GOAL := help
PORT ?= 8787
OPEN ?= 1
export PORT OPEN

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

include wasm-build/rules.mk
