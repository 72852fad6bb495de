// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Running a capture. The half-open table is an ordinary hash here, not an LRU: nothing is forgotten
 * by accident. When the tables fill up, flows whose time is over are ended, as a daemon would; were
 * there still too many, the oldest have to go, and that is said.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <synward/offline.h>
#include <synward/state.h>

#include "model/flow_maps.h"
#include "text/names.h"
#include "replay/engine.h"
#include "replay/link.h"
#include "text/report.h"
#include "synward.skel.h"

#define RECORDS_MAX (1U << 20)
#define SWEEP_MIN   (1U << 16)

/* Headers are all that the program reads. */
#define HEAD_MAX 512

#define ALIAS_BYTES (SW_ETHERNET_HEADER + SW_IPV6_HEADER)

static const struct sw_flow no_flow;

/* --- Setting up ----------------------------------------------------------------------------- */

static int configure(struct synward *object)
{
	static const struct sw_maps none;
	struct bpf_map *halfopen = object->maps.sw_halfopen;
	int err;

	object->rodata->offline = true;
	err = bpf_map__set_type(halfopen, BPF_MAP_TYPE_HASH);
	err = err ?: bpf_map__set_map_flags(halfopen, BPF_F_NO_PREALLOC);
	if (err)
		return sw_fail(err, NULL, "set up the half-open table");
	return sw_object_keep(object, object->progs.synward_ingress, &none);
}

int sw_replay_start(struct sw_replay *replay, const struct sw_capture_source *source,
		    const struct sw_replay_options *options)
{
	__u32 records = sw_capture_segments_at_most(source, RECORDS_MAX);
	const struct sw_sizes sizes = { .flows = records, .halfopen = records };
	static const struct sw_maps none;
	int err = sw_object_open(&replay->object, false);

	replay->source = source;
	replay->options = options;
	replay->sweep_at = SWEEP_MIN;
	err = err ?: configure(replay->object);
	err = err ?: sw_object_load(replay->object, &sizes, &none);
	if (err)
		return err;
	replay->prog_fd = bpf_program__fd(replay->object->progs.synward_ingress);
	err = sw_maps_open(&replay->maps, replay->prog_fd);
	err = err ?: sw_config_write(&replay->maps, &options->config);
	return err ? sw_fail(err, NULL, "set up the programs' maps") : 0;
}

void sw_replay_stop(struct sw_replay *replay)
{
	sw_maps_close(&replay->maps);
	synward__destroy(replay->object);
	sw_ledger_free(&replay->ledger);
	sw_senders_free(&replay->senders);
}

/* --- Ending flows --------------------------------------------------------------------------- */

static void end_flow(struct sw_replay *replay, const struct sw_entry *entry,
		     const struct sw_flow *flow)
{
	struct sw_flow_end end = {
		.key = &entry->key,
		.flow = flow,
		.tunnel = &entry->tunnel[flow->originator],
		.start_ns = entry->start_ns,
		.refused = entry->refused,
	};

	if (replay->sink.flow)
		replay->sink.flow(replay->sink.context, &end);
}

static void remove_flow(struct sw_replay *replay, const struct sw_flow_record *record)
{
	struct sw_entry *entry = sw_ledger_by_key(&replay->ledger, &record->key);
	const char *map = record->halfopen ? "sw_halfopen" : "sw_flows";

	bpf_map_delete_elem(sw_maps_fd(&replay->maps, map), &record->key);
	if (!entry)
		return;
	end_flow(replay, entry, &record->flow);
	sw_ledger_close(&replay->ledger, entry);
}

/* The oldest first. */
static void end_in_order(struct sw_replay *replay, const struct sw_flow_table *table,
			 const __u32 *order, __u64 now, size_t keep)
{
	size_t live = 0, over;

	for (size_t i = 0; i < table->count; i++)
		live += !sw_flow_gone(&sw_flow_table_at(table, i)->flow, now);
	over = live > keep ? live - keep : 0;
	for (size_t i = 0; i < table->count; i++) {
		const struct sw_flow_record *record = sw_flow_table_at(table, order[i]);
		bool gone = sw_flow_gone(&record->flow, now), forced = !gone && over;

		if (forced || gone)
			remove_flow(replay, record);
		over -= forced;
		replay->forced += forced;
	}
}

/* Ends what is over by `now`, and of the rest the oldest beyond the `keep` youngest. */
static int end_flows(struct sw_replay *replay, __u64 now, size_t keep)
{
	static const struct sw_filter all;
	struct sw_flow_table table = {};
	struct sw_map_fds maps = sw_maps_fds(&replay->maps);
	int err = sw_flow_table_read(&table, &maps, &all, 0);
	size_t count = ~0UL;
	__u32 *order;

	if (err)
		return sw_fail(err, NULL, "read the flows");
	order = sw_flow_table_order(&table, SW_ORDER_AGE, false, &count);
	sw_progress_wipe(&replay->progress);
	if (order)
		end_in_order(replay, &table, order, now, keep);
	else
		err = sw_fail(-ENOMEM, NULL, "put the flows in order");
	free(order);
	sw_flow_table_free(&table);
	return err;
}

/* Looking through all records is worth while when as many have come as there were. */
static int sweep(struct sw_replay *replay)
{
	int err = end_flows(replay, replay->timeline.now_ns, RECORDS_MAX / 2);
	__u32 live = replay->ledger.live;

	replay->sweep_at = 2 * live > SWEEP_MIN ? 2 * live : SWEEP_MIN;
	return err;
}

/* --- One frame ------------------------------------------------------------------------------ */

/* A frame with a segment in it, as it goes through. */
struct pass {
	const struct sw_frame *frame;
	struct sw_packet packet;
	struct sw_segment seg;
	struct sw_entry *entry; /* of its flow; it may be NULL */
};

/* What a flow is to be distrusted for, as sw_flow.refused has it: nothing that comes after its close. */
static bool is_refusal(enum sw_counter reason)
{
	return reason != SW_NONE && reason != SW_FLOWS_REPLACED && reason != SW_SYN_RETRANSMITTED &&
	       reason != SW_AFTER_CLOSE;
}

static void tell(struct sw_replay *replay, const struct pass *pass, struct sw_step *step)
{
	step->number = pass->frame->number;
	step->time_ns = pass->frame->time_ns;
	step->now_ns = replay->timeline.now_ns;
	step->tunnel = &pass->frame->tunnel;
	step->seg = &pass->seg;
	if (pass->entry && is_refusal(step->reason)) {
		replay->refused_flows += !pass->entry->refused++;
		replay->refused[step->reason]++;
	}
	if (replay->sink.segment)
		replay->sink.segment(replay->sink.context, step);
}

static const struct sw_flow *live_or_none(const struct sw_flow *flow, __u64 now)
{
	return sw_flow_gone(flow, now) ? &no_flow : flow;
}

/* The record of a flow as it stands, zero if there is none. */
static void look_up(const struct sw_replay *replay, const struct sw_entry *entry,
		    struct sw_flow *flow)
{
	struct sw_flow_key key;

	*flow = no_flow;
	if (!entry)
		return;
	sw_ledger_alias(entry, &key);
	if (bpf_map_lookup_elem(sw_maps_fd(&replay->maps, "sw_flows"), &key, flow) &&
	    bpf_map_lookup_elem(sw_maps_fd(&replay->maps, "sw_halfopen"), &key, flow))
		*flow = no_flow;
}

/* A segment that no receiver believes: it is shown, and changes nothing. */
static void refuse(struct sw_replay *replay, struct pass *pass)
{
	struct sw_step step = { .reason = SW_BAD_CHECKSUM };
	struct sw_flow flow;

	pass->entry = sw_ledger_find(&replay->ledger, &pass->seg, &pass->frame->tunnel);
	look_up(replay, pass->entry, &flow);
	step.before = step.after = live_or_none(&flow, replay->timeline.now_ns);
	replay->counts[SW_BAD_CHECKSUM]++;
	tell(replay, pass, &step);
}

/*
 * Whether nobody would take the segment: 1, 0 or -errno. What a wrong checksum means depends on all of
 * the capture: at the first one it is looked through.
 */
static int is_wrong(struct sw_replay *replay, const struct pass *pass)
{
	if (replay->options->ignore_checksum ||
	    sw_checksum_of(pass->frame, &pass->packet) != SW_CHECKSUM_BAD)
		return 0;
	if (!replay->surveyed) {
		int err = sw_senders_survey(&replay->senders, replay->source);

		if (err)
			return err;
		replay->surveyed = true;
	}
	return !sw_senders_excuse(&replay->senders, pass->frame->number,
				  (const __u8 *)pass->packet.from);
}

/* Hands over what the program left of the frame. */
static void take_result(struct sw_replay *replay, struct pass *pass)
{
	const struct sw_offline *result = &replay->object->bss->offline_result;
	struct sw_step step = { .reason = result->reason };
	bool held = result->before.start_ns != 0;
	bool begun = result->after.start_ns != result->before.start_ns;
	__u64 now = replay->timeline.now_ns;

	replay->counts[result->reason]++;
	if (begun && held)
		end_flow(replay, pass->entry, &result->before);
	if (begun) {
		pass->entry->start_ns = pass->frame->time_ns;
		pass->entry->refused = 0;
	}
	step.before = begun ? &no_flow : live_or_none(&result->before, now);
	step.after = live_or_none(&result->after, now);
	tell(replay, pass, &step);
	if (!result->after.start_ns)
		sw_ledger_close(&replay->ledger, pass->entry);
}

/* A frame of IPv6 with the segment's header, between the addresses that the ledger made up. */
static __u32 write_alias(const struct pass *pass, __u8 frame[HEAD_MAX])
{
	const __u8 *tcp = pass->frame->bytes + pass->packet.at;
	__u32 header = (__u32)(tcp[12] >> 4) * 4, bytes = pass->packet.bytes;
	__u8 sender = pass->seg.sender;
	struct sw_flow_key key;

	sw_ledger_alias(pass->entry, &key);
	memset(frame, 0, ALIAS_BYTES);
	frame[12] = SW_ETH_IPV6 >> 8;
	frame[13] = SW_ETH_IPV6 & 0xff;
	frame[14] = 0x60;
	frame[18] = (__u8)(bytes <= 0xffff ? bytes >> 8 : 0); /* else 0: as long as the frame */
	frame[19] = (__u8)(bytes <= 0xffff ? bytes : 0);
	frame[20] = SW_IP_TCP;
	memcpy(frame + 22, key.addr[sender], 16);
	memcpy(frame + 38, key.addr[!sender], 16);
	memcpy(frame + ALIAS_BYTES, tcp, header);
	return ALIAS_BYTES + header;
}

static int run_program(struct sw_replay *replay, struct pass *pass)
{
	const struct sw_frame *frame = pass->frame;
	__u8 alias[HEAD_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame->bytes,
		    .data_size_in = frame->captured < HEAD_MAX ? frame->captured : HEAD_MAX,
		    .repeat = 1);
	int err;

	replay->object->bss->offline_now_ns = replay->timeline.now_ns;
	replay->object->bss->offline_wire_length = frame->length;
	if (pass->entry->alias) {
		run.data_in = alias;
		run.data_size_in = write_alias(pass, alias);
		replay->object->bss->offline_wire_length = ALIAS_BYTES + pass->packet.bytes;
	}
	err = bpf_prog_test_run_opts(replay->prog_fd, &run);
	if (err)
		return sw_fail(err, NULL, "run the BPF program on frame %llu", frame->number);
	pass->seg = replay->object->bss->offline_result.segment;
	pass->seg.key = pass->entry->key;
	take_result(replay, pass);
	return 0;
}

static int run_segment(struct sw_replay *replay, struct pass *pass)
{
	int done = is_wrong(replay, pass);

	if (done < 0)
		return done;
	if (done) {
		refuse(replay, pass);
		return 0;
	}
	pass->entry = sw_ledger_open(&replay->ledger, &pass->seg, &pass->frame->tunnel);
	if (!pass->entry)
		return sw_fail(-ENOMEM, NULL, "keep the flow of frame %llu", pass->frame->number);
	done = run_program(replay, pass);
	if (!done && replay->ledger.live >= replay->sweep_at)
		done = sweep(replay);
	return done;
}

/* What holds no segment is counted by its reason and by its kind, and does not go further. */
static int run_frame(struct sw_replay *replay, const struct sw_frame *frame)
{
	struct sw_cursor cursor = { .base = frame->bytes,
				    .end = frame->bytes + frame->captured,
				    .wire_length = frame->length };
	struct pass pass = { .frame = frame };
	enum sw_counter stop = SW_FRAGMENT;

	if (!frame->unknown_link && !frame->waits) {
		stop = sw_parse_network(&cursor, &pass.packet);
		stop = stop ? stop : sw_parse_transport(&cursor, &pass.packet, &pass.seg);
	}
	if (!stop) {
		replay->counts[SW_SEGMENTS]++;
		return run_segment(replay, &pass);
	}
	replay->unknown_link += frame->unknown_link;
	if (!frame->unknown_link && !frame->waits)
		replay->counts[stop]++;
	sw_kinds_note(&replay->kinds, frame);
	return 0;
}

/* --- The whole capture ---------------------------------------------------------------------- */

/* Reads one more frame behind this one, of which it makes a copy. */
static int look_ahead(struct sw_capture *capture, struct sw_frame *frame, struct sw_frame *next)
{
	__u8 *copy = malloc(frame->captured ?: 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, frame->bytes, frame->captured);
	frame->bytes = copy;
	return sw_capture_next(capture, next);
}

/* Runs one frame, and reads the next: 1, 0 at the end of the capture, -EIO where it can't be read. */
static int run_and_read(struct sw_replay *replay, struct sw_capture *capture, struct sw_frame *next,
			int *err)
{
	struct sw_frame frame = *next;
	const __u8 *bytes = frame.bytes;
	bool doubts = sw_timeline_doubts(&replay->timeline, frame.time_ns);
	int got = doubts ? look_ahead(capture, &frame, next) : 1;

	sw_timeline_advance(&replay->timeline, frame.time_ns,
			    doubts && got > 0 ? &next->time_ns : NULL);
	*err = got == -ENOMEM ? sw_fail(got, NULL, "read %s", replay->source->name)
			      : run_frame(replay, &frame);
	if (frame.bytes != bytes)
		free((void *)frame.bytes);
	sw_progress_step(&replay->progress, capture);
	return *err || doubts ? got : sw_capture_next(capture, next);
}

static int run_frames(struct sw_replay *replay, struct sw_capture *capture)
{
	struct sw_frame next;
	int got, err = 0;

	sw_progress_begin(&replay->progress, capture, replay->sink.segment);
	got = sw_capture_next(capture, &next);
	while (!err && got > 0)
		got = run_and_read(replay, capture, &next, &err);
	err = err ?: end_flows(replay, ~0ULL, 0);
	replay->frames = capture->number;
	replay->counts[SW_FRAGMENT] +=
		capture->unwrapper.fragments.seen - capture->unwrapper.fragments.joined;
	if (got < 0)
		snprintf(replay->unread, sizeof(replay->unread), "%s", capture->error);
	return err;
}

int sw_replay_run(struct sw_replay *replay, const struct sw_sink *sink)
{
	struct sw_capture *capture = calloc(1, sizeof(*capture));
	int err;

	if (!capture)
		return sw_fail(-ENOMEM, NULL, "read %s", replay->source->name);
	replay->sink = *sink;
	err = sw_capture_open(capture, replay->source);
	if (!err) {
		err = run_frames(replay, capture);
		sw_capture_close(capture);
	}
	free(capture);
	return err;
}

/* --- What is to be said ----------------------------------------------------------------------- */

/* "12 segments of 3 flows changed nothing: 7 out_of_window, 5 ack_unsent". */
static void say_refused(const struct sw_replay *replay)
{
	char text[1024] = "", *at = text, *end = text + sizeof(text);
	__u64 segments = 0;

	for (int reason = 0; reason < SW_COUNTER_MAX; reason++) {
		if (!replay->refused[reason] || end - at < 64)
			continue;
		at += snprintf(at, end - at, "%s%llu %s", segments ? ", " : "",
			       replay->refused[reason], sw_counter_name(reason));
		segments += replay->refused[reason];
	}
	if (segments)
		sw_say("%llu segments of %llu flows changed nothing: %s", segments,
		       replay->refused_flows, text);
}

/* A capture of which nothing was read: what it holds instead. */
static void say_nothing_read(struct sw_replay *replay)
{
	char text[SW_KINDS_TEXT];

	if (replay->counts[SW_SEGMENTS])
		return;
	if (replay->frames)
		sw_say("no TCP segment in %llu frames: %s", replay->frames,
		       sw_kinds_text(&replay->kinds, text));
	else if (!*replay->unread)
		sw_say("no TCP segment: there is no frame in it");
}

int sw_replay_say(struct sw_replay *replay)
{
	static const enum sw_counter noted[] = { SW_TRUNCATED, SW_BAD_IP,     SW_BAD_TCP,
						 SW_FRAGMENT,  SW_EXT_HEADER, SW_VLAN_DEEP };

	say_nothing_read(replay);
	for (size_t i = 0; i < sizeof(noted) / sizeof(noted[0]); i++)
		if (replay->counts[noted[i]])
			sw_say("%llu %s %s", replay->counts[noted[i]], sw_counter_name(noted[i]),
			       sw_counter_help(noted[i]));
	if (replay->counts[SW_BAD_CHECKSUM])
		sw_say("%llu bad_checksum not believed; --ignore-checksum believes them",
		       replay->counts[SW_BAD_CHECKSUM]);
	sw_senders_say(&replay->senders);
	say_refused(replay);
	if (replay->unknown_link)
		sw_say("%llu frames passed over: their link layer is not %s", replay->unknown_link,
		       sw_link_names);
	if (replay->forced)
		sw_say("%llu flows ended early: more than %u were live at once", replay->forced,
		       RECORDS_MAX);
	if (!*replay->unread)
		return 0;
	return sw_fail(0, NULL, "read %s beyond frame %llu: %s", replay->source->name,
		       replay->frames, replay->unread);
}
