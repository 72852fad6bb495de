/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Link layers of captures: what stands before the first Ethernet, PPP or IP header of a packet.
 */
#ifndef SYNWARD_REPLAY_LINK_H
#define SYNWARD_REPLAY_LINK_H

#include "replay/layer.h"

/* A link type as files have it (LINKTYPE_) or as libpcap has it (DLT_): they don't overlap here. */
bool sw_link_known(int link);

/* "Ethernet, Linux cooked, ... or 802.11": for an error. */
extern const char sw_link_names[];

/*
 * Takes a packet's link header off, and says by layer->type what follows. One that ends before is
 * said to hold IP, so that the parser finds it truncated.
 */
void sw_link_read(int link, struct sw_layer *layer);

#endif
