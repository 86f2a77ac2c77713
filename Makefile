# SPDX-License-Identifier: MIT
# Upstander. `make help` lists the targets. Quiet unless V=1.
#   MODE=release|asan|tsan|cov|fuzz   flags and folder (build/MODE); modes never mix
#   B=folder                          another build folder
#   PREFIX=/usr/local, DESTDIR=       where `make install` puts things; DESTDIR stands before it, for packages

MODE ?= release
B    ?= build/$(MODE)
V    ?= 0
Q    := $(if $(filter 1,$(V)),,@)
CC   := $(if $(filter fuzz,$(MODE)),clang,$(if $(filter default,$(origin CC)),gcc,$(CC)))
PREFIX ?= /usr/local
VERSION := 0.1.0

PKGS     := libczmq libzmq libsodium libprotobuf-c sqlite3 jansson libmicrohttpd libcurl libpcre2-8 libjpeg libpng libqpdf
CPPFLAGS += -D_POSIX_C_SOURCE=200809L -I. -Iinclude -isystem $(B)/gen -DUPSTANDER_VERSION='"$(VERSION)"'
WARN := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
        -Wmissing-prototypes -Wcast-qual -Wundef -Wvla -Walloca -Wformat=2 -Wwrite-strings \
        -Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference \
        -Werror=implicit-function-declaration -Werror=incompatible-pointer-types \
        -Werror=int-conversion -Werror=return-type -Werror=unused-result
WARN_gcc   := -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wcast-align=strict \
              -Wtrampolines -Wbidi-chars=any -Wstack-usage=65536
# clang looks into the initialisers that protobuf-c writes, which cast const away
WARN_clang := -Wcomma -Wno-cast-qual
COMPILER := $(if $(findstring clang,$(CC)),clang,gcc)
CFLAGS   += -std=c17 -g -MD -MP $(WARN) $(WARN_$(COMPILER))
HARDEN := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
          -fstack-clash-protection -fPIE -fno-strict-aliasing -fno-strict-overflow \
          -fno-delete-null-pointer-checks -fno-common
HARDEN_gcc := -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr
ifeq ($(shell uname -m),x86_64)
  HARDEN += -fcf-protection=full
endif
SAN := -O1 -Werror -fno-omit-frame-pointer -fno-sanitize-recover=all

ifeq ($(MODE),release)
  CFLAGS  += $(HARDEN) $(HARDEN_$(COMPILER))
  LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack
else ifeq ($(MODE),asan)
  CFLAGS  += $(SAN) -fsanitize=address,undefined
  LDFLAGS += -fsanitize=address,undefined
else ifeq ($(MODE),unsealed)
  # Test build only: sealing is the identity, to show that the tap test can fail.
  CFLAGS  += $(SAN) -fsanitize=address,undefined -DUPSTANDER_TEST_UNSEALED
  LDFLAGS += -fsanitize=address,undefined
else ifeq ($(MODE),tsan)
  CFLAGS  += $(SAN) -fsanitize=thread
  LDFLAGS += -fsanitize=thread
else ifeq ($(MODE),cov)
  CFLAGS  += -O0 --coverage
  LDFLAGS += --coverage
else ifeq ($(MODE),fuzz)
  CFLAGS  += $(SAN) -fsanitize=fuzzer-no-link,address,undefined -DUPSTANDER_FUZZING
  LDFLAGS += -fsanitize=address,undefined
endif
LDFLAGS += -Wl,--as-needed

SCHEMA := $(wildcard proto/schema/*.proto)
GEN_C  := $(SCHEMA:proto/schema/%.proto=$(B)/gen/%.pb-c.c)
GEN_H  := $(GEN_C:.c=.h)

# One static library per room. A program or test links only the rooms it names.
ROOMS := proto base broker disclosure exchange store link intake api node cli clean
src_proto      := $(wildcard proto/*.c)
src_base       := $(wildcard base/*.c)
src_broker     := $(filter-out broker/main.c,$(wildcard broker/*.c))
src_disclosure := $(wildcard nodes/disclosure/*.c)
src_exchange   := $(wildcard nodes/exchange/*.c)
src_store      := $(wildcard nodes/store/*.c)
src_link       := $(wildcard nodes/link/*.c)
src_intake     := $(wildcard nodes/intake/*.c)
src_api        := $(wildcard nodes/api/*.c)
src_node       := $(filter-out nodes/main.c,$(wildcard nodes/*.c))
src_cli        := $(filter-out nodes/cli/main.c,$(wildcard nodes/cli/*.c))
src_clean      := $(filter-out nodes/clean/main.c,$(wildcard nodes/clean/*.c))
src_testlib    := $(wildcard tests/lib/*.c)
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
GEN_O := $(GEN_C:$(B)/gen/%.c=$(B)/obj/gen/%.o)

PROGRAMS := $(if $(wildcard broker/main.c),$(B)/bin/upstander-broker) \
            $(if $(wildcard nodes/main.c),$(B)/bin/upstander-node) \
            $(if $(wildcard nodes/cli/main.c),$(B)/bin/upstander) \
            $(if $(wildcard nodes/clean/main.c),$(B)/bin/upstander-clean)

# A test names its rooms in its first lines: "/* rooms: proto broker */".
SUITES  := unit prop contract sim fault e2e bench
TESTS   := $(foreach s,$(filter-out bench,$(SUITES)),$(wildcard tests/$(s)/test_*.c))
BENCHES := $(wildcard tests/bench/bench_*.c)
FUZZERS := $(wildcard tests/fuzz/fuzz_*.c)
HELPERS := $(wildcard tests/fuzz/make_*.c tests/vectors/*.c tests/attack/*.c) tests/e2e/amend.c tests/e2e/sandboxed.c
# A program of the product with one of its functions wrapped: the tests' eyes and hands.
WRAPPED := $(addprefix $(B)/tests/e2e/,broker_tap broker_faults node_faults)
test_bin = $(patsubst tests/%.c,$(B)/tests/%,$(1))
rooms_of = $(shell sed -n 's@.*rooms: *\([a-z ]*\).*@\1@p' $(1) | head -n 1)
room_libs = $(foreach r,$(1),$(B)/lib/$(r).a) $(B)/lib/proto.a

MAN := $(patsubst deploy/man/%.scd,$(B)/man/%,$(wildcard deploy/man/*.scd)) $(B)/man/upstander-mapping.5

.PHONY: all demo test sim fuzz bench attack usefulness lint install fmt fmt-check clean help deps compdb programs man tests benches \
        fuzzers FORCE
.SECONDARY:
.DELETE_ON_ERROR:

all: programs ## build the programs into build/release/bin

programs: $(PROGRAMS)
	@:

demo: deps ## a federation of eight on loopback with real input (KEEP=1 leaves it running)
	$(Q)$(MAKE) --no-print-directory MODE=release B=build/release programs
	$(Q)BIN=build/release/bin deploy/demo/run

test: deps ## every test, sanitizers on; closes with how many passed
	$(Q)tests/run

sim: deps ## the laws over many more generated cases (CASES=n, default 1000000; SEED=n)
	$(Q)B= tests/run-sim

fuzz: ## let each fuzz target look for new inputs (SECONDS_EACH=60; TARGETS="frame json")
	$(Q)WITH=fuzz deploy/deps
	$(Q)B= tests/run-fuzz

bench: deps ## rates beside the limits measured in the same run; also in build/bench/results.json
	$(Q)$(MAKE) --no-print-directory -j2 MODE=release B=build/release programs benches >/dev/null
	$(Q)B=build/release tests/bench/run

attack: deps ## looks for people in releases, in every way of coming in, audience, k and window (SEED=n)
	$(Q)$(MAKE) --no-print-directory -s MODE=release B=build/release build/release/tests/attack/release_run
	$(Q)BIN_TESTS=build/release/tests tests/attack/attack.py all

usefulness: deps ## of a hundred reports, how many a release tells of, and how precisely
	$(Q)$(MAKE) --no-print-directory -s MODE=release B=build/release build/release/tests/attack/release_run
	$(Q)BIN_TESTS=build/release/tests tests/attack/usefulness.py

lint: ## gcc's and clang's warnings, clang-tidy, shellcheck, cppcheck, gcc -fanalyzer
	$(Q)WITH=lint deploy/deps
	$(Q)B= tests/lint

install: programs man ## programs, man pages, completion, areas and codes (PREFIX=/usr/local, DESTDIR=)
	$(Q)install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin share/upstander/codes share/bash-completion/completions \
	    share/man/man1 share/man/man5 share/man/man8)
	$(Q)install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	$(Q)install -m 644 deploy/areas/areas.csv $(DESTDIR)$(PREFIX)/share/upstander
	$(Q)install -m 644 deploy/codes/*.csv $(DESTDIR)$(PREFIX)/share/upstander/codes
	$(Q)install -m 644 deploy/completion/upstander $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$(Q)for page in $(MAN); do \
	    install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} || exit 1; done

man: $(MAN)

fmt: ## format the C files (headers keep their tables as they were set by hand)
	$(Q)git ls-files -z '*.c' | xargs -0 clang-format -i

fmt-check:
	$(Q)git ls-files -z '*.c' | xargs -0 clang-format --dry-run -Werror

deps: ## install the Debian packages that are missing (NO_INSTALL=1 only lists them)
	$(Q)deploy/deps

compdb: ## compile_commands.json for clangd
	$(Q)rm -rf build/compdb && bear --output compile_commands.json -- $(MAKE) B=build/compdb all tests

clean: ## remove build/
	$(Q)rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

tests: $(call test_bin,$(TESTS) $(HELPERS)) $(WRAPPED)
benches: $(call test_bin,$(BENCHES))
fuzzers: $(call test_bin,$(FUZZERS))

define room_rule
$(B)/lib/$(1).a: $(call obj,$(src_$(1))) $(if $(filter proto,$(1)),$(GEN_O))
	@mkdir -p $$(@D); rm -f $$@; $(AR) rcs $$@ $$^
endef
$(foreach r,$(ROOMS) testlib,$(eval $(call room_rule,$(r))))

define program_rule
$(B)/bin/$(1): $(call obj,$(2)) $(call room_libs,$(3))
endef
NODE_ROOMS := api node intake link store exchange disclosure base
$(eval $(call program_rule,upstander-broker,broker/main.c,broker base))
$(eval $(call program_rule,upstander-node,nodes/main.c,$(NODE_ROOMS)))
$(eval $(call program_rule,upstander-clean,nodes/clean/main.c,clean))
$(eval $(call program_rule,upstander,nodes/cli/main.c,cli disclosure base))

define test_rule
$(call test_bin,$(1)): $(call obj,$(1)) $(call room_libs,$(call rooms_of,$(1))) \
    $(if $(src_testlib),$(B)/lib/testlib.a)
endef
$(foreach t,$(TESTS) $(BENCHES) $(FUZZERS) $(HELPERS),$(eval $(call test_rule,$(t))))
# the broker with every frame also written to a file; both with a clock that is off and a disk that is full
$(B)/tests/e2e/broker_tap: $(call obj,broker/main.c tests/e2e/broker_tap.c) $(call room_libs,broker base)
$(B)/tests/e2e/broker_tap: LDFLAGS += -Wl,--wrap=zmq_msg_recv,--wrap=zmq_send
$(B)/tests/e2e/broker_faults: $(call obj,broker/main.c tests/e2e/faults.c) $(call room_libs,broker base)
$(B)/tests/e2e/node_faults: $(call obj,nodes/main.c tests/e2e/faults.c) $(call room_libs,$(NODE_ROOMS))
$(B)/tests/e2e/broker_faults $(B)/tests/e2e/node_faults: LDFLAGS += -Wl,--wrap=clock_wall_s
$(B)/tests/%: LDLIBS += -lcmocka
$(B)/tests/fault/test_oom_%: LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
$(B)/tests/fuzz/fuzz_%: LDFLAGS += $(if $(filter fuzz,$(MODE)),-fsanitize=fuzzer)

LINK = @mkdir -p $(@D); $(if $(filter 1,$(V)),,echo "  LD  $(@F)";) \
       $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
       $$(pkg-config --libs $(PKGS)) $(LDLIBS) -lpthread
$(PROGRAMS) $(WRAPPED): ; $(LINK)
$(call test_bin,$(TESTS) $(BENCHES) $(FUZZERS) $(HELPERS)): ; $(LINK)

$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h: proto/schema/%.proto
	@mkdir -p $(@D); protoc-c --proto_path=proto/schema --c_out=$(@D) $<
$(B)/obj/gen/%.o: $(B)/gen/%.c | $(GEN_H)
	@mkdir -p $(@D); $(CC) $(CPPFLAGS) $(CFLAGS) -w -c -o $@ $<
$(B)/obj/%.o: %.c | $(GEN_H)
	@mkdir -p $(@D); $(if $(filter 1,$(V)),,echo "  CC  $<";)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/man/%: deploy/man/%.scd
	@mkdir -p $(@D); scdoc <$< >$@
$(B)/man/upstander-mapping.5: deploy/man/from-markdown.awk docs/mapping.md
	@mkdir -p $(@D); awk -v title=upstander-mapping -v about="how a table becomes reports" -f $^ | scdoc >$@

# where the node looks for its table of areas; made again when PREFIX is another
DATA_USERS := $(addprefix $(B)/obj/nodes/,main.o cli/cmd_agreement_show.o)
$(DATA_USERS): CPPFLAGS += -DUPSTANDER_DATA='"$(PREFIX)/share/upstander"'
$(DATA_USERS): $(B)/prefix
$(B)/prefix: FORCE
	@mkdir -p $(@D); echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' >$@

# the API's own document is compiled into the program
$(B)/obj/nodes/api/api_node.o: deploy/openapi.json
$(B)/obj/nodes/cli/choices.o: deploy/presets/presets.json
# and the reasons for a safeguarding override
$(B)/obj/nodes/service_override.o: deploy/codes/override_reasons.csv

-include $(shell find $(B) -name '*.d' 2>/dev/null)
