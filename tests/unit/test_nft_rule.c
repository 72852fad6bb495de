// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Rules of nf_tables as `nft --debug=netlink` shows them, built as the kernel writes them.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/types.h>
#include <string.h>

#include "check.h"
#include "host/nft_rule.h"
#include "unit.h"

#define ROOM 2048

enum {
	FIN = 1,
	SYN = 2,
	RST = 4,
	ACK = 16,
	NEW = 8,
	INVALID = 1,
	ESTABLISHED = 2,
	BASE = FIN | SYN | RST | ACK,
	NOTHING = 1000, /* a rule without a verdict */
};

struct expression {
	struct nlmsghdr *message;
	struct nlattr *element, *data;
};

static struct expression begin(struct nlmsghdr *message, const char *name)
{
	struct expression expression = { .message = message };

	expression.element = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
	mnl_attr_put_strz(message, NFTA_EXPR_NAME, name);
	expression.data = mnl_attr_nest_start(message, NFTA_EXPR_DATA);
	return expression;
}

static void end(const struct expression *expression)
{
	mnl_attr_nest_end(expression->message, expression->data);
	mnl_attr_nest_end(expression->message, expression->element);
}

static void put_word(struct nlmsghdr *message, __u16 type, __u32 value)
{
	mnl_attr_put_u32(message, type, htonl(value));
}

static void put_value(struct nlmsghdr *message, __u16 type, const void *value, size_t size)
{
	struct nlattr *nested = mnl_attr_nest_start(message, type);

	mnl_attr_put(message, NFTA_DATA_VALUE, size, value);
	mnl_attr_nest_end(message, nested);
}

static void bitwise(struct nlmsghdr *message, const void *mask, const void * xor, size_t size)
{
	struct expression expression = begin(message, "bitwise");

	put_value(message, NFTA_BITWISE_MASK, mask, size);
	put_value(message, NFTA_BITWISE_XOR, xor, size);
	end(&expression);
}

static void cmp(struct nlmsghdr *message, __u32 op, const void *value, size_t size)
{
	struct expression expression = begin(message, "cmp");

	put_word(message, NFTA_CMP_OP, op);
	put_value(message, NFTA_CMP_DATA, value, size);
	end(&expression);
}

/* payload load 1b @ transport header + at; & mask; cmp */
static void header_byte(struct nlmsghdr *message, __u32 at, __u8 mask, __u32 op, __u8 value)
{
	struct expression expression = begin(message, "payload");
	__u8 none = 0;

	put_word(message, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_word(message, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	put_word(message, NFTA_PAYLOAD_OFFSET, at);
	put_word(message, NFTA_PAYLOAD_LEN, 1);
	end(&expression);
	bitwise(message, &mask, &none, 1);
	cmp(message, op, &value, 1);
}

/* ct load state; & mask; cmp neq 0 */
static void state_is(struct nlmsghdr *message, __u32 mask)
{
	struct expression expression = begin(message, "ct");
	__u32 none = 0;

	put_word(message, NFTA_CT_DREG, NFT_REG_1);
	put_word(message, NFTA_CT_KEY, NFT_CT_STATE);
	end(&expression);
	bitwise(message, &mask, &none, 4);
	cmp(message, NFT_CMP_NEQ, &none, 4);
}

static void verdict(struct nlmsghdr *message, int code)
{
	struct expression expression;
	struct nlattr *data, *inner;

	if (code == NOTHING)
		return;
	expression = begin(message, "immediate");
	put_word(message, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = mnl_attr_nest_start(message, NFTA_IMMEDIATE_DATA);
	inner = mnl_attr_nest_start(message, NFTA_DATA_VERDICT);
	put_word(message, NFTA_VERDICT_CODE, (__u32)code);
	mnl_attr_nest_end(message, inner);
	mnl_attr_nest_end(message, data);
	end(&expression);
}

static struct nlmsghdr *begin_rule(char *buffer, struct nlattr **list)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	mnl_nlmsg_put_extra_header(message, sizeof(struct nfgenmsg));
	mnl_attr_put_strz(message, NFTA_RULE_TABLE, "filter");
	*list = mnl_attr_nest_start(message, NFTA_RULE_EXPRESSIONS);
	return message;
}

static void rule_is_judged_by_what_it_does_to_new_acks(void **state)
{
	static const struct {
		__u32 at;
		__u8 mask;
		__u32 op;
		__u8 value;
		__u32 states;
		int verdict;
		bool bars;
	} cases[] = {
		/* tcp flags & (fin|syn|rst|ack) != syn ct state new drop */
		{ 13, BASE, NFT_CMP_NEQ, SYN, NEW, NF_DROP, true },
		{ 13, BASE, NFT_CMP_NEQ, SYN, NEW | INVALID, NF_DROP, true },
		{ 13, BASE, NFT_CMP_NEQ, SYN, INVALID, NF_DROP, false },
		{ 13, BASE, NFT_CMP_NEQ, SYN, NEW, NFT_JUMP, true },
		{ 13, BASE, NFT_CMP_NEQ, SYN, NEW, NF_ACCEPT, false },
		{ 13, BASE, NFT_CMP_NEQ, SYN, NEW, NOTHING, false }, /* it counts, or logs */
		{ 12, BASE, NFT_CMP_NEQ, SYN, NEW, NF_DROP, false }, /* no flags there */
		/* tcp flags & (fin|syn|rst|ack) == syn ct state new ... */
		{ 13, BASE, NFT_CMP_EQ, SYN, NEW, NF_ACCEPT, true },
		{ 13, BASE, NFT_CMP_EQ, SYN, NEW, NFT_GOTO, true },
		{ 13, BASE, NFT_CMP_EQ, SYN, NEW, NF_DROP, false },
		{ 13, BASE, NFT_CMP_EQ, SYN, ESTABLISHED, NF_ACCEPT, false },
		/* tcp flags & syn == 0; & ack != 0 */
		{ 13, SYN, NFT_CMP_EQ, 0, NEW, NF_DROP, true },
		{ 13, ACK, NFT_CMP_NEQ, 0, NEW, NF_DROP, true },
		/* neither a SYN nor an ACK alone: (fin|rst) == (fin|rst) */
		{ 13, FIN | RST, NFT_CMP_EQ, FIN | RST, NEW, NF_DROP, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char buffer[ROOM] = {};
		struct nlattr *list;
		struct nlmsghdr *message = begin_rule(buffer, &list);

		header_byte(message, cases[i].at, cases[i].mask, cases[i].op, cases[i].value);
		state_is(message, cases[i].states);
		verdict(message, cases[i].verdict);
		mnl_attr_nest_end(message, list);
		must(sw_nft_rule_bars_acks(message) == cases[i].bars, "row %zu", i);
	}
}

static void match(struct nlmsghdr *message, const char *name, const void *info, size_t size)
{
	struct expression expression = begin(message, "match");

	mnl_attr_put_strz(message, NFTA_MATCH_NAME, name);
	put_word(message, NFTA_MATCH_REV, 3);
	mnl_attr_put(message, NFTA_MATCH_INFO, size, info);
	end(&expression);
}

/* -p tcp [!] --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack [!] --ctstate ... */
static void matches_of_iptables_are_judged_alike(void **state)
{
	static const struct {
		__u8 flags_inverted;
		__u16 states, state_inverted;
		int verdict;
		bool bars;
	} cases[] = {
		{ XT_TCP_INV_FLAGS, NEW, 0, NF_DROP, true },
		{ XT_TCP_INV_FLAGS, ESTABLISHED, 0, NF_DROP, false },
		{ XT_TCP_INV_FLAGS, ESTABLISHED, XT_CONNTRACK_STATE, NF_DROP, true },
		{ XT_TCP_INV_FLAGS, NEW, XT_CONNTRACK_STATE, NF_DROP, false },
		{ 0, NEW, 0, NF_DROP, false },
		{ 0, NEW, 0, NF_ACCEPT, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct xt_tcp tcp = { .flg_mask = BASE,
				      .flg_cmp = SYN,
				      .invflags = cases[i].flags_inverted };
		struct xt_conntrack_mtinfo3 ct = { .match_flags = XT_CONNTRACK_STATE,
						   .invert_flags = cases[i].state_inverted,
						   .state_mask = cases[i].states };
		char buffer[ROOM] = {};
		struct nlattr *list;
		struct nlmsghdr *message = begin_rule(buffer, &list);

		match(message, "tcp", &tcp, sizeof(tcp));
		match(message, "conntrack", &ct, sizeof(ct));
		verdict(message, cases[i].verdict);
		mnl_attr_nest_end(message, list);
		must(sw_nft_rule_bars_acks(message) == cases[i].bars, "row %zu", i);
	}
}

static void rule_that_looks_at_one_of_the_two_bars_nothing(void **state)
{
	char buffer[ROOM] = {};
	struct nlattr *list;
	struct nlmsghdr *message = begin_rule(buffer, &list);

	(void)state;
	state_is(message, NEW);
	verdict(message, NF_DROP);
	mnl_attr_nest_end(message, list);
	assert_false(sw_nft_rule_bars_acks(message));
	memset(buffer, 0, sizeof(buffer));
	message = begin_rule(buffer, &list);
	header_byte(message, 13, BASE, NFT_CMP_NEQ, SYN);
	verdict(message, NF_DROP);
	mnl_attr_nest_end(message, list);
	assert_false(sw_nft_rule_bars_acks(message));
}

/* `tcp option maxseg size set 1400`, `... size 1400`, and the like of another option. */
static void rule_that_writes_the_mss_is_told_from_one_that_reads_it(void **state)
{
	static const struct {
		__u16 which;
		__u32 op;
		__u8 option;
		bool sets;
	} cases[] = {
		{ NFTA_EXTHDR_SREG, NFT_EXTHDR_OP_TCPOPT, 2, true },
		{ NFTA_EXTHDR_DREG, NFT_EXTHDR_OP_TCPOPT, 2, false },
		{ NFTA_EXTHDR_SREG, NFT_EXTHDR_OP_TCPOPT, 3, false },
		{ NFTA_EXTHDR_SREG, NFT_EXTHDR_OP_IPV6, 2, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char buffer[ROOM] = {};
		struct nlattr *list;
		struct nlmsghdr *message = begin_rule(buffer, &list);
		struct expression expression = begin(message, "exthdr");

		put_word(message, cases[i].which, NFT_REG_1);
		mnl_attr_put_u8(message, NFTA_EXTHDR_TYPE, cases[i].option);
		put_word(message, NFTA_EXTHDR_OP, cases[i].op);
		end(&expression);
		mnl_attr_nest_end(message, list);
		must(sw_nft_rule_sets_mss(message) == cases[i].sets, "row %zu", i);
	}
}

int test_nft_rule(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_is_judged_by_what_it_does_to_new_acks),
		cmocka_unit_test(matches_of_iptables_are_judged_alike),
		cmocka_unit_test(rule_that_looks_at_one_of_the_two_bars_nothing),
		cmocka_unit_test(rule_that_writes_the_mss_is_told_from_one_that_reads_it),
	};

	return cmocka_run_group_tests_name("rules of nf_tables", tests, NULL, NULL);
}
