// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * One run over the capture, before the first wrong checksum is judged. A lane is one direction of one
 * flow: how far its right segments have come, and the last wrong ones beyond that. The peer's
 * acknowledgement tells what it took of these.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay/senders.h"
#include "text/flow_view.h"
#include "text/report.h"

#define SENDER_SLOTS 65536
#define LANES        16384
#define WRONG_MAX    16

struct sw_sender {
	__u32 good, bad;
	bool offloads;
};

struct sw_lane {
	__u32 flow; /* hash of the flow's key and the sender; 0: free */
	__u32 good_end; /* one past the highest right sequence number */
	bool any_good;
	__u8 count;
	struct wrong {
		__u64 frame;
		__u32 end;
	} wrong[WRONG_MAX];
};

/* --- Tables --------------------------------------------------------------------------------- */

static __u32 mix(const void *data, size_t words, __u32 mixed)
{
	const __u8 *p = data;

	for (size_t i = 0; i < words; i++, p += 4) {
		__u32 word;

		memcpy(&word, p, sizeof(word));
		mixed = (mixed ^ word) * 2654435761U;
		mixed ^= mixed >> 15;
	}
	return mixed;
}

static struct sw_sender *sender_of(struct sw_senders *senders, const void *address)
{
	return &senders->sender[mix(address, 4, 0) % SENDER_SLOTS];
}

/* The lane of one end of a segment's flow; another flow's that was there is forgotten. */
static struct sw_lane *lane_of(struct sw_senders *senders, const struct sw_segment *seg, int end)
{
	__u32 flow = mix(&seg->key, sizeof(seg->key) / 4, (__u32)end + 1) | 1;
	struct sw_lane *lane = &senders->lane[flow / 2 % LANES];

	if (lane->flow != flow)
		*lane = (struct sw_lane){ .flow = flow };
	return lane;
}

static int keep_taken(struct sw_senders *senders, __u64 frame)
{
	if (senders->count == senders->room) {
		size_t room = senders->room ? 2 * senders->room : 1024;
		__u64 *taken = reallocarray(senders->taken, room, sizeof(*taken));

		if (!taken)
			return -ENOMEM;
		senders->taken = taken;
		senders->room = room;
	}
	senders->taken[senders->count++] = frame;
	return 0;
}

/* --- The survey ----------------------------------------------------------------------------- */

static __u32 end_of(const struct sw_segment *seg)
{
	return seg->seq + seg->length + !!(seg->flags & SW_TCP_SYN) + !!(seg->flags & SW_TCP_FIN);
}

/* Takes what is not beyond `end` off the lane's wrong ones; they are kept if they were taken. */
static int settle(struct sw_senders *senders, struct sw_lane *lane, __u32 end, bool taken)
{
	__u8 left = 0;
	int err = 0;

	for (__u8 i = 0; i < lane->count; i++) {
		if (sw_seq_after(lane->wrong[i].end, end))
			lane->wrong[left++] = lane->wrong[i];
		else if (taken)
			err = err ?: keep_taken(senders, lane->wrong[i].frame);
	}
	lane->count = left;
	return err;
}

static void note_wrong(struct sw_lane *lane, const struct sw_segment *seg, __u64 frame)
{
	__u32 end = end_of(seg);

	if (end == seg->seq || (lane->any_good && !sw_seq_after(end, lane->good_end)))
		return;
	if (lane->count == WRONG_MAX)
		memmove(lane->wrong, lane->wrong + 1, --lane->count * sizeof(lane->wrong[0]));
	lane->wrong[lane->count++] = (struct wrong){ frame, end };
}

static void note_right(struct sw_senders *senders, struct sw_lane *lane,
		       const struct sw_segment *seg)
{
	__u32 end = end_of(seg);

	if (!lane->any_good || sw_seq_after(end, lane->good_end))
		lane->good_end = end;
	lane->any_good = true;
	if (end != seg->seq)
		settle(senders, lane, end, false);
}

static int note(struct sw_senders *senders, const struct sw_frame *frame)
{
	struct sw_cursor cursor = { .base = frame->bytes,
				    .end = frame->bytes + frame->captured,
				    .wire_length = frame->length };
	struct sw_segment seg = {};
	struct sw_packet packet;
	enum sw_checksum sum;

	if (frame->unknown_link || frame->waits || sw_parse_network(&cursor, &packet) ||
	    sw_parse_transport(&cursor, &packet, &seg))
		return 0;
	sum = sw_checksum_of(frame, &packet);
	if (sum == SW_CHECKSUM_GOOD)
		sender_of(senders, packet.from)->good++;
	if (sum == SW_CHECKSUM_BAD) {
		sender_of(senders, packet.from)->bad++;
		note_wrong(lane_of(senders, &seg, seg.sender), &seg, frame->number);
		return 0;
	}
	note_right(senders, lane_of(senders, &seg, seg.sender), &seg);
	if (!(seg.flags & SW_TCP_ACK))
		return 0;
	return settle(senders, lane_of(senders, &seg, !seg.sender), seg.ack, true);
}

static int by_number(const void *a, const void *b)
{
	const __u64 *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

static int survey(struct sw_senders *senders, const struct sw_capture_source *source,
		  struct sw_capture *capture)
{
	struct sw_frame frame;
	int err = sw_capture_open(capture, source);

	if (err)
		return err;
	while (!err && sw_capture_next(capture, &frame) > 0)
		err = note(senders, &frame);
	sw_capture_close(capture);
	if (senders->count)
		qsort(senders->taken, senders->count, sizeof(senders->taken[0]), by_number);
	free(senders->lane);
	senders->lane = NULL;
	return err ? sw_fail(err, NULL, "check the checksums of %s", source->name) : 0;
}

int sw_senders_survey(struct sw_senders *senders, const struct sw_capture_source *source)
{
	struct sw_capture *capture = calloc(1, sizeof(*capture));
	int err;

	senders->sender = calloc(SENDER_SLOTS, sizeof(*senders->sender));
	senders->lane = calloc(LANES, sizeof(*senders->lane));
	if (capture && senders->sender && senders->lane)
		err = survey(senders, source, capture);
	else
		err = sw_fail(-ENOMEM, NULL, "check the checksums of %s", source->name);
	free(capture);
	return err;
}

/* --- Afterwards ----------------------------------------------------------------------------- */

static bool offloads(struct sw_senders *senders, const __u8 address[16])
{
	struct sw_sender *sender = sender_of(senders, address);

	if (sender->good)
		return false;
	if (sender->offloads)
		return true;
	sender->offloads = true;
	if (senders->offloading < SW_SENDERS_TOLD)
		memcpy(senders->first[senders->offloading], address, 16);
	senders->offloading++;
	return true;
}

bool sw_senders_excuse(struct sw_senders *senders, __u64 frame, const __u8 address[16])
{
	if (offloads(senders, address))
		return true;
	if (!senders->count ||
	    !bsearch(&frame, senders->taken, senders->count, sizeof(senders->taken[0]), by_number))
		return false;
	senders->believed++;
	return true;
}

void sw_senders_say(const struct sw_senders *senders)
{
	char name[INET6_ADDRSTRLEN];

	for (__u64 i = 0; i < senders->offloading && i < SW_SENDERS_TOLD; i++)
		sw_say("every checksum of %s is wrong: taken for right, its NIC fills them in",
		       sw_address_name(senders->first[i], name));
	if (senders->offloading > SW_SENDERS_TOLD)
		sw_say("so is every checksum of %llu more senders",
		       senders->offloading - SW_SENDERS_TOLD);
	if (senders->believed)
		sw_say("%llu segments with a wrong checksum taken for right: they were "
		       "acknowledged",
		       senders->believed);
}

void sw_senders_free(struct sw_senders *senders)
{
	free(senders->sender);
	free(senders->lane);
	free(senders->taken);
	*senders = (struct sw_senders){};
}
