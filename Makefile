# The two commands of the README; everything they need is installed on the way.
.PHONY: packages build test demo lint

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

# The real broker of the tests runs on Java.
test: PACKAGES += openjdk-17-jre-headless
# Optimised, since most of the time goes into whole days of traffic; preconditions hold all the same.
# The sanitizer sees more in optimised code, too: elsewhere values are copied by the runtime, which
# it does not watch. Each kind of build has a folder of its own, or they would undo each other's work.
test: packages
	TSAN_OPTIONS=halt_on_error=1 COLLIE_RINGS_ONLY=1 swift test -c release --sanitize=thread \
	    --scratch-path .build/tsan
	swift test -c release -Xswiftc -enable-testing --scratch-path .build/tests

lint:
	swift format lint --strict --parallel --recursive Package.swift Sources Tests
