/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What every shared header rests on: fixed-width types, the inline keyword and modular sequence
 * arithmetic. Nothing here, nor in any header of this folder, needs libc, a pointer inside a
 * struct, or a kernel helper: the same text compiles for BPF and for user space.
 */
#ifndef SYNWARD_TYPES_H
#define SYNWARD_TYPES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define SW_INLINE static inline __attribute__((always_inline, unused))

#define SW_NS_PER_MS 1000000ULL
#define SW_NS_PER_S  1000000000ULL

/*
 * Between two phases of a long function: values are read anew from memory afterwards. The verifier
 * knows nothing of those, so that the paths that lead here become one; else it follows each of them
 * through all that comes, and gives up.
 */
#define SW_PHASE() __asm__ volatile("" ::: "memory")

/*
 * The value, of which the compiler knows nothing: it can't make two branches of an index that is 0 or 1, each
 * of which the verifier would follow.
 */
SW_INLINE __u32 sw_opaque(__u32 value)
{
	__asm__("" : "+r"(value));
	return value;
}

/*
 * The value, of which the verifier knows nothing more: paths on which it differs become one behind this. `any`
 * is a number that it doesn't know, from a packet or a map.
 */
SW_INLINE __u32 sw_merged(__u32 value, __u32 any)
{
	any = sw_opaque(any);
	return sw_opaque(value ^ any) ^ any;
}

/* A loop that older verifiers (Linux 6.1) take for an endless one unless it is unrolled. */
#ifdef __clang__
#define SW_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SW_UNROLL
#endif

/* Read once, and here: another CPU may be writing it. */
#define SW_READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))

/* Network order from host order, and back. */
SW_INLINE __u32 sw_wire32(__u32 value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return value;
#else
	return __builtin_bswap32(value);
#endif
}

SW_INLINE __u16 sw_wire16(__u16 value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return value;
#else
	return __builtin_bswap16(value);
#endif
}

/*
 * A word at any address. BPF fetches it everywhere but on its stack; clang thinks that it can't, and
 * of a packed struct would fetch it byte by byte.
 */
#ifdef __bpf__
#define SW_UNALIGNED(type, p) (*(const type *)(p))
#else
#define SW_UNALIGNED(type, p) \
	(((const struct __attribute__((packed, may_alias)) { type x; } *)(p))->x)
#endif

/* Sequence numbers live on a circle of 2^32: "after" is a signed distance (RFC 9293, 3.4). */
SW_INLINE bool sw_seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

/* low <= x <= high on the circle. */
SW_INLINE bool sw_seq_between(__u32 low, __u32 x, __u32 high)
{
	return x - low <= high - low;
}

#endif
