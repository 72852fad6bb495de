// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Names of link layers come from libpcap; those of ethertypes and IP protocols are the ones that are
 * met in captures, others get their number.
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/kinds.h"

struct name {
	__u16 number;
	const char *name;
};

static const struct name ethertypes[] = {
	{ SW_TYPE_UNKNOWN, "not IP" },
	{ SW_TYPE_LLC, "LLC" },
	{ 0x0806, "ARP" },
	{ 0x2000, "CDP" },
	{ SW_TYPE_ETHERNET, "Ethernet that can't be read" },
	{ 0x8035, "RARP" },
	{ 0x8137, "IPX" },
	{ 0x8809, "LACP" },
	{ SW_TYPE_PPP, "PPP" },
	{ SW_TYPE_MPLS, "MPLS" },
	{ 0x8863, "PPPoE discovery" },
	{ SW_TYPE_PPPOE, "PPPoE" },
	{ 0x888e, "EAPOL" },
	{ 0x88cc, "LLDP" },
	{ 0x88e5, "MACsec" },
	{ 0x88f7, "PTP" },
	{ 0x8906, "FCoE" },
	{ 0x9000, "loopback test" },
};

static const struct name protocols[] = {
	{ 1, "ICMP" },
	{ 2, "IGMP" },
	{ 6, "TCP that can't be read" },
	{ 17, "UDP" },
	{ 33, "DCCP" },
	{ 47, "GRE" },
	{ 50, "ESP" },
	{ 51, "AH" },
	{ 58, "ICMPv6" },
	{ 59, "IPv6 without payload" },
	{ 88, "EIGRP" },
	{ 89, "OSPF" },
	{ 103, "PIM" },
	{ 112, "VRRP" },
	{ 115, "L2TP" },
	{ 132, "SCTP" },
	{ 136, "UDP-Lite" },
};

static const char *find(const struct name *names, size_t count, __u16 number)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].number == number)
			return names[i].name;
	return NULL;
}

#define FIND(names, number) find(names, sizeof(names) / sizeof((names)[0]), number)

static void name_link(int link, char name[SW_KIND_TEXT])
{
	const char *known = pcap_datalink_val_to_name(link);

	snprintf(name, SW_KIND_TEXT, "of link type %d (%s)", link, known ?: "unknown");
}

static void name_ip(const struct sw_frame *frame, char name[SW_KIND_TEXT])
{
	struct sw_cursor cursor = { .base = frame->bytes, .end = frame->bytes + frame->captured };
	struct sw_layer layer = { .type = frame->type };
	struct sw_ip_header ip;
	const char *known;
	__u16 type;

	sw_parse_ethernet(&cursor, &type);
	layer.bytes = frame->bytes + cursor.at;
	layer.captured = cursor.at < frame->captured ? frame->captured - cursor.at : 0;
	if (!sw_ip_header_read(&layer, &ip)) {
		snprintf(name, SW_KIND_TEXT, "IP that can't be read");
		return;
	}
	known = FIND(protocols, ip.protocol);
	if (known)
		snprintf(name, SW_KIND_TEXT, "%s", known);
	else
		snprintf(name, SW_KIND_TEXT, "IP protocol %u", ip.protocol);
}

static void name_frame(const struct sw_frame *frame, char name[SW_KIND_TEXT])
{
	const char *known = FIND(ethertypes, frame->type);

	if (frame->unknown_link)
		name_link(frame->link, name);
	else if (frame->waits)
		snprintf(name, SW_KIND_TEXT, "IP fragments");
	else if (frame->type == SW_ETH_IPV4 || frame->type == SW_ETH_IPV6)
		name_ip(frame, name);
	else if (known)
		snprintf(name, SW_KIND_TEXT, "%s", known);
	else
		snprintf(name, SW_KIND_TEXT, "of ethertype 0x%04x", frame->type);
}

void sw_kinds_note(struct sw_kinds *kinds, const struct sw_frame *frame)
{
	char name[SW_KIND_TEXT];
	size_t i = 0;

	name_frame(frame, name);
	while (i < kinds->count && strcmp(kinds->kind[i].name, name))
		i++;
	if (i == SW_KINDS_MAX)
		strcpy(name, "others");
	if (i == kinds->count && i <= SW_KINDS_MAX) {
		strcpy(kinds->kind[i].name, name);
		kinds->count++;
	}
	kinds->kind[i < SW_KINDS_MAX ? i : SW_KINDS_MAX].frames++;
}

static int more_frames(const void *a, const void *b)
{
	const struct sw_kind *one = a, *other = b;

	return (one->frames < other->frames) - (one->frames > other->frames);
}

const char *sw_kinds_text(struct sw_kinds *kinds, char text[SW_KINDS_TEXT])
{
	char *at = text, *end = text + SW_KINDS_TEXT;

	*text = '\0';
	qsort(kinds->kind, kinds->count, sizeof(kinds->kind[0]), more_frames);
	for (size_t i = 0; i < kinds->count; i++)
		at += snprintf(at, end - at, "%s%llu %s", i ? ", " : "", kinds->kind[i].frames,
			       kinds->kind[i].name);
	return text;
}
