# Everything here works from a clean checkout on Debian 12 with Go 1.26. `make help` lists it.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMANDS := rollcalld rollcall rollcall-lab
# Inputs a test, not seconds: before Go 1.27 the end of the time may be taken for a failure of the
# test (https://go.dev/issue/75804).
FUZZTIME ?= 50000x
SECONDS  ?= 60
SIZES    ?= 1950,2000,9408,63488,100000,1000000
# One package at a time: those that build clusters would starve each other on a small machine.
TESTFLAGS ?= -p 1 -timeout 15m
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the commands into bin/, with Go alone
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-X rollcall/cmd/internal/version.stamp=$(VERSION)' \
		-o bin/ $(addprefix ./cmd/,$(COMMANDS))

.PHONY: run
run: build bpffs ## show a cluster of 16 nodes lose a node and its leader (root)
	bin/rollcall-lab run

.PHONY: run-groups
run-groups: build bpffs ## show a cluster of three groups lose a member, leaders and a whole group (root)
	bin/rollcall-lab run --groups 3 --per-group 3 --interval 20ms

.PHONY: bench
bench: build bpffs ## measure detection and agreement, beside the machine's floor (root)
	bin/rollcall-lab bench

.PHONY: torture
torture: build bpffs ## let a cluster live through faults of every kind, SECONDS (60) each (root)
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-X rollcall/cmd/internal/version.stamp=$(VERSION)-upgrade' \
		-o bin/rollcalld-upgrade ./cmd/rollcalld
	bin/rollcall-lab torture --seconds $(SECONDS) --upgrade bin/rollcalld-upgrade $(TORTUREFLAGS)

.PHONY: ladder
ladder: build bpffs ## the same at 10 ms beside user-space peers: memberlist, and our socket plane, SECONDS (60) each (root)
	CGO_ENABLED=0 go build -C tests/memberlist -trimpath -buildvcs=false -o ../../bin/lab-memberlist .
	bin/rollcall-lab ladder --seconds $(SECONDS) --peer bin/lab-memberlist $(LADDERFLAGS)
	@echo 'What must fail, to show that it would be seen: the socket plane without priority.'
	bin/rollcall-lab torture --seconds $(SECONDS) --interval 10ms --quarantine 0 --attach socket --priority 0 --scenario 'threads on all' --lenient

# The layers of the tests, and the minutes meant for each on two quiet processors. Clusters whose rounds are long
# wait most of their time: four stand beside each other. Those are never taken from the cache, which does not know
# of the daemons that they build.
LAYERS       := unit differential explorer mutants simulator end-to-end
unit         := 2 $(shell go list ./... | grep -vE '/(dataplane|tests/(explore|mutants|sim|scale|e2e))(/|$$)')
differential := 2 ./dataplane
explorer     := 2 ./tests/explore/...
mutants      := 1 ./tests/mutants/...
simulator    := 2 ./tests/sim/... ./tests/scale
end-to-end   := 4 -count=1 ./tests/e2e

.PHONY: test
test: vet bpffs-if-root ## run all tests, layer by layer; what needs root says why it skips
	@failed=; \
	layer() { \
		local name=$$1 minutes=$$2 began=$$SECONDS; shift 2; \
		echo "== $$name, meant to take $$minutes minutes at most"; \
		go test $(TESTFLAGS) "$$@" || failed+=" $$name"; \
		echo "== $$name took $$((SECONDS - began)) s of $$((minutes * 60))"; \
	}; \
	$(foreach l,$(LAYERS),layer $(l) $($(l));) \
	[[ -z $$failed ]] || { echo "failed:$$failed"; exit 1; }

.PHONY: vet
vet: ## run go vet
	go vet ./...
	cd tests/memberlist && go vet ./...

.PHONY: lint
lint: vet ## check format, vet and staticcheck
	@unformatted=$$(gofmt -l .); \
	if [[ -n $$unformatted ]]; then printf 'not formatted, run gofmt -w:\n%s\n' "$$unformatted"; exit 1; fi
	go run $(STATICCHECK) ./...

.PHONY: soak
soak: ## simulate one group, then clusters of several, from fresh seeds for half of SECONDS (60) each
	go test ./tests/sim -count=1 -v -timeout 0 -run TestSeeds -args -seconds $$(($(SECONDS) / 2))
	go test ./tests/sim/levels -count=1 -v -timeout 0 -run TestSeeds -args -seconds $$(($(SECONDS) / 2))

.PHONY: scale
scale: ## simulate clusters of SIZES (1,950 to 1,000,000) nodes and print what faults cost them, beside what Rapid published
	GOGC=25 go test ./tests/scale -count=1 -v -timeout 2h -run TestTable -args -nodes $(SIZES)

.PHONY: fuzz
fuzz: ## run every fuzz test for FUZZTIME (50000x) inputs
	@grep -rn --include='*_test.go' -E '^func Fuzz[A-Za-z0-9_]*\(' . | sort | \
	while IFS=: read -r file _ line; do \
		name=$${line#func }; name=$${name%%(*}; \
		echo "== $$name in $$(dirname $$file) for $(FUZZTIME)"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$(dirname $$file) </dev/null; \
	done

.PHONY: generate
generate: bpf-tools ## compile the BPF programs (needs clang, which is installed when missing)
	go generate ./dataplane

.PHONY: check-generate
check-generate: bpf-tools ## compare the committed BPF objects with what their source gives
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	cp -R bpf control dataplane view go.mod go.sum "$$scratch"; \
	rm -f "$$scratch"/dataplane/*_bpfel.{go,o}; \
	(cd "$$scratch" && go generate ./dataplane); \
	status=0; \
	for name in $$(cd dataplane && ls *_bpfel.{go,o}); do \
		cmp "$$scratch/dataplane/$$name" "dataplane/$$name" || status=1; \
	done; \
	[[ $$status = 0 ]] || { echo 'the committed BPF objects are not those of bpf/: run make generate and commit'; exit 1; }

# The steps below make the machine ready, and are no goals by themselves.

.PHONY: bpffs
bpffs:
	@[[ $$(id -u) = 0 ]] || { echo 'needs root: it makes network namespaces and loads BPF programs'; exit 1; }
	@[[ $$(stat -f -c %T /sys/fs/bpf) = bpf_fs ]] || mount -t bpf bpf /sys/fs/bpf

.PHONY: bpffs-if-root
bpffs-if-root:
	@[[ $$(id -u) != 0 ]] || $(MAKE) --no-print-directory bpffs

.PHONY: bpf-tools
bpf-tools:
	@missing=(); \
	command -v clang >/dev/null || missing+=(clang); \
	command -v llvm-strip >/dev/null || missing+=(llvm); \
	[[ -e /usr/include/bpf/bpf_helpers.h ]] || missing+=(libbpf-dev); \
	[[ $${#missing[@]} = 0 ]] && exit 0; \
	[[ $$(id -u) = 0 ]] || { echo "install first: $${missing[*]}"; exit 1; }; \
	echo "installing $${missing[*]}"; \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$${missing[@]}" >/dev/null
