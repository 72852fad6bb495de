/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A progress bar on stderr, where that is a terminal and the capture is large.
 */
#ifndef SYNWARD_REPLAY_PROGRESS_H
#define SYNWARD_REPLAY_PROGRESS_H

#include "replay/capture.h"

struct sw_progress {
	bool shown;
	unsigned int frames, percent;
};

/* `busy`: stdout is written to all the time, and a bar on the same terminal would be in its way. */
void sw_progress_begin(struct sw_progress *progress, const struct sw_capture *capture, bool busy);

/* After every frame. */
void sw_progress_step(struct sw_progress *progress, const struct sw_capture *capture);

/* Before anything else is written, and at the end. */
void sw_progress_wipe(struct sw_progress *progress);

#endif
