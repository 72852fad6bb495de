/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * From random bytes to segments that have something to do with the flow they meet: sequence numbers
 * at and around those that its record holds.
 */
#ifndef SYNWARD_TESTS_STIR_H
#define SYNWARD_TESTS_STIR_H

#include <synward/state.h>

#define STIR_BYTES 12

/* The next segment of the flow; `flow` is its record, or zero. Key and self stay as they are. */
void stir_segment(const __u8 bytes[STIR_BYTES], const struct sw_flow *flow,
		  struct sw_segment *segment);

/* How long before it, in nanoseconds: mostly not at all. */
__u64 stir_wait(const __u8 bytes[STIR_BYTES]);

#endif
