/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How many there are of each: of ports, of prefixes.
 */
#ifndef SYNWARD_USER_TALLY_H
#define SYNWARD_USER_TALLY_H

#include <linux/types.h>
#include <stddef.h>

struct sw_tally_row {
	__u8 address[16];
	__u32 number; /* a port, or the bits of a prefix */
	__u32 count;
};

struct sw_tally {
	struct sw_tally_row *row;
	size_t count, room;
};

/* One more of these. address NULL: of the number alone. 0 or -ENOMEM. */
int sw_tally_add(struct sw_tally *tally, const __u8 address[16], __u32 number);

/* From here on a row is all there are of one kind; the most come first. */
void sw_tally_settle(struct sw_tally *tally);

void sw_tally_free(struct sw_tally *tally);

#endif
