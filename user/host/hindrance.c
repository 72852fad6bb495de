// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * nf_nat registers its hooks for two callers: a chain of nf_tables' type "nat", whatever its rules, and
 * the table "nat" of iptables-legacy, which once used is there until its namespace ends. Both can be
 * listed on every kernel; nfnetlink_hook, which lists the hooks themselves, is an option that many don't
 * have. Rules are read of nf_tables alone; connection tracking itself may be told to take nothing up
 * that did not begin with a SYN.
 */
#include <string.h>

#include <synward/guard.h>

#include "host/bridge.h"
#include "host/hindrance.h"
#include "host/kernel.h"
#include "host/legacy.h"
#include "host/nft.h"

int sw_hindrance_read(const struct sw_iface_state *iface, size_t count, __u8 hindrance[2])
{
	__u8 both = 0;
	int err;

	memset(hindrance, 0, 2);
	err = sw_nft_read(hindrance) ?: sw_bridge_read(iface, count, hindrance);
	if (err)
		return err;
	for (int family = 0; family < 2; family++)
		if (sw_legacy_has("nat", family))
			hindrance[family] |= HINDRANCE_NAT;
	if (!sw_sysctl_read("net/netfilter/nf_conntrack_tcp_loose"))
		both |= HINDRANCE_NEW_ACK;
	if (sw_syncookies_read() == SYNCOOKIES_NEVER)
		both |= HINDRANCE_SYNCOOKIES;
	hindrance[0] |= both;
	hindrance[1] |= both;
	return 0;
}
