/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Prefixes of addresses as people write and read them: "192.0.2.1", "10.0.0.0/8", "2001:db8::/32".
 */
#ifndef SYNWARD_USER_PREFIX_H
#define SYNWARD_USER_PREFIX_H

#include <linux/types.h>

struct sw_prefix {
	__u8 address[16]; /* IPv4 mapped to IPv6; zero beyond the prefix */
	__u32 bits; /* of the 128 */
};

/* `option` is for the error: "--src". 0 or -EINVAL, reported. */
int sw_prefix_parse(const char *text, const char *option, struct sw_prefix *prefix);

#define SW_PREFIX_TEXT 50
const char *sw_prefix_text(const struct sw_prefix *prefix, char text[SW_PREFIX_TEXT]);

#endif
