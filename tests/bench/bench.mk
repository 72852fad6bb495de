# The flood generator, and the bare programs that synward is measured against. Never installed.

BENCH := $(BUILD)/tests/bench

$(BENCH)/flood.bpf.o: tests/bench/flood.bpf.c
	$(say) BPF $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -c $< -o $@

$(BENCH)/flood.skel.h: $(BENCH)/flood.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name flood > $@

$(BENCH)/flood: tests/bench/flood.c $(BENCH)/flood.skel.h
	$(say) LINK $@
	$(Q)$(CC) $(USER_FLAGS) -I$(BENCH) $< -o $@ -lbpf

$(BENCH)/fill: tests/bench/fill.c $(HEADERS)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) $< -o $@ -lbpf

bench: deps ## measure what synward costs, beside its floor (5 minutes)
	$(Q)$(MAKE) --no-print-directory all $(BENCH)/flood $(BENCH)/fill
	$(Q)tests/bench/run
.PHONY: bench
