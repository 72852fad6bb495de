// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A port alone is one of loopback's: what this host tells of itself is for others only if that is said.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "text/listen.h"
#include "text/report.h"
#include "text/values.h"

/* The text before the colon; true if it is an address. */
static bool take_address(const char *text, size_t length, struct sockaddr_storage *address)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	char copy[INET6_ADDRSTRLEN + 2] = "";
	bool bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';

	if (length >= sizeof(copy))
		return false;
	memcpy(copy, text + bracketed, length - 2 * bracketed);
	address->ss_family = bracketed ? AF_INET6 : AF_INET;
	return inet_pton(address->ss_family, copy,
			 bracketed ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr) == 1;
}

static int take_path(const char *text, const char *option, struct sockaddr_storage *address)
{
	struct sockaddr_un *local = (struct sockaddr_un *)address;

	if (strlen(text) >= sizeof(local->sun_path))
		return sw_misuse("%s takes a path of at most %zu characters, not \"%s\"", option,
				 sizeof(local->sun_path) - 1, text);
	local->sun_family = AF_UNIX;
	strcpy(local->sun_path, text);
	return 0;
}

int sw_listen_parse(const char *text, const char *option, struct sockaddr_storage *address)
{
	const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
	struct sw_range range = { option, 1, 65535 };
	__u64 number;

	memset(address, 0, sizeof(*address));
	if (*text == '/')
		return take_path(text, option, address);
	if (!take_address(colon ? text : "127.0.0.1", colon ? (size_t)(colon - text) : 9, address))
		return sw_misuse("%s is like 9799, 192.0.2.1:9799, [2001:db8::1]:9799 or "
				 "/run/synward/metrics, not \"%s\"",
				 option, text);
	if (sw_parse_number(port, &range, &number))
		return -EINVAL;
	/* The port stands at the same place in both families. */
	((struct sockaddr_in *)address)->sin_port = htons((__u16)number);
	return 0;
}
