# The flood generator, the bare programs that synward is measured against, and what else the
# benchmark needs. Never installed.

BENCH       := $(BUILD)/tests/bench
BENCH_TOOLS := $(BENCH)/flood $(BENCH)/connect $(BENCH)/fill $(BENCH)/talk $(BENCH)/bare.bpf.o $(BENCH)/no_events.bpf.o

$(BENCH)/%.bpf.o: tests/bench/%.bpf.c $(wildcard tests/bench/*.h)
	$(say) BPF $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -c $< -o $@

# As if nobody could ever read events.
$(BENCH)/no_events.bpf.o: $(BUILD)/synward.bpf.o
	$(say) BPF $@
	$(Q)rm -rf $(BENCH)/no_events && mkdir -p $(BENCH)/no_events && cp -r bpf $(BENCH)/no_events
	$(Q)sed -i 's/if (sw_reading_places())/if (0)/' $(BENCH)/no_events/bpf/*.h
	$(Q)$(CLANG) $(BPF_FLAGS) -c $(BENCH)/no_events/bpf/synward.bpf.c -o $@

$(BENCH)/flood.skel.h $(BENCH)/talk.skel.h: $(BENCH)/%.skel.h: $(BENCH)/%.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $* > $@

$(BENCH)/flood $(BENCH)/talk: $(BENCH)/%: $(BENCH)/%.skel.h
$(BENCH)/flood $(BENCH)/talk $(BENCH)/fill $(BENCH)/connect: $(BENCH)/%: tests/bench/%.c \
		$(wildcard tests/bench/*.h) $(HEADERS)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) -I$(BENCH) $< -o $@ -lbpf

bench: deps ## measure what synward costs, beside its floor (20 minutes)
	$(Q)$(MAKE) --no-print-directory all $(BENCH_TOOLS)
	$(Q)tests/bench/run
.PHONY: bench
