// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The first look has none to be compared with.
 */
#include <string.h>

#include "model/history.h"

void sw_history_look(struct sw_history *history, __u64 count, __u64 time_ns)
{
	__u64 added = count > history->count ? count - history->count : 0;
	__u64 passed = time_ns - history->time_ns;

	if (history->time_ns && passed) {
		memmove(history->rate + 1, history->rate,
			(SW_HISTORY_LOOKS - 1) * sizeof(history->rate[0]));
		history->rate[0] = (double)added * 1e9 / (double)passed;
		if (history->looks < SW_HISTORY_LOOKS)
			history->looks++;
	}
	history->count = count;
	history->time_ns = time_ns;
}

double sw_history_highest(const struct sw_history *history, int looks)
{
	double highest = 0;

	for (int i = 0; i < looks && i < history->looks; i++)
		if (history->rate[i] > highest)
			highest = history->rate[i];
	return highest;
}
