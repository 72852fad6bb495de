// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The bar is drawn again when another percent has been read.
 */
#include <unistd.h>

#include "replay/progress.h"

#define LARGE  (32ULL << 20)
#define STRIDE 4096 /* frames from look to look */

#define NOTHING ~0U /* no bar is to be seen */

void sw_progress_begin(struct sw_progress *progress, const struct sw_capture *capture, bool busy)
{
	*progress = (struct sw_progress){
		.shown = capture->size >= LARGE && isatty(STDERR_FILENO) &&
			 !(busy && isatty(STDOUT_FILENO)),
		.percent = NOTHING,
	};
}

void sw_progress_step(struct sw_progress *progress, const struct sw_capture *capture)
{
	static const char full[] = "##################################################";
	unsigned int percent;

	if (!progress->shown || ++progress->frames % STRIDE)
		return;
	percent = sw_capture_percent(capture);
	if (percent == progress->percent)
		return;
	progress->percent = percent;
	fprintf(stderr, "\r[%-50.*s] %3u %%", (int)percent / 2, full, percent);
}

void sw_progress_wipe(struct sw_progress *progress)
{
	if (progress->percent != NOTHING)
		fprintf(stderr, "\r%58s\r", "");
	progress->percent = NOTHING;
}
