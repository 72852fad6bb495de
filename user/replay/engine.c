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
#include "text/report.h"
#include "synward.skel.h"

#define RECORDS_MAX (1U << 20)
#define SWEEP_MIN   (1U << 16)

/* Headers are all that the program reads. */
#define HEAD_MAX 512

static const struct sw_flow no_flow;
static const struct sw_segment no_segment;

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
	return sw_object_keep_ingress(object, &none);
}

int sw_replay_start(struct sw_replay *replay, const struct sw_capture_source *source,
		    const struct sw_replay_options *options)
{
	static const struct sw_sizes sizes = { .flows = RECORDS_MAX, .halfopen = RECORDS_MAX };
	static const struct sw_maps none;
	int err = sw_object_open(&replay->object);

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
	free(replay->senders);
}

/* --- Ending flows --------------------------------------------------------------------------- */

static void end_flow(struct sw_replay *replay, const struct sw_flow_key *key,
		     const struct sw_flow *flow)
{
	if (replay->sink.flow)
		replay->sink.flow(replay->sink.context, key, flow);
}

static void remove_flow(struct sw_replay *replay, const struct sw_flow_record *record)
{
	const char *map = record->halfopen ? "sw_halfopen" : "sw_flows";

	bpf_map_delete_elem(sw_maps_fd(&replay->maps, map), &record->key);
	replay->records--;
	end_flow(replay, &record->key, &record->flow);
}

/* Ends what is over by `now`, and of the rest the oldest beyond the `keep` youngest. */
static int end_flows(struct sw_replay *replay, __u64 now, size_t keep)
{
	static const struct sw_flow_filter all = { .state = -1, .port = -1 };
	struct sw_flow_table table = {};
	size_t live = 0, over;
	struct sw_map_fds maps = sw_maps_fds(&replay->maps);
	int err = sw_flow_table_read(&table, &maps, &all, 0);

	if (err)
		return sw_fail(err, NULL, "read the flows");
	sw_flow_table_sort(&table);
	sw_progress_wipe(&replay->progress);
	for (size_t i = 0; i < table.count; i++)
		live += !sw_flow_gone(&table.record[i].flow, now);
	over = live > keep ? live - keep : 0;
	for (size_t i = 0; i < table.count; i++) {
		bool forced = !sw_flow_gone(&table.record[i].flow, now) && over;

		if (forced || sw_flow_gone(&table.record[i].flow, now))
			remove_flow(replay, &table.record[i]);
		over -= forced;
		replay->forced += forced;
	}
	sw_flow_table_free(&table);
	return 0;
}

/* Looking through all records is worth while when as many have come as there were. */
static int sweep(struct sw_replay *replay)
{
	int err = end_flows(replay, replay->now_ns, RECORDS_MAX / 2);

	replay->sweep_at = 2 * replay->records > SWEEP_MIN ? 2 * replay->records : SWEEP_MIN;
	return err;
}

/* --- One frame ------------------------------------------------------------------------------ */

static void tell(struct sw_replay *replay, const struct sw_frame *frame, struct sw_step *step)
{
	step->number = frame->number;
	step->time_ns = frame->time_ns;
	if (replay->sink.segment)
		replay->sink.segment(replay->sink.context, step);
}

static struct sw_cursor cursor_over(const struct sw_frame *frame)
{
	return (struct sw_cursor){
		.base = frame->bytes,
		.end = frame->bytes + frame->captured,
		.wire_length = frame->length,
	};
}

static const struct sw_flow *live_or_none(const struct sw_flow *flow, __u64 now)
{
	return sw_flow_gone(flow, now) ? &no_flow : flow;
}

/* The record of a flow as it stands, zero if there is none. */
static void look_up(const struct sw_replay *replay, const struct sw_flow_key *key,
		    struct sw_flow *flow)
{
	if (bpf_map_lookup_elem(sw_maps_fd(&replay->maps, "sw_flows"), key, flow) &&
	    bpf_map_lookup_elem(sw_maps_fd(&replay->maps, "sw_halfopen"), key, flow))
		*flow = no_flow;
}

/* A segment that no receiver believes: it is shown, and changes nothing. */
static void refuse(struct sw_replay *replay, const struct sw_frame *frame, struct sw_segment *seg)
{
	struct sw_step step = { .seg = seg, .reason = SW_BAD_CHECKSUM };
	struct sw_flow flow;

	look_up(replay, &seg->key, &flow);
	step.before = step.after = live_or_none(&flow, replay->now_ns);
	replay->counts[SW_BAD_CHECKSUM]++;
	tell(replay, frame, &step);
}

/* What a wrong checksum means depends on all that its sender sent: the first one is looked into. */
static int survey(struct sw_replay *replay)
{
	if (replay->senders)
		return 0;
	replay->senders = calloc(1, sizeof(*replay->senders));
	if (!replay->senders)
		return sw_fail(-ENOMEM, NULL, "check the checksums of %s", replay->source->name);
	return sw_senders_survey(replay->senders, replay->source);
}

/* 1: the segment was wrong and has been dealt with. */
static int check_checksum(struct sw_replay *replay, const struct sw_frame *frame)
{
	struct sw_cursor cursor = cursor_over(frame);
	struct sw_segment seg = {};
	struct sw_packet packet;
	int err;

	if (replay->options->ignore_checksum || sw_checksum_of(frame) != SW_CHECKSUM_BAD)
		return 0;
	if (sw_parse_network(&cursor, &packet) || sw_parse_transport(&cursor, &packet, &seg))
		return 0;
	err = survey(replay);
	if (err || sw_senders_offload(replay->senders, seg.key.addr[seg.sender]))
		return err;
	refuse(replay, frame, &seg);
	return 1;
}

/* Hands over what the program left of the frame. */
static void take_result(struct sw_replay *replay, const struct sw_frame *frame)
{
	const struct sw_offline *result = &replay->object->bss->offline_result;
	struct sw_step step = { .seg = &result->segment, .reason = result->reason };
	bool held = result->before.start_ns != 0;
	bool begun = result->after.start_ns != result->before.start_ns;

	replay->counts[result->reason]++;
	if (!memcmp(&result->segment, &no_segment, sizeof(no_segment)))
		return;
	if (begun && held)
		end_flow(replay, &step.seg->key, &result->before);
	replay->records += begun && !held;
	step.before = begun ? &no_flow : live_or_none(&result->before, replay->now_ns);
	step.after = live_or_none(&result->after, replay->now_ns);
	tell(replay, frame, &step);
}

static int run_program(struct sw_replay *replay, const struct sw_frame *frame)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame->bytes,
		    .data_size_in = frame->captured < HEAD_MAX ? frame->captured : HEAD_MAX,
		    .repeat = 1);
	int err;

	replay->object->bss->offline_now_ns = replay->now_ns;
	replay->object->bss->offline_wire_length = frame->length;
	err = bpf_prog_test_run_opts(replay->prog_fd, &run);
	if (err)
		return sw_fail(err, NULL, "run the BPF program on frame %llu", frame->number);
	take_result(replay, frame);
	return 0;
}

static int run_frame(struct sw_replay *replay, const struct sw_frame *frame)
{
	int done;

	replay->now_ns = frame->time_ns > replay->now_ns ? frame->time_ns : replay->now_ns + 1;
	if (frame->captured == 0) {
		replay->unknown_link++;
		return 0;
	}
	if (frame->captured < SW_ETHERNET_BYTES) {
		replay->counts[SW_TRUNCATED]++;
		return 0;
	}
	done = check_checksum(replay, frame);
	if (done)
		return done < 0 ? done : 0;
	done = run_program(replay, frame);
	if (!done && replay->records >= replay->sweep_at)
		done = sweep(replay);
	return done;
}

/* --- The whole capture ---------------------------------------------------------------------- */

static int run_frames(struct sw_replay *replay, struct sw_capture *capture)
{
	struct sw_frame frame;
	int got = 1, err = 0;

	sw_progress_begin(&replay->progress, capture, replay->sink.segment);
	while (!err && (got = sw_capture_next(capture, &frame)) > 0) {
		err = run_frame(replay, &frame);
		sw_progress_step(&replay->progress, capture);
	}
	err = err ?: end_flows(replay, ~0ULL, 0);
	replay->frames = capture->number;
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

int sw_replay_say(const struct sw_replay *replay)
{
	static const enum sw_counter noted[] = { SW_TRUNCATED, SW_BAD_CHECKSUM, SW_BAD_IP,
						 SW_BAD_TCP,   SW_FRAGMENT,     SW_EXT_HEADER,
						 SW_VLAN_DEEP };

	for (size_t i = 0; i < sizeof(noted) / sizeof(noted[0]); i++)
		if (replay->counts[noted[i]])
			sw_say("%llu %s %s", replay->counts[noted[i]], sw_counter_name(noted[i]),
			       sw_counter_help(noted[i]));
	if (replay->senders)
		sw_senders_say(replay->senders);
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
