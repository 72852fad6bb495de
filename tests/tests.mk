# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Unit, program and fuzz tests. `make test-unit` builds and runs one suite, tests/run all of them.

TESTS       := $(BUILD)/tests
TEST_FLAGS   = -std=gnu11 -O1 -g $(WARNINGS) -D_GNU_SOURCE -DSYNWARD_VERSION='"$(VERSION)"' \
               -Iinclude -Itests/common -Iuser -I$(BUILD)
SANITIZERS  := -fsanitize=address,undefined -fno-sanitize-recover=all
# pkg-config knows no cmocka where only its library is installed.
UNIT_LIBRARIES := -lcmocka -ljansson -lmnl -linih
PROG_LIBRARIES := -lcmocka -lbpf

test_objects = $(patsubst %.c,$(TESTS)/objects/%.o,$(wildcard tests/$(1)/*.c))
COMMON_OBJECTS := $(call test_objects,common) $(TESTS)/objects/user/text/conn_state.o
UNIT_OBJECTS   := $(call test_objects,unit) $(COMMON_OBJECTS)
UNIT_MODULES   := guard/key_file guard/key_text guard/profile commands/profile_option guard/keys guard/port_list guard/client_list daemon/due_wheel daemon/loop model/flow_table \
                  model/flow_maps model/flow_summary model/tally commands/filter_options text/prefix model/keys_in_force text/json \
                  text/names text/values commands/command_line commands/option commands/run_options commands/run_config commands/cmd_help \
                  commands/findings host/nft host/nft_rule host/netlink text/place text/listen text/exposition
UNIT_OBJECTS   += $(UNIT_MODULES:%=$(TESTS)/objects/user/%.o)
PROG_OBJECTS   := $(call test_objects,prog) $(COMMON_OBJECTS) $(TESTS)/objects/user/host/kernel.o

.PHONY: unit need-headers test-unit test-prog test-fuzz build-unit build-prog build-fuzz build-forge
test-unit test-prog test-fuzz: test-%:
	$(Q)tests/run $*

unit: ## build and run the unit tests: no root, no apt, no BPF object
	+$(Q)tests/run unit

.PHONY: test-kills
test-kills: all ## the daemon killed 100 times while redis-benchmark, curl and a download go on
	$(Q)KILLS=100 LIMIT=3600 tests/net/run killed_daemons

.PHONY: test-front
test-front: all $(BUILD)/tests/bench/flood ## 2,000 connections by two gateways in a flood, one killed, the key rolled: a minute
	$(Q)SW_CONNECTIONS=2000 SW_FLOODED=200000 tests/net/run gateway_may_die

.PHONY: test-kernels
test-kernels: all ## what works on Debian's kernels, 6.1 and the newest of its backports, in qemu: a table
	$(Q)scripts/deps kernels
	$(Q)tests/kernels/run

.PHONY: test-blind
test-blind: all build-unit ## 10^7 blind segments of each kind against the state model, with its figures; 10^7 frames of each against small tables
	$(Q)BLIND=10000000 $(TESTS)/unit
	$(Q)FLOOD_COUNT=10000000 tests/net/run floods_of_every_kind pairs_of_forged flood_of_syns

.PHONY: test-deb
test-deb: deb ## Debian's packages installed, upgraded and purged under Debian's systemd, with connections that stay
	$(Q)tests/package/deb

build-unit: $(TESTS)/unit
build-prog: $(TESTS)/prog $(TESTS)/synward-clang19.bpf.o

$(TESTS)/objects/%.o: %.c
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) $(SANITIZERS) -MMD -MP -c $< -o $@

# Millions of segments through the state model, which the other tests put through the sanitizers.
PROOFS := $(patsubst %.c,$(TESTS)/objects/%.o,$(wildcard tests/unit/proof.c tests/unit/test_proof_*.c))
$(PROOFS): TEST_FLAGS += -O2
$(PROOFS): SANITIZERS :=

$(call test_objects,prog): | $(BUILD)/synward.skel.h

$(UNIT_OBJECTS) $(PROG_OBJECTS): | need-headers
need-headers:
	$(Q)printf '#include <%s.h>\n' stdarg stddef stdint setjmp cmocka jansson ini bpf/libbpf libmnl/libmnl | \
		$(CC) -fsyntax-only -x c - 2>/dev/null || \
		{ echo "Couldn't find cmocka.h, jansson.h, ini.h, bpf/libbpf.h or libmnl.h: install libcmocka-dev libjansson-dev libinih-dev libbpf-dev libmnl-dev" >&2; \
		  exit 1; }

# Frames that share no code with the parser; and what the tests' own implementations of the cookie and its reply say.
GOLDEN = $(say) GOLDEN $@; mkdir -p $(@D) && PYTHONDONTWRITEBYTECODE=1 $< > $@
$(TESTS)/golden_%.h: tests/common/golden_%
	$(Q)$(GOLDEN)
$(TESTS)/golden_%.h: tests/unit/golden_% tests/unit/cookie.py tests/unit/packet.py
	$(Q)$(GOLDEN)
$(TESTS)/golden_%.h: tests/prog/golden_% tests/unit/cookie.py tests/unit/packet.py
	$(Q)$(GOLDEN)

# The conformance vectors, made anew when they come from another folder than the last time.
VECTORS ?= tests/vectors
$(TESTS)/vectors.folder: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo $(VECTORS) | cmp -s - $@ || echo $(VECTORS) > $@
$(TESTS)/golden_vectors.h: tests/common/golden_vectors $(TESTS)/vectors.folder $(wildcard $(VECTORS)/*)
	$(say) GOLDEN $@
	$(Q)$< $(VECTORS) > $@
FORCE:

$(TESTS)/objects/tests/common/vectors.o: $(TESTS)/golden_vectors.h
$(TESTS)/objects/tests/unit/test_parse.o: $(TESTS)/golden_frames.h
$(TESTS)/objects/tests/unit/test_siphash.o: $(TESTS)/golden_cookies.h
$(TESTS)/objects/tests/unit/test_cookie.o: $(TESTS)/golden_cookies.h
$(TESTS)/objects/tests/unit/test_reply.o: $(TESTS)/golden_replies.h
$(call test_objects,prog): $(TESTS)/golden_frames.h $(TESTS)/golden_handshakes.h

$(TESTS)/unit: $(UNIT_OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(SANITIZERS) $^ $(UNIT_LIBRARIES) -o $@

$(TESTS)/prog: $(PROG_OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(SANITIZERS) $^ $(PROG_LIBRARIES) -o $@

# The newer compiler must do as well. Where it is not installed the test says so, and is skipped.
$(TESTS)/synward-clang19.bpf.o: $(BUILD)/synward.bpf.o
	$(Q)mkdir -p $(@D)
	$(Q)if command -v clang-19 >/dev/null; then \
		clang-19 $(BPF_FLAGS) -c bpf/synward.bpf.c -o $@; \
	fi

# An experiment of a billion trials: optimised, no sanitizers, all cores.
build-forge: $(TESTS)/forge
$(TESTS)/forge: tests/forge/forge.c
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 $(filter-out -O1,$(TEST_FLAGS)) -MMD -MP -MF $@.d $< -pthread -o $@

# --- Fuzzers: clang's libFuzzer, from the package libclang-rt-14-dev ------------------------------

fuzz_object  = $(TESTS)/fuzz-objects/$(1).o
FUZZ_COMMON := $(foreach name,sound stir names,$(call fuzz_object,tests/common/$(name)))
FUZZ_FLAGS  := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZERS     := $(TESTS)/fuzz_frame $(TESTS)/fuzz_flow
FUZZERS     += $(TESTS)/fuzz_key
HAS_FUZZER   = $(shell echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
                 $(CLANG) -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null && echo yes)

build-fuzz:
	$(Q)$(if $(HAS_FUZZER),$(MAKE) --no-print-directory $(FUZZERS),rm -f $(FUZZERS))

$(TESTS)/fuzz-objects/%.o: %.c
	$(say) FUZZ $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(TEST_FLAGS) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@

$(FUZZERS): $(TESTS)/%: $(TESTS)/fuzz-objects/tests/fuzz/%.o $(FUZZ_COMMON)
	$(say) LINK $@
	$(Q)$(CLANG) $(FUZZ_FLAGS) $^ -o $@

$(TESTS)/fuzz_key: $(call fuzz_object,user/guard/key_text) $(call fuzz_object,user/guard/profile)

-include $(TESTS)/forge.d
-include $(UNIT_OBJECTS:.o=.d) $(PROG_OBJECTS:.o=.d) $(FUZZ_COMMON:.o=.d)
-include $(FUZZERS:$(TESTS)/%=$(TESTS)/fuzz-objects/tests/fuzz/%.d)
