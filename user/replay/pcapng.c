// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Blocks: type, total length, body, total length again. A section begins with its header, which
 * tells the byte order; interfaces are numbered within a section, in the order of their blocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <synward/types.h>

#include "replay/pcapng.h"

enum block {
	BLOCK_SECTION = SW_PCAPNG_MAGIC,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete */
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_ENHANCED_PACKET = 6,
};

enum option {
	OPTION_END = 0,
	OPTION_TSRESOL = 9,
	OPTION_TSOFFSET = 14,
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define BLOCK_FRAME      12 /* bytes of a block besides its body */
#define BLOCK_MAX        (16 << 20)
#define IFACES_MAX       65536

struct sw_pcapng_iface {
	__u32 snaplen;
	__u64 units; /* ticks in a second */
	__s64 offset_s;
	__u16 link;
};

static int fail(struct sw_pcapng *ng, const char *why)
{
	ng->error = why;
	return -EIO;
}

static __u32 get32(const struct sw_pcapng *ng, __u32 at)
{
	__u32 value;

	memcpy(&value, ng->block + at, sizeof(value));
	return ng->swapped ? __builtin_bswap32(value) : value;
}

static __u16 get16(const struct sw_pcapng *ng, __u32 at)
{
	__u16 value;

	memcpy(&value, ng->block + at, sizeof(value));
	return ng->swapped ? __builtin_bswap16(value) : value;
}

static __u64 get64(const struct sw_pcapng *ng, __u32 at)
{
	__u64 value;

	memcpy(&value, ng->block + at, sizeof(value));
	return ng->swapped ? __builtin_bswap64(value) : value;
}

/* --- Blocks --------------------------------------------------------------------------------- */

static int grow(struct sw_pcapng *ng, __u32 length)
{
	__u8 *block;

	if (length <= ng->room)
		return 0;
	block = realloc(ng->block, length);
	if (!block)
		return fail(ng, "there is no memory for so large a block");
	ng->block = block;
	ng->room = length;
	return 0;
}

/* What a file that ends here says, or an I/O error. */
static int cut(struct sw_pcapng *ng, const char *why)
{
	return fail(ng, ferror(ng->file) ? strerror(errno) : why);
}

/* In the byte order of the section that begins here, which its magic tells. */
static int read_byte_order(struct sw_pcapng *ng)
{
	__u32 magic;

	if (fread(&magic, sizeof(magic), 1, ng->file) != 1)
		return cut(ng, "the file ends inside a section header");
	if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
		return fail(ng, "a section header has a wrong byte-order magic");
	ng->swapped = magic != BYTE_ORDER_MAGIC;
	return 0;
}

/* The rest of a block, of which `done` bytes of body have been read already. */
static int read_body(struct sw_pcapng *ng, __u32 total, __u32 done)
{
	__u32 rest = total - BLOCK_FRAME - done + 4;
	int err;

	if (total % 4 || total < BLOCK_FRAME + done || total > BLOCK_MAX)
		return fail(ng, "a block's length is impossible");
	err = grow(ng, rest);
	if (err)
		return err;
	if (fread(ng->block, 1, rest, ng->file) != rest)
		return cut(ng, "the file ends inside a block");
	ng->length = rest - 4;
	if (get32(ng, ng->length) != total)
		return fail(ng, "a block's two lengths differ");
	return 0;
}

/* 1 and the block's type, 0 at the end, -EIO. A section header's body is what follows its magic. */
static int read_block(struct sw_pcapng *ng, __u32 *type)
{
	__u32 head[2];
	size_t got = fread(head, 1, sizeof(head), ng->file);
	int err = 0;

	if (got == 0 && feof(ng->file))
		return 0;
	if (got != sizeof(head))
		return cut(ng, "the file ends inside a block's header");
	if (head[0] == BLOCK_SECTION)
		err = read_byte_order(ng);
	*type = ng->swapped ? __builtin_bswap32(head[0]) : head[0];
	head[1] = ng->swapped ? __builtin_bswap32(head[1]) : head[1];
	err = err ?: read_body(ng, head[1], *type == BLOCK_SECTION ? 4 : 0);
	return err ?: 1;
}

/* --- Interfaces ----------------------------------------------------------------------------- */

/* if_tsresol: a negative power of 10, or with its top bit set of 2. 0: more than 64 bits hold. */
static __u64 units_of(__u8 resolution)
{
	__u8 power = resolution & 0x7f;
	__u64 units = 1;

	if (resolution & 0x80)
		return power < 64 ? 1ULL << power : 0;
	if (power > 19)
		return 0;
	while (power--)
		units *= 10;
	return units;
}

static int read_options(struct sw_pcapng *ng, struct sw_pcapng_iface *iface)
{
	__u32 at = 8;

	while (at + 4 <= ng->length) {
		__u16 code = get16(ng, at), length = get16(ng, at + 2);

		at += 4;
		if (code == OPTION_END)
			break;
		if (length > ng->length - at)
			return fail(ng, "an interface's option is longer than its block");
		if (code == OPTION_TSRESOL && length == 1)
			iface->units = units_of(ng->block[at]);
		else if (code == OPTION_TSOFFSET && length == 8)
			iface->offset_s = (__s64)get64(ng, at);
		at += (length + 3U) & ~3U;
	}
	return iface->units ? 0 : fail(ng, "an interface's clock is finer than 64 bits can count");
}

static int add_iface(struct sw_pcapng *ng)
{
	struct sw_pcapng_iface *iface;
	int err;

	if (ng->length < 8)
		return fail(ng, "an interface block is too short");
	if (ng->ifaces == IFACES_MAX)
		return fail(ng, "a section has too many interfaces");
	iface = reallocarray(ng->iface, ng->ifaces + 1, sizeof(*iface));
	if (!iface)
		return fail(ng, "there is no memory for an interface");
	ng->iface = iface;
	iface += ng->ifaces;
	*iface = (struct sw_pcapng_iface){
		.link = get16(ng, 0),
		.snaplen = get32(ng, 4),
		.units = 1000000,
	};
	err = read_options(ng, iface);
	if (!err)
		ng->ifaces++;
	return err;
}

/* --- Packets -------------------------------------------------------------------------------- */

/* Ticks are unsigned; the interface's offset may lead to before 1970. */
static __s64 to_ns(const struct sw_pcapng_iface *iface, __u64 ticks)
{
	__int128 seconds = (__int128)(ticks / iface->units) + iface->offset_s;
	unsigned __int128 rest = ticks % iface->units;

	if (seconds > SW_PCAPNG_SECONDS)
		seconds = SW_PCAPNG_SECONDS;
	if (seconds < -SW_PCAPNG_SECONDS)
		seconds = -SW_PCAPNG_SECONDS;
	return (__s64)seconds * (__s64)SW_NS_PER_S + (__s64)(rest * SW_NS_PER_S / iface->units);
}

/* A packet whose data begins at `at`. */
static int take_packet(struct sw_pcapng *ng, __u32 iface, __u32 at, struct sw_pcapng_packet *packet)
{
	if (iface >= ng->ifaces)
		return fail(ng, "a packet is of an interface that the file does not describe");
	if (packet->captured > ng->length - at)
		return fail(ng, "a packet is longer than its block");
	packet->bytes = ng->block + at;
	packet->link = ng->iface[iface].link;
	packet->time_ns = ng->time_ns;
	return 1;
}

/* Enhanced packets, and the obsolete ones: their interface has 16 bits, then a count of drops. */
static int take_timed(struct sw_pcapng *ng, __u32 iface, struct sw_pcapng_packet *packet)
{
	if (ng->length < 20)
		return fail(ng, "a packet block is too short");
	if (iface < ng->ifaces)
		ng->time_ns = to_ns(&ng->iface[iface], (__u64)get32(ng, 4) << 32 | get32(ng, 8));
	packet->captured = get32(ng, 12);
	packet->length = get32(ng, 16);
	return take_packet(ng, iface, 20, packet);
}

/* Of the first interface, and cut to its snap length: the block does not say to what. */
static int take_simple(struct sw_pcapng *ng, struct sw_pcapng_packet *packet)
{
	__u32 snaplen = ng->ifaces ? ng->iface[0].snaplen : 0;

	if (ng->length < 4)
		return fail(ng, "a packet block is too short");
	packet->length = packet->captured = get32(ng, 0);
	if (snaplen && packet->captured > snaplen)
		packet->captured = snaplen;
	return take_packet(ng, 0, 4, packet);
}

int sw_pcapng_next(struct sw_pcapng *ng, struct sw_pcapng_packet *packet)
{
	__u32 type;
	int got;

	while ((got = read_block(ng, &type)) > 0) {
		switch (type) {
		case BLOCK_SECTION:
			ng->ifaces = 0;
			break;
		case BLOCK_INTERFACE:
			got = add_iface(ng);
			if (got)
				return got;
			break;
		case BLOCK_ENHANCED_PACKET:
			return take_timed(ng, ng->length < 4 ? 0 : get32(ng, 0), packet);
		case BLOCK_PACKET:
			return take_timed(ng, ng->length < 4 ? 0 : get16(ng, 0), packet);
		case BLOCK_SIMPLE_PACKET:
			return take_simple(ng, packet);
		default: /* names, statistics, secrets, ...: of no use here */
			break;
		}
	}
	return got;
}

void sw_pcapng_free(struct sw_pcapng *ng)
{
	free(ng->block);
	free(ng->iface);
	*ng = (struct sw_pcapng){};
}
