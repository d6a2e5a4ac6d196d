# The two commands of the README; everything they need is installed on the way.
.PHONY: help packages build test demo lint
.DEFAULT_GOAL = help

PACKAGES = librdkafka-dev liblz4-dev libsimdjson-dev libyaml-dev libphonenumber-dev libprotobuf-dev tzdata pkg-config make g++

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

# In four parts: what needs no broker; Kafka and processes, one after the other since they measure
# time; what only an optimised build can show; threads under the thread sanitizer.
KAFKA = KafkaTests|CommandTests
test: packages
	swift build --build-tests
	swift test --sanitize=thread --scratch-path .build/tsan --filter RingsTests
	swift test -c release -Xswiftc -enable-testing --scratch-path .build/checked --filter AllocationTests
	swift test --skip-build --no-parallel --filter '$(KAFKA)'
	swift test --skip-build --skip '$(KAFKA)'

lint:
	swift format lint --strict --recursive Package.swift Sources Tests

# Options of the demo, such as `make demo DEMO="--duration 30s --seed 7"`.
DEMO =

demo: packages
	swift build -c release --product collie
	@exec "$$(swift build -c release --product collie --show-bin-path)/collie" demo $(DEMO)

help:
	@echo "make demo      a simulated shop, Collie, and what it decides, in a minute; no broker needed"
	@echo "make test      every test"
	@echo "make build     the release binary, .build/release/collie"
	@echo "make packages  the libraries all of these need (Debian, Ubuntu; asks for sudo)"
	@echo "make lint      the style of the source"
