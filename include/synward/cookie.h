/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The cookie: an ISN that is its own memory of the SYN it answers.
 *
 * RFC 9293, 3.4.1 and RFC 6528 choose ISN = M + F(local, remote): M a clock, F a keyed hash. A
 * cookie is the same rule, seen from the client's ISN, with the clock at a coarser hand. A tick of
 * 2^-18 s (3.8 us) makes 2^32 ticks 4.55 hours and 2^24 ticks an epoch of 64 s; so the top 8 bits
 * count epochs, and the low 24 are free:
 *
 *      ISN = client's ISN + F1 + (epoch << 24) + (MAC << 8) + options
 *
 *      31       24 23                  8 7   5 4   2  1    0
 *      |  epoch   |        MAC          | MSS | scale|SACK|ECN|
 *
 *      F1      low 32 bits of F = SipHash-2-4(k_isn; tuple)
 *      MAC     low 16 bits of H = SipHash-2-4(k_mac; F, client's ISN, full epoch, all options)
 *
 * Where the client offered timestamps, the SYN+ACK's TSval, which comes back as TSecr, holds more:
 *
 *      31                       8 7         4 3         0
 *      |  24 more bits of H      | own scale | its scale |
 *
 * So a random ACK passes with 2^-23, and with timestamps with 2^-47. F stays for a pair of
 * endpoints: from one epoch to the next, while a client's ISNs grow, so do the answers, on which
 * TIME_WAIT rests. (Within an epoch they may fall by 2^24; there the kernel, which knows the old
 * numbers, answers: it has a socket in TIME_WAIT.) H covers every option, and F stands in it for the
 * tuple: the tuple is hashed once.
 */
#ifndef SYNWARD_COOKIE_H
#define SYNWARD_COOKIE_H

#include <synward/guard.h>
#include <synward/segment.h>
#include <synward/siphash.h>
#include <synward/stats.h>
#include <synward/wire.h>

#define SW_EPOCH_NS (64 * SW_NS_PER_S)

/* Cookies of this epoch and of the one before are good. */
#define SW_COOKIE_EPOCHS 2

struct sw_cookie {
	__u32 isn;
	__u32 tsval; /* if tstamp_ok */
};

/* 64 s epochs of the wall clock, so that hosts with one key agree. */
SW_INLINE __u64 sw_cookie_epoch(__u64 wall_ns)
{
	return wall_ns / SW_EPOCH_NS;
}

/* --- Options -------------------------------------------------------------------------------- */

/*
 * What clients offer: X(index, value). A value between two is taken for the smaller. MSS: the default of
 * RFC 9293, 3.7.1, that of IPv6's minimum MTU, tunnels, Ethernet over IPv6, PPPoE, Ethernet, jumbo frames
 * (over IPv6; over IPv4 it is 8960). Scale index 0 is none.
 */
#define SW_COOKIE_MSS(X) \
	X(0, 536) X(1, 1220) X(2, 1300) X(3, 1400) X(4, 1440) X(5, 1452) X(6, 1460) X(7, 8940)
#define SW_COOKIE_WSCALE(X) X(1, 0) X(2, 2) X(3, 4) X(4, 6) X(5, 7) X(6, 8) X(7, 10)

#define SW_COOKIE_MSS_MIN SW_MSS_DEFAULT_IPV4

#define SW_FLOOR_INDEX(index, value) \
	if (offered >= (value))      \
		found = (index);
#define SW_INDEX_VALUE(index, value) \
	case (index):                \
		return (value);

SW_INLINE __u32 sw_cookie_mss_index(int offered)
{
	__u32 found = 0;

	SW_COOKIE_MSS(SW_FLOOR_INDEX)
	return found;
}

SW_INLINE __u16 sw_cookie_mss(__u32 index)
{
	switch (index) {
		SW_COOKIE_MSS(SW_INDEX_VALUE)
	}
	return SW_COOKIE_MSS_MIN;
}

SW_INLINE __u32 sw_cookie_wscale_index(int offered)
{
	__u32 found = 1;

	SW_COOKIE_WSCALE(SW_FLOOR_INDEX)
	return found;
}

SW_INLINE __u8 sw_cookie_wscale(__u32 index)
{
	switch (index) {
		SW_COOKIE_WSCALE(SW_INDEX_VALUE)
	}
	return 0;
}

#undef SW_FLOOR_INDEX
#undef SW_INDEX_VALUE

#define SW_OPTIONS_MSS_SHIFT    5
#define SW_OPTIONS_WSCALE_SHIFT 2
#define SW_OPTIONS_SACK         0x02
#define SW_OPTIONS_ECN          0x01

SW_INLINE __u32 sw_pack_options(const struct sw_offer *offer)
{
	__u32 wscale = offer->wscale_ok ? sw_cookie_wscale_index(offer->wscale) : 0;

	return sw_cookie_mss_index(offer->mss) << SW_OPTIONS_MSS_SHIFT |
	       wscale << SW_OPTIONS_WSCALE_SHIFT | (offer->sack_ok ? SW_OPTIONS_SACK : 0) |
	       (offer->ecn_ok ? SW_OPTIONS_ECN : 0);
}

/* Timestamps carry both shift counts as they are. */
SW_INLINE __u32 sw_pack_scales(const struct sw_offer *offer)
{
	if (!offer->tstamp_ok || !offer->wscale_ok)
		return 0;
	return (__u32)(offer->own_wscale & 15) << 4 | (offer->wscale & 15);
}

/* own_wscale comes in as this host would offer it now. */
SW_INLINE void sw_unpack(struct sw_offer *offer, __u32 options, __u32 scales)
{
	__u32 wscale = options >> SW_OPTIONS_WSCALE_SHIFT & 7;

	offer->mss = sw_cookie_mss(options >> SW_OPTIONS_MSS_SHIFT & 7);
	offer->wscale_ok = wscale != 0;
	offer->wscale = sw_cookie_wscale(wscale);
	offer->sack_ok = !!(options & SW_OPTIONS_SACK);
	offer->ecn_ok = !!(options & SW_OPTIONS_ECN);
	if (offer->tstamp_ok && offer->wscale_ok) {
		offer->wscale = scales & 15;
		offer->own_wscale = scales >> 4 & 15;
	}
}

/* --- Hashes --------------------------------------------------------------------------------- */

/* Four bytes as they lie in memory, the first one lowest. */
SW_INLINE __u64 sw_wire_word(__u32 word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap32(word);
#endif
	return word;
}

SW_INLINE __u64 sw_wire_pair(const __u32 *words)
{
	return sw_wire_word(words[0]) | sw_wire_word(words[1]) << 32;
}

/*
 * F: local address, remote address, local port, remote port, as on the wire; 12 bytes for IPv4, 36
 * for IPv6. The packet comes from the remote end.
 */
SW_INLINE __u64 sw_cookie_f(const struct sw_keys *keys, const struct sw_packet *packet,
			    __u16 local_port, __u16 remote_port)
{
	__u64 ports = __builtin_bswap32((__u32)local_port << 16 | remote_port);
	struct sw_sip sip = sw_sip_begin(keys->isn);

	if (packet->ipv4) {
		sw_sip_word(&sip, sw_wire_word(packet->to[3]) | sw_wire_word(packet->from[3])
									<< 32);
		return sw_sip_end(&sip, sw_sip_last(ports, 12));
	}
	sw_sip_word(&sip, sw_wire_pair(&packet->to[0]));
	sw_sip_word(&sip, sw_wire_pair(&packet->to[2]));
	sw_sip_word(&sip, sw_wire_pair(&packet->from[0]));
	sw_sip_word(&sip, sw_wire_pair(&packet->from[2]));
	return sw_sip_end(&sip, sw_sip_last(ports, 36));
}

/* The slot whose key begins to serve later; an empty one is later than any. */
SW_INLINE int sw_mac_newer(const struct sw_keys *keys)
{
	return keys->mac[1].first_epoch > keys->mac[0].first_epoch;
}

/* The key that serves in this epoch; a key that nobody has set yet never does. */
SW_INLINE const __u64 *sw_mac_key(const struct sw_keys *keys, __u64 epoch)
{
	bool second_is_newer = sw_mac_newer(keys);
	__u64 newer = keys->mac[second_is_newer].first_epoch;
	bool second = epoch >= newer ? second_is_newer : !second_is_newer;

	return second ? keys->mac[1].key : keys->mac[0].key;
}

/*
 * H: F (8 bytes), client's ISN (4), epoch (4), lowest byte first; options, timestamps or not, scales
 * (1 each).
 */
SW_INLINE __u64 sw_cookie_h(const struct sw_keys *keys, __u64 f, __u32 client_isn, __u64 epoch,
			    __u32 options, __u32 scales, bool tstamp_ok)
{
	struct sw_sip sip = sw_sip_begin(sw_mac_key(keys, epoch));
	__u64 rest = options | (__u64)tstamp_ok << 8 | (__u64)scales << 16;

	sw_sip_word(&sip, f);
	sw_sip_word(&sip, client_isn | epoch << 32);
	return sw_sip_end(&sip, sw_sip_last(rest, 19));
}

/* --- Making and checking -------------------------------------------------------------------- */

/* The answer to this SYN, in this epoch; a SYN sent again gets the same one. */
SW_INLINE struct sw_cookie sw_cookie_make(const struct sw_keys *keys,
					  const struct sw_packet *packet, __u16 local_port,
					  __u16 remote_port, __u32 client_isn, __u64 epoch,
					  const struct sw_offer *offer)
{
	__u64 f = sw_cookie_f(keys, packet, local_port, remote_port);
	__u32 options = sw_pack_options(offer), scales = sw_pack_scales(offer);
	__u64 h = sw_cookie_h(keys, f, client_isn, epoch, options, scales, offer->tstamp_ok);

	return (struct sw_cookie){
		.isn = client_isn + (__u32)f + ((__u32)epoch << 24) + ((__u32)(h & 0xffff) << 8) +
		       options,
		.tsval = (__u32)(h >> 16) << 8 | scales,
	};
}

/*
 * Is this what a client sends who got our answer? seq and ack are the segment's; tsecr counts if
 * offer->tstamp_ok says that it bore a timestamp. SW_NONE: it is, and *offer holds what its SYN
 * offered, save own_wscale without timestamps, which stays. SW_COOKIE_OLD after one hash,
 * SW_COOKIE_BAD after two.
 */
SW_INLINE enum sw_counter sw_cookie_check(const struct sw_keys *keys,
					  const struct sw_packet *packet, __u16 local_port,
					  __u16 remote_port, __u32 seq, __u32 ack, __u32 tsecr,
					  __u64 now_epoch, struct sw_offer *offer)
{
	__u64 f = sw_cookie_f(keys, packet, local_port, remote_port), h;
	__u32 client_isn = seq - 1, word = ack - 1 - client_isn - (__u32)f;
	__u32 age = (__u8)(now_epoch - (word >> 24));
	__u32 options = word & 0xff, scales = offer->tstamp_ok ? tsecr & 0xff : 0;

	if (age >= SW_COOKIE_EPOCHS)
		return SW_COOKIE_OLD;
	h = sw_cookie_h(keys, f, client_isn, now_epoch - age, options, scales, offer->tstamp_ok);
	if ((word >> 8 & 0xffff) != (h & 0xffff))
		return SW_COOKIE_BAD;
	if (offer->tstamp_ok && tsecr >> 8 != (__u32)(h >> 16 & 0xffffff))
		return SW_COOKIE_BAD;
	sw_unpack(offer, options, scales);
	return SW_NONE;
}

#endif
