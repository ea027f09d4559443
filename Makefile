# limitlab: one Makefile, not recursive.  `make help` lists the targets.
#
#	make demo	install what is missing (as root), build, run scenarios/cpu-shares.yaml
#	make test	install what is missing (as root), build, run every test; ends with "N passed, N failed"
#
# Knobs: V=1 (show commands), WERROR=1, SANITIZE=address,undefined, CC=, prefix=, DESTDIR=, BUILD= (output folder)

prefix     ?= /usr/local
bindir     ?= $(prefix)/bin
libdir     ?= $(prefix)/lib
includedir ?= $(prefix)/include
datadir    ?= $(prefix)/share/limitlab
libexecdir ?= $(prefix)/libexec/limitlab
mandir     ?= $(prefix)/share/man
statedir   ?= /var/lib/limitlab

VERSION := 0.1.0
SANITIZE ?=
BUILD ?= build$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
comma := ,

# ---- what we need from the distribution: the one list -------------------------------------------------------------
DEB_BUILD := build-essential pkg-config libvirt-dev libnl-3-dev libnl-route-3-dev libcsv-dev libyaml-dev \
	libjansson-dev libxml2-dev libgsl-dev libcmocka-dev
DEB_RUN   := libvirt-daemon-system libvirt-daemon qemu-system-x86 gnuplot-nox fonts-dejavu-core mmdebstrap \
	squashfs-tools zstd cpio kmod busybox-static
DEB_TEST  := cppcheck clang-tidy clang-format clang libclang-rt-14-dev libxml2-utils jq iproute2 fio stress-ng iperf3 \
	libvirt-clients

PKGS := libvirt libvirt-qemu libnl-3.0 libnl-route-3.0 yaml-0.1 jansson libxml-2.0 gsl

# ---- flags --------------------------------------------------------------------------------------------------------
CC ?= gcc
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef \
	-Wwrite-strings -Wconversion $(if $(WERROR),-Werror)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null | sed 's/-I/-isystem /g')
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
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
HARNESS_MODULES := series scenario guest vm fixture workload sample judge plot run cmd
LIB_SRC     := $(foreach m,$(LIB_MODULES),$(sort $(wildcard src/$(m)/*.c)))
RUNNER_SRC  := src/guest/runner.c
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

.PHONY: all
all: $(BUILD)/limitlab $(BUILD)/runner $(BUILD)/liblimitlab.a $(BUILD)/liblimitlab.so

.DELETE_ON_ERROR:

# A stamp that changes when the flags do, so that objects never mix.
$(BUILD)/flags: force
	$(Q)mkdir -p $(BUILD)
	$(Q)printf '%s\n' '$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(VERSION) $(prefix) $(datadir) $(statedir)' | \
		cmp -s - $@ || printf '%s\n' '$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(VERSION) $(prefix) $(datadir) $(statedir)' >$@
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
	$(call say,LD,$@)$(CC) -shared -Wl,-soname,liblimitlab.so.0 $(ALL_LDFLAGS) $^ -o $@ $(LIBS)

$(BUILD)/harness.a: $(HARNESS_OBJ)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/limitlab: $(call obj,$(MAIN_SRC)) $(BUILD)/harness.a $(BUILD)/liblimitlab.a
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS)

# The guest's runner: static, so that it runs whatever the guest's libc is; never sanitized.
$(BUILD)/runner: $(RUNNER_SRC) src/guest/runner.h $(BUILD)/flags
	$(call say,CC,$@)$(CC) -std=gnu17 -D_GNU_SOURCE -Isrc $(WARNINGS) -O2 -static $< -o $@

# ---- tests --------------------------------------------------------------------------------------------------------
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/harness.a $(BUILD)/liblimitlab.a
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) $^ -o $@ -lcmocka $(LIBS)
$(BUILD)/tests/component/%: $(BUILD)/tests/component/%.o $(BUILD)/harness.a $(BUILD)/liblimitlab.a
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) $^ -o $@ -lcmocka $(LIBS)
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/harness.a $(BUILD)/liblimitlab.a
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) $^ -o $@ $(LIBS)

.PHONY: test-unit
test-unit: $(UNIT)
	$(Q)tests/run-tap $(UNIT)

DEPS := $(wildcard $(BUILD)/src/*/*.d $(BUILD)/tests/*/*.d)
-include $(DEPS)
