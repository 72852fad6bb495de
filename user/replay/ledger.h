/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What replay knows of the flows that are live and the programs don't: when each began by the
 * capture's clock, how many of its segments were refused, which tunnels it was found in. The same
 * endpoints in two tunnels are two flows: the programs, whose key has no tunnel, get to see made-up
 * addresses of such a flow.
 */
#ifndef SYNWARD_REPLAY_LEDGER_H
#define SYNWARD_REPLAY_LEDGER_H

#include <synward/segment.h>

#include "replay/layer.h"

struct sw_entry {
	struct sw_flow_key key;
	struct sw_tunnel tunnel[2]; /* around what each end sends, ... */
	bool sent[2]; /* ... if it has sent */
	bool used, alias;
	__u32 number; /* its place in the ledger */
	__u32 next; /* in its bucket, or among the free ones */
	__s64 start_ns; /* since the epoch */
	__u64 refused; /* segments that changed nothing */
};

struct sw_ledger {
	struct sw_entry *entry;
	__u32 count, room; /* entries ever in use, and memory for so many */
	__u32 live; /* in use now */
	__u32 free; /* the first free one, by number + 1; 0: none */
	__u32 *bucket; /* of entries, by number + 1 */
	__u32 buckets; /* a power of two */
};

/*
 * The entry of a segment's flow. NULL: there is none. An id that is only the sender's may come to be
 * another within a flow; but a SYN that has another one is of another flow.
 */
struct sw_entry *sw_ledger_find(const struct sw_ledger *ledger, const struct sw_segment *seg,
				const struct sw_tunnel *tunnel);

/* The same, made if there was none; it holds until the next call. NULL: there is no memory. */
struct sw_entry *sw_ledger_open(struct sw_ledger *ledger, const struct sw_segment *seg,
				const struct sw_tunnel *tunnel);

/* The flow is over. */
void sw_ledger_close(struct sw_ledger *ledger, struct sw_entry *entry);

/* The key that the programs have for it, and the entry that they have under that key, or NULL. */
void sw_ledger_alias(const struct sw_entry *entry, struct sw_flow_key *key);
struct sw_entry *sw_ledger_by_key(const struct sw_ledger *ledger, const struct sw_flow_key *key);

void sw_ledger_free(struct sw_ledger *ledger);

#endif
