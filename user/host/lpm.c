// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Walked key by key, since these maps know no batches.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "host/lpm.h"

static int remove_others(int fd, const struct sw_lpm_entry *entry, size_t count)
{
	struct sw_lpm_entry old = {}, next;
	int err, end = bpf_map_get_next_key(fd, NULL, &next.key) ? errno : 0;

	while (!end) {
		old.key = next.key;
		end = bpf_map_get_next_key(fd, &old.key, &next.key) ? errno : 0;
		if (count && bsearch(&old, entry, count, sizeof(old), sw_lpm_by_key))
			continue;
		err = bpf_map_delete_elem(fd, &old.key) ? -errno : 0;
		if (err && err != -ENOENT)
			return err;
	}
	return end == ENOENT ? 0 : -end;
}

int sw_lpm_write(int fd, const struct sw_lpm_entry *entry, size_t count)
{
	int err = 0;

	for (size_t i = count; !err && i--;)
		err = bpf_map_update_elem(fd, &entry[i].key, &entry[i].value, BPF_ANY) ? -errno : 0;
	return err ?: remove_others(fd, entry, count);
}
