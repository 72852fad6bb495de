/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A reader of pcapng (draft-ietf-opsawg-pcapng). libpcap reads only those files whose interfaces
 * all have the same link type and snap length; Wireshark and dumpcap write others, so here is our
 * own. Nothing in a file is believed before it is checked; memory is bounded by the largest block
 * allowed.
 */
#ifndef SYNWARD_REPLAY_PCAPNG_H
#define SYNWARD_REPLAY_PCAPNG_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>

/* First four bytes of such a file. */
#define SW_PCAPNG_MAGIC 0x0a0d0d0a

/* Times that nanoseconds in 64 bits hold with room to spare: 1828 to 2112. */
#define SW_PCAPNG_SECONDS 4500000000LL

struct sw_pcapng {
	FILE *file;
	bool swapped; /* this section has the other byte order */
	__u8 *block; /* body of the last block read */
	__u32 length, room; /* of it */
	struct sw_pcapng_iface *iface;
	__u32 ifaces;
	__s64 time_ns; /* of the last packet: stands in for a time that a block lacks */
	const char *error; /* why the last call failed */
};

struct sw_pcapng_packet {
	const __u8 *bytes; /* until the next call */
	__u32 captured, length;
	__s64 time_ns; /* within SW_PCAPNG_SECONDS of the epoch */
	int link;
};

/* 1 a packet, 0 the file is at its end, -EIO it can't be read any further: ng->error says why. */
int sw_pcapng_next(struct sw_pcapng *ng, struct sw_pcapng_packet *packet);

/* Frees what it holds; the file stays open. */
void sw_pcapng_free(struct sw_pcapng *ng);

#endif
