/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Rewriting the segment in hand at tc. A checksum may be whole, or unfinished as offloads leave it, where
 * it covers the pseudo header alone: the kernel's helpers know which, and are told of differences.
 */
#ifndef SYNWARD_REWRITE_BPF_H
#define SYNWARD_REWRITE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include <synward/translate.h>

#include "proxy.bpf.h"
#include "settings.bpf.h"
#include "work.bpf.h"

#define SW_TCP_CHECKSUM  (2 * SW_TCP_CHECKSUM_HALF)
#define SW_IPV4_CHECKSUM (2 * SW_IPV4_CHECKSUM_HALF)

/* The same sum in 32 bits. */
static __always_inline __u32 sw_fold_sum(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (__u32)((sum & 0xffffffff) + (sum >> 32));
}

/* Its TCP header, all of it, into `tcp`. */
static __always_inline bool skb_load_header(struct __sk_buff *skb, const struct sw_work *w,
					    __u32 *tcp)
{
	__u32 bytes = w->packet.bytes - w->seg.length;

	__builtin_memset(tcp, 0, 4 * SW_HEADER_WORDS);
	barrier_var(bytes);
	if (bytes < SW_TCP_HEADER || bytes > SW_TCP_HEADER_MAX)
		return false;
	return !bpf_skb_load_bytes(skb, w->packet.at, tcp, bytes);
}

static __always_inline bool skb_store_header(struct __sk_buff *skb, const struct sw_work *w,
					     const __u32 *tcp, __u32 bytes)
{
	barrier_var(bytes);
	if (bytes < SW_TCP_HEADER || bytes > SW_TCP_HEADER_MAX)
		return false;
	return !bpf_skb_store_bytes(skb, w->packet.at, tcp, bytes, 0);
}

/* The sum of its words changed by so much. */
static __always_inline bool skb_mend_checksum(struct __sk_buff *skb, const struct sw_work *w,
					      __u64 difference)
{
	return !bpf_l4_csum_replace(skb, w->packet.at + SW_TCP_CHECKSUM, 0, sw_fold_sum(difference),
				    0);
}

/* --- Data that is kept ------------------------------------------------------------------------ */

/* Its sum; the last word is filled up with zeros, see sw_end_kept(). */
static __always_inline __u64 sw_sum_kept(const struct sw_kept *kept)
{
	__u32 left = (kept->length + 3) & ~3U;
	__s64 sum = 0;

	SW_UNROLL
	for (__u32 at = 0; at < SW_KEPT_MAX; at += 512) {
		__u32 bytes = left < 512 ? left : 512;

		barrier_var(bytes);
		if (bytes <= 512 && sum >= 0)
			sum = bpf_csum_diff(NULL, 0, (__be32 *)(kept->bytes + at), bytes,
					    (__u32)sum);
		left -= bytes;
	}
	return (__u64)sum;
}

static __always_inline void sw_end_kept(struct sw_kept *kept, __u32 length)
{
	kept->length = length;
	if (length > SW_KEPT_MAX)
		return;
	kept->bytes[length] = kept->bytes[length + 1] = kept->bytes[length + 2] = 0;
}

/* The segment's data, behind what is kept already: `at` bytes. */
static __always_inline bool skb_keep(struct __sk_buff *skb, const struct sw_work *w,
				     struct sw_kept *kept, __u32 at)
{
	__u32 bytes = w->seg.length, from = w->packet.at + w->packet.bytes - bytes;

	barrier_var(bytes);
	barrier_var(at);
	if (bytes < 1 || bytes > SW_KEPT_MAX || at >= SW_KEPT_MAX || at + bytes > SW_KEPT_MAX)
		return false;
	if (bpf_skb_load_bytes(skb, from, kept->bytes + at, bytes))
		return false;
	sw_end_kept(kept, at + bytes);
	return true;
}

/* From `at` on, so much of what is kept, or what there is of it. */
static __always_inline bool sw_take_piece(struct sw_kept *piece, const struct sw_kept *kept,
					  __u32 at, __u32 bytes)
{
	if (at + bytes > kept->length)
		bytes = kept->length - at;
	barrier_var(at);
	barrier_var(bytes);
	if (at > SW_KEPT_MAX || bytes < 1 || bytes > SW_KEPT_MAX ||
	    bpf_probe_read_kernel(piece->bytes, bytes, kept->bytes + at))
		return false;
	sw_end_kept(piece, bytes);
	return true;
}

/* --- The whole segment ------------------------------------------------------------------------ */

/* Of the IP packet: so many bytes of TCP. What it bore of congestion marks was of another segment. */
static __always_inline bool skb_set_ip_length(struct __sk_buff *skb, const struct sw_work *w,
					      __u32 bytes)
{
	__u32 ip = w->packet.ip, more = bytes - w->packet.bytes, word[2], old;

	if (bpf_skb_load_bytes(skb, ip, word, sizeof(word)))
		return false;
	old = word[0];
	if (w->packet.ipv4) {
		word[0] = sw_wire32((sw_wire32(old) & ~0x00030000U) + more);
		return !bpf_l3_csum_replace(skb, ip + SW_IPV4_CHECKSUM, old, word[0], 4) &&
		       !bpf_skb_store_bytes(skb, ip, word, 4, 0);
	}
	word[0] = sw_wire32(sw_wire32(old) & ~0x00300000U);
	word[1] = sw_wire32(sw_wire32(word[1]) + (more << 16));
	return !bpf_skb_store_bytes(skb, ip, word, sizeof(word), BPF_F_RECOMPUTE_CSUM);
}

/*
 * Its TCP header becomes p->after, of so many words; its data, which has been loaded into p->kept, goes;
 * `kept`, which may be NULL, is its data then.
 */
SW_GUARD_FUNCTION int skb_become(struct __sk_buff *skb, __u32 words, const struct sw_kept *kept)
{
	__u32 header = 4 * words, data = kept ? kept->length : 0, at;
	__u64 sum = kept ? sw_sum_kept(kept) : 0;
	struct sw_proxy_work *p = sw_proxy_in_hand();
	struct sw_work *w = sw_work_in_hand();

	if (!p || !w)
		return false;
	at = w->packet.at + header;
	p->after[4] = p->before[4] & sw_wire32(0xffff0000); /* the checksum, to be mended */
	if (w->seg.length)
		sum += (__u32)~sw_sum_kept(&p->kept);
	SW_UNROLL
	for (int i = 0; i < SW_HEADER_WORDS; i++)
		sum += (__u64)(__u32)~p->before[i] + p->after[i];
	if (bpf_skb_change_tail(skb, at + data, 0) || !skb_store_header(skb, w, p->after, header))
		return false;
	barrier_var(data);
	if (kept &&
	    (data < 1 || data > SW_KEPT_MAX || bpf_skb_store_bytes(skb, at, kept->bytes, data, 0)))
		return false;
	return skb_mend_checksum(skb, w, sum) &&
	       !bpf_l4_csum_replace(skb, w->packet.at + SW_TCP_CHECKSUM,
				    sw_wire16((__u16)w->packet.bytes),
				    sw_wire16((__u16)(header + data)), BPF_F_PSEUDO_HDR | 2) &&
	       skb_set_ip_length(skb, w, header + data);
}

/* Of these flags, without an ACK, with this number; its options and whatever data it has stay. */
static __always_inline bool skb_become_flags(struct __sk_buff *skb, const struct sw_work *w,
					     __u32 flags, __u32 seq)
{
	__u32 words[3], after[3];
	__u64 sum = 0;

	if (bpf_skb_load_bytes(skb, w->packet.at + 4, words, sizeof(words)))
		return false;
	after[0] = sw_wire32(seq);
	after[1] = 0;
	after[2] = (words[2] & ~sw_wire32(0xff << 16)) | sw_wire32(flags << 16);
	SW_UNROLL
	for (int i = 0; i < 3; i++)
		sum += (__u64)(__u32)~words[i] + after[i];
	return !bpf_skb_store_bytes(skb, w->packet.at + 4, after, sizeof(after), 0) &&
	       skb_mend_checksum(skb, w, sum);
}

/* It goes back where it came from. */
SW_GUARD_FUNCTION int skb_turn(struct __sk_buff *skb)
{
	const struct sw_work *w = sw_work_in_hand();
	__u32 address[8], at, bytes;
	__u8 mac[12];

	if (!w)
		return false;
	at = w->packet.ip + (w->packet.ipv4 ? 12 : 8);
	bytes = w->packet.ipv4 ? 4 : 16;
	if (bpf_skb_load_bytes(skb, 0, mac, 12) || bpf_skb_store_bytes(skb, 0, mac + 6, 6, 0) ||
	    bpf_skb_store_bytes(skb, 6, mac, 6, 0))
		return false;
	if (w->packet.ipv4)
		return !bpf_skb_load_bytes(skb, at, address, 8) &&
		       !bpf_skb_store_bytes(skb, at, &address[1], 4, 0) &&
		       !bpf_skb_store_bytes(skb, at + bytes, address, 4, 0);
	return !bpf_skb_load_bytes(skb, at, address, 32) &&
	       !bpf_skb_store_bytes(skb, at, &address[4], 16, 0) &&
	       !bpf_skb_store_bytes(skb, at + bytes, address, 16, 0);
}

/* It gets the numbers of its other side, and w->seg with it. */
SW_GUARD_FUNCTION int skb_translate(struct __sk_buff *skb, const struct sw_proxied *proxied,
				    int direction)
{
	struct sw_proxy_work *p = sw_proxy_in_hand();
	struct sw_work *w = sw_work_in_hand();
	__u64 difference;
	__u32 *tcp;

	if (!p || !w || !proxied)
		return false;
	tcp = p->after;
	if (!skb_load_header(skb, w, tcp))
		return false;
	difference = sw_translate(proxied, tcp, direction, &w->seg.option_at);
	w->seg.seq = sw_wire32(tcp[1]);
	w->seg.ack = sw_wire32(tcp[2]);
	w->seg.window = (__u16)sw_wire32(tcp[3]);
	SW_UNROLL
	for (int i = 0; i < SW_TCP_OPTION_BYTES_MAX / 4; i++)
		w->seg.option_words[i] = tcp[SW_TCP_WORDS + i];
	return skb_store_header(skb, w, tcp, w->packet.bytes - w->seg.length) &&
	       skb_mend_checksum(skb, w, difference);
}

#endif
