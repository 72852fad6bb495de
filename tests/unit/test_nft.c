// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What a chain of nf_tables hinders, read from messages as the kernel writes them.
 */
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include <synward/guard.h>

#include "check.h"
#include "host/nft.h"
#include "unit.h"

struct text {
	const char *bytes;
	size_t length;
};

#define TEXT(literal)                    \
	{                                \
		literal, sizeof(literal) \
	}

/* A chain of this family, with its name and, if it is a base chain, its type. */
static struct nlmsghdr *chain(char *buffer, __u8 family, struct text type)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(message, sizeof(*head));

	message->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN;
	head->nfgen_family = family;
	mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, "nat");
	mnl_attr_put_strz(message, NFTA_CHAIN_NAME, "nat");
	if (type.length)
		mnl_attr_put(message, NFTA_CHAIN_TYPE, type.length, type.bytes);
	return message;
}

static void chain_of_type_nat_hinders_its_families(void **state)
{
	static const struct {
		__u8 family;
		struct text type;
		__u8 ipv4, ipv6;
	} cases[] = {
		{ NFPROTO_IPV4, TEXT("nat"), HINDRANCE_NAT, 0 },
		{ NFPROTO_IPV6, TEXT("nat"), 0, HINDRANCE_NAT },
		{ NFPROTO_INET, TEXT("nat"), HINDRANCE_NAT, HINDRANCE_NAT },
		{ NFPROTO_INET, TEXT("filter"), 0, 0 },
		{ NFPROTO_INET, TEXT("natty"), 0, 0 },
		{ NFPROTO_IPV4, { "nat", 3 }, 0, 0 }, /* no end: not the kernel's */
		{ NFPROTO_IPV4, { NULL, 0 }, 0, 0 }, /* no base chain */
		{ NFPROTO_BRIDGE, TEXT("nat"), 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char buffer[256] = {};
		__u8 hindrance[2] = {};

		sw_nft_note_chain(chain(buffer, cases[i].family, cases[i].type), hindrance);
		must(hindrance[0] == cases[i].ipv4 && hindrance[1] == cases[i].ipv6,
		     "row %zu: %d, %d", i, hindrance[0], hindrance[1]);
	}
}

static void chains_add_up(void **state)
{
	char buffer[256] = {};
	__u8 hindrance[2] = {};

	(void)state;
	sw_nft_note_chain(chain(buffer, NFPROTO_IPV4, (struct text)TEXT("nat")), hindrance);
	sw_nft_note_chain(chain(buffer, NFPROTO_INET, (struct text)TEXT("filter")), hindrance);
	assert_int_equal(hindrance[0], HINDRANCE_NAT);
	assert_int_equal(hindrance[1], 0);
}

static void message_too_short_says_nothing(void **state)
{
	char buffer[256] = {};
	struct nlmsghdr *message = chain(buffer, NFPROTO_INET, (struct text)TEXT("nat"));
	__u8 hindrance[2] = {};

	(void)state;
	message->nlmsg_len = NLMSG_HDRLEN + 2;
	sw_nft_note_chain(message, hindrance);
	assert_int_equal(hindrance[0] | hindrance[1], 0);
}

int test_nft(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_of_type_nat_hinders_its_families),
		cmocka_unit_test(chains_add_up),
		cmocka_unit_test(message_too_short_says_nothing),
	};

	return cmocka_run_group_tests_name("nf_tables", tests, NULL, NULL);
}
