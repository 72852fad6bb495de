// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Each finding is what guard finds itself (host/hindrance.c, host/local.c), or what it can't see and costs
 * it clients or its use. What is as guard wants it says nothing here.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "commands/check_host.h"
#include "host/backlog.h"
#include "host/behind.h"
#include "host/clsact.h"
#include "host/kernel.h"
#include "host/legacy.h"
#include "host/local.h"
#include "host/master.h"
#include "host/nft.h"
#include "host/nft_rule.h"
#include "host/tcx.h"
#include "text/admission.h"

/* --- The network namespace -------------------------------------------------------------------- */

static void check_forwarding(struct sw_findings *findings)
{
	static const char *const sysctls[] = { "net/ipv4/ip_forward",
					       "net/ipv6/conf/all/forwarding" };

	for (int family = 0; family < 2; family++)
		if (sw_sysctl_read(sysctls[family]) > 0)
			sw_find(findings, "guard, routing", SW_NOTE,
				"Guard answers for this host's own addresses; for servers behind "
				"there is --protect",
				"%s: this host forwards", sw_family_name(family));
}

static void check_rules(struct sw_findings *findings)
{
	bool ruled[2] = {};

	if (sw_local_rules_read(ruled))
		return;
	for (int family = 0; family < 2; family++)
		if (ruled[family])
			sw_find(findings, "guard, ip rule", SW_NOTE,
				family ? "ip -6 rule add pref 0 lookup local; `ip -6 rule` shows "
					 "what must come after it"
				       : "ip rule add pref 0 lookup local; `ip rule` shows what "
					 "must come after it",
				"%s: rules come before the table local: left to the kernel",
				sw_family_name(family));
}

/* Something is found, by family. */
static void tell_families(struct sw_findings *findings, const __u8 found[2], const char *subject,
			  const char *said, const char *advice)
{
	for (int family = 0; family < 2; family++)
		if (found[family])
			sw_find(findings, subject, SW_NOTE, advice, "%s: %s",
				sw_family_name(family), said);
}

static void check_diverts(struct sw_findings *findings)
{
	__u8 found[2] = {};

	if (!sw_nft_find_rules(sw_nft_rule_diverts, found))
		tell_families(findings, found, "guard, diverted", "TPROXY or REDIRECT rules",
			      "--protect, and not --guard, for ports that `nft list ruleset` "
			      "shows there");
}

/* Guard's SYN+ACKs leave at XDP, before any rule for what leaves. What comes by a route has its metrics. */
static void check_mss(struct sw_findings *findings)
{
	__u8 found[2] = {};

	if (sw_nft_find_rules(sw_nft_rule_sets_mss, found))
		memset(found, 0, sizeof(found)); /* a kernel without nf_tables may have the other */
	for (int family = 0; family < 2; family++)
		found[family] |= sw_legacy_sets_mss(family) > 0;
	tell_families(findings, found, "guard, MSS",
		      "a firewall sets the MSS of SYNs, but of no cookie",
		      "ip route change ... advmss MSS, where the rule is for this host's own "
		      "answers");
}

static void check_conntrack(struct sw_findings *findings)
{
	if (!sw_sysctl_read("net/netfilter/nf_conntrack_tcp_loose"))
		sw_find(findings, "guard, conntrack", SW_NOTE,
			"sysctl -w net.netfilter.nf_conntrack_tcp_loose=1",
			"nf_conntrack_tcp_loose = 0: it takes up nothing without a SYN");
}

static void check_listeners(struct sw_findings *findings)
{
	struct sw_full_listeners full;

	if (!sw_full_listeners_read(&full) && full.count)
		sw_find(findings, "accept queues", SW_NOTE,
			"Its server does not accept(), or its backlog is short: `ss -ltn`, sysctl "
			"net.core.somaxconn",
			"port %u: %u wait, and %u may%s", full.port, full.waiting, full.backlog,
			full.count > 1 ? "; others, too" : "");
}

void sw_check_host(struct sw_findings *findings)
{
	check_forwarding(findings);
	check_rules(findings);
	check_diverts(findings);
	check_mss(findings);
	check_conntrack(findings);
	check_listeners(findings);
}

/* --- An interface ----------------------------------------------------------------------------- */

static void check_bridge(struct sw_findings *findings, const struct sw_iface_state *iface,
			 const struct sw_master *bridge)
{
	bool same = !memcmp(bridge->mac, iface->record.mac, sizeof(bridge->mac));

	sw_find(findings, "guard, bridge port", same ? SW_GOOD : SW_NOTE,
		"ip link set BRIDGE address (that of this port); or guard the bridge itself",
		same ? "of %s, which has its address"
		     : "of %s, whose address is another: frames to it are passed",
		bridge->name);
}

static void check_master(struct sw_findings *findings, const struct sw_iface_state *iface)
{
	struct sw_master master;

	if (sw_master_read(iface->ifindex, &master) || !master.ifindex)
		return;
	if (!strcmp(master.kind, "bridge"))
		check_bridge(findings, iface, &master);
	else if (!strcmp(master.kind, "vrf"))
		sw_find(findings, "guard, VRF", SW_NOTE,
			"Guard interfaces outside of VRFs: addresses in one are left to the kernel",
			"in %s", master.name);
	else
		sw_find(findings, "guard, member", SW_NOTE,
			"Name all members: synward run MEMBER...", "of %s, a %s", master.name,
			master.kind);
}

/* The stricter of two settings holds. */
static void check_reverse_path(struct sw_findings *findings, const struct sw_iface_state *iface)
{
	int all = sw_sysctl_read("net/ipv4/conf/all/rp_filter"), own;
	char name[PATH_MAX];

	snprintf(name, sizeof(name), "net/ipv4/conf/%s/rp_filter", iface->name);
	own = sw_sysctl_read(name);
	if ((all > own ? all : own) == 1)
		sw_find(findings, "guard, rp_filter", SW_NOTE,
			"sysctl -w net.ipv4.conf.IFACE.rp_filter=2, where routes back lead out "
			"elsewhere",
			"strict: who comes another way gets a cookie, and no connection");
}

/* Before synward is there: what could stand in its way; then: what does. */
static void check_tc(struct sw_findings *findings, const struct sw_iface_state *iface)
{
	struct sw_tcx list = {};
	struct sw_behind behind = {};
	bool tcx = !sw_tcx_list(iface->ifindex, BPF_TC_INGRESS, &list);

	sw_behind_tc(iface, BPF_TC_INGRESS, &behind);
	if (!tcx && sw_clsact_is_barred(iface->ifindex))
		sw_find(findings, "tc", SW_BAD,
			"tc qdisc del dev IFACE ingress; tc qdisc add dev IFACE clsact, and its "
			"filters anew",
			"an `ingress` qdisc where clsact would be, and no TCX (Linux 6.6)");
	else if (iface->admit.id && behind.count)
		sw_find(findings, "tc", SW_NOTE,
			"What it keeps is lost to guard; `synward run` anew puts guard first",
			"guard stands behind %u, %s", behind.count, behind.name[0]);
	else if (behind.count)
		sw_find(findings, "tc", tcx ? SW_GOOD : SW_NOTE,
			"A filter with pref 1 runs before guard: give it another",
			"%u others, %s: %s", behind.count, behind.name[0],
			tcx ? "synward comes first, by TCX" : "TCX is missing");
}

void sw_check_place(struct sw_findings *findings, const struct sw_iface_state *iface)
{
	check_tc(findings, iface);
	check_master(findings, iface);
	check_reverse_path(findings, iface);
}
