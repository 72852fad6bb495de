// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Frames. The builder shares nothing with the parser but the struct of a segment.
 */
#include "check.h"
#include "frame.h"

static enum sw_counter parse(const __u8 *bytes, size_t size, size_t wire,
			     struct sw_segment *segment, bool late)
{
	__u8 *copy = malloc(size ? size : 1);
	struct sw_cursor cursor = {
		.base = copy,
		.end = copy + size,
		.wire_length = (__u32)wire,
	};
	struct sw_packet packet = { 0 };
	enum sw_counter stop;

	must(copy, "no memory");
	memcpy(copy, bytes, size);
	memset(segment, 0, sizeof(*segment));
	stop = sw_parse_network(&cursor, &packet);
	if (!stop)
		stop = sw_parse_transport(&cursor, &packet, segment);
	if (!stop && late)
		stop = sw_parse_options(&cursor, &packet, segment);
	if (!stop)
		sw_decode_options(segment);
	free(copy);
	return stop;
}

enum sw_counter frame_parse(const __u8 *bytes, size_t size, size_t wire, struct sw_segment *segment)
{
	return parse(bytes, size, wire, segment, false);
}

enum sw_counter frame_parse_options(const __u8 *bytes, size_t size, size_t wire,
				    struct sw_segment *segment)
{
	return parse(bytes, size, wire, segment, true);
}

static bool golden_is_swapped(const struct golden *g)
{
	int order = memcmp(g->from, g->to, 16);

	return order > 0 || (order == 0 && g->from_port > g->to_port);
}

static const char *key_differs(const struct golden *g, const struct sw_segment *segment)
{
	int from = golden_is_swapped(g), to = !from;

	if (segment->sender != from)
		return "sender";
	if (memcmp(segment->key.addr[from], g->from, 16) ||
	    memcmp(segment->key.addr[to], g->to, 16))
		return "address";
	if (segment->key.port[from] != g->from_port || segment->key.port[to] != g->to_port)
		return "port";
	return NULL;
}

const char *golden_options_differ(const struct golden *g, const struct sw_segment *segment)
{
	if (segment->has_wscale != g->has_wscale || segment->wscale != g->wscale)
		return "window scale";
	if (segment->has_tsval != g->has_tsval || segment->tsval != g->tsval ||
	    segment->tsecr != g->tsecr)
		return "timestamp";
	if (segment->mss != g->mss)
		return "MSS";
	if (segment->sack_ok != g->sack_ok)
		return "SACK permitted";
	return NULL;
}

const char *golden_differs(const struct golden *g, const struct sw_segment *segment)
{
	static const struct golden no_options;
	const char *option = golden_options_differ(g->late ? &no_options : g, segment);
	bool self = !memcmp(g->from, g->to, 16) && g->from_port == g->to_port;

	if (segment->self != self)
		return "self";
	if (segment->seq != g->seq)
		return "seq";
	if (segment->ack != g->ack)
		return "ack";
	if (segment->length != g->length)
		return "length";
	if (segment->flags != g->flags)
		return "flags";
	if (segment->window != g->window)
		return "window";
	if (option)
		return option;
	return key_differs(g, segment);
}

/* --- The builder ------------------------------------------------------------------------------ */

static __u8 *put16(__u8 *p, unsigned int value)
{
	p[0] = (__u8)(value >> 8);
	p[1] = (__u8)value;
	return p + 2;
}

static __u8 *put32(__u8 *p, __u32 value)
{
	return put16(put16(p, value >> 16), value & 0xffff);
}

static __u32 sum_bytes(__u32 sum, const __u8 *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum += i & 1 ? bytes[i] : (__u32)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static bool is_v4(const __u8 *address)
{
	static const __u8 mapped[12] = { [10] = 0xff, 0xff };

	return !memcmp(address, mapped, sizeof(mapped));
}

/* MSS, SACK permitted, window scale, timestamp; what it has of them, each behind NOPs. */
static __u8 *put_options(__u8 *p, const struct sw_segment *segment)
{
	if (segment->mss) {
		p = put16(p, 0x0204);
		p = put16(p, segment->mss);
	}
	if (segment->sack_ok) {
		p = put16(p, 0x0101);
		p = put16(p, 0x0402);
	}
	if (segment->has_wscale) {
		p = put16(p, 0x0103);
		p = put16(p, 0x0300 | segment->wscale);
	}
	if (segment->has_tsval) {
		p = put16(p, 0x0101);
		p = put16(p, 0x080a);
		p = put32(p, segment->tsval);
		p = put32(p, segment->tsecr);
	}
	return p;
}

/* TCP header and data at p; their end. */
static __u8 *put_tcp(__u8 *p, const struct sw_segment *segment)
{
	int from = segment->sender, to = !from;
	__u8 *tcp = p, *options = p + 20;

	p = put16(p, segment->key.port[from]);
	p = put16(p, segment->key.port[to]);
	p = put32(p, segment->seq);
	p = put32(p, segment->ack);
	p = put16(p, segment->flags);
	p = put16(p, segment->window);
	put32(p, 0);
	p = put_options(options, segment);
	tcp[12] = (__u8)((p - tcp) / 4 << 4);
	for (__u32 i = 0; i < segment->length; i++)
		*p++ = (__u8)(segment->seq + i);
	return p;
}

static void fill_checksum(__u8 *tcp, const __u8 *end, const struct sw_segment *segment)
{
	__u32 sum = 6 + (__u32)(end - tcp);

	sum = sum_bytes(sum, segment->key.addr[0], 16);
	sum = sum_bytes(sum, segment->key.addr[1], 16);
	/* Mapped addresses add 0xffff twice, which is nothing. */
	sum = sum_bytes(sum, tcp, (size_t)(end - tcp));
	put16(tcp + 16, ~sum & 0xffff);
}

size_t frame_build(const struct sw_segment *segment, __u8 *frame)
{
	static const __u8 macs[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	const __u8 *from = segment->key.addr[segment->sender];
	const __u8 *to = segment->key.addr[!segment->sender];
	bool v4 = is_v4(from);
	__u8 *ip = frame + 14, *tcp = ip + (v4 ? 20 : 40), *end;

	must(segment->length < FRAME_MAX - 200, "a frame can't hold %u bytes", segment->length);
	memcpy(frame, macs, 12);
	put16(frame + 12, v4 ? 0x0800 : 0x86dd);
	memset(ip, 0, 40);
	end = put_tcp(tcp, segment);
	fill_checksum(tcp, end, segment);
	if (v4) {
		put32(ip, 0x45000000 | (__u32)(end - ip));
		put16(ip + 6, 0x4000);
		put16(ip + 8, 0x4006);
		memcpy(ip + 12, from + 12, 4);
		memcpy(ip + 16, to + 12, 4);
		put16(ip + 10, ~sum_bytes(0, ip, 20) & 0xffff);
	} else {
		put32(ip, 0x60000000);
		put16(ip + 4, (unsigned int)(end - tcp));
		put16(ip + 6, 0x0640);
		memcpy(ip + 8, from, 16);
		memcpy(ip + 24, to, 16);
	}
	return (size_t)(end - frame);
}

void frame_mend(__u8 *frame, size_t size)
{
	bool v4 = frame[12] == 0x08;
	__u8 *ip = frame + 14, *tcp = ip + (v4 ? 20 : 40), *addresses = ip + (v4 ? 12 : 8);
	size_t bytes = size - (size_t)(tcp - frame);
	__u32 sum = sum_bytes(6 + (__u32)bytes, addresses, (size_t)(tcp - addresses));

	put16(tcp + 16, 0);
	put16(tcp + 16, ~sum_bytes(sum, tcp, bytes) & 0xffff);
	if (!v4)
		return;
	put16(ip + 10, 0);
	put16(ip + 10, ~sum_bytes(0, ip, 20) & 0xffff);
}
