// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A hash of chains over an array whose free places are chained, too. Entries are found by the flow's
 * own key and by what the ids of its tunnels have in common for both directions.
 */
#include <stdlib.h>

#include "replay/ledger.h"

#define BUCKETS_MIN 1024

/* An address that begins so is made up: of no network (RFC 4193), and "synward". */
static const __u8 mark[] = { 0xfd, 's', 'y', 'n', 'w', 'a', 'r', 'd' };

static const __u32 masks[] = {
#define SW_TUNNEL_MASK(id, name, mask) mask,
	SW_TUNNELS(SW_TUNNEL_MASK)
#undef SW_TUNNEL_MASK
};

/* --- Finding -------------------------------------------------------------------------------- */

/* The next level at or after `level` whose id both directions share. */
static int next_shared(const struct sw_tunnel *tunnel, int level)
{
	while (level < tunnel->levels && !masks[tunnel->kind[level]])
		level++;
	return level;
}

static bool same_shared(const struct sw_tunnel *one, const struct sw_tunnel *other)
{
	int i = next_shared(one, 0), j = next_shared(other, 0);

	while (i < one->levels && j < other->levels) {
		if (one->kind[i] != other->kind[j] ||
		    ((one->id[i] ^ other->id[j]) & masks[one->kind[i]]))
			return false;
		i = next_shared(one, i + 1);
		j = next_shared(other, j + 1);
	}
	return i == one->levels && j == other->levels;
}

static __u32 hash(const struct sw_flow_key *key, const struct sw_tunnel *tunnel)
{
	__u32 word[sizeof(*key) / 4], mixed = 0;

	memcpy(word, key, sizeof(*key));
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		mixed = (mixed ^ word[i]) * 2654435761U + (mixed >> 15);
	for (int i = next_shared(tunnel, 0); i < tunnel->levels; i = next_shared(tunnel, i + 1))
		mixed = (mixed ^ (tunnel->id[i] & masks[tunnel->kind[i]])) * 2654435761U;
	return mixed ^ mixed >> 16;
}

static const struct sw_tunnel *any_tunnel(const struct sw_entry *entry)
{
	return &entry->tunnel[entry->sent[0] ? 0 : 1];
}

/* How well a segment fits an entry of its endpoints; 0: not at all. */
static int fit(const struct sw_entry *entry, const struct sw_segment *seg,
	       const struct sw_tunnel *tunnel)
{
	bool syn = (seg->flags & (SW_TCP_SYN | SW_TCP_ACK)) == SW_TCP_SYN;
	__u8 sender = seg->sender;

	if (memcmp(&entry->key, &seg->key, sizeof(seg->key)) ||
	    !same_shared(any_tunnel(entry), tunnel))
		return 0;
	if (entry->sent[sender])
		return sw_tunnel_same(&entry->tunnel[sender], tunnel) ? 4 : !syn;
	return sw_tunnel_same(&entry->tunnel[!sender], tunnel) ? 3 : 2;
}

struct sw_entry *sw_ledger_find(const struct sw_ledger *ledger, const struct sw_segment *seg,
				const struct sw_tunnel *tunnel)
{
	struct sw_entry *best = NULL;
	int best_fit = 0;
	__u32 at;

	if (!ledger->buckets)
		return NULL;
	at = ledger->bucket[hash(&seg->key, tunnel) & (ledger->buckets - 1)];
	for (; at; at = ledger->entry[at - 1].next) {
		int fits = fit(&ledger->entry[at - 1], seg, tunnel);

		if (fits <= best_fit)
			continue;
		best = &ledger->entry[at - 1];
		best_fit = fits;
	}
	return best;
}

/* --- Making --------------------------------------------------------------------------------- */

static void chain(struct sw_ledger *ledger, struct sw_entry *entry)
{
	__u32 at = hash(&entry->key, any_tunnel(entry)) & (ledger->buckets - 1);

	entry->next = ledger->bucket[at];
	ledger->bucket[at] = entry->number + 1;
}

/* As many buckets as entries. */
static bool grow_buckets(struct sw_ledger *ledger)
{
	__u32 buckets = ledger->buckets ? 2 * ledger->buckets : BUCKETS_MIN;
	__u32 *bucket = calloc(buckets, sizeof(*bucket));

	if (!bucket)
		return false;
	free(ledger->bucket);
	ledger->bucket = bucket;
	ledger->buckets = buckets;
	for (__u32 i = 0; i < ledger->count; i++)
		if (ledger->entry[i].used)
			chain(ledger, &ledger->entry[i]);
	return true;
}

static bool grow_entries(struct sw_ledger *ledger)
{
	__u32 room = ledger->room ? 2 * ledger->room : BUCKETS_MIN;
	struct sw_entry *entry = reallocarray(ledger->entry, room, sizeof(*entry));

	if (!entry)
		return false;
	ledger->entry = entry;
	ledger->room = room;
	return true;
}

static struct sw_entry *take_place(struct sw_ledger *ledger)
{
	__u32 number = ledger->free ? ledger->free - 1 : ledger->count;

	if (ledger->live == ledger->buckets && !grow_buckets(ledger))
		return NULL;
	if (number == ledger->room && !grow_entries(ledger))
		return NULL;
	if (ledger->free)
		ledger->free = ledger->entry[number].next;
	else
		ledger->count++;
	ledger->live++;
	ledger->entry[number] = (struct sw_entry){ .number = number, .used = true };
	return &ledger->entry[number];
}

struct sw_entry *sw_ledger_open(struct sw_ledger *ledger, const struct sw_segment *seg,
				const struct sw_tunnel *tunnel)
{
	struct sw_entry *entry = sw_ledger_find(ledger, seg, tunnel);
	bool known = entry != NULL;

	if (!known)
		entry = take_place(ledger);
	if (!entry)
		return NULL;
	entry->key = seg->key;
	entry->tunnel[seg->sender] = *tunnel;
	entry->sent[seg->sender] = true;
	if (known)
		return entry;
	entry->alias = tunnel->levels || !memcmp(seg->key.addr[0], mark, sizeof(mark)) ||
		       !memcmp(seg->key.addr[1], mark, sizeof(mark));
	chain(ledger, entry);
	return entry;
}

void sw_ledger_close(struct sw_ledger *ledger, struct sw_entry *entry)
{
	__u32 at = hash(&entry->key, any_tunnel(entry)) & (ledger->buckets - 1);
	__u32 *link = &ledger->bucket[at];

	while (*link != entry->number + 1)
		link = &ledger->entry[*link - 1].next;
	*link = entry->next;
	entry->used = false;
	entry->next = ledger->free;
	ledger->free = entry->number + 1;
	ledger->live--;
}

/* --- Aliases -------------------------------------------------------------------------------- */

/* Mark, number, and which end: the order of the two stays as it was. */
void sw_ledger_alias(const struct sw_entry *entry, struct sw_flow_key *key)
{
	*key = entry->key;
	if (!entry->alias)
		return;
	memset(key->addr, 0, sizeof(key->addr));
	for (int end = 0; end < 2; end++) {
		memcpy(key->addr[end], mark, sizeof(mark));
		memcpy(key->addr[end] + 8, &entry->number, sizeof(entry->number));
		key->addr[end][15] = end && !sw_key_is_self(&entry->key);
	}
}

struct sw_entry *sw_ledger_by_key(const struct sw_ledger *ledger, const struct sw_flow_key *key)
{
	static const struct sw_tunnel none;
	struct sw_entry *entry;
	__u32 number, at;

	if (!memcmp(key->addr[0], mark, sizeof(mark))) {
		memcpy(&number, key->addr[0] + 8, sizeof(number));
		entry = number < ledger->count ? &ledger->entry[number] : NULL;
		return entry && entry->used && entry->alias ? entry : NULL;
	}
	at = ledger->buckets ? ledger->bucket[hash(key, &none) & (ledger->buckets - 1)] : 0;
	for (; at; at = ledger->entry[at - 1].next) {
		entry = &ledger->entry[at - 1];
		if (!entry->alias && !memcmp(&entry->key, key, sizeof(*key)))
			return entry;
	}
	return NULL;
}

void sw_ledger_free(struct sw_ledger *ledger)
{
	free(ledger->entry);
	free(ledger->bucket);
	*ledger = (struct sw_ledger){};
}
