// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A row each, until they are sorted and those of a kind become one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/tally.h"

int sw_tally_add(struct sw_tally *tally, const __u8 address[16], __u32 number)
{
	struct sw_tally_row *row;

	if (tally->count == tally->room) {
		size_t room = tally->room ? 2 * tally->room : 256;

		row = reallocarray(tally->row, room, sizeof(*row));
		if (!row)
			return -ENOMEM;
		tally->row = row;
		tally->room = room;
	}
	row = &tally->row[tally->count++];
	*row = (struct sw_tally_row){ .number = number, .count = 1 };
	if (address)
		memcpy(row->address, address, sizeof(row->address));
	return 0;
}

static int by_kind(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct sw_tally_row, count));
}

static int by_count(const void *a, const void *b)
{
	const struct sw_tally_row *one = a, *other = b;

	if (one->count != other->count)
		return one->count > other->count ? -1 : 1;
	return by_kind(a, b);
}

void sw_tally_settle(struct sw_tally *tally)
{
	size_t kinds = 0;

	if (!tally->count)
		return;
	qsort(tally->row, tally->count, sizeof(*tally->row), by_kind);
	for (size_t i = 1; i < tally->count; i++) {
		if (by_kind(&tally->row[kinds], &tally->row[i]))
			tally->row[++kinds] = tally->row[i];
		else
			tally->row[kinds].count += tally->row[i].count;
	}
	tally->count = kinds + 1;
	qsort(tally->row, tally->count, sizeof(*tally->row), by_count);
}

void sw_tally_free(struct sw_tally *tally)
{
	free(tally->row);
	*tally = (struct sw_tally){};
}
