# Copyright (C) TgoRTC contributors
#
#   make                  builds build/ngx_http_tgortc_module.so
#   make NGINX_SRC=DIR    builds it against that nginx source tree; one without
#                         SSL wants NGINX_OPTIONS=--with-compat
#   make run              a private Redis and nginx on port 8080, Ctrl-C stops
#   make test             all tests; make test T="t/020-create.t …" some of them
#   make test-asan        the same under AddressSanitizer and UBSan
#   make test-valgrind    the Test::Nginx suites under valgrind
#   make fuzz             fuzz targets, FUZZ_SECONDS each; T="json redis …" some
#   make check            static checks of C, Lua and shell
#   make soak             SOAK_CALLS calls: nothing grows with them
#   make chaos            faults under load: CHAOS_SEED, CHAOS_SEEDS,
#                         CHAOS_SECONDS of it for each seed
#   make bench            the figures of docs/benchmarks.md and docs/capacity.md
#   make profile          instructions of a worker for each request (callgrind)
#   make loss             what is lost when Redis, its machine or a primary dies
#   make deb              Debian's package, in build/deb
#   make test-deb         installs it in a Debian of its own, and tries it
#   make deps             installs what is missing, from Debian's packages
#   make clean            removes build

BUILD :=	$(CURDIR)/build
NGINX_SRC ?=	/usr/share/nginx/src
NGINX_OPTIONS ?= --with-compat --with-http_ssl_module
CC =		cc
WARNINGS :=	-Wall -Wextra -Werror -Wno-unused-parameter
CFLAGS ?=	-g -O2
LDFLAGS ?=	-Wl,-z,relro -Wl,-z,now
PORT ?=		8080
FUZZ_SECONDS ?=	60
SOAK_CALLS ?=	1000000

# one folder for each way to build, so that none is taken for another
WAY :=		$(shell echo "$(NGINX_SRC) $(NGINX_OPTIONS) $(CC) $(CFLAGS)" \
		"$(LDFLAGS)" | cksum | cut -d' ' -f1)
OBJS :=		$(BUILD)/objs-$(WAY)
MODULE :=	ngx_http_tgortc_module.so
SCRIPTS :=	$(wildcard src/scripts/* src/scripts/parts/*)

# large downloads, only where a test wants them
wanted =	$(if $(T),$(filter $(1),$(wildcard $(T) $(T:=/*.t))),all)
LARGE :=	$(if $(call wanted,t/browser/%),deps-browser) \
		$(if $(call wanted,t/docs/webhooks.t),deps-go)

DEPS :=		gcc make libc6-dev nginx nginx-dev redis-server redis-tools \
		libcjson-dev libssl-dev libhiredis-dev libcurl4-openssl-dev \
		ca-certificates curl
DEPS_TEST :=	libtest-base-perl libnginx-mod-nchan openssl python3 php-cli \
		prometheus valgrind libfaketime wrk
DEPS_FUZZ :=	clang libclang-rt-14-dev binutils dpkg-dev libpcre2-dev \
		zlib1g-dev libcrypt-dev
DEPS_CHECK :=	clang-tidy cppcheck shellcheck lua-check
DEPS_BENCH :=	wrk
DEPS_BROWSER :=	chromium
DEPS_DEB :=	build-essential debhelper fakeroot lintian
DEPS_TEST_DEB :=	mmdebstrap iproute2 systemd util-linux


all: build

build: $(OBJS)/Makefile
	$(MAKE) -f $(OBJS)/Makefile -C $(NGINX_SRC) modules
	install -m 644 $(OBJS)/$(MODULE) $(BUILD)/$(MODULE)

# Debian's nginx-dev brings the options of its nginx in conf_flags.  A source
# tree has none: --with-compat matches any nginx built with it, and without SSL
# the module could not speak TLS to Redis.

$(OBJS)/Makefile: config Makefile $(SCRIPTS)
	@mkdir -p $(OBJS)
	@cd $(NGINX_SRC) \
	    && NGX_CONF_FLAGS=($(NGINX_OPTIONS)) \
	    && if [ -f conf_flags ]; then . ./conf_flags; fi \
	    && configure=./configure \
	    && if [ ! -f configure ]; then configure=auto/configure; fi \
	    && bash $$configure "$${NGX_CONF_FLAGS[@]}" \
	        --with-cc='$(CC)' \
	        --with-cc-opt='-fPIC $(CFLAGS) $(WARNINGS)' \
	        --with-ld-opt='$(LDFLAGS)' \
	        --add-dynamic-module='$(CURDIR)' \
	        --builddir='$(OBJS)' > $(OBJS).log 2>&1 \
	    || { tail -n 12 $(OBJS).log; rm -f $(OBJS)/Makefile; exit 1; }

pages:
	docs/pages.sh $(BUILD)

run: deps
	@$(MAKE) build pages
	@conf/demo.sh $(BUILD) $(PORT)

test: deps deps-test $(LARGE)
	@$(MAKE) build pages unit
	t/run.sh $(BUILD) $(T)

unit:
	$(MAKE) -C t/unit BUILD=$(BUILD) CFLAGS="-g -O1" LDFLAGS=

test-valgrind: deps deps-test
	@$(MAKE) build
	TEST_NGINX_USE_VALGRIND=1 t/run.sh $(BUILD) $(or $(T),t/*.t)

test-asan: deps deps-test $(LARGE)
	t/asan.sh $(BUILD) $(T)

fuzz: deps deps-fuzz
	t/fuzz/run.sh $(BUILD) $(FUZZ_SECONDS) $(T)

check: deps deps-fuzz deps-check
	@$(MAKE) build
	t/check/run.sh $(BUILD) all

soak: deps deps-test
	@$(MAKE) build
	SOAK_CALLS=$(SOAK_CALLS) t/run.sh $(BUILD) t/live/soak.t

chaos: deps deps-test
	@$(MAKE) build
	CHAOS_SECONDS=$${CHAOS_SECONDS-90} t/run.sh $(BUILD) t/chaos/chaos.t

# one of the tools: its own nginx and Redis

tool =		BUILD=$(BUILD) TEST_NGINX_BINARY=/usr/sbin/nginx \
		TEST_NGINX_LOAD_MODULES=$(BUILD)/$(MODULE) perl -It/lib

bench: deps deps-bench
	@$(MAKE) build
	t/bench/run.sh $(BUILD)
	set -o pipefail; for table in delivery calls memory asked; do \
	    echo; \
	    $(tool) t/bench/$$table.pl || exit 1; \
	done | tee -a $(BUILD)/bench.md
	t/bench/plot.pl $(BUILD)/bench.md > $(BUILD)/bench.svg

profile: deps deps-test
	@$(MAKE) build
	t/bench/yardstick/build.sh $(BUILD)
	$(tool) t/bench/profile.pl

loss: deps deps-test
	@$(MAKE) build
	$(tool) t/bench/loss.pl

deb: deps deps-deb
	@$(MAKE) pages
	conf/deb.sh $(BUILD)

# in a namespace of its own, which only root can make

test-deb: deb deps-test-deb deps-browser
	@$(MAKE) -C t/unit BUILD=$(BUILD) npm
	t/deb/run.sh $(BUILD) $(T)

deps:
	@$(call install,$(DEPS))
	@command -v npm > /dev/null || { $(call install,npm); }

deps-test:
	@$(call install,$(DEPS_TEST))

deps-go:
	@command -v go > /dev/null || { $(call install,golang-go); }

deps-fuzz:
	@$(call install,$(DEPS_FUZZ))

deps-check:
	@$(call install,$(DEPS_CHECK))

deps-bench:
	@$(call install,$(DEPS_BENCH))

deps-browser:
	@$(call install,$(DEPS_BROWSER))

deps-deb:
	@$(call install,$(DEPS_DEB))

deps-test-deb:
	@$(call install,$(DEPS_TEST_DEB))

clean:
	rm -rf $(BUILD) t/servroot*

# The packages' own services are not started, by sysvinit (RUNLEVEL) or systemd
# (SYSTEMD_OFFLINE): ours are private.

define install
missing=; \
for package in $(1); do \
    dpkg-query -W -f '$${Status}' $$package 2> /dev/null \
        | grep -q ' installed$$' || missing="$$missing $$package"; \
done; \
if [ -n "$$missing" ]; then \
    sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
    echo "installing$$missing"; \
    $$sudo apt-get update -q \
    && $$sudo env RUNLEVEL=1 SYSTEMD_OFFLINE=1 \
        DEBIAN_FRONTEND=noninteractive \
        apt-get install -qy --no-install-recommends $$missing; \
fi
endef

SHELL := /bin/bash

.PHONY: all build pages run test unit test-valgrind test-asan fuzz check \
	soak chaos bench profile loss deb test-deb deps deps-test deps-go \
	deps-fuzz deps-check deps-bench deps-browser deps-deb deps-test-deb \
	clean
