# The two commands of the README; everything they need is installed on the way.
.PHONY: help packages build test soak simulate demo lint bench bench-steady bench-parts bench-recovery bench-delivery
.DEFAULT_GOAL = help

PACKAGES = librdkafka-dev liblz4-dev libsimdjson-dev libyaml-dev libphonenumber-dev libprotobuf-dev libmicrohttpd-dev tzdata pkg-config make g++

# Installs what is missing (Debian, Ubuntu).
packages:
	@missing=$$(for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	    sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	    echo "Installing" $$missing; \
	    $$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing; \
	fi

build: packages
	swift build -c release

# In three parts: threads under the thread sanitizer; Kafka and processes, one after the other since
# they measure time; everything else. Optimised, since most of the time goes into whole days of
# traffic; preconditions hold all the same, and in other code the runtime copies values, which the
# sanitizer does not watch. Each kind of build has a folder of its own, or they would undo each
# other's work.
KAFKA = KafkaTests|CommandTests
TESTS = -c release -Xswiftc -enable-testing --scratch-path .build/tests

# The real broker of the tests runs on Java.
test: PACKAGES += openjdk-17-jre-headless
test: packages
	TSAN_OPTIONS=halt_on_error=1 COLLIE_RINGS_ONLY=1 swift test -c release --sanitize=thread \
	    --scratch-path .build/tsan
	swift build $(TESTS) --build-tests
	swift test $(TESTS) --skip-build --no-parallel --filter '$(KAFKA)'
	swift test $(TESTS) --skip-build --skip '$(KAFKA)'

# How long a soak takes, and which: another seed is another shop, with other faults in another order.
ROUNDS = 10
SEED = $(shell date +%s)

soak: PACKAGES += openjdk-17-jre-headless
soak: packages
	swift build $(TESTS) --build-tests
	COLLIE_SOAK_ROUNDS=$(ROUNDS) COLLIE_SOAK_SEED=$(SEED) \
	    swift test $(TESTS) --skip-build --filter SoakTests

lint:
	swift format lint --strict --parallel --recursive Package.swift Sources Tests Benchmarks

# Options of the demo, such as `make demo DEMO="--duration 30s --seed 7"`.
DEMO =

demo: packages
	swift build -c release --product collie
	@exec "$$(swift build -c release --product collie --show-bin-path)/collie" demo $(DEMO)

# All of Collie, as ratios within one run: in three quarters of an hour, or less with `make bench EVENTS=300000
# SHOPPERS=20000 ROUNDS=1 PARTS="roof engine"`. RECORD=yes puts it into Benchmarks/RESULTS.md, with a
# plot beside it; else both lie in .build. A broker is started, which runs on Java, unless BROKERS
# names one that runs already.
RECORD =
BROKERS =
WHOLE = "$$(swift build -c release --product whole-bench --show-bin-path)/whole-bench"

bench bench-steady: PACKAGES += openjdk-17-jre-headless
bench: EVENTS = 4000000
bench: SHOPPERS = 240000
bench: ROUNDS = 3
bench: SPAN = 20
bench: BURST = 30
bench: PROFILES = 100000 1000000 5000000 10000000
bench: PARTS = roof engine hot kafka latency burst state recovery
bench: PEOPLE = 7000000
bench: packages
	swift build -c release --product collie
	swift build -c release --product recovery-bench
	swift build -c release --product whole-bench
	@exec $(WHOLE) --events $(EVENTS) --shoppers $(SHOPPERS) --rounds $(ROUNDS) --span $(SPAN) \
	    --burst $(BURST) --profiles "$(PROFILES)" --tail $(TAIL) --people $(PEOPLE) \
	    --parts "$(PARTS)" \
	    $(if $(BROKERS),--brokers $(BROKERS)) \
	    --results $(if $(RECORD),Benchmarks/RESULTS.md,.build/bench.md) \
	    --plot $(if $(RECORD),Benchmarks/bench.svg,.build/bench.svg)

# Whether memory stays as it is under a load that does: `make bench-steady MINUTES=60 RATE=2000`.
MINUTES = 10

bench-steady: packages
	swift build -c release --product collie
	swift build -c release --product recovery-bench
	swift build -c release --product whole-bench
	@exec $(WHOLE) steady --minutes $(MINUTES) --rate $(RATE) \
	    $(if $(BROKERS),--brokers $(BROKERS)) \
	    --results $(if $(RECORD),Benchmarks/RESULTS.md,.build/bench-steady.md) \
	    --plot $(if $(RECORD),Benchmarks/bench-steady.svg,.build/bench-steady.svg)

# How many profiles and shards: `make bench-recovery PROFILES=5000000`.
PROFILES = 1000000
TAIL = 1200000

bench-recovery: packages
	swift build -c release --product recovery-bench
	@bench="$$(swift build -c release --product recovery-bench --show-bin-path)/recovery-bench"; \
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	"$$bench" make "$$folder" --profiles $(PROFILES) && \
	"$$bench" restore "$$folder" --shards 1 --tail $(TAIL) && \
	"$$bench" restore "$$folder" --shards 2 --tail $(TAIL)

# Options of Google Benchmark, such as `make bench-parts PARTS=--benchmark_filter=decode`.
PARTS =

bench-parts: PACKAGES += libbenchmark-dev
bench-parts: packages
	COLLIE_PARTS=1 swift build -c release --product parts-bench --scratch-path .build/parts
	@COLLIE_PARTS=1 "$$(COLLIE_PARTS=1 swift build -c release --product parts-bench \
	    --scratch-path .build/parts --show-bin-path)/parts-bench" config $(PARTS)

# How many events are worked off, and how many a second come when latency is measured.
EVENTS = 200000
RATE = 5000

bench-delivery: PACKAGES += openjdk-17-jre-headless
bench-delivery: packages
	swift build $(TESTS) --build-tests
	COLLIE_BENCH_EVENTS=$(EVENTS) COLLIE_BENCH_RATE=$(RATE) \
	    swift test $(TESTS) --skip-build --filter DeliveryBench

# How long the made-up world goes on: `make simulate FOR=10m SEED=1000`.
FOR = 60s

simulate: SEED = 1
simulate: packages
	swift build -c release --product collie
	@exec "$$(swift build -c release --product collie --show-bin-path)/collie" simulate --for $(FOR) --seed $(SEED)

help:
	@echo "make demo      a simulated shop, Collie, and what it decides, in a minute; no broker needed"
	@echo "make test      every test"
	@echo "make simulate  the pipeline in a made-up world in which everything goes wrong, for a minute"
	@echo "make soak      processes and a real broker die while events flow, ROUNDS=10 times"
	@echo "make build     the release binary, .build/release/collie"
	@echo "make packages  the libraries all of these need (Debian, Ubuntu; asks for sudo)"
	@echo "make bench           all of Collie as ratios within one run, on a real broker; PARTS=… for some"
	@echo "make bench-steady    whether memory grows in MINUTES=10 of steady load"
	@echo "make bench-parts     the parts an event passes, each by itself"
	@echo "make bench-recovery  what a restart costs"
	@echo "make bench-delivery  what exactly-once costs beside at-least-once, on a real broker"
	@echo "make lint      the style of the source"
