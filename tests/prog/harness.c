// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The programs under BPF_PROG_RUN.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "harness.h"
#include "stack.h"

#include "frame.h"
#include "host/kernel.h"
#include "names.h"
#include "synward.skel.h"

static struct synward *skel;
static struct ring_buffer *events_ring, *other_events_ring, *due_ring;

/* --- Loading ---------------------------------------------------------------------------------- */

struct taken {
	void *records;
	int count, room;
	size_t size;
};

static struct taken taken_events = { .size = sizeof(struct sw_event) };
static struct taken taken_other_events = { .size = sizeof(struct sw_event) };
static struct taken taken_due = { .size = sizeof(struct sw_due) };

static int take_record(void *context, void *data, size_t size)
{
	struct taken *taken = context;

	if (size < taken->size)
		return -EINVAL;
	if (taken->count < taken->room)
		memcpy((char *)taken->records + (size_t)taken->count * taken->size, data,
		       taken->size);
	taken->count++;
	return 0;
}

static int complain(const char *what, int err)
{
	print_error("Couldn't %s: %s\n", what, strerror(-err));
	return err;
}

/* A ring buffer in one of the places of who reads events. */
static struct ring_buffer *open_reader(__u32 place, struct taken *taken)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "sw_event_ring", 0, 0, SW_EVENT_RING_BYTES,
				NULL);

	if (fd < 0 ||
	    bpf_map_update_elem(bpf_map__fd(skel->maps.sw_reader_rings), &place, &fd, BPF_ANY))
		return NULL;
	return ring_buffer__new(fd, take_record, taken, NULL);
}

int harness_open(__u32 flows, __u32 halfopen)
{
	int err;

	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	skel = synward__open();
	if (!skel)
		return complain("open the BPF object", -errno);
	skel->rodata->offline = true;
	bpf_program__set_autoload(skel->progs.synward_admit, sw_kernel_assigns_requests());
	bpf_program__set_autoload(skel->progs.synward_sockets, sw_kernel_lists_sockets());
	if (flows)
		bpf_map__set_max_entries(skel->maps.sw_flows, flows);
	if (halfopen) {
		bpf_map__set_type(skel->maps.sw_halfopen, BPF_MAP_TYPE_HASH);
		bpf_map__set_max_entries(skel->maps.sw_halfopen, halfopen);
	}
	stack_watch(skel->obj);
	err = synward__load(skel);
	if (err)
		return complain("load the BPF object (are you root?)", err);
	events_ring = open_reader(0, &taken_events);
	other_events_ring = open_reader(2, &taken_other_events);
	due_ring = ring_buffer__new(bpf_map__fd(skel->maps.sw_due), take_record, &taken_due, NULL);
	return events_ring && other_events_ring && due_ring
		       ? 0
		       : complain("map the ring buffers", -errno);
}

void harness_close(void)
{
	ring_buffer__free(events_ring);
	ring_buffer__free(other_events_ring);
	ring_buffer__free(due_ring);
	synward__destroy(skel);
}

struct synward *harness_skeleton(void)
{
	return skel;
}

/* --- Maps ------------------------------------------------------------------------------------- */

/*
 * The keys that frames have brought since the last reset. To look for them in a map of a million
 * buckets takes milliseconds, and there are thousands of resets.
 */
#define DIRTY_MAX 32

static struct sw_flow_key dirty[DIRTY_MAX];
static int dirty_count;

static void note_dirty(const struct sw_flow_key *key)
{
	for (int i = 0; i < dirty_count && i < DIRTY_MAX; i++)
		if (!memcmp(&dirty[i], key, sizeof(*key)))
			return;
	if (dirty_count < DIRTY_MAX)
		dirty[dirty_count] = *key;
	dirty_count++;
}

static void empty_map(int fd)
{
	struct sw_flow_key key, next;
	int err = bpf_map_get_next_key(fd, NULL, &next);

	while (!err) {
		key = next;
		err = bpf_map_get_next_key(fd, &key, &next);
		bpf_map_delete_elem(fd, &key);
	}
}

static void empty_flow_maps(void)
{
	int flows = bpf_map__fd(skel->maps.sw_flows);
	int halfopen = bpf_map__fd(skel->maps.sw_halfopen);

	if (dirty_count > DIRTY_MAX) {
		empty_map(flows);
		empty_map(halfopen);
	}
	for (int i = 0; i < dirty_count && i < DIRTY_MAX; i++) {
		bpf_map_delete_elem(flows, &dirty[i]);
		bpf_map_delete_elem(halfopen, &dirty[i]);
	}
	dirty_count = 0;
}

static void write_zero_stats(void)
{
	int cpus = libbpf_num_possible_cpus();
	struct sw_stats *stats = calloc((size_t)cpus, sizeof(*stats));
	__u32 zero = 0;

	must(stats, "no memory");
	must(!bpf_map_update_elem(bpf_map__fd(skel->maps.sw_stats), &zero, stats, 0), "sw_stats");
	free(stats);
}

void harness_reset(const struct sw_config *config)
{
	static const struct sw_config unset;
	__u32 zero = 0;

	empty_flow_maps();
	write_zero_stats();
	must(!bpf_map_update_elem(bpf_map__fd(skel->maps.sw_config), &zero,
				  config ? config : &unset, 0),
	     "sw_config");
	harness_read_events(false);
	harness_events(NULL, 0);
	harness_other_events(NULL, 0);
	harness_due(NULL, 0);
}

static void write_reader(__u32 place, const struct sw_reader *reader)
{
	must(!bpf_map_update_elem(bpf_map__fd(skel->maps.sw_readers), &place, reader, 0),
	     "sw_readers");
}

void harness_read_events(bool read)
{
	static const struct sw_reader nobody, all = { .kinds = ~0U };
	__u32 zero = 0, places = read;

	write_reader(0, read ? &all : &nobody);
	write_reader(2, &nobody);
	must(!bpf_map_update_elem(bpf_map__fd(skel->maps.sw_reading), &zero, &places, 0),
	     "sw_reading");
}

void harness_read_other_events(const struct sw_reader *reader)
{
	__u32 zero = 0, places = 3;

	write_reader(2, reader);
	must(!bpf_map_update_elem(bpf_map__fd(skel->maps.sw_reading), &zero, &places, 0),
	     "sw_reading");
}

__u64 harness_other_events_lost(void)
{
	struct sw_reader reader;
	__u32 place = 2;

	must(!bpf_map_lookup_elem(bpf_map__fd(skel->maps.sw_readers), &place, &reader),
	     "sw_readers");
	return reader.lost;
}

void harness_stats(struct sw_stats *stats)
{
	int cpus = libbpf_num_possible_cpus();
	struct sw_stats *all = calloc((size_t)cpus, sizeof(*all));
	__u64 *sum = (__u64 *)stats;
	__u32 zero = 0;

	must(all, "no memory");
	must(!bpf_map_lookup_elem(bpf_map__fd(skel->maps.sw_stats), &zero, all), "sw_stats");
	memset(stats, 0, sizeof(*stats));
	for (int cpu = 0; cpu < cpus; cpu++)
		for (int i = 0; i < SW_COUNTER_MAX; i++)
			sum[i] += ((const __u64 *)&all[cpu])[i];
	free(all);
}

__u64 harness_count(enum sw_counter counter)
{
	struct sw_stats stats;

	harness_stats(&stats);
	return ((const __u64 *)&stats)[counter];
}

enum place harness_find(const struct sw_flow_key *key, struct sw_flow *flow)
{
	struct sw_flow halfopen;
	bool in_halfopen =
		!bpf_map_lookup_elem(bpf_map__fd(skel->maps.sw_halfopen), key, &halfopen);
	bool in_flows = !bpf_map_lookup_elem(bpf_map__fd(skel->maps.sw_flows), key, flow);

	if (in_flows)
		return in_halfopen ? PLACE_BOTH : PLACE_FLOWS;
	if (!in_halfopen)
		return PLACE_NOWHERE;
	*flow = halfopen;
	return PLACE_HALFOPEN;
}

__u32 harness_entries(enum place place)
{
	int fd = bpf_map__fd(place == PLACE_FLOWS ? skel->maps.sw_flows : skel->maps.sw_halfopen);
	struct sw_flow_key key, *last = NULL;
	__u32 count = 0;

	while (!bpf_map_get_next_key(fd, last, &key)) {
		last = &key;
		count++;
	}
	return count;
}

static int take_all(struct ring_buffer *ring, struct taken *taken, void *records, int room)
{
	taken->records = records;
	taken->room = room;
	taken->count = 0;
	must(ring_buffer__consume(ring) >= 0, "a ring buffer can't be read");
	return taken->count;
}

int harness_events(struct sw_event *events, int room)
{
	return take_all(events_ring, &taken_events, events, room);
}

int harness_other_events(struct sw_event *events, int room)
{
	return take_all(other_events_ring, &taken_other_events, events, room);
}

int harness_due(struct sw_due *due, int room)
{
	return take_all(due_ring, &taken_due, due, room);
}

/* --- Running ---------------------------------------------------------------------------------- */

static __u8 frame_out[FRAME_MAX + 512];

/* The program must let the frame pass as it came (N6). */
static void check_passed(enum hook hook, const struct bpf_test_run_opts *run, const __u8 *bytes,
			 size_t size)
{
	__u32 pass = hook == HOOK_XDP ? XDP_PASS : (__u32)TC_ACT_UNSPEC;

	must(run->retval == pass, "verdict %d", (int)run->retval);
	must(run->data_size_out == size, "%zu bytes became %u", size, run->data_size_out);
	must(!memcmp(frame_out, bytes, size), "the frame was altered");
}

static void read_result(struct sw_segment *segment, struct outcome *outcome)
{
	const struct sw_offline *result = &skel->bss->offline_result;

	*segment = result->segment;
	outcome->reason = result->reason;
	outcome->before = result->before;
	outcome->after = result->after;
	if (!outcome->reason || outcome->after.start_ns)
		note_dirty(&segment->key);
}

static bool run_program(const struct bpf_program *program, struct bpf_test_run_opts *run,
			const __u8 *bytes, size_t size, __u64 now)
{
	skel->bss->offline_now_ns = now;
	run->data_in = bytes;
	run->data_size_in = (__u32)size;
	run->data_out = frame_out;
	run->data_size_out = sizeof(frame_out);
	return !bpf_prog_test_run_opts(bpf_program__fd(program), run);
}

static const struct bpf_program *program_of(enum hook hook)
{
	return hook == HOOK_XDP ? skel->progs.synward_ingress : skel->progs.synward_egress;
}

static bool run_frame(enum hook hook, struct bpf_test_run_opts *run, const __u8 *bytes, size_t size,
		      __u64 now)
{
	if (!run_program(program_of(hook), run, bytes, size, now))
		return false;
	check_passed(hook, run, bytes, size);
	return true;
}

/* The kernel hands out the metadata in front of the frame. */
static void read_frame(const struct bpf_test_run_opts *run, size_t size, struct passage *passage)
{
	static const __u32 hint = 0x64726177; /* "ward" */
	size_t before = 0;

	passage->verdict = run->retval;
	passage->hinted = run->retval == XDP_PASS && run->data_size_out == size + sizeof(hint);
	if (passage->hinted) {
		must(!memcmp(frame_out, &hint, sizeof(hint)), "the metadata is no hint");
		before = sizeof(hint);
	}
	passage->size = run->data_size_out - (__u32)before;
	memcpy(passage->bytes, frame_out + before, passage->size);
}

bool harness_pass(enum hook hook, const __u8 *bytes, size_t size, size_t linear, __u64 now,
		  struct passage *passage)
{
	struct xdp_md context = { .data_end = (__u32)linear };
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = linear ? &context : NULL,
		    .ctx_size_in = linear ? sizeof(context) : 0);

	if (!run_program(program_of(hook), &run, bytes, size, now))
		return false;
	read_frame(&run, size, passage);
	read_result(&passage->segment, &passage->outcome);
	return true;
}

void harness_admit(const __u8 *bytes, size_t size, __u64 now)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);

	must(run_program(skel->progs.synward_admit, &run, bytes, size, now),
	     "the kernel does not run it: %s", strerror(errno));
	check_passed(HOOK_TC, &run, bytes, size);
}

bool harness_frame(enum hook hook, const __u8 *bytes, size_t size, __u64 now,
		   struct sw_segment *segment, struct outcome *outcome)
{
	LIBBPF_OPTS(bpf_test_run_opts, run);

	if (!run_frame(hook, &run, bytes, size, now))
		return false;
	read_result(segment, outcome);
	return true;
}

void harness_forward(__u32 ifindex, const __u8 *bytes, size_t size, __u64 now)
{
	struct __sk_buff context = { .ingress_ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &context, .ctx_size_in = sizeof(context));
	struct sw_segment segment;
	struct outcome outcome;

	must(run_frame(HOOK_TC, &run, bytes, size, now), "the kernel does not run it: %s",
	     strerror(errno));
	read_result(&segment, &outcome);
}

bool harness_frame_split(const __u8 *bytes, size_t size, size_t linear, __u64 now,
			 struct sw_segment *segment, struct outcome *outcome)
{
	struct xdp_md context = { .data_end = (__u32)linear };
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &context, .ctx_size_in = sizeof(context));

	if (!run_frame(HOOK_XDP, &run, bytes, size, now))
		return false;
	read_result(segment, outcome);
	return true;
}

void harness_segment(enum hook hook, const struct sw_segment *segment, __u64 now,
		     struct outcome *outcome)
{
	static __u8 frame[FRAME_MAX];
	size_t size = frame_build(segment, frame);
	struct sw_segment read;

	must(harness_frame(hook, frame, size, now, &read, outcome),
	     "the kernel did not run a frame of %zu bytes: %s", size, strerror(errno));
	must(!memcmp(&read.key, &segment->key, sizeof(read.key)) && read.seq == segment->seq &&
		     read.ack == segment->ack && read.length == segment->length &&
		     read.flags == segment->flags && read.sender == segment->sender,
	     "the segment was misread");
}

static void run_syscall(struct bpf_program *program, void *arguments, size_t size, __u64 now)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = arguments, .ctx_size_in = (__u32)size);

	skel->bss->offline_now_ns = now;
	must(!bpf_prog_test_run_opts(bpf_program__fd(program), &run), "a syscall program: %s",
	     strerror(errno));
	assert_int_equal(run.retval, 0);
}

void harness_sweep(struct sw_sweep *sweep, __u64 now)
{
	run_syscall(skel->progs.synward_sweep, sweep, sizeof(*sweep), now);
}

static void run_expire(const struct sw_flow_key *keys, __u32 count, bool live_too, __u64 now)
{
	struct sw_expire_batch *batch = &skel->bss->expire_batch;

	batch->count = count;
	batch->live_too = live_too;
	batch->removed = 0;
	for (__u32 i = 0; i < count && i < SW_EXPIRE_FLOWS; i++)
		batch->key[i] = keys[i];
	run_syscall(skel->progs.synward_expire, NULL, 0, now);
}

void harness_expire(const struct sw_flow_key *keys, __u32 count, __u64 now)
{
	run_expire(keys, count, false, now);
}

__u32 harness_delete(const struct sw_flow_key *keys, __u32 count, __u64 now)
{
	run_expire(keys, count, true, now);
	return skel->bss->expire_batch.removed;
}

/* --- Flows to work with ----------------------------------------------------------------------- */

void harness_key(struct sw_flow_key *key, __u32 number)
{
	__u32 address = __builtin_bswap32(0x0a000000 + number / 50000);
	__u32 server = __builtin_bswap32(0xc6336414);

	memset(key, 0, sizeof(*key));
	memset(&key->addr[0][10], 0xff, 2);
	memset(&key->addr[1][10], 0xff, 2);
	memcpy(&key->addr[0][12], &address, 4);
	memcpy(&key->addr[1][12], &server, 4);
	key->port[0] = (__u16)(1024 + number % 50000);
	key->port[1] = 80;
}

void harness_handshake(const struct sw_flow_key *key, int segments, __u64 now)
{
	struct sw_segment steps[3] = {
		{ .flags = SW_TCP_SYN, .seq = 1000 },
		{ .flags = SW_TCP_SYN | SW_TCP_ACK, .seq = 5000, .ack = 1001, .sender = 1 },
		{ .flags = SW_TCP_ACK, .seq = 1001, .ack = 5001 },
	};
	struct outcome outcome;

	for (int i = 0; i < segments; i++) {
		steps[i].key = *key;
		steps[i].window = 64240;
		harness_segment(HOOK_XDP, &steps[i], now, &outcome);
		must(outcome.reason == SW_NONE, "a handshake met %s", counter_name(outcome.reason));
	}
}
