/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Clients that are allowed or denied, by the prefixes of their addresses: "192.0.2.1,10.0.0.0/8",
 * "2001:db8::/32".
 */
#ifndef SYNWARD_USER_CLIENT_LIST_H
#define SYNWARD_USER_CLIENT_LIST_H

#include <stddef.h>

#include "host/lpm.h"

#include <synward/guard.h>

struct sw_client_list {
	struct sw_lpm_entry *said; /* values: enum sw_client_rule */
	size_t count, room;
};

/* Adds the prefixes of the text. 0 or -errno, reported. */
int sw_client_list_take(struct sw_client_list *list, enum sw_client_rule rule, const char *text);

/* Brings it in order, each prefix once. One that is both is an error. 0 or -errno, reported. */
int sw_client_list_settle(struct sw_client_list *list);

/* Which rules it has; bits. */
__u8 sw_client_list_rules(const struct sw_client_list *list);

void sw_client_list_free(struct sw_client_list *list);

#endif
