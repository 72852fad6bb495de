// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * One run of synward_tell an event.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include "host/clock.h"
#include "host/tell.h"
#include "synward.skel.h"

int sw_tell(const struct sw_tracker *tracker, struct sw_event event)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &event, .ctx_size_in = sizeof(event));
	int fd = bpf_program__fd(tracker->object->progs.synward_tell);

	event.time_ns = sw_monotonic_ns();
	return bpf_prog_test_run_opts(fd, &run) ? -errno : 0;
}
