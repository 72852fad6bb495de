/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * "There is no socket for this connection", without asking the kernel, which takes 150 ns of the 400
 * that the answer to a SYN would cost: one cache miss in its table of connections.
 *
 * A bit set for every connection that has a socket, by a hash of its endpoints. The daemon renews it
 * from the kernel's own list (iter/tcp) every few seconds, in the generation not in use, and then
 * switches over; in between, whatever may make a socket sets its bit in both: a SYN that passes to a listener, a
 * segment that passes to a listener, a connection being admitted, a SYN of this host's own. So a bit may
 * be set for nothing, which costs a look-up, but none is missing of a guarded port's; of other ports none is
 * set in between, so that SYNs to them can't fill the filter. Without a daemon nothing is ready, and the
 * kernel is always asked.
 */
#ifndef SYNWARD_SOCKETS_BPF_H
#define SYNWARD_SOCKETS_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include <synward/flow.h>
#include <synward/guard.h>

#include "kernel.bpf.h"
#include "maps.bpf.h"

/* Which order the endpoints come in makes no difference. */
static __always_inline __u32 sw_socket_bit(const __u32 *one, const __u32 *other, __u32 ports)
{
	__u32 mixed = one[0] ^ other[0];

	mixed = (mixed << 7 | mixed >> 25) ^ one[1] ^ other[1];
	mixed = (mixed << 7 | mixed >> 25) ^ one[2] ^ other[2];
	mixed = (mixed << 7 | mixed >> 25) ^ one[3] ^ other[3];
	return (mixed ^ ports * 0x9e3779b1U) * 0x85ebca6bU >> (32 - SW_SOCKET_BITS_SHIFT);
}

static __always_inline __u32 sw_socket_bit_of(const struct sw_flow_key *key)
{
	return sw_socket_bit((const __u32 *)key->addr[0], (const __u32 *)key->addr[1],
			     (__u32)key->port[0] + key->port[1]);
}

static __always_inline void sw_set_bit(__u32 generation, __u32 bit)
{
	struct sw_socket_bits *bits = bpf_map_lookup_elem(&sw_sockets, &generation);

	if (bits)
		__sync_fetch_and_or(&bits->word[bit / 32 % SW_SOCKET_WORDS], 1U << bit % 32);
}

/* Before the kernel gets what may make a socket of it. */
static __always_inline void sw_expect_socket(const struct sw_flow_key *key)
{
	__u32 bit = sw_socket_bit_of(key);

	sw_set_bit(0, bit);
	sw_set_bit(1, bit);
}

static __always_inline bool sw_bit_is_clear(__u32 bit)
{
	__u32 zero = 0, *ready = bpf_map_lookup_elem(&sw_sockets_now, &zero), generation;
	struct sw_socket_bits *bits;

	if (!ready || *ready == SW_SOCKETS_NOT_READY)
		return false;
	generation = *ready - 1;
	bits = bpf_map_lookup_elem(&sw_sockets, &generation);
	return bits && !(bits->word[bit / 32 % SW_SOCKET_WORDS] >> bit % 32 & 1);
}

static __always_inline bool sw_has_no_socket(const struct sw_flow_key *key)
{
	return sw_bit_is_clear(sw_socket_bit_of(key));
}

/* --- The kernel's own list --------------------------------------------------------------------- */

static __always_inline void sw_mapped(__u32 words[4], __u32 ipv4)
{
	words[0] = words[1] = 0;
	words[2] = sw_wire32(0xffff);
	words[3] = ipv4;
}

/* IPv6 sockets that carry IPv4 have mapped addresses. */
static __always_inline __u32 sw_socket_bit_of_common(const struct sock_common *common)
{
	__u32 ports = (__u32)common->skc_num + sw_wire16(common->skc_dport);
	__u32 local[4], remote[4];

	if (common->skc_family == KERNEL_AF_INET6) {
		BPF_CORE_READ_INTO(&local, common, skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&remote, common, skc_v6_daddr);
	} else {
		sw_mapped(local, BPF_CORE_READ(common, skc_rcv_saddr));
		sw_mapped(remote, BPF_CORE_READ(common, skc_daddr));
	}
	return sw_socket_bit(local, remote, ports);
}

/* One socket of the list: into the generation that is being made. */
static __always_inline void sw_list_socket(const struct sock_common *common)
{
	__u32 zero = 0, *ready = bpf_map_lookup_elem(&sw_sockets_now, &zero);

	if (!ready || common->skc_state == KERNEL_TCP_LISTEN)
		return;
	sw_set_bit(*ready == 1, sw_socket_bit_of_common(common));
}

#endif
