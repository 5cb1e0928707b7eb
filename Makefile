# One word per job. The work itself is in xtask (Rust) and in web/package.json.
CARGO ?= cargo
DATA ?= ./data

.PHONY: help build run test check fmt gen bench release

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

# npm itself refuses an older Node.js without a word about where to get another.
NODE_MIN = $(shell sed -n 's/.*"node": ">=\([0-9.]*\)".*/\1/p' web/package.json)
NODE_HINT = Debian 12 has 18; take one from https://nodejs.org/en/download or with nvm (nvm install 22)

web/node_modules/.package-lock.json: web/package-lock.json
	@found=$$(node --version 2>/dev/null | tr -d v); \
	case "$$(printf '%s\n' $(NODE_MIN) "$$found" | sort -V | head -n 1)" in \
		$(NODE_MIN)) ;; \
		*) echo "make: the web app needs Node.js $(NODE_MIN) or later, and found is $${found:-none}. $(NODE_HINT)" >&2; exit 1 ;; \
	esac
	cd web && npm install --no-save --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(shell find web/src web/public web/scripts -type f 2>/dev/null) web/index.html web/vite.config.ts
	cd web && npm run build
	@touch $@

build: web/dist/index.html ## web app and server
	$(CARGO) build --profile quick --package wheelhouse

run: build ## start on embedded storage in ./data and print the URL
	@$${CARGO_TARGET_DIR:-target}/quick/wheelhouse serve --data-dir $(DATA)

test: ## install what the tests need and run all of them
	$(CARGO) xtask test

check: ## formatting, rules, spelling, licences, lints: no tests
	$(CARGO) xtask test --only check,lint

fmt: ## format Rust and web
	$(CARGO) fmt --all
	cd web && npm run fmt

gen: ## write everything that is generated from the spec
	$(CARGO) xtask gen

bench: ## drive the release binary through HTTP; prints a table, writes target/bench/latest.json
	$(CARGO) xtask bench

release: ## archive, chart, SBOM and checksums of this platform in target/release-artifacts
	$(CARGO) xtask release
