# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# bpf/*.c -> build/synward{,_track}.bpf.o -> build/synward{,_track}.skel.h -> build/user/*.o -> build/synward{,-replay}
# `make help` lists the targets; V=1 shows the commands.

VERSION := 0.1

CC           ?= gcc
CLANG        ?= clang
BPFTOOL      ?= $(shell PATH=$$PATH:/usr/sbin:/sbin command -v bpftool)
CLANG_FORMAT ?= clang-format
PKG_CONFIG   ?= pkg-config
PREFIX       ?= /usr/local
CFLAGS       ?= -O2 -g

BUILD     := build
MULTIARCH := $(shell $(CC) -print-multiarch)
LIBRARIES := libbpf libxdp jansson libmnl libpcap zlib libzstd inih libmicrohttpd ncursesw
PROGRAMS  := $(BUILD)/synward $(BUILD)/synward-replay
WARNINGS  := -Wall -Wextra -Werror -Wshadow

USER_SOURCES := $(wildcard user/*.c user/*/*.c)
USER_OBJECTS := $(USER_SOURCES:%.c=$(BUILD)/%.o)
MAIN_OBJECTS := $(BUILD)/user/main.o $(BUILD)/user/replay_main.o
HEADERS      := $(wildcard include/synward/*.h)
SOURCES      := $(HEADERS) $(wildcard bpf/*.[ch]) $(wildcard user/*.[ch] user/*/*.[ch])
PYTHON       := $(wildcard tests/*/*.py) \
                $(shell grep -lE '^\#!.*python' scripts/* scripts/*/* tests/*/* 2>/dev/null | grep -v '\.py$$')
SCRIPTS      := $(shell grep -lE '^\#!.*sh$$' scripts/* scripts/*/* tests/run tests/*/run .ci/run 2>/dev/null)

USER_FLAGS = -std=gnu11 $(WARNINGS) $(CFLAGS) -D_GNU_SOURCE -DSYNWARD_VERSION='"$(VERSION)"' \
             -Iinclude -Iuser -I$(BUILD) $(shell $(PKG_CONFIG) --cflags $(LIBRARIES))
BPF_FLAGS  = -target bpf -mcpu=v3 -O2 -g $(WARNINGS) -Iinclude -I/usr/include/$(MULTIARCH)

ifeq ($(V),1)
  Q   :=
  say  = @:
else
  Q   := @
  say  = @printf '  %-8s %s\n'
endif

.PHONY: all deps check format test demo clean help
.DELETE_ON_ERROR:

all: $(PROGRAMS) $(BUILD)/synward.bpf.o $(BUILD)/man/synward.8 $(BUILD)/completion/synward

# Everything, and what only tracks: bpf/settings.bpf.h has the difference.
BPF_OBJECTS := $(BUILD)/synward.bpf.o $(BUILD)/synward_track.bpf.o
$(BUILD)/synward_track.bpf.o: BPF_FLAGS += -DSW_TRACK_ONLY
$(BPF_OBJECTS): bpf/synward.bpf.c
	$(say) BPF $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -c $< -o $@

# Named, since make removes what a pattern alone has made on the way: with each `make` all would be linked anew.
SKELETONS := $(BPF_OBJECTS:.bpf.o=.skel.h)
$(SKELETONS): $(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(say) SKEL $@
	$(Q)printf '#include <synward/%s.h>\n' offline proxy sweep > $@
	$(Q)$(BPFTOOL) gen skeleton $< name $* >> $@

$(BUILD)/user/%.o: user/%.c | $(SKELETONS)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) -MMD -MP -c $< -o $@

# Of the archive, and of the libraries, each program gets what it uses: only synward-replay has libpcap.
$(BUILD)/user.a: $(filter-out $(MAIN_OBJECTS),$(USER_OBJECTS))
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/synward: $(BUILD)/user/main.o
$(BUILD)/synward-replay: $(BUILD)/user/replay_main.o
$(PROGRAMS): $(BUILD)/user.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(filter %.o,$^) $< -Wl,--as-needed \
		$(shell $(PKG_CONFIG) --libs $(LIBRARIES)) -pthread -o $@

-include $(USER_OBJECTS:.o=.d) $(BPF_OBJECTS:.o=.d)

deps: ## install with apt what is missing to build and test (scripts/deps build: to build alone)
	$(Q)scripts/deps

check: ## format, linters of shell, Python and C, long functions, rooms, rules cited, each shared header alone
check: check-format check-scripts check-python check-functions check-rooms check-rules check-headers check-cppcheck

FORMATTED := $(SOURCES) $(wildcard tests/*/*.[ch])

.PHONY: check-format check-scripts check-python check-functions check-rooms check-rules check-headers check-cppcheck
check-format:
	$(say) FORMAT
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(FORMATTED)

check-scripts:
	$(say) SHELL
	$(Q)shellcheck $(SCRIPTS)

check-python:
	$(say) PYTHON
	$(Q)pyflakes3 $(PYTHON)

check-functions:
	$(say) LENGTH
	$(Q)tests/check/functions $(FORMATTED)

check-rooms:
	$(say) ROOMS
	$(Q)tests/check/rooms

check-rules:
	$(say) RULES
	$(Q)tests/check/rules

check-headers:
	$(say) HEADERS
	$(Q)for header in $(HEADERS); do \
		$(CC) -std=gnu11 $(WARNINGS) -Iinclude -fsyntax-only -x c $$header && \
		$(CLANG) $(BPF_FLAGS) -fsyntax-only -x c $$header || exit 1; \
	done

# cppcheck doesn't read the headers of libbpf and libxdp; and it takes x = f() ?: x for x = x.
CPPCHECK_MACROS := '-DLIBBPF_OPTS(type,name,...)=struct type name = { __VA_ARGS__ }' \
                   '-DDECLARE_LIBBPF_OPTS(type,name,...)=struct type name = { __VA_ARGS__ }' \
                   '-DDECLARE_LIBXDP_OPTS(type,name,...)=struct type name = { __VA_ARGS__ }' \
                   '-Dbpf_object__for_each_program(pos,obj)=while ((pos = next(obj)))' \
                   '-Dbpf_object__for_each_map(pos,obj)=while ((pos = next(obj)))' \
                   '-Dmnl_attr_for_each(attr,message,offset)=while ((attr = next(message)))' \
                   '-Dmnl_attr_for_each_nested(attr,nest)=while ((attr = next(nest)))'
check-cppcheck:
	$(say) CPPCHECK
	$(Q)cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=selfAssignment --error-exitcode=1 \
		$(CPPCHECK_MACROS) -Iinclude -Iuser user

format: ## format all C files in place
	$(Q)$(CLANG_FORMAT) -i $(FORMATTED)

test: deps ## build and run every test
	$(Q)$(MAKE) -j$(shell nproc) --no-print-directory all $(BENCH)/flood
	$(Q)tests/run

demo: deps ## build, then show a lab of two hosts whose connections are tracked, and a SYN flood
	$(Q)$(MAKE) -j$(shell nproc) --no-print-directory all $(BENCH)/flood $(BENCH)/bare.bpf.o
	$(Q)scripts/demo

clean: ## remove build/
	$(Q)rm -rf $(BUILD)

help: ## this
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 13

include scripts/packaging/packaging.mk
include tests/bench/bench.mk
include tests/tests.mk
