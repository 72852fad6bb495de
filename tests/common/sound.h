/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What holds of every flow after every segment, whatever the segments were.
 */
#ifndef SYNWARD_TESTS_SOUND_H
#define SYNWARD_TESTS_SOUND_H

#include <synward/predict.h>

/* NULL, or what is wrong with the record by itself. */
const char *flow_unsound(const struct sw_flow *flow, bool self);

/* NULL, or what is wrong with the step from one record to the next. */
const char *step_unsound(const struct sw_flow *before, const struct sw_flow *after,
			 const struct sw_segment *segment, enum sw_counter reason, __u64 now);

/*
 * The same of sequence numbers. They are held against a window only where programs see both
 * directions, so that this is true only there.
 */
const char *numbers_unsound(const struct sw_flow *before, const struct sw_flow *after,
			    const struct sw_segment *segment, enum sw_counter reason);

/*
 * NULL, or how header prediction differs from the step that led from one record to the next. Of
 * segments that are not predicted, it must leave the record as it was.
 */
const char *prediction_unsound(const struct sw_flow *before, const struct sw_flow *after,
			       const struct sw_segment *segment, enum sw_counter reason, __u64 now,
			       const struct sw_config *config);

#endif
