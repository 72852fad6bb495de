/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Link layers of captures: Ethernet, Linux cooked (v1, v2), raw IP, BSD loopback. What is not
 * Ethernet gets an Ethernet header in place of its own, so that one parser reads them all.
 */
#ifndef SYNWARD_REPLAY_LINK_H
#define SYNWARD_REPLAY_LINK_H

#include <linux/types.h>
#include <stdbool.h>

/* A link type as files have it (LINKTYPE_) or as libpcap has it (DLT_): they don't overlap here. */
bool sw_link_known(int link);

/* "Ethernet, Linux cooked, raw IP or BSD loopback": for an error. */
extern const char sw_link_names[];

/* What stands before IP in one frame. */
struct sw_link_header {
	__u32 bytes;
	__u16 type; /* ethertype of what follows; 0: nothing that is known */
};

#define SW_ETHERNET_BYTES 14

/*
 * Reads a frame's link header. False: it is Ethernet and stays as it is. A frame that ends before
 * its IP is said to hold IP, so that the parser finds it truncated.
 */
bool sw_link_read(int link, const __u8 *bytes, __u32 captured, struct sw_link_header *header);

/* Writes the Ethernet header that stands for it. */
void sw_link_write(const struct sw_link_header *header, __u8 ethernet[SW_ETHERNET_BYTES]);

#endif
