// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Walked key by key, since these maps know no batches.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/lpm.h"

struct sw_local_key sw_lpm_key(unsigned char family, __u32 length, const void *address)
{
	struct sw_local_key key = { .bits = length };
	bool ipv4 = family == AF_INET;

	if (ipv4) {
		key.address[2] = htonl(0xffff);
		key.bits += SW_MAPPED_BITS;
	}
	if (address)
		memcpy(ipv4 ? &key.address[3] : key.address, address, ipv4 ? 4 : 16);
	return key;
}

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
