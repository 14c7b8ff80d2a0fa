# make run and make test are all a newcomer needs; the rest is for working on Lodge.
CONFIGURATION ?= debug
SEED ?= 1
SEEDS ?= 2000
BIN = .build/$(CONFIGURATION)
# Swift's runtime linked in: no Swift needed where the programs run, and a few percent less CPU a request.
RELEASE = swift build -c release --static-swift-stdlib
BUILD = $(if $(filter release,$(CONFIGURATION)),$(RELEASE),swift build -c $(CONFIGURATION))
SOURCES = Package.swift Sources Tests Benchmarks

.PHONY: run release cluster test faults check format demo bench peers scale sim planted specification build dependencies test-dependencies \
	swift-test client-test history-test oracle-test oracles fault-test peer-test clean

## run: build and start a node with its data in ./lodge-data (ARGS="--http 0.0.0.0:8080" for more)
run: dependencies
	$(BUILD) --product lodge
	$(BUILD) --product lodged
	@echo "The operator's command line is $(BIN)/lodge"
	exec $(BIN)/lodged $(ARGS)

## release: the optimised lodged and lodge in .build/release, which run without Swift (but with libsqlite3 and zlib)
release: dependencies
	$(RELEASE) --product lodged
	$(RELEASE) --product lodge

## cluster: build and start three nodes in ./lodge-cluster (ARGS="--nodes 5"); deploy/local-cluster does the rest
cluster: dependencies
	$(BUILD) --product lodge
	$(BUILD) --product lodged
	deploy/local-cluster start --dir ./lodge-cluster --bin $(BIN) $(ARGS)

## test: everything that must pass before a change lands: unit, property, process, client and the short fault tests
test: test-dependencies swift-test client-test history-test oracle-test fault-test peer-test

swift-test:
	swift build --build-tests
	swift test --skip-build

client-test:
	Tests/Clients/run --bin .build/debug

history-test:
	Tests/Clients/run --bin .build/debug Tests/Histories

oracle-test:
	Tests/Clients/run --bin .build/debug Tests/Oracles
	python3 Tests/Oracles/compare.py --tool ".build/debug/lodge-sim clocks" --count 2000

fault-test:
	@deploy/dependencies.sh faults
	Tests/Clients/run --bin .build/debug Tests/Faults -m short

peer-test:
	Tests/Clients/run --bin .build/debug Tests/Peers

## faults: real nodes killed, paused, cut off, robbed of disk, power and clock, as Tests/Faults/README.md says (ARGS="-k leader")
faults: test-dependencies
	@deploy/dependencies.sh faults
	$(BUILD) --product lodge
	$(BUILD) --product lodged
	Tests/Clients/run --bin $(BIN) Tests/Faults --durations 20 $(ARGS)

## oracles: the clocks of COUNT random tickets against the oracle in Python, from SEED on (10 minutes for 100,000)
oracles: test-dependencies
	$(BUILD) --product lodge-sim
	python3 Tests/Oracles/compare.py --tool "$(BIN)/lodge-sim clocks" --seed $(SEED) --count $(or $(COUNT),100000) --jobs $(or $(JOBS),1)

## sim: simulated clusters with faults, SEEDS of them from FROM on, release build
sim: dependencies
	$(RELEASE) --product lodge-sim
	.build/release/lodge-sim run --seeds $(SEEDS) --from $(or $(FROM),1)

## planted: which seed first finds each planted mistake (a release build that can plant them)
planted: dependencies
	swift build -c release --product lodge-sim -Xswiftc -DPLANTED_BUGS --scratch-path .build-planted
	@for bug in $$(.build-planted/release/lodge-sim run --list-planted); do \
	  printf '%s: ' $$bug; \
	  .build-planted/release/lodge-sim run --seeds 10000 --shard-store 0 --plant $$bug | grep -m1 failed: || echo 'not found'; \
	done

## specification: check the TLA+ models with TLC (Java; 13 minutes)
specification:
	Sources/Consensus/Specification/check.sh

## demo: fill the tenant "demo" of the running node with a small company's desk
demo:
	$(BIN)/lodge demo --seed $(SEED) $(ARGS)

## check: formatting and house rules, without running the product
check:
	swift format lint --strict --recursive --parallel $(SOURCES)

## format: format all sources in place
format:
	swift format format --in-place --recursive --parallel $(SOURCES)

## bench: the hot parts and the store alone, and the HTTP load, release build
bench:
	@deploy/dependencies.sh build test
	$(RELEASE)
	.build/release/lodge-bench micro
	.build/release/lodge-bench store
	.build/release/lodge-bench run

## peers: etcd, PostgreSQL, SQLite and two help desks measured in turn with Lodge (root; ARGS="--peers etcd --json FILE")
peers: release
	@deploy/dependencies.sh peers
	Benchmarks/peers/compare.py --install --bin .build/release $(ARGS)

## scale: throughput, p99 and costs against replicas, shards, tenants and tickets; an hour or two (ARGS=--quick: a few minutes)
scale:
	@deploy/dependencies.sh build test
	$(RELEASE)
	Benchmarks/scale.py --bin .build/release $(ARGS)

build: dependencies
	$(BUILD)

dependencies:
	@deploy/dependencies.sh build

test-dependencies:
	@deploy/dependencies.sh build test

clean:
	swift package clean
