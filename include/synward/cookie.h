/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The cookie: an ISN that is its own memory of the SYN it answers.
 *
 * RFC 9293, 3.4.1 and RFC 6528 choose ISN = M + F(local, remote): M a clock, F a keyed hash. A
 * cookie is the same rule, seen from the client's ISN, with the clock at a coarser hand. A tick of
 * 2^-18 s (3.8 us) makes 2^32 ticks 4.55 hours and 2^24 ticks an epoch of 64 s; so the top 8 bits
 * count epochs, and the low 24 are free:
 *
 *      ISN = client's ISN + F1 + (epoch << 24) + (MAC << 7) + options
 *
 *      31       24 23                   7 6   4 3          0
 *      |  epoch   |         MAC          | MSS | its other |
 *
 *      F1      low 32 bits of F = SipHash-2-4(k_isn; tuple)
 *      MAC     low 17 bits of H = SipHash-2-4(k_mac; F, client's ISN, full epoch, options)
 *
 * Its other options, scale, SACK and ECN, are one of 15 combinations (of which most hosts offer but a
 * few). The 16th says that the client offered timestamps: then the SYN+ACK's TSval, which comes back as
 * TSecr, holds them exactly, and what its MSS is beyond the one of the table:
 *
 *      31        23 22          10  9    8    7         4 3         0
 *      |    tag    | rest of MSS |SACK|ECN| own scale | its scale |
 *
 *      tag     bits 38 to 46 of (the high 47 bits of H, made odd) * (the 23 bits below it, and bit 23)
 *
 * So 128 ACK numbers of an epoch are good for a tuple, 256 of 2^32 in all, and a random ACK passes with
 * 2^-24; with timestamps 2^-37, since 8 are, and the tag is 9 bits more. (Linux' own: 8 of 2^32.)
 *
 * Is a tag of 9 bits enough? A design with 24, and no room for exact options, would come to 2^-48 with
 * timestamps; but a forger may leave them out, since a client who does is served, too, and then has 2^-24
 * whatever the tag. It keeps a TSecr that is not ours from becoming an offer, in 511 of 512 cases; and who
 * alters his own offer harms his own connection. What does the client see in such a TSval? Any number: the
 * kernel's clock goes on from it (sw_assign()), so that to PAWS all later ones grow. Two SYN+ACKs of one
 * handshake may bear any two: in SYN_SENT none is compared (RFC 7323, 5.3), and later the second is an old copy.
 * RTT is taken from the client's own TSval, which is echoed as it came.
 *
 * F stays for a pair of endpoints: from one epoch to the next, while a client's ISNs grow, so do the answers, on
 * which TIME_WAIT rests. (Within an epoch they may fall by 2^24; there the kernel, which knows the old
 * numbers, answers: it has a socket in TIME_WAIT.) H covers the options, and F stands in it for the
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
 * MSS: X(index, value); a value between two is taken for the smaller. The default of RFC 9293, 3.7.1;
 * scanners and tests; VPNs; that of IPv6's minimum MTU; tunnels; Ethernet over IPv6; Ethernet; jumbo
 * frames (over IPv6; over IPv4 it is 8960). From 1000 to 1460 nobody loses more than 12 %.
 */
#define SW_COOKIE_MSS(X) \
	X(0, 536) X(1, 1000) X(2, 1120) X(3, 1220) X(4, 1360) X(5, 1440) X(6, 1460) X(7, 8940)

/*
 * Scale, SACK and ECN where there are no timestamps: X(code, scale, SACK, ECN); of those that ask for no
 * more than was offered the last. Scaling is kept in any case, and SACK; ECN with the scales that
 * systems have by default.
 */
#define SW_SCALE_NONE 15
/* clang-format off */
#define SW_COOKIE_CODES(X)                                                  \
	X(0, SW_SCALE_NONE, 0, 0)  X(1, SW_SCALE_NONE, 1, 0)                \
	X(2, 0, 0, 0)   X(3, 4, 0, 0)   X(4, 7, 0, 0)                       \
	X(5, 0, 1, 0)   X(6, 2, 1, 0)   X(7, 4, 1, 0)   X(8, 6, 1, 0)       \
	X(9, 7, 1, 0)   X(10, 7, 1, 1)  X(11, 8, 1, 0)  X(12, 8, 1, 1)      \
	X(13, 10, 1, 0) X(14, 10, 1, 1)
/* clang-format on */

#define SW_CODE_TIMESTAMPS 15 /* TSval says it */

#define SW_COOKIE_MSS_MIN  SW_MSS_DEFAULT_IPV4
#define SW_COOKIE_MSS_REST 0x1fff /* beyond the table's */

SW_INLINE __u32 sw_cookie_mss_index(int offered)
{
	__u32 found = 0;

#define SW_FLOOR_INDEX(index, value) \
	if (offered >= (value))      \
		found = (index);
	SW_COOKIE_MSS(SW_FLOOR_INDEX)
#undef SW_FLOOR_INDEX
	return found;
}

SW_INLINE __u16 sw_cookie_mss(__u32 index)
{
	switch (index) {
#define SW_INDEX_VALUE(index, value) \
	case (index):                \
		return (value);
		SW_COOKIE_MSS(SW_INDEX_VALUE)
#undef SW_INDEX_VALUE
	}
	return SW_COOKIE_MSS_MIN;
}

/* 4 bits: the shift count, or none. */
SW_INLINE __u32 sw_scale_of(const struct sw_offer *offer)
{
	return offer->wscale_ok ? offer->wscale & 15 : SW_SCALE_NONE;
}

SW_INLINE void sw_set_scale(struct sw_offer *offer, __u32 scale)
{
	offer->wscale_ok = scale != SW_SCALE_NONE;
	offer->wscale = offer->wscale_ok ? (__u8)scale : 0;
}

SW_INLINE __u32 sw_cookie_code(const struct sw_offer *offer)
{
	int scale = (int)sw_scale_of(offer);
	__u32 found = 0;

	if (offer->tstamp_ok)
		return SW_CODE_TIMESTAMPS;
#define SW_FITTING_CODE(code, most, sack, ecn)                                          \
	if (((most) == SW_SCALE_NONE) == (scale == SW_SCALE_NONE) && (most) <= scale && \
	    (sack) <= offer->sack_ok && (ecn) <= offer->ecn_ok)                         \
		found = (code);
	SW_COOKIE_CODES(SW_FITTING_CODE)
#undef SW_FITTING_CODE
	return found;
}

/* own_wscale stays. */
SW_INLINE void sw_read_code(struct sw_offer *offer, __u32 code)
{
	switch (code) {
#define SW_CODE_MEANING(code, scale, sack, ecn) \
	case (code):                            \
		sw_set_scale(offer, (scale));   \
		offer->sack_ok = (sack);        \
		offer->ecn_ok = (ecn);          \
		return;
		SW_COOKIE_CODES(SW_CODE_MEANING)
#undef SW_CODE_MEANING
	}
}

#define SW_OPTIONS_BITS      7 /* in the ISN: index of the MSS and code */
#define SW_OPTIONS_MASK      ((1 << SW_OPTIONS_BITS) - 1)
#define SW_OPTIONS_MSS_SHIFT 4
#define SW_OPTIONS_CODE_MASK 15

SW_INLINE __u32 sw_pack_options(const struct sw_offer *offer)
{
	return sw_cookie_mss_index(offer->mss) << SW_OPTIONS_MSS_SHIFT | sw_cookie_code(offer);
}

/* In TSval, below the tag. */
#define SW_EXACT_BITS      23
#define SW_EXACT_MASK      ((1 << SW_EXACT_BITS) - 1)
#define SW_EXACT_MSS_SHIFT 10
#define SW_EXACT_SACK      0x200
#define SW_EXACT_ECN       0x100
#define SW_EXACT_OWN_SHIFT 4

SW_INLINE __u32 sw_pack_exact(const struct sw_offer *offer)
{
	__u32 floor = sw_cookie_mss(sw_cookie_mss_index(offer->mss));
	__u32 rest = offer->mss > floor ? offer->mss - floor : 0;

	if (rest > SW_COOKIE_MSS_REST)
		rest = SW_COOKIE_MSS_REST;
	return rest << SW_EXACT_MSS_SHIFT | (offer->sack_ok ? SW_EXACT_SACK : 0) |
	       (offer->ecn_ok ? SW_EXACT_ECN : 0) |
	       (__u32)(offer->own_wscale & 15) << SW_EXACT_OWN_SHIFT | sw_scale_of(offer);
}

SW_INLINE void sw_unpack_exact(struct sw_offer *offer, __u32 exact)
{
	offer->mss += exact >> SW_EXACT_MSS_SHIFT & SW_COOKIE_MSS_REST;
	offer->sack_ok = !!(exact & SW_EXACT_SACK);
	offer->ecn_ok = !!(exact & SW_EXACT_ECN);
	sw_set_scale(offer, exact & 15);
	if (offer->wscale_ok)
		offer->own_wscale = exact >> SW_EXACT_OWN_SHIFT & 15;
}

/*
 * own_wscale comes in as this host would offer it now, tstamp_ok as the segment bore a timestamp. Where
 * the client has left its timestamps out, what they held is lost: it gets a connection with the MSS alone
 * (as from the kernel's cookies).
 */
SW_INLINE void sw_unpack(struct sw_offer *offer, __u32 options, __u32 tsecr)
{
	__u32 code = options & SW_OPTIONS_CODE_MASK;

	offer->mss = sw_cookie_mss(options >> SW_OPTIONS_MSS_SHIFT & 7);
	if (offer->tstamp_ok)
		sw_unpack_exact(offer, tsecr & SW_EXACT_MASK);
	else if (code == SW_CODE_TIMESTAMPS)
		sw_read_code(offer, 0);
	else
		sw_read_code(offer, code);
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

/* H: F (8 bytes), client's ISN (4), epoch (4), lowest byte first; options (1). */
SW_INLINE __u64 sw_cookie_h(const struct sw_keys *keys, __u64 f, __u32 client_isn, __u64 epoch,
			    __u32 options)
{
	struct sw_sip sip = sw_sip_begin(sw_mac_key(keys, epoch));

	sw_sip_word(&sip, f);
	sw_sip_word(&sip, client_isn | epoch << 32);
	return sw_sip_end(&sip, sw_sip_last(options, 17));
}

#define SW_MAC_BITS 17
#define SW_MAC_MASK ((1 << SW_MAC_BITS) - 1)

/*
 * TSval: the exact options, and their tag, a universal hash (Dietzfelbinger et al., 1997) whose multiplier,
 * the bits of H that the ISN does not show, serves for this SYN alone.
 */
SW_INLINE __u32 sw_cookie_tsval(__u64 h, __u32 exact)
{
	__u64 tag = (h >> SW_MAC_BITS | 1) * (exact | 1 << SW_EXACT_BITS);

	return (__u32)(tag >> (64 - SW_MAC_BITS - 9)) << SW_EXACT_BITS | exact;
}

/* --- Making and checking -------------------------------------------------------------------- */

/* The answer to this SYN, in this epoch; a SYN sent again gets the same one. */
SW_INLINE struct sw_cookie sw_cookie_make(const struct sw_keys *keys,
					  const struct sw_packet *packet, __u16 local_port,
					  __u16 remote_port, __u32 client_isn, __u64 epoch,
					  const struct sw_offer *offer)
{
	__u64 f = sw_cookie_f(keys, packet, local_port, remote_port);
	__u32 options = sw_merged(sw_pack_options(offer), client_isn);
	__u64 h;

	SW_PHASE();
	h = sw_cookie_h(keys, f, client_isn, epoch, options);
	return (struct sw_cookie){
		.isn = client_isn + (__u32)f + ((__u32)epoch << 24) +
		       ((__u32)(h & SW_MAC_MASK) << SW_OPTIONS_BITS) + options,
		.tsval = sw_cookie_tsval(h, sw_pack_exact(offer)),
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
	__u32 age = (__u8)(now_epoch - (word >> 24)), options = word & SW_OPTIONS_MASK;

	if (age >= SW_COOKIE_EPOCHS)
		return SW_COOKIE_OLD;
	h = sw_cookie_h(keys, f, client_isn, now_epoch - age, options);
	if ((word >> SW_OPTIONS_BITS & SW_MAC_MASK) != (h & SW_MAC_MASK))
		return SW_COOKIE_BAD;
	if (offer->tstamp_ok && ((options & SW_OPTIONS_CODE_MASK) != SW_CODE_TIMESTAMPS ||
				 tsecr != sw_cookie_tsval(h, tsecr & SW_EXACT_MASK)))
		return SW_COOKIE_BAD;
	sw_unpack(offer, options, tsecr);
	return SW_NONE;
}

#endif
