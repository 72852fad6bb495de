// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * One element at key 0, as much of it as the map's values are long.
 */
#include <bpf/bpf.h>
#include <errno.h>

#include "model/map_fds.h"

int sw_map_read_one(int fd, void *value)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(fd, &zero, value) ? -errno : 0;
}
