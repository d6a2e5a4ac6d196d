# The two commands of the README; everything they need is installed on the way.
.PHONY: packages build test demo lint simulate

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

test: packages
	swift test

# Lets everything go wrong in a made-up world: make simulate SECONDS=60 SEED=1
SECONDS ?= 60
SEED ?= 1
simulate: build
	"$$(swift build -c release --show-bin-path)/collie" simulate --seed $(SEED) --seconds $(SECONDS)s

lint:
	swift format lint --strict --recursive Package.swift Sources Tests
