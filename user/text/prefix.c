// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * An address without a length is a prefix of all its bits.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <synward/prefix.h>

#include "text/prefix.h"
#include "text/report.h"
#include "text/values.h"

static int refuse(const char *text, const char *option)
{
	return sw_misuse("%s is an address or a prefix such as 192.0.2.1, 10.0.0.0/8 or "
			 "2001:db8::/32, not \"%s\"",
			 option, text);
}

/* What a prefix says it leaves out must be zero: else one of the two numbers is a mistake. */
static bool is_whole(const struct sw_prefix *prefix)
{
	__u32 mask[4], word[4];

	sw_prefix_mask(mask, prefix->bits);
	memcpy(word, prefix->address, sizeof(word));
	for (int i = 0; i < 4; i++)
		if (word[i] & ~mask[i])
			return false;
	return true;
}

/* How many bits stand before those of its family, or -EINVAL. */
static int parse_address(const char *text, __u8 address[16])
{
	memset(address, 0, 16);
	if (inet_pton(AF_INET6, text, address) == 1)
		return 0;
	if (inet_pton(AF_INET, text, address + 12) != 1)
		return -EINVAL;
	address[10] = address[11] = 0xff;
	return SW_MAPPED_BITS;
}

int sw_prefix_parse(const char *text, const char *option, struct sw_prefix *prefix)
{
	char address[INET6_ADDRSTRLEN] = "", name[64];
	size_t length = strcspn(text, "/");
	struct sw_range range = { name, 0, SW_ADDRESS_BITS };
	__u64 bits;
	int before;

	if (length < sizeof(address))
		memcpy(address, text, length);
	before = parse_address(address, prefix->address);
	if (before < 0)
		return refuse(text, option);
	range.max = bits = SW_ADDRESS_BITS - (__u64)before;
	snprintf(name, sizeof(name), "%s: the length of a prefix", option);
	if (text[length] && sw_parse_number(text + length + 1, &range, &bits))
		return -EINVAL;
	prefix->bits = (__u32)(before + (int)bits);
	if (!is_whole(prefix))
		return sw_misuse("%s: \"%s\" has bits beyond its prefix", option, text);
	return 0;
}

const char *sw_prefix_text(const struct sw_prefix *prefix, char text[SW_PREFIX_TEXT])
{
	bool ipv4 = prefix->bits >= SW_MAPPED_BITS &&
		    IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)prefix->address);

	inet_ntop(ipv4 ? AF_INET : AF_INET6, prefix->address + (ipv4 ? 12 : 0), text,
		  SW_PREFIX_TEXT);
	if (prefix->bits < SW_ADDRESS_BITS)
		sprintf(text + strlen(text), "/%u", prefix->bits - (ipv4 ? SW_MAPPED_BITS : 0));
	return text;
}
