/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What one rule of nf_tables makes of a connection that begins with an ACK, as one does whose SYN was
 * answered at XDP: connection tracking takes it for new.
 */
#ifndef SYNWARD_USER_NFT_RULE_H
#define SYNWARD_USER_NFT_RULE_H

#include <linux/netlink.h>
#include <stdbool.h>

/*
 * True of a message (NFT_MSG_NEWRULE) whose rule sets SYNs and ACKs apart among what is new, to the ACKs'
 * cost as far as can be seen: it drops them, accepts the SYNs alone, or sends one of the two elsewhere.
 */
bool sw_nft_rule_bars_acks(const struct nlmsghdr *message);

/* True of one that sends packets to another port or socket than their own: TPROXY, REDIRECT. */
bool sw_nft_rule_diverts(const struct nlmsghdr *message);

/* True of one that writes the MSS of SYNs: `tcp option maxseg size set`, TCPMSS. */
bool sw_nft_rule_sets_mss(const struct nlmsghdr *message);

#endif
