// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * There may be many: they are brought in order once, when all have been read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <synward/martian.h>
#include <synward/prefix.h>

#include "guard/client_list.h"
#include "text/place.h"
#include "text/prefix.h"
#include "text/report.h"

static int add(struct sw_client_list *list, const struct sw_local_key *prefix,
	       enum sw_client_rule rule)
{
	if (list->count == list->room) {
		size_t room = 2 * list->room + 16;
		struct sw_lpm_entry *more = reallocarray(list->said, room, sizeof(*more));

		if (!more)
			return sw_fail(-ENOMEM, NULL, "keep the clients");
		list->said = more;
		list->room = room;
	}
	list->said[list->count++] = (struct sw_lpm_entry){ *prefix, rule };
	return 0;
}

/* Nobody's address, or a prefix of both families. */
static int check(const char *option, const char *text, const struct sw_local_key *prefix)
{
	const __u32 mapped[4] = { 0, 0, htonl(0xffff), 0 };
	bool ipv4 = prefix->bits >= SW_MAPPED_BITS && !memcmp(prefix->address, mapped, 12);
	__u32 mask[4], both = prefix->bits < SW_MAPPED_BITS;

	sw_prefix_mask(mask, prefix->bits);
	for (int i = 0; i < 4; i++)
		both &= prefix->address[i] == (mapped[i] & mask[i]);
	if (both)
		return sw_misuse("%s: \"%s\" has IPv4 in it: 0.0.0.0/0 is all of that", option,
				 text);
	if (prefix->bits == SW_ADDRESS_BITS &&
	    (ipv4 ? sw_martian_v4(prefix->address[3]) : sw_martian_v6(prefix->address)))
		return sw_misuse("%s: no client comes from \"%s\"", option, text);
	return 0;
}

static int take_one(struct sw_client_list *list, const char *option, enum sw_client_rule rule,
		    const char *text)
{
	struct sw_local_key key;
	struct sw_prefix prefix;
	int err = sw_prefix_parse(text, option, &prefix);

	if (err)
		return err;
	key.bits = prefix.bits;
	memcpy(key.address, prefix.address, sizeof(key.address));
	return check(option, text, &key) ?: add(list, &key, rule);
}

int sw_client_list_take(struct sw_client_list *list, enum sw_client_rule rule, const char *text)
{
	char *copy = strdup(text), *rest = copy, *item, option[16];
	int err = copy ? 0 : sw_fail(-ENOMEM, NULL, "read the clients");

	snprintf(option, sizeof(option), "%s%s", sw_place_dashes(),
		 rule == CLIENT_ALLOW ? "allow" : "deny");
	while (!err && (item = strsep(&rest, ","))) {
		item += strspn(item, " \t");
		item[strcspn(item, " \t")] = '\0';
		err = take_one(list, option, rule, item);
	}
	free(copy);
	return err;
}

static int refuse(const struct sw_local_key *key)
{
	struct sw_prefix prefix = { .bits = key->bits };
	char text[SW_PREFIX_TEXT];

	memcpy(prefix.address, key->address, sizeof(prefix.address));
	return sw_misuse("%s is both allowed and denied", sw_prefix_text(&prefix, text));
}

int sw_client_list_settle(struct sw_client_list *list)
{
	size_t kept = 0;

	if (!list->count)
		return 0;
	qsort(list->said, list->count, sizeof(*list->said), sw_lpm_by_key);
	for (size_t i = 0; i < list->count; i++) {
		const struct sw_lpm_entry *last = kept ? &list->said[kept - 1] : NULL;

		if (!last || sw_lpm_by_key(last, &list->said[i]))
			list->said[kept++] = list->said[i];
		else if (last->value != list->said[i].value)
			return refuse(&last->key);
	}
	list->count = kept;
	return 0;
}

__u8 sw_client_list_rules(const struct sw_client_list *list)
{
	__u8 rules = 0;

	for (size_t i = 0; i < list->count; i++)
		rules |= (__u8)list->said[i].value;
	return rules;
}

void sw_client_list_free(struct sw_client_list *list)
{
	free(list->said);
	*list = (struct sw_client_list){};
}
