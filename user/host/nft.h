/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What nf_tables has in this network namespace, as far as it stands between guard and its listeners.
 * iptables-nft's tables are among it; iptables-legacy's are not.
 */
#ifndef SYNWARD_USER_NFT_H
#define SYNWARD_USER_NFT_H

#include <linux/netlink.h>
#include <linux/types.h>
#include <stdbool.h>

/* Adds to hindrance[], by family, what chains and rules say. 0 or -errno. */
int sw_nft_read(__u8 hindrance[2]);

/* Likewise, whether there are rules that do so (1), see nft_rule.h. 0 or -errno. */
int sw_nft_find_rules(bool (*does)(const struct nlmsghdr *message), __u8 found[2]);

/* The same of one message that tells of a chain. */
void sw_nft_note_chain(const struct nlmsghdr *message, __u8 hindrance[2]);

/*
 * A descriptor that becomes readable when nf_tables changes, or -errno; -EOPNOTSUPP: there is none. sw_nft_changed() empties it:
 * whether a table, chain or rule has come or gone, or too much to tell.
 */
int sw_nft_watch(void);
bool sw_nft_changed(int watch_fd);

#endif
