// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A rule is a list of expressions: one loads something (a header's bytes, the state of the connection),
 * the next masks it, the next compares it; iptables' matches come as they are. Each comparison is done
 * here with a SYN and with an ACK in hand. What can't be followed is taken to apply.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/types.h>
#include <netinet/tcp.h>
#include <string.h>

#include "host/nft_rule.h"

#define STATE_NEW 8 /* the bit of nf_tables' ct state, of xt_state and of xt_conntrack */

#define FLAGS_AT 13 /* of the TCP header (RFC 9293, 3.1) */
#define FLAG_SYN 0x02
#define FLAG_ACK 0x10

enum loaded {
	LOADED_OTHER,
	LOADED_STATE,
	LOADED_FLAGS,
};

struct rule {
	enum loaded loaded;
	__u32 mask, flip; /* what has been done to it since */
	bool state, flags; /* it has been compared */
	bool new, syn, ack; /* what is new, a SYN, an ACK would come so far */
	bool acts, accepts, drops, diverts, sets_mss;
};

/* Attributes by their numbers. */
#define ATTRS_MAX 16
struct attrs {
	const struct nlattr *attr[ATTRS_MAX];
};

static struct attrs open_nested(const struct nlattr *nested)
{
	struct attrs attrs = {};
	const struct nlattr *attr;

	mnl_attr_for_each_nested (attr, nested)
		if (mnl_attr_get_type(attr) < ATTRS_MAX)
			attrs.attr[mnl_attr_get_type(attr)] = attr;
	return attrs;
}

/* A number in network order; 0 if it is not there. */
static __u32 number(const struct attrs *attrs, int type)
{
	const struct nlattr *attr = attrs->attr[type];

	return attr && mnl_attr_get_payload_len(attr) >= 4 ? ntohl(mnl_attr_get_u32(attr)) : 0;
}

/* A register's value: one byte of a header, or a word of the kernel's own. */
static bool value(const struct attrs *attrs, int type, __u32 *word)
{
	struct attrs data;
	const struct nlattr *bytes;

	if (!attrs->attr[type])
		return false;
	data = open_nested(attrs->attr[type]);
	bytes = data.attr[NFTA_DATA_VALUE];
	if (!bytes)
		return false;
	if (mnl_attr_get_payload_len(bytes) == 1)
		*word = mnl_attr_get_u8(bytes);
	else if (mnl_attr_get_payload_len(bytes) == 4)
		*word = mnl_attr_get_u32(bytes);
	else
		return false;
	return true;
}

/* --- nf_tables' own expressions ------------------------------------------------------------- */

static void load(struct rule *rule, enum loaded what)
{
	rule->loaded = what;
	rule->mask = ~0U;
	rule->flip = 0;
}

static void take_ct(struct rule *rule, const struct attrs *data)
{
	bool state = data->attr[NFTA_CT_DREG] && number(data, NFTA_CT_KEY) == NFT_CT_STATE;

	load(rule, state ? LOADED_STATE : LOADED_OTHER);
}

static void take_payload(struct rule *rule, const struct attrs *data)
{
	bool flags = number(data, NFTA_PAYLOAD_BASE) == NFT_PAYLOAD_TRANSPORT_HEADER &&
		     number(data, NFTA_PAYLOAD_OFFSET) == FLAGS_AT &&
		     number(data, NFTA_PAYLOAD_LEN) == 1;

	load(rule, flags ? LOADED_FLAGS : LOADED_OTHER);
}

static void take_bitwise(struct rule *rule, const struct attrs *data)
{
	__u32 mask = ~0U, flip = 0;

	value(data, NFTA_BITWISE_MASK, &mask);
	value(data, NFTA_BITWISE_XOR, &flip);
	rule->mask &= mask;
	rule->flip = (rule->flip & mask) ^ flip;
}

static bool compares(const struct rule *rule, __u32 op, __u32 with, __u32 loaded)
{
	bool equal = ((loaded & rule->mask) ^ rule->flip) == with;

	return op == NFT_CMP_NEQ ? !equal : equal;
}

static void take_cmp(struct rule *rule, const struct attrs *data)
{
	__u32 op = number(data, NFTA_CMP_OP), with;

	if (!value(data, NFTA_CMP_DATA, &with))
		return;
	if (rule->loaded == LOADED_STATE) {
		rule->state = true;
		rule->new &= compares(rule, op, with, STATE_NEW);
	} else if (rule->loaded == LOADED_FLAGS) {
		rule->flags = true;
		rule->syn &= compares(rule, op, with, FLAG_SYN);
		rule->ack &= compares(rule, op, with, FLAG_ACK);
	}
}

/* A set, which may hold anything: of states what is new, of flags the SYN's alone. */
static void take_lookup(struct rule *rule, const struct attrs *data)
{
	(void)data;
	if (rule->loaded == LOADED_STATE)
		rule->state = true;
	if (rule->loaded == LOADED_FLAGS) {
		rule->flags = true;
		rule->ack = false;
	}
}

static void take_immediate(struct rule *rule, const struct attrs *data)
{
	struct attrs inner;

	if (number(data, NFTA_IMMEDIATE_DREG) != NFT_REG_VERDICT ||
	    !data->attr[NFTA_IMMEDIATE_DATA])
		return;
	inner = open_nested(data->attr[NFTA_IMMEDIATE_DATA]);
	if (!inner.attr[NFTA_DATA_VERDICT])
		return;
	inner = open_nested(inner.attr[NFTA_DATA_VERDICT]);
	rule->acts = true;
	rule->accepts = number(&inner, NFTA_VERDICT_CODE) == NF_ACCEPT;
	rule->drops = number(&inner, NFTA_VERDICT_CODE) == NF_DROP;
}

static void take_reject(struct rule *rule, const struct attrs *data)
{
	(void)data;
	rule->acts = rule->drops = true;
}

static void take_divert(struct rule *rule, const struct attrs *data)
{
	(void)data;
	rule->acts = rule->diverts = true;
}

/* A TCP option, or a header of IPv6: read into a register, or written from one. */
static void take_exthdr(struct rule *rule, const struct attrs *data)
{
	const struct nlattr *type = data->attr[NFTA_EXTHDR_TYPE];

	if (data->attr[NFTA_EXTHDR_SREG] && number(data, NFTA_EXTHDR_OP) == NFT_EXTHDR_OP_TCPOPT &&
	    type && mnl_attr_get_u8(type) == TCPOPT_MAXSEG)
		rule->sets_mss = true;
	else
		load(rule, LOADED_OTHER);
}

/* --- iptables' matches and targets ---------------------------------------------------------- */

static void take_state(struct rule *rule, bool new)
{
	rule->state = true;
	rule->new &= new;
}

static void take_xt_tcp(struct rule *rule, const struct xt_tcp *tcp)
{
	bool invert = tcp->invflags & XT_TCP_INV_FLAGS;

	if (!tcp->flg_mask)
		return;
	rule->flags = true;
	rule->syn &= ((FLAG_SYN & tcp->flg_mask) == tcp->flg_cmp) != invert;
	rule->ack &= ((FLAG_ACK & tcp->flg_mask) == tcp->flg_cmp) != invert;
}

static void take_match(struct rule *rule, const struct attrs *data)
{
	const struct nlattr *name = data->attr[NFTA_MATCH_NAME],
			    *info = data->attr[NFTA_MATCH_INFO];
	size_t length = info ? mnl_attr_get_payload_len(info) : 0;
	const void *what = info ? mnl_attr_get_payload(info) : NULL;
	const struct xt_conntrack_mtinfo3 *ct = what;

	if (!name)
		return;
	if (!strcmp(mnl_attr_get_str(name), "tcp") && length >= sizeof(struct xt_tcp))
		take_xt_tcp(rule, what);
	if (!strcmp(mnl_attr_get_str(name), "state") && length >= sizeof(struct xt_state_info))
		take_state(rule, ((const struct xt_state_info *)what)->statemask & STATE_NEW);
	if (!strcmp(mnl_attr_get_str(name), "conntrack") && length >= sizeof(*ct) &&
	    (ct->match_flags & XT_CONNTRACK_STATE))
		take_state(rule, !(ct->state_mask & STATE_NEW) ==
					 !!(ct->invert_flags & XT_CONNTRACK_STATE));
}

static void take_target(struct rule *rule, const struct attrs *data)
{
	const struct nlattr *name = data->attr[NFTA_TARGET_NAME];

	if (name && !strcmp(mnl_attr_get_str(name), "REJECT"))
		rule->acts = rule->drops = true;
	if (name && (!strcmp(mnl_attr_get_str(name), "TPROXY") ||
		     !strcmp(mnl_attr_get_str(name), "REDIRECT")))
		take_divert(rule, data);
	if (name && !strcmp(mnl_attr_get_str(name), "TCPMSS"))
		rule->sets_mss = true;
}

/* --- The rule ------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*take)(struct rule *rule, const struct attrs *data);
} expressions[] = {
	{ "ct", take_ct },
	{ "payload", take_payload },
	{ "bitwise", take_bitwise },
	{ "cmp", take_cmp },
	{ "lookup", take_lookup },
	{ "match", take_match },
	{ "immediate", take_immediate },
	{ "reject", take_reject },
	{ "target", take_target },
	{ "tproxy", take_divert },
	{ "redir", take_divert },
	{ "exthdr", take_exthdr },
};

static void take_expression(struct rule *rule, const struct nlattr *element)
{
	struct attrs attrs = open_nested(element), data = {};
	const struct nlattr *name = attrs.attr[NFTA_EXPR_NAME];
	bool known = false;

	if (!name)
		return;
	if (attrs.attr[NFTA_EXPR_DATA])
		data = open_nested(attrs.attr[NFTA_EXPR_DATA]);
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++)
		if (!strcmp(mnl_attr_get_str(name), expressions[i].name)) {
			expressions[i].take(rule, &data);
			known = true;
		}
	if (!known) /* it may have loaded something else */
		load(rule, LOADED_OTHER);
}

static void take_expressions(struct rule *rule, const struct nlattr *list)
{
	const struct nlattr *element;

	mnl_attr_for_each_nested (element, list)
		take_expression(rule, element);
}

static struct rule read_rule(const struct nlmsghdr *message)
{
	struct rule rule = { .new = true, .syn = true, .ack = true };
	const struct nlattr *attr;

	mnl_attr_for_each (attr, message, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == NFTA_RULE_EXPRESSIONS)
			take_expressions(&rule, attr);
	return rule;
}

bool sw_nft_rule_diverts(const struct nlmsghdr *message)
{
	return read_rule(message).diverts;
}

bool sw_nft_rule_sets_mss(const struct nlmsghdr *message)
{
	return read_rule(message).sets_mss;
}

bool sw_nft_rule_bars_acks(const struct nlmsghdr *message)
{
	struct rule rule = read_rule(message);

	if (!rule.state || !rule.flags || !rule.new || !rule.acts || rule.syn == rule.ack)
		return false;
	return rule.drops ? rule.ack : !rule.accepts || rule.syn;
}
