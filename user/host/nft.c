// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * nf_tables by netlink. A kernel without it answers that it knows no such request: then there is
 * nothing of it. A chain of a dormant table counts: it is one command away from being in force.
 */
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include <synward/guard.h>

#include "host/netlink.h"
#include "host/nft.h"
#include "host/nft_rule.h"

/* Into the families that a table's family covers. */
static void note(__u8 found[2], __u8 family, __u8 what)
{
	if (family == NFPROTO_IPV4 || family == NFPROTO_INET)
		found[0] |= what;
	if (family == NFPROTO_IPV6 || family == NFPROTO_INET)
		found[1] |= what;
}

void sw_nft_note_chain(const struct nlmsghdr *message, __u8 hindrance[2])
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	if (message->nlmsg_len < mnl_nlmsg_size(sizeof(*head)))
		return;
	mnl_attr_for_each (attr, message, sizeof(*head))
		if (mnl_attr_get_type(attr) == NFTA_CHAIN_TYPE &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 &&
		    !strcmp(mnl_attr_get_str(attr), "nat"))
			note(hindrance, head->nfgen_family, HINDRANCE_NAT);
}

static int take_chain(const struct nlmsghdr *message, void *hindrance)
{
	sw_nft_note_chain(message, hindrance);
	return MNL_CB_OK;
}

static int take_rule(const struct nlmsghdr *message, void *hindrance)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);

	if (sw_nft_rule_bars_acks(message))
		note(hindrance, head->nfgen_family, HINDRANCE_NEW_ACK);
	return MNL_CB_OK;
}

/* All of all families. */
static int list(__u16 what, mnl_cb_t take, void *context)
{
	char buffer[SW_NETLINK_REQUEST];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *head;

	request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | what;
	head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
	head->nfgen_family = NFPROTO_UNSPEC;
	head->version = NFNETLINK_V0;
	return sw_netlink_list(NETLINK_NETFILTER, request, take, context);
}

/* So often a list that changed under its reader is read anew. */
#define TRIES 16

/* There is no nf_tables. */
static bool unknown(int err)
{
	return err == -EPROTONOSUPPORT || err == -EINVAL || err == -EOPNOTSUPP;
}

int sw_nft_read(__u8 hindrance[2])
{
	int err = -EINTR;

	for (int i = 0; err == -EINTR && i < TRIES; i++)
		err = list(NFT_MSG_GETCHAIN, take_chain, hindrance)
			      ?: list(NFT_MSG_GETRULE, take_rule, hindrance);
	return unknown(err) ? 0 : err;
}

struct sought {
	bool (*does)(const struct nlmsghdr *message);
	__u8 *found;
};

static int take_sought(const struct nlmsghdr *message, void *context)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	const struct sought *sought = context;

	if (sought->does(message))
		note(sought->found, head->nfgen_family, 1);
	return MNL_CB_OK;
}

int sw_nft_find_rules(bool (*does)(const struct nlmsghdr *message), __u8 found[2])
{
	struct sought sought = { does, found };
	int err = list(NFT_MSG_GETRULE, take_sought, &sought);

	return unknown(err) ? 0 : err;
}

/* --- Changes -------------------------------------------------------------------------------- */

int sw_nft_watch(void)
{
	static const int group = NFNLGRP_NFTABLES;
	int fd = sw_netlink_listen(NETLINK_NETFILTER, &group, 1);

	return unknown(fd) ? -EOPNOTSUPP : fd;
}

static int take_change(const struct nlmsghdr *message, void *changed)
{
	switch (message->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_DELTABLE:
	case NFT_MSG_NEWCHAIN:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_NEWRULE:
	case NFT_MSG_DELRULE:
		*(bool *)changed = true;
	}
	return MNL_CB_OK;
}

bool sw_nft_changed(int watch_fd)
{
	bool changed = false;

	return sw_netlink_hear(watch_fd, take_change, &changed) || changed;
}
