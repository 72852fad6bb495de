// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The list is taken apart from the right, since addresses may have colons: [WHERE:]FIRST[-LAST].
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <synward/martian.h>
#include <synward/prefix.h>

#include "guard/port_list.h"
#include "text/place.h"
#include "text/prefix.h"
#include "text/report.h"
#include "text/values.h"

/* --- Keys ----------------------------------------------------------------------------------- */

const struct sw_port_wish *sw_port_list_find(const struct sw_port_list *list,
					     const struct sw_port_key *key)
{
	for (__u32 i = 0; i < list->count; i++)
		if (!memcmp(&list->wish[i].key, key, sizeof(*key)))
			return &list->wish[i];
	return NULL;
}

static bool is_ipv4(const struct sw_port_key *key)
{
	return key->bits >= SW_MAPPED_BITS && !key->address[0] && !key->address[1] &&
	       key->address[2] == htonl(0xffff);
}

static bool is_martian(const struct sw_port_key *key)
{
	return is_ipv4(key) ? sw_martian_v4(key->address[3]) : sw_martian_v6(key->address);
}

const char *sw_port_key_address(const struct sw_port_key *key, char text[SW_PORT_KEY_TEXT])
{
	struct sw_prefix prefix = { .bits = key->bits };

	memcpy(prefix.address, key->address, sizeof(prefix.address));
	return key->bits ? sw_prefix_text(&prefix, text) : NULL;
}

const char *sw_port_key_text(const struct sw_port_key *key, char text[SW_PORT_KEY_TEXT])
{
	char where[SW_PORT_KEY_TEXT];

	if (!sw_port_key_address(key, where))
		snprintf(text, SW_PORT_KEY_TEXT, "%u", key->port);
	else
		snprintf(text, SW_PORT_KEY_TEXT, is_ipv4(key) ? "%.50s:%u" : "[%.50s]:%u", where,
			 key->port);
	return text;
}

/* --- Taking a list -------------------------------------------------------------------------- */

/* The option that is being read. */
static bool protecting;

static const char *option(void)
{
	return protecting ? "protect" : "guard";
}

/* Of the prefixes, this one among them. */
static int count_lengths(const struct sw_port_list *list, __u8 bits)
{
	bool there[SW_ADDRESS_BITS + 1] = {};
	int count = 1;

	there[bits] = true;
	for (__u32 i = 0; i < list->count; i++) {
		count += !there[list->wish[i].key.bits];
		there[list->wish[i].key.bits] = true;
	}
	return count;
}

static int add(struct sw_port_list *list, const struct sw_port_key *key)
{
	const struct sw_port_wish *there = sw_port_list_find(list, key);
	char text[SW_PORT_KEY_TEXT];

	if (there && (there->protects != PROTECT_NONE) != protecting)
		return sw_misuse("%s%s: %s is of %s, too", sw_place_dashes(), option(),
				 sw_port_key_text(key, text), protecting ? "guard" : "protect");
	if (there && there->section != list->section)
		return sw_misuse("%s%s: %s stands in another section, too", sw_place_dashes(),
				 option(), sw_port_key_text(key, text));
	if (there)
		return 0;
	if (list->count == SW_PORTS_MAX)
		return sw_misuse("%s%s takes at most %d ports", sw_place_dashes(), option(),
				 SW_PORTS_MAX);
	if (count_lengths(list, key->bits) > SW_PORT_MASKS_MAX)
		return sw_misuse("%s%s takes prefixes of at most %d lengths", sw_place_dashes(),
				 option(), SW_PORT_MASKS_MAX);
	list->wish[list->count++] = (struct sw_port_wish){
		.key = *key,
		.section = list->section,
		.protects = protecting ? PROTECT_PROXY : PROTECT_NONE,
	};
	return 0;
}

/* A whole address must be one that clients come to; and a prefix of IPv6 must not have IPv4's in it. */
static int check_where(const struct sw_port_key *key, const char *text)
{
	const __u32 mapped[4] = { 0, 0, htonl(0xffff), 0 };
	struct sw_port_mask mask = { .bits = key->bits };
	struct sw_port_key ipv4;

	sw_prefix_mask(mask.word, mask.bits);
	sw_port_key_fill(&ipv4, &mask, mapped, 0);
	if (key->bits == SW_ADDRESS_BITS && is_martian(key))
		return sw_misuse("%s%s: no client comes to \"%s\"", sw_place_dashes(), option(),
				 text);
	if (key->bits < SW_MAPPED_BITS && !memcmp(key->address, ipv4.address, sizeof(ipv4.address)))
		return sw_misuse(
			"%s%s: \"%s\" has IPv4 in it: for any address write the port alone",
			sw_place_dashes(), option(), text);
	return 0;
}

static int take_where(char *text, struct sw_port_key *key)
{
	size_t length = strlen(text);
	bool bracketed = text[0] == '[' && text[length - 1] == ']';
	char echo[SW_PORT_KEY_TEXT], name[40];
	struct sw_prefix prefix;
	int err;

	if (bracketed != !!strchr(text, ':'))
		return sw_misuse("%s%s: before a port IPv6 stands in brackets, and IPv4 does "
				 "not: \"%s\"",
				 sw_place_dashes(), option(), text);
	snprintf(echo, sizeof(echo), "%s", text);
	snprintf(name, sizeof(name), "%s%s: what is before a port", sw_place_dashes(), option());
	if (bracketed) {
		text[length - 1] = '\0';
		text++;
	}
	err = sw_prefix_parse(text, name, &prefix);
	if (err)
		return err;
	memcpy(key->address, prefix.address, sizeof(key->address));
	key->bits = (__u8)prefix.bits;
	return check_where(key, echo);
}

/* "80" or "8000-8010" at these addresses. */
static int take_range(struct sw_port_list *list, struct sw_port_key *key, char *text)
{
	char name[12], *dash = strchr(text, '-');
	struct sw_range range = { name, 1, 65535 };
	__u64 first, last;
	int err;

	snprintf(name, sizeof(name), "%s%s", sw_place_dashes(), option());
	if (dash)
		*dash = '\0';
	err = sw_parse_number(text, &range, &first);
	last = first;
	if (!err && dash) {
		range.min = first;
		err = sw_parse_number(dash + 1, &range, &last);
	}
	for (; !err && first <= last; first++) {
		key->port = (__u16)first;
		err = add(list, key);
	}
	return err;
}

static int take_item(struct sw_port_list *list, char *item)
{
	char *colon = strrchr(item, ':'), *ports = item;
	struct sw_port_key key = {};
	int err = 0;

	if (colon) {
		*colon = '\0';
		ports = colon + 1;
		err = take_where(item, &key);
	}
	return err ?: take_range(list, &key, ports);
}

int sw_port_list_take(struct sw_port_list *list, const char *text, bool protects)
{
	char *copy = strdup(text), *rest = copy, *item;
	int err = copy ? 0 : sw_fail(-ENOMEM, NULL, "read the ports");

	protecting = protects;
	while (!err && (item = strsep(&rest, ",")))
		err = take_item(list, item);
	free(copy);
	return err;
}

bool sw_port_list_has(const struct sw_port_list *list, bool protects)
{
	for (__u32 i = 0; i < list->count; i++)
		if ((list->wish[i].protects != PROTECT_NONE) == protects)
			return true;
	return false;
}

void sw_port_list_make_stateless(struct sw_port_list *list)
{
	for (__u32 i = 0; i < list->count; i++) {
		struct sw_port_wish *wish = &list->wish[i];

		if (!wish->protects)
			continue;
		wish->protects = PROTECT_STATELESS;
		if (wish->terms.mode == COOKIES_AUTO)
			wish->terms.mode = COOKIES_ALWAYS;
	}
}

void sw_port_list_profile(struct sw_port_list *list, const struct sw_profile *profile)
{
	for (__u32 i = 0; i < list->count; i++) {
		struct sw_port_wish *wish = &list->wish[i];

		if (wish->protects == PROTECT_STATELESS && !wish->terms.profile.mss)
			wish->terms.profile = *profile;
	}
}

void sw_port_list_settle(struct sw_port_list *list, __u32 section,
			 const struct sw_port_terms *terms)
{
	for (__u32 i = 0; i < list->count; i++)
		if (list->wish[i].section == section)
			list->wish[i].terms = *terms;
}
