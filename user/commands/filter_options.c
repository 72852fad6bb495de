// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which flows are meant: values into a filter.
 */
#include <stdio.h>
#include <string.h>

#include "commands/filter_options.h"
#include "model/flow_table.h"
#include "text/prefix.h"

int sw_take_prefix(const struct sw_option *option, const char *value, void *args)
{
	struct sw_end_filter *filter = (void *)((char *)args + option->offset);
	char name[SW_OPTION_TEXT_MAX];
	struct sw_prefix prefix;
	int err;

	snprintf(name, sizeof(name), "--%s", option->name);
	err = sw_prefix_parse(value, name, &prefix);
	if (err)
		return err;
	memcpy(filter->address, prefix.address, sizeof(filter->address));
	sw_prefix_mask(filter->mask, prefix.bits);
	filter->ipv6 = prefix.bits < SW_MAPPED_BITS;
	return 0;
}

int sw_take_port(const struct sw_option *option, const char *value, void *args)
{
	__u32 *port = (void *)((char *)args + option->offset);
	__u64 number;
	int err = sw_option_parse(option, value, &number);

	if (!err)
		*port = (__u32)number + 1;
	return err;
}

const char *sw_flow_order_name(unsigned int order)
{
	static const char *const names[] = {
		[SW_ORDER_AGE] = "age",         [SW_ORDER_BYTES] = "bytes",
		[SW_ORDER_PACKETS] = "packets", [SW_ORDER_LEFT] = "left",
		[SW_ORDER_PORT] = "port",
	};

	return names[order];
}

bool sw_filter_is_empty(const struct sw_filter *filter)
{
	static const struct sw_filter empty;

	return !memcmp(filter, &empty, sizeof(empty));
}
