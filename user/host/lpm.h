/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Maps of prefixes: brought to hold what they are to hold while the data path looks into them.
 */
#ifndef SYNWARD_USER_LPM_H
#define SYNWARD_USER_LPM_H

#include <stddef.h>
#include <string.h>

#include <synward/guard.h>

struct sw_lpm_entry {
	struct sw_local_key key;
	__u32 value;
};

/* For qsort(). */
static inline int sw_lpm_by_key(const void *a, const void *b)
{
	const struct sw_lpm_entry *one = a, *other = b;

	return memcmp(&one->key, &other->key, sizeof(one->key));
}

/* The key of a network; address: NULL is all zero. */
struct sw_local_key sw_lpm_key(unsigned char family, __u32 length, const void *address);

/*
 * The entries are in order, each key once. They are written the last first, and what else is there goes
 * then: a prefix that stays is there throughout. 0 or -errno.
 */
int sw_lpm_write(int fd, const struct sw_lpm_entry *entry, size_t count);

#endif
