# SPDX-License-Identifier: GPL-3.0-or-later
# limitlab: one Makefile.  `make help` lists the targets.
#
# Knobs: V=1 (show commands), WERROR=1, SANITIZE=address,undefined, CC=, CFLAGS=, prefix=, DESTDIR=, BUILD= (output
# folder), FUZZ_SECONDS=

prefix     ?= /usr/local
bindir     ?= $(prefix)/bin
libdir     ?= $(prefix)/lib
includedir ?= $(prefix)/include
datadir    ?= $(prefix)/share/limitlab
libexecdir ?= $(prefix)/libexec/limitlab
mandir     ?= $(prefix)/share/man
statedir   ?= /var/lib/limitlab

VERSION := 0.1.0
SONAME  := liblimitlab.so.0
SANITIZE ?=
BUILD ?= build$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
comma := ,

# ---- what we need from the distribution: the one list -------------------------------------------------------------
DEB_BUILD := build-essential pkg-config libvirt-dev libnl-3-dev libnl-route-3-dev libcsv-dev libyaml-dev \
	libjansson-dev libxml2-dev libgsl-dev libcmocka-dev
DEB_RUN   := libvirt-daemon-system libvirt-daemon qemu-system-x86 gnuplot-nox fonts-dejavu-core mmdebstrap \
	squashfs-tools zstd xz-utils cpio kmod e2fsprogs busybox-static nbdkit libnbd-bin iperf3
DEB_TEST  := cppcheck clang-tidy clang-format clang libclang-rt-14-dev libxml2-utils jq iproute2 fio stress-ng \
	libvirt-clients miller

# liblimitlab is LGPL: it links with nothing of the second list (GSL is GPL).
LIB_PKGS := libvirt libvirt-qemu libnl-3.0 libnl-route-3.0 jansson libxml-2.0
PKGS     := $(LIB_PKGS) yaml-0.1 gsl

# ---- flags --------------------------------------------------------------------------------------------------------
CC ?= gcc
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef \
	-Wwrite-strings -Wconversion $(if $(WERROR),-Werror)
PKG_FOUND  := $(shell pkg-config --exists $(PKGS) 2>/dev/null && echo yes)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
LIB_LIBS   := $(shell pkg-config --libs $(LIB_PKGS) 2>/dev/null)
# libcsv ships no .pc file.
LIBS := $(PKG_LIBS) -lcsv -lm -pthread
SANITIZE_FLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)
ALL_CPPFLAGS := -D_GNU_SOURCE -Isrc -I$(BUILD) $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS := -std=gnu17 -fPIC -pthread $(WARNINGS) $(CFLAGS) $(SANITIZE_FLAGS)
ALL_LDFLAGS := $(SANITIZE_FLAGS) $(LDFLAGS)

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' '$(1)' '$(2)';)

# ---- sources, lowest module first ---------------------------------------------------------------------------------
LIB_MODULES     := base glue applier
HARNESS_MODULES := series scenario guest vm fixture workload sample judge plot labhost run kernels cmd
LIB_SRC     := $(foreach m,$(LIB_MODULES),$(sort $(wildcard src/$(m)/*.c)))
RUNNER_SRC  := src/guest/runner.c src/guest/outbox.c src/guest/fio_thin.c src/guest/setup.c
MAIN_SRC    := src/cmd/main.c
HARNESS_SRC := $(filter-out $(RUNNER_SRC) $(MAIN_SRC),$(foreach m,$(HARNESS_MODULES),$(sort $(wildcard src/$(m)/*.c))))
HEADERS     := $(sort $(wildcard src/*/*.h))
UNIT_SRC      := $(sort $(wildcard tests/unit/test_*.c))
COMPONENT_SRC := $(sort $(wildcard tests/component/test_*.c))
FUZZ_SRC      := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRC     := $(sort $(wildcard tests/bench/bench_*.c))

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB_OBJ     := $(call obj,$(LIB_SRC))
HARNESS_OBJ := $(call obj,$(HARNESS_SRC))
UNIT      := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRC))
COMPONENT := $(patsubst %.c,$(BUILD)/%,$(COMPONENT_SRC))
BENCH     := $(patsubst %.c,$(BUILD)/%,$(BENCH_SRC))
FUZZ_BUILD := $(BUILD)-fuzz
ASAN_BUILD := $(BUILD)-asan
FUZZERS    := $(patsubst tests/fuzz/%.c,%,$(FUZZ_SRC))
# Tests that are scripts: they find the program through LIMITLAB and LIMITLAB_BUILD.
UNIT_SH      := $(sort $(wildcard tests/unit/test_*.sh))
COMPONENT_SH := $(sort $(wildcard tests/component/test_*.sh))
# The shipped CPU scenarios in short take a minute and a half, and smoke/cpu and the kept runs say most of it: not in `make test`.
E2E_LONG_SH  := tests/e2e/test_golden.sh
E2E_SH       := $(filter-out $(E2E_LONG_SH),$(sort $(wildcard tests/e2e/test_*.sh)))
CHECK_SH     := $(sort $(wildcard tests/check/*.sh))
BENCH_SH     := $(sort $(wildcard tests/bench/*.sh))
export LIMITLAB_BUILD := $(abspath $(BUILD))
export LIMITLAB := $(abspath $(BUILD))/limitlab
export LIMITLAB_TEST_LOGS := $(abspath $(BUILD))/test-logs
export LIMITLAB_ROOT := $(CURDIR)

.PHONY: all
all: ## build everything (the default)
all: $(BUILD)/limitlab $(BUILD)/runner $(BUILD)/liblimitlab.a $(BUILD)/liblimitlab.so

.DELETE_ON_ERROR:
# Objects of tests are kept too.
.SECONDARY:

# A stamp that changes when the flags do, or a path that is compiled in, so that objects never mix.
STAMP = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(VERSION) $(prefix) $(libdir) $(includedir) $(datadir) \
	$(libexecdir) $(statedir) $(CURDIR)
$(BUILD)/flags: force
	$(if $(PKG_FOUND),,@echo "libraries are missing; as root: make deps" >&2; exit 1)
	$(Q)mkdir -p $(BUILD)
	$(Q)printf '%s\n' '$(STAMP)' | cmp -s - $@ || printf '%s\n' '$(STAMP)' >$@
.PHONY: force
force:

$(BUILD)/config.h: $(BUILD)/flags Makefile
	$(call say,GEN,$@)printf '%s\n' '/* Made by make. */' '#ifndef LIMITLAB_CONFIG_H' '#define LIMITLAB_CONFIG_H' \
		'#define LIMITLAB_VERSION "$(VERSION)"' \
		'#define LIMITLAB_DATADIR "$(datadir)"' \
		'#define LIMITLAB_LIBEXECDIR "$(libexecdir)"' \
		'#define LIMITLAB_STATEDIR "$(statedir)"' \
		'#define LIMITLAB_SOURCE_DIR "$(CURDIR)"' \
		'#define LIMITLAB_BUILD_DIR "$(abspath $(BUILD))"' '#endif' >$@

$(BUILD)/%.o: %.c $(BUILD)/flags | $(BUILD)/config.h
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/liblimitlab.a: $(LIB_OBJ)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/liblimitlab.so: $(LIB_OBJ)
	$(call say,LD,$@)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--as-needed $(if $(SANITIZE),,-Wl,-z,defs) $(ALL_LDFLAGS) $^ -o $@ $(LIB_LIBS) -pthread

$(BUILD)/harness.a: $(HARNESS_OBJ)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/limitlab: $(call obj,$(MAIN_SRC)) $(BUILD)/harness.a $(BUILD)/liblimitlab.a
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS)

# The guest's runner: static, so that it runs whatever the guest's libc is; never sanitized.
$(BUILD)/runner: $(RUNNER_SRC) src/guest/runner.h src/guest/outbox.h src/guest/fio_thin.h src/guest/setup.h $(BUILD)/flags
	$(call say,CC,$@)$(CC) -std=gnu17 -D_GNU_SOURCE -Isrc $(WARNINGS) -O2 -static $(RUNNER_SRC) -o $@

# ---- tests --------------------------------------------------------------------------------------------------------
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/harness.a $(BUILD)/liblimitlab.a
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) $^ -o $@ -lcmocka $(LIBS)
$(BUILD)/tests/component/%: $(BUILD)/tests/component/%.o $(BUILD)/harness.a $(BUILD)/liblimitlab.a
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) $^ -o $@ -lcmocka $(LIBS)
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/harness.a $(BUILD)/liblimitlab.a
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS)

# A fuzzer is clang's: see the target fuzz.
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/harness.a $(BUILD)/liblimitlab.a
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer $^ -o $@ $(LIBS)

MAKEFLAGS += --no-print-directory
# As many jobs as there are CPUs, where the user did not say.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))
ASAN_ARGS := BUILD=$(ASAN_BUILD) SANITIZE=address,undefined CFLAGS="-O1 -g"
FUZZ_ARGS := BUILD=$(FUZZ_BUILD) SANITIZE=address CC=clang CFLAGS="-O1 -g -fsanitize=fuzzer-no-link -w" WERROR=
FUZZ_SECONDS ?= 5
# Starts VMs in several threads at once, and libvirt forks in each.  Under the address sanitizer a start now and then never came back
# (3 of 30 runs): it does not see to its allocator's locks when a process forks.
FORKING := $(BUILD)/tests/component/test_vm_boot
in_build = $(patsubst $(BUILD)/%,$(1)/%,$(2))
UNIT_LEVEL      = --level unit --jobs 2 $(UNIT) $(UNIT_SH)
COMPONENT_LEVEL = --level component --timeout 120 $(COMPONENT) $(COMPONENT_SH)
# Leaks of a child that was forked and ends by _exit() or a signal are no leaks of ours.
ASAN_LEVEL      = --level asan --timeout 120 --jobs 2 $(call in_build,$(ASAN_BUILD),$(UNIT)) \
	--level asan --timeout 240 $(call in_build,$(ASAN_BUILD),$(filter-out $(FORKING),$(COMPONENT)))
FORKING_LEVEL   = --level component --timeout 120 $(FORKING)
FUZZ_LEVEL      = --level fuzz --timeout $$(($(words $(FUZZERS)) * ($(FUZZ_SECONDS) + 30))) --env FUZZ_SECONDS=$(FUZZ_SECONDS) \
	--env FUZZ_BUILD=$(abspath $(FUZZ_BUILD)) tests/fuzz/run-fuzz.sh
TIDY_DEPTH := deep
CHECK_LEVEL     = --level check --timeout 900 --jobs 2 --env CLANG_TIDY_DEPTH=$(TIDY_DEPTH) $(CHECK_SH)
E2E_LEVEL       = --level e2e --timeout 900 $(E2E_SH)
LABHOST_LEVEL   = --level labhost --timeout 1200 tests/labhost/test_systemd_v2.sh tests/labhost/test_in_lab_host.sh tests/labhost/test_memory_v2.sh
KERNELS_LEVEL   = --level kernels --timeout 1800 tests/labhost/test_kernels.sh

.PHONY: test test-all test-unit test-component test-asan test-e2e test-labhost test-kernels check check-headers format fuzz test-programs asan-programs fuzzers
test: ## install what is missing (as root), build, run every test; ends with "N passed, N failed"
	$(Q)$(MAKE) deps-test
	$(Q)$(MAKE) $(JOBS) test-all

# Tests that boot VMs find the guest image there; some of them run where there is no network to build it from.
.PHONY: test-image
test-image: all
	$(Q)[ "$$(id -u)" != 0 ] || $(BUILD)/limitlab image build

test-all: TIDY_DEPTH := shallow
# The component tests run once, most of them with the sanitizers: most of their time is VMs', and `make test` has twenty minutes
# on a machine that has neither packages nor images yet.  The end-to-end tests run the same code as it is shipped.
test-all: all $(UNIT) $(FORKING) asan-programs fuzzers test-image
	$(Q)tests/run-tap $(UNIT_LEVEL) $(FORKING_LEVEL) $(ASAN_LEVEL) $(FUZZ_LEVEL) $(CHECK_LEVEL) $(E2E_LEVEL)

test-unit: ## pure functions; no root
test-unit: all $(UNIT)
	$(Q)tests/run-tap $(UNIT_LEVEL)

test-component: ## parts against the real kernel and fake trees (root)
test-component: all $(COMPONENT) test-image
	$(Q)tests/run-tap $(COMPONENT_LEVEL)

test-asan: ## unit and component tests with address and undefined-behaviour sanitizers
test-asan: asan-programs test-image
	$(Q)tests/run-tap $(ASAN_LEVEL)

test-e2e: ## real VMs, with those tests that take too long for `make test` (root)
test-e2e: all test-image
	$(Q)tests/run-tap $(E2E_LEVEL) $(E2E_LONG_SH)

# Not part of `make test`: where KVM does not work, QEMU's emulated SVM ends about one outer VM in five, and with repeated
# attempts it would not stay within the time that a change may take.
test-labhost: ## an outer VM with systemd and pure cgroup v2, in which a short scenario runs (root; tests/labhost/README.md)
test-labhost: image
	$(Q)tests/run-tap $(LABHOST_LEVEL)

# Not part of it either: five lab hosts, one to two minutes each where KVM is emulated.
test-kernels: ## limitlab kernels: two modes, an interruption, a panic (root)
test-kernels: image
	$(Q)tests/run-tap $(KERNELS_LEVEL)

check: ## static checks: -Werror with gcc -fanalyzer, cppcheck, clang-tidy, layers, headers, format
check: $(BUILD)/config.h
	$(Q)tests/run-tap $(CHECK_LEVEL)

format: ## format the sources as .clang-format says
	$(Q)clang-format -i src/*/*.[ch] tests/*/*.c

check-headers: ## every header compiles alone
check-headers: $(BUILD)/config.h
	$(Q)tests/run-tap --level check --timeout 400 tests/check/headers.sh

fuzz: ## fuzz every parser for FUZZ_SECONDS
fuzz: fuzzers
	$(Q)tests/run-tap $(FUZZ_LEVEL)

test-programs: $(UNIT) $(COMPONENT)
asan-programs:
	$(Q)$(MAKE) $(ASAN_ARGS) all test-programs
fuzzers:
	$(Q)$(MAKE) $(FUZZ_ARGS) $(addprefix $(FUZZ_BUILD)/tests/fuzz/,$(FUZZERS))

.PHONY: bench
bench: ## measure speed against its bounds; exits non-zero on a missed one
bench: all $(BENCH)
	$(Q)status=0; for program in $(BENCH_SH); do $$program || status=1; done; exit $$status

# ---- for users ----------------------------------------------------------------------------------------------------
# $(call need,PACKAGES): installs what is missing; as another user than root it says what to do.
need = $(Q)command -v dpkg-query >/dev/null || { \
		echo "this is no Debian; install what your distribution calls: $(strip $(1))"; exit 0; }; \
	missing=$$(printf '%s\n' $(1) | grep -vxF -f <(dpkg-query -W -f='$${db:Status-Status} $${Package}\n' $(1) \
		2>/dev/null | sed -n 's/^installed //p') || true); \
	[[ -z $$missing ]] && exit 0; \
	if [[ $$(id -u) != 0 ]]; then \
		echo "packages are missing; as root: apt-get install" $$missing >&2; exit 1; fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get install -y -q --no-install-recommends $$missing || { \
		apt-get update -q && apt-get install -y -q --no-install-recommends $$missing; }

.PHONY: deps deps-test demo image
deps deps-test: SHELL := /bin/bash
deps: ## install the packages that building and running need (root)
	$(call need,$(DEB_BUILD) $(DEB_RUN))
deps-test: ## the same, and those that the tests need
	$(call need,$(DEB_BUILD) $(DEB_RUN) $(DEB_TEST))

demo: ## install what is missing (as root), build, run scenarios/cpu-shares.yaml
	$(Q)$(MAKE) deps
	$(Q)$(MAKE) $(JOBS) all
	$(Q)touch $(BUILD)/demo
	$(Q)$(BUILD)/limitlab image info >/dev/null 2>&1 || $(BUILD)/limitlab image build
	$(Q)$(BUILD)/limitlab run scenarios/cpu-shares.yaml; status=$$?; \
		figure=$$(find results/cpu-shares -newer $(BUILD)/demo -name figure.svg 2>/dev/null | sort | tail -n 1); \
		if [ -n "$$figure" ]; then printf '\nThe figure: %s\n' "$(CURDIR)/$$figure"; fi; exit $$status

# The thesis's figures, and the two runs that explain one of them.
FIGURE_SCENARIOS := $(wildcard $(patsubst %,scenarios/%.yaml,cpu-shares memory-soft memory-hard disk-weight \
	net-starvation net-shares net-priority-raw net-priority-reliable))
FIGURE_RUNS ?=
.PHONY: figures
figures: ## fresh runs of the thesis's figures, then all as SVG, PNG and PDF in results/figures (root); FIGURE_RUNS="results/reference/*" draws these instead
figures: all
	$(Q)status=0; runs='$(FIGURE_RUNS)'; \
	if [ -z "$$runs" ]; then \
		$(BUILD)/limitlab image info >/dev/null 2>&1 || $(BUILD)/limitlab image build || exit; \
		$(BUILD)/limitlab run --allow-host-scarcity $(FIGURE_SCENARIOS) || status=$$?; \
		for name in $(notdir $(basename $(FIGURE_SCENARIOS))); do \
			run=$$(find results/$$name -mindepth 1 -maxdepth 1 -type d 2>/dev/null | sort | tail -n 1); \
			runs="$$runs $$run"; \
		done; \
	fi; \
	$(BUILD)/limitlab plot --format svg,png,pdf --into results/figures $$runs || exit; exit $$status

image: ## build the guest image when it is missing or out of date (root)
image: all
	$(BUILD)/limitlab image build

# ---- install ------------------------------------------------------------------------------------------------------
PUBLIC_HEADERS := $(wildcard src/applier/applier.h src/applier/cgroup.h src/applier/disk.h src/applier/limit.h src/applier/net.h src/base/err.h src/base/units.h)
DATA := $(wildcard scenarios/*.yaml workloads/* plots/*.gp)
LABHOST_FILES := init start labhost.service
completiondir ?= $(prefix)/share/bash-completion/completions

$(BUILD)/limitlab.1: $(BUILD)/limitlab
	$(call say,GEN,$@)$(BUILD)/limitlab manpage >$@
$(BUILD)/limitlab.bash: $(BUILD)/limitlab
	$(call say,GEN,$@)$(BUILD)/limitlab completion bash >$@
$(BUILD)/limitlab.pc: $(BUILD)/flags
	$(call say,GEN,$@)printf '%s\n' 'prefix=$(prefix)' 'libdir=$(libdir)' 'includedir=$(includedir)' '' \
		'Name: limitlab' 'Description: Set, read back and restore limits of virtual machines' 'Version: $(VERSION)' \
		'Requires.private: $(LIB_PKGS)' 'Libs: -L$${libdir} -llimitlab' 'Libs.private: -pthread' \
		'Cflags: -I$${includedir}/limitlab' >$@

.PHONY: install uninstall clean help
install: ## install below prefix (and DESTDIR)
install: all $(BUILD)/limitlab.1 $(BUILD)/limitlab.bash $(BUILD)/limitlab.pc
	$(Q)install -D -m 755 $(BUILD)/limitlab $(DESTDIR)$(bindir)/limitlab
	$(Q)install -D -m 755 $(BUILD)/runner $(DESTDIR)$(libexecdir)/runner
	$(Q)if [ -e src/guest/init ]; then install -D -m 755 src/guest/init $(DESTDIR)$(libexecdir)/init; fi
	$(Q)for file in $(LABHOST_FILES); do \
		install -D -m 755 src/labhost/$$file $(DESTDIR)$(libexecdir)/labhost-$$file || exit 1; done
	$(Q)install -D -m 644 $(BUILD)/liblimitlab.a $(DESTDIR)$(libdir)/liblimitlab.a
	$(Q)install -D -m 755 $(BUILD)/liblimitlab.so $(DESTDIR)$(libdir)/$(SONAME)
	$(Q)ln -sf $(SONAME) $(DESTDIR)$(libdir)/liblimitlab.so
	$(Q)install -D -m 644 $(BUILD)/limitlab.pc $(DESTDIR)$(libdir)/pkgconfig/limitlab.pc
	$(Q)for file in $(PUBLIC_HEADERS:src/%=%); do \
		install -D -m 644 src/$$file $(DESTDIR)$(includedir)/limitlab/$$file || exit 1; done
	$(Q)for file in $(DATA); do install -D -m 644 $$file $(DESTDIR)$(datadir)/$$file || exit 1; done
	$(Q)install -D -m 644 $(BUILD)/limitlab.1 $(DESTDIR)$(mandir)/man1/limitlab.1
	$(Q)install -D -m 644 $(BUILD)/limitlab.bash $(DESTDIR)$(completiondir)/limitlab

uninstall: ## remove what install put there
	$(Q)rm -f $(DESTDIR)$(bindir)/limitlab $(addprefix $(DESTDIR)$(libdir)/,liblimitlab.a liblimitlab.so $(SONAME) \
		pkgconfig/limitlab.pc) $(DESTDIR)$(mandir)/man1/limitlab.1 $(DESTDIR)$(completiondir)/limitlab \
		$(addprefix $(DESTDIR)$(libexecdir)/,runner init $(LABHOST_FILES:%=labhost-%)) $(addprefix $(DESTDIR)$(datadir)/,$(DATA))
	$(Q)rm -rf $(DESTDIR)$(includedir)/limitlab
	$(Q)rmdir --ignore-fail-on-non-empty $(addprefix $(DESTDIR)$(datadir)/,scenarios workloads plots) \
		$(DESTDIR)$(datadir) $(DESTDIR)$(libexecdir) 2>/dev/null || true

clean: ## remove everything that make made
	$(Q)rm -rf $(BUILD) $(BUILD)-*

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

DEPS := $(wildcard $(BUILD)/src/*/*.d $(BUILD)/tests/*/*.d)
-include $(DEPS)
