// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The table `local` says what is delivered here: addresses of interfaces, and whole networks where
 * somebody has added such a route (AnyIP). Within those networks a longer prefix may lead elsewhere. It
 * stands in `local` or in `main`, which Linux looks through as one unless there are rules (IPv4); in
 * doubt the longer prefix is believed, and the kernel gets the SYN.
 *
 * Rules may send some packets elsewhere before that table is asked, by what XDP can't see. Then nothing
 * is taken to be local. Local routes in other tables, as TPROXY has them, hold for marked packets, and
 * are not looked at. Nor are the tables of VRFs.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <synward/local.h>

#include "host/local.h"
#include "host/lpm.h"
#include "host/route.h"
#include "text/report.h"

struct route {
	struct sw_local_key key;
	enum sw_local_kind local;
	size_t rank; /* of two with the same key the lower one holds */
};

struct routes {
	struct route *route;
	size_t count, room;
	bool wide;
	__u32 ifindex; /* that was looked at last, ... */
	bool aside; /* ... and what it is */
	bool inside; /* only those are taken that lead from inside of local networks elsewhere */
};

/* --- Keys ----------------------------------------------------------------------------------- */

/* a's network contains b's. */
static bool contains(const struct sw_local_key *a, const struct sw_local_key *b)
{
	__u32 whole = a->bits / 32, rest = a->bits % 32;

	if (a->bits > b->bits || memcmp(a->address, b->address, 4 * whole))
		return false;
	return !rest || !(ntohl(a->address[whole] ^ b->address[whole]) >> (32 - rest));
}

/* 127/8, with which no frame from outside has to do. */
static bool is_loopback(const struct rtmsg *message, const struct sw_local_key *key)
{
	return message->rtm_family == AF_INET && message->rtm_dst_len >= 8 &&
	       ntohl(key->address[3]) >> 24 == IN_LOOPBACKNET;
}

/* --- Reading -------------------------------------------------------------------------------- */

static bool in_local_network(const struct routes *routes, const struct sw_local_key *key)
{
	for (size_t i = 0; i < routes->count; i++)
		if (routes->route[i].local && routes->route[i].key.bits < SW_ADDRESS_BITS &&
		    contains(&routes->route[i].key, key))
			return true;
	return false;
}

static int add(struct routes *routes, const struct sw_local_key *key, enum sw_local_kind local)
{
	if (routes->count == routes->room) {
		size_t room = 2 * routes->room + 64;
		struct route *more = realloc(routes->route, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		routes->route = more;
		routes->room = room;
	}
	routes->route[routes->count] = (struct route){ *key, local, routes->count };
	routes->count++;
	routes->wide |= local && key->bits < SW_ADDRESS_BITS;
	return 0;
}

/* What of a route's attributes matters. */
struct ends {
	const struct nlattr *to;
	__u32 ifindex;
};

static int take_ends(const struct nlattr *attribute, void *context)
{
	struct ends *ends = context;

	if (mnl_attr_get_type(attribute) == RTA_DST)
		ends->to = attribute;
	if (mnl_attr_get_type(attribute) == RTA_OIF)
		ends->ifindex = mnl_attr_get_u32(attribute);
	return MNL_CB_OK;
}

/* Nobody asks this interface for its address: lo, dummy0, a tunnel. In doubt it is asked. */
static bool is_aside(__u32 ifindex)
{
	struct ifreq request = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return false;
	err = !if_indextoname(ifindex, request.ifr_name) || ioctl(fd, SIOCGIFFLAGS, &request);
	close(fd);
	return !err && (request.ifr_flags & (IFF_LOOPBACK | IFF_NOARP));
}

/* Many addresses in a row stand on one interface. */
static enum sw_local_kind kind_of(struct routes *routes, const struct rtmsg *message, __u32 ifindex)
{
	if (message->rtm_type != RTN_LOCAL)
		return LOCAL_NOT;
	if (routes->ifindex != ifindex) {
		routes->ifindex = ifindex;
		routes->aside = is_aside(ifindex);
	}
	return routes->aside ? LOCAL_ASIDE : LOCAL_HERE;
}

static int take_route(const struct nlmsghdr *header, void *context)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	struct routes *routes = context;
	struct sw_local_key key;
	struct ends ends = {};
	enum sw_local_kind local;
	int err;

	if (header->nlmsg_type != RTM_NEWROUTE || (message->rtm_flags & RTM_F_CLONED))
		return MNL_CB_OK;
	mnl_attr_parse(header, sizeof(*message), take_ends, &ends);
	key = sw_lpm_key(message->rtm_family, message->rtm_dst_len,
			 ends.to ? mnl_attr_get_payload(ends.to) : NULL);
	local = kind_of(routes, message, ends.ifindex);
	if (is_loopback(message, &key))
		return MNL_CB_OK;
	if (routes->inside && (local || !in_local_network(routes, &key)))
		return MNL_CB_OK;
	err = add(routes, &key, local);
	errno = -err;
	return err ? MNL_CB_ERROR : MNL_CB_OK;
}

/* Asks, and hands each message of the answer to `take`. 0 or -errno. */
static int dump(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t take, void *context)
{
	char buffer[32768]; /* what the kernel fills at most */
	int length;

	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		length = (int)mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (length >= 0)
			length = mnl_cb_run(buffer, (size_t)length, 0,
					    mnl_socket_get_portid(socket), take, context);
	} while (length > MNL_CB_STOP);
	return length < 0 ? -errno : 0;
}

static int read_table(struct mnl_socket *socket, unsigned char family, unsigned char table,
		      struct routes *routes)
{
	char buffer[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct rtmsg *message;

	request->nlmsg_type = RTM_GETROUTE;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message = mnl_nlmsg_put_extra_header(request, sizeof(*message));
	message->rtm_family = family;
	message->rtm_table = table;
	return dump(socket, request, take_route, routes);
}

/* --- Rules ---------------------------------------------------------------------------------- */

/* The first rule of a family. */
struct first_rule {
	bool seen, conditional;
};

/* Whatever an attribute of a rule says, but for these it limits what the rule is for. */
static int take_condition(const struct nlattr *attribute, void *context)
{
	struct first_rule *first = context;

	switch (mnl_attr_get_type(attribute)) {
	case FRA_PRIORITY:
	case FRA_TABLE:
	case FRA_PROTOCOL:
	case FRA_SUPPRESS_PREFIXLEN: /* for routes shorter than that: -1, none */
		return MNL_CB_OK;
	default:
		first->conditional = true;
		return MNL_CB_OK;
	}
}

static int take_rule(const struct nlmsghdr *header, void *context)
{
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(header);
	struct first_rule *first = context;

	if (header->nlmsg_type != RTM_NEWRULE || first->seen)
		return MNL_CB_OK;
	first->seen = true;
	first->conditional = rule->dst_len || rule->src_len || rule->tos ||
			     rule->table != RT_TABLE_LOCAL || rule->action != FR_ACT_TO_TBL ||
			     (rule->flags & FIB_RULE_INVERT);
	return mnl_attr_parse(header, sizeof(*rule), take_condition, first);
}

/* Without rules in the kernel the local table comes first. 0 or -errno. */
static int read_rules(struct mnl_socket *socket, unsigned char family, bool *ruled)
{
	char buffer[256];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct first_rule first = {};
	struct fib_rule_hdr *rule;
	int err;

	request->nlmsg_type = RTM_GETRULE;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	rule = mnl_nlmsg_put_extra_header(request, sizeof(*rule));
	rule->family = family;
	err = dump(socket, request, take_rule, &first);
	*ruled = !err && (!first.seen || first.conditional);
	return err == -EOPNOTSUPP || err == -EAFNOSUPPORT ? 0 : err;
}

int sw_local_rules_read(bool ruled[2])
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int err;

	if (!socket)
		return -errno;
	err = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ? -errno : 0;
	err = err ?: read_rules(socket, AF_INET, &ruled[0])
			       ?: read_rules(socket, AF_INET6, &ruled[1]);
	mnl_socket_close(socket);
	return err;
}

/* --- All of it ------------------------------------------------------------------------------ */

static int read_family(struct mnl_socket *socket, unsigned char family, struct routes *routes,
		       bool *ruled)
{
	bool wide = routes->wide;
	int err = read_rules(socket, family, ruled);

	if (err || *ruled)
		return err;
	routes->wide = routes->inside = false;
	err = read_table(socket, family, RT_TABLE_LOCAL, routes);
	routes->inside = true;
	if (!err && routes->wide)
		err = read_table(socket, family, RT_TABLE_MAIN, routes);
	routes->wide |= wide;
	return err;
}

static int read_all(struct routes *routes, struct sw_local *local)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int one = 1, err;

	if (!socket)
		return -errno;
	/* So that the kernel goes by the table asked for; it needs no more than that. */
	err = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ? -errno : 0;
	mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	err = err ?: read_family(socket, AF_INET, routes, &local->ruled[0]) ?:
		     read_family(socket, AF_INET6, routes, &local->ruled[1]);
	local->wide = routes->wide;
	mnl_socket_close(socket);
	return err;
}

static int by_key(const void *a, const void *b)
{
	const struct route *one = a, *other = b;

	return memcmp(&one->key, &other->key, sizeof(one->key));
}

static int by_key_and_rank(const void *a, const void *b)
{
	const struct route *one = a, *other = b;

	return by_key(a, b) ?: (one->rank > other->rank) - (one->rank < other->rank);
}

/* In order, each key once, and none without effect. */
static void settle(struct routes *routes)
{
	size_t kept = 0;

	for (size_t i = 0; i < routes->count; i++)
		if (routes->route[i].local ||
		    (routes->wide && in_local_network(routes, &routes->route[i].key)))
			routes->route[kept++] = routes->route[i];
	routes->count = kept;
	qsort(routes->route, routes->count, sizeof(*routes->route), by_key_and_rank);
	kept = 0;
	for (size_t i = 0; i < routes->count; i++)
		if (!kept || by_key(&routes->route[kept - 1], &routes->route[i]))
			routes->route[kept++] = routes->route[i];
	routes->count = kept;
}

/* Long prefixes first: what leads elsewhere stands before the network around it. */
static int write_map(int fd, const struct routes *routes)
{
	struct sw_lpm_entry *entry = calloc(routes->count + 1, sizeof(*entry));
	int err = entry ? 0 : -ENOMEM;

	for (size_t i = 0; entry && i < routes->count; i++)
		entry[i] = (struct sw_lpm_entry){ routes->route[i].key, routes->route[i].local };
	err = err ?: sw_lpm_write(fd, entry, routes->count);
	free(entry);
	return err;
}

static int write_bits(int fd, const struct sw_local_bits *bits)
{
	__u32 zero = 0;

	return bpf_map_update_elem(fd, &zero, bits, BPF_ANY) ? -errno : 0;
}

/* What is in neither the old table nor the new one has no bit at any time, and the rest has one. */
static int write_maps(const struct sw_maps *maps, const struct routes *routes, bool metrics)
{
	struct sw_local_bits bits = { .routes = metrics }, both = {};
	int fd = sw_maps_fd(maps, "sw_local_bits"), err;
	__u32 zero = 0;

	for (size_t i = 0; i < routes->count; i++)
		if (routes->route[i].local)
			sw_local_mark(&bits, &routes->route[i].key);
	if (bpf_map_lookup_elem(fd, &zero, &both))
		return -errno;
	both.networks |= bits.networks;
	both.routes = metrics;
	for (size_t i = 0; i < SW_LOCAL_WORDS; i++)
		both.word[i] |= bits.word[i];
	err = write_bits(fd, &both) ?: write_map(sw_maps_fd(maps, "sw_local"), routes);
	return err ?: write_bits(fd, &bits);
}

#define TRIES 8 /* a dump in whose midst something changed is worth nothing */

int sw_local_update(const struct sw_maps *maps, struct sw_local *local)
{
	struct routes routes = {};
	int err = -EINTR;

	for (int i = 0; err == -EINTR && i < TRIES; i++) {
		routes.count = 0;
		routes.wide = false;
		err = read_all(&routes, local);
	}
	err = err ?: sw_routes_update(maps, &local->metrics);
	if (!err) {
		settle(&routes);
		err = write_maps(maps, &routes, local->metrics);
	}
	free(routes.route);
	return err;
}

void sw_local_say(const struct sw_local *before, const struct sw_local *local)
{
	static const char *const names[] = { "IPv4", "IPv6" };

	for (int i = 0; i < 2; i++) {
		if (local->ruled[i] && !before->ruled[i])
			sw_say("guard leaves %s to the kernel: rules (`ip rule`) come before the "
			       "local table",
			       names[i]);
		if (!local->ruled[i] && before->ruled[i])
			sw_say("guard: the local table comes first again over %s", names[i]);
	}
}

/* --- Watching ------------------------------------------------------------------------------- */

/* A local route of IPv4 goes without a word when its interface goes down: hence links, too. */
int sw_local_watch(void)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
			     RTMGRP_IPV4_RULE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE |
			     1U << (RTNLGRP_IPV6_RULE - 1),
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), err;

	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

struct change {
	const struct sw_local *local;
	bool matters;
};

/* A full table of routes may change all the time: only those count that are read. */
static int take_change(const struct nlmsghdr *header, void *context)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);
	struct change *change = context;

	if (header->nlmsg_type != RTM_NEWROUTE && header->nlmsg_type != RTM_DELROUTE)
		change->matters = true;
	else if (route->rtm_table == RT_TABLE_LOCAL ||
		 (route->rtm_table == RT_TABLE_MAIN &&
		  (change->local->wide || change->local->metrics || sw_route_has_metrics(header))))
		change->matters = true;
	return MNL_CB_OK;
}

int sw_local_changed(int watch_fd, const struct sw_local *local)
{
	struct change change = { .local = local };
	char buffer[32768];
	ssize_t length;

	for (;;) {
		length = recv(watch_fd, buffer, sizeof(buffer), 0);
		if (length > 0)
			mnl_cb_run(buffer, (size_t)length, 0, 0, take_change, &change);
		else if (length < 0 && errno == ENOBUFS) /* some of it was lost */
			change.matters = true;
		else
			return length < 0 && errno != EAGAIN ? -errno : change.matters;
	}
}
