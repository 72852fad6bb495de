/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Proxy's rules: the SYN that a proved client's ACK becomes, what the service's SYN+ACK tells, the ACK
 * that this becomes in its turn, and from then on the other numbers of every segment. A TCP header is
 * 16 words as on the wire, its options included, 0 where there are none; checksums change by the
 * difference of what changed (RFC 1624).
 *
 *      towards the service   ack, TSecr, SACK blocks   less the shift
 *      towards the client    seq, TSval                plus the shift
 */
#ifndef SYNWARD_TRANSLATE_H
#define SYNWARD_TRANSLATE_H

#include <synward/cookie.h>
#include <synward/parse.h>
#include <synward/proxy.h>
#include <synward/reply.h>
#include <synward/segment.h>
#include <synward/wire.h>

#define SW_HEADER_WORDS    16 /* 15, and one that is read before the length is believed */
#define SW_TIMESTAMP_WORDS 3 /* as Linux sends it, behind two NOPs */

/* --- The handshake with the service ----------------------------------------------------------- */

/* A connection begins: what the ACK says that brought the cookie back, and what the cookie kept. */
SW_INLINE void sw_proxy_begin(struct sw_proxied *p, const struct sw_segment *ack,
			      const struct sw_offer *offer, __u64 now)
{
	__builtin_memset(p, 0, sizeof(*p));
	p->stage = PROXY_OPENING;
	p->syn_ns = p->seen_ns = now;
	p->client = ack->sender;
	p->isn = ack->ack - 1;
	p->client_isn = ack->seq - 1;
	p->tsval = ack->tsval;
	p->tsecr = ack->tsecr;
	p->window = ack->window;
	p->mss = offer->mss;
	p->tstamp_ok = offer->tstamp_ok;
	p->sack_ok = offer->sack_ok;
	p->ecn_ok = offer->ecn_ok;
	p->wscale_ok = offer->wscale_ok;
	p->client_wscale = offer->wscale;
	p->own_wscale = offer->own_wscale;
}

/* The same number of bytes by another shift count. What is more than nothing stays more. */
SW_INLINE __u16 sw_rescale(__u16 window, __u8 from, __u8 to)
{
	__u32 units = (__u32)window << (from & 15) >> (to & 15);

	if (units > 0xffff)
		return 0xffff;
	return window && !units ? 1 : (__u16)units;
}

/* The client's SYN, as it was. The first word, the ports, is there already. Returns its words. */
SW_INLINE __u32 sw_proxy_syn(const struct sw_proxied *p, __u32 *tcp)
{
	const struct sw_offer offer = {
		.tstamp_ok = p->tstamp_ok,
		.sack_ok = p->sack_ok,
		.wscale_ok = p->wscale_ok,
		.own_wscale = p->client_wscale,
	};
	__u16 window = sw_rescale(p->window, p->wscale_ok ? p->client_wscale : 0, 0);
	__u32 flags = SW_TCP_SYN | (p->ecn_ok ? SW_TCP_ASKS_FOR_ECN : 0), words;

	words = SW_TCP_WORDS + sw_reply_options(tcp + SW_TCP_WORDS, &offer, p->mss, p->tsval, 0);
	tcp[1] = sw_wire32(p->client_isn);
	tcp[2] = 0;
	tcp[3] = sw_wire32(words << 28 | flags << 16 | window);
	return words;
}

/* It answers the SYN that was made of this connection. */
SW_INLINE bool sw_proxy_is_answer(const struct sw_proxied *p, const struct sw_segment *seg)
{
	return seg->ack == p->client_isn + 1;
}

/* The service's SYN+ACK: from now on there is something to translate. */
SW_INLINE void sw_proxy_answered(struct sw_proxied *p, const struct sw_segment *syn_ack)
{
	p->shift = p->isn - syn_ack->seq;
	p->clock_shift = p->tsecr - syn_ack->tsval;
	p->tstamp_ok &= syn_ack->has_tsval;
	p->service_scales = syn_ack->has_wscale;
	p->service_wscale = syn_ack->wscale;
}

SW_INLINE __u32 sw_swap_ports(__u32 ports)
{
	return ports << 16 | ports >> 16;
}

/* The ACK that the client sent once, in its own numbers, of a SYN+ACK whose ports are `ports`. */
SW_INLINE __u32 sw_proxy_ack(const struct sw_proxied *p, __u32 *tcp, __u32 ports, bool data,
			     bool fin)
{
	__u32 flags = SW_TCP_ACK | (data ? SW_TCP_PSH : 0) | (fin ? SW_TCP_FIN : 0);
	__u32 words = SW_TCP_WORDS;

	tcp[0] = sw_swap_ports(ports);
	tcp[1] = sw_wire32(p->client_isn + 1);
	tcp[2] = sw_wire32(p->isn + 1);
	if (p->tstamp_ok) {
		tcp[5] = sw_wire32(SW_WORD_TIMESTAMP);
		tcp[6] = sw_wire32(p->tsval);
		tcp[7] = sw_wire32(p->tsecr);
		words += SW_TIMESTAMP_WORDS;
	}
	tcp[3] = sw_wire32(words << 28 | flags << 16 | p->window);
	return words;
}

/* The answer to a segment for which there is no connection (RFC 9293, 3.10.7.1). */
SW_INLINE __u32 sw_proxy_reset(__u32 *tcp, __u32 ports, __u32 seq)
{
	tcp[0] = sw_swap_ports(ports);
	tcp[1] = sw_wire32(seq);
	tcp[2] = 0;
	tcp[3] = sw_wire32(SW_TCP_WORDS << 28 | SW_TCP_RST << 16);
	return SW_TCP_WORDS;
}

/* A SYN that nobody answered goes out again after 1, 2 and 4 s; after 8 s more it is given up. */
#define SW_PROXY_TRIES 3

SW_INLINE bool sw_proxy_is_overdue(const struct sw_proxied *p, __u64 now)
{
	return now >= p->syn_ns + (SW_NS_PER_S << (p->tries & 7));
}

/*
 * What the client may send before its service has answered: what fits into two segments behind us. With one,
 * Linux would cut its own into halves, since a window is to have room for two (tcp_bound_to_half_wnd()), and
 * hold back the last of them (RFC 896).
 */
#define SW_KEPT_PIECES 2

SW_INLINE __u16 sw_kept_room(__u16 mss)
{
	__u32 room = SW_KEPT_PIECES * (mss - 4U * SW_TIMESTAMP_WORDS);

	return (__u16)(room < SW_KEPT_MAX ? room : SW_KEPT_MAX);
}

/* --- Segments of an open connection ----------------------------------------------------------- */

enum sw_direction {
	SW_INWARD, /* from the client to its service */
	SW_OUTWARD,
};

/* Writes the word, and returns by how much the sum of all words has changed. */
SW_INLINE __u64 sw_write_word(__u32 *word, __u32 value)
{
	__u64 difference = (__u64)(__u32) ~*word + value;

	*word = value;
	return difference;
}

SW_INLINE __u64 sw_shift_word(__u32 *word, __u32 shift)
{
	return sw_write_word(word, sw_wire32(sw_wire32(*word) + shift));
}

SW_INLINE void sw_shift_bytes(__u8 *bytes, __u32 shift)
{
	__u32 value = SW_FOUR_BYTES(bytes[0], bytes[1], bytes[2], bytes[3]) + shift;

	bytes[0] = (__u8)(value >> 24);
	bytes[1] = (__u8)(value >> 16);
	bytes[2] = (__u8)(value >> 8);
	bytes[3] = (__u8)value;
}

/* The edges of its blocks (RFC 2018, 3), of an option at `at` of so many bytes. */
SW_INLINE void sw_shift_sack(__u8 *options, __u32 at, __u32 length, __u32 shift)
{
	for (__u32 edge = 2; edge + 4 <= SW_TCP_OPTION_BYTES_MAX - 4; edge += 4) {
		__u32 place = sw_opaque(at + edge);

		if (edge + 4 > length || place > SW_TCP_OPTION_BYTES_MAX - 4)
			break;
		sw_shift_bytes(options + place, shift);
	}
}

SW_INLINE void sw_translate_option(const struct sw_proxied *p, __u8 *options, __u32 at,
				   __u32 length, bool ack, enum sw_direction direction)
{
	if (options[at] == SW_OPT_TIMESTAMP && length == SW_OPT_TIMESTAMP_LENGTH && p->tstamp_ok &&
	    at <= SW_TCP_OPTION_BYTES_MAX - SW_OPT_TIMESTAMP_LENGTH) {
		if (direction == SW_OUTWARD)
			sw_shift_bytes(options + at + 2, p->clock_shift);
		else if (ack)
			sw_shift_bytes(options + at + 6, -p->clock_shift);
	} else if (options[at] == SW_OPT_SACK && direction == SW_INWARD) {
		sw_shift_sack(options, at, length, -p->shift);
	}
}

/* Walks as sw_decode_options() does: `walk` is where it stands. */
SW_INLINE void sw_translate_list(const struct sw_proxied *p, __u8 *options, __u32 bytes, bool ack,
				 enum sw_direction direction, __u8 *walk)
{
	*walk = 0;
	for (int turn = 0; turn < SW_TCP_OPTION_BYTES_MAX; turn++) {
		__u32 at, length;

		SW_PHASE();
		at = sw_opaque(*walk);
		length = sw_option_length(options, at, bytes);
		if (!length)
			return;
		*walk = (__u8)(at + length);
		sw_translate_option(p, options, at, length, ack, direction);
	}
}

SW_INLINE __u64 sw_translate_options(const struct sw_proxied *p, __u32 *tcp, __u32 words, bool ack,
				     enum sw_direction direction, __u8 *walk)
{
	__u64 sum = 0;

	if (words == SW_TCP_WORDS)
		return 0;
	if (words == SW_TCP_WORDS + SW_TIMESTAMP_WORDS && tcp[5] == sw_wire32(SW_WORD_TIMESTAMP)) {
		if (!p->tstamp_ok)
			return 0;
		if (direction == SW_OUTWARD)
			return sw_shift_word(&tcp[6], p->clock_shift);
		return ack ? sw_shift_word(&tcp[7], -p->clock_shift) : 0;
	}
	SW_UNROLL
	for (int i = SW_TCP_WORDS; i < SW_HEADER_WORDS; i++)
		sum += (__u32)~tcp[i];
	sw_translate_list(p, (__u8 *)&tcp[SW_TCP_WORDS], 4 * (words - SW_TCP_WORDS), ack, direction,
			  walk);
	return sw_sum_words(sum, &tcp[SW_TCP_WORDS], SW_HEADER_WORDS - SW_TCP_WORDS);
}

SW_INLINE __u64 sw_translate_window(const struct sw_proxied *p, __u32 *word,
				    enum sw_direction direction)
{
	__u8 client = p->wscale_ok ? p->client_wscale : 0, own = p->wscale_ok ? p->own_wscale : 0;
	__u32 old = sw_wire32(*word);
	__u16 window = (__u16)old;

	if (direction == SW_INWARD)
		window = sw_rescale(window, client, p->service_scales ? client : 0);
	else
		window = sw_rescale(window, p->service_scales ? p->service_wscale : 0, own);
	return sw_write_word(word, sw_wire32((old & 0xffff0000) | window));
}

/*
 * A segment of an open connection, no SYN, gets the numbers of its other side. Returns by how much the sum
 * of its words has changed. *walk is the room of sw_translate_list().
 */
SW_INLINE __u64 sw_translate(const struct sw_proxied *p, __u32 *tcp, enum sw_direction direction,
			     __u8 *walk)
{
	__u32 third = sw_wire32(tcp[3]), words = third >> 28;
	bool ack = third >> 16 & SW_TCP_ACK;
	__u64 sum = 0;

	if (direction == SW_OUTWARD)
		sum = sw_shift_word(&tcp[1], p->shift);
	else if (ack)
		sum = sw_shift_word(&tcp[2], -p->shift);
	sum += sw_translate_window(p, &tcp[3], direction);
	return sum + sw_translate_options(p, tcp, words, ack, direction, walk);
}

#endif
