/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the frames were in which no TCP segment was found: a count for each kind, by name.
 */
#ifndef SYNWARD_REPLAY_KINDS_H
#define SYNWARD_REPLAY_KINDS_H

#include <stddef.h>

#include "replay/unwrap.h"

#define SW_KINDS_MAX 24
#define SW_KIND_TEXT 40

struct sw_kinds {
	size_t count;
	struct sw_kind {
		char name[SW_KIND_TEXT]; /* "UDP", "ARP", "ethertype 0x1234" */
		__u64 frames;
	} kind[SW_KINDS_MAX + 1]; /* the last one: all that there is no room for */
};

void sw_kinds_note(struct sw_kinds *kinds, const struct sw_frame *frame);

/* "12 UDP, 3 ARP", the most frequent first. */
#define SW_KINDS_TEXT 1600
const char *sw_kinds_text(struct sw_kinds *kinds, char text[SW_KINDS_TEXT]);

#endif
